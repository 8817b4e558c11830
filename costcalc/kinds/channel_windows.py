"""Windows that slide over channels: how many there are, which channels they cover, what they share.

The ends of all windows cut the channels into segments; a window is joined of the segments in it.
"""

from __future__ import annotations

from typing import NamedTuple

from costcalc.number import Number, ceil_div, exact_div, maximum, minimum


class ChannelWindows(NamedTuple):
    """Windows of `width` channels, each `step` after the one before it."""

    number: Number
    width: Number
    step: Number
    channels: Number

    @classmethod
    def over(cls, channels: Number, width: Number, step: Number) -> ChannelWindows:
        """As many as fit."""
        return cls((channels - width) // step + 1, width, step, channels)

    @property
    def apart(self) -> bool:
        """Whether no channel is in two windows."""
        return self.number == 1 or self.step >= self.width

    def covered(self, windows: Number) -> Number:
        """The channels in any of the first windows."""
        if windows == 0 or self.apart:
            return windows * self.width
        if windows == self.number and (self.channels - self.width) % self.step == 0:
            return self.channels
        return self.width + (windows - 1) * self.step

    def segments(self, windows: Number) -> Number:
        """The segments in any of the first windows, cut by the ends of all."""
        if windows == 0 or self.apart:
            return windows
        ends = windows - 1  # those, and starts, inside what they cover
        starts: Number = minimum(self.number - 1, ends + self._later)
        twice: Number = minimum(ends, self._twice)
        return 1 + starts + ends - twice

    def joins(self, windows: Number) -> Number:
        """The additions that join the first windows of such segments: of each window one less than it has segments."""
        if self.apart:
            return 0
        later = self._later
        starts = _staircase(later, self.number) - _staircase(later, self.number - windows)
        ends = _staircase(later, windows)
        twice = _staircase(later, windows) - _staircase(later, maximum(windows - self._twice, 0))
        return starts + ends - twice

    def only(self, windows: Number) -> ChannelWindows:
        """The first windows alone."""
        return self._replace(number=windows)

    @property
    def _later(self) -> Number:
        """How many of the windows after one begin inside it, as far as there are so many."""
        touched: Number = ceil_div(self.width, self.step)
        return touched - 1

    @property
    def _twice(self) -> Number:
        """At how many places one window ends and another begins."""
        if self.width % self.step != 0:
            return 0
        found: Number = maximum(self.number - self._later - 1, 0)
        return found


def _staircase(top: Number, steps: Number) -> Number:
    """0 + 1 + ... up to `top`, then `top` again and again: so many terms."""
    risen: Number = minimum(top, steps - 1)
    rise: Number = exact_div(risen * (risen + 1), 2)
    return rise + risen * (steps - 1 - risen)

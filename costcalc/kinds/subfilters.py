"""What the sub-filters of versatile filters multiply together, and what is joined of it where products are shared.

A primary filter is boxes about its centre, one in the other, each with windows over the channels. The box in another
leaves a ring of it; the ends of the windows leave segments of the channels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from costcalc.kinds.channel_windows import ChannelWindows
from costcalc.number import Number, total


class Made(NamedTuple):
    """How the output channels come about: box by box of primary filters, and of filters that are used once."""

    boxes: Number  # s, the boxes of a primary filter, the whole window first
    primaries: Number  # P; of `fractional` a fraction
    outputs: Number  # output channels that primary filters make:
    of_a_box: Number  # n * P of each box,
    full: Number  # as far as these go,
    rest: Number  # and so many of the box after them
    plain: Number  # output channels of standard filters beside the primary ones


class Areas(NamedTuple):
    """How much a filter reads of one channel: taps at one position, or taps on the input at all of them."""

    whole: Callable[[], Number]  # the largest box
    full: Callable[[], Number]  # all boxes that give their full number of outputs
    rest: Callable[[], Number]  # the box after these


def products_and_joins(
    made: Made, windows: ChannelWindows, areas: Areas, rings: bool, segments: bool
) -> tuple[Number, Number]:
    """The products of all primary filters, and the additions at a position that join what rings or segments share."""
    rings = rings and made.boxes > 1
    if segments and not windows.apart:
        return _of_segments(made, windows, areas, rings)
    if rings:  # of each window of a filter at least the largest box is kept
        return areas.whole() * windows.width * made.of_a_box, made.outputs - made.of_a_box
    products = made.of_a_box * areas.full()
    if made.rest > 0:
        products = products + made.rest * areas.rest()
    return products * windows.width, 0


def _of_segments(made: Made, windows: ChannelWindows, areas: Areas, rings: bool) -> tuple[Number, Number]:
    """The products of all primary filters, and the joins at a position, where windows are joined of segments.

    Of the last box, a primary filter keeps some of its windows or one more. With rings, a segment grows from box to
    box before windows are joined of it, and its ends are those of all windows.
    """
    every, last = windows.number, _last(made)
    if rings:
        joins = made.primaries * ((made.full - 1) * windows.segments(every) + made.full * windows.joins(every))
        grown = total(filters * (windows.segments(kept) + windows.joins(kept)) for filters, kept in last)
        return areas.whole() * windows.covered(every) * made.primaries, joins + grown
    products = areas.full() * windows.covered(every) * made.primaries
    if last:
        products = products + areas.rest() * read_last(made, windows)
    joins = made.primaries * made.full * windows.joins(every)
    return products, joins + total(filters * windows.only(kept).joins(kept) for filters, kept in last)


def _last(made: Made) -> list[tuple[Number, Number]]:
    """Primary filters, and how many windows each of them keeps of the last box."""
    if made.rest == 0:
        return []
    fewer = made.rest // made.primaries
    more = made.rest - fewer * made.primaries
    return [(more, fewer + 1), (made.primaries - more, fewer)]


def read_last(made: Made, windows: ChannelWindows) -> Number:
    """The channels in the windows of the last box, of all primary filters."""
    return total(filters * windows.covered(kept) for filters, kept in _last(made))

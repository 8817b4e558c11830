"""What is said on stderr while many points are counted and afterwards: how far it is, and which could not be built."""

from __future__ import annotations

import io
import sys
from collections.abc import Generator, Iterable
from contextlib import suppress

from costcalc.errors import CostcalcError, Problem, UsageError, visible
from costcalc.explore.sweep import Sweep
from costcalc.explore.swept import Chunk
from costcalc.render.sweep import said
from costcalc.render.terminal import progress


class Watch:
    """Sees the chunks of a sweep pass: shows on a terminal how far it is, and remembers what failed."""

    def __init__(self, sweep: Sweep, shown: bool) -> None:
        self.sweep, self.shown = sweep, shown
        self.done = self.faults = self.partial = 0
        self.first = ""  # the first fault, and where

    def through(self, chunks: Iterable[Chunk]) -> Generator[Chunk, None, None]:
        """The chunks as they are."""
        stream = sys.stderr if self.shown else io.StringIO()
        with progress("points", self.sweep.size, 0, stream) as advance:
            for chunk in chunks:
                if chunk.faults and not self.faults:
                    i = min(chunk.faults)
                    where = ", ".join(f"{name} {said(value)}" for name, value in chunk.points.setting(i).items())
                    self.first = f"{where}: {chunk.faults[i]}"
                self.done += len(chunk.points)
                self.faults += len(chunk.faults)
                self.partial += len(chunk.partial)
                advance(len(chunk.points))
                yield chunk

    def check(self) -> None:
        """Raises UsageError where there is no point that could be built, with all that is wrong with the first."""
        if self.done == self.faults:
            problems = [Problem(self.first)]
            try:
                self.sweep.first_network()
            except CostcalcError as error:
                problems = error.problems
            if self.done > 1:
                problems.insert(0, Problem(f"none of the {self.done:,} points can be built; this is of the first"))
            raise UsageError(*problems)

    def tell(self, wide: int = 0) -> None:
        """Says what the points do not all have."""
        lines = []
        if self.faults:
            lines.append(f"{self.faults:,} of {self.done:,} points cannot be built; the first is {self.first}")
        if self.partial:
            lines.append(f"{self.partial:,} of {self.done:,} points are partial: their totals are lower bounds")
        if wide:
            lines.append(f"{wide:,} of {self.done:,} points have a total beyond 64 bits: it is in the column `fault`")
        with suppress(OSError):
            sys.stderr.write("".join(f"{visible(line)}\n" for line in lines))

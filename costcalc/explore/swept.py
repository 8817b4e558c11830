"""The record of a sweep: what it is of, and its points as they were counted, for whoever shows them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Literal, NamedTuple

from costcalc.cost import Convention
from costcalc.explore.grid import Axis, Points

Status = Literal["complete", "partial", "fault"]


class Outline(NamedTuple):
    """What is swept, and how it is counted: all that is known before any point is."""

    name: str
    citation: str  # where the network was published
    origin: str  # the file it was read from
    sha256: str
    axes: tuple[Axis, ...]
    size: int  # how many points there are
    fixed: Mapping[str, Any]  # the hyper-parameters that are the same at every point
    following: Mapping[str, str]  # those whose defaults depend on an axis, as the spec has them
    metrics: tuple[str, ...]
    convention: Convention
    batch: int
    dtype: str


class Chunk(NamedTuple):
    """Some points, in order: an array for each total; `faults` says which have none, `partial` which miss something."""

    points: Points
    totals: Mapping[str, Any]
    faults: Mapping[int, str]
    partial: Collection[int]


class Point(NamedTuple):
    """One point: every hyper-parameter of the network, and its totals, or the fault why there are none."""

    hyperparameters: Mapping[str, Any]
    totals: Mapping[str, int]
    fault: str = ""
    partial: bool = False

    @property
    def status(self) -> Status:
        return "fault" if self.fault else "partial" if self.partial else "complete"

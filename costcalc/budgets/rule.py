"""Limits as values: what a budget file says, which networks at which settings, how much of which total."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Literal, NamedTuple

from costcalc.budgets.limit import STORED
from costcalc.errors import Source, Span

Level = Literal["error", "warn"]
LEVELS: tuple[Level, ...] = ("error", "warn")
Scope = Literal["network", "stage", "layer", "kind"]
SCOPES: Mapping[str, Scope] = {"stages": "stage", "layers": "layer", "kinds": "kind"}  # the key: what it limits
WHOLE = ("peak_activation_bytes", *STORED)  # totals that no part of a network has


class Text(NamedTuple):
    """A text of the file, its place and that of its key; none on the command line."""

    text: str
    span: Span | None
    key: Span | None = None


class Increase(NamedTuple):
    """How much more than the baseline a total may be: a share of it, or an amount."""

    share: Fraction | None
    amount: int

    def over(self, baseline: int) -> int:
        """The largest total that is allowed."""
        return baseline + self.amount if self.share is None else math.floor(baseline * (1 + self.share))


class Limit(NamedTuple):
    """A total of a network, or of a part of it, may be at most so much, or grow by at most so much."""

    scope: Scope
    name: str  # of the stage, layer or kind; empty for the network
    metric: str
    most: int | Increase
    text: str  # as it was written
    place: Span | None  # None on the command line
    part: Span | None = None  # of the name of the stage, layer or kind


class Rule(NamedTuple):
    """Limits of the networks that `specs` name, at one setting. A rule of a spec itself names none."""

    specs: tuple[Text, ...]
    settings: Mapping[str, Text]
    convention: str
    batch: int
    dtype: str
    level: Level
    limits: tuple[Limit, ...]
    allow_empty: bool
    place: Span | None
    places: Mapping[str, Span] = {}  # of its own keys


class Policy(NamedTuple):
    """A budget file: its rules, and where its lock is."""

    source: Source
    lock: str
    rules: tuple[Rule, ...]

"""The outcome of a review: which limits were kept, what moved against the baseline, which specs could not be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from costcalc.budgets import Limit
from costcalc.budgets.rule import Level
from costcalc.errors import Problem, Span
from costcalc.review.moved import Moved, moved, pairs
from costcalc.review.record import Record


@dataclass(frozen=True, eq=False)
class Subject:
    """A network at one setting, as it is now and, where there is a baseline that has it, as it was."""

    record: Record
    baseline: Record | None
    place: Span | None  # of the spec's first line, where it is a file

    @property
    def changed(self) -> bool:
        """Whether it is another network than the baseline has."""
        return self.baseline is not None and self.baseline.sha256 != self.record.sha256

    @cached_property
    def pairs(self) -> list[tuple[int | None, int | None]]:
        """The layers of the baseline and of now by index, each with what it was or is; none without baseline."""
        return pairs(self.baseline, self.record) if self.baseline else []

    def moved(self, metric: str, places: Mapping[str, Span | None] | None = None) -> tuple[Moved, ...]:
        """The layers whose share of a total is another than in the baseline, those that added most first."""
        return moved(self.baseline, self.record, metric, self.pairs, places or {}) if self.baseline else ()

    @property
    def title(self) -> str:
        """`mobilenet_v1.yaml alpha=0.75`."""
        return self.record.title


class Outcome(NamedTuple):
    """A limit held against a count."""

    subject: Subject
    limit: Limit
    value: int
    most: int  # what the limit allows
    baseline: int | None  # the same total of the baseline, where there is one
    level: Level
    passed: bool
    partial: tuple[str, ...]  # layers that have no count: a reason to fail, whatever the number is
    moved: tuple[Moved, ...]  # what moved the total, most first; of a failure only
    place: Span | None  # of the layer that matters in the spec, else of the limit; None on the command line

    @property
    def headroom(self) -> int:
        """What is left; negative where it is exceeded."""
        return self.most - self.value

    @property
    def metric(self) -> str:
        return self.limit.metric


class Stale(NamedTuple):
    """What a lock says and is not so: `old` is None where it says nothing, `new` where the network has gone."""

    title: str
    old: Record | None
    new: Record | None
    moved: Mapping[str, tuple[Moved, ...]]  # by metric
    place: Span | None
    why: str  # one sentence


class Review(NamedTuple):
    """All of it. `faults` are the problems of specs that could not be read."""

    subjects: tuple[Subject, ...]
    outcomes: tuple[Outcome, ...]
    stale: tuple[Stale, ...]
    faults: tuple[Problem, ...]
    against: str  # what the baseline is: `costcalc.lock.json`, `main`; empty where there is none
    notes: tuple[str, ...]  # what a reader should know besides: specs without a budget
    unheld: int = 0  # limits of an increase of what the baseline does not have

    def failed(self, fail_on: Level = "error") -> bool:
        """Whether a limit of this level, or of a higher one, is exceeded, or the lock stale."""
        return (
            bool(self.stale)
            or any(not o.passed and fail_on in ("warn", o.level) for o in self.outcomes)
            or (self.unheld > 0 and fail_on == "warn")
        )


def joined(reviews: Sequence[Review]) -> Review:
    """Several reviews as one, each fault once."""
    outcomes = tuple(o for r in reviews for o in r.outcomes)
    faults = tuple({id(f): f for r in reviews for f in r.faults}.values())
    against = " and ".join(dict.fromkeys(r.against for r in reviews if r.against))
    notes = tuple(dict.fromkeys(note for r in reviews for note in r.notes))
    return Review(
        tuple(s for r in reviews for s in r.subjects), outcomes, tuple(s for r in reviews for s in r.stale), faults,
        against, notes, sum(r.unheld for r in reviews),
    )  # fmt: skip

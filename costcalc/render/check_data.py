"""The `costcalc/check/1` document: every limit with its exact numbers and the line that matters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from costcalc.budgets import Increase
from costcalc.errors import Problem, Span
from costcalc.network import plain
from costcalc.render.data import to_json
from costcalc.render.findings import readable
from costcalc.review.moved import Moved
from costcalc.review.record import Record
from costcalc.review.review import Outcome, Review, Stale
from costcalc.version import VERSION


def check_json(review: Review, passed: bool, relative: Callable[[str], str]) -> str:
    """The document as text; `relative` makes a file's name one from the top of the repository."""
    return to_json(
        {
            "schema": "costcalc/check/1",
            "version": VERSION,
            "passed": passed and not review.faults,
            "against": review.against or None,
            "budgets": [check_data(outcome, relative) for outcome in review.outcomes],
            "stale": [_stale(entry) for entry in review.stale],
            "errors": [_problem(problem, relative) for problem in review.faults],
            "notes": [readable(note) for note in review.notes],
        }
    )


def check_data(outcome: Outcome, relative: Callable[[str], str]) -> dict[str, Any]:
    """One limit and what was counted."""
    limit = outcome.limit
    return {
        **_subject(outcome.subject.record),
        "scope": limit.scope,
        "name": limit.name or None,
        "metric": outcome.metric,
        "value": outcome.value,
        "limit": outcome.most,
        "headroom": outcome.headroom,
        "written": limit.text,
        "max_increase": isinstance(limit.most, Increase),
        "baseline": outcome.baseline,
        "passed": outcome.passed,
        "level": outcome.level,
        "uncounted": list(outcome.partial),
        "moved": [_moved(layer) for layer in outcome.moved],
        "location": location(outcome.place, relative),
        "limit_location": location(limit.place, relative),
    }


def _subject(record: Record) -> dict[str, Any]:
    return {
        "spec": readable(record.spec),
        "hyperparameters": {name: plain(value) for name, value in record.settings.items()},
        "convention": record.convention,
        "batch": record.batch,
        "dtype": record.dtype,
    }


def _moved(layer: Moved) -> dict[str, Any]:
    return {"path": layer.path, "old": layer.old, "new": layer.new, "difference": layer.difference}


def _stale(entry: Stale) -> dict[str, Any]:
    record = entry.new or entry.old
    moved = {metric: [_moved(layer) for layer in layers] for metric, layers in entry.moved.items()}
    return {
        **(_subject(record) if record else {}),
        "why": entry.why,
        "old": dict(entry.old.totals) if entry.old else None,
        "new": dict(entry.new.totals) if entry.new else None,
        "moved": moved,
    }


def location(place: Span | None, relative: Callable[[str], str]) -> dict[str, Any] | None:
    """Where something stands, as documents have it."""
    if place is None:
        return None
    return {
        "file": readable(relative(place.source.name)),
        "line": place.line,
        "column": place.column,
        "end_column": place.end,
    }


def _problem(problem: Problem, relative: Callable[[str], str]) -> dict[str, Any]:
    record = problem.as_json() | {"message": readable(problem.message)}
    return record | {"file": readable(relative(record["file"]))} if record["file"] else record

"""A review as one Markdown comment: the verdict first, then what fails, what changed, and the layers folded away.

The marker in its first line is how the comment of the last run is found again, so that there is only ever one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from costcalc.errors import Problem
from costcalc.render.changes import COMPARED, MARKER, Found, changes, difference, fitting, folded, html, more, table
from costcalc.render.check import NAMES, counted, headroom, mark, named, ordered, verdict
from costcalc.render.escape import inline, markdown
from costcalc.render.findings import moves
from costcalc.review.moved import Moved
from costcalc.review.review import Outcome, Review, Stale, Subject

KEPT = 10  # limits that are kept and shown without folding
LAYERS = 40  # of one network and total
ROWS = 100  # of a table of limits
LINES = 50  # of reasons, errors and stale records each


def comment(review: Review, passed: bool, relative: Callable[[str], str], found: Found | None = None) -> str:
    """The comment; `found` has what changed in each network, where that is known in more detail than a record has.

    `relative` makes a file's name one from the top of the repository.
    """
    parts = [MARKER, f"### costcalc: {verdict(review, passed)}", ""]
    if review.against:
        parts += [f"Compared with {inline(review.against)}.", ""]
    outcomes = ordered(review)
    failed = [outcome for outcome in outcomes if not outcome.passed]
    kept = outcomes[len(failed) :]
    shown = outcomes if len(kept) <= KEPT else failed
    if shown:
        parts += [*_limits(shown), ""]
    parts += _lines([line for outcome in failed for line in _reasons(outcome, relative)])
    parts += _lines([_fault(fault, relative) for fault in review.faults])
    if review.stale:
        parts += ["The lock is stale:", "", *_lines([_stale(entry) for entry in review.stale])]
        parts += ["Bring it up to date with `costcalc lock`, and review what it says.", ""]
    if len(kept) > KEPT:
        parts += folded(f"{len(kept):,} limits are kept", _limits(kept))
    if found is None:
        parts += _changes(review.subjects)
    elif found:
        parts += ["#### What changed", "", *changes(found)]
    parts += _lines([inline(note) for note in review.notes])
    return fitting(parts)


def _lines(entries: Sequence[str]) -> list[str]:
    """A list, as long as anybody reads it."""
    left = len(entries) - LINES
    listed = [f"- {entry}" for entry in entries[:LINES]] + [f"- ... and {left:,} more"] * (left > 0)
    return [*listed, ""] if listed else []


def _fault(fault: Problem, relative: Callable[[str], str]) -> str:
    place = f"{inline(f'{relative(fault.span.source.name)}:{fault.span.line}')}: " if fault.span else ""
    return f"**error** {place}{inline(fault.message)}{f' ({inline(fault.help)})' if fault.help else ''}"


def _limits(outcomes: Sequence[Outcome]) -> list[str]:
    heads = ("", "Network", "Total", "Old", "New", "Difference", "Budget", "Headroom")
    rows = [_limit(outcome) for outcome in outcomes[:ROWS]]
    return table(heads, 3, [*rows, *more(len(outcomes) - ROWS, "limit", len(heads))])


def _limit(outcome: Outcome) -> tuple[str, ...]:
    sign = mark(outcome)
    old = outcome.baseline
    return (
        sign if outcome.passed else f"**{sign}**",
        markdown(outcome.subject.title),
        markdown(named(outcome)),
        "" if old is None else f"{old:,}",
        f"{outcome.value:,}" + ("+" if outcome.partial else ""),
        "" if old is None else difference(outcome.value, old),
        f"{outcome.most:,}",
        headroom(outcome),
    )


def _reasons(outcome: Outcome, relative: Callable[[str], str]) -> list[str]:
    lines = []
    if outcome.partial:
        names = ", ".join(map(inline, outcome.partial[:5]))
        lines.append(f"{inline(outcome.subject.title)}: no count of {names}: a total that lacks it keeps no limit")
    added = [layer for layer in outcome.moved if layer.difference > 0][:5]
    if added:
        names = ", ".join(f"{inline(layer.path)} {layer.difference:+,}" for layer in added)
        place = outcome.place
        where = f" (line {place.line} of {inline(relative(place.source.name))})" if place else ""
        lines.append(f"{inline(outcome.subject.title)}, {inline(named(outcome))}: {names}{where}")
    return lines


def _stale(entry: Stale) -> str:
    totals = moves(entry)
    return f"{inline(entry.title)}: {inline(entry.why)}" + (f" ({', '.join(totals)})" if totals else "")


def _changes(subjects: Sequence[Subject]) -> list[str]:
    """What changed against the baseline, budget or none."""
    changed = [s for s in subjects if s.changed]
    if not changed:
        return []
    rows = [
        (markdown(s.title), NAMES[metric], f"{old:,}", f"{new:,}", difference(new, old))
        for s in changed
        for metric in COMPARED
        for old, new in [(s.baseline.totals[metric], s.record.totals[metric])]  # type: ignore[union-attr]
    ]
    lines = ["#### What changed", "", *table(("Network", "Total", "Old", "New", "Difference"), 2, rows), ""]
    for subject in changed:
        for metric in COMPARED:
            if layers := subject.moved(metric):
                title = f"{counted(len(layers), 'layer')} of {html(subject.title)}: {NAMES[metric]}"
                lines += folded(title, _layers(layers))
    return lines


def _layers(layers: Sequence[Moved]) -> list[str]:
    rows = [
        (
            markdown(layer.path),
            "new" if layer.old is None else f"{layer.old:,}",
            "gone" if layer.new is None else f"{layer.new:,}",
            f"{layer.difference:+,}",
        )
        for layer in sorted(layers, key=lambda layer: -abs(layer.difference))[:LAYERS]
    ]
    left = [f"and {len(layers) - LAYERS:,} more"] if len(layers) > LAYERS else []
    return [*table(("Layer", "Old", "New", "Difference"), 1, rows), *([""] if left else []), *left]

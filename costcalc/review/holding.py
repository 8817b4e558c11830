"""One limit held against one network: the number, what it may be, what moved it, and which line to look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from costcalc.budgets import Increase, Limit, Rule
from costcalc.cost import Report
from costcalc.errors import CostcalcError, Problem, Span, suggestion
from costcalc.review.baseline import Baseline
from costcalc.review.moved import Moved, moved
from costcalc.review.record import Record
from costcalc.review.review import Outcome, Subject

KNOWN = 12  # names that an error lists


def held(rule: Rule, limit: Limit, report: Report, subject: Subject, baseline: Baseline | None) -> list[Outcome]:
    """The limit held against the count. Raises CostcalcError for one that cannot be."""
    paths = _paths(limit, report)
    before = subject.baseline
    value = _value(limit, subject.record, paths)
    was = None if before is None else _was(limit, before, subject, paths)
    if isinstance(limit.most, Increase):
        if baseline is None:
            help_ = "write one with `costcalc lock`, or compare with a revision: `costcalc check --base main`"
            raise CostcalcError(Problem("there is no baseline to increase from", limit.place, help_))
        if was is None:
            if baseline.is_lock and not baseline.broken:
                message = f"the lock has no record of {subject.title}"
                raise CostcalcError(Problem(message, limit.place, "bring it up to date with `costcalc lock`"))
            return []
        most = limit.most.over(was)
    else:
        most = limit.most
    partial = tuple(name for name in report.lacking([limit.metric]) if paths is None or _layer(report, name) in paths)
    passed = value <= most and not partial
    places = {node.path: node.place for node in report.network.nodes}
    places |= {node.layer: places.get(node.layer) or node.place for node in report.network.nodes}
    found = subject.moved(limit.metric, places) if not passed and before is not None else ()
    what_moved = tuple(
        m for m in found if paths is None or m.path in paths or (m.new is None and limit.scope == "network")
    )
    place = _place(limit, paths, what_moved, places) if subject.place else None
    place = place or limit.place
    if limit.scope == "kind":  # multiply-adds of a layer are all of its own kind: what follows in it has none
        what_moved = _moved_of_kind(limit, before, subject, places) if found and limit.metric == "madds" else ()
    return [Outcome(subject, limit, value, most, was, rule.level, passed, partial, what_moved, place)]


def _layer(report: Report, path: str) -> str:
    return next(node.layer for node in report.network.nodes if node.path == path)


def _paths(limit: Limit, report: Report) -> set[str] | None:
    """The layers of a limit's part, None for the whole network. Raises CostcalcError where there is no such part."""
    if limit.scope == "network":
        return None
    nodes, rows = report.network.nodes, report.layers
    if limit.scope == "kind":
        named = [(row.kind, node.layer) for node, row in zip(nodes, rows, strict=True) if row.kind]
        named += [(node.kind, node.layer) for node in nodes]
    else:
        named = [(node.layer if limit.scope == "layer" else node.stage, node.layer) for node in nodes]
    found = {layer for name, layer in named if name == limit.name}
    if not found:
        known = list(dict.fromkeys(name for name, _ in named))
        near = suggestion(limit.name, known)
        help_ = f"did you mean `{near}`?" if near else f"known: {', '.join(f'`{n}`' for n in known[:KNOWN])}"
        message = f"{report.network.name} has no {limit.scope} `{limit.name}`"
        raise CostcalcError(Problem(message, limit.part or limit.place, help_))
    return found


def _moved_of_kind(
    limit: Limit, before: Record | None, subject: Subject, places: Mapping[str, Span | None]
) -> tuple[Moved, ...]:
    """The layers of a kind whose share is another now; one that was of another kind is new among them."""
    if before is None:
        return ()
    sides = before.layers, subject.record.layers
    of_kind = [{i for i, layer in enumerate(side) if _is_kind(layer.kind, limit)} for side in sides]
    aligned = [(old if old in of_kind[0] else None, new if new in of_kind[1] else None) for old, new in subject.pairs]
    kept = [pair for pair in aligned if pair != (None, None)]
    return moved(before, subject.record, limit.metric, kept, places)


def _is_kind(kind: str, limit: Limit) -> bool:
    """Whether `conv 3x3/2` is what a limit calls `conv` or `conv 3x3`."""
    whole = kind.partition("/")[0]
    return limit.name in (whole, whole.partition(" ")[0])


def _value(limit: Limit, record: Record, paths: set[str] | None) -> int:
    if paths is None:
        return record.total(limit.metric)
    if limit.scope == "kind":
        return _of_kind(limit, record)
    return sum(layer.totals[limit.metric] for layer in record.layers if layer.path in paths)


def _of_kind(limit: Limit, record: Record) -> int:
    """Of the nodes of a kind, `conv`, or of one with a window, `conv 1x1`."""
    of = [totals for name, totals in record.kinds.items() if limit.name in (name, name.partition(" ")[0])]
    return sum(totals[limit.metric] for totals in of)


def _was(limit: Limit, before: Record, subject: Subject, paths: set[str] | None) -> int:
    """The same of the baseline: of what had the name then, else of the layers that those of the part were."""
    if paths is None:
        return before.total(limit.metric)
    if limit.scope == "kind":
        return _of_kind(limit, before)
    named = [layer for layer in before.layers if _is_part(layer.path, limit)]
    if named:
        return sum(layer.totals[limit.metric] for layer in named)
    of_part = [
        old
        for old, new in subject.pairs
        if old is not None and _belongs(old, new, before, subject.record, limit, paths)
    ]
    return sum(before.layers[old].totals[limit.metric] for old in of_part)


def _belongs(old: int, new: int | None, before: Record, now: Record, limit: Limit, paths: set[str]) -> bool:
    if new is not None:
        return now.layers[new].path in paths
    return _is_part(before.layers[old].path, limit)


def _is_part(path: str, limit: Limit) -> bool:
    return path == limit.name or (limit.scope == "stage" and path.startswith(f"{limit.name}/"))


def _place(
    limit: Limit, paths: set[str] | None, what_moved: Sequence[Moved], places: Mapping[str, Span | None]
) -> Span | None:
    """The line that a reader must look at: of the layer that added most, else of the part that is limited."""
    for layer in what_moved:
        if layer.difference > 0 and layer.place:
            return layer.place
    if paths is not None:
        return next((places[path] for path in places if path in paths), None)
    return None

"""A review as one Markdown comment: the verdict first, then what fails, what changed, and the layers folded away.

The marker in its first line is how the comment of the last run is found again, so that there is only ever one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from costcalc.render.check import NAMES, change, mark, named, ordered, verdict
from costcalc.render.difference import summary
from costcalc.render.escape import markdown
from costcalc.render.findings import moves
from costcalc.review.difference import Difference, LayerChange
from costcalc.review.moved import Moved
from costcalc.review.review import Outcome, Review, Stale, Subject

MARKER = "<!-- costcalc -->"
KEPT = 10  # limits that are kept and shown without folding
LAYERS = 40  # of one network and total
COMPARED = ("params", "madds")


def comment(review: Review, passed: bool) -> str:
    """The comment."""
    parts = [MARKER, f"### costcalc: {verdict(review, passed)}", ""]
    if review.against:
        parts += [f"Compared with {markdown(review.against)}.", ""]
    outcomes = ordered(review)
    failed = [outcome for outcome in outcomes if not outcome.passed]
    kept = outcomes[len(failed) :]
    shown = outcomes if len(kept) <= KEPT else failed
    if shown:
        parts += [*_limits(shown), ""]
    for outcome in failed:
        parts += [f"- {line}" for line in _reasons(outcome)]
    parts += [""] * bool(failed)
    if len(kept) > KEPT:
        parts += folded(f"{len(kept):,} limits are kept", _limits(kept))
    for fault in review.faults:
        place = f"{markdown(str(fault.span))}: " if fault.span else ""
        parts += [f"- **error** {place}{markdown(fault.message)}{f' ({markdown(fault.help)})' if fault.help else ''}"]
    parts += [""] * bool(review.faults)
    if review.stale:
        parts += ["The lock is stale:", "", *(f"- {_stale(entry)}" for entry in review.stale), ""]
        parts += ["Bring it up to date with `costcalc lock`, and review what it says.", ""]
    parts += _changes(review.subjects)
    parts += [f"- {markdown(note)}" for note in review.notes]
    return "\n".join(parts).rstrip() + "\n"


def table(heads: Sequence[str], numeric: int, rows: Iterable[Sequence[str]]) -> list[str]:
    """A table whose columns from `numeric` on are numbers; the cells are escaped already."""
    rules = ["---" if i < numeric else "---:" for i in range(len(heads))]
    return ["| " + " | ".join(cells) + " |" for cells in (heads, rules, *rows)]


def folded(summary: str, lines: Sequence[str]) -> list[str]:
    """Lines that a reader opens; the summary is escaped already, and is read as HTML."""
    return [f"<details><summary>{summary}</summary>", "", *lines, "", "</details>", ""]


def differences(base: str, found: Sequence[tuple[str | None, str | None, Difference]]) -> str:
    """What changed since a revision, as a comment: a table of totals, and the layers of each network folded away."""
    networks = f"{len(found)} network{'s' * (len(found) != 1)}"
    parts = [MARKER, f"### costcalc: {networks} changed since {markdown(base)}" if found else
             f"### costcalc: no network changed since {markdown(base)}", ""]  # fmt: skip
    rows = [
        (markdown(new or f"{old} (gone)"), NAMES[m], f"{before:,}", f"{after:,}", difference(after, before))
        for old, new, one in found
        for m in COMPARED
        for before, after in [one.totals[m]]
    ]
    if rows:
        parts += [*table(("Network", "Total", "Old", "New", "Difference"), 2, rows), ""]
    for old, new, one in found:
        title = f"{_html(new or old or '')}: {_html(summary(one))}"
        parts += folded(title, table(("", "Layer", "What changed", "Params", "MAdds"), 3, map(_change, _told(one))))
    return "\n".join(parts).rstrip() + "\n"


def _told(found: Difference) -> list[LayerChange]:
    return [layer for layer in found.layers if layer.how != "same" or layer.renamed or layer.moved][: 5 * LAYERS]


def _change(layer: LayerChange) -> tuple[str, ...]:
    was = [f"was {layer.old.path}"] if layer.renamed and layer.old else []
    told = [*map(str, layer.attributes), *(["moved"] if layer.moved else []), *was]
    costs = [difference(new, old) for old, new in (layer.costs["params"], layer.costs["madds"])]
    return layer.how, markdown(layer.path), ", ".join(map(markdown, told)), *costs


def _limits(outcomes: Iterable[Outcome]) -> list[str]:
    heads = ("", "Network", "Total", "Old", "New", "Difference", "Budget", "Headroom")
    return table(heads, 3, (_limit(outcome) for outcome in outcomes))


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
        f"{outcome.headroom:,}",
    )


def difference(new: int, old: int) -> str:
    """`+1,234 (+2.1%)`."""
    return "0" if new == old else f"{new - old:+,} ({change(new, old)})"


def _reasons(outcome: Outcome) -> list[str]:
    lines = []
    if outcome.partial:
        names = ", ".join(map(markdown, outcome.partial[:5]))
        lines.append(f"{markdown(outcome.subject.title)}: no count of {names}: a total that lacks it keeps no limit")
    added = [layer for layer in outcome.moved if layer.difference > 0][:5]
    if added:
        names = ", ".join(f"{markdown(layer.path)} {layer.difference:+,}" for layer in added)
        where = f" (line {outcome.place.line} of {markdown(outcome.place.source.name)})" if outcome.place else ""
        lines.append(f"{markdown(outcome.subject.title)}, {markdown(named(outcome))}: {names}{where}")
    return lines


def _stale(entry: Stale) -> str:
    totals = moves(entry)
    return f"{markdown(entry.title)}: {markdown(entry.why)}" + (f" ({', '.join(totals)})" if totals else "")


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
                title = f"{len(layers):,} layers of {_html(subject.title)}: {NAMES[metric]}"
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
    more = [f"and {len(layers) - LAYERS:,} more"] if len(layers) > LAYERS else []
    return [*table(("Layer", "Old", "New", "Difference"), 1, rows), *([""] if more else []), *more]


def _html(text: str) -> str:
    """Text inside HTML in Markdown: nothing of it is markup of either."""
    from costcalc.render.escape import terminal

    return "".join(c if c.isalnum() or c in " ./_-=,:" else f"&#{ord(c)};" for c in terminal(text)).replace(
        "_", "&#95;"
    )

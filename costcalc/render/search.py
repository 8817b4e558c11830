"""A search as tables and documents: a row for each point on the front, with its totals and every choice by name."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import IO, Any

from costcalc.explore.found import Found, Solution
from costcalc.network import plain
from costcalc.render import escape, to_text
from costcalc.render.data import to_json
from costcalc.render.sheet import Column, Sheet
from costcalc.render.sweep import HEADS, said
from costcalc.version import VERSION

WAYS = {
    "every": "every point",
    "sample": "{asked:,} points drawn at random, seed {seed}",
    "evolve": "at most {asked:,} points by evolution, seed {seed}",
}


def render_search(
    found: Found,
    format: str,
    shown: Sequence[Solution],
    picked: int,
    width: int | None = None,
    color: bool = False,
    unicode: bool = True,
) -> str:
    """The shown part of a front as `table`, `md`, `latex`, `html`, `csv` or `json`; choices of number `picked`."""
    if format == "json":
        return to_json(search_json(found, shown))
    if format == "csv":
        return _csv(found, shown)
    sheet, chosen = _sheet(found, shown, picked), _chosen(found, picked)
    if format == "md":  # a list of its own, below the notes
        return to_text(sheet, format, width, color, unicode) + _chosen_markdown(chosen)
    return to_text(sheet._replace(notes=(*sheet.notes, *chosen)), format, width, color, unicode)


def _chosen_markdown(chosen: Sequence[tuple[str, str]]) -> str:
    if not chosen:
        return ""
    (head, how), *lines = chosen
    listed = [f"- {escape.markdown(name.strip())}: {escape.markdown(text)}\n" for name, text in lines]
    return "".join(["\n", head.capitalize(), ", ", how, ":\n\n" if lines else "\n", *listed])


def many(number: int, what: str) -> str:
    """`1 point`, `2,000 points`."""
    return f"{number:,} {what}" + ("" if number == 1 else "s")


def _metrics(found: Found) -> tuple[str, ...]:
    return tuple(found.least) or tuple(found.solutions[0].totals if found.solutions else ())


def _sheet(found: Found, shown: Sequence[Solution], picked: int) -> Sheet:
    metrics, axes = _metrics(found), [name for name, _ in found.objectives if name in found.axes]
    heads = HEADS | {"count": found.convention.unit}
    columns = [Column("#"), *(Column(heads[m]) for m in metrics), *map(Column, axes), Column("Same"), Column("Point")]
    numbered = list(enumerate(shown, 1))
    if len(shown) < picked <= len(found.solutions):  # what is picked is seen, however few are shown
        numbered.append((picked, found.solutions[picked - 1]))
    rows = tuple(
        (
            f"{i:,}", *(f"{solution.totals[m]:,}" for m in metrics), *(said(solution.choices[name]) for name in axes),
            f"{solution.same:,}", f"{solution.point:,}",
        )
        for i, solution in numbered
    )  # fmt: skip
    title = f"{found.name} in {found.space}"
    largest = max((solution.totals["madds"] for _, solution in numbered), default=0)
    bars = tuple((solution.totals["madds"], largest) for _, solution in numbered)
    return Sheet(title, _facts(found), tuple(columns), rows, (), _notes(found), bars)


def _facts(found: Found) -> tuple[tuple[str, str], ...]:
    """What was searched, in what and for what."""
    objectives = [f"{'most' if large else 'least'} {name}" for name, large in found.objectives]
    listed = [
        ("source", found.citation),
        ("spec", found.origin),
        ("space", f"{found.space_origin}: {many(found.size, 'point')}, {many(len(found.axes), 'choice')}"),
        ("settings", ", ".join(f"{name} {said(value)}" for name, value in found.fixed.items())),
        ("objectives", ", ".join(objectives)),
        ("budgets", ", ".join(f"{b.metric} at most {b.limit:,}" for b in found.budgets) or "none"),
        ("visited", WAYS[found.way].format(asked=found.asked, seed=found.seed)),
        ("for", f"batch {found.batch:,}, stored as {found.dtype}"),
        ("counted", f"{found.convention.name}: {found.convention.about or found.convention.unit}"),
    ]
    return tuple((name, text) for name, text in listed if text)


def _notes(found: Found) -> tuple[tuple[str, str], ...]:
    faults = found.visited - found.built
    points = f"{found.visited:,} visited, {found.kept:,} within the budgets, {len(found.solutions):,} on the front"
    listed = [("points", points)]
    if found.fault is not None:
        text = f"{many(faults, 'point')}, as {found.fault[0]:,}: {found.fault[1]}"
        listed.append(("cannot be built", text))
    listed += [
        (metric, f"{found.least[metric]:,} to {found.most[metric]:,} among all that can be built")
        for metric in found.least
    ]
    if found.uncounted:
        listed.insert(0, ("partial", f"not counted: {', '.join(found.uncounted[:8])}; the totals are lower bounds"))
    return (*listed, *_standing(found))


def _standing(found: Found) -> list[tuple[str, str]]:
    """What is the same all along the front, each choice alone where no total that is to be large moves with it."""
    objectives = {name for name, _ in found.objectives}
    listed = []
    for choice in (choice for choice in found.standing if choice.unmoved):
        text = f"{said(choice.value)} at every point of the front: at #1 no other value moves "
        text += " or ".join(choice.unmoved)
        if choice.name not in objectives and choice.larger:
            asked = [*found.objectives, (choice.name, True)]
            options = (f"{'--maximize' if large else '--minimize'} {name}" for name, large in asked)
            text += f"; to keep it large: {' '.join(options)}"
        listed.append((choice.name, text))
    others = [f"{choice.name} {said(choice.value)}" for choice in found.standing if not choice.unmoved]
    if others:
        listed.append(("one value", f"{', '.join(others)} at every point of the front"))
    return listed


def _chosen(found: Found, picked: int) -> tuple[tuple[str, str], ...]:
    """The choices of the picked point; none where there is no such point."""
    if picked > len(found.solutions):
        return ()
    changed = found.changed(found.solutions[picked - 1])
    how = "where they are not as in the spec" if changed else "as in the spec"
    return ((f"choices of {picked}", how), *_by_row(changed))


def _by_row(choices: dict[str, Any]) -> list[tuple[str, str]]:
    """Choices in few lines: `stage4` and `k 5, exp 96`; hyper-parameters each alone."""
    lines: dict[str, list[str]] = {}
    for name, value in choices.items():
        row, _, column = name.rpartition(".")
        lines.setdefault(f"  {row or name}", []).append(f"{column} {said(value)}" if row else said(value))
    return [(name, ", ".join(parts)) for name, parts in lines.items()]


def search_json(found: Found, shown: Sequence[Solution]) -> dict[str, Any]:
    """The `costcalc/search/1` document; every number an exact integer."""
    document: dict[str, Any] = {
        "schema": "costcalc/search/1",
        "version": VERSION,
        "network": {"name": found.name, "source": found.citation, "spec": found.origin, "sha256": found.sha256},
        "space": {
            "name": found.space, "file": found.space_origin, "sha256": found.space_sha256, "size": found.size,
            "axes": {name: [plain(value) for value in values] for name, values in found.axes.items()},
        },
        "hyperparameters": {name: plain(value) for name, value in found.fixed.items()},
        "batch": found.batch,
        "dtype": found.dtype,
        "convention": {"name": found.convention.name, "unit": found.convention.unit},
        "status": "partial" if found.uncounted else "complete",
        "objectives": [
            {"name": name, "direction": "maximize" if large else "minimize"} for name, large in found.objectives
        ],
        "budget": {budget.metric: budget.limit for budget in found.budgets},
        "way": {"visit": found.way} | ({} if found.way == "every" else {"points": found.asked, "seed": found.seed}),
        "points": {
            "visited": found.visited, "built": found.built, "within_budget": found.kept,
            "on_front": len(found.solutions),
        },
        "least": dict(found.least),
        "most": dict(found.most),
    }  # fmt: skip
    if found.uncounted:
        document["uncounted"] = list(found.uncounted)
    if found.fault is not None:
        document["fault"] = {"point": found.fault[0], "message": found.fault[1]}
    document["standing"] = [
        {"choice": name, "value": plain(value), "unmoved": list(unmoved)} for name, value, unmoved, _ in found.standing
    ]
    document["front"] = [
        {
            "point": solution.point, "totals": dict(solution.totals), "same": solution.same,
            "choices": {name: plain(value) for name, value in solution.choices.items()},
        }
        for solution in shown
    ]  # fmt: skip
    return document


def _columns(found: Found) -> list[str]:
    """The columns of data files; a hyper-parameter that is called like one of the others is `hyperparameters.NAME`."""
    others = ("point", "same", *_metrics(found))
    return [*others, *(f"hyperparameters.{name}" if name in others else name for name in found.axes)]


def _csv(found: Found, shown: Sequence[Solution]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*_columns(found), "convention", "unit"])
    convention = [escape.csv(found.convention.name), escape.csv(found.convention.unit)]
    for solution in shown:
        numbers = (solution.point, solution.same, *(solution.totals[m] for m in _metrics(found)))
        choices = (escape.csv(said(solution.choices[name])) for name in found.axes)
        writer.writerow([*numbers, *choices, *convention])
    return out.getvalue()


def search_parquet(found: Found, shown: Sequence[Solution], file: IO[bytes]) -> None:
    """The front as Parquet; what does not fit into 64 bits is text. Raises UsageError without pyarrow."""
    from costcalc.render.parquet import write_columns

    metrics, names = _metrics(found), _columns(found)
    values: list[list[Any]] = [[s.point for s in shown], [s.same for s in shown]]
    values += [[s.totals[m] for s in shown] for m in metrics]
    types: list[Sequence[Any]] = [[found.size - 1], [found.visited], *([found.most[m]] for m in metrics)]
    values += [[s.choices[name] for s in shown] for name in found.axes]
    columns = {
        name: (column, kinds) for name, column, kinds in zip(names, values, [*types, *found.axes.values()], strict=True)
    }
    write_columns(
        columns,
        {"version": VERSION, **dict(_facts(found)), "sha256": found.sha256, "space sha256": found.space_sha256},
        file,
    )

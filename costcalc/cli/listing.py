"""`costcalc list`: the specs, kinds and conventions there are."""

from typing import Annotated, Any

import typer

from costcalc.cli.common import Output, chosen_format, command_app, one_of, terminal_width, wants_color
from costcalc.cli.files import write
from costcalc.cost import conventions, load_convention
from costcalc.kinds import REGISTRY
from costcalc.render.escape import terminal
from costcalc.version import VERSION

CHOICES = 5  # of one hyper-parameter that the table has in full
THINGS = ("specs", "kinds", "conventions")

app = command_app()


@app.command("list")
def list_things(
    what: Annotated[str, typer.Argument(metavar="|".join(THINGS), show_default=False, help="What to list.")],
    format: Annotated[str, typer.Option("--format", metavar="table|json", help="How to write it.")] = "table",
    output: Output = None,
) -> None:
    """What costcalc knows.

    \b
      costcalc list specs
      costcalc list kinds
      costcalc list conventions --format json
    """
    format = chosen_format(format, None, ("table", "json"))
    entries = {"specs": _specs, "kinds": _kinds, "conventions": _conventions}[one_of("list", what, THINGS)]()
    if format == "json":
        from costcalc.render.data import to_json

        write(to_json({"schema": "costcalc/list/1", "version": VERSION, what: entries}), output)
        return
    if what == "specs":
        write(_table(entries), output)
        return
    width = max(len(entry["name"]) for entry in entries)
    lines = [f"{entry['name']:<{width}}  {terminal(entry['about'])}" for entry in entries]
    write("\n".join(lines) + "\n", output)


def _specs() -> list[dict[str, Any]]:
    from costcalc.review.library import library

    return [
        {"name": one.name, "about": one.document.name, "params": one.params, "madds": one.madds,
         "source": one.document.citation, "hyperparameters": [p.name for p in one.document.hyperparameters],
         "variants": list(one.variants)}
        for one in library()
    ]  # fmt: skip


def _short(variant: str) -> str:
    """A setting with at most a few of its choices; `--help` of a command has all."""
    choices = variant.split(", ")
    return variant if len(choices) <= CHOICES else f"{choices[0]}, ... {choices[-1]} ({len(choices)})"


def _table(entries: list[dict[str, Any]]) -> str:
    """The networks, numbers in full."""
    from costcalc.render import to_text
    from costcalc.render.sheet import Column, Sheet

    rows = tuple(
        (e["name"], f"{e['params']:,}", f"{e['madds']:,}", f"{e['about']}: {e['source']}",
         "; ".join(map(_short, e["variants"])))
        for e in entries
    )  # fmt: skip
    heads = ("Spec", "Params", "MAdds", "Network", "Settings")
    columns = tuple(Column(head, head in ("Params", "MAdds")) for head in heads)
    title = f"{len(rows)} bundled networks, at their default settings"
    notes = (("MAdds", "multiply-adds, as `costcalc report` counts them; `costcalc report NAME` has the layers"),)
    return to_text(
        Sheet(title, (), columns, rows, (), notes, ((0, 0),) * len(rows)),
        "table",
        terminal_width(),
        wants_color(),
        False,
    )


def _kinds() -> list[dict[str, Any]]:
    return [
        {"name": name, "about": (cls.__doc__ or "").strip().split("\n")[0], "attributes": list(cls.attributes)}
        for name, cls in sorted(REGISTRY.items())
    ]


def _conventions() -> list[dict[str, Any]]:
    loaded = [load_convention(name) for name in conventions()]
    return [{"name": c.name, "about": f"{c.unit}: {c.about}", "unit": c.unit, "source": c.source} for c in loaded]

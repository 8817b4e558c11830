"""The tables of the Markdown pages, made from the code and the specs: kinds, census, conventions, figures, limits.

The census table shows the formulas of each kind, which come of the same rules that count with integers, and are compared
with what those count.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import Any

import families
from gallery import Picture, Point

from costcalc import expression, textfile, units, yamltree
from costcalc.api import Model
from costcalc.census import OPERATIONS, PARAMETERS
from costcalc.cost import DTYPES, conventions, load_convention
from costcalc.cost import convention as convention_module
from costcalc.cost import count as count_network
from costcalc.cost.count import MAX_BATCH
from costcalc.cost.report import Published
from costcalc.errors import MAX_SHOWN
from costcalc.expression import evaluation, syntax
from costcalc.formulas import Formula, node_formulas
from costcalc.kinds import FAMILIES, FOLLOWERS, REGISTRY, REQUIRED, Kind, window
from costcalc.kinds.attributes import MAX_SIZE
from costcalc.network import INPUT, Network
from costcalc.render.expression import TEXT
from costcalc.render.worked import Style
from costcalc.shape import Shape
from costcalc.spec import Document, build_network, bundled, read_document
from costcalc.spec.expand import MAX_LAYERS
from costcalc.spec.hyperparameters import settings as settings_of
from costcalc.spec.hyperparameters import shown
from costcalc.spec.scope import MAX_DEPTH
from costcalc.storage import SCHEME
from costcalc.storage.rule import SOURCES
from costcalc.units import percent

MAP, TOKENS = Shape(12, (14, 14)), Shape(12, (6,), True)

# kind: attributes and inputs of the census table, as general as the kind has them. A new kind needs a row here.
SAMPLES: dict[str, tuple[dict[str, Any], Sequence[Shape]]] = {
    "conv": ({"kernel": 3, "groups": 4, "out": 20}, [MAP]),
    "depthwise": ({"kernel": 3, "multiplier": 2}, [MAP]),
    "separable": ({"kernel": 3, "multiplier": 2, "out": 20}, [MAP]),
    "linear": ({"out": 20}, [TOKENS]),
    "max_pool": ({"kernel": 2}, [MAP]),
    "avg_pool": ({"kernel": 2}, [MAP]),
    "adaptive_avg_pool": ({"out": 5}, [MAP]),
    "adaptive_max_pool": ({"out": 5}, [MAP]),
    "global_avg_pool": ({}, [MAP]),
    "global_max_pool": ({}, [MAP]),
    "add": ({}, [MAP, MAP]),
    "mul": ({}, [MAP, MAP]),
    "concat": ({}, [MAP, MAP]),
    "upsample": ({"scale": 2, "mode": "bilinear"}, [MAP]),
    "split": ({"part": 1, "parts": 2}, [MAP]),
    "flatten": ({}, [MAP]),
    "reshape": ({"to": (12, 7, 28)}, [MAP]),
    "channel_shuffle": ({"groups": 3}, [MAP]),
    "opaque": ({"op": "nms"}, [MAP]),
    **{name: ({}, [MAP]) for name in (
        "batch_norm", "relu", "relu6", "sigmoid", "hard_sigmoid", "hard_swish", "swish", "silu", "tanh", "gelu",
        "softmax", "dropout",
    )},
    **families.samples(),
}  # fmt: skip
WORDS = {
    "macs": "multiply-adds",
    "valid_macs": "of these not on padding",
    "norm_scales": "scales",
    "norm_shifts": "shifts",
}


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], numeric: Sequence[int] = ()) -> str:
    """A GitHub table; the columns in `numeric` are aligned to the right."""
    rule = ["---:" if i in numeric else "---" for i in range(len(heads))]
    return "\n".join("| " + " | ".join(row) + " |" for row in (heads, rule, *rows))


def _listed(formulas: Mapping[str, Formula], names: Sequence[str]) -> str:
    """What is counted, each by its formula, as in `M·D_F²`."""
    if "valid_macs" in formulas and formulas["valid_macs"].polynomial == formulas["macs"].polynomial:
        names = [name for name in names if name != "valid_macs"]  # there is no padding
    style = Style(TEXT, "·")
    found = {name: style.factored(formulas[name].polynomial).replace("^2", "²") for name in names if name in formulas}
    return ", ".join(f"{text} {WORDS.get(name, name.replace('_', ' '))}" for name, text in found.items()) or "-"


def census() -> str:
    """What each kind counts."""
    rows = []
    for name in _kinds_in_order():
        given, inputs = SAMPLES[name]
        attributes = {n: a.default for n, a in REGISTRY[name].attributes.items()} | given
        kind = REGISTRY[name](attributes)
        output = kind.infer(inputs)
        place = {"new": "new", "in_place": "in place", "view": "a view"}[kind.storage_of(inputs)]
        if kind.count(inputs, output) is None:
            rows.append([f"`{name}`", "not known: the total is `partial`", "not known", place])
            continue
        formulas = node_formulas(name, attributes, inputs, output)
        stored = _listed(formulas, PARAMETERS)
        if "buffers" in formulas:
            stored += "; " + _listed(formulas, ["buffers"])
        rows.append([f"`{name}`", _listed(formulas, OPERATIONS), stored, place])
    return table(["Kind", "Operations for one sample", "Parameters", "Output"], rows)


def _kinds_in_order() -> list[str]:
    """Family by family, in the order in which they are written."""
    return [name for names in FAMILIES.values() for name in names]


def _about(family: str) -> str:
    return (importlib.import_module(f"costcalc.kinds.{family}").__doc__ or "").strip()


def all_kinds() -> str:
    """Every kind by family, with the page that it is on."""
    rows = []
    for family, names in FAMILIES.items():
        page = f"kinds/{family}.md"
        rows.append([f"[{family}]({page})", ", ".join(f"[`{name}`]({page}#{name})" for name in names)])
    return table(["Family", "Kinds"], rows)


def family_page(family: str) -> str:
    """The page of a family."""
    title, _, rest = _about(family).partition("\n\n")
    parts = [f"# {family.capitalize().replace('_', ' ')}", _prose(title)]
    parts += [_prose(rest)] if rest.strip() else []
    for name in FAMILIES[family]:
        parts += [f"## `{name}`", *_kind(REGISTRY[name])]
    return "\n\n".join(parts)


def _kind(cls: type[Kind]) -> list[str]:
    text = [_prose(paragraph) for paragraph in (cls.__doc__ or "").strip().split("\n\n")]
    facts = {"view": "The output is a view of the input.", "in_place": "The output may take the place of the input."}
    facts_here = [facts[cls.storage]] if cls.storage in facts and cls.storage_of is Kind.storage_of else []
    if cls.role != "layer":
        facts_here.append(f"May follow a layer as its `{cls.role}`.")
    if cls.followers:
        facts_here.append("Takes `norm` and `act`, the kinds that follow it.")
    declared = sorted(cls.attributes.values(), key=lambda a: not a.required)
    rows = [[f"`{a.name}`", _default(a.default), _cell(a.doc)] for a in declared]
    attributes = table(["Attribute", "Default", "Meaning"], rows) if rows else ""
    return [part for part in (*text, " ".join(facts_here), attributes) if part]


def _default(default: Any) -> str:
    return "required" if default is REQUIRED else "-" if default is None else f"`{shown(default)}`"


def _prose(text: str) -> str:
    """A docstring as one line of Markdown that says just what it says: no `*` of a product begins emphasis."""
    parts = " ".join(text.split()).split("`")  # every second one is code
    parts[::2] = [re.sub(r"(?<=\S)\*|\*(?=\S)", r"\*", part) for part in parts[::2]]
    return "`".join(parts)


def _cell(text: str) -> str:
    return _prose(text).replace("|", r"\|")


def convention_table() -> str:
    """The bundled conventions, from their files."""
    rows = []
    for name in conventions():
        c = load_convention(name)
        rules = [f"{kind}: `{getattr(rule, 'text', rule)}`" for kind, rule in c.rules.items()]
        rows.append([f"`{name}`", c.unit, _cell(c.about), "<br>".join(rules), _cell(c.source)])
    return table(["Name", "Column", "What is counted", "Rules", "Source"], rows)


def names_in_conventions() -> str:
    """What an expression of a convention may say."""
    return ", ".join(f"`{name}`" for name in convention_module.NAMES)


def functions() -> str:
    """The functions of expressions with an example each, computed."""
    examples = {
        "min": "min(16, 24)", "max": "max(8, 3.5)", "ceil": "ceil(24/5)", "floor": "floor(32*0.35)",
        "round": "round(2.5)", "make_divisible": "make_divisible(33*0.5, 8)",
    }  # fmt: skip
    meaning = {
        "min": "the smallest of 1 to 9 numbers",
        "max": "the largest of 1 to 9 numbers",
        "ceil": "the next whole number up",
        "floor": "the next whole number down",
        "round": "the nearest whole number; halves go up",
        "make_divisible": "the nearest multiple of the second (8 if left out), halves up, at least that one; "
        "the next multiple if the result would be more than 10 % below the first",
    }
    rows = [
        [f"`{name}`", meaning[name], f"`{examples[name]}` is {shown(expression.parse(examples[name]).evaluate({}))}"]
        for name in expression.FUNCTIONS
    ]
    return table(["Function", "Gives", "Example"], rows)


def limits() -> str:
    """Every limit, as the code has it."""
    rows = [
        ["size of a file", f"{textfile.MAX_BYTES // 2**20} MiB"],
        ["values in a file", f"{yamltree.MAX_VALUES:,}"],
        ["taps of a window along one axis", f"{window.MAX_TAPS:,}"],
        ["nesting of lists and mappings in a file", f"{yamltree.MAX_DEPTH} levels"],
        ["digits of a number", f"{units.MAX_DIGITS}, with an exponent of at most {units.MAX_EXPONENT}"],
        ["an expression", f"{syntax.MAX_LENGTH} characters, {syntax.MAX_DEPTH} levels of parentheses"],
        ["numbers inside an expression", f"{evaluation.MAX_BITS} bits"],
        ["length of a name", "60 characters"],
        ["one dimension of a tensor, one attribute", f"{MAX_SIZE:,}"],
        ["layers after `repeat`, `rows` and blocks are laid out", f"{MAX_LAYERS:,}"],
        ["blocks, repeats and branches inside each other", f"{MAX_DEPTH}; a block cannot call itself"],
        ["samples of a batch", f"{MAX_BATCH:,}"],
        ["errors printed in full", f"{MAX_SHOWN}; the others are only numbered"],
    ]
    return table(["What", "At most"], rows)


@cache
def published(name: str) -> list[tuple[dict[str, Any], Published]]:
    """Every published figure of a bundled spec with its settings, compared."""
    document = read_document(name)
    found: dict[tuple[str, str, str, str], tuple[dict[str, Any], Published]] = {}
    for expected in document.expectations:
        settings = _set(document, expected.settings)
        for p in Model(document, settings).report(expected.convention).published:
            key = (str(sorted((k, shown(v)) for k, v in settings.items())), p.place, p.quantity, p.figure)
            found.setdefault(key, (settings, p))
    return list(found.values())


def _set(document: Document, given: Mapping[str, Any]) -> dict[str, Any]:
    """Settings without those that are what they would be anyway."""
    found = dict(given)
    for name in reversed(given):
        others = {k: v for k, v in found.items() if k != name}
        if settings_of(document.hyperparameters, others) == settings_of(document.hyperparameters, found):
            found = others
    return found


def specs() -> str:
    """The bundled specs with their totals and what became of the published figures."""
    rows = []
    for name in bundled():
        document = read_document(name)
        totals = count_network(Model(document, {}).network).totals
        statuses = [p.status for _, p in published(name)]
        tally = {status: statuses.count(status) for status in ("met", "erratum", "missed")}
        figures = f"{tally['met']} met" if statuses else "-"
        if tally["erratum"]:
            noun = "erratum" if tally["erratum"] == 1 else "errata"
            figures += f", [{tally['erratum']} {noun}](docs/errata.md#{_anchor(document.name)})"
        figures += f", {tally['missed']} missed" if tally["missed"] else ""
        rows.append([f"`{name}`", document.name, f"{totals.params:,}", f"{totals.madds:,}", _first(name), figures])
    return table(["Spec", "Network", "Params", "MAdds", "First published as", "All figures"], rows, (2, 3))


def _first(name: str) -> str:
    """The first figures published for the default settings."""
    document = read_document(name)
    first = next((e for e in document.expectations if not _set(document, e.settings) and not (e.kind or e.stages)), None)
    if first is None:
        return "-"
    words = {"madds": "MAdds"}
    figures = ", ".join(f"{f.text} {words.get(quantity, quantity)}" for quantity, f in first.figures.items())
    return f"{figures} ({first.place})"


def errata() -> str:
    """The published figures that no count gives, spec by spec."""
    parts = []
    for name in bundled():
        document = read_document(name)
        wrong = [(settings, p) for settings, p in published(name) if p.status == "erratum"]
        if not wrong:
            continue
        rows = [
            [_cell(p.place), ", ".join(f"{k} {shown(v)}" for k, v in settings.items()) or "defaults", _cell(p.quantity),
             p.figure, percent(*p.counted) if isinstance(p.counted, tuple) else f"{p.counted:,}", _cell(p.why) or "-"]
            for settings, p in wrong
        ]  # fmt: skip
        heads = ["Printed in", "At", "Quantity", "Printed", "Exact", "Why"]
        parts += [f"## {document.name}", _prose(document.citation), table(heads, rows, (3, 4))]
    return "\n\n".join(parts)


def _tabled(document: Any, parameter: Any) -> bool:
    """Whether the choices of a hyper-parameter are the rows of a table."""
    return any(p.from_table and parameter.name in p.default.names() for p in document.hyperparameters)


def variants(name: str) -> list[tuple[str, str, dict[str, Any]]]:
    """The settings of a network that its table of choices has, its defaults first.

    Each with what it is called, and the family that its name begins with, as in `x_400mf`.
    """
    document = read_document(name)
    tabled = [(p, p.default.evaluate({})) for p in document.hyperparameters if _tabled(document, p)]
    found: list[tuple[str, str, dict[str, Any]]] = [("", "".join(_family(own) for _, own in tabled), {})]
    for p, own in tabled:
        found += [(f"{p.name} {shown(c)}", _family(c), {p.name: c}) for c in p.choices if c != own]
    return found


def _family(choice: Any) -> str:
    return shown(choice).partition("_")[0] if "_" in shown(choice) else ""


@cache
def points() -> tuple[Point, ...]:
    """Every bundled network, and every variant of it, counted."""
    return tuple(
        Point(name, called, family, totals.params, totals.madds)
        for name in bundled()
        for called, family, setting in variants(name)
        for totals in [count_network(build_network(read_document(name), setting)).totals]
    )


def gallery() -> str:
    """Every network of the library, and its variants."""
    rows = []
    for p in points():
        document = read_document(p.name)
        chosen = next((f" ({shown(q.default.evaluate({}))})" for q in document.hyperparameters if _tabled(document, q)), "")
        named = ["", f"`--{p.setting}`"] if p.setting else [f"`{p.name}`", _cell(f"{document.name}{chosen}")]
        rows.append([*named, f"{p.params:,}", f"{p.madds:,}"])
    return table(["Spec", "Network", "Params", "MAdds"], rows, (2, 3))


def picture() -> str:
    """The networks as a picture beside the page."""
    return Picture(list(points())).svg()


def _anchor(heading: str) -> str:
    return "".join(c for c in heading.lower().replace(" ", "-") if c.isalnum() or c in "-_")


def nodes(network: Network) -> str:
    """The nodes of a network, one a line, with the inputs of those that do not just read the one before."""
    before = INPUT
    lines = []
    report = count_network(network)
    for node, row in zip(network.nodes, report.layers, strict=True):
        reads = "" if node.inputs == (before,) else f"reads {', '.join(node.inputs)}"
        lines.append((node.path, row.kind + row.step, str(node.output), reads))
        before = node.path
    widths = [max(len(line[i]) for line in lines) for i in range(3)]
    widths.append(0)
    aligned = ("  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)) for line in lines)
    return "\n".join(line.rstrip() for line in aligned)


def followers() -> str:
    """Which kinds may be named as `norm` and `act`."""
    listed = {role: ", ".join(f"`{name}`" for name in (*names, "none")) for role, names in FOLLOWERS.items()}
    return "\n".join(f"- `{role}`: {names}" for role, names in listed.items())


def dtypes() -> str:
    """Bits of each dtype."""
    return ", ".join(f"`{name}` {bits}" for name, bits in DTYPES.items())


def compress() -> str:
    """The attributes of `compress`, those that need another below it."""
    rows = [[f"`{name}`", a.wants.replace("|", r"\|"), a.doc] for name, a in SCHEME.items()]
    return table(("Attribute", "Value", "Meaning"), rows)


def effective() -> str:
    """The conventions of effective operations."""
    return table(("Layers", "Operations"), [[name, text] for name, text in SOURCES.items()])


TABLES: dict[str, Callable[[], str]] = {
    "census": census,
    "kinds": all_kinds,
    **{f"family {family}": partial(family_page, family) for family in FAMILIES},
    "conventions": convention_table,
    "names in conventions": names_in_conventions,
    "functions": functions,
    "limits": limits,
    "specs": specs,
    "errata": errata,
    "gallery": gallery,
    "followers": followers,
    "dtypes": dtypes,
    "compress": compress,
    "effective operations": effective,
}

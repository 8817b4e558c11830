"""Conventions: small data files that say how a census and the sizes of a layer become the one number that is shown.

A convention gives each kind an expression over the classes of the census (`macs`, `bias_adds`, ...), the parameters
and the sizes; `default` serves every kind that is not named. A kind that neither reaches is not counted, and makes the
total partial.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from costcalc.census import CLASSES, Census
from costcalc.errors import Problem, Source, SpecError, UsageError, unknown
from costcalc.expression import Expression, ExpressionError, parse
from costcalc.kinds import REGISTRY
from costcalc.number import is_number, is_whole, total
from costcalc.shape import Shape
from costcalc.textfile import read_file
from costcalc.yamltree import Pairs, Scalar, Tree, parse_yaml

BUNDLED = Path(__file__).resolve().parent.parent / "conventions"
VERSION = "1"
PARTS = ("costcalc-convention", "name", "unit", "about", "source", "count")
NAMES = (*CLASSES, "params", "batch", "in.size", "out.size", "in.channels", "out.channels")


class Convention(NamedTuple):
    """A named way of counting; `unit` heads the column."""

    name: str
    unit: str
    about: str
    source: str
    rules: Mapping[str, Any]  # kind or `default`: a number or an Expression

    def apply(self, kind: str, census: Census, inputs: Sequence[Shape], output: Shape, batch: Any) -> Any:
        """The count of one layer; None where no rule reaches its kind. `census` is that of the whole batch.

        Raises UsageError where an expression gives no whole number.
        """
        rule = self.rules.get(kind, self.rules.get("default"))
        if not isinstance(rule, Expression):
            return rule  # a constant, or None
        if rule.tree.op == "name" and rule.text in CLASSES:  # the usual case, without a scope
            return getattr(census, rule.text)
        names = {name: getattr(census, name) for name in (*CLASSES, "params")}
        sizes = {"in.size": total(x.size for x in inputs) * batch, "out.size": output.size * batch}
        names.update(sizes, batch=batch, **{"in.channels": inputs[0].channels, "out.channels": output.channels})
        try:
            value = rule.evaluate(names)
        except ExpressionError as error:
            raise UsageError(
                Problem(f"convention `{self.name}`, kind `{kind}`: {error.message} in `{rule.text}`")
            ) from None
        if not is_number(value) or not is_whole(value) or value < 0:
            raise UsageError(
                Problem(
                    f"convention `{self.name}`, kind `{kind}`: `{rule.text}` gives {value}",
                    None,
                    "a count is a whole number from 0; use floor or ceil where a tool rounds",
                )
            )
        return value


def conventions() -> dict[str, Path]:
    """The bundled conventions by name."""
    return {path.stem: path for path in sorted(BUNDLED.glob("*.yaml"))}


def load_convention(name: str) -> Convention:
    """A bundled convention, or the one in a file. Raises UsageError and SpecError."""
    found = conventions()
    path = found.get(name) or Path(name)
    if name not in found and not path.exists() and not name.endswith((".yaml", ".yml")) and "/" not in name:
        raise UsageError(unknown("convention", name, found))
    source, _ = read_file(path, name if name not in found else path.name)
    return _read(source, path.stem)


def _read(source: Source, stem: str) -> Convention:
    tree = parse_yaml(source)
    problems: list[Problem] = []
    if not isinstance(tree, Pairs) or tree.get("costcalc-convention") is None:
        raise SpecError(
            Problem(
                "this is not a convention",
                tree.span,
                f"it is a mapping that begins with `costcalc-convention: {VERSION}`",
            )
        )
    problems += [
        unknown("part of a convention", key.text, PARTS, key.span) for key, _ in tree.pairs if key.text not in PARTS
    ]
    version = tree.get("costcalc-convention")
    if not isinstance(version, Scalar) or version.text != VERSION:
        problems.append(
            Problem(
                "this version of conventions is not known",
                version.span if version else tree.span,
                f"write `costcalc-convention: {VERSION}`",
            )
        )
    text = {part: _text(tree.get(part)) for part in ("name", "unit", "about", "source")}
    if not text["unit"]:
        problems.append(
            Problem("the convention lacks its `unit`", tree.span, "as in `unit: MACs`: what one of the count is")
        )
    if source.name not in (path.name for path in conventions().values()) and text["name"] in conventions():
        problems.append(Problem(f"`{text['name']}` is a bundled convention", tree.span, "give it a name of its own"))
    rules = _rules(tree.get("count"), tree, problems)
    if problems:
        raise SpecError(*problems)
    return Convention(text["name"] or stem, text["unit"], text["about"], text["source"], rules)


def _text(tree: Tree | None) -> str:
    return " ".join(tree.text.split()) if isinstance(tree, Scalar) else ""


def _rules(tree: Tree | None, whole: Pairs, problems: list[Problem]) -> dict[str, Any]:
    if not isinstance(tree, Pairs):
        problems.append(
            Problem(
                "the convention lacks its `count`",
                (tree or whole).span,
                "a mapping from kinds to expressions, as in `count: {default: macs}`",
            )
        )
        return {}
    rules: dict[str, Any] = {}
    for key, value in tree.pairs:
        if key.text != "default" and key.text not in REGISTRY:
            problems.append(unknown("kind", key.text, ["default", *REGISTRY], key.span))
        if not isinstance(value, Scalar):
            problems.append(Problem("an expression is expected here", value.span))
            continue
        try:
            rules[key.text] = rule = parse(value.text.strip())
        except ExpressionError as error:
            problems.append(
                Problem(error.message, value.span.part(error.offset + value.quoted, error.length), error.help)
            )
            continue
        if not isinstance(rule, Expression) and not is_whole(rule):
            problems.append(Problem(f"{value.text} is not a whole number", value.span, "a count is a whole number"))
        for name, offset, _ in rule.names() if isinstance(rule, Expression) else ():
            if name not in NAMES:
                problems.append(unknown("name", name, NAMES, value.span.part(offset + value.quoted, len(name))))
    return rules

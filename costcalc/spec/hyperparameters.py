"""Hyper-parameters: what a spec lets one set from outside, its defaults and limits, and the setting of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from costcalc.errors import Problem, Span, UsageError, suggestion
from costcalc.expression import Expression, ExpressionError, Word, parse
from costcalc.number import among, is_number
from costcalc.spec.choices import EXAMPLE, Column, Selection, read_table
from costcalc.spec.values import LocatedError, Notebook, Value, check_names, identifier, plain_text, read_value
from costcalc.units import written
from costcalc.yamltree import Items, Pairs, Scalar, Tree

LIMITS: dict[str, Callable[[Any, Any], bool]] = {
    "above": lambda value, bound: value > bound,
    "at_least": lambda value, bound: value >= bound,
    "at_most": lambda value, bound: value <= bound,
}
PARTS = ("default", *LIMITS, "columns", "choices", "help")


class HyperParameter(NamedTuple):
    """One hyper-parameter: a number, a truth value or a word."""

    name: str
    default: Value
    span: Span
    limits: dict[str, Any]
    choices: tuple[Any, ...] = ()
    help: str = ""

    def fault(self, value: Any) -> str | None:
        """Why this cannot be its value; None where it can."""
        words = [c for c in self.choices if isinstance(c, str)]
        if self.choices:
            listed = ", ".join(shown(choice) for choice in self.choices)
            if is_number(value):
                fits = among(value, [c for c in self.choices if is_number(c)])
            else:
                fits = value in words if isinstance(value, str) else any(value is c for c in self.choices)
            return None if fits else f"it is one of {listed}"
        if isinstance(self.default.content, bool):
            return None if isinstance(value, bool) else "it is true or false"
        if not is_number(value):
            return "it is a number"
        for limit, bound in self.limits.items():
            if not LIMITS[limit](value, bound):
                return f"it must be {limit.replace('_', ' ')} {shown(bound)}"
        return None

    @property
    def from_table(self) -> bool:
        """Whether its default stands in a row of another one's choices."""
        return isinstance(self.default.content, Selection)

    def typed(self, value: Any) -> Any:
        """The value, a word with the choices it was taken from."""
        return Word(value, tuple(str(c) for c in self.choices)) if isinstance(value, str) else value


def shown(value: Any) -> str:
    """A value as a spec or a command line says it."""
    if isinstance(value, Expression):
        return value.text
    if isinstance(value, list):
        return f"[{', '.join(map(shown, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    return written(value) if isinstance(value, int | Fraction) else str(value)


def read_hyperparameters(tree: Tree | None, book: Notebook) -> tuple[HyperParameter, ...]:
    """The hyper-parameters of a spec; problems are noted."""
    if tree is None or (isinstance(tree, Scalar) and not tree.text):
        return ()
    if not isinstance(tree, Pairs):
        book.add(
            "`hyperparameters` must be a mapping", tree.span, "as in `hyperparameters: {alpha: 1, resolution: 224}`"
        )
        return ()
    found: list[HyperParameter] = []
    for key, value in tree.pairs:
        name = identifier(key, "a hyper-parameter", book)
        parameter, columns = _read_one(name or "", key, value, frozenset(p.name for p in found), book)
        declared = [parameter] if name is not None else []
        help_ = f"set by `{name}` unless given"
        declared += [HyperParameter(c.key.text, c.default, c.key.span, c.limits, c.words, help_) for c in columns]
        for one in declared:
            if one.name in (p.name for p in found):
                book.add(f"`{one.name}` is declared twice", one.span, "each name stands for one thing")
            found.append(one)
    return tuple(found)


def _read_one(
    name: str, key: Scalar, tree: Tree, above: frozenset[str], book: Notebook
) -> tuple[HyperParameter, Sequence[Column]]:
    """The hyper-parameter, after an error with some value: its name is declared, so that its uses are no errors too.

    And those in the columns of its choices, where it has such.
    """
    parts = {k.text: v for k, v in tree.pairs} if isinstance(tree, Pairs) else {"default": tree}
    for part, _ in tree.pairs if isinstance(tree, Pairs) else ():
        if part.text not in PARTS:
            book.unknown("part of a hyper-parameter", part, PARTS)
    given = parts.get("choices")
    columns: Sequence[Column] = ()
    if given is not None and (isinstance(given, Pairs) or "columns" in parts):
        choices, columns = read_table(name, parts.get("columns"), given, book, _constant)
    else:
        choices = _choices(given, book)
        if "columns" in parts:
            book.add("`columns` without `choices`", parts["columns"].span, EXAMPLE)
    bounds = {limit: _bound(limit, parts[limit], book) for limit in LIMITS if limit in parts}
    limits = {limit: bound for limit, bound in bounds.items() if bound is not None}
    if "choices" in parts:
        for limit in bounds:
            book.add(f"`{limit}` beside `choices`", parts[limit].span, "the choices already say what it may be")
    default = _default(key, parts.get("default"), choices, above, book) if "choices" not in parts or choices else None
    help_ = plain_text(parts.get("help"), "help", book)
    return HyperParameter(name, default or Value(1, key.span), key.span, limits, choices, help_), columns


def _default(
    key: Scalar, tree: Tree | None, choices: tuple[Any, ...], above: frozenset[str], book: Notebook
) -> Value | None:
    if tree is None:
        example = f"as in `{key.text}: {{default: 1, above: 0}}`"
        book.add(f"hyper-parameter `{key.text}` lacks its `default`", key.span, example)
        return None
    if isinstance(tree, Items):
        book.add("a default is one value", tree.span, "a number, a word, true or false")
        return None
    value = read_value(tree, book)
    word = value.content.text if value and isinstance(value.content, Expression) else ""
    if value and word.isidentifier() and word not in above and not choices and not suggestion(word, above):
        help_ = (
            f"declare it above; a word needs choices, as in `{key.text}: {{default: {word}, choices: [{word}, ...]}}`"
        )
        book.add(f"unknown name `{word}`", value.span, help_)
    elif value:
        check_names(value, above, tuple(c for c in choices if isinstance(c, str)), book)
    return value


def _choices(tree: Tree | None, book: Notebook) -> tuple[Any, ...]:
    if tree is not None and not (isinstance(tree, Items) and tree.items):
        book.add("`choices` must be a list", tree.span, "as in `choices: [tf, torchvision]`")
    values = [_constant(entry, book) for entry in tree.items] if isinstance(tree, Items) else []
    return tuple(value for value in values if value is not None)


def _bound(limit: str, tree: Tree, book: Notebook) -> Any:
    value = _constant(tree, book)
    if value is None or is_number(value):
        return value
    book.add(f"`{limit}` must be a number", tree.span, f"as in `{limit}: 0`")
    return None


def _constant(tree: Tree, book: Notebook) -> Any:
    """The value of what uses no names: a number, a truth value, a word; None, with a problem noted, of others."""
    value = read_value(tree, book)
    try:
        return None if value is None else value.evaluate({})
    except LocatedError as error:
        book.add(error.message, error.span, error.help)
    return None


def read_setting(text: str) -> Any:
    """The value that a command line says: `0.75`, `6/7`, `true`, a word. Raises ValueError with the reason."""
    try:
        value = parse(text.strip())
        return value.evaluate({}) if isinstance(value, Expression) else value
    except ExpressionError as error:
        raise ValueError(error.message) from None


def settings(parameters: tuple[HyperParameter, ...], given: Mapping[str, Any]) -> dict[str, Any]:
    """The value of every hyper-parameter, in order, a default seeing those above it.

    Raises UsageError for a given name that is not declared or a value that does not fit.
    """
    problems: list[Problem] = []
    declared = {p.name for p in parameters}
    for name in given:
        if name not in declared:
            near = suggestion(name, declared)
            listed = ", ".join(f"`{p.name}` (default {shown(p.default.content)})" for p in parameters)
            known = f"the spec declares {listed}" if parameters else "the spec declares none"
            problems.append(
                Problem(f"unknown hyper-parameter `{name}`", None, f"did you mean `{near}`? {known}" if near else known)
            )
    values: dict[str, Any] = {}
    for parameter in parameters:
        from_outside = parameter.name in given
        try:
            value = given[parameter.name] if from_outside else parameter.default.evaluate(values)
        except LocatedError as error:
            problems.append(Problem(error.message, error.span, error.help))
            continue
        fault = parameter.fault(value)
        if fault:
            span = None if from_outside else parameter.default.span
            problems.append(Problem(f"`{parameter.name}` cannot be {shown(value)}", span, fault))
        values[parameter.name] = parameter.typed(value)
    if problems:
        raise UsageError(*problems)
    return values

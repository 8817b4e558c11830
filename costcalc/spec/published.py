"""`expect:` in a spec: figures as printed, where they were printed, and the exact value of any that is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, NamedTuple

from costcalc.errors import Span
from costcalc.spec.hyperparameters import HyperParameter, shown
from costcalc.spec.printed import rows_of
from costcalc.spec.values import LocatedError, Notebook, plain_text, read_value
from costcalc.units import SUFFIXES, read_number
from costcalc.yamltree import Items, Pairs, Scalar, Tree

FIGURES = ("params", "total_params", "madds", "count", "weights", "activations")
PARTS = ("set", "kind", "stages", "convention", *FIGURES, "from", "erratum", "why", "columns", "data")


class Figure(NamedTuple):
    """A figure as printed: its value, the unit of its last digit, whether it is a share (per cent) of the total."""

    text: str
    value: Fraction
    unit: Fraction
    share: bool

    @classmethod
    def read(cls, text: str) -> Figure | None:
        """`325M`, `4.24M`, `94.86%`, `569`; None where it is no figure."""
        share = text.endswith("%")
        digits = text.removesuffix("%").strip()
        try:
            value = read_number(digits)
        except ValueError:
            return None
        if value is None:
            return None
        mantissa, _, exponent = digits.rstrip("kKMGBT").lower().partition("e")
        decimals = len(mantissa.partition(".")[2]) - int(exponent or 0)
        return cls(text, Fraction(value), SUFFIXES.get(digits[-1], 1) / Fraction(10) ** decimals, share)

    def matches(self, exact: Fraction) -> bool:
        """Whether rounding or cutting the exact value to the printed digits gives this figure; papers do either."""
        steps = exact / self.unit
        printed = self.value / self.unit
        return printed in (
            steps.numerator // steps.denominator,
            (2 * steps.numerator + steps.denominator) // (2 * steps.denominator),
        )


class Expectation(NamedTuple):
    """One row of published figures, for one setting; `errata` has the exact value of those that are wrong."""

    settings: Mapping[str, Any]
    figures: Mapping[str, Figure]
    place: str
    kind: str  # only of this kind
    stages: tuple[str, ...]  # only of these stages together
    convention: str
    errata: Mapping[str, Figure]
    why: str
    span: Span


def read_expectations(
    tree: Tree | None, parameters: Mapping[str, HyperParameter], book: Notebook
) -> tuple[Expectation, ...]:
    """The figures listed under `expect`; problems are noted."""
    if tree is None:
        return ()
    if isinstance(tree, Scalar | Pairs):
        book.add("`expect` must be a list", tree.span, "as in `- {madds: 569M, params: 4.2M, from: Table 4}`")
        return ()
    entries = (
        row for entry in tree.items
        for row in (rows_of(entry, FIGURES, parameters, book) if isinstance(entry, Pairs) else [entry])
    )  # fmt: skip
    found = [_read_one(entry, parameters, book) for entry in entries]
    return tuple(e for e in found if e is not None)


def _read_one(tree: Tree, parameters: Mapping[str, HyperParameter], book: Notebook) -> Expectation | None:
    if not isinstance(tree, Pairs):
        book.add("a published figure is a mapping", tree.span, "as in `{madds: 569M, params: 4.2M, from: Table 4}`")
        return None
    for key, _ in tree.pairs:
        if key.text not in PARTS:
            book.unknown("part of `expect`", key, PARTS)
    figures = _figures(tree, book)
    errata_tree = tree.get("erratum")
    errata = _figures(errata_tree, book) if isinstance(errata_tree, Pairs) else {}
    if errata_tree is not None and not (errata and set(errata) <= set(figures)):
        book.add(
            "`erratum` gives the exact value of a figure of this row",
            errata_tree.span,
            "as in `{madds: 317M, erratum: {madds: 325400448}}`",
        )
    if not any(key.text in FIGURES or key.text not in PARTS for key, _ in tree.pairs):
        book.add("a row of `expect` without a figure", tree.span, f"give at least one of {', '.join(FIGURES)}")
    if tree.get("from") is None:
        book.add("a published figure lacks its place", tree.span, "add `from:`, as in `from: Table 6`")
    text = {part: plain_text(tree.get(part), part, book) for part in ("from", "kind", "convention", "why")}
    settings = _settings(tree.get("set"), parameters, book)
    stages = _stages(tree, book)
    return Expectation(
        settings, figures, text["from"], text["kind"], stages, text["convention"] or "paper", errata, text["why"],
        tree.span,
    )  # fmt: skip


def _stages(tree: Pairs, book: Notebook) -> tuple[str, ...]:
    """The names under `stages`."""
    given = tree.get("stages")
    if given is None:
        return ()
    entries = given.items if isinstance(given, Items) else [given]
    names = [entry.text for entry in entries if isinstance(entry, Scalar) and entry.text]
    if len(names) < len(entries) or not names:
        book.add("`stages` must be a list of names", given.span, "as `--by stage` calls them: `stages: [stem, stage1]`")
    elif len(set(names)) < len(names):
        book.add("a name is there twice in `stages`", given.span, "each stage counts once")
    if tree.get("kind") is not None:
        book.add("a figure is of a kind or of stages", given.span, "remove `kind` or `stages`")
    return tuple(names)


def _figures(tree: Pairs, book: Notebook) -> dict[str, Figure]:
    figures = {}
    for key, value in tree.pairs:
        if key.text in FIGURES:
            figure = Figure.read(value.text.strip()) if isinstance(value, Scalar) else None
            if figure is None:
                book.add(
                    f"`{key.text}` must be a figure",
                    value.span,
                    "as printed: 569M, 4.2M, 568740352, or a share such as 94.86%",
                )
            else:
                figures[key.text] = figure
    return figures


def _settings(tree: Tree | None, parameters: Mapping[str, HyperParameter], book: Notebook) -> dict[str, Any]:
    if tree is None:
        return {}
    if not isinstance(tree, Pairs):
        book.add("`set` must be a mapping", tree.span, "as in `set: {alpha: 0.75}`")
        return {}
    values = {}
    for key, entry in tree.pairs:
        if key.text not in parameters:
            book.unknown("hyper-parameter", key, parameters)
        elif value := read_value(entry, book):
            try:
                constant = value.evaluate({})
            except LocatedError:
                constant = None
            fault = parameters[key.text].fault(constant)
            if fault:
                book.add(f"`{key.text}` cannot be {shown(constant)}", value.span, fault)
            else:
                values[key.text] = constant
    return values

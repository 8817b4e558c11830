"""What a layer leaves of the cost of the standard layer in its place, as a formula: 1/g, or 1/N + 1/D_K^2 of a pair."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from costcalc.cost import Report
from costcalc.formulas import Disproved, Double, Formula, Layer, Symbols, doubled, samples
from costcalc.network import Network, Node
from costcalc.number import total
from costcalc.number.algebra import Quotient, ratio
from costcalc.shape import Shape


class Ratio(NamedTuple):
    """One layer, or two that make a pair, beside the standard layer in their place; counts under the convention."""

    paths: tuple[str, ...]
    parts: tuple[int, ...]  # what each of them costs
    own: Formula
    standard: Formula
    kind: str  # the standard layer, as in `conv 3x3`
    quotient: Quotient

    @property
    def value(self) -> Fraction:
        """The exact quotient."""
        return Fraction(self.own.value, self.standard.value)

    @property
    def point(self) -> dict[str, int | Fraction]:
        """The values of the symbols."""
        return {**self.own.point, **self.standard.point}


def double_of(symbols: Symbols, network: Network, node: Node, given: Sequence[Shape] | None = None) -> Double:
    """A node in symbols and in numbers; `given` are its inputs where they are in symbols already."""
    inputs = [network.shapes[name] for name in node.inputs]
    return doubled(symbols, node.kind, node.attributes, inputs, node.output, given)


def counted(symbols: Symbols, report: Report, layer: Double) -> tuple[Any, Any]:
    """What a layer costs under the convention, in symbols and in numbers; None where it is not counted."""
    both = zip(layer, (samples(symbols, report.batch), report.batch), strict=True)
    symbolic, number = (_counted(report, x, batch) for x, batch in both)
    if symbolic is not None:
        symbols.shorten([symbolic], layer.axes, layer.counted.kind.inside)
    return symbolic, number


def _counted(report: Report, layer: Layer, batch: Any) -> Any:
    census = layer.census(batch)
    if census is None:
        return None
    return report.convention.apply(layer.kind.name, census, layer.inputs, layer.output, batch)


def alone(symbols: Symbols, report: Report, path: str, layer: Double) -> Ratio | None:
    """A layer beside the standard one; None where it is one, or there is none."""
    kinds = (x.kind.standard(x.inputs) for x in layer)
    return _ratio(symbols, report, (path,), [layer], layer.instead(*kinds))


def paired(report: Report, first: Node, last: Node) -> Ratio | None:
    """A depthwise convolution and the 1x1 one after it, beside the standard one that does the work of both.

    The norms and activations between them are left out.
    """
    symbols = Symbols()
    depthwise = double_of(symbols, report.network, first)
    pointwise = double_of(symbols, report.network, last, [depthwise.symbolic.output])
    kinds = (x.kind.standard_pair(x.inputs, y.kind) for x, y in zip(depthwise, pointwise, strict=True))
    standard = depthwise.instead(*kinds)
    return _ratio(symbols, report, (first.path, last.path), [depthwise, pointwise], standard)


def _ratio(
    symbols: Symbols, report: Report, paths: tuple[str, ...], layers: Sequence[Double], standard: Double | None
) -> Ratio | None:
    """None where one of them is not counted, or the standard layer costs nothing."""
    if standard is None:
        return None
    costs = [counted(symbols, report, layer) for layer in (*layers, standard)]
    if any(number is None for _, number in costs) or not costs[-1][1]:
        return None
    *own, (below, whole) = costs
    name = " + ".join(paths)
    above = symbols.formula(f"the count of {name}", total(x for x, _ in own), sum(n for _, n in own))
    formula = symbols.formula(f"the standard layer for {name}", below, whole)
    kind = standard.counted.kind
    called = f"{kind.name} {kind.variety(standard.counted.inputs[0])}".rstrip() + kind.step()
    quotient = ratio(above.polynomial, formula.polynomial)
    found = Ratio(paths, tuple(n for _, n in own), above, formula, called, quotient)
    if quotient.at(found.point) != found.value:
        raise Disproved(f"the ratio of {name} to a standard layer gives {quotient.at(found.point)}, not {found.value}")
    return found

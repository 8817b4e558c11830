"""The symbols that the formulas of some layers share, and what is made of a traced number: a formula that is checked.

What would be too long to read inside a product gets a symbol of its own, with its meaning: the taps that lie on the
input, the values in the bins of an adaptive pool.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from costcalc.errors import Problem, UsageError
from costcalc.number import is_whole
from costcalc.number.graph import Affine, Graph
from costcalc.number.polynomial import Polynomial, TooManyTerms, expanded
from costcalc.number.traced import Trace, Traced

LETTERS = {"length": "L", "depth": "D", "height": "H", "width": "W", "tokens": "T"}
READ = ("V", *(f"V_{i}" for i in "DHW0123456789"))
ORDER = (  # of reading
    "B", "D_K", "K_D", "K_H", "K_W", *READ, "M", "c", "m", "N", "P", "g", "s", "n", "T", "L", "D", "H", "W", "D_F",
)  # fmt: skip
IN_BINS = "values in all bins along {}"


Named = tuple[str, str]  # a symbol and what it stands for


class Disproved(Exception):  # noqa: N818 - a bug of ours
    """A formula that does not give the counted integer."""


class Symbol(NamedTuple):
    """A letter of a formula, its value here and what it stands for; one that is short for an expression has that."""

    name: str
    value: int | Fraction
    meaning: str
    short_for: Polynomial | None = None


class Formula(NamedTuple):
    """A count, multiplied out, and the symbols in it in the order in which they are read."""

    polynomial: Polynomial
    symbols: tuple[Symbol, ...]

    @property
    def point(self) -> dict[str, int | Fraction]:
        """The values of the symbols."""
        return {symbol.name: symbol.value for symbol in self.symbols}

    @property
    def value(self) -> int:
        """The count."""
        return int(self.polynomial.at(self.point))

    @property
    def expression(self) -> Any:
        """The formula as an expression of sympy."""
        from costcalc.number.algebra import expression

        return expression(self.polynomial)


class Symbols:
    """The symbols by name, and the trace in which they are numbers."""

    def __init__(self) -> None:
        self.trace = Trace()
        self.known: dict[str, Symbol] = {}
        self._short: dict[Affine, Affine] = {}  # expressions that have a symbol, and that

    @property
    def point(self) -> dict[str, int | Fraction]:
        """The values of all symbols."""
        return {symbol.name: symbol.value for symbol in self.known.values()}

    def number(self, name: str, value: int | Fraction, meaning: str, short_for: Polynomial | None = None) -> Traced:
        """The symbol of this name; where that has another value already, one with a number at its name."""
        base, count = name, 1
        while name in self.known and self.known[name].value != value:
            count += 1
            name = f"{base}_{count}"
        self.known.setdefault(name, Symbol(name, value, meaning, short_for))
        return self.trace.symbol(name, value, whole=is_whole(value))

    def abbreviate(self, name: str, number: Any, value: int | Fraction, meaning: Any) -> None:
        """Gives a letter to a number that a kind computes of others; formulas then have the letter in its place.

        Another number for its meaning is one that it equals here: formulas then have that.
        """
        form = form_of(number)
        if form.terms:
            short = form_of(self.number(name, value, meaning) if isinstance(meaning, str) else meaning)
            if len(form.terms) == 1 and not form.constant:  # of 28*x, what stands for x: it comes with other factors
                ((node, factor),) = form.terms
                form, short = _single(node), short.scaled(Fraction(1) / factor)
            self._short[form] = short

    def formula(self, what: str, number: Any, counted: int) -> Formula:
        """The formula of a number that was counted as an int, too. Raises Disproved where it gives another.

        Raises UsageError for one that would be too long, as an expression of a convention may be.
        """
        try:
            polynomial = expanded(self.trace.graph, self._shortened(form_of(number)))
        except TooManyTerms as error:
            raise UsageError(Problem(f"the formula of {what} has {error}", None, "use a simpler convention")) from None
        used = set(polynomial.symbols())
        used |= {name for s in self.known.values() if s.name in used and s.short_for for name in s.short_for.symbols()}
        formula = Formula(polynomial, in_order(s for s in self.known.values() if s.name in used))
        value = polynomial.at(formula.point)
        if value != counted:
            raise Disproved(f"the formula of {what} gives {value}, counted are {counted}")
        return formula

    # -- symbols for expressions --------------------------------------------------------------------------------------

    def shorten(self, numbers: Iterable[Any], axes: Sequence[str], valid: str) -> None:
        """Gives a symbol to what is too long to read in a product: V, or one for each of the axes.

        `valid` says which taps are valid, of all windows along {}.
        """
        nodes = self.trace.graph.nodes
        found: dict[Affine, None] = {}
        shortened = [self._shortened(form_of(x)) for x in numbers]  # what has a letter is not looked into
        for index in sorted(self.trace.graph.needed(shortened)):
            if nodes[index].op == "inside":
                found[_single(index)] = None
            elif nodes[index].op == "mul":
                found.update({part: None for part in nodes[index].parts if self._long(part)})
        windows = [self._window(form) for form in found]
        alike = len(set(filter(None, windows))) < 2
        for i, (form, window) in enumerate(zip(found, windows, strict=True)):
            axis = axes[i] if alike and len(found) == len(axes) else self._axis(form, axes)
            alone = len(axes) == 1 or (len(found) == 1 and axis is None)
            if form not in self._short:
                name = "V" if alone else f"V_{LETTERS.get(axis or '', i + 1)}"
                where = f"the {axis}" if axis else "each axis" if alone else "an axis"
                if window and not alike and (axis is None or len(found) > len(axes)):  # several along one axis
                    size, taps = (expanded(self.trace.graph, part).at(self.point) for part in window)
                    where = f"{where if axis else f'an axis of {size}'}, {taps} taps in each"
                meaning = (valid if window else IN_BINS).format(where)
                self._short[form] = self._unpadded(form) or self._symbol(form, name, meaning)

    def _window(self, form: Affine) -> tuple[Affine, Affine] | None:
        """The size of the map and the number of taps, where it is valid taps that the expression counts."""
        if self._long(form):
            return None
        size, _, taps, *_ = self.trace.graph.nodes[form.terms[0][0]].parts
        return size, taps

    def _axis(self, form: Affine, axes: Sequence[str]) -> str | None:
        """The axis that an expression is of; None where it is the same for several."""
        used = self.trace.graph.symbols([form])
        return next((axis for axis in axes if not {LETTERS[axis], f"K_{LETTERS[axis]}"}.isdisjoint(used)), None)

    def _symbol(self, form: Affine, name: str, meaning: str) -> Affine:
        polynomial, long = expanded(self.trace.graph, form), self._long(form)
        return self.number(name, int(polynomial.at(self.point)), meaning, polynomial if long else None).form

    def _long(self, form: Affine) -> bool:
        """Whether it is a sum with more in it than products of symbols."""
        nodes = self.trace.graph.nodes
        return len(form.terms) > 1 and any(nodes[n].op not in ("symbol", "mul", "div") for n, _ in form.terms)

    def _unpadded(self, form: Affine) -> Affine | None:
        """All taps of all windows, where none of them lies on padding."""
        if self._long(form):
            return None
        graph = self.trace.graph
        _, outputs, taps, *_ = graph.nodes[form.terms[0][0]].parts
        every = graph.product(taps, outputs)
        return every if expanded(graph, every).at(self.point) == expanded(graph, form).at(self.point) else None

    def _shortened(self, form: Affine) -> Affine:
        """The same number with those symbols in it."""
        if form in self._short:
            return self._short[form]
        found = Graph.total([Affine(form.constant), *(self._node(n).scaled(c) for n, c in form.terms)])
        return self._short.get(found, found)

    def _node(self, index: int) -> Affine:
        graph, form = self.trace.graph, _single(index)
        node = graph.nodes[index]
        if form in self._short or node.op not in ("mul", "div"):
            return self._short.get(form, form)
        a, b = map(self._shortened, node.parts)
        return graph.product(a, b) if node.op == "mul" else graph.quotient(a, b, node.whole)


def form_of(x: Any) -> Affine:
    """The expression of a number of any kind."""
    return x.form if isinstance(x, Traced) else Affine(x)


def _single(index: int) -> Affine:
    return Affine(0, ((index, 1),))


def in_order(symbols: Iterable[Symbol]) -> tuple[Symbol, ...]:
    """The symbols, each once, in the order in which they are read."""

    def place(symbol: Symbol) -> tuple[int, str]:
        base = symbol.name if symbol.name in ORDER else symbol.name.rstrip("0123456789").removesuffix("_")
        return ORDER.index(base) if base in ORDER else len(ORDER), symbol.name

    return tuple(sorted({symbol.name: symbol for symbol in symbols}.values(), key=place))

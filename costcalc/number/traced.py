"""A number that remembers how it came about: its value at one point, and the expression over the hyper-parameters.

Arithmetic carries both. A comparison is decided by the value, and the `Trace` notes it as a condition under which the
expression holds; so a rule that branches needs no special case. In an *ideal* trace rounding is the identity, which
makes counts polynomials; a node `as_is` marks where something was taken for whole.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from costcalc import number
from costcalc.number.graph import Affine, Graph


class Condition(NamedTuple):
    """`difference < 0`, `<= 0` or `== 0`, which was true or false at the point of the trace."""

    difference: Affine
    relation: str
    outcome: bool


class Trace:
    """The graph that numbers of one run share, and the conditions met in the order of the run."""

    def __init__(self, graph: Graph | None = None, ideal: bool = False, windows: bool = False) -> None:
        """`windows`: sizes of windows are held to what they are, so that their taps can be gone through one by one."""
        self.graph, self.shared, self.ideal, self.windows = graph or Graph(), graph is not None, ideal, windows
        self.conditions: list[Condition] = []
        self._known: dict[tuple[Affine, str], bool] = {}

    def symbol(self, name: str, value: int | Fraction, whole: bool = False) -> Traced:
        """A hyper-parameter that has this value now; `whole` where it is a whole number at every point."""
        return Traced(value, self.graph.symbol(name, whole), self)

    def decide(self, a: Any, b: Any, relation: str, outcome: bool) -> bool:
        """Notes the outcome of a comparison, once, unless it is the same at every point."""
        difference = Graph.total((_form(a), _form(b).scaled(-1)))
        if not difference.terms and _RELATIONS[relation](difference.constant) == outcome:
            return outcome
        key = (difference, relation)  # in an ideal trace one without terms may be: it then holds at no point
        if key not in self._known:
            self._known[key] = outcome
            self.conditions.append(Condition(difference, relation, outcome))
        return outcome


_RELATIONS = {"<": lambda d: d < 0, "<=": lambda d: d <= 0, "==": lambda d: d == 0}


def _form(x: Any) -> Affine:
    if isinstance(x, Traced):
        return x.form
    if not isinstance(x, (int, Fraction)):
        raise TypeError(f"{x!r} is no exact number")
    return Affine(number.tidy(x))


def _value(x: Any) -> Any:
    return x.value if isinstance(x, Traced) else x


def _trace(*numbers: Any) -> Trace:
    return next(x.trace for x in numbers if isinstance(x, Traced))


class Traced:
    """The pair of `value` (int or Fraction) and `form`, an expression in the graph of the trace."""

    __slots__ = ("form", "trace", "value")

    def __init__(self, value: int | Fraction, form: Affine, trace: Trace) -> None:
        self.value, self.form, self.trace = value, form, trace

    def __add__(self, other: Any) -> Traced:
        return Traced(number.tidy(self.value + _value(other)), Graph.total((self.form, _form(other))), self.trace)

    def __neg__(self) -> Traced:
        return Traced(-self.value, self.form.scaled(-1), self.trace)

    def __sub__(self, other: Any) -> Traced:
        return self.__add__(-other)

    def __rsub__(self, other: Any) -> Traced:
        return (-self).__add__(other)

    def __mul__(self, other: Any) -> Traced:
        form = self.trace.graph.product(self.form, _form(other))
        return Traced(number.tidy(self.value * _value(other)), form, self.trace)

    __radd__, __rmul__ = __add__, __mul__

    def __floordiv__(self, other: Any) -> Traced:
        return Traced.floor(Traced.divide(self, other))

    def __rfloordiv__(self, other: Any) -> Traced:
        return Traced.floor(Traced.divide(other, self))

    def __mod__(self, other: Any) -> Traced:
        return self._remainder(self, other)

    def __rmod__(self, other: Any) -> Traced:
        return self._remainder(other, self)

    @staticmethod
    def _remainder(a: Any, b: Any) -> Traced:
        trace = _trace(a, b)
        if isinstance(b, Traced) and b == 0:
            raise ZeroDivisionError("division by zero")
        return Traced(number.tidy(_value(a) % _value(b)), trace.graph.remainder(_form(a), _form(b)), trace)

    def __eq__(self, other: object) -> bool:
        if not number.is_number(other):
            return False
        return self.trace.decide(self, other, "==", bool(self.value == _value(other)))

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __lt__(self, other: Any) -> bool:
        return self.trace.decide(self, other, "<", bool(self.value < _value(other)))

    def __le__(self, other: Any) -> bool:
        return self.trace.decide(self, other, "<=", bool(self.value <= _value(other)))

    def __gt__(self, other: Any) -> bool:
        return not self <= other

    def __ge__(self, other: Any) -> bool:
        return not self < other

    def __bool__(self) -> bool:
        return self != 0

    __hash__ = None  # type: ignore[assignment]  # equality is a condition

    def __str__(self) -> str:
        return str(self.value)

    def __repr__(self) -> str:
        return f"Traced({self.value}, {self.form})"

    # -- what `costcalc.number` dispatches here -----------------------------------------------------------------------

    @staticmethod
    def divide(a: Any, b: Any) -> Traced:
        trace = _trace(a, b)
        if isinstance(b, Traced) and b == 0:
            raise ZeroDivisionError("division by zero")
        value = number.tidy(Fraction(_value(a)) / _value(b))
        return Traced(value, trace.graph.quotient(_form(a), _form(b)), trace)

    @staticmethod
    def exact_div(a: Any, b: Any) -> Traced:
        """The quotient of a division that is known to have no remainder."""
        trace = _trace(a, b)
        value = number.tidy(Fraction(_value(a)) / _value(b))
        return Traced(value, trace.graph.quotient(_form(a), _form(b), whole=True), trace)

    @staticmethod
    def floor(x: Traced) -> Traced:
        return x._rounded(math.floor(x.value), up=False)

    @staticmethod
    def ceil(x: Traced) -> Traced:
        return x._rounded(math.ceil(x.value), up=True)

    @staticmethod
    def round_half_up(x: Traced) -> Traced:
        """The nearest integer; the number itself where nothing is rounded."""
        graph = x.trace.graph
        if graph.whole(x.form):
            return x
        if not x.trace.ideal:
            return Traced.floor(x + Fraction(1, 2))
        value = math.floor(x.value + Fraction(1, 2))
        return Traced(value, graph.node("as_is_near", (x.form, Affine(1)), whole=True), x.trace)

    def _rounded(self, value: int, up: bool) -> Traced:
        graph = self.trace.graph
        if not self.trace.ideal:
            return Traced(value, graph.ceil(self.form) if up else graph.floor(self.form), self.trace)
        if graph.whole(self.form):
            return self
        op = "as_is_up" if up else "as_is"  # two nodes: where it is not whole, ceil(x) - floor(x) is not 0
        return Traced(value, graph.node(op, (self.form, Affine(1)), whole=True), self.trace)

    @staticmethod
    def total(numbers: Iterable[Any]) -> Traced:
        numbers = list(numbers)
        value = number.tidy(sum(_value(x) for x in numbers))
        return Traced(value, Graph.total(map(_form, numbers)), _trace(*numbers))

    @staticmethod
    def maximum(*numbers: Any) -> Traced:
        return Traced._extreme("max", max, numbers)

    @staticmethod
    def minimum(*numbers: Any) -> Traced:
        return Traced._extreme("min", min, numbers)

    @staticmethod
    def _extreme(op: str, choose: Any, numbers: tuple[Any, ...]) -> Traced:
        trace, value = _trace(*numbers), choose(map(_value, numbers))
        if not trace.ideal:
            return Traced(value, trace.graph.extreme(op, map(_form, numbers)), trace)
        chosen = next(x for x in numbers if _value(x) == value)  # the branch that is taken here
        others = [_form(x) for x in numbers if x is not chosen]
        if all(Graph.total((form, _form(chosen).scaled(-1))).terms == () for form in others):
            return Traced(value, _form(chosen), trace)
        whole = all(trace.graph.whole(_form(x)) for x in numbers)
        return Traced(value, trace.graph.node(f"{op}_is", (_form(chosen), *others), whole), trace)

    @staticmethod
    def gcd(a: Any, b: Any) -> Traced:
        trace = _trace(a, b)
        for x in (a, b):
            if not number.is_whole(x):
                raise number.NotWhole(f"{x} has no greatest common divisor: it is not whole")
        return Traced(math.gcd(_value(a), _value(b)), trace.graph.gcd(_form(a), _form(b)), trace)

    @staticmethod
    def make_divisible(value: Any, divisor: Any) -> Traced:
        """`number.make_divisible` by what is known to be a positive whole number."""
        trace, rounded = _trace(value, divisor), number.make_divisible(_value(value), _value(divisor))
        if not trace.ideal:
            return Traced(rounded, trace.graph.made_divisible(_form(value), _form(divisor)), trace)
        multiple = number.concrete(divisor)
        form = trace.graph.node("as_is", (_form(value), Affine(multiple), Affine(multiple)), True, multiple)
        return Traced(rounded, form, trace)

    @staticmethod
    def taps_inside(size: Any, outputs: Any, taps: Any, stride: Any, gap: Any, before: Any) -> Traced:
        arguments = (size, outputs, taps, stride, gap, before)
        trace, value = _trace(*arguments), number.concrete(number.taps_inside(*map(_value, arguments)))
        if trace.windows:
            arguments = (size, outputs, number.concrete(taps), stride, gap, before)
        return Traced(value, trace.graph.node("inside", tuple(map(_form, arguments)), whole=True), trace)

    @staticmethod
    def among(x: Traced, options: Sequence[Any]) -> bool:
        """One question where ways are shared: ways that need not part for it would part at each of the options."""
        if x.trace.shared:
            return number.product(x - option for option in options) == 0
        return any(x == option for option in options)

    @staticmethod
    def concrete(x: Traced) -> Any:
        """The value, on the condition that it stays what it is here.

        Earlier traces of this graph may have held it to others: they are asked for first, in the same order, so that
        what is asked next depends on nothing but the answers so far.
        """
        met = x.trace.graph.fixed.setdefault(x.form, [])
        if x.value not in met:
            met.append(x.value)
        for value in met[: met.index(x.value) + 1]:
            x.trace.decide(x, value, "==", value == x.value)
        return x.value

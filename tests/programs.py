"""Random programs over all functions of `costcalc.number`, and the ways to run them: plainly, traced, at other points.

What a traced program leaves behind is evaluated three times, by code that shares nothing: node by node as each is
defined (`direct`), multiplied out (`Polynomial.at`), and lowered to a tape of numpy operations (`on_tape`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import strategies as st

from costcalc import number
from costcalc.number.graph import Affine, Graph
from costcalc.number.lowering import Lowering, factored
from costcalc.number.polynomial import IDEAL
from costcalc.number.ranges import Ranges
from costcalc.number.tape import Tape
from costcalc.number.traced import Trace, Traced

Program = Any  # a name, a number, or (function, program, ...)
Point = Mapping[str, Any]
WHOLE = ("a", "b")  # the names that are whole numbers at every point
FAULTS = (ZeroDivisionError, number.NotWhole)

OPERATORS: dict[str, Callable[..., Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "//": lambda a, b: a // b,
    "%": lambda a, b: a % b,
    "neg": lambda a: -a,
    "gcd": lambda a, b: number.gcd(number.floor(a), number.floor(b)),
    "if<": lambda a, b: a - 1 if a < b else b,
    "if=": lambda a, b: a + b if a == b else b * 2,
    "held": lambda a: a + number.concrete(number.floor(a)),
    **{
        name: getattr(number, name)
        for name in ("divide", "exact_div", "ceil_div", "floor", "ceil", "round_half_up", "maximum", "minimum")
    },
    "make_divisible": number.make_divisible,
}
DIVISIONS = ("//", "%", "divide", "exact_div", "ceil_div", "make_divisible")
UNARY = ("neg", "floor", "ceil", "round_half_up", "held")
BINARY = ("+", "-", "*", "maximum", "minimum", "gcd", "if<", "if=")


def run(program: Program, values: Point) -> Any:
    """The value of a program. Raises one of FAULTS."""
    if isinstance(program, tuple):
        return OPERATORS[program[0]](*(run(part, values) for part in program[1:]))
    return values[program] if isinstance(program, str) else program


def programs(leaves: int, large: bool = False, without: Sequence[str] = ()) -> st.SearchStrategy[Program]:
    """Programs over two whole numbers, `a` and `b`, and any third, `r`; with `large` constants near and over 64 bits."""
    constants = [1, 2, 3, 7, Fraction(1, 2), Fraction(29, 100)]
    if large:
        constants += [2**31 + 1, 2**61, 2**62 - 1, 2**63, Fraction(2**62 + 1, 2**33 - 1), Fraction(1, 2**64 + 13)]
    divisors = ["a", "b", 1, 2, 3, 8, *(constants[6:] if large else ("r",))]
    leaf = st.sampled_from(["a", "b", "r", *constants])
    binary, divisions, unary = (
        st.sampled_from([name for name in names if name not in without]) for names in (BINARY, DIVISIONS, UNARY)
    )

    def bigger(part: st.SearchStrategy[Program]) -> st.SearchStrategy[Program]:
        return st.one_of(
            st.tuples(binary, part, part),
            st.tuples(divisions, part, st.one_of(st.sampled_from(divisors), part)),
            st.tuples(unary, part),
        )

    return bigger(st.recursive(leaf, bigger, max_leaves=leaves))


def points(most: int = 8, large: bool = False) -> st.SearchStrategy[list[Point]]:
    """Some points, with zeros and negative numbers among them."""
    width = 2**40 if large else 40
    wholes, shares = st.integers(-width, width), st.fractions(-30, 30, max_denominator=12)
    return st.lists(st.fixed_dictionaries({"a": wholes, "b": wholes, "r": shares}), min_size=1, max_size=most)


def traced(program: Program, point: Point, graph: Graph | None = None, ideal: bool = False) -> tuple[Trace, Any]:
    """The trace of a program at a point, and its result: a number, or the class of the fault."""
    trace = Trace(graph, ideal)
    symbols = {name: trace.symbol(name, number.tidy(value), name in WHOLE) for name, value in point.items()}
    try:
        return trace, run(program, symbols)
    except FAULTS as error:
        return trace, type(error)


def plainly(program: Program, point: Point) -> Any:
    """The value of a program on ints and fractions, or the class of the fault."""
    try:
        return run(program, {name: number.tidy(value) for name, value in point.items()})
    except FAULTS as error:
        return type(error)


def written(program: Program) -> str:
    """A program as the expression of a spec, as far as that has its functions."""
    if not isinstance(program, tuple):
        return f"({program})"
    op, *parts = program
    texts = [written(part) for part in parts]
    form = {
        "neg": "(-{})", "ceil_div": "ceil({}/{})", "divide": "({}/{})", "maximum": "max({}, {})",
        "minimum": "min({}, {})", "round_half_up": "round({})", "if<": "({0} - 1 if {0} < {1} else {1})",
    }.get(op, f"{op}({', '.join(['{}'] * len(parts))})" if op.isidentifier() else f"({{}} {op} {{}})")  # fmt: skip
    return form.format(*texts)


def form(x: Any) -> Affine:
    """The expression of a result, which may be a plain number."""
    return x.form if isinstance(x, Traced) else Affine(x)


MEANING: dict[str, Callable[..., Any]] = {
    "mul": lambda a, b: a * b,
    "div": lambda a, b: Fraction(a) / b,
    "quotient": lambda a, b: math.floor(Fraction(a) / b),
    "floor": math.floor,
    "ceil": math.ceil,
    "max": lambda *xs: max(xs),
    "min": lambda *xs: min(xs),
    "mod": lambda a, b: a % b,
    "gcd": lambda a, b: math.gcd(int(a), int(b)),
    "made_divisible": number.make_divisible,
    "inside": number.taps_inside,
    **dict.fromkeys(IDEAL, lambda first, *_: first),
}
ROUNDED: dict[str, Callable[..., Any]] = MEANING | {  # what an ideal trace took for the identity
    "as_is": lambda x, d, *least: number.make_divisible(x, d) if least else math.floor(x),
    "as_is_up": lambda x, _: math.ceil(x),
    "as_is_near": lambda x, _: math.floor(x + Fraction(1, 2)),
    "max_is": lambda *xs: max(xs),
    "min_is": lambda *xs: min(xs),
}


def direct(graph: Graph, x: Affine, point: Point, meaning: Mapping[str, Callable[..., Any]] = MEANING) -> Any:
    """The value of an expression, every node as it is defined."""
    known: dict[int, Any] = {}

    def affine(y: Affine) -> Any:
        return number.tidy(sum((Fraction(c) * known[node] for node, c in y.terms), Fraction(y.constant)))

    for index in graph.needed([x]):
        node = graph.nodes[index]
        parts = () if node.op == "symbol" else map(affine, node.parts)
        known[index] = number.tidy(Fraction(point[node.parts[0]] if node.op == "symbol" else meaning[node.op](*parts)))
    return affine(x)


def holds(trace: Trace, point: Point) -> bool:
    """Whether every condition of a trace comes out at a point as it did; later ones are not asked if one does not."""
    for difference, relation, outcome in trace.conditions:
        value = direct(trace.graph, difference, point)
        if {"<": value < 0, "<=": value <= 0, "==": value == 0}[relation] != outcome:
            return False
    return True


def spans_of(several: Sequence[Point]) -> dict[str, tuple[Any, Any]]:
    """The least and the largest value of every name."""
    return {name: (min(p[name] for p in several), max(p[name] for p in several)) for name in several[0]}


def tape_of(
    graph: Graph,
    forms: Sequence[Affine],
    several: Sequence[Point],
    spans: Mapping[str, tuple[Any, Any]] | None = None,
    signs: bool = False,
) -> tuple[Tape, list[Any]]:
    """The tape of some expressions, and its columns at these points."""
    names = {graph.nodes[n].parts[0]: n for n in graph.needed(forms) if graph.nodes[n].op == "symbol"}
    denominators = {name: math.lcm(*(Fraction(p[name]).denominator for p in several)) for name in names}
    inputs = {node: denominators[name] for name, node in names.items()}
    tape = Tape(graph, forms, Ranges(graph, spans or spans_of(several)), inputs, signs)
    columns = [np.array([int(p[name] * denominators[name]) for p in several], dtype=object) for name in names]
    fits = [all(abs(x) < 2**62 for x in column) for column in columns]
    return tape, [c.astype(np.int64) if fit else c for c, fit in zip(columns, fits, strict=True)]


def on_tape(graph: Graph, forms: Sequence[Affine], several: Sequence[Point], **options: Any) -> list[list[int]]:
    """The values of whole numbers at these points, lowered, factored and run as one tape."""
    lowering = Lowering(graph)
    tape, columns = tape_of(graph, factored(graph, [lowering.whole(x) for x in forms]), several, **options)
    return [[int(v) for v in column] for column in tape.run(columns, len(several))]

"""The formulas of counts: the rules of `kinds/` run on symbols instead of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from costcalc.kinds import REGISTRY
from costcalc.network import Node
from costcalc.number import is_number
from costcalc.number.symbolic import Symbolic
from costcalc.shape import Shape

SYMBOLS = {"channels": "M", "features": "M", "height": "H", "width": "W", "length": "L", "depth": "D", "tokens": "T"}
ATTRIBUTES = {"out": "N", "groups": "g", "multiplier": "m"}  # the window stays a number: its taps are summed one by one


def census_formula(node: Node, inputs: Sequence[Shape], name: str) -> str:
    """One class of a node's census as an expression in M (channels in), H, W, N (channels out), groups g.

    Empty where the count does not depend on them, or cannot be had.
    """
    sizes = {x: Shape(*_symbols(x)) for x in inputs}
    attributes = {
        a: _symbol(ATTRIBUTES[a], v) if a in ATTRIBUTES and is_number(v) else v for a, v in node.attributes.items()
    }
    kind = REGISTRY[node.kind](attributes)
    shapes = [sizes[x] for x in inputs]
    census = kind.count(shapes, kind.infer(shapes))
    count = getattr(census, name, None)
    return str(count.expr) if isinstance(count, Symbolic) else ""


def _symbols(x: Shape) -> tuple[Any, ...]:
    named = [_symbol(SYMBOLS[size], value) for size, value in x.named.items()]
    if x.sequence:
        return named[1], (named[0],), True
    return named[0], tuple(named[1:])


def _symbol(letter: str, value: Any) -> Symbolic:
    return Symbolic.symbol(letter, value)

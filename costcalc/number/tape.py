"""Expressions evaluated at many points at once, exactly: one numpy operation for each node, in integers of 64 bits.

Fractions are integers over one denominator that all points share, known beforehand for every node. So are bounds; where
they do not fit into 64 bits the whole tape runs on Python's integers instead, and never wraps around.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from costcalc.number.graph import Affine, Graph
from costcalc.number.lowering import common_denominator
from costcalc.number.ranges import Ranges

LIMIT = 2**62
Register = int


class Tape:
    """Whole numbers of a graph (lowered) as instructions; `inputs` are nodes whose numerators are given."""

    def __init__(self, graph: Graph, outputs: Sequence[Affine], ranges: Ranges, inputs: Mapping[int, int]) -> None:
        """`inputs`: for each input node the denominator of what `run` is given for it."""
        self.graph, self.ranges = graph, ranges
        self.inputs = list(inputs)
        self.steps: list[tuple[Any, Any, Any, int]] = []  # ufunc, operands (a register or a 0-d array), result
        self.bound = 0
        self._denominators = dict(inputs)
        self._registers: dict[int, Register] = {node: i for i, node in enumerate(inputs)}
        self._count = len(inputs)
        self._sums: dict[Affine, tuple[Register | int, int]] = {}
        order = _order(graph, outputs, self._registers)
        for index in order:
            self._emit_node(index)
        self.outputs = [self._emit(x) for x in outputs]  # each a register or a constant, and its denominator
        wide = self.bound >= LIMIT
        self.dtype: Any = object if wide else np.int64
        self._finish()

    def run(self, columns: Sequence[Any], points: int) -> list[Any]:
        """The numerators of the outputs at these points; `columns` in the order of `inputs`."""
        dtype = self.dtype
        slots = list(self._buffers(points))
        registers: list[Any] = [None] * self._count
        for i, column in enumerate(columns):
            registers[i] = column if column.dtype == dtype else column.astype(dtype)
        for (ufunc, a, b, result), slot in zip(self._resolved, self._slots, strict=True):
            x = registers[a] if type(a) is int else a
            y = registers[b] if type(b) is int else b
            registers[result] = ufunc(x, y, slots[slot])
        found = []
        for output, _ in self.outputs:
            value = np.full(points, output.value, dtype) if isinstance(output, _Constant) else registers[output]
            found.append(value.copy())  # the buffers serve the next chunk too
        return found

    # -- emission -----------------------------------------------------------------------------------------------------

    def _step(self, ufunc: Any, a: Any, b: Any) -> Register:
        self.steps.append((ufunc, a, b, self._count))
        self._count += 1
        return self._count - 1

    def _emit_node(self, index: int) -> None:
        node = self.graph.nodes[index]
        registers, denominators = zip(*(self._emit(part) for part in node.parts), strict=True)
        denominator = 1
        if node.op == "mul":
            result = self._step(np.multiply, *registers)
            denominator = denominators[0] * denominators[1]
        elif node.op in ("floor", "ceil"):
            result = self._divided(registers[0], denominators[0], node.op == "ceil")
        elif node.op == "quotient":
            common = math.lcm(*denominators)
            top, bottom = (self._times(r, common // d) for r, d in zip(registers, denominators, strict=True))
            result = self._step(np.floor_divide, top, bottom)
        elif node.op in ("max", "min"):
            denominator = math.lcm(*denominators)
            result, *rest = (self._times(r, denominator // d) for r, d in zip(registers, denominators, strict=True))
            for other in rest:
                result = self._step(np.maximum if node.op == "max" else np.minimum, result, other)
        elif node.op == "gcd":
            result = self._step(np.gcd, *registers)
        else:
            raise NotImplementedError(node.op)
        self._registers[index], self._denominators[index] = result, denominator
        self._note(Affine(0, ((index, 1),)), denominator)

    def _divided(self, register: Any, denominator: int, up: bool) -> Register:
        if up:
            register = self._step(np.add, register, _Constant(denominator - 1))
        if denominator & (denominator - 1) == 0:
            return self._step(np.right_shift, register, _Constant(denominator.bit_length() - 1))
        return self._step(np.floor_divide, register, _Constant(denominator))

    def _times(self, register: Any, factor: int) -> Any:
        if factor == 1:
            return register
        if isinstance(register, _Constant):
            return _Constant(register.value * factor)
        return self._step(np.multiply, register, _Constant(factor))

    def _note(self, x: Affine, denominator: int) -> None:
        """Keeps the largest magnitude that any numerator reaches."""
        self.bound = max(self.bound, 2 * self._largest(x) * denominator)

    def _largest(self, x: Affine) -> int:
        """No magnitude of x is above it."""
        try:
            return math.ceil(max(map(abs, self.ranges.of(x))))
        except ZeroDivisionError:  # conditions keep such points away, and bounds cannot know
            return LIMIT

    def _emit(self, x: Affine) -> tuple[Any, int]:
        """The register (or constant) that holds the numerators of x, and their denominator."""
        if x not in self._sums:
            self._sums[x] = self._sum(x)
        return self._sums[x]

    def _sum(self, x: Affine) -> tuple[Any, int]:
        terms, constant, denominator = common_denominator(x, self._denominators)
        if not terms:
            return _Constant(constant), denominator
        magnitude = abs(constant)
        groups: dict[int, list[tuple[Register, bool]]] = {}
        for node, factor in terms:
            groups.setdefault(abs(factor), []).append((self._registers[node], factor < 0))
            magnitude += self._largest(Affine(0, ((node, 1),))) * self._denominators[node] * abs(factor)
        self.bound = max(self.bound, 2 * magnitude)
        result: Any = _Constant(constant) if constant else None
        for factor, members in sorted(groups.items(), key=lambda g: all(negative for _, negative in g[1])):
            members.sort(key=lambda m: m[1])
            (first, negative), *rest = members
            group = first
            for register, other in rest:
                group = self._step(np.add if other == negative else np.subtract, group, register)
            group = self._times(group, factor)
            if result is None:
                result = self._times(group, -1) if negative else group
            elif negative:
                result = self._step(np.subtract, result, group)
            else:
                result = self._step(np.add, result, group)
        return result, denominator

    # -- buffers ------------------------------------------------------------------------------------------------------

    def _finish(self) -> None:
        """Assigns buffers: one is free again after the last step that reads it."""
        last: dict[int, int] = {}
        for i, (_, a, b, result) in enumerate(self.steps):
            last.update({r: i for r in (a, b) if type(r) is int})
            last.setdefault(result, i)
        kept = {r for r, _ in self.outputs if type(r) is int}
        free: list[int] = []
        slot_of: dict[int, int] = {}
        self._slots, self._width = [], 0
        for i, (_, a, b, result) in enumerate(self.steps):
            for r in {r for r in (a, b) if type(r) is int}:
                if last[r] == i and r not in kept and r in slot_of:
                    free.append(slot_of.pop(r))  # elementwise operations may write where they read
            if free:
                slot = free.pop()
            else:
                slot, self._width = self._width, self._width + 1
            slot_of[result] = slot
            self._slots.append(slot)
        self._resolved = [
            (ufunc, *(np.array(x.value, self.dtype) if isinstance(x, _Constant) else x for x in (a, b)), result)
            for ufunc, a, b, result in self.steps
        ]
        self._storage: list[Any] = []

    def _buffers(self, points: int) -> list[Any]:
        if not self._storage or len(self._storage[0]) < points:
            self._storage = [np.empty(points, self.dtype) for _ in range(self._width)]
        return [buffer[:points] for buffer in self._storage]


class _Constant:
    """A number that is the same at every point."""

    __slots__ = ("value",)

    def __init__(self, value: int) -> None:
        self.value = value


def _order(graph: Graph, outputs: Sequence[Affine], given: Mapping[int, Any]) -> list[int]:
    """The nodes that the outputs need, after those that they need themselves, without those that are given."""
    seen: set[int] = set(given)
    order: list[int] = []
    stack = [(node, False) for x in reversed(outputs) for node, _ in x.terms]
    while stack:
        index, ready = stack.pop()
        if ready:
            order.append(index)
        elif index not in seen:
            seen.add(index)
            stack.append((index, True))
            stack += [(n, False) for x in graph.operands(index) for n, _ in x.terms if n not in seen]
    return order

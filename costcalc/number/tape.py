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


class Buffers:
    """Arrays to write into, for tapes that run one after the other: as many as the widest of them needs."""

    def __init__(self) -> None:
        self._arrays: dict[Any, list[Any]] = {}

    def take(self, dtype: Any, count: int, points: int) -> list[Any]:
        """So many arrays of a length, with anything in them."""
        arrays = self._arrays.setdefault(dtype, [])
        if arrays and len(arrays[0]) < points:
            arrays.clear()
        length = len(arrays[0]) if arrays else points
        arrays += (np.empty(length, dtype) for _ in range(count - len(arrays)))
        return [array[:points] for array in arrays[:count]]


class Tape:
    """Numbers of a graph (lowered) as instructions; `inputs` are nodes whose numerators are given."""

    def __init__(
        self,
        graph: Graph,
        outputs: Sequence[Affine],
        ranges: Ranges,
        inputs: Mapping[int, int],
        signs: bool = False,
        buffers: Buffers | None = None,
    ) -> None:
        """`inputs`: for each input node the denominator of what `run` is given for it.

        Outputs are whole numbers; with `signs` any numbers, and `run` gives a positive multiple of each.
        """
        self.graph, self.ranges, self.buffers = graph, ranges, buffers or Buffers()
        self.inputs = list(inputs)
        self.steps: list[tuple[Any, Any, Any, int]] = []  # ufunc, operands (a register or a _Constant), result
        self.bound = 0  # twice the largest magnitude that any step reads or writes
        self._denominators = dict(inputs)
        self._registers: dict[int, Register] = {node: i for i, node in enumerate(inputs)}
        self._count = len(inputs)
        self._sums: dict[Affine, tuple[Register | int, int]] = {}
        for index in graph.needed(outputs, inputs):
            self._emit_node(index)
        self.outputs = [self._emit(x)[0] if signs else self._rounded(x) for x in outputs]  # registers or constants
        self.dtype: Any = object if self.bound >= LIMIT else np.int64
        self._finish()

    def run(self, columns: Sequence[Any], points: int) -> list[Any]:
        """The outputs at these points; `columns` in the order of `inputs`."""
        dtype = self.dtype
        slots = self.buffers.take(dtype, self._width, points)
        registers: list[Any] = [None] * self._count
        for i, column in enumerate(columns):
            registers[i] = column if column.dtype == dtype else column.astype(dtype)
        for (ufunc, a, b, result), slot in zip(self._resolved, self._slots, strict=True):
            x = registers[a] if type(a) is int else a
            y = registers[b] if type(b) is int else b
            registers[result] = ufunc(x, y, out=slots[slot])
        found = []
        for output in self.outputs:
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
            result = self._rounded(node.parts[0], node.op == "ceil")
        elif node.op in ("quotient", "max", "min"):
            common = math.lcm(*denominators)
            denominator = 1 if node.op == "quotient" else common
            ufunc = {"quotient": np.floor_divide, "max": np.maximum, "min": np.minimum}[node.op]
            result, *rest = (self._times(r, common // d) for r, d in zip(registers, denominators, strict=True))
            for part in node.parts:
                self._note(part, common)
            for other in rest:
                result = self._step(ufunc, result, other)
        elif node.op == "gcd":
            result = self._step(np.gcd, *map(self._rounded, node.parts))
        else:
            raise NotImplementedError(node.op)
        self._registers[index], self._denominators[index] = result, denominator
        self._note(Affine(0, ((index, 1),)), denominator)

    def _rounded(self, x: Affine, up: bool = False) -> Any:
        """The register (or constant) that holds x as a whole number."""
        register, denominator = self._emit(x)
        if denominator == 1:
            return register
        self._note(x, denominator, denominator)
        if up:
            register = self._step(np.add, register, self._constant(denominator - 1))
        if denominator & (denominator - 1) == 0:
            return self._step(np.right_shift, register, self._constant(denominator.bit_length() - 1))
        return self._step(np.floor_divide, register, self._constant(denominator))

    def _constant(self, value: int) -> _Constant:
        self.bound = max(self.bound, 2 * abs(value))
        return _Constant(value)

    def _times(self, register: Any, factor: int) -> Any:
        if factor == 1:
            return register
        if isinstance(register, _Constant):
            return self._constant(register.value * factor)
        return self._step(np.multiply, register, self._constant(factor))

    def _note(self, x: Affine, denominator: int, more: int = 0) -> None:
        """Keeps the largest magnitude that any numerator reaches; `more` is what is added to it."""
        self.bound = max(self.bound, 2 * (self._largest(x) * denominator + more))

    def _largest(self, x: Affine) -> int:
        """No magnitude of x is above it."""
        try:
            low, high = self.ranges.of(x)
        except ZeroDivisionError:  # conditions keep such points away, and bounds cannot know
            return LIMIT
        return math.ceil(max(-low, high))

    def _emit(self, x: Affine) -> tuple[Any, int]:
        """The register (or constant) that holds the numerators of x, and their denominator."""
        if x not in self._sums:
            self._sums[x] = self._sum(x)
        return self._sums[x]

    def _sum(self, x: Affine) -> tuple[Any, int]:
        terms, constant, denominator = common_denominator(x, self._denominators)
        magnitude = abs(constant)
        if not terms:
            return self._constant(constant), denominator
        groups: dict[int, list[tuple[Register, bool]]] = {}
        for node, factor in terms:
            groups.setdefault(abs(factor), []).append((self._registers[node], factor < 0))
            magnitude += self._largest(Affine(0, ((node, 1),))) * self._denominators[node] * abs(factor)
        self.bound = max(self.bound, 2 * magnitude)
        result: Any = self._constant(constant) if constant else None
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
        kept = {r for r in self.outputs if type(r) is int}
        free: list[int] = []
        slot_of: dict[int, int] = {}
        self._slots, self._width = [], 0
        for i, (_, a, b, result) in enumerate(self.steps):
            done = {r for r in (a, b) if type(r) is int and last[r] == i and r in slot_of} - kept
            free += [slot_of.pop(r) for r in done]  # elementwise operations may write where they read
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


class _Constant:
    """A number that is the same at every point."""

    __slots__ = ("value",)

    def __init__(self, value: int) -> None:
        self.value = value

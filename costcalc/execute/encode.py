"""The witness of what compressed weights take: it prunes, quantises and codes the weights of a kernel, bit by bit.

Each scheme is followed as its paper describes it, on the arrays that the kernel made. What is stored is what was
written: nothing is multiplied out here but the arrays themselves. `decode` reads it back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from costcalc.execute.sliding import each_axis
from costcalc.execute.work import Floats

Array = NDArray[Any]
BLOCK = 2**16  # numbers that are written at a time
ODD = 2_654_435_761  # of the hash


class Stream:
    """Bits in the order in which they are written, apart by what they are for."""

    def __init__(self, keep: bool) -> None:
        self.keep = keep  # whether they will be read again; else they are only counted
        self.bits: dict[str, list[Array]] = {}
        self.written: dict[str, int] = {}

    def write(self, part: str, numbers: Array, width: int) -> None:
        """Whole numbers from 0, each with as many bits, the highest first."""
        flat = numbers.reshape(-1).astype(np.uint64)
        if flat.size and int(flat.max()) >> width:
            raise ValueError(f"{flat.max()} has more than {width} bits")
        for start in range(0, flat.size, BLOCK):
            eight = flat[start : start + BLOCK].astype(">u8").view(np.uint8).reshape(-1, 8)
            digits = np.unpackbits(eight, axis=1)[:, 64 - width :]
            self.written[part] = self.written.get(part, 0) + digits.size
            if self.keep:
                self.bits.setdefault(part, []).append(digits.reshape(-1))

    def write_floats(self, part: str, values: Array) -> None:
        """Single precision, as it lies in memory."""
        self.write(part, values.astype(np.float32).reshape(-1).view(np.uint32), 32)


class Encoded(NamedTuple):
    """One tensor: what was written, and the weights that it stands for, (groups, filters, inputs, taps)."""

    stream: Stream
    weights: Floats
    fillers: int


# -- how the numbers of the kernels lie: (groups, filters of a group, inputs of a filter, taps) -----------------------


def _taps(attributes: Mapping[str, Any], rank: int) -> int:
    return int(np.prod(each_axis(attributes["kernel"], rank)))


def _conv(made: Sequence[Floats], attributes: Mapping[str, Any], rank: int) -> list[Floats]:
    groups = int(attributes["groups"])
    return [made[0].reshape(groups, int(attributes["out"]) // groups, -1, _taps(attributes, rank))]


def _depthwise(made: Sequence[Floats], attributes: Mapping[str, Any], rank: int) -> list[Floats]:
    return [made[0].reshape(-1, int(attributes["multiplier"]), 1, _taps(attributes, rank))]


def _separable(made: Sequence[Floats], attributes: Mapping[str, Any], rank: int) -> list[Floats]:
    return [*_depthwise(made, attributes, rank), made[1].reshape(1, int(attributes["out"]), -1, 1)]


def _linear(made: Sequence[Floats], attributes: Mapping[str, Any], rank: int) -> list[Floats]:
    columns = made[0].reshape(-1, int(attributes["out"]))  # one for each filter
    return [np.ascontiguousarray(columns.T)[None, :, :, None]]


LAYOUTS: dict[str, Callable[[Sequence[Floats], Mapping[str, Any], int], list[Floats]]] = {
    "conv": _conv, "depthwise": _depthwise, "separable": _separable, "linear": _linear,
}  # fmt: skip


def encode(
    kind: str, attributes: Mapping[str, Any], how: Mapping[str, Any], arrays: Sequence[Floats], rank: int,
    keep: bool = False,
) -> list[Encoded]:  # fmt: skip
    """The arrays of a kernel in a scheme; `rank` is that of the map."""
    found, fillers = [], int(how.get("fillers", 0))
    for weights in LAYOUTS[kind](arrays, attributes, rank):
        found.append(_Coder(weights, how, keep).encoded(fillers))
        fillers -= found[-1].fillers
    if fillers:
        raise ValueError("there is no room for that many fillers")
    return found


class _Coder:
    """One tensor and the scheme that it is written in."""

    def __init__(self, weights: Floats, how: Mapping[str, Any], keep: bool) -> None:
        self.weights, self.how, self.stream = weights, how, Stream(keep)
        self.rng = np.random.default_rng(weights.size)

    def encoded(self, fillers: int) -> Encoded:
        used = 0
        if "binary" in self.how:
            restored = self._signs()
        elif "hashed" in self.how:
            restored = self._hashed()
        elif "subspaces" in self.how:
            restored = self._products()
        else:
            restored, used = self._entries(fillers)
        return Encoded(self.stream, restored.reshape(self.weights.shape).astype(np.float32), used)

    def _signs(self) -> Array:
        """Each filter as signs and the mean of its magnitudes."""
        rows = self.weights.reshape(-1, self.weights.shape[2] * self.weights.shape[3])
        scales = np.abs(rows).mean(axis=1, keepdims=True).astype(np.float32)
        self.stream.write("codes", rows >= 0, 1)
        self.stream.write_floats("scales", scales)
        restored: Array = np.where(rows >= 0, scales, -scales)
        return restored

    def _hashed(self) -> Array:
        """As many shared values as asked for, each the mean of the weights that the hash gives it."""
        flat, share = self.weights.reshape(-1), self.how["hashed"]
        number = -(-flat.size * share.numerator // share.denominator)
        place = buckets(np.arange(flat.size), number)
        sums = np.bincount(place, flat, number)
        values = (sums / np.maximum(np.bincount(place, minlength=number), 1)).astype(np.float32)
        self.stream.write_floats("codes", values)
        restored: Array = values[place]
        return restored

    def _products(self) -> Array:
        """The channels of each filter and tap in parts, each the nearest vector of the table for its part."""
        groups, filters, inputs, taps = self.weights.shape
        parts, number = int(self.how["subspaces"]), int(self.how["codewords"])
        split = self.weights.reshape(groups, filters, parts, inputs // parts, taps)
        restored = np.empty_like(split)
        for group in range(groups):
            for part in range(parts):
                vectors = split[group, :, part].transpose(0, 2, 1).reshape(filters * taps, -1)
                table = vectors[self.rng.integers(0, len(vectors), number)]
                chosen = np.concatenate([_nearest(vectors[i : i + 256], table) for i in range(0, len(vectors), 256)])
                self.stream.write_floats("tables", table)
                self.stream.write("codes", chosen, (number - 1).bit_length())
                restored[group, :, part] = table[chosen].reshape(filters, taps, -1).transpose(0, 2, 1)
        return restored

    # -- weights one by one, all of them or those that pruning leaves ---------------------------------------------

    def _entries(self, fillers: int) -> tuple[Array, int]:
        flat = self.weights.reshape(-1)
        places, kept, used = np.arange(flat.size), np.ones(flat.size, bool), 0
        if "density" in self.how:
            flat, places, kept, used = self._pruned(flat, fillers)
        values = np.where(kept, flat[places], 0).astype(np.float32)
        restored = np.zeros(flat.size, np.float32)
        restored[places] = self._coded(values, places)
        return restored, used

    def _pruned(self, flat: Floats, fillers: int) -> tuple[Floats, Array, Array, int]:
        """The weights, where an entry is written, whether that is a weight, and how many are none.

        What is pruned are the smallest magnitudes. Random weights are first put in an order in which the largest lie
        where so many fillers are needed as there shall be.
        """
        share, size = self.how["density"], flat.size
        number = -(-size * share.numerator // share.denominator)
        if "index_bits" in self.how:
            reach = 2 ** int(self.how["index_bits"])
            fillers = min(fillers, (size - number) // reach)
            places, kept, distances = self._spread(size, number, reach, fillers)
            self.stream.write("positions", distances, int(self.how["index_bits"]))
        else:
            places, kept, fillers = np.sort(self.rng.permutation(size)[:number]), np.ones(number, bool), 0
            mask = np.zeros(size, bool)
            mask[places] = True
            self.stream.write("positions", mask, 1)
        largest = np.argpartition(np.abs(flat), size - number)[size - number :]
        arranged = np.zeros_like(flat)  # pruned: the others are 0
        arranged[places[kept]] = flat[largest]
        return arranged, places, kept, fillers

    def _spread(self, size: int, number: int, reach: int, fillers: int) -> tuple[Array, Array, Array]:
        """Random gaps between so many weights that need so many fillers; each of these takes `reach` places."""
        many = self.rng.multinomial(fillers, np.full(number, 1 / number))
        left = size - number - fillers * reach
        gaps = self.rng.integers(0, min(reach, left + 1), number)
        gaps = np.minimum(gaps, np.maximum(left - (np.cumsum(gaps) - gaps), 0))
        last = np.cumsum(many + 1) - 1  # of the entries before and at each weight
        distances = np.full(number + fillers, reach - 1)
        distances[last] = gaps
        kept = np.zeros(number + fillers, bool)
        kept[last] = True
        return np.cumsum(distances + 1) - 1, kept, distances

    def _coded(self, values: Floats, places: Array) -> Array:
        """Writes the values of entries; returns what is read of them."""
        if "bits" in self.how:
            return self._even(values, places)
        if "clusters" not in self.how:
            self.stream.write_floats("codes", values)
            return values
        number = int(self.how["clusters"])
        zero = bool(self.how.get("fillers"))
        table = np.linspace(values.min(), values.max(), number - zero, dtype=np.float32)
        table = np.sort(np.append(table, np.float32(0))) if zero else table
        middles = (table[1:] + table[:-1]) / 2
        chosen = np.searchsorted(middles, values)
        chosen = np.where(values == 0, np.flatnonzero(table == 0)[0], chosen) if zero else chosen
        self.stream.write_floats("tables", table)
        self.stream.write("codes", chosen, (number - 1).bit_length())
        return table[chosen]

    def _even(self, values: Floats, places: Array) -> Array:
        """Whole multiples of a step, as many below 0 as from 0 on."""
        half = 2 ** (int(self.how["bits"]) - 1)
        which = _scale_of(places, self.weights.shape, self.how.get("scales", "tensor"))
        if which is None:
            steps = np.full(values.size, 1 / half, np.float32)
        else:
            owner, number = which
            scales = np.full(number, 1e-9, np.float32)
            np.maximum.at(scales, owner, np.abs(values) / np.float32(half))
            self.stream.write_floats("scales", scales)
            steps = scales[owner]
        codes = np.clip(np.rint(values.astype(np.float64) / steps), -half, half - 1)
        self.stream.write("codes", codes + half, int(self.how["bits"]))
        return (codes * steps).astype(np.float32)


def _scale_of(places: Array, shape: tuple[int, ...], scales: Any) -> tuple[Array, int] | None:
    """Which scale the weight at a place has, and how many there are; None where the step is known."""
    filters, each = shape[0] * shape[1], shape[2] * shape[3]
    if isinstance(scales, str):
        return {"none": None, "tensor": (places * 0, 1), "filter": (places // each, filters)}[scales]
    runs = len(range(0, each, int(scales)))
    return places // each * runs + places % each // int(scales), filters * runs


def _nearest(vectors: Floats, table: Floats) -> Array:
    place: Array = np.argmin(((vectors[:, None] - table[None]) ** 2).sum(axis=2), axis=1)
    return place


def buckets(index: Any, number: int) -> Any:
    """The shared value of the weight at an index: of whole numbers or arrays of them."""
    return ((index + 1) * ODD % 2**32 ^ index >> 5) % number

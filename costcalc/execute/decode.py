"""Reads compressed weights back, bit by bit, in plain Python: what was written must be enough, and all of it needed.

The reader knows the scheme and the shape of the tensor, as the network that it is loaded into does, and nothing else.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

from costcalc.execute.encode import Encoded, buckets


class _Bits:
    """The bits of one part, read from the first to the last."""

    def __init__(self, chunks: list[Any]) -> None:
        self.bits = [int(bit) for chunk in chunks for bit in chunk]
        self.read = 0

    def number(self, width: int) -> int:
        value = 0
        for _ in range(width):
            value = 2 * value + self.bits[self.read]
            self.read += 1
        return value

    def real(self) -> float:
        value: float = struct.unpack("f", struct.pack("I", self.number(32)))[0]
        return value


class _Reader:
    def __init__(self, encoded: Encoded, how: Mapping[str, Any]) -> None:
        self.how, self.fillers = how, encoded.fillers
        self.groups, self.filters, self.inputs, self.taps = encoded.weights.shape
        self.size = encoded.weights.size
        self.parts = {part: _Bits(chunks) for part, chunks in encoded.stream.bits.items()}

    def weights(self) -> list[float]:
        """All of them, filter by filter, channel by channel, tap by tap."""
        if "binary" in self.how:
            scales = [self.parts["scales"].real() for _ in range(self.groups * self.filters)]
            each = self.inputs * self.taps
            return [scales[i // each] * (1 if self.parts["codes"].number(1) else -1) for i in range(self.size)]
        if "hashed" in self.how:
            values = [self.parts["codes"].real() for _ in range(_up(self.size, self.how["hashed"]))]
            return [values[buckets(i, len(values))] for i in range(self.size)]
        return self.looked_up() if "subspaces" in self.how else self.one_by_one()

    def looked_up(self) -> list[float]:
        parts, number = int(self.how["subspaces"]), int(self.how["codewords"])
        long, width = self.inputs // parts, _width(number)
        found = {}
        for group in range(self.groups):
            for part in range(parts):
                table = [[self.parts["tables"].real() for _ in range(long)] for _ in range(number)]
                for f in range(self.filters):
                    for tap in range(self.taps):
                        vector = table[self.parts["codes"].number(width) if width else 0]
                        for i, value in enumerate(vector):
                            found[group, f, part * long + i, tap] = value
        return [found[place] for place in sorted(found)]

    def places(self) -> list[int]:
        """Where the entries lie."""
        if "density" not in self.how:
            return list(range(self.size))
        if "index_bits" not in self.how:
            return [i for i in range(self.size) if self.parts["positions"].number(1)]
        found, place = [], -1
        for _ in range(_up(self.size, self.how["density"]) + self.fillers):
            place += 1 + self.parts["positions"].number(int(self.how["index_bits"]))
            found.append(place)
        return found

    def one_by_one(self) -> list[float]:
        read = self.value_reader()
        weights = [0.0] * self.size
        for place in self.places():
            weights[place] = read(place)
        return weights

    def value_reader(self) -> Any:
        """What reads the value of the entry at a place."""
        codes = self.parts.get("codes")
        if "clusters" in self.how:
            number = int(self.how["clusters"])
            table = [self.parts["tables"].real() for _ in range(number)]
            return lambda _: table[codes.number(_width(number))] if codes else table[0]
        if codes is None:
            raise ValueError("no weight was written")
        if "bits" not in self.how:
            return lambda _: codes.real()
        bits, scale_of = int(self.how["bits"]), self.scales()
        return lambda place: _single((codes.number(bits) - 2 ** (bits - 1)) * scale_of(place))

    def scales(self) -> Any:
        """What gives the step at a place."""
        scales, each = self.how.get("scales", "tensor"), self.inputs * self.taps
        if scales == "none":
            step = 2.0 ** (1 - int(self.how["bits"]))
            return lambda _: step
        read = self.parts["scales"].real
        if scales == "tensor":
            one = read()
            return lambda _: one
        long = each if scales == "filter" else int(scales)
        table = {(f, start): read() for f in range(self.groups * self.filters) for start in range(0, each, long)}
        return lambda place: table[place // each, place % each // long * long]


def decode(encoded: Encoded, how: Mapping[str, Any]) -> tuple[dict[str, int], int]:
    """How many bits of each part were read, and how many weights came out otherwise than they were written."""
    reader = _Reader(encoded, how)
    weights = reader.weights()
    wrong = sum(a != b for a, b in zip(weights, encoded.weights.reshape(-1).tolist(), strict=True))
    return {part: bits.read for part, bits in reader.parts.items()}, wrong


def _up(size: int, share: Any) -> int:
    """The least whole number that is no less than a share of the size."""
    whole, rest = divmod(size * share.numerator, share.denominator)
    return int(whole + (rest > 0))


def _width(number: int) -> int:
    """Binary digits of the highest place among so many."""
    return len(bin(number - 1)) - 2 if number > 1 else 0


def _single(value: float) -> float:
    rounded: float = struct.unpack("f", struct.pack("f", value))[0]
    return rounded

"""Random ways of compressing the weights of a layer: every attribute of `compress`, in every form that it takes."""

from __future__ import annotations

import random
from collections.abc import Iterator
from fractions import Fraction
from math import gcd
from typing import Any, NamedTuple

import numpy as np
from layers import Layer, layers

from costcalc.execute.work import KERNELS, Floats, Tensor, Work
from costcalc.kinds import REGISTRY, Bank
from costcalc.storage import Scheme, read

KINDS = ("conv", "depthwise", "separable", "linear")


class Case(NamedTuple):
    """A layer, how it is compressed, its tensors by the rule, and the numbers that its kernel made."""

    layer: Layer
    how: dict[str, Any]
    banks: list[Bank]
    made: list[Floats]

    @property
    def scheme(self) -> Scheme:
        return Scheme(self.how)


def banks_of(layer: Layer) -> list[Bank]:
    return list(REGISTRY[layer.kind](layer.attributes).banks(layer.inputs, layer.output))


def made_by(layer: Layer) -> list[Floats]:
    """The weights that the kernel makes when it runs."""
    rng = np.random.default_rng(3)
    inputs = [Tensor(rng.random((1, *x.dims), np.float32), x.sequence) for x in layer.inputs]
    work = Work(inputs, layer.attributes, rng, own=False)
    work.kept = []
    KERNELS[layer.kind](work)
    return work.kept


def share(source: random.Random) -> Fraction | int:
    """Above 0, at most 1."""
    below = source.randint(1, 40)
    exact = Fraction(source.randint(1, below), below)
    return 1 if exact == 1 else exact


def most_fillers(how: dict[str, Any], banks: list[Bank]) -> int:
    """By the definition: in the zeros of each tensor, one for each 2^index_bits of them, if they all lie together."""
    zeros = [bank.size - len(range(0, bank.size * how["density"].numerator, how["density"].denominator)) for bank in banks]
    return sum(z // 2 ** how["index_bits"] for z in zeros)


def drawn(source: random.Random, banks: list[Bank]) -> dict[str, Any]:
    """A scheme that fits the tensors."""
    way = source.choice(["bits", "clusters", "hashed", "subspaces", "binary", "left", "activation"])
    how: dict[str, Any] = {}
    if way == "bits":
        how["bits"] = source.randint(1, 32)
        if source.random() < 0.8:
            how["scales"] = source.choice(["tensor", "filter", "none", source.randint(1, 12)])
    elif way == "clusters":
        how["clusters"] = source.randint(1, 70)
    elif way == "hashed":
        how["hashed"] = share(source)
    elif way == "subspaces":
        common = gcd(*(bank.inputs for bank in banks))
        how["subspaces"] = source.choice([s for s in range(1, common + 1) if common % s == 0])
        how["codewords"] = source.randint(1, 20)
    elif way == "binary":
        how["binary"] = source.choice(["weights", "both"])
    if way == "left" or (way in ("bits", "clusters") and source.random() < 0.7):
        how["density"] = share(source)
        if source.random() < 0.7:
            how["index_bits"] = source.choice([1, 1, 2, 3, 5, 8, 32])
            if source.random() < 0.5:
                how["fillers"] = source.randint(0, most_fillers(how, banks))
        if how.get("fillers") and "clusters" in how:
            how["clusters"] += 1  # one of them is 0
    if way == "activation" or (way not in ("subspaces", "binary") and source.random() < 0.2):
        how["activation_bits"] = source.randint(1, 32)
    return how


def cases(kind: str, number: int, first: int = 0) -> Iterator[Case]:
    """So many random layers of a kind, each with a random scheme."""
    for i, layer in enumerate(layers(kind, number, first, tiny=True)):
        banks = banks_of(layer)
        how = read(drawn(random.Random(f"{kind} {first} {i}"), banks))
        yield Case(layer, how, banks, made_by(layer))

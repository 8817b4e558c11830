"""Random layers of every kind: what a spec could say of one, and what could arrive at it.

Sizes differ from each other wherever an operation allows it (an input is never square), so that a mistake that takes
one for another is seen. A layer that its kind refuses is drawn again.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import families
import pytest

from costcalc.census import Census
from costcalc.kinds import REGISTRY, KindError
from costcalc.shape import Shape

Given = dict[str, Any]
DRAWS: dict[str, Callable[[Draw], tuple[Given, list[Shape]]]] = {}


class Layer(NamedTuple):
    """A layer that its kind accepts, with what its rules say of one sample."""

    kind: str
    attributes: Given  # as a node has them
    inputs: list[Shape]
    batch: int
    output: Shape
    census: Census


class Draw:
    """Random sizes and attributes; `tiny` ones where every operation will be done by itself."""

    def __init__(self, seed: Any, tiny: bool) -> None:
        self.random, self.tiny = random.Random(seed), tiny

    def up_to(self, most: int, least: int = 1) -> int:
        return self.random.randint(least, most)

    def pick(self, *options: Any) -> Any:
        return self.random.choice(options)

    def yes(self) -> bool:
        return self.random.random() < 0.5

    def rank(self) -> int:
        return self.pick(1, 2, 2, 2, 3)

    def channels(self, groups: int = 1) -> int:
        return groups * self.up_to((5 if self.tiny else 7) // groups + 1)

    def sizes(self, rank: int) -> tuple[int, ...]:
        """Sizes that all differ."""
        most = ((15, 7, 5) if self.tiny else (23, 12, 7))[rank - 1]
        return tuple(self.random.sample(range(1, most + 1), rank))

    def map(self, groups: int = 1) -> Shape:
        return Shape(self.channels(groups), self.sizes(self.rank()))

    def tokens(self) -> Shape:
        return Shape(self.channels(), (self.up_to(9),), True)

    def vector(self) -> Shape:
        return Shape(self.up_to(40))

    def any(self) -> Shape:
        return self.pick(self.map, self.map, self.tokens, self.vector)()

    def axes(self, rank: int, most: int, least: int = 1) -> Any:
        """One number for all axes, or one for each."""
        if self.yes():
            return self.up_to(most, least)
        return [self.up_to(most, least) for _ in range(rank)]

    def padding(self, rank: int, most: int) -> Any:
        """One of all its forms."""
        forms = ("same", "valid", self.up_to(most, 0), [self.up_to(most, 0) for _ in range(rank)])
        return self.pick(*forms, [self.up_to(most, 0) for _ in range(2 * rank)])

    def some(self, **attributes: Any) -> Given:
        """Each attribute, or its default."""
        return {name: value for name, value in attributes.items() if self.random.random() < 0.8}

    def window(self, rank: int) -> Given:
        """Some of what every convolution can be told of its window."""
        return self.some(
            kernel=self.axes(rank, 4 if rank < 3 else 3), stride=self.axes(rank, 3), dilation=self.axes(rank, 3),
            padding=self.padding(rank, 3), bias=self.yes(),
        )  # fmt: skip


def layer(kind: str, seed: int, tiny: bool = False) -> Layer | None:
    """The layer of a seed; None where the kind refuses it."""
    draw = Draw(f"{kind} {seed}", tiny)
    given, inputs = DRAWS[kind](draw)
    cls = REGISTRY[kind]
    defaults = {name: attribute.default for name, attribute in cls.attributes.items()}
    try:
        values = {**defaults, **{name: cls.attributes[name].read(value) for name, value in given.items()}}
        rules = cls(values)
        output = rules.infer(inputs)
        census = rules.count(inputs, output)
    except KindError:
        return None
    attributes = {name: value for name, value in values.items() if value is not None}
    return Layer(kind, attributes, inputs, draw.up_to(3), output, census)


def layers(kind: str, number: int, first: int = 0, tiny: bool = False) -> Iterator[Layer]:
    """So many layers that the kind accepts, a thousand of them different, none of very many operations."""
    most = 2_000 if tiny else 100_000
    seen: set[str] = set()
    drawn_already = 0
    for seed in range(first, first + 20 * number):
        drawn = layer(kind, seed, tiny)
        if drawn is None or sum(drawn.census[:8]) * drawn.batch > most or (len(seen) < 1000 and str(drawn) in seen):
            continue
        seen.add(str(drawn))
        drawn_already += 1
        yield drawn
        if drawn_already == number:
            return
    pytest.fail(f"only {drawn_already} layers of kind {kind} were drawn")


def draws(*kinds: str) -> Callable[[Callable[[Draw], tuple[Given, list[Shape]]]], Any]:
    """Registers how layers of these kinds are drawn."""

    def register(function: Callable[[Draw], tuple[Given, list[Shape]]]) -> Any:
        for kind in kinds:
            DRAWS[kind] = function
        return function

    return register


@draws("conv")
def _conv(draw: Draw) -> tuple[Given, list[Shape]]:
    groups = draw.pick(1, 1, 2, 3)
    x = draw.map(groups)
    return {"out": draw.channels(groups), "groups": groups, **draw.window(len(x.spatial))}, [x]


@draws("depthwise")
def _depthwise(draw: Draw) -> tuple[Given, list[Shape]]:
    x = draw.map()
    return {**draw.some(multiplier=draw.up_to(3)), **draw.window(len(x.spatial))}, [x]


@draws("separable")
def _separable(draw: Draw) -> tuple[Given, list[Shape]]:
    given, inputs = _depthwise(draw)
    return {"out": draw.channels(), **given}, inputs


@draws("linear")
def _linear(draw: Draw) -> tuple[Given, list[Shape]]:
    return {"out": draw.up_to(20), **draw.some(bias=draw.yes())}, [draw.pick(draw.tokens, draw.vector)()]


@draws("max_pool")
def _pool(draw: Draw) -> tuple[Given, list[Shape]]:
    x = draw.map()
    rank = len(x.spatial)
    kernel = draw.axes(rank, 4 if rank < 3 else 3)
    most = (min(kernel) if isinstance(kernel, list) else kernel) - 1
    stride, padding = draw.axes(rank, 4), draw.padding(rank, most)
    return {"kernel": kernel, **draw.some(stride=stride, padding=padding, ceil_mode=draw.yes())}, [x]


@draws("avg_pool")
def _avg_pool(draw: Draw) -> tuple[Given, list[Shape]]:
    given, inputs = _pool(draw)
    return {**given, **draw.some(count_include_pad=draw.yes())}, inputs


@draws("adaptive_avg_pool", "adaptive_max_pool")
def _adaptive(draw: Draw) -> tuple[Given, list[Shape]]:
    x = draw.map()
    return {"out": draw.axes(len(x.spatial), 6 if len(x.spatial) < 3 else 3)}, [x]


@draws("global_avg_pool", "global_max_pool")
def _global(draw: Draw) -> tuple[Given, list[Shape]]:
    return draw.some(keep_axes=draw.yes()), [draw.pick(draw.map, draw.tokens)()]


@draws("batch_norm")
def _batch_norm(draw: Draw) -> tuple[Given, list[Shape]]:
    return draw.some(scale=draw.yes(), shift=draw.yes()), [draw.any()]


@draws("relu", "relu6", "sigmoid", "hard_sigmoid", "hard_swish", "swish", "silu", "tanh", "softmax", "flatten")
def _plain(draw: Draw) -> tuple[Given, list[Shape]]:
    return {}, [draw.any()]


@draws("gelu")
def _gelu(draw: Draw) -> tuple[Given, list[Shape]]:
    return draw.some(approximate=draw.pick("none", "tanh")), [draw.any()]


@draws("dropout")
def _dropout(draw: Draw) -> tuple[Given, list[Shape]]:
    return draw.some(rate=draw.pick(0, 1)), [draw.any()]


@draws("add")
def _add(draw: Draw) -> tuple[Given, list[Shape]]:
    return {}, [draw.any()] * draw.up_to(4, 2)


@draws("mul")
def _mul(draw: Draw) -> tuple[Given, list[Shape]]:
    whole = draw.any()
    alone = whole._replace(spatial=(1,) * len(whole.spatial))
    xs = [whole, *(draw.pick(whole, alone, Shape(whole.channels)) for _ in range(draw.up_to(3)))]
    draw.random.shuffle(xs)
    return {}, xs


@draws("concat")
def _concat(draw: Draw) -> tuple[Given, list[Shape]]:
    x = draw.any()
    return {}, [x.at(draw.channels()) for _ in range(draw.up_to(4, 2))]


@draws("split")
def _split(draw: Draw) -> tuple[Given, list[Shape]]:
    x = draw.any()
    if draw.yes():
        parts = draw.up_to(4, 2)
        return {"parts": parts, "part": draw.up_to(parts)}, [x.at(parts * draw.up_to(3))]
    sizes = [draw.up_to(4) for _ in range(draw.up_to(4))]
    return {"sizes": sizes, "part": draw.up_to(len(sizes))}, [x.at(sum(sizes))]


@draws("channel_shuffle")
def _shuffle(draw: Draw) -> tuple[Given, list[Shape]]:
    groups = draw.up_to(5)
    return {"groups": groups}, [draw.any().at(groups * draw.up_to(4))]


@draws("reshape")
def _reshape(draw: Draw) -> tuple[Given, list[Shape]]:
    x = draw.any()
    sizes, left = [], x.size
    for _ in range(draw.up_to(3, 0)):
        sizes.append(draw.pick(*(n for n in range(1, left + 1) if left % n == 0)))
        left //= sizes[-1]
    if draw.yes():
        return {"tokens": (sizes or [left])[0]}, [x]
    return {"to": [*sizes, left]}, [x]


@draws("upsample")
def _upsample(draw: Draw) -> tuple[Given, list[Shape]]:
    x = draw.map()
    rank = len(x.spatial)
    largest = {"size": draw.axes(rank, 7 if rank < 3 else 4)} if draw.yes() else {"scale": draw.axes(rank, 3)}
    mode = draw.pick("nearest", {1: "linear", 2: "bilinear", 3: "trilinear"}[rank])
    return {**largest, **draw.some(mode=mode)}, [x]


families.modules()  # each registers how its layers are drawn

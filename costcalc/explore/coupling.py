"""Which layers must shrink together: the channels of every tensor, traced to the layers whose filters make them.

The filters of a layer make a *class*, or several where only some of them are tied to others. What is added or
multiplied element by element is tied one to one; a concatenation has the classes of its parts one after the other;
a depthwise convolution, a norm, an activation hands on those of its input. What a class shares with the input or the
output of the network cannot shrink.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from costcalc.kinds import REGISTRY, Kind, KindError
from costcalc.network import INPUT, Network, Node
from costcalc.number import concrete
from costcalc.shape import Shape

Segment = tuple[int, Any]  # a class, and how many channels each of its filters makes


class Channels(NamedTuple):
    """The channels of a tensor, segment by segment; `mixed` where only their number is known, not their order."""

    segments: tuple[Segment, ...]
    mixed: bool = False


class Group(NamedTuple):
    """A class of filters: the layers that have them, and how many channels each filter is in every layer's output."""

    filters: int
    layers: dict[str, int]
    reads: dict[str, Fraction]  # nodes: how many of their input channels each filter is
    fixed: str  # why it cannot shrink; empty where it can


class Classes:
    """Classes of filters, which are split and joined as the network ties them to each other."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.fixed: list[str] = []
        self.became: dict[int, tuple[Segment, ...]] = {}  # a class that was split or joined

    def new(self, size: int, fixed: str = "") -> int:
        self.sizes.append(size)
        self.fixed.append(fixed)
        return len(self.sizes) - 1

    def expanded(self, segments: Iterable[Segment]) -> list[Segment]:
        """The same channels in classes as they are now."""
        found: list[Segment] = []
        pending = list(segments)[::-1]
        while pending:
            name, scale = pending.pop()
            if name in self.became:
                pending += [(part, times * scale) for part, times in reversed(self.became[name])]
            else:
                found.append((name, scale))
        return found

    def fix(self, segments: Iterable[Segment], reason: str) -> None:
        """Notes that these cannot shrink."""
        for name, _ in self.expanded(segments):
            self.fixed[name] = self.fixed[name] or reason

    def cut(self, name: int, filters: int) -> None:
        """Splits a class in two after so many filters."""
        parts = filters, self.sizes[name] - filters
        self.became[name] = tuple((self.new(size, self.fixed[name]), 1) for size in parts)

    def tie(self, a: Sequence[Segment], b: Sequence[Segment], reason: str) -> None:
        """Ties channels one to one; where that cannot be told filter by filter, they cannot shrink, for this reason."""
        left, right = self.expanded(a)[::-1], self.expanded(b)[::-1]
        while left and right:
            (p, s), (q, t) = left[-1], right[-1]
            if (p, s) == (q, t):
                left.pop(), right.pop()
                continue
            one, two = self.sizes[p] * s, self.sizes[q] * t
            width, (name, scale) = min(one, two), (p, s) if one > two else (q, t)
            if p == q or (one != two and width % scale):
                self.fix((*left, *right), reason)
                return
            if one != two:
                self.cut(name, width // scale)
            else:
                self.join(p, s, q, t)
            left, right = self.expanded(left[::-1])[::-1], self.expanded(right[::-1])[::-1]

    def join(self, p: int, s: int, q: int, t: int) -> None:
        """Makes one class of two of as many channels: a filter of it is some of the one and some of the other."""
        shared = math.gcd(s, t)
        both = self.new(self.sizes[p] * shared // t, self.fixed[p] or self.fixed[q])
        self.became[p], self.became[q] = ((both, t // shared),), ((both, s // shared),)


def follows(node: Node, x: Shape) -> bool:
    """Whether a convolution is depthwise by its groups, so that these are as many as its input has channels."""
    groups = node.attributes.get("groups", 1)
    return has_filters(node) and bool(groups == x.channels != 1)


def has_filters(node: Node) -> bool:
    """Whether the layer says how many channels it makes."""
    kind = REGISTRY[node.kind]
    return kind.followers and "out" in kind.attributes


def groups_of(network: Network) -> list[Group]:
    """Every class of filters of a network, in the order of the first layer that has it."""
    tracing = _Tracing(network)
    for node in network.nodes:
        tracing.channels[node.path] = tracing.of(node)
    for name in network.outputs:
        tracing.classes.fix(tracing.channels[name].segments, "its filters are the output of the network")
    return tracing.groups()


class _Tracing:
    def __init__(self, network: Network) -> None:
        self.network, self.classes = network, Classes()
        entry = self.classes.new(concrete(network.input.channels), "tied to the input of the network")
        self.channels = {INPUT: Channels(((entry, 1),))}
        self.made: dict[str, Channels] = {}  # by the layers that have filters

    def of(self, node: Node) -> Channels:
        """The channels of a node's output."""
        inputs = [self.channels[name] for name in node.inputs]
        shapes = [self.network.shapes[name] for name in node.inputs]
        if has_filters(node) and not follows(node, shapes[0]):
            made = self.made[node.path] = Channels(((self.classes.new(concrete(node.output.channels)), 1),))
            return made
        if len(inputs) > 1:
            return self.joined(node, inputs, shapes)
        if node.kind == "split" and node.attributes.get("parts") and not inputs[0].mixed:
            return self.part(node, inputs[0])
        if not _scales(node, shapes[0]):
            return Channels(
                ((self.classes.new(concrete(node.output.channels), f"`{node.path}` has a fixed width"), 1),)
            )
        times = Fraction(concrete(node.output.channels), concrete(shapes[0].channels))
        segments = self.classes.expanded(inputs[0].segments)
        mixes = (node.kind == "channel_shuffle" and len(segments) > 1) or times.denominator != 1
        factor = times.numerator if times.denominator == 1 else times
        return Channels(tuple((name, scale * factor) for name, scale in segments), inputs[0].mixed or mixes)

    def joined(self, node: Node, inputs: Sequence[Channels], shapes: Sequence[Shape]) -> Channels:
        """A concatenation has all; of an addition or product, all are tied to the first."""
        if all(x.channels == node.output.channels for x in shapes):
            for other in inputs[1:]:
                reason = f"`{node.path}` joins channels whose order is mixed"
                if not inputs[0].mixed and not other.mixed:
                    self.classes.tie(inputs[0].segments, other.segments, f"`{node.path}` ties it to itself")
                elif inputs[0] != other:
                    self.classes.fix((*inputs[0].segments, *other.segments), reason)
            return inputs[0]
        if sum(concrete(x.channels) for x in shapes) == node.output.channels:
            return Channels(tuple(s for x in inputs for s in x.segments), any(x.mixed for x in inputs))
        return Channels(((self.classes.new(concrete(node.output.channels), f"`{node.path}` has a fixed width"), 1),))

    def part(self, node: Node, x: Channels) -> Channels:
        """One of several equal parts, which are tied to each other; mixed where they end in the middle of a filter."""
        parts, number = int(node.attributes["parts"]), int(node.attributes["part"])
        width = concrete(node.output.channels)
        pieces: list[list[Segment]] = [[] for _ in range(parts)]
        rest, at = self.classes.expanded(x.segments)[::-1], 0
        while rest:
            name, scale = rest[-1]
            size, room = self.classes.sizes[name] * scale, width - at % width
            if size > room:
                if room % scale:
                    return Channels(tuple((c, Fraction(s, parts)) for c, s in x.segments), mixed=True)
                self.classes.cut(name, room // scale)
                rest = self.classes.expanded(rest[::-1])[::-1]
                continue
            pieces[at // width].append(rest.pop())
            at += size
        for piece in pieces[1:]:
            self.classes.tie(pieces[0], piece, f"`{node.path}` divides it")
        return Channels(tuple(pieces[number - 1]))

    def groups(self) -> list[Group]:
        """The classes as they are in the end."""
        found: dict[int, Group] = {}
        for path, made in self.made.items():
            for name, scale in self.classes.expanded(made.segments):
                group = found.setdefault(name, Group(self.classes.sizes[name], {}, {}, self.classes.fixed[name]))
                group.layers[path] = group.layers.get(path, 0) + scale
        for node in self.network.nodes:
            for tensor in node.inputs:
                for name, scale in self.classes.expanded(self.channels[tensor].segments):
                    if name in found:
                        reads = found[name].reads
                        reads[node.path] = reads.get(node.path, Fraction(0)) + scale
        return list(found.values())


def _scales(node: Node, x: Shape) -> bool:
    """Whether twice the channels come out where twice the channels go in."""
    kind: Kind = REGISTRY[node.kind](following(node, 2 * concrete(x.channels)) if follows(node, x) else node.attributes)
    try:
        return bool(kind.infer([x.at(2 * x.channels)]).channels == 2 * node.output.channels)
    except KindError:
        return False


def following(node: Node, channels: int) -> dict[str, Any]:
    """The attributes of a convolution that is depthwise by its groups, for so many channels."""
    times = node.attributes["out"] // node.attributes["groups"]
    return {**node.attributes, "groups": channels, "out": channels * times}

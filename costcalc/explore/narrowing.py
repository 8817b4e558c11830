"""Layer by layer: the fewest filters whose removal brings a total down by a wanted amount.

These are the proposals of NetAdapt (Yang et al. 2018, arXiv:1804.03230, section 3), with exact counts in the place of a
table of measured latencies: each layer alone is narrowed, or each group that must be narrowed together, until the
network as a whole is within the budget. What each costs in accuracy is for others to find out.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from costcalc.budgets import Budget, budgets_of, each_once, read_metric, reduced
from costcalc.cost import Report, conventions, count
from costcalc.errors import Problem, UsageError
from costcalc.explore.coupling import Group, following, follows, groups_of
from costcalc.explore.fitted import Narrowed, Narrowing
from costcalc.kinds import REGISTRY, KindError
from costcalc.network import INPUT, Network, Node
from costcalc.number import NotWhole, concrete
from costcalc.shape import Shape

MAX_TRIED = 4096  # reductions of a layer's channels, in search of the first that can be


def narrowing(report: Report, reduce: Mapping[str, str], limits: Mapping[str, int | str]) -> Narrowing:
    """For each group of layers of a network the fewest filters to remove so that it is within the budgets.

    `reduce` says by how much totals are to fall, `limits` what they are to be at most. Raises UsageError.
    """
    totals = report.totals._asdict()
    budgets = each_once([*(reduced(name, text, totals) for name, text in reduce.items()), *budgets_of(limits)])
    for budget in budgets:
        read_metric(budget.metric)  # a scheme may not fit fewer filters
    if not budgets:
        raise UsageError(Problem("nothing is to be reduced", None, "as in `--reduce madds=5%` or `--max-madds 300M`"))
    if all(b.headroom(totals) >= 0 for b in budgets):
        raise UsageError(Problem("the network is within the budgets as it is", None, "nothing needs to be removed"))
    unknown = tuple(report.lacking(b.metric for b in budgets))
    groups = [] if unknown else groups_of(report.network)
    return Narrowing(report, budgets, tuple(_Group(report, group, budgets).narrowed() for group in groups), unknown)


def chosen(found: Narrowing, sort: str = "order", top: int | None = None) -> Narrowing:
    """The first `top` layers in order, or `removed`: fewest first, or `filters`: most first; then what cannot be."""
    keys = {
        "order": lambda layer: 0,
        "removed": lambda layer: (not layer.reached, layer.removed),
        "filters": lambda layer: -layer.filters,
    }
    narrowed = sorted((layer for layer in found.layers if not layer.reason), key=keys[sort])
    fixed = [layer for layer in found.layers if layer.reason]
    kept = narrowed[:top]
    if sort == "order" and len(kept) == len(narrowed):
        return found  # those that cannot be narrowed stay in their places
    return found._replace(layers=(*kept, *fixed), left_out=len(narrowed) - len(kept))


class _Group:
    """A group of layers, the network that it belongs to, and what that is to come down to."""

    def __init__(self, report: Report, group: Group, budgets: Sequence[Budget]) -> None:
        self.report, self.group, self.budgets = report, group, budgets
        self.outs = {node.path: concrete(node.output.channels) for node in report.network.nodes}
        # a user's convention may count less for more channels, and then halving the interval would miss something
        own = report.convention.name not in conventions() and any(b.metric == "count" for b in budgets)
        self.rising = not own

    def narrowed(self) -> Narrowed:
        group = self.group
        first = Narrowed(tuple(group.layers), {p: self.outs[p] for p in group.layers}, group.filters)
        if group.fixed:
            return first._replace(reason=group.fixed)
        step, reason = self.step()
        if not reason and step >= group.filters:
            reason = f"it can only lose filters {step:,} at a time, and has {group.filters:,}"
        if reason:
            return first._replace(reason=reason)
        return self.fewest(first._replace(step=step))

    def fewest(self, found: Narrowed) -> Narrowed:
        """The fewest multiples of the step that reach the budgets; else as many as can be removed."""
        low, high = 0, (self.group.filters - 1) // found.step  # low does not reach it, high might
        best = self.totals(high * found.step)
        if isinstance(best, str):
            return found._replace(reason=best)
        reached = self.reaches(best)
        if reached and not self.rising:
            steps = range(1, high)
            high = next((k for k in steps if self.reaches(self.totals(k * found.step))), high)
            low = high - 1
        while reached and high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self.reaches(self.totals(middle * found.step)) else (middle, high)
        removed = high * found.step
        totals = self.totals(removed)
        before = self.report.totals._asdict()
        saved = {m: before[m] - n for m, n in totals.items()} if not isinstance(totals, str) else {}
        left = {path: self.outs[path] - removed * times for path, times in self.group.layers.items()}
        return found._replace(removed=removed, left=left, saved=saved, reached=reached)

    def reaches(self, totals: Mapping[str, int] | str) -> bool:
        return not isinstance(totals, str) and all(b.headroom(totals) >= 0 for b in self.budgets)

    def totals(self, removed: int) -> dict[str, int] | str:
        """The totals after so many filters are removed, or why they cannot be."""
        outs = {path: self.outs[path] - removed * times for path, times in self.group.layers.items()}
        report = self.report
        try:
            network = with_widths(report.network, outs)
        except (KindError, NotWhole) as error:
            return str(error)
        totals = count(network, report.convention, report.batch, report.dtype).totals._asdict()
        del totals["census"], totals["stored_bytes"]  # a scheme may not fit fewer filters
        return totals

    def step(self) -> tuple[int, str]:
        """How many filters go at once, so that groups, shuffles and splits still divide; or why none can."""
        step = 1
        for node in self.report.network.nodes:
            inputs = [self.report.network.shapes[name] for name in node.inputs]
            for makes, times in ((True, self.group.layers.get(node.path)), (False, self.group.reads.get(node.path))):
                if times is None or len(inputs) > 1:
                    continue
                least = _least(node, inputs[0], makes)
                if isinstance(least, str):
                    return 0, f"`{node.path}`: {least}"
                step = math.lcm(step, (Fraction(least) / times).numerator)
        return step, ""


def _least(node: Node, x: Shape, makes: bool) -> int | str:
    """The fewest channels by which a node's output, or its input, can shrink; or why it can by none."""
    if follows(node, x):
        return 1
    most, reason = concrete(node.attributes["out"] if makes else x.channels) - 1, ""
    for less in range(1, min(most, MAX_TRIED) + 1):
        attributes = {**node.attributes, "out": node.attributes["out"] - less} if makes else node.attributes
        try:
            REGISTRY[node.kind](attributes).infer([x if makes else x.at(x.channels - less)])
        except KindError as error:
            reason = reason or error.message
        else:
            return less
    return reason or "it has one channel"


def with_widths(network: Network, outs: Mapping[str, int]) -> Network:
    """The network with layers of other widths, every later shape inferred anew. Raises KindError where it cannot be."""
    shapes: dict[str, Any] = {INPUT: network.input}
    nodes = []
    for node in network.nodes:
        inputs = [shapes[name] for name in node.inputs]
        attributes = node.attributes
        if node.path in outs:
            attributes = {**attributes, "out": outs[node.path]}
        elif follows(node, network.shapes[node.inputs[0]]):
            attributes = following(node, inputs[0].channels)
        if attributes is not node.attributes or inputs != [network.shapes[name] for name in node.inputs]:
            output = REGISTRY[node.kind](attributes).infer(inputs)
            node = node._replace(attributes=attributes, output=output, compress=None)  # which may not fit any more
        shapes[node.path] = node.output
        nodes.append(node)
    return dataclasses.replace(network, nodes=tuple(nodes))

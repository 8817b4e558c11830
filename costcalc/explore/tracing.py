"""One count of a document with symbols: totals as expressions in its hyper-parameters, and their conditions."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from costcalc.cost import Convention, Report, count
from costcalc.errors import CostcalcError
from costcalc.number import is_number
from costcalc.number.graph import Affine, Graph
from costcalc.number.traced import Condition, Trace
from costcalc.spec import Document, build_network


class Way(NamedTuple):
    """How to count: what `cost.count` takes beside the network."""

    convention: str | Convention = "paper"
    batch: int = 1
    dtype: str = "float32"


class Found(NamedTuple):
    """What a trace came to: a report whose numbers are traced, or the reason why there is none."""

    trace: Trace
    report: Report | None
    fault: str = ""


def trace(
    document: Document,
    setting: Mapping[str, Any],
    free: Collection[str],
    whole: Collection[str] = (),
    way: Way = Way(),  # noqa: B008 - immutable
    graph: Graph | None = None,
    ideal: bool = False,
    windows: bool = False,
) -> Found:
    """Counts the document at a setting, hyper-parameters in `free` as symbols; those in `whole` are whole numbers.

    The others are those of `Trace`.
    """
    run = Trace(graph, ideal, windows)
    given = dict(setting)
    for name in free:
        if is_number(given[name]):
            given[name] = run.symbol(name, given[name], name in whole)
    try:
        return Found(run, count(build_network(document, given), *way))
    except CostcalcError as error:
        return Found(run, None, error.problems[0].message)


def must_be_whole(conditions: Collection[Condition], graph: Graph) -> set[str]:
    """The hyper-parameters that had to be whole numbers: x of which `(x + 8) % 1 == 0` was asked, as of a size."""
    names = set()
    for difference, relation, outcome in conditions:
        if relation != "==" or not outcome or difference.constant or len(difference.terms) != 1:
            continue
        node = graph.nodes[difference.terms[0][0]]
        if node.op != "mod" or node.parts[1] != (1, ()) or node.parts[0].constant.denominator != 1:
            continue
        loose = [(index, c) for index, c in node.parts[0].terms if not graph.whole(Affine(0, ((index, c),)))]
        if len(loose) == 1 and loose[0][1] in (1, -1) and graph.nodes[loose[0][0]].op == "symbol":
            names.add(graph.nodes[loose[0][0]].parts[0])
    return names


def whole_names(document: Document, setting: Mapping[str, Any], free: Collection[str]) -> frozenset[str]:
    """Which of the free hyper-parameters must be whole numbers, as seen at a setting that can be built."""
    found = trace(document, setting, free)
    return frozenset(must_be_whole(found.trace.conditions, found.trace.graph))

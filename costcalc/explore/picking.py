"""Which layers are meant: by a path as the report shows it, by its end, by a stage; or those that cost most."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from costcalc.cost import Report
from costcalc.errors import Problem, UsageError, unknown
from costcalc.network import Node

Nodes = tuple[Node, ...]  # those of one layer, or one of them alone
LISTED = 6  # of several that are meant


class Picked(NamedTuple):
    """Layers, those of the same signature together; `tied` are left out and cost as much as the cheapest of them."""

    groups: list[list[Nodes]]
    tied: tuple[str, ...] = ()


def picked(report: Report, name: str | None, top: int | None, signature: Callable[[Nodes], Any]) -> Picked:
    """The layers of this name, or the `top` that cost most. Raises UsageError."""
    if top is not None and top < 1:
        raise UsageError(Problem(f"`top` cannot be {top}", None, "a whole number from 1"))
    layers = layers_of(report)
    found = list(layers.values()) if name is None else named(report, layers, name)
    counts = {row.path: row.count or 0 for row in report.rows("layer")} if top is not None else {}
    found = sorted(found, key=lambda nodes: -counts.get(nodes[0].layer, 0))
    groups: dict[Any, list[Nodes]] = {}
    for nodes in found:
        groups.setdefault(signature(nodes), []).append(nodes)
    shown, others = list(groups.values())[:top], list(groups.values())[len(groups) if top is None else top :]
    least = min((counts.get(group[0][0].layer, 0) for group in shown), default=0)
    tied = [nodes[0].layer for group in others for nodes in group if counts.get(nodes[0].layer, 0) == least]
    return Picked(shown, tuple(tied))


def layers_of(report: Report) -> dict[str, Nodes]:
    """The nodes of each layer by its path, in the order in which they run."""
    found: dict[str, list[Node]] = {}
    for node in report.network.nodes:
        found.setdefault(node.layer, []).append(node)
    return {path: tuple(nodes) for path, nodes in found.items()}


def named(report: Report, layers: dict[str, Nodes], name: str) -> list[Nodes]:
    """The layer or node of this path, the layers below it, or the one whose path ends so. Raises UsageError."""
    name = name.strip("/")
    if name in layers:
        return [layers[name]]
    alone = {node.path: (node,) for node in report.network.nodes}
    if name in alone:
        return [alone[name]]
    below = [nodes for path, nodes in layers.items() if path.startswith(f"{name}/")]
    if below and name:
        return below
    for known in (layers, alone):
        ends = [path for path in known if path.endswith(f"/{name}")]
        if len(ends) == 1:
            return [known[ends[0]]]
        if ends:
            raise UsageError(Problem(f"{len(ends)} layers end in `{name}`", None, f"which one: {_listed(ends)}?"))
    raise UsageError(_unknown(name, [*layers, *_folders(layers)], alone))


def _unknown(name: str, paths: Sequence[str], nodes: Iterable[str]) -> Problem:
    """The problem with the nearest path, or with the paths there are."""
    by_end = {path.rpartition("/")[2]: path for path in reversed(paths)}
    for known in (paths, nodes, by_end):
        problem = unknown("layer", name, known)
        if (problem.help or "").startswith("did you mean"):
            return problem
    return unknown("layer", name, paths)


def _folders(paths: Iterable[str]) -> list[str]:
    """What several paths begin with: stages, and the repeats in them."""
    parts = (path.split("/") for path in paths)
    return list(dict.fromkeys("/".join(part[:i]) for part in parts for i in range(1, len(part))))


def _listed(paths: Sequence[str]) -> str:
    shown = ", ".join(f"`{path}`" for path in paths[:LISTED])
    return shown + (f", ... ({len(paths) - LISTED} more)" if len(paths) > LISTED else "")

"""Reports as JSON documents, schema `costcalc/report/1`: every number an exact integer, null where it is not known."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from costcalc.census import OPERATIONS, PARAMETERS
from costcalc.cost.report import Published, Report, Row
from costcalc.network import plain
from costcalc.render.sheet import View
from costcalc.version import VERSION

MAX_FLAT = 100  # characters
encode = json.JSONEncoder().encode
TOTALS = ("params", "madds", "count", "activations", "weight_bytes", "peak_activation_bytes", "memory_access_bytes")


def to_json(document: dict[str, Any]) -> str:
    """A document as indented ASCII JSON; what is short and flat stays on one line."""
    return idle(_written(document, "\n")) + "\n"


def idle(text: str) -> str:
    """JSON in which a runner of CI finds no command: its strings say the same."""
    return text.replace("##[", "#\\u0023[").replace("##vso[", "#\\u0023vso[")


def _written(value: Any, margin: str) -> str:
    if isinstance(value, dict):
        if (flat := _flat(value, value.values())) is not None:
            return flat
        inner = margin + "  "
        return "{" + ",".join(f"{inner}{encode(key)}: {_written(v, inner)}" for key, v in value.items()) + margin + "}"
    if isinstance(value, list):
        if (flat := _flat(value, value)) is not None:
            return flat
        inner = margin + "  "
        return "[" + ",".join(inner + _written(v, inner) for v in value) + margin + "]"
    return encode(value)


def _flat(value: Any, parts: Iterable[Any]) -> str | None:
    """A collection of numbers and words on one line, where that is short."""
    for part in parts:
        if isinstance(part, dict) or (isinstance(part, list) and any(isinstance(p, dict | list) for p in part)):
            return None
    text = encode(value)
    return text if len(text) <= MAX_FLAT else None


def report_json(report: Report, view: View | None) -> dict[str, Any]:
    """The `costcalc/report/1` document; with a view, its rows too."""
    network, totals = report.network, report.totals
    document: dict[str, Any] = {
        "schema": "costcalc/report/1",
        "version": VERSION,
        "network": {"name": network.name, "source": network.source, "spec": network.origin, "sha256": network.sha256},
        "hyperparameters": {name: plain(value) for name, value in network.hyperparameters.items()},
        "batch": report.batch,
        "dtype": report.dtype,
        "input": list(network.input.dims),
        "convention": {"name": report.convention.name, "unit": report.convention.unit},
        "status": report.status,
        **({"verified": True} if report.verified else {}),
        "totals": {name: getattr(totals, name) for name in TOTALS}
        | {"parameters": totals.parameters, "buffers": totals.census.buffers},
    }
    if report.stored is not None:
        document["totals"] |= _stored(report)
    if report.uncounted:
        document["uncounted"] = report.uncounted
    if report.published:
        document["published"] = [published_json(p) for p in report.published]
    if view is not None:
        rows = report.rows(view.by, view.depth, view.sort, view.top)
        document["by"] = view.by if view.depth is None else f"depth {view.depth}"
        document["rows"] = [{"path": row.path, "nodes": row.nodes, **_numbers(row)} for row in rows]
    nodes = zip(network.nodes, report.layers, strict=True)
    document["layers"] = [
        {
            "path": row.path,
            "kind": node.kind,
            "inputs": [list(x.dims) for x in row.inputs],
            "output": list(node.output.dims),
            **_numbers(row),
        }
        for node, row in nodes
    ]
    return document


def _numbers(row: Row) -> dict[str, Any]:
    """The numbers of a row; null where they are not known, only the census classes that are not zero."""
    census = row.census
    if census is None:
        return {
            "params": None,
            "madds": None,
            "count": None,
            "activations": row.activations,
            "memory_access_bytes": row.memory_access_bytes,
            "census": None,
        }
    return {
        "params": census.params,
        "madds": census.macs,
        "count": row.count,
        "activations": row.activations,
        "memory_access_bytes": row.memory_access_bytes,
        "census": {name: n for name in OPERATIONS if (n := getattr(census, name))},
        "parameters": {name: n for name in (*PARAMETERS, "buffers") if (n := getattr(census, name))},
        **_stored(row),
    }


def _stored(counted: Row | Report) -> dict[str, Any]:
    """What is stored, where the network compresses something."""
    if counted.stored is None:
        return {}
    from costcalc.render.stored import stored_json

    return {"stored": stored_json(counted.stored)}


def published_json(p: Published) -> dict[str, Any]:
    counted = {"part": p.counted[0], "whole": p.counted[1]} if isinstance(p.counted, tuple) else p.counted
    record = {"from": p.place, "quantity": p.quantity, "figure": p.figure, "counted": counted, "status": p.status}
    return record | ({"why": p.why} if p.why else {})

"""Formats that programs read: JSON (schema `costcalc/report/1`) and CSV, every number an exact integer."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from costcalc.census import CLASSES, OPERATIONS, PARAMETERS
from costcalc.cost.report import Published, Report, Row
from costcalc.network import plain
from costcalc.render import escape
from costcalc.render.sheet import View
from costcalc.version import VERSION

TOTALS = ("params", "madds", "count", "activations", "weight_bytes", "peak_activation_bytes", "memory_access_bytes")


def to_json(document: dict[str, Any]) -> str:
    """A document as indented ASCII JSON; lists of numbers stay on one line."""
    return _written(document, "") + "\n"


def _written(value: Any, indent: str) -> str:
    inner = indent + "  "
    if isinstance(value, dict) and value:
        items = [f"{inner}{json.dumps(key)}: {_written(item, inner)}" for key, item in value.items()]
        return "{\n" + ",\n".join(items) + f"\n{indent}}}"
    if isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        if all(isinstance(item, list) and not any(isinstance(i, dict | list) for i in item) for item in value):
            return json.dumps(value)
        return "[\n" + ",\n".join(inner + _written(item, inner) for item in value) + f"\n{indent}]"
    return json.dumps(value)


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
        "totals": {name: getattr(totals, name) for name in TOTALS}
        | {"parameters": totals.parameters, "buffers": totals.census.buffers},
    }
    if report.uncounted:
        document["uncounted"] = report.uncounted
    if report.published:
        document["published"] = [_published(p) for p in report.published]
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
    }


def _published(p: Published) -> dict[str, Any]:
    counted = {"part": p.counted[0], "whole": p.counted[1]} if isinstance(p.counted, tuple) else p.counted
    record = {"from": p.place, "quantity": p.quantity, "figure": p.figure, "counted": counted, "status": p.status}
    return record | ({"why": p.why} if p.why else {})


def report_csv(report: Report, view: View) -> str:
    """One line a row, and a last one of totals; the census in full, shapes as `24x112x112`."""
    columns = [
        "path",
        "kind",
        "inputs",
        "output",
        "nodes",
        "params",
        "madds",
        "count",
        "activations",
        "memory_access_bytes",
        *CLASSES,
    ]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*columns, "convention", "unit", "status"])
    convention = [escape.csv(report.convention.name), escape.csv(report.convention.unit)]
    for row in report.rows(view.by, view.depth, view.sort, view.top):
        shapes = " ".join(map(str, row.inputs)), str(row.output or "")
        writer.writerow(
            [
                escape.csv(row.path),
                escape.csv(row.kind + row.step),
                *shapes,
                row.nodes,
                *_values(row),
                *convention,
                "partial" if row.uncounted else "complete",
            ]
        )
    totals, network = report.totals, report.network
    numbers = (totals.params, totals.madds, totals.count, totals.activations, totals.memory_access_bytes)
    census = (getattr(totals.census, name) for name in CLASSES)
    writer.writerow(["total", "", network.input, "", len(report.layers), *numbers, *census, *convention, report.status])
    return out.getvalue()


def _values(row: Row) -> list[Any]:
    """Numbers, empty where they are not known."""
    if row.census is None:
        return ["", "", "", row.activations, row.memory_access_bytes, *([""] * len(CLASSES))]
    return [
        row.params,
        row.madds,
        row.count,
        row.activations,
        row.memory_access_bytes,
        *(getattr(row.census, name) for name in CLASSES),
    ]

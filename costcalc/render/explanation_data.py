"""Explanations as the JSON document `costcalc/explain/1`: formulas in Python's syntax, of exact numbers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from costcalc.census import OPERATIONS, PARAMETERS
from costcalc.cost.report import Row
from costcalc.explore.explanation import Explained, ExplainedLayer, Explanation
from costcalc.explore.instead import Ratio
from costcalc.formulas import Formula, Symbol
from costcalc.network import plain
from costcalc.render import ratios
from costcalc.render.worked import CODE, simplified
from costcalc.version import VERSION


def explanation_json(e: Explanation) -> dict[str, Any]:
    """The `costcalc/explain/1` document: formulas in Python's syntax, of exact numbers."""
    report, network = e.report, e.report.network
    return {
        "schema": "costcalc/explain/1",
        "version": VERSION,
        "network": {"name": network.name, "source": network.source, "spec": network.origin, "sha256": network.sha256},
        "hyperparameters": {name: plain(value) for name, value in network.hyperparameters.items()},
        "batch": report.batch,
        "dtype": report.dtype,
        "convention": {"name": report.convention.name, "unit": report.convention.unit},
        "layers": [_layer_json(layer) for layer in e.layers],
        "tied": list(e.tied),
    }


def _layer_json(layer: ExplainedLayer) -> dict[str, Any]:
    return {
        "path": layer.path,
        "alike": list(layer.alike),
        **_totals(layer.row),
        "nodes": [_node_json(node) for node in layer.nodes],
        "pair": _ratio_json(layer.pair),
    }


def _totals(row: Row) -> dict[str, Any]:
    known = row.census is not None
    return {
        "params": row.params if known else None,
        "madds": row.madds if known else None,
        "count": row.count,
        "memory_access_bytes": row.memory_access_bytes,
    }


def _node_json(node: Explained) -> dict[str, Any]:
    row, memory = node.row, node.memory
    parts = {"inputs": memory.inputs, "parameters": memory.parameters, "outputs": memory.outputs}
    return {
        "path": row.path,
        "kind": row.kind + row.step,
        "inputs": [list(x.dims) for x in row.inputs],
        "output": list(row.output.dims) if row.output else None,
        "symbols": {s.name: _symbol_json(s) for s in node.symbols},
        "count": _formula_json(node.cost),
        "census": _census_json(node, OPERATIONS),
        "parameters": _census_json(node, (*PARAMETERS, "buffers")),
        "memory_access": {
            **{name: {"elements": n, "bytes": plain(memory.size(n))} for name, n in parts.items()},
            "bytes": row.memory_access_bytes,
        },
        "madds_per_byte": ratios.exact(node.intensity),
        "standard": _ratio_json(node.standard),
        **({"stored_bits": _formula_json(node.stored)} if node.stored else {}),
    }


def _symbol_json(s: Symbol) -> dict[str, Any]:
    short = {"short_for": CODE.written(s.short_for)} if s.short_for else {}
    return {"value": plain(s.value), "meaning": s.meaning, **short}


def _census_json(node: Explained, names: Iterable[str]) -> dict[str, Any] | None:
    if node.row.census is None:
        return None
    return {name: _formula_json(node.census[name]) for name in names if name in node.census}


def _formula_json(formula: Formula | None) -> dict[str, Any] | None:
    return None if formula is None else {"formula": CODE.written(formula.polynomial), "value": formula.value}


def _ratio_json(r: Ratio | None) -> dict[str, Any] | None:
    if r is None:
        return None
    return {
        "layers": list(r.paths),
        "own": _formula_json(r.own),
        "standard": {"kind": r.kind, **(_formula_json(r.standard) or {})},
        "ratio": {"formula": simplified(r, CODE), "value": ratios.exact(r.value)},
    }

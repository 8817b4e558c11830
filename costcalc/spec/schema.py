"""The JSON Schema (draft-07) of specs, made from the kinds, for editors: completion, hover texts, misspelt words.

It describes the form of a file. What needs arithmetic (shapes, names in scope) is for costcalc itself to say.
"""

from __future__ import annotations

from typing import Any

from costcalc.budgets import METRICS, SHORT, STORED
from costcalc.budgets.rule import LEVELS, SCOPES
from costcalc.kinds import FOLLOWERS, REGISTRY, Kind, compressible
from costcalc.spec.document import VERSION
from costcalc.spec.published import FIGURES

PLAIN = {"type": ["number", "boolean", "string"]}
VALUE: dict[str, Any] = {"anyOf": [PLAIN, {"type": "array", "items": PLAIN}]}
NAME = {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$"}
NAMES = {"anyOf": [NAME, {"type": "array", "items": NAME}]}
COMMON: dict[str, Any] = {
    "as": {**NAME, "description": "a name for the output, and for the layer in paths"},
    "from": {**NAMES, "description": "the tensor, or tensors, that it reads instead of the one before"},
    "only_if": {"type": ["boolean", "string"], "description": "the layer is there only if this holds"},
}
BUDGET = {"$ref": "#/definitions/budget"}
LIMITS: dict[str, Any] = {name: {"type": ["integer", "string"]} for name in (*METRICS, *SHORT, *STORED)}
REFERENCES = {name: {"$ref": f"#/definitions/{name}"} for name in COMMON}


def schema() -> dict[str, Any]:
    """The schema document."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "costcalc spec",
        "type": "object",
        "required": ["costcalc", "input", "layers"],
        "additionalProperties": False,
        "properties": {
            "costcalc": {"const": int(VERSION), "description": "the version of the language"},
            "name": {"type": ["string", "number"]},
            "source": {"type": "string", "description": "where the network was published"},
            "hyperparameters": {
                "type": "object",
                "propertyNames": NAME,
                "additionalProperties": {"anyOf": [VALUE, _hyperparameter()]},
            },
            "input": {
                "anyOf": [_list(VALUE, 4), _object({"tokens": VALUE, "features": VALUE}, ["tokens", "features"])]
            },
            "defaults": _object({name: _kind(name) for name in REGISTRY}),
            "blocks": {"type": "object", "propertyNames": NAME, "additionalProperties": _block()},
            "layers": {"$ref": "#/definitions/layers"},
            "outputs": NAMES,
            "expect": {"type": "array", "items": _expectation()},
            "budget": {"anyOf": [BUDGET, {"type": "array", "items": BUDGET}]},
        },
        "definitions": {
            "layers": {"type": "array", "items": {"$ref": "#/definitions/layer"}},
            "layer": _layer(),
            "budget": _budget(),
            "part_of_budget": _object({**LIMITS, "max_increase": _object(LIMITS)}),
            **COMMON,
            "compress": _compress(),
            **{f"kind_{name}": _attributes(cls) for name, cls in REGISTRY.items()},
        },
    }


def _object(properties: dict[str, Any], required: list[str] | None = None) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": properties} | (
        {"required": required} if required else {}
    )


def _list(items: dict[str, Any], most: int) -> dict[str, Any]:
    return {"type": "array", "items": items, "minItems": 1, "maxItems": most}


def _hyperparameter() -> dict[str, Any]:
    number = {"type": ["number", "string"]}
    limits = {"above": number, "at_least": number, "at_most": number}
    values = {"type": "array", "items": VALUE}
    return _object(
        {
            "default": VALUE,
            **limits,
            "columns": {"type": "array", "items": NAME},
            "choices": {"anyOf": [values, {"type": "object", "additionalProperties": values}]},
            "help": {"type": "string"},
        },
        ["default"],
    )


def _block() -> dict[str, Any]:
    arguments = {"type": "object", "propertyNames": NAME, "additionalProperties": VALUE}
    return _object(
        {"args": arguments, "inputs": {"type": "array", "items": NAME}, "layers": {"$ref": "#/definitions/layers"}},
        ["layers"],
    )


def _budget() -> dict[str, Any]:
    part = {"type": "object", "additionalProperties": {"$ref": "#/definitions/part_of_budget"}}
    text = {"type": "string"}
    return _object(
        {
            **LIMITS, "max_increase": _object(LIMITS), **dict.fromkeys(SCOPES, part),
            "set": {"type": "object", "propertyNames": NAME, "additionalProperties": PLAIN},
            "convention": text, "dtype": text, "batch": {"type": "integer"}, "level": {"enum": list(LEVELS)},
        }
    )  # fmt: skip


def _expectation() -> dict[str, Any]:
    figure = {"type": ["number", "string"]}
    figures = dict.fromkeys(FIGURES, figure)
    text = {"type": "string"}
    others = {
        "set": {"type": "object", "additionalProperties": VALUE},
        "kind": text,
        "stages": {"anyOf": [text, {"type": "array", "items": text, "minItems": 1}]},
        "convention": text,
        "from": text,
        "erratum": _object(figures),
        "why": text,
        "columns": {"type": "array", "items": text},
        "data": {"type": "array", "items": {"type": "array", "items": VALUE}},
    }
    return _object({**figures, **others}, ["from"])


def _layer() -> dict[str, Any]:
    """One layer: a word, or a mapping with one kind, block or structure; blocks are named by the spec itself."""
    layers = {"$ref": "#/definitions/layers"}
    branches = {"anyOf": [{"type": "array", "items": layers, "minItems": 2}, _object({**REFERENCES}), {"type": "null"}]}
    inputs = {"type": "array", "items": NAME}
    rows = _object({
        "inputs": inputs, "columns": {"type": "array", "items": NAME},
        "data": {"type": "array", "items": {"type": "array", "items": VALUE}},
        "repeat": VALUE, "then": {"type": "object", "additionalProperties": VALUE}, "layers": layers, **REFERENCES,
    }, ["columns", "data", "layers"])  # fmt: skip
    structures = {
        "residual": layers,
        "repeat": _object({"inputs": inputs, "n": VALUE, "layers": layers, **REFERENCES}, ["n", "layers"]),
        "rows": rows,
        **dict.fromkeys(("add", "mul", "concat"), branches),
    }
    kinds = {name: {"anyOf": [_kind(name), {"type": "null"}]} for name, cls in REGISTRY.items() if not cls.joins}
    return {
        "anyOf": [
            {"type": "string"},
            {"type": "object", "properties": {**kinds, **structures, **REFERENCES}, "minProperties": 1},
        ]
    }


def _kind(name: str) -> dict[str, Any]:
    return {"$ref": f"#/definitions/kind_{name}"}


def _attributes(cls: type[Kind]) -> dict[str, Any]:
    """The attributes of a kind. What is required may come from `defaults`, so only the form is checked here."""
    properties = {a.name: {"description": a.doc, **a.schema} for a in cls.attributes.values()}
    if cls.followers:
        properties |= {
            role: {"description": f"the {role} that follows", "anyOf": [{"enum": [*words, "none"]}, {"type": "string"}]}
            for role, words in FOLLOWERS.items()
        }
    if compressible(cls):
        properties["compress"] = {"$ref": "#/definitions/compress"}
    return {"description": " ".join((cls.__doc__ or "").split()), **_object(properties | REFERENCES)}


def _compress() -> dict[str, Any]:
    """How the weights of a layer are stored."""
    from costcalc.storage import SCHEME

    properties = {name: {"description": a.doc, **a.schema} for name, a in SCHEME.items()}
    return {
        "description": "how the weights of the layer are stored; it changes no count",
        "anyOf": [{"enum": ["none"]}, {**_object(properties), "minProperties": 1}],
    }

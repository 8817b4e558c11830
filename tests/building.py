"""A layer of a kind, made as a spec makes it, and what its rules say."""

from __future__ import annotations

from typing import Any

from costcalc.census import Census
from costcalc.kinds import REGISTRY, Kind
from costcalc.shape import Shape


def build(kind: str, **given: Any) -> Kind:
    """A kind with these attributes, read as a spec's are."""
    cls = REGISTRY[kind]
    return cls({name: cls.attributes[name].read(value) for name, value in given.items()})


def counted(kind: str, *inputs: Shape, **given: Any) -> tuple[Shape, Census]:
    """The output shape and the census of a layer that can be counted."""
    layer = build(kind, **given)
    output = layer.infer(inputs)
    census = layer.count(inputs, output)
    assert census is not None
    return output, census

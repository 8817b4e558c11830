"""The kinds of layers, by name. A module a family; importing this package registers them all.

To add one, see docs/adding-a-kind.md.
"""

from __future__ import annotations

from costcalc.kinds import (
    arranging,
    attention,
    convolution,
    joining,
    linear,
    norms,
    pointwise,
    pooling,
    recurrent,
    sequence,
)
from costcalc.kinds.attributes import REQUIRED, SPELLINGS, Attribute, KindError
from costcalc.kinds.base import REGISTRY, Join, Kind, Layer, kind

FAMILIES = (convolution, linear, pooling, pointwise, norms, joining, arranging, sequence, attention, recurrent)
FOLLOWERS = {role: tuple(name for name, cls in REGISTRY.items() if cls.role == role) for role in ("norm", "act")}

__all__ = [
    "FAMILIES",
    "FOLLOWERS",
    "REGISTRY",
    "REQUIRED",
    "SPELLINGS",
    "Attribute",
    "Join",
    "Kind",
    "KindError",
    "Layer",
    "kind",
]

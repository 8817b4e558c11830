"""The bundled specs by what can be set in them."""

from __future__ import annotations

import os
from collections.abc import Iterable

from costcalc.spec import bundled, read_document
from costcalc.spec.hyperparameters import settings

THOROUGH = os.environ.get("COSTCALC_THOROUGH") == "1"  # every network at every setting, which takes some minutes
FIRST = {"mobilenet_v1", "mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small", "shufflenet_v1"}


CHOSEN = {*FIRST, "efficientnet", "resnet", "versatile_resnet50_v1", "squeezenet", "ssdlite_mobilenet_v2"}


def often(names: Iterable[str]) -> list[str]:
    """The networks that what takes long is tried on: some of each sort, all of them where that is asked for."""
    return [name for name in names if THOROUGH or name in CHOSEN]


def thoroughly(name: str) -> bool:
    """Whether a network is run at all settings: a few always are, the others where that is asked for."""
    return THOROUGH or name in FIRST


def _declared(name: str) -> set[str]:
    return {parameter.name for parameter in read_document(name).hyperparameters}


def with_resolution() -> list[str]:
    """The specs whose input is an image of any size."""
    return [name for name in sorted(bundled()) if "resolution" in _declared(name)]


def multipliers() -> dict[str, str]:
    """The specs with a resolution and a width multiplier, and what that is called: it is 1 and may be any number."""
    found = {}
    for name in with_resolution():
        parameters = read_document(name).hyperparameters
        current = settings(parameters, {})
        free = [p.name for p in parameters if p.name in ("alpha", "scale", "width") and not p.choices]
        for factor in [n for n in free if current[n] == 1]:
            found[name] = factor
    return found


STEPS = {"unet": 16}  # what is concatenated has one size only if four halvings leave no remainder


def least(name: str) -> int:
    """The smallest resolution of a spec: some have windows without padding."""
    limits = next(p.limits for p in read_document(name).hyperparameters if p.name == "resolution")
    return max(int(limits.get("at_least", 1)), STEPS.get(name, 1))


def resolution(name: str, wanted: int) -> int:
    """The resolution that is wanted, or the next one that a spec can have."""
    step = STEPS.get(name, 1)
    return -(-max(wanted, least(name)) // step) * step

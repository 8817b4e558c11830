"""Exact parameters, multiply-adds and memory of neural networks, from a short YAML spec.

`load("mobilenet_v1.yaml", alpha=0.75)` gives a Model; its `report()` holds every count. Importing this package, and
counting, loads neither sympy nor numpy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from costcalc.version import VERSION as __version__  # noqa: N811 - the name that tools look for

if TYPE_CHECKING:
    from costcalc.api import Model, compare, formula, load
    from costcalc.errors import CostcalcError, SpecError, UsageError

__all__ = ["CostcalcError", "Model", "SpecError", "UsageError", "__version__", "compare", "formula", "load"]


def __getattr__(name: str) -> Any:
    """Imports the public names when they are first used, so that the rooms below can be imported alone."""
    if name in ("Model", "compare", "formula", "load"):
        from costcalc import api

        return getattr(api, name)
    if name in ("CostcalcError", "SpecError", "UsageError"):
        from costcalc import errors

        return getattr(errors, name)
    raise AttributeError(f"module 'costcalc' has no attribute {name!r}")

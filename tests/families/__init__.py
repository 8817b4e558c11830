"""What the tests know of the families of kinds: a module a family, each with the same tables.

`CASES`, shapes and censuses worked out by hand (test_kinds.py); `TRACED`, builders of layers from free sizes
(test_kinds_numbers.py); `SAMPLES`, the row of the census table in docs/counting.md (tables.py); `VARIETIES`, what
tables call a layer; `TRAITS`, the kinds that are a view, work in place, join, take followers or need a workspace, or
whose multiply-adds are of several steps (`steps`), of which not all meet the padding;
`REQUIRED`, the attributes without a default, as (kind, attribute).
A module also registers how its layers are drawn at random (`layers.draws`), and how PyTorch has them, where it does.
"""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType
from typing import Any


def modules() -> list[ModuleType]:
    """The families, each imported."""
    return [importlib.import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__)]


def rows(table: str) -> list[Any]:
    """The rows of a table of all families that have it."""
    return [row for module in modules() for row in getattr(module, table, [])]


def samples() -> dict[str, Any]:
    """The samples of all families."""
    return {kind: sample for module in modules() for kind, sample in getattr(module, "SAMPLES", {}).items()}


def having(trait: str) -> set[str]:
    """The kinds of all families with a trait: `view`, `in_place`, `joins`, `followers`, `norm`, `act`, `workspace`, `steps`."""
    return {kind for module in modules() for kind in getattr(module, "TRAITS", {}).get(trait, ())}

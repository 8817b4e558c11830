"""What the tests know of the bundled networks: a module for each kind of them, with the same tables by spec.

`ROWS`, the rows of data/exact.csv: for each network there, how many it has, and the spec and settings of a row.
`ERRATA`, the published figures that are known to be wrong; any other must be met.
`PARAMETERS`, `num_params` of torchvision: settings, and the number.
`SMALL`, settings at which an execution takes no time; `LITERAL`, options for one on scalars beside `--shrink 1/16`.
`HALVED`, how often the input is halved, rounding up, where every window has the padding `same`.
"""

from __future__ import annotations

import csv
import importlib
import pkgutil
import re
from fractions import Fraction
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from costcalc.cost import Report, count
from costcalc.network import Network, Node
from costcalc.spec import build_network, read_document

DATA = Path(__file__).parent.parent / "data"


def modules() -> list[ModuleType]:
    """The kinds of networks, each imported."""
    return [importlib.import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__)]


def table(name: str) -> dict[str, Any]:
    """A table with the entries of all modules."""
    return {key: value for module in modules() for key, value in getattr(module, name, {}).items()}


def rows(name: str) -> list[dict[str, str]]:
    """The rows of a table in data/, its comments left out."""
    with (DATA / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


def setting(row: dict[str, str]) -> tuple[str, dict[str, Any]]:
    """The spec and the settings that such a row is about."""
    _, of = table("ROWS")[row["network"]]
    found: tuple[str, dict[str, Any]] = of(row)
    return found


# -- reading ----------------------------------------------------------------------------------------------------------


@cache
def _report(spec: str, settings: tuple[tuple[str, Any], ...]) -> Report:
    return count(build_network(read_document(spec), dict(settings)))


def report(spec: str, **settings: Any) -> Report:
    """The report of a bundled spec; decimals as text, so that they are exact."""
    exact = {k: Fraction(v) if re.fullmatch(r"[0-9.]+", str(v)) else v for k, v in settings.items()}
    whole = {k: int(v) if isinstance(v, Fraction) and v.denominator == 1 else v for k, v in exact.items()}
    return _report(spec, tuple(whole.items()))


def network(spec: str, **settings: Any) -> Network:
    return report(spec, **settings).network


def node(net: Network, path: str) -> Node:
    return next(n for n in net.nodes if n.path == path)


def kinds(net: Network, stage: str) -> list[str]:
    """The kinds of the nodes under a path, in order."""
    return [n.kind for n in net.nodes if n.path.startswith(f"{stage}/")]


def paths(net: Network, name: str) -> list[str]:
    """Where the nodes of this last path element are."""
    return [n.path.removesuffix(f"/{name}") for n in net.nodes if n.path.endswith(f"/{name}")]

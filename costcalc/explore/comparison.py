"""Networks laid side by side by their totals, or row by row where their rows bear the same names.

Every ratio is the exact quotient of two counts; where one of them is not known, or a lower bound, there is none.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from costcalc.cost.report import By, Report, Row
from costcalc.network import Network
from costcalc.spec.hyperparameters import shown

TOTALS = ("params", "madds", "count", "activations", "weight_bytes", "peak_activation_bytes", "memory_access_bytes")
OF_A_ROW = ("params", "madds", "count", "activations", "memory_access_bytes")
NEED_CENSUS = ("params", "weights", "madds", "weight_bytes", "memory_access_bytes")  # too small where one is missing


class Count(NamedTuple):
    """A number; None where nothing of it is known, `least` where it is a lower bound."""

    value: Any
    least: bool = False

    def ratio(self, base: Count) -> Fraction | None:
        """The exact quotient; None where either is not known exactly, and of nothing."""
        if self.least or base.least or self.value is None or not base.value:
            return None
        return Fraction(self.value, base.value)


def of_row(row: Row | None, name: str) -> Count:
    """A number of a row: `weights` or one of OF_A_ROW."""
    if row is None or (row.census is None and name in ("params", "weights", "madds")):
        return Count(None)
    missing = row.uncounted if name == "count" else row.unknown if name in NEED_CENSUS else 0
    value = getattr(row, name)
    return Count(value, bool(missing) and value is not None)


def of_report(report: Report, name: str) -> Count:
    """A total: `weights` or one of TOTALS."""
    if name == "count":
        return Count(report.totals.count, bool(report.uncounted))
    missing = name in NEED_CENSUS and any(row.unknown for row in report.layers)
    return Count(getattr(report.totals, name), missing)


class Comparison(NamedTuple):
    """Networks side by side, each under a label of its own; ratios are to the first."""

    reports: tuple[Report, ...]
    labels: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def total(self, index: int, name: str) -> Count:
        """A total of a network: one of TOTALS."""
        return of_report(self.reports[index], name)

    def ratio(self, index: int, name: str) -> Fraction | None:
        """The ratio of a network's total to that of the first."""
        return self.total(index, name).ratio(self.total(0, name))

    def alike(self, index: int, by: By) -> bool:
        """Whether rows are of the same thing as the first network's: of one spec, or all the layers of a kind."""
        return by == "kind" or self.reports[index].network.data == self.reports[0].network.data

    def rows(self, by: By) -> list[tuple[str, tuple[Row | None, ...]]]:
        """Each row that any of the networks has, with its name: those of the first, then what only others have."""
        found = [{row.path: row for row in report.rows(by)} for report in self.reports]
        names = dict.fromkeys(name for rows in found for name in rows)
        return [(name, tuple(rows.get(name) for rows in found)) for name in names]


def compare(reports: Sequence[Report], given: Collection[str] = (), notes: Sequence[str] = ()) -> Comparison:
    """Reports side by side; they must have been counted alike. `given` are the hyper-parameters that were set."""
    return Comparison(tuple(reports), labels([report.network for report in reports], given), tuple(notes))


def labels(networks: Sequence[Network], given: Collection[str] = ()) -> tuple[str, ...]:
    """A short name for each, no two the same: its own, and those of the `given` settings that differ.

    Where none is given, the settings that tell it from others of its name.
    """
    names = _names(networks)
    told = [_told_apart(names, networks, i, given) for i in range(len(names))]
    taken: set[str] = set()
    for i, text in enumerate(told):
        number = 1
        while told[i] in taken:
            number += 1
            told[i] = f"{text} ({number})"
        taken.add(told[i])
    return tuple(told)


def _names(networks: Sequence[Network]) -> list[str]:
    """The names of networks; of different files that bear the same name, the names of the files."""
    names = [network.name or network.origin for network in networks]
    files: dict[str, set[bytes]] = {}
    for name, network in zip(names, networks, strict=True):
        files.setdefault(name, set()).add(network.data)
    return [
        network.origin if len(files[name]) > 1 and network.origin else name
        for name, network in zip(names, networks, strict=True)
    ]


def _told_apart(names: Sequence[str], networks: Sequence[Network], index: int, given: Collection[str]) -> str:
    alike = [network for name, network in zip(names, networks, strict=True) if name == names[index]]
    own = networks[index].hyperparameters
    told = [name for name in own if name in given and _differs(name, networks)]
    told = told or [name for name in own if _differs(name, alike)]
    return ", ".join([names[index], *(f"{name} {shown(own[name])}" for name in told)])


def _differs(name: str, networks: Sequence[Network]) -> bool:
    """Whether a setting has several values, or is not there everywhere."""
    values = [network.hyperparameters.get(name) for network in networks]
    return any(value != values[0] for value in values)

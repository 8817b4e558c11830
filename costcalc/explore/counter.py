"""Counts one spec at many settings: the totals of every point, and why some points cannot be built."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from costcalc.cost import Convention, count
from costcalc.errors import CostcalcError
from costcalc.explore.grid import Points
from costcalc.spec import Document, build_network


class Counted(NamedTuple):
    """The totals of some points, each metric an array of exact integers; `faults` says which have none, and why."""

    totals: Mapping[str, Any]
    faults: Mapping[int, str]


class Counter:
    """Counts `metrics` of a document at any settings; hyper-parameters that a point does not set are as in `fixed`."""

    def __init__(
        self,
        document: Document,
        metrics: Sequence[str] = ("params", "madds"),
        fixed: Mapping[str, Any] | None = None,
        convention: str | Convention = "paper",
        batch: int = 1,
        dtype: str = "float32",
    ) -> None:
        self.document, self.metrics, self.fixed = document, tuple(metrics), dict(fixed or {})
        self.convention, self.batch, self.dtype = convention, batch, dtype

    def count(self, points: Points) -> Counted:
        """The totals at these points; 0 where a point has a fault."""
        totals: dict[str, Any] = {metric: [0] * len(points) for metric in self.metrics}
        faults: dict[int, str] = {}
        for i in range(len(points)):
            try:
                network = build_network(self.document, self.fixed | points.setting(i))
                found = count(network, self.convention, self.batch, self.dtype).totals
            except CostcalcError as error:
                faults[i] = error.problems[0].message
                continue
            for metric in self.metrics:
                totals[metric][i] = getattr(found, metric)
        return Counted({metric: np.array(values) for metric, values in totals.items()}, faults)

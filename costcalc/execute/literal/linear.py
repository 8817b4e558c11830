"""The fully connected layer, one product at a time."""

from __future__ import annotations

import numpy as np

from costcalc.execute.literal.scalars import Scalars
from costcalc.execute.literal.work import LiteralWork, literal


@literal("linear")
def linear(work: LiteralWork) -> Scalars:
    """Output o is the sum over the features, for a vector or for each token."""
    *rows, features = work.x.shape
    weights = work.weights(features, work["out"])
    y = np.empty((*rows, work["out"]), object)
    for *row, o in np.ndindex(y.shape):
        total = work.zero()
        for f in range(features):
            total = total + work.x[(*row, f)] * weights[f, o]
        y[(*row, o)] = total
    return work.biased(y)

"""The literal mode: every kind once more, written straight from its definition, on scalars that count themselves.

It confirms the tallies of the fast kernels by something that cannot be wrong: a multiplication is counted because
it was done. The kernels here loop over positions, channels and taps and test each tap for padding; they are slow, and
share neither code nor formulation with the fast ones.
"""

from costcalc.execute.literal import (
    arranging,
    attention,
    convolution,
    factorised,
    gating,
    joining,
    linear,
    low_rank,
    norms,
    pointwise,
    pooling,
    recurrent,
    sequence,
    winograd,
)
from costcalc.execute.literal.scalars import Tally
from costcalc.execute.literal.work import LITERAL, LiteralWork

__all__ = [
    "LITERAL",
    "LiteralWork",
    "Tally",
    "arranging",
    "attention",
    "convolution",
    "factorised",
    "gating",
    "joining",
    "linear",
    "low_rank",
    "norms",
    "pointwise",
    "pooling",
    "recurrent",
    "sequence",
    "winograd",
]

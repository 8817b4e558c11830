"""One kernel for every kind, a module a family; importing this package registers them all."""

from costcalc.execute.kernels import (
    arranging,
    convolution,
    joining,
    linear,
    norms,
    pointwise,
    pooling,
    sequence,
)

__all__ = ["arranging", "convolution", "joining", "linear", "norms", "pointwise", "pooling", "sequence"]

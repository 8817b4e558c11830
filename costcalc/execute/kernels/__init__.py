"""One kernel for every kind, a module a family; importing this package registers them all."""

from costcalc.execute.kernels import (
    arranging,
    cheap,
    convolution,
    dynamic,
    joining,
    linear,
    pointwise,
    pooling,
    transposed,
)

__all__ = [
    "arranging",
    "cheap",
    "convolution",
    "dynamic",
    "joining",
    "linear",
    "pointwise",
    "pooling",
    "transposed",
]

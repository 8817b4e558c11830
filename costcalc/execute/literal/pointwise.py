"""Batch norm and activations, one element at a time, as their definitions write them."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from costcalc.execute.literal.scalars import Scalar, Scalars, added, largest, sigmoid, tanh
from costcalc.execute.literal.work import LiteralWork, literal


def _each(work: LiteralWork, function: Callable[[Scalar], Scalar]) -> Scalars:
    y = work.target()
    for at in np.ndindex(y.shape):
        y[at] = function(work.at(*at))
    return y


@literal("batch_norm")
def batch_norm(work: LiteralWork) -> Scalars:
    """(x - mean) / deviation * scale + shift as a * x + b, with a and b of each channel known beforehand."""
    axis = work.inputs[0].channels
    channels = work.x.shape[axis]
    means = work.constants("buffers", channels)
    deviations = [math.sqrt(abs(v) + 1e-3) for v in work.constants("buffers", channels)]
    scales = work.constants("norm_scales", channels) if work["scale"] else [1.0] * channels
    shifts = work.constants("norm_shifts", channels) if work["shift"] else [0.0] * channels
    a = [scale / deviation for scale, deviation in zip(scales, deviations, strict=True)]
    b = [shift - mean * factor for shift, mean, factor in zip(shifts, means, a, strict=True)]
    y = work.target()
    for at in np.ndindex(y.shape):
        y[at] = work.x[at] * a[at[axis]] + b[at[axis]]
    return y


def _relu6(x: Scalar) -> Scalar:
    return x.larger(0.0).smaller(6.0)


def _hard_sigmoid(x: Scalar) -> Scalar:
    return _relu6(x + 3.0) * (1 / 6)


def _gelu(x: Scalar) -> Scalar:
    return x * (((x * (1 / math.sqrt(2))).erf() + 1.0) * 0.5)


def _gelu_by_tanh(x: Scalar) -> Scalar:
    cubic = x * x * x * 0.044715
    return x * ((tanh((x + cubic) * math.sqrt(2 / math.pi)) + 1.0) * 0.5)


ELEMENT: dict[str, Callable[[Scalar], Scalar]] = {
    "relu": lambda x: x.larger(0.0),
    "relu6": _relu6,
    "sigmoid": sigmoid,
    "hard_sigmoid": _hard_sigmoid,
    "hard_swish": lambda x: x * _hard_sigmoid(x),
    "swish": lambda x: x * sigmoid(x),
    "silu": lambda x: x * sigmoid(x),
    "tanh": tanh,
}


def _register(name: str, function: Callable[[Scalar], Scalar]) -> None:
    literal(name)(lambda work: _each(work, function))


for _name, _function in ELEMENT.items():
    _register(_name, _function)


@literal("gelu")
def gelu(work: LiteralWork) -> Scalars:
    """x/2 * (1 + erf(x / sqrt 2)), or x/2 * (1 + tanh(sqrt(2/pi) * (x + 0.044715 * x^3)))."""
    return _each(work, _gelu if work["approximate"] == "none" else _gelu_by_tanh)


@literal("softmax")
def softmax(work: LiteralWork) -> Scalars:
    """exp(x - max) / sum, over the channels at each position."""
    axis = work.inputs[0].channels
    y = work.target()
    columns, results = np.moveaxis(work.x, axis, -1), np.moveaxis(y, axis, -1)
    for at in np.ndindex(columns.shape[:-1]):
        most = largest(columns[at])
        raised = [(value - most).exp() for value in columns[at]]
        total = added(raised)
        for channel, value in enumerate(raised):
            results[at][channel] = value / total
    return y

"""Batch norm and activations, step by step as they are defined; each step is tallied for all elements at once.

Where nobody else reads the input, the steps overwrite it: `work.own`.
"""

from __future__ import annotations

import math

import numpy as np

from costcalc.execute.functions import Elementwise
from costcalc.execute.work import Floats, Work, along, kernel


def _target(work: Work) -> Elementwise:
    """The input itself where it may be overwritten, else a copy."""
    return Elementwise(work, work.x if work.own else work.x.copy())


def _aside(work: Work) -> Elementwise:
    """A second array for a factor that is computed beside the input."""
    return Elementwise(work, work.x.copy())


@kernel("batch_norm")
def batch_norm(work: Work) -> Floats:
    """(x - mean) / deviation * scale + shift, with the four folded into one factor and one addend a channel."""
    axis, channels = work.inputs[0].channels, work.x.shape[work.inputs[0].channels]
    mean, variance = work.make("buffers", channels), np.abs(work.make("buffers", channels))
    factor: Floats = np.reciprocal(np.sqrt(variance + np.float32(1e-3)))
    if work["scale"]:
        factor = factor * work.make("norm_scales", channels)
    addend = -mean * factor
    if work["shift"]:
        addend = addend + work.make("norm_shifts", channels)
    return _target(work).multiply(along(factor, axis, work.x.ndim)).add(along(addend, axis, work.x.ndim)).y


@kernel("relu")
def relu(work: Work) -> Floats:
    """max(x, 0)."""
    return _target(work).at_least(0).y


@kernel("relu6")
def relu6(work: Work) -> Floats:
    """min(max(x, 0), 6)."""
    return _target(work).at_least(0).at_most(6).y


@kernel("sigmoid")
def sigmoid(work: Work) -> Floats:
    """1 / (1 + exp(-x))."""
    return _target(work).sigmoid().y


@kernel("hard_sigmoid")
def hard_sigmoid(work: Work) -> Floats:
    """relu6(x + 3) / 6."""
    return _target(work).add(3).at_least(0).at_most(6).multiply(1 / 6).y


@kernel("hard_swish")
def hard_swish(work: Work) -> Floats:
    """The gate relu6(x + 3) / 6, times x."""
    gate = _aside(work).add(3).at_least(0).at_most(6).multiply(1 / 6).y
    return _target(work).multiply(gate).y


@kernel("swish", "silu")
def swish(work: Work) -> Floats:
    """A sigmoid as the gate, times x."""
    gate = _aside(work).sigmoid().y
    return _target(work).multiply(gate).y


@kernel("tanh")
def tanh(work: Work) -> Floats:
    """The hyperbolic tangent."""
    return _target(work).tanh().y


@kernel("gelu")
def gelu(work: Work) -> Floats:
    """x/2 * (1 + erf(x / sqrt 2)), or the approximation with tanh."""
    if work["approximate"] == "none":
        gate = _aside(work).multiply(1 / math.sqrt(2)).erf().add(1).multiply(0.5).y
        return _target(work).multiply(gate).y
    inner = _aside(work).multiply(work.x).multiply(work.x).multiply(0.044715).add(work.x)
    gate = inner.multiply(math.sqrt(2 / math.pi)).tanh().add(1).multiply(0.5).y
    return _target(work).multiply(gate).y


@kernel("softmax")
def softmax(work: Work) -> Floats:
    """exp(x - max) / sum, over the channels."""
    axis = work.inputs[0].channels
    largest = work.x.max(axis=axis, keepdims=True)
    work.count("comparisons", work.x.size - largest.size)
    steps = _target(work).add(-largest).exp()
    sums = steps.y.sum(axis=axis, keepdims=True)
    work.count("additions", steps.y.size - sums.size)
    np.divide(steps.y, sums, out=steps.y)
    work.count("divisions", steps.y.size)
    return steps.y

"""Batch norm and activations, step by step as they are defined; each step is tallied for all elements at once.

Where nobody else reads the input, the steps overwrite it: `work.own`.
"""

from __future__ import annotations

import math

import numpy as np

from costcalc.execute.work import Floats, Work, along, kernel


class _Steps:
    """Elementwise operations on one array, each noted as it is done."""

    def __init__(self, work: Work, y: Floats) -> None:
        self.work, self.y = work, y

    def add(self, other: Floats | float) -> _Steps:
        np.add(self.y, other, out=self.y)
        self.work.count("additions", self.y.size)
        return self

    def multiply(self, other: Floats | float) -> _Steps:
        np.multiply(self.y, other, out=self.y)
        self.work.count("multiplications", self.y.size)
        return self

    def divide_into(self, other: Floats | float) -> _Steps:
        np.divide(other, self.y, out=self.y)
        self.work.count("divisions", self.y.size)
        return self

    def at_least(self, bound: float) -> _Steps:
        np.maximum(self.y, np.float32(bound), out=self.y)
        self.work.count("comparisons", self.y.size)
        return self

    def at_most(self, bound: float) -> _Steps:
        np.minimum(self.y, np.float32(bound), out=self.y)
        self.work.count("comparisons", self.y.size)
        return self

    def negate(self) -> _Steps:
        np.negative(self.y, out=self.y)
        return self

    def exp(self) -> _Steps:
        with np.errstate(over="ignore"):
            np.exp(self.y, out=self.y)
        self.work.count("exponentials", self.y.size)
        return self

    def erf(self) -> _Steps:
        self.y[...] = np.vectorize(math.erf, otypes=[np.float32])(self.y) if self.y.size else self.y
        self.work.count("exponentials", self.y.size)
        return self


def _target(work: Work) -> _Steps:
    """The input itself where it may be overwritten, else a copy."""
    return _Steps(work, work.x if work.own else work.x.copy())


def _aside(work: Work) -> _Steps:
    """A second array for a factor that is computed beside the input."""
    return _Steps(work, work.x.copy())


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
    return _target(work).negate().exp().add(1).divide_into(1).y


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
    gate = _aside(work).negate().exp().add(1).divide_into(1).y
    return _target(work).multiply(gate).y


def _tanh(steps: _Steps) -> _Steps:
    """(e - 1) / (e + 1) with e = exp(2x)."""
    steps.y.clip(-40, 40, out=steps.y)  # beyond, the result is 1 in any case, and e would overflow
    e = steps.multiply(2).exp().y.copy()
    return steps.add(1).divide_into(_Steps(steps.work, e).add(-1).y)


@kernel("tanh")
def tanh(work: Work) -> Floats:
    """The hyperbolic tangent."""
    return _tanh(_target(work)).y


@kernel("gelu")
def gelu(work: Work) -> Floats:
    """x/2 * (1 + erf(x / sqrt 2)), or the approximation with tanh."""
    if work["approximate"] == "none":
        gate = _aside(work).multiply(1 / math.sqrt(2)).erf().add(1).multiply(0.5).y
        return _target(work).multiply(gate).y
    inner = _aside(work).multiply(work.x).multiply(work.x).multiply(0.044715).add(work.x)
    gate = _tanh(inner.multiply(math.sqrt(2 / math.pi))).add(1).multiply(0.5).y
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

"""Norms of the input's own mean and variance, step by step; where nobody else reads the input, they overwrite it."""

from __future__ import annotations

import numpy as np

from costcalc.execute.work import Floats, Work, kernel

EPSILON = np.float32(1e-5)
# of local response norm, where the paper's alpha of 1e-4 would hide the neighbours
K, ALPHA, BETA = np.float32(2), np.float32(1), np.float32(0.75)


def _target(work: Work) -> Floats:
    """The input where it may be overwritten, else a copy."""
    return work.x if work.own else work.x.copy()


def _mean(work: Work, sums: Floats, number: int) -> Floats:
    """Sums of so many numbers, divided."""
    work.count("additions", sums.size * (number - 1))
    work.count("divisions", sums.size)
    return sums / np.float32(number)


def _deviation(work: Work, mean_of_squares: Floats) -> Floats:
    """sqrt(... + epsilon); a square root is a division."""
    work.count("additions", mean_of_squares.size)
    work.count("divisions", mean_of_squares.size)
    root: Floats = np.sqrt(mean_of_squares + EPSILON)
    return root


def _centre(work: Work, rows: Floats) -> None:
    """Takes from each row its mean."""
    rows -= _mean(work, rows.sum(axis=-1, keepdims=True), rows.shape[-1])
    work.count("additions", rows.size)


def _scale_down(work: Work, rows: Floats) -> None:
    """Divides each row by the square root of the mean of its squares."""
    squares = np.einsum("...i,...i->...", rows, rows)[..., None]
    work.count("multiplications", rows.size)
    rows /= _deviation(work, _mean(work, squares, rows.shape[-1]))
    work.count("divisions", rows.size)


def _affine(work: Work, y: Floats, shape: tuple[int, ...], shift: bool = True) -> Floats:
    """Scales and shifts of this shape, which has an axis for each of y's, where the node has them."""
    if work["scale"]:
        y *= work.make("norm_scales", int(np.prod(shape))).reshape(shape)
        work.count("multiplications", y.size)
    if shift and work["shift"]:
        y += work.make("norm_shifts", int(np.prod(shape))).reshape(shape)
        work.count("additions", y.size)
    return y


def _channels(work: Work) -> tuple[int, ...]:
    """The shape of one number for each channel."""
    return tuple(size if axis == work.inputs[0].channels else 1 for axis, size in enumerate(work.x.shape))


@kernel("layer_norm")
def layer_norm(work: Work) -> Floats:
    """The features at each position, or all numbers of a sample."""
    y = _target(work)
    if work["over"] == "all":
        rows = y.reshape(len(y), -1)  # a copy where y does not lie in one piece
        _centre(work, rows)
        _scale_down(work, rows)
        y[...] = rows.reshape(y.shape)
        return _affine(work, y, (1, *y.shape[1:]))
    rows = np.moveaxis(y, work.inputs[0].channels, -1)
    _centre(work, rows)
    _scale_down(work, rows)
    return _affine(work, y, _channels(work))


def _by_channel(work: Work, groups: int) -> Floats:
    """Each group of channels over its channels and all positions."""
    y = _target(work)
    first = np.moveaxis(y, work.inputs[0].channels, 1)
    rows = first.reshape(len(y), groups, -1)  # a copy where the channels lie last
    _centre(work, rows)
    _scale_down(work, rows)
    first[...] = rows.reshape(first.shape)
    return _affine(work, y, _channels(work))


@kernel("group_norm")
def group_norm(work: Work) -> Floats:
    """So many groups."""
    return _by_channel(work, work["groups"])


@kernel("instance_norm")
def instance_norm(work: Work) -> Floats:
    """A group for each channel."""
    return _by_channel(work, work.x.shape[work.inputs[0].channels])


@kernel("rms_norm")
def rms_norm(work: Work) -> Floats:
    """No mean is taken off."""
    y = _target(work)
    _scale_down(work, np.moveaxis(y, work.inputs[0].channels, -1))
    return _affine(work, y, _channels(work), shift=False)


@kernel("local_response_norm")
def local_response_norm(work: Work) -> Floats:
    """The squares of neighbours, shifted along the channels and added up; size // 2 of them come before."""
    axis, size = work.inputs[0].channels, work["size"]
    squares = np.moveaxis(work.x * work.x, axis, 0)
    work.count("multiplications", squares.size)
    before = size // 2
    wide = np.zeros((squares.shape[0] + size - 1, *squares.shape[1:]), np.float32)
    wide[before : before + len(squares)] = squares
    sums = wide[: len(squares)].copy()
    for tap in range(1, size):
        sums += wide[tap : tap + len(squares)]
        work.count("additions", sums.size)
    sums *= ALPHA / np.float32(size)
    work.count("multiplications", sums.size)
    sums += K
    work.count("additions", sums.size)
    np.log(sums, out=sums)
    sums *= BETA
    np.exp(sums, out=sums)
    work.count("exponentials", 2 * sums.size)
    work.count("multiplications", sums.size)
    work.count("divisions", sums.size)
    return np.ascontiguousarray(work.x / np.moveaxis(sums, 0, axis))

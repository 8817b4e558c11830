"""Winograd's minimal filtering, one operation at a time, its transforms derived by interpolation.

A tile of m outputs of a filter with 3 taps is a product of polynomials read backwards, which m + 2 points determine: 0,
infinity, and pairs of a and -a. With M(x) = x * (x^2 - a^2) * ..., the data meet at point p the coefficients of
M(x) / (x - p), at infinity those of M(x); the filter meets its value at p over the product of p - q for all other
finite points q; output j is the sum of p^j times the product at p, and the last one has that at infinity too.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import product
from math import prod

import numpy as np

from costcalc.execute.literal.scalars import Scalar, Scalars, Weight
from costcalc.execute.literal.window import axes_of, outputs_of
from costcalc.execute.literal.work import LiteralWork, literal

Grid = list[list[Scalar]]
PAIRS = {2: [1], 4: [1, 2]}  # the points a that come with -a


def _scaled(x: Scalar, factor: int) -> Scalar:
    return x if factor == 1 else x * float(factor)


def _filtered(g: list[float], tile: int) -> list[float]:
    """Three taps at each point: 0, every a and -a, infinity."""
    points = [0, *(p for a in PAIRS[tile] for p in (a, -a))]
    over = [Fraction(1, prod(p - q for q in points if q != p)) for p in points]
    return [float(w) * (g[0] + p * g[1] + p * p * g[2]) for p, w in zip(points, over, strict=True)] + [g[2]]


def _data(d: list[Scalar], tile: int) -> list[Scalar]:
    """The data at the same points; M(x) / x, M(x) / (x - a), M(x) are made of factors x^2 - a^2, applied once each."""
    known: dict[tuple[tuple[int, ...], int], Scalar] = {}

    def by(factors: tuple[int, ...], i: int) -> Scalar:
        """d, from i on, with the polynomial that has these factors."""
        if not factors:
            return d[i]
        if (factors, i) not in known:
            *before, a = factors
            known[factors, i] = by(tuple(before), i + 2) - _scaled(by(tuple(before), i), a * a)
        return known[factors, i]

    every = tuple(PAIRS[tile])
    found = [by(every, 0)]
    for a in every:  # M(x) / (x - a) is (x^2 + a x) times the factors of the other pairs
        others = tuple(b for b in every if b != a)
        even, odd = by(others, 2), _scaled(by(others, 1), a)
        found += [even + odd, even - odd]
    return [*found, by(every, 1)]


def _outputs(p: list[Scalar], tile: int) -> list[Scalar]:
    """The outputs of a tile, of the products at all points."""
    sums = [(p[i] + p[i + 1], p[i] - p[i + 1]) for i in range(1, len(p) - 1, 2)]
    found = []
    for j in range(tile):
        terms = [_scaled(both[j % 2], a**j) for a, both in zip(PAIRS[tile], sums, strict=True)]
        first, *rest = ([p[0]] if j == 0 else []) + terms + ([p[-1]] if j == tile - 1 else [])
        for term in rest:
            first = first + term
        found.append(first)
    return found


def _grid(x: Grid, along: Callable[[list[Scalar]], list[Scalar]]) -> Grid:
    """Every column, then every row of what that gives."""
    columns = [along(list(column)) for column in zip(*x, strict=True)]
    return [along(list(row)) for row in zip(*columns, strict=True)]


@literal("winograd_conv")
def winograd_conv(work: LiteralWork) -> Scalars:
    """Tile by tile: the data of all input channels at all points, then for each output channel its products."""
    tile, out, (samples, channels, *sizes) = work["tile"], work["out"], work.x.shape
    axes = axes_of(sizes, 3, 1, work["padding"])
    height, width = outputs_of(axes)
    top, left = (axis.looks[0][0] for axis in axes)
    filters = _filters(work, out, channels)
    y = np.empty((samples, out, height, width), object)
    tiles = list(product(range(samples), range(0, height, tile), range(0, width, tile)))
    for n, up, over in tiles:
        read = [_read(work, n, c, top + up, left + over) for c in range(channels)]
        data = [_grid(d, lambda vector: _data(vector, tile)) for d in read]
        for o in range(out):
            made = _grid(_products(work, data, filters[o]), lambda vector: _outputs(vector, tile))
            for i, j in np.ndindex(min(tile, height - up), min(tile, width - over)):
                y[n, o, up + i, over + j] = made[i][j]
    work.workspace = 4 * (tile + 2) ** 2 * len(tiles) * (channels + out)
    return work.biased(y)


def _products(work: LiteralWork, data: list[Grid], filters: list[list[list[Weight]]]) -> Grid:
    """At each pair of points the sum over the input channels."""
    edge = range(work["tile"] + 2)
    sums = [[work.zero() for _ in edge] for _ in edge]
    for d, g in zip(data, filters, strict=True):
        for i, j in product(edge, edge):
            sums[i][j] = sums[i][j] + d[i][j] * g[i][j]
    return sums


def _read(work: LiteralWork, n: int, c: int, top: int, left: int) -> Grid:
    """The tile of the input that begins there."""
    edge, (height, width) = range(work["tile"] + 2), work.x.shape[2:]
    return [
        [
            work.at(n, c, top + i, left + j) if 0 <= top + i < height and 0 <= left + j < width else work.outside(0.0)
            for j in edge
        ]
        for i in edge
    ]


def _filters(work: LiteralWork, out: int, channels: int) -> list[list[list[list[Weight]]]]:
    """The filter of each pair of channels at all pairs of points, known before any input."""
    tile, taps = work["tile"], np.reshape(work.constants("weights", out * channels * 9), (out, channels, 3, 3))

    def at_points(g: list[list[float]]) -> list[list[Weight]]:
        columns = [_filtered(list(column), tile) for column in zip(*g, strict=True)]
        rows = [_filtered(list(row), tile) for row in zip(*columns, strict=True)]
        return [[Weight(value, work.tally) for value in row] for row in rows]

    return [[at_points(taps[o, c].tolist()) for c in range(channels)] for o in range(out)]

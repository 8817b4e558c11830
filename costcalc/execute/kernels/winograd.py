"""Winograd's minimal filtering: all tiles at once, each step of a transform for all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from costcalc.execute.sliding import margins, padded
from costcalc.execute.work import Floats, Work, kernel

FILTERS = {  # the matrix G of Lavin and Gray
    2: [[1, 0, 0], [1 / 2, 1 / 2, 1 / 2], [1 / 2, -1 / 2, 1 / 2], [0, 0, 1]],
    4: [
        [1 / 4, 0, 0], [-1 / 6, -1 / 6, -1 / 6], [-1 / 6, 1 / 6, -1 / 6], [1 / 24, 1 / 12, 1 / 6],
        [1 / 24, -1 / 12, 1 / 6], [0, 0, 1],
    ],
}  # fmt: skip


class _Transforms:
    """The transforms, in sums and products of whole arrays, each noted as it is done."""

    def __init__(self, work: Work) -> None:
        self.work = work

    def plus(self, a: Floats, b: Floats) -> Floats:
        self.work.count("additions", a.size)
        return a + b

    def minus(self, a: Floats, b: Floats) -> Floats:
        self.work.count("additions", a.size)
        return a - b

    def times(self, a: Floats, factor: float) -> Floats:
        self.work.count("multiplications", a.size)
        return a * np.float32(factor)

    def data(self, d: Sequence[Floats]) -> list[Floats]:
        """B^T d: 4 numbers to 4, or 6 to 6."""
        if len(d) == 4:
            return [self.minus(d[0], d[2]), self.plus(d[1], d[2]), self.minus(d[2], d[1]), self.minus(d[1], d[3])]
        once = [self.minus(d[i + 2], d[i]) for i in range(4)]
        even, odd = self.minus(d[4], self.times(d[2], 4)), self.minus(d[3], self.times(d[1], 4))
        twice = self.times(once[1], 2)
        return [
            self.minus(once[2], self.times(once[0], 4)),
            self.plus(even, odd),
            self.minus(even, odd),
            self.plus(once[2], twice),
            self.minus(once[2], twice),
            self.minus(once[3], self.times(once[1], 4)),
        ]

    def inverse(self, p: Sequence[Floats]) -> list[Floats]:
        """A^T p: 4 numbers to 2, or 6 to 4."""
        even, odd = self.plus(p[1], p[2]), self.minus(p[1], p[2])
        if len(p) == 4:
            return [self.plus(p[0], even), self.minus(odd, p[3])]
        even2, odd2 = self.plus(p[3], p[4]), self.minus(p[3], p[4])
        return [
            self.plus(self.plus(p[0], even), even2),
            self.plus(odd, self.times(odd2, 2)),
            self.plus(even, self.times(even2, 4)),
            self.plus(self.plus(odd, self.times(odd2, 8)), p[5]),
        ]


def _both_axes(step: Callable[[Sequence[Floats]], list[Floats]], tiles: Floats) -> Floats:
    """A transform of the columns, then of the rows, which are the first two axes."""
    half = np.stack(step(list(tiles)))
    return np.stack(step(list(half.swapaxes(0, 1)))).swapaxes(0, 1)


def _tiled(x: Floats, tile: int) -> Floats:
    """Overlapping tiles of a padded map, the last ones filled with zeros: (edge, edge, N, C, rows, columns)."""
    rows, columns = (len(range(0, size - 2, tile)) for size in x.shape[2:])
    lacking = [(0, n * tile + 2 - size) for n, size in zip((rows, columns), x.shape[2:], strict=True)]
    x = padded(x, lacking)
    edge = range(tile + 2)
    return np.array([
        [x[:, :, i : i + (rows - 1) * tile + 1 : tile, j : j + (columns - 1) * tile + 1 : tile] for j in edge]
        for i in edge
    ])  # fmt: skip


@kernel("winograd_conv")
def winograd_conv(work: Work) -> Floats:
    """A^T ((G g G^T) * (B^T d B)) A for each tile, with the products summed over the input channels."""
    tile, out, (n, channels) = work["tile"], work["out"], work.x.shape[:2]
    x = padded(work.x, margins(work["padding"], work.x.shape[2:], [3, 3], [1, 1]))
    height, width = (size - 2 for size in x.shape[2:])
    weights, g = work.make("weights", out, channels, 3, 3), np.array(FILTERS[tile])
    filters = np.einsum("ia,ocab,jb->ijoc", g, weights.astype(np.float64), g).astype(np.float32)[:, :, None]
    steps = _Transforms(work)
    data = _both_axes(steps.data, _tiled(x, tile))
    edge, _, _, _, rows, columns = data.shape
    sums = work.matmul(filters, data.reshape(edge, edge, n, channels, -1))  # (edge, edge, N, out, tiles)
    work.count("valid_macs", sums.size * channels)
    work.workspace = data.nbytes + sums.nbytes
    parts = _both_axes(steps.inverse, sums.reshape(edge, edge, n, out, rows, columns))
    y = parts.transpose(2, 3, 4, 0, 5, 1).reshape(n, out, rows * tile, columns * tile)
    return work.add_bias(y[:, :, :height, :width].copy())

"""A small network and a space of it whose totals and front are had by hand arithmetic, apart from costcalc."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import NamedTuple

import numpy as np

SPEC = """costcalc: 1
name: Chain
input: [3, 16, 16]
layers:
  - rows:
      columns: [out, k, s]
      data:
        - [ 8, 3, 1]
        - [16, 3, 2]
        - [24, 5, 2]
        - [32, 3, 1]
      layers:
        - conv: {out: out, kernel: k, stride: s, bias: false}
"""
SPACE = "costcalc-space: 1\nrows: {stage: {out: 8:%d:8, k: [1, 3, 5]}}\n"
SIZES = (16, 8, 4, 4)  # of each output, from the strides


class Design(NamedTuple):
    """The totals of every point, by number."""

    params: np.ndarray
    madds: np.ndarray

    @classmethod
    def of(cls, widest: int) -> Design:
        """All points of SPACE, the kernel of the last row moving fastest."""
        widths = range(8, widest + 1, 8)
        axes = [axis for _ in SIZES for axis in (widths, (1, 3, 5))]
        columns = np.array(list(itertools.product(*axes)), dtype=np.int64).T
        params, madds, before = 0, 0, 3
        for out, k, size in zip(columns[::2], columns[1::2], SIZES, strict=True):
            weights = k * k * before * out
            params, madds, before = params + weights, madds + weights * size * size, out
        return cls(params, madds)

    def front(self, most_madds: int) -> dict[tuple[int, int], tuple[int, int]]:
        """The most parameters for the least MAdds: by (params, madds), the lowest number and how many there are."""
        least: dict[int, int] = {}
        for params, madds in zip(self.params.tolist(), self.madds.tolist(), strict=True):
            if madds <= most_madds and madds < least.get(params, most_madds + 1):
                least[params] = madds
        best: dict[tuple[int, int], tuple[int, int]] = {}
        lowest = most_madds + 1
        for params in sorted(least, reverse=True):  # the fewer parameters, the fewer MAdds it must have
            if least[params] < lowest:
                lowest = least[params]
                where = np.flatnonzero((self.params == params) & (self.madds == lowest))
                best[params, lowest] = (int(where[0]), len(where))
        return best


def written(folder: Path, widest: int) -> tuple[Path, Path]:
    """The files of the spec and the space in a folder."""
    spec, space = folder / "chain.yaml", folder / "space.yaml"
    spec.write_text(SPEC)
    space.write_text(SPACE % widest)
    return spec, space

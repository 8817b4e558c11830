"""Transposed convolutions: what each tap makes of the whole input is added into the output, spread by the stride."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np

from costcalc.execute.sliding import each_axis, margins, tap
from costcalc.execute.work import Floats, Work, kernel


@kernel("conv_transpose")
def conv_transpose(work: Work) -> Floats:
    """The convolution from the output to the input, backwards: where it would read, this one adds."""
    n, channels, *sizes = work.x.shape
    rank, groups, out = len(sizes), work["groups"], work["out"]
    kernels, strides, gaps = (each_axis(work[name], rank) for name in ("kernel", "stride", "dilation"))
    reach = [(k - 1) * gap + 1 for k, gap in zip(kernels, gaps, strict=True)]
    outputs, pairs = _outputs(work, sizes, reach, strides)
    canvas = [o + before + after for o, (before, after) in zip(outputs, pairs, strict=True)]
    y = np.zeros((n, out, *canvas), np.float32)
    inside = np.zeros((1, 1, *canvas), np.float32)
    kept: Any = np.index_exp[:, :, *(slice(before, before + o) for o, (before, _) in zip(outputs, pairs, strict=True))]
    inside[kept] = 1
    weights = work.make("weights", groups, channels // groups, out // groups, *kernels)
    x = work.x.reshape(n, groups, channels // groups, -1)
    for where in product(*map(range, kernels)):
        offsets = tuple(t * gap for t, gap in zip(where, gaps, strict=True))
        one: Any = np.index_exp[:, :, :, *where]
        factor = weights[one].swapaxes(1, 2)
        target = tap(y, offsets, sizes, strides)
        target += work.matmul(factor, x).reshape(target.shape)  # the sums of earlier taps go on here
        work.count_valid(tap(inside, offsets, sizes, strides), n * channels // groups * out)
    return work.add_bias(np.array(y[kept]))


def _outputs(
    work: Work, sizes: list[int], reach: list[int], strides: list[int]
) -> tuple[list[int], list[tuple[int, int]]]:
    """The output sizes, and what is cut off before and after them."""
    spread = [(size - 1) * s + r for size, s, r in zip(sizes, strides, reach, strict=True)]
    if work["padding"] == "same":
        outputs = [size * s for size, s in zip(sizes, strides, strict=True)]
        return outputs, margins("same", tuple(outputs), reach, strides)
    pairs = margins(work["padding"], tuple(sizes), reach, strides)
    more = each_axis(work["output_padding"], len(sizes))
    return [n + m - sum(pair) for n, m, pair in zip(spread, more, pairs, strict=True)], pairs

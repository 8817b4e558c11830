"""Factors for each channel in a network that people know, and the activations that multiply below zero."""

from __future__ import annotations

import numpy as np

from costcalc.api import Model
from costcalc.errors import Source
from costcalc.execute.work import KERNELS, Tensor, Work
from costcalc.spec import parse_document

CONVNEXT_TINY = """\
costcalc: 1
name: ConvNeXt-T
source: Liu et al. 2022, arXiv:2201.03545, section 2 and Figure 4
hyperparameters: {resolution: 224}
input: [3, resolution, resolution]
blocks:
  unit:
    layers:
      - residual:
          - depthwise: {kernel: 7, norm: layer_norm, bias: true}
          - conv: {out: 4*in.channels, kernel: 1, act: gelu}
          - conv: {out: block.in.channels, kernel: 1}
          - scale
layers:
  - conv: {out: 96, kernel: 4, stride: 4, norm: layer_norm, bias: true}
  - rows:
      columns: [out, n]
      data: [[96, 3], [192, 3], [384, 9], [768, 3]]
      layers:
        - layer_norm: {only_if: out != in.channels}
        - conv: {out: out, kernel: 2, stride: 2, only_if: out != in.channels}
        - repeat: {n: n, layers: [unit]}
  - global_avg_pool
  - layer_norm
  - linear: {out: 1000}
"""


def test_convnext_tiny_is_that_of_torchvision() -> None:
    """`num_params` 28589128 and 4.456 GFLOPS in its table of weights; its layer scales are 3, 3, 9, 3 units wide."""
    model = Model(parse_document(Source("convnext.yaml", CONVNEXT_TINY)), {})
    totals = model.report().totals
    assert totals.params == 28_589_128
    assert round(totals.madds / 10**6) == 4_456
    scales = [row for row in model.report().layers if row.kind == "scale"]
    assert sum(row.params for row in scales) == 3 * 96 + 3 * 192 + 9 * 384 + 3 * 768
    assert Model(model.document, {"resolution": 32}).verify().agreed


def test_slopes_below_zero_by_hand() -> None:
    x = np.array([[-2.0, 0.0, 3.0]], np.float32)
    leaky = KERNELS["leaky_relu"](Work([Tensor(x)], {"slope": 0.25}, np.random.default_rng(0), False))
    np.testing.assert_array_equal(leaky, [[-0.5, 0.0, 3.0]])

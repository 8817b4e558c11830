"""The executor against the rules: every kind on random layers, every class of the census, without tolerance.

Three tell what a layer does: its rule (`kinds/`), its kernel, which tallies what it computes, and its literal kernel,
whose scalars count themselves. All three must say the same. COSTCALC_NIGHTLY=1 takes fresh seeds, and ten times as
many layers.
"""

from __future__ import annotations

import os
import secrets
from typing import Any

import numpy as np
import pytest
from layers import Layer, layers

from costcalc.census import CLASSES
from costcalc.execute.literal import LITERAL, LiteralWork, Tally
from costcalc.execute.literal.scalars import Scalar, floats, scalars
from costcalc.execute.work import KERNELS, Tensor, Work
from costcalc.kinds import REGISTRY

NIGHTLY = os.environ.get("COSTCALC_NIGHTLY") == "1"
FIRST = secrets.randbelow(2**40) if NIGHTLY else 0  # of the seeds; what fails says which layer it was
NUMBER = 10_000 if NIGHTLY else 1_000
KINDS = [kind for kind in REGISTRY if kind != "opaque"]


def expected(layer: Layer) -> dict[str, Any]:
    """What the rules say, as an execution would tell it."""
    census = layer.census.for_batch(layer.batch)
    return {"output": layer.output.dims, "sequence": layer.output.sequence, **_nonzero(census._asdict())}


def _nonzero(numbers: Any) -> dict[str, int]:
    assert set(numbers) <= set(CLASSES)
    return {name: n for name, n in numbers.items() if n}


def arrive(layer: Layer, rng: np.random.Generator) -> list[Tensor]:
    """Arrays for its inputs; in one of three layers they do not lie in one piece, as after a split."""
    arrays = [rng.uniform(-1, 1, (layer.batch, *x.dims)).astype(np.float32) for x in layer.inputs]
    if layer.batch == 3:
        arrays = [np.repeat(array, 2, axis=1)[:, ::2] for array in arrays]
    return [Tensor(array, x.sequence) for array, x in zip(arrays, layer.inputs, strict=True)]


def executed(layer: Layer) -> tuple[dict[str, Any], Any]:
    """What the kernel tells, and its output."""
    rng = np.random.default_rng(7)
    work = Work(arrive(layer, rng), layer.attributes, rng, own=layer.batch == 2)
    y = KERNELS[layer.kind](work)
    assert y.dtype == np.float32
    assert len(y) == layer.batch
    found = {"output": y.shape[1:], "sequence": work.sequence, **_nonzero(work.tally | work.parameters)}
    return found, y


def literally(layer: Layer) -> tuple[dict[str, Any], Any]:
    """What the literal kernel tells, and its output, on the same numbers."""
    rng, tally = np.random.default_rng(7), Tally()
    inputs = [t._replace(array=scalars(t.array, Scalar, tally)) for t in arrive(layer, rng)]
    work = LiteralWork(inputs, layer.attributes, rng, layer.batch == 2, tally)
    y = LITERAL[layer.kind](work)
    found = {"output": y.shape[1:], "sequence": work.sequence, **_nonzero({**tally.take(), **work.parameters})}
    return found, floats(y)


def test_every_kind_has_a_kernel():
    assert set(KERNELS) == set(LITERAL) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_rule_and_kernel(kind):
    for layer in layers(kind, NUMBER, FIRST):
        found, _ = executed(layer)
        assert found == expected(layer), layer


@pytest.mark.parametrize("kind", KINDS)
def test_rule_and_kernel_and_literal_kernel(kind):
    for layer in layers(kind, NUMBER, FIRST, tiny=True):
        (fast, values), (literal, truth) = executed(layer), literally(layer)
        assert fast == literal == expected(layer), layer
        np.testing.assert_allclose(values, truth, rtol=1e-4, atol=1e-4, err_msg=str(layer))

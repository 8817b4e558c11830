"""The executor against the rules: every kind on random layers, every class of the census, without tolerance.

Three tell what a layer does: its rule (`kinds/`), its kernel, which tallies what it computes, and its literal kernel,
whose scalars count themselves. All three must say the same. COSTCALC_NIGHTLY=1 takes fresh seeds, and ten times as
many layers; COSTCALC_THOROUGH=1 as many layers for what takes long as for the rest.
"""

from __future__ import annotations

import ast
import itertools
import math
import os
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bundle import THOROUGH, often
from layers import Layer, layers
from networks import table

import costcalc
from costcalc.api import load
from costcalc.census import CLASSES
from costcalc.execute import CannotRun, execute, run
from costcalc.execute.literal import LITERAL, LiteralWork, Tally
from costcalc.execute.literal.scalars import Bias, Padding, Scalar, Weight, floats, scalars
from costcalc.execute.work import KERNELS, Tensor, Work
from costcalc.kinds import REGISTRY
from costcalc.network import INPUT, Network

NIGHTLY = os.environ.get("COSTCALC_NIGHTLY") == "1"
FIRST = secrets.randbelow(2**40) if NIGHTLY else 0  # of the seeds; what fails says which layer it was
NUMBER = 10_000 if NIGHTLY else 1_000
FEWER = NUMBER if NIGHTLY or THOROUGH else 300  # where arrays are followed or scalars count themselves
ROOT = Path(__file__).resolve().parent.parent
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


def outcome(layer: Layer, batch: int, own: bool, literal: bool) -> tuple[list[Any], Any, int]:
    """The arrays that a kernel gets, the one that it makes, and the bytes that it says lived meanwhile."""
    rng, tally = np.random.default_rng(7), Tally()
    arrays = [rng.uniform(-1, 1, (batch, *x.dims)).astype(np.float32) for x in layer.inputs]
    if batch > 1:  # samples that lie apart, as after a split
        arrays = [np.concatenate([array, array], axis=1)[:, : array.shape[1]] for array in arrays]
    arrays = [scalars(array, Scalar, tally) for array in arrays] if literal else arrays
    inputs = [Tensor(array, x.sequence) for array, x in zip(arrays, layer.inputs, strict=True)]
    work: Any = LiteralWork(inputs, layer.attributes, rng, own, tally) if literal else Work(inputs, layer.attributes, rng, own)
    return arrays, (LITERAL if literal else KERNELS)[layer.kind](work), work.workspace


@pytest.mark.parametrize("kind", KINDS)
def test_outputs_lie_where_the_rule_says(kind):
    """In memory that is the input's or their own, as much as they need, and in one piece for each sample."""
    for number, layer in enumerate(layers(kind, 300 if THOROUGH else 100, FIRST, tiny=True)):
        storage = REGISTRY[kind](layer.attributes).storage_of(layer.inputs)
        for batch, own, literal in itertools.product((1, 2), (False, True), (False, True) if number < 60 else (False,)):
            arrays, y, _ = outcome(layer, batch, own, literal)
            shares = storage == "view" or (storage == "in_place" and own)
            found = [np.shares_memory(y, array) for array in arrays]
            assert found == [shares, *[False] * (len(arrays) - 1)], (layer, batch, own, literal)
            assert np.shares_memory(y, y.reshape(batch, -1)), (layer, batch, own, literal)
            assert shares or run._owner(y).size == y.size, (layer, batch, own, literal)


@pytest.mark.parametrize("kind", sorted(run.OVERWRITING))
def test_in_place_on_a_part(kind):
    """Where samples lie apart, as after a split, the input is overwritten by the very values that a copy would be."""
    for layer in layers(kind, 60, FIRST, tiny=True):
        found = []
        for own in (False, True):
            rng = np.random.default_rng(7)
            (x,) = (rng.uniform(-1, 1, (3, 4, *x.dims)).astype(np.float32) for x in layer.inputs)
            parts = [Tensor(x.reshape(3, -1, *x.shape[3:])[:, : x.shape[2]], layer.inputs[0].sequence)]
            work = Work(parts, layer.attributes, rng, own)
            found.append(KERNELS[kind](work))
            assert np.shares_memory(found[-1], parts[0].array) == own
        np.testing.assert_array_equal(*found, err_msg=str(layer))


@pytest.mark.parametrize("kind", KINDS)
def test_what_lives_meanwhile(kind):
    """The bytes of the arrays that a kernel holds beside its input and output are those of the rule."""
    for number, layer in enumerate(layers(kind, FEWER, FIRST, tiny=True)):
        elements = REGISTRY[kind](layer.attributes).workspace(layer.inputs, layer.output)
        for literal in (False, True) if number < 100 or (THOROUGH and number < 300) else (False,):
            assert outcome(layer, layer.batch, False, literal)[2] == 4 * layer.batch * elements, (layer, literal)


def test_every_kind_has_a_kernel():
    assert set(KERNELS) == set(LITERAL) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_rule_and_kernel(kind):
    for layer in layers(kind, NUMBER, FIRST):
        found, _ = executed(layer)
        assert found == expected(layer), layer


@pytest.mark.parametrize("kind", KINDS)
def test_rule_and_kernel_and_literal_kernel(kind):
    for layer in layers(kind, FEWER, FIRST, tiny=True):
        (fast, values), (literal, truth) = executed(layer), literally(layer)
        assert fast == literal == expected(layer), layer
        np.testing.assert_allclose(values, truth, rtol=1e-4, atol=1e-4, err_msg=str(layer))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 3e38])
def test_values_do_not_disturb_counts(value):
    for kind in KINDS:
        for layer in layers(kind, 3, tiny=True):
            rng = np.random.default_rng(7)
            inputs = [t._replace(array=np.full_like(t.array, value)) for t in arrive(layer, rng)]
            work = Work(inputs, layer.attributes, rng, own=False)
            with np.errstate(all="ignore"):
                y = KERNELS[kind](work)
            assert {"output": y.shape[1:], **_nonzero(work.tally | work.parameters)}.items() <= expected(layer).items()


# -- scalars that count themselves -------------------------------------------------------------------------------------


def test_scalars_by_hand():
    tally = Tally()
    x, y = Scalar(3.0, tally), Scalar(-0.5, tally)
    two, outside, bias = Weight(2.0, tally), Padding(0.0, tally), Bias(10.0, tally)
    total = Scalar(0.0, tally) + x * two + outside * two + y * two + bias
    assert total.value == 15
    assert tally.take() == {"macs": 3, "valid_macs": 2, "bias_adds": 1}
    assert [(x + y).value, (x - y).value, (x + 1.0).value, (-x).value] == [2.5, 3.5, 4, -3]
    assert tally.take() == {"additions": 3}, "a negation is free"
    assert [(x * y).value, (x * 0.5).value, (outside * x).value] == [-1.5, 1.5, 0]
    assert tally.take() == {"multiplications": 3}
    assert [(x / y).value, (x / 2).value, (1.0 / y).value] == [-6, 1.5, -2]
    assert tally.take() == {"divisions": 3}
    assert [x.larger(y).value, x.smaller(y).value, y.larger(0.0).value] == [3, -0.5, 0]
    assert tally.take() == {"comparisons": 3}
    assert [y.exp().value, y.erf().value] == [math.exp(-0.5), math.erf(-0.5)]
    assert tally.take() == {"exponentials": 2}
    assert tally.take() == {}


def test_a_product_does_nothing_but_be_added():
    x = Scalar(3.0, Tally())
    product = x * Weight(2.0, x.tally)
    for wrong in (lambda: product + x, lambda: product * 2.0, lambda: -product, lambda: product + product):
        with pytest.raises(TypeError):
            wrong()


# -- whole networks ----------------------------------------------------------------------------------------------------

SMALL = table("SMALL")
PATHS = {name: str(ROOT / "specs" / f"{name}.yaml") for name in SMALL} | {"small": str(ROOT / "tests/specs/small.yaml")}
SETTINGS = SMALL | {"small": {"resolution": 17, "alpha": 0.25}}


def test_every_bundled_spec_is_run():
    assert {path.stem for path in (ROOT / "specs").glob("*.yaml")} == set(SMALL)


@pytest.mark.parametrize("name", SETTINGS)
def test_whole_networks(name):
    """Rule, fast and literal execution agree at every node and in the peak of memory; the outputs are the same ones."""
    model, batch = load(PATHS[name], **SETTINGS[name]), 2
    report, nodes = model.report(batch=batch), []
    fast = execute(model.network, batch, step=lambda node: nodes.append(node.path))
    literal = execute(model.network, batch, step=lambda node: nodes.append(node.path), literal=True)
    assert nodes == [node.path for node in model.network.nodes] * 2
    for row, node, ran, confirmed in zip(report.layers, model.network.nodes, fast.nodes, literal.nodes, strict=True):
        found = {"output": ran.output, **_nonzero({**ran.operations, **ran.parameters})}
        assert found == {"output": node.output.dims, **_nonzero(row.census._asdict())}, node.path
        assert ran == confirmed, node.path
    assert fast.peak_bytes == literal.peak_bytes == report.totals.peak_activation_bytes
    for output, values in fast.outputs.items():
        truth = literal.outputs[output]  # layer upon layer of random weights amplifies the rounding of 32 bits
        np.testing.assert_allclose(values, truth, rtol=0, atol=0.02 * np.abs(truth).max())


@pytest.mark.parametrize("name", [*often(SMALL), "small"])
def test_values_of_every_node(name):
    """On the same input and the same weights, each node of a network computes what its definition does."""
    network = load(PATHS[name], **SETTINGS[name]).network
    rng, again = np.random.default_rng(5), np.random.default_rng(5)
    tensors = {INPUT: Tensor(rng.uniform(-1, 1, (1, *network.input.dims)).astype(np.float32), network.input.sequence)}
    again.uniform(-1, 1, (1, *network.input.dims))
    for node in network.nodes:
        inputs, tally = [tensors[path] for path in node.inputs], Tally()
        work = Work(inputs, node.attributes, rng, own=False)
        tensors[node.path] = Tensor(KERNELS[node.kind](work), work.sequence)
        counting = [t._replace(array=scalars(t.array, Scalar, tally)) for t in inputs]
        truth = floats(LITERAL[node.kind](LiteralWork(counting, node.attributes, again, False, tally)))
        scale = 1e-4 * max(1, np.abs(truth).max())
        np.testing.assert_allclose(tensors[node.path].array, truth, rtol=1e-4, atol=scale, err_msg=node.path)


@pytest.mark.parametrize("name", [*often(SMALL), "small"])
def test_overwriting_changes_no_value(name, monkeypatch):
    network = load(PATHS[name], **SETTINGS[name]).network
    usual = execute(network, seed=3)
    monkeypatch.setattr(run, "OVERWRITING", frozenset())
    spared = execute(network, seed=3)
    assert spared.nodes == usual.nodes
    assert spared.peak_bytes >= usual.peak_bytes
    for output in network.outputs:
        np.testing.assert_array_equal(spared.outputs[output], usual.outputs[output])


def test_seeds():
    """The same seed gives the same values, another one other values; the counts are those of the network."""
    network = load(PATHS["small"], **SETTINGS["small"]).network
    first, again, other = execute(network, seed=1), execute(network, seed=1), execute(network, seed=2)
    (output,) = network.outputs
    np.testing.assert_array_equal(first.outputs[output], again.outputs[output])
    assert np.abs(first.outputs[output] - other.outputs[output]).max() > 1e-3
    assert first.nodes == again.nodes == other.nodes


def test_literally_too_long():
    """Refused with the number of operations that it would take, before any scalar is made."""
    model = load(PATHS["mobilenet_v1"], alpha=0.25, resolution=96)
    census, steps = model.report(batch=2).totals.census, []
    operations = sum(census[:8]) - census.valid_macs
    with pytest.raises(CannotRun, match=f"{operations:,} operations one by one.* lower resolution"):
        execute(model.network, 2, step=steps.append, literal=True)
    assert not steps


@pytest.mark.parametrize("literal", [False, True])
def test_what_cannot_be_counted_cannot_be_run(literal):
    network: Network = load(str(ROOT / "tests/specs/partial.yaml")).network
    path = next(node.path for node in network.nodes if node.kind == "opaque")
    with pytest.raises(CannotRun, match=f"`{path}`: kind `opaque` has no kernel"):
        execute(network, literal=literal)


# -- independence ------------------------------------------------------------------------------------------------------

NEVER = ("costcalc.kinds", "costcalc.cost", "costcalc.published", "costcalc.spec", "costcalc.storage",
         "costcalc.verify", "sympy")  # fmt: skip


def forbidden(modules: Any) -> set[str]:
    return {m for m in modules if any(m == name or m.startswith(f"{name}.") for name in NEVER)}


def file_of(module: str) -> Path | None:
    """The file of a module of costcalc; None of another's, and of a name in a module."""
    base = Path(costcalc.__file__).parent.joinpath(*module.split(".")[1:])
    if module.partition(".")[0] != "costcalc":
        return None
    return next((path for path in (base.with_suffix(".py"), base / "__init__.py") if path.exists()), None)


def imports_of(path: Path) -> set[str]:
    """What a file imports, wherever in it, and every package on the way there."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {".".join(parts[:n]) for name in names for parts in [name.split(".")] for n in range(1, len(parts) + 1)}


def test_the_executor_imports_no_rule():
    """By the syntax, transitively. The package's face is left out: it imports when a public name is first used."""
    package = Path(costcalc.__file__).parent
    reached = {
        ".".join(("costcalc", *path.relative_to(package).with_suffix("").parts)).removesuffix(".__init__")
        for path in (package / "execute").rglob("*.py")
    }
    assert {"costcalc.execute", "costcalc.execute.literal.scalars"} < reached
    waiting = set(reached)
    while waiting:
        path = file_of(waiting.pop())
        found = (imports_of(path) if path else set()) - reached - {"costcalc"}
        reached |= found
        waiting |= found
    assert {"costcalc.network", "costcalc.shape", "numpy"} < reached
    assert not forbidden(reached)


def test_the_executor_loads_no_rule():
    code = "import sys, costcalc.execute; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    assert "costcalc.execute.run" in loaded
    assert not forbidden(loaded)


def test_literal_and_fast_kernels_share_no_code():
    """They meet in the work that they are given, nowhere else."""
    execute_ = Path(costcalc.__file__).parent / "execute"
    for path in (execute_ / "literal").glob("*.py"):
        assert not {
            m for m in imports_of(path) if m.startswith(("costcalc.execute.kernels", "costcalc.execute.sliding"))
        }
    for path in [*(execute_ / "kernels").glob("*.py"), execute_ / "sliding.py"]:
        assert not {m for m in imports_of(path) if m.startswith("costcalc.execute.literal")}

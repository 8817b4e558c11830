"""Whole networks built in PyTorch from the layer IR: the same values, multiply-adds and parameters."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from bundle import often, resolution, with_resolution
from crosscheck.torch_kinds import Built, Recording, assert_close, load, torch

from costcalc.api import load as load_spec
from costcalc.execute import run
from costcalc.execute.work import KERNELS
from costcalc.network import INPUT, Network
from costcalc.spec import bundled

SPECS = sorted(bundled())
SEQUENCES: dict[str, dict[str, Any]] = {  # in PyTorch's form
    "lstm": {"biases": 2, "steps": 9},
    "gru": {"biases": 2, "steps": 30, "reset_after": True},
}
SETTINGS: list[tuple[str, dict[str, Any]]] = [
    *((spec, {"resolution": resolution(spec, size)}) for spec in SPECS if spec in with_resolution()
      for size in ((64, 97) if spec in often([spec]) else (97,))),
    ("vit", {"variant": "Ti", "depth": 2, "resolution": 80}),
    *SEQUENCES.items(),
    ("mobilenet_v1", {"alpha": 0.25, "resolution": 131}),
    ("mobilenet_v2", {"alpha": 1.4, "resolution": 65}),
    ("mobilenet_v3_large", {"minimalistic": True, "resolution": 97}),
    ("mobilenet_v3_small", {"width_rule": "torchvision", "alpha": 0.5, "resolution": 97}),
    ("shufflenet_v1", {"groups": 8, "resolution": 65}),
    ("shufflenet_v1", {"groups": 1, "scale": 0.25, "resolution": 97}),
    ("alexnet", {"variant": "torchvision", "alpha": 0.5, "resolution": 97}),
    ("vgg", {"variant": 11, "norm": "batch_norm", "alpha": 0.25, "resolution": 65}),
    ("googlenet", {"form": "torchvision", "alpha": 0.5, "resolution": 97}),
    ("googlenet", {"aux": True, "alpha": 0.25, "resolution": 131}),
    ("inception_v3", {"aux": True, "alpha": 0.25, "resolution": 299}),
    ("resnet", {"variant": 18, "resolution": 97}),
    ("resnet", {"form": "torchvision", "alpha": 0.5, "resolution": 65}),
    ("se_resnet50", {"form": "torchvision", "alpha": 0.25, "resolution": 65}),
    ("densenet", {"variant": 161, "theta": 1, "alpha": 0.25, "resolution": 65}),
    ("unet", {"norm": "batch_norm", "colours": "rgb", "width": 12, "resolution": 48}),
    ("regnet", {"variant": "x_8gf", "alpha": 0.5, "resolution": 65}),
    ("mobilenet_v1_conv", {"alpha": 0.25, "classes": 0, "resolution": 65}),
    ("shufflenet_v2", {"scale": 0.5, "unit": "torchvision", "resolution": 65}),
    ("shufflenet_v2", {"scale": 2, "resolution": 33}),
    ("mnasnet_a1", {"alpha": 0.35, "resolution": 65}),
    ("mnasnet_b1", {"alpha": 1.3, "resolution": 33}),
    ("efficientnet", {"variant": "b3", "resolution": 33}),
    ("squeezenet", {"variant": 1.1, "resolution": 67}),
    ("nasnet_mobile", {"cells": 2, "filters": 10, "skip": True, "resolution": 67}),
    ("pnasnet_mobile", {"cells": 1, "filters": 13, "stem": 5, "resolution": 65}),
    ("ssd_mobilenet_v1", {"alpha": 0.25, "anchors": 4, "classes": 3, "resolution": 131}),
    ("ssdlite_mobilenet_v2", {"alpha": 0.35, "head": "ssd", "classes": 5, "resolution": 97}),
]


def recorded(network: Network, batch: int, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, list[Any], list[Any]]:
    """The input of an execution, what each node made and what each computed."""
    works: list[Recording] = []
    entry: list[Any] = []
    values: list[Any] = []

    class Kept(Recording):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            if not works:
                entry.append(self.x.copy())
            works.append(self)

        def make(self, role: str, *shape: int) -> Any:
            """Weights as small as trained ones, so that values stay of one size and no rounding grows."""
            array = super().make(role, *shape)
            if role == "weights":
                array *= np.float32(np.sqrt(3 / (shape[0] if len(shape) == 2 else np.prod(shape[2:]))))
                self.made[-1] = (role, array.copy())
            return array

    def keeping(kernel: Any) -> Any:
        def keep(work: Recording) -> Any:
            y = kernel(work)
            values.append(y.copy())
            return y

        return keep

    with monkeypatch.context() as patch:
        patch.setattr(run, "Work", Kept)
        for kind, kernel in KERNELS.items():
            patch.setitem(KERNELS, kind, keeping(kernel))
        run.execute(network, batch)
    assert network.nodes[0].inputs == (INPUT,)
    return entry[0], [work.made for work in works], values


@pytest.mark.parametrize(("spec", "settings"), SETTINGS, ids=str)
def test_a_network_computes_what_pytorch_does(
    spec: str, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    network = load_spec(spec, **settings).network
    entry, made, values = recorded(network, 2, monkeypatch)
    theirs = Built(network)
    for step, arrays in zip(theirs.steps, made, strict=True):
        load(step, arrays)
    with torch.inference_mode():
        tensors = theirs.tensors(torch.from_numpy(entry))
    for node, ours in zip(network.nodes, values, strict=True):
        assert_close(ours, tensors[node.path], node.path)


@pytest.mark.parametrize(("spec", "settings"), [*((spec, {}) for spec in SPECS if spec not in SEQUENCES), *SETTINGS], ids=str)
def test_pytorch_counts_as_many_multiply_adds_and_parameters(spec: str, settings: dict[str, Any]) -> None:
    """Its flop counter counts two for each multiply-add of convolutions and matrices; on the meta device."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own imports
        from torch.utils.flop_counter import FlopCounterMode
    model = load_spec(spec, **settings)
    totals = model.report().totals
    with torch.device("meta"):
        theirs = Built(model.network)
        entry = torch.empty((1, *model.network.input.dims))
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        outputs = theirs(entry)
    assert counter.get_total_flops() == 2 * totals.madds
    assert sum(parameter.numel() for parameter in theirs.parameters()) == totals.params
    assert [tuple(y.shape[1:]) for y in outputs] == [model.network.shapes[name].dims for name in model.network.outputs]
    if spec not in SEQUENCES:
        assert np.prod(theirs.steps[0].conv.weight.shape) == model.report().layers[0].weights

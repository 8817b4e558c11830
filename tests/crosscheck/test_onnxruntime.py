"""Kernels against single-operator ONNX models in onnxruntime: `same` padding, uneven padding, rounding up."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from crosscheck.torch_kinds import TOLERANCE, Recording, axes

from costcalc.execute import kernels as _kernels  # noqa: F401 - registers them
from costcalc.execute.work import KERNELS, Floats, Tensor

onnx = pytest.importorskip("onnx", reason="onnx is not installed: pip install -e '.[crosscheck]'")
onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: pip install -e '.[crosscheck]'")

SETTINGS = 150
OPSET = 22


def run(operator: str, x: Floats, constants: dict[str, Any], attributes: dict[str, Any]) -> Floats:
    """What onnxruntime computes with one operator; a constant of no values is an input left out."""
    helper = onnx.helper
    entry = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, x.shape)
    result = helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [None] * x.ndim)
    names = [name if values is not None else "" for name, values in constants.items()]
    kept = [onnx.numpy_helper.from_array(v, name) for name, v in constants.items() if v is not None]
    node = helper.make_node(operator, ["x", *names], ["y"], **attributes)
    graph = helper.make_graph([node], "one", [entry], [result], kept)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)
    onnx.checker.check_model(model)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    (y,) = session.run(None, {"x": x})
    return y


def assert_close(ours: Floats, theirs: Floats, where: Any) -> None:
    assert ours.shape == theirs.shape, where
    assert float(np.abs(ours - theirs).max()) <= TOLERANCE * float(np.abs(theirs).max()), where


def uneven(draw: random.Random, most: list[int]) -> tuple[int, ...]:
    """A padding for both sides of each axis."""
    return tuple(draw.randint(0, n) for n in most for _ in "ab")


def within(stride: tuple[int, ...], kernel: tuple[int, ...]) -> tuple[int, ...]:
    """A stride no longer than the kernel: for others, onnxruntime makes `same` padding negative."""
    return tuple(map(min, stride, kernel))


def padding(a: dict[str, Any]) -> dict[str, Any]:
    """As ONNX has it: all the sides before, then all those after."""
    names = {"same": "SAME_UPPER", "valid": "VALID"}
    if isinstance(a["padding"], str):
        return {"auto_pad": names[a["padding"]]}
    return {"pads": [*a["padding"][::2], *a["padding"][1::2]]}


def test_convolutions() -> None:
    draw = random.Random("convolutions")
    for number in range(SETTINGS):
        rank = draw.randint(1, 3)
        groups, each, own = draw.randint(1, 3), draw.randint(1, 3), draw.randint(1, 3)
        kernel, stride, dilation = (tuple(draw.randint(1, most) for _ in range(rank)) for most in (4, 3, 2))
        a: dict[str, Any] = {"kernel": kernel, "groups": groups, "out": groups * own, "bias": True}
        a["padding"] = draw.choice(["same", "valid", uneven(draw, [3] * rank)])
        if a["padding"] == "same":
            stride, dilation = within(stride, kernel), 1
        a |= {"stride": stride, "dilation": axes(dilation, rank)}
        x = np.random.default_rng(number).normal(0, 3, (2, groups * each, *draw.sample(range(8, 14), rank)))
        x = x.astype(np.float32)
        work = Recording([Tensor(x)], a, np.random.default_rng(number), False)
        ours = KERNELS["conv"](work)
        (_, weights), (_, biases) = work.made
        attributes = {
            "kernel_shape": kernel,
            "strides": stride,
            "dilations": a["dilation"],
            "group": groups,
            **padding(a),
        }
        constants = {"w": weights.reshape(groups * own, each, *kernel), "b": biases}
        assert_close(ours, run("Conv", x, constants, attributes | padding(a)), a)


@pytest.mark.parametrize(("kind", "operator"), [("max_pool", "MaxPool"), ("avg_pool", "AveragePool")])
def test_pools(kind: str, operator: str) -> None:
    """Rounded up, with uneven padding too, which PyTorch does not have."""
    draw = random.Random(kind)
    for number in range(SETTINGS):
        rank = draw.randint(1, 3)
        kernel, stride = (tuple(draw.randint(1, 4) for _ in range(rank)) for _ in "ks")
        stride = within(stride, kernel)
        a: dict[str, Any] = {"kernel": kernel, "stride": stride, "ceil_mode": draw.random() < 0.5}
        a["padding"] = uneven(draw, [k - 1 for k in kernel]) if a["ceil_mode"] else draw.choice(["same", "valid"])
        attributes = {"kernel_shape": kernel, "strides": stride, "ceil_mode": int(a["ceil_mode"]), **padding(a)}
        if kind == "avg_pool":
            a["count_include_pad"] = draw.random() < 0.5
            attributes["count_include_pad"] = int(a["count_include_pad"])
        x = np.random.default_rng(number).normal(0, 3, (2, 3, *draw.sample(range(7, 13), rank))).astype(np.float32)
        ours = KERNELS[kind](Recording([Tensor(x)], a, np.random.default_rng(number), False))
        assert_close(ours, run(operator, x, {}, attributes), (a, x.shape))


def test_upsampling() -> None:
    draw = random.Random("upsampling")
    for number in range(SETTINGS):
        rank = draw.randint(1, 3)
        mode = draw.choice(["nearest", {1: "linear", 2: "bilinear", 3: "trilinear"}[rank]])
        a = {"mode": mode, "size": tuple(draw.randint(2, 17) for _ in range(rank))}
        x = np.random.default_rng(number).normal(0, 3, (2, 3, *draw.sample(range(3, 9), rank))).astype(np.float32)
        ours = KERNELS["upsample"](Recording([Tensor(x)], a, np.random.default_rng(number), False))
        attributes = {"mode": "nearest", "nearest_mode": "floor", "coordinate_transformation_mode": "asymmetric"}
        if mode != "nearest":
            attributes = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
        sizes = np.array([2, 3, *axes(a["size"], rank)], np.int64)
        assert_close(ours, run("Resize", x, {"roi": None, "scales": None, "sizes": sizes}, attributes), (a, x.shape))

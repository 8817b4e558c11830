"""MobileNet, ShuffleNet, MnasNet, EfficientNet, SqueezeNet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Row = dict[str, str]
V3: dict[str, tuple[str, dict[str, Any]]] = {  # the variants of MobileNetV3 in exact.csv
    "large TF width rule, last unscaled": ("mobilenet_v3_large", {"width_rule": "tf"}),
    "large torchvision width rule (last scaled)": ("mobilenet_v3_large", {"width_rule": "torchvision"}),
    "large minimalistic": ("mobilenet_v3_large", {"minimalistic": True}),
    "small TF width rule, last unscaled": ("mobilenet_v3_small", {"width_rule": "tf"}),
    "small torchvision width rule (last scaled)": ("mobilenet_v3_small", {"width_rule": "torchvision"}),
    "small minimalistic": ("mobilenet_v3_small", {"minimalistic": True}),
    "small, last 1280, 1001 classes (reproduces 2.9M)": ("mobilenet_v3_small", {"last": 1280, "classes": 1001}),
}


def scaled(spec: str, by: str = "alpha") -> Callable[[Row], tuple[str, dict[str, Any]]]:
    """The rows of a network that differ in width and resolution."""
    return lambda row: (spec, {by: row["alpha_or_scale"], "resolution": row["resolution"]})


def mobilenet_v3(row: Row) -> tuple[str, dict[str, Any]]:
    spec, own = V3[row["variant"]]
    return spec, {"alpha": row["alpha_or_scale"], "resolution": row["resolution"], **own}


def shufflenet_v1(row: Row) -> tuple[str, dict[str, Any]]:
    groups = row["variant"].partition("g=")[2][:1]
    return "shufflenet_v1", {"groups": groups, **scaled("shufflenet_v1", "scale")(row)[1]}


def shufflenet_v2(row: Row) -> tuple[str, dict[str, Any]]:
    unit = "torchvision" if row["variant"].startswith("torchvision") else "paper"
    return "shufflenet_v2", {"unit": unit, **scaled("shufflenet_v2", "scale")(row)[1]}


def efficientnet(row: Row) -> tuple[str, dict[str, Any]]:
    """Width and depth are those of the variant; the resolution too, but for the crop of torchvision."""
    variant = row["network"].removeprefix("EfficientNet-").lower()
    return "efficientnet", {"variant": variant} | ({"resolution": row["resolution"]} if row["variant"] else {})


ROWS = {
    "MobileNetV1": (16, scaled("mobilenet_v1")),
    "Conv MobileNet": (1, scaled("mobilenet_v1_conv")),
    "Shallow MobileNet": (1, scaled("mobilenet_v1_shallow")),
    "MobileNetV2": (22, scaled("mobilenet_v2")),
    "MobileNetV3": (23, mobilenet_v3),
    "ShuffleNetV1": (11, shufflenet_v1),
    "ShuffleNetV2": (8, shufflenet_v2),
    "MnasNet-A1": (25, scaled("mnasnet_a1")),
    "MnasNet-B1": (5, scaled("mnasnet_b1")),
    **{f"EfficientNet-B{i}": (2 if i == 2 else 1, efficientnet) for i in range(8)},
}

ERRATA = {
    "mobilenet_v1": "1.19% 104M 150M 162M 233M 317M 34M 529M 575M 569M 418M 1.34M 4.24M 45M 15M",
    "mobilenet_v1_conv": "",
    "mobilenet_v1_shallow": "",
    "mobilenet_v2": "585M 6.9M",
    "mobilenet_v3_large": "219M 356M",
    "mobilenet_v3_small": "66M 65M",
    "shufflenet_v1": "140M 38M 138M",
    "shufflenet_v2": "41M",
    "mnasnet_a1": "63M 315M 591.5M 435.1M 302.8M 194.5M 110.3M 315.2M 232.0M 161.6M 104.1M 59.3M 226.7M 166.9M 116.4M 75.0M 42.9M "
    "105.2M 77.6M 54.4M 35.3M 20.5M 63.2M 46.8M 32.9M 21.6M 12.7M",
    "mnasnet_b1": "317M 4.2M",
    "efficientnet": "0.70B 9.2M 4.2B 9.9B 5330571 7856239 9177569 12320535 19466823 30562527 43265143 66658687",
    "squeezenet": "1700M 1.72G 0.72G",
}

PARAMETERS: dict[str, list[tuple[dict[str, Any], int]]] = {
    "mobilenet_v2": [({}, 3_504_872)],
    "mobilenet_v3_large": [({}, 5_483_032)],
    "mobilenet_v3_small": [({}, 2_542_856)],
    "shufflenet_v2": [
        ({"unit": "torchvision", "scale": scale}, parameters)
        for scale, parameters in {"0.5": 1_366_792, "1": 2_278_604, "1.5": 3_503_624, "2": 7_393_996}.items()
    ],
    "mnasnet_b1": [
        ({"alpha": alpha}, parameters)
        for alpha, parameters in {"0.5": 2_218_512, "0.75": 3_170_208, "1": 4_383_312, "1.3": 6_282_256}.items()
    ],
    "efficientnet": [
        ({"variant": f"b{i}"}, parameters)
        for i, parameters in enumerate(
            [5_288_548, 7_794_184, 9_109_994, 12_233_232, 19_341_616, 30_389_784, 43_040_704, 66_347_960]
        )
    ],
    "squeezenet": [({"variant": "1.0"}, 1_248_424), ({"variant": "1.1"}, 1_235_496)],
}

HALVED = {spec: 5 for spec in ERRATA if spec != "squeezenet"}

SMALL: dict[str, dict[str, Any]] = {
    "mobilenet_v1": {"alpha": 0.05, "resolution": 33, "classes": 7},
    "mobilenet_v1_conv": {"alpha": 0.05, "resolution": 33, "classes": 7},
    "mobilenet_v1_shallow": {"alpha": 0.05, "resolution": 33, "classes": 7},
    "mobilenet_v2": {"alpha": 0.05, "resolution": 33, "classes": 7},
    "mobilenet_v3_large": {"alpha": 0.05, "resolution": 33, "classes": 7, "last": 16},
    "mobilenet_v3_small": {"alpha": 0.05, "resolution": 33, "classes": 7, "last": 16},
    "shufflenet_v1": {"scale": 0.1, "resolution": 33, "classes": 7},
    "shufflenet_v2": {"width": 26, "last": 9, "resolution": 33, "classes": 7},
    "mnasnet_a1": {"alpha": 0.05, "resolution": 33, "classes": 7},
    "mnasnet_b1": {"alpha": 0.05, "resolution": 33, "classes": 7},
    "efficientnet": {"width": 0.05, "depth": 0.5, "resolution": 33, "classes": 7},
    "squeezenet": {"alpha": 0.05, "resolution": 52, "classes": 7},
}
LITERAL = {
    "shufflenet_v2": ("--width", "26", "--last", "9"),
    "efficientnet": ("--width", "1/16", "--depth", "1/2"),
}

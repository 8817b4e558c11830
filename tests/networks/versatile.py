"""Networks of versatile filters."""

from __future__ import annotations

ERRATA = {
    "versatile_alexnet": "",
    "versatile_resnet50_v1": "",
    "versatile_resnet50_v2": "3.0B",
    "versatile_vdsr": "",
    "versatile_vgg16": "",
}
SMALL = {
    "versatile_alexnet": {"alpha": 0.05, "windows": 2, "share": "both", "resolution": 65, "classes": 7},
    "versatile_resnet50_v1": {"alpha": 0.05, "resolution": 33, "classes": 7},
    "versatile_resnet50_v2": {"alpha": 0.05, "share": "both", "resolution": 33, "classes": 7},
    "versatile_vdsr": {"alpha": 0.1, "depth": 6, "share": "rings", "resolution": 11},
    "versatile_vgg16": {"alpha": 0.05, "windows": 2, "resolution": 33, "classes": 7},
}

"""NASNet-A, PNASNet-5, SSD and SSDLite."""

from __future__ import annotations

from typing import Any

ERRATA = {
    "nasnet_mobile": "88.9M",
    "pnasnet_mobile": "588M",
    "ssd_mobilenet_v1": "",
    "ssdlite_mobilenet_v1": "",
    "ssdlite_mobilenet_v2": "0.35B 1.54M 0.93M",
}
MULTIPLIERS = {"nasnet_mobile": None, "pnasnet_mobile": None}
SMALLEST = {"nasnet_mobile": 3, "pnasnet_mobile": 3}
SMALL: dict[str, dict[str, Any]] = {
    "nasnet_mobile": {"filters": 4, "cells": 1, "stem": 3, "resolution": 33, "classes": 7},
    "pnasnet_mobile": {"filters": 5, "cells": 2, "stem": 3, "resolution": 33, "classes": 7},
    "ssd_mobilenet_v1": {"alpha": 0.05, "resolution": 33, "classes": 2, "anchors": 2},
    "ssdlite_mobilenet_v1": {"alpha": 0.05, "resolution": 33, "classes": 2, "anchors": 2},
    "ssdlite_mobilenet_v2": {"alpha": 0.05, "resolution": 33, "classes": 2, "anchors": 2},
}
# the resolutions at which no window without padding leaves a rest: a step, and what is added to it
VALID = {"nasnet_mobile": (32, 2), "pnasnet_mobile": (32, 2)}
LITERAL = {
    "nasnet_mobile": ("--filters", "4", "--cells", "1"),
    "pnasnet_mobile": ("--filters", "4", "--cells", "1"),
}

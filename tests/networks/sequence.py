"""ViT, and networks of recurrent layers."""

from __future__ import annotations

ERRATA = {"vit": "307M", "lstm": "", "gru": ""}
PARAMETERS = {"vit": [({}, 86_567_656)]}
SMALL = {
    "vit": {"features": 12, "depth": 2, "heads": 3, "patch": 8, "resolution": 33, "classes": 7},
    "lstm": {"hidden": 5, "vocabulary": 31, "steps": 7, "biases": 2},
    "gru": {"hidden": 5, "samples": 3, "steps": 7},
}

"""The kinds of layers, by name. A module a family, imported when one of its kinds is first asked for.

To add one, see docs/adding-a-kind.md.
"""

from __future__ import annotations

from costcalc.kinds.attributes import REQUIRED, SPELLINGS, Attribute, KindError
from costcalc.kinds.base import REGISTRY, Bank, Join, Kind, Layer, compressible, kind

# a module: what it registers, in the order of the pages
FAMILIES: dict[str, tuple[str, ...]] = {
    "convolution": ("conv", "depthwise", "separable"),
    "transposed": ("conv_transpose",),
    "cheap": ("ghost", "mixed_depthwise", "shift", "octave_conv"),
    "dynamic": ("deformable_conv", "involution"),
    "linear": ("linear",),
    "pooling": (
        "max_pool", "avg_pool", "adaptive_avg_pool", "adaptive_max_pool", "global_avg_pool", "global_max_pool",
    ),
    "pointwise": (
        "batch_norm", "relu", "relu6", "sigmoid", "hard_sigmoid", "hard_swish", "swish", "silu", "tanh", "gelu",
        "softmax",
    ),
    "scaling": ("leaky_relu", "prelu", "scale"),
    "norms": ("layer_norm", "group_norm", "instance_norm", "rms_norm", "local_response_norm"),
    "joining": ("add", "mul", "concat"),
    "arranging": (
        "split", "channel_shuffle", "pixel_shuffle", "pixel_unshuffle", "flatten", "reshape", "dropout", "upsample",
        "opaque",
    ),
    "factorised": ("spatial_separable", "separable_basis"),
    "low_rank": ("low_rank_linear", "tucker_conv", "cp_conv"),
    "gating": ("squeeze_excite",),
    "winograd": ("winograd_conv",),
    "versatile": ("versatile",),
    "sequence": ("embedding", "class_token", "position_embedding", "select_token", "to_tokens", "to_map"),
    "attention": ("attention", "window_attention"),
    "recurrent": ("lstm", "gru"),
}  # fmt: skip
REGISTRY.expect(__name__, FAMILIES)

# what may follow another layer, by its role
FOLLOWERS: dict[str, tuple[str, ...]] = {
    "norm": ("batch_norm", "layer_norm", "group_norm", "instance_norm", "rms_norm"),
    "act": (
        "relu", "relu6", "sigmoid", "hard_sigmoid", "hard_swish", "swish", "silu", "tanh", "gelu", "softmax",
        "leaky_relu", "prelu",
    ),
}  # fmt: skip

__all__ = [
    "FAMILIES",
    "FOLLOWERS",
    "REGISTRY",
    "REQUIRED",
    "SPELLINGS",
    "Attribute",
    "Bank",
    "Join",
    "Kind",
    "KindError",
    "Layer",
    "compressible",
    "kind",
]

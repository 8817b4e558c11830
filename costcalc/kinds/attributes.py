"""What a kind declares of itself: attributes that check what a spec says, describe themselves and hold the value.

A declaration such as `stride = per_axis("step of the window", default=1)` is at once the validation, the documentation
and the JSON Schema of that attribute; a kind's rules then read `self.stride`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, Generic, TypeAlias, TypeVar, overload

from costcalc.number import Number, is_number, is_whole
from costcalc.units import written

T = TypeVar("T")
Axes: TypeAlias = Number | tuple[Number, ...]  # one for all axes, or one for each
MAX_SIZE = 10**9  # of one dimension; more is a slip of the pen, and would only make every later message unreadable
REQUIRED: Any = object()

# The other common spellings: each is an error that names the right one.
SPELLINGS = {
    "filters": "out", "out_channels": "out", "out_features": "out", "channels": "out", "units": "out",
    "features": "out", "width": "out", "kernel_size": "kernel", "k": "kernel", "ksize": "kernel", "size": "kernel",
    "pool_size": "kernel",
    "strides": "stride", "s": "stride", "pad": "padding", "pads": "padding", "p": "padding", "dilations": "dilation",
    "dilation_rate": "dilation", "rate": "dilation", "d": "dilation", "group": "groups", "g": "groups",
    "use_bias": "bias",
    "has_bias": "bias", "activation": "act", "normalization": "norm", "normalisation": "norm", "bn": "norm",
    "depth_multiplier": "multiplier", "channel_multiplier": "multiplier", "scale_factor": "scale",
    "num_groups": "groups", "upscale_factor": "factor", "downscale_factor": "factor", "block_size": "factor",
    "kernel_sizes": "kernels", "reduction_ratio": "reduction", "deform_groups": "offset_groups",
    "deformable_groups": "offset_groups", "dw_size": "dw_kernel",
    "num_heads": "heads", "num_kv_heads": "kv_heads", "head_dim": "head_features",
    "window_size": "window", "hidden_size": "hidden", "num_layers": "layers", "proj_size": "projection",
    "num_embeddings": "vocabulary", "vocab_size": "vocabulary", "embedding_dim": "out",
    "compression": "compress", "quantize": "compress", "quantization": "compress", "prune": "compress",
    "pruning": "compress", "sparsity": "compress",
    "if": "only_if", "when": "only_if", "name": "as", "input": "from", "inputs": "from",
}  # fmt: skip


class KindError(Exception):
    """A layer that cannot be: what is wrong, the attribute that says it, and the fix. The border adds where."""

    def __init__(self, message: str, attribute: str | None = None, help: str | None = None) -> None:
        super().__init__(message)
        self.message, self.attribute, self.help = message, attribute, help


class Attribute(Generic[T]):
    """One attribute of a kind: `read` makes the value of what a spec says, or raises KindError."""

    name = ""

    def __init__(
        self, doc: str, wants: str, read: Callable[[Any], T | None], schema: dict[str, Any], default: Any,
        letter: str = "",
    ) -> None:  # fmt: skip
        self.doc, self.wants, self._read, self.schema, self.default = doc, wants, read, schema, default
        self.letter = letter  # what formulas call the number; they write the number itself without one

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, kind: None, owner: type) -> Attribute[T]: ...
    @overload
    def __get__(self, kind: object, owner: type) -> T: ...
    def __get__(self, kind: object | None, owner: type) -> Any:
        # A value that was set lies in the instance and wins over this descriptor; what was not set has its default.
        return self if kind is None else self.default

    def read(self, value: Any) -> T:
        """The value that a spec's value stands for. Raises KindError."""
        result = self._read(value)
        if result is None:
            help_ = f"`{self.name}` must be {self.wants}"
            if is_number(value) and not is_whole(value) and "whole" in self.wants:
                help_ += "; `floor`, `round` or `make_divisible` make it whole"
            raise KindError(f"`{self.name}` is {_shown(value)}", self.name, help_)
        return result

    @property
    def text(self) -> bool:
        """Whether any text is its value, which is then no expression."""
        return bool(self.schema == TEXT)

    @property
    def required(self) -> bool:
        return self.default is REQUIRED

    @property
    def words(self) -> tuple[str, ...]:
        """The words that may stand here."""
        return tuple(
            w
            for option in self.schema.get("anyOf", [self.schema])
            for w in option.get("enum", ())
            if isinstance(w, str)
        )


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_shown(v) for v in value) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f"`{value}`"
    return written(value) if isinstance(value, int | Fraction) else str(value)


def _whole(value: Any, least: int) -> Number | None:
    if not is_number(value) or not is_whole(value) or value < least or value > MAX_SIZE:
        return None
    return value  # type: ignore[no-any-return]


EXPRESSION = {"type": "string"}
TEXT = {"type": "string", "minLength": 1}


def integer(least: int) -> dict[str, Any]:
    """The schema of a whole number or an expression."""
    return {"anyOf": [{"type": "integer", "minimum": least, "maximum": MAX_SIZE}, EXPRESSION]}


def count(doc: str, default: Any = REQUIRED, least: int = 1, letter: str = "") -> Attribute[Number]:
    """A whole number of channels, groups, parts ..."""
    wants = (
        "a positive whole number" if least == 1 else f"a whole number of at least {least}"
    ) + f", at most {MAX_SIZE:,}"
    return Attribute(doc, wants, lambda v: _whole(v, least), integer(least), default, letter)


def _axes(value: Any, least: int, most: int = 3) -> Any:
    if not isinstance(value, list):
        return _whole(value, least)
    read = tuple(_whole(v, least) for v in value)
    return read if 1 <= len(read) <= most and None not in read else None


def per_axis(doc: str, default: Any = REQUIRED, least: int = 1, letter: str = "") -> Attribute[Axes]:
    """One whole number for all axes, or one for each: `3`, `[3, 1]` (height, width)."""
    whole = "a positive whole number" if least == 1 else f"a whole number of at least {least}"
    wants = f"{whole}, or one for each axis, as in [3, 1] for height, width"
    listed = {"type": "array", "items": integer(least), "minItems": 1, "maxItems": 3}
    schema = {"anyOf": [*integer(least)["anyOf"], listed]}
    return Attribute(doc, wants, lambda v: _axes(v, least), schema, default, letter)


SAME = "output is the input divided by the stride, rounded up; an odd pixel goes to the end"


def padding_attribute(default: Any = "same", same: str = SAME) -> Attribute[Any]:
    """`same`, `valid`, a number, one for each axis, or two for each axis (before, after)."""
    doc = (
        f"`same` ({same}), `valid` (none),"
        " a number for every side, one for each axis, or both sides of each axis: [top, bottom, left, right]"
    )

    def read(value: Any) -> Any:
        return value if value in ("same", "valid") and isinstance(value, str) else _axes(value, 0, 6)

    schema = {
        "anyOf": [
            {"enum": ["same", "valid"]},
            *integer(0)["anyOf"],
            {"type": "array", "items": integer(0), "minItems": 1, "maxItems": 6},
        ]
    }
    return Attribute(doc, "same, valid, a number, or a list as in [top, bottom, left, right]", read, schema, default)


def optional(attribute: Attribute[T]) -> Attribute[T | None]:
    """The same attribute, None where it is not given."""
    return Attribute(attribute.doc, attribute.wants, attribute._read, attribute.schema, None, attribute.letter)


def flag(doc: str, default: bool | Any) -> Attribute[bool]:
    """A truth value: true or false."""
    schema = {"anyOf": [{"type": "boolean"}, EXPRESSION]}
    return Attribute(doc, "true or false", lambda v: v if isinstance(v, bool) else None, schema, default)


def choice(doc: str, words: Sequence[str], default: Any = REQUIRED) -> Attribute[str]:
    """One of a few words."""
    schema = {"anyOf": [{"enum": list(words)}, EXPRESSION]}
    return Attribute(
        doc,
        "one of " + ", ".join(words),
        lambda v: str(v) if isinstance(v, str) and v in words else None,
        schema,
        default,
    )


def probability(doc: str, default: Any = REQUIRED, letter: str = "") -> Attribute[Fraction | int]:
    """A number from 0 to 1."""

    def read(value: Any) -> Any:
        return value if is_number(value) and 0 <= value <= 1 else None

    return Attribute(
        doc,
        "a number from 0 to 1",
        read,
        {"anyOf": [{"type": "number", "minimum": 0, "maximum": 1}, EXPRESSION]},
        default,
        letter,
    )


def sizes(doc: str, most: int, default: Any = REQUIRED) -> Attribute[tuple[Number, ...]]:
    """A list of positive whole numbers."""

    def read(value: Any) -> Any:
        return _axes(value, 1, most) if isinstance(value, list) else None

    schema = {"type": "array", "items": integer(1), "minItems": 1, "maxItems": most}
    return Attribute(doc, "a list of positive whole numbers", read, schema, default)


def text(doc: str) -> Attribute[str]:
    """Any text, such as the name of an operation."""
    return Attribute(doc, "text", lambda v: str(v) if isinstance(v, str) and v else None, TEXT, REQUIRED)

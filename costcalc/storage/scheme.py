"""What `compress` may say: attributes as a kind declares its own, and which of them go together.

Most of them exclude each other: a weight is stored in one way. Pruning is apart, since what is left of the weights may
be stored in several.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from costcalc.kinds import Attribute, KindError
from costcalc.kinds.attributes import EXPRESSION, choice, count, integer, optional
from costcalc.number import is_number, is_whole

MAX_BITS = 32  # of one number: the floats that are compressed have no more
MAX_TABLE = 2**20  # entries; with more it would be no table


def _width(doc: str, letter: str) -> Attribute[Any]:
    """A whole number of bits."""

    def read(value: Any) -> Any:
        return value if is_number(value) and is_whole(value) and 1 <= value <= MAX_BITS else None

    schema = {"anyOf": [{"type": "integer", "minimum": 1, "maximum": MAX_BITS}, EXPRESSION]}
    return Attribute(doc, f"a whole number of bits, from 1 to {MAX_BITS}", read, schema, None, letter)


def _table(doc: str, letter: str) -> Attribute[Any]:
    """The entries of a table."""

    def read(value: Any) -> Any:
        return value if is_number(value) and is_whole(value) and 1 <= value <= MAX_TABLE else None

    return Attribute(doc, f"a positive whole number, at most {MAX_TABLE:,}", read, integer(1), None, letter)


def _share(doc: str, letter: str) -> Attribute[Any]:
    """A number above 0, at most 1."""

    def read(value: Any) -> Any:
        return value if is_number(value) and 0 < value <= 1 else None

    schema = {"anyOf": [{"type": "number", "exclusiveMinimum": 0, "maximum": 1}, EXPRESSION]}
    return Attribute(doc, "a number above 0, at most 1", read, schema, None, letter)


def _scales() -> Attribute[Any]:
    doc = (
        "the scales of `bits`: `tensor` (one, the default), `filter` (one for each), `none` (a step that is known), or"
        " the number of weights of a filter that have one in common"
    )
    words, whole = ("tensor", "filter", "none"), count("")

    def read(value: Any) -> Any:
        if isinstance(value, str):
            return str(value) if value in words else None
        return value if is_number(value) and is_whole(value) and value >= 1 else None

    schema = {"anyOf": [{"enum": list(words)}, *whole.schema["anyOf"]]}
    return Attribute(doc, "tensor, filter, none, or a whole number of weights, as in 128", read, schema, None)


class Scheme:
    """How the weights of a layer are stored; what was not said is None."""

    bits = _width("bits of a weight: a code for each of 2^bits evenly spaced values", "b")
    scales = _scales()
    density = _share("the part of the weights that is left after pruning, of each tensor, rounded up", "d")
    index_bits = _width("bits of the distance from one weight that is left to the next", "i")
    fillers = optional(count("zeros stored where a distance is longer than `index_bits` reach", least=0))
    clusters = _table("shared values of each tensor, in a table; a weight is a place in it", "k")
    hashed = _share("shared values for each weight; a hash says which of them a weight has (HashedNets)", "h")
    subspaces = optional(count("parts of the input channels of a group, for `codewords`", letter="S"))
    codewords = _table("vectors in the table of each part (product quantisation, Q-CNN)", "K")
    binary = optional(
        choice(
            "signs and a scale for each filter: `weights` (BWN), or `both` them and the input (XNOR)",
            ("weights", "both"),
        )
    )
    activation_bits = _width("bits of an element of the input, for the bit operations", "a")

    def __init__(self, values: Mapping[str, Any]) -> None:
        """Takes values that `read` has made."""
        vars(self).update(values)

    @property
    def kept(self) -> bool:
        """Whether it prunes."""
        return self.density is not None


SCHEME: dict[str, Attribute[Any]] = {name: a for name, a in vars(Scheme).items() if isinstance(a, Attribute)}
WAYS = ("bits", "clusters", "hashed", "subspaces", "binary")  # of storing a weight, of which a layer takes one
PRUNED = ("bits", "clusters")  # those in which what is left after pruning may be stored
NEEDS = {"scales": "bits", "index_bits": "density", "fillers": "index_bits", "codewords": "subspaces"}
EXAMPLES = "as in {bits: 8}, {density: 1/4, index_bits: 5}, {clusters: 32}, {hashed: 1/8}, {binary: weights}"


def check(given: Collection[str]) -> None:
    """Raises KindError where some of the attributes do not go together."""
    if not given:
        raise KindError("`compress` says nothing", None, EXAMPLES)
    ways = [name for name in WAYS if name in given]
    if len(ways) > 1:
        help_ = f"keep `{ways[0]}` or `{ways[1]}`: a weight is stored in one way"
        if ways == ["bits", "clusters"]:
            help_ = "`clusters: 32` stores places of 5 bits; the values in the table have the width of `--dtype`"
        raise KindError(f"`{ways[0]}` and `{ways[1]}` do not go together", ways[1], help_)
    for name, needed in NEEDS.items():
        if name in given and needed not in given:
            raise KindError(f"`{name}` needs `{needed}`", name, SCHEME[needed].doc)
    if "subspaces" in given and "codewords" not in given:
        raise KindError("`subspaces` needs `codewords`", "subspaces", "as in {subspaces: 4, codewords: 128}")
    if "density" in given and ways and ways[0] not in PRUNED:
        help_ = "what is left after pruning is stored as it is, with `bits` or with `clusters`"
        raise KindError(f"`density` and `{ways[0]}` do not go together", "density", help_)
    if "activation_bits" in given and "subspaces" in given:
        help_ = "its products are looked up in tables, and have no width: leave out `activation_bits`"
        raise KindError("`activation_bits` and `subspaces` do not go together", "activation_bits", help_)


def read(given: Mapping[str, Any]) -> dict[str, Any]:
    """The values of attributes by name. Raises KindError."""
    check(given)
    values = {name: SCHEME[name].read(value) for name, value in given.items()}
    if values.get("binary") == "both" and "activation_bits" in values:
        help_ = "an input of `binary: both` has 1 bit: leave it out, or write `binary: weights`"
        raise KindError("`activation_bits` and `binary: both` do not go together", "activation_bits", help_)
    return values

"""The layers of a spec as they are written: data, made by `reading`, laid out by `expand`.

An item is a layer of a kind, a call of a block, or a structure. What the names in it stand for is known only when it
is laid out, perhaps many times over.
"""

from __future__ import annotations

from typing import NamedTuple

from costcalc.errors import Span
from costcalc.kinds import Kind
from costcalc.spec.values import Value


class Common(NamedTuple):
    """What every item may have: a name for its output, tensors it reads instead of the one before, a condition."""

    span: Span
    name: str | None = None
    sources: tuple[tuple[str, Span], ...] | None = None
    only_if: Value | None = None


class PassItem(NamedTuple):
    """`from` as a layer of its own: goes on from the tensor it names."""

    common: Common


class LayerItem(NamedTuple):
    """A layer of a kind."""

    common: Common
    kind: type[Kind]
    values: dict[str, Value]


class BlockItem(NamedTuple):
    """A call of a block."""

    common: Common
    block: str
    values: dict[str, Value]


class BranchItem(NamedTuple):
    """`residual` with its one branch, or a join with its branches; each branch is a list of items."""

    common: Common
    kind: str
    branches: tuple[tuple[Item, ...], ...]


class RowsItem(NamedTuple):
    """`rows`, or `repeat`, which is one row without columns. `then` is what changes from the second repeat on.

    `inputs` are the names, inside, of what comes into a repeat, into the one before it, and so on.
    """

    common: Common
    label: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]
    repeat: Value | None
    then: dict[str, Value]
    layers: tuple[Item, ...]
    inputs: tuple[str, ...] = ()


Item = PassItem | LayerItem | BlockItem | BranchItem | RowsItem


class Signature(NamedTuple):
    """What a call of a block must know: its arguments (None where required) and how many tensors it takes."""

    arguments: dict[str, Value | None]
    tensors: int = 1

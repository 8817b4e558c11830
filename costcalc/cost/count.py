"""Counts a Network: the census of every node, scaled to the batch, under a convention."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from costcalc.census import Census
from costcalc.cost.convention import Convention, load_convention
from costcalc.cost.memory import liveness
from costcalc.cost.report import Report, Row, Totals, summed, together
from costcalc.errors import Problem, UsageError, unknown
from costcalc.kinds import REGISTRY, Kind
from costcalc.network import Network, Node
from costcalc.number import Number, ceil_div, is_number, is_whole, total
from costcalc.shape import Shape

if TYPE_CHECKING:
    from costcalc.storage import Stored

DTYPES = {
    "float64": 64,
    "float32": 32,
    "float16": 16,
    "bfloat16": 16,
    "float8": 8,
    "int16": 16,
    "int8": 8,
    "int4": 4,
    "int1": 1,
}
MAX_BATCH = 10**9


def count(network: Network, convention: Convention | str = "paper", batch: Any = 1, dtype: str = "float32") -> Report:
    """The report of a network: operations, activations and bytes of `batch` samples, every element stored as `dtype`.

    Raises UsageError for a batch or dtype that cannot be, SpecError for a convention file that is invalid.
    """
    if isinstance(convention, str):
        convention = load_convention(convention)
    if dtype not in DTYPES:
        raise UsageError(unknown("dtype", dtype, DTYPES))
    if not is_number(batch) or not is_whole(batch) or not 1 <= batch <= MAX_BATCH:
        raise UsageError(Problem(f"the batch cannot be {batch}", None, f"a whole number from 1 to {MAX_BATCH:,}"))
    kinds = [REGISTRY[node.kind](node.attributes) for node in network.nodes]
    live = liveness(network, kinds)
    compresses = any(node.compress for node in network.nodes)
    rows = tuple(
        _row(network, node, kind, convention, batch, new * batch, DTYPES[dtype], compresses)
        for node, kind, new in zip(network.nodes, kinds, live.written, strict=True)
    )
    stored = together(row.stored for row in rows)
    census = summed(row.census for row in rows if row.census is not None)
    totals = Totals(
        params=census.params, madds=census.macs, count=total(row.count for row in rows if row.count is not None),
        activations=total(row.activations for row in rows), weight_bytes=_bytes(census.params, DTYPES[dtype]),
        peak_activation_bytes=_bytes(live.peak * batch, DTYPES[dtype]),
        memory_access_bytes=total(row.memory_access_bytes for row in rows), census=census,
        stored_bytes=_bytes(census.params, DTYPES[dtype]) if stored is None else stored.bytes,
    )  # fmt: skip
    return Report(network, convention, batch, dtype, rows, totals, stored=stored)


def _row(
    network: Network, node: Node, kind: Kind, convention: Convention, batch: Any, new: Number, bits: int,
    compresses: bool,
) -> Row:  # fmt: skip
    inputs = tuple(network.shapes[name] for name in node.inputs)
    census = kind.count(inputs, node.output)
    scaled = census if census is None or (isinstance(batch, int) and batch == 1) else census.for_batch(batch)
    counted = None if scaled is None else convention.apply(node.kind, scaled, inputs, node.output, batch)
    elements: Number = 0
    if kind.storage_of(inputs) != "view":
        elements = (total(x.size for x in inputs) + node.output.size) * batch + (scaled.params if scaled else 0)
    name = f"{node.kind} {kind.variety(inputs[0])}".rstrip()
    return Row(
        node.path,
        name,
        inputs,
        node.output,
        scaled,
        counted,
        new,
        _bytes(elements, bits),
        1,
        kind.step(),
        int(counted is None),
        int(census is None),
        _stored(node, kind, inputs, scaled, bits, batch) if compresses and scaled is not None else None,
    )


def _stored(node: Node, kind: Kind, inputs: Sequence[Shape], census: Census, bits: int, batch: Any) -> Stored:
    """What the parameters of a node take; imported here, since few networks compress anything."""
    from costcalc.storage import Scheme, stored, uncompressed

    if not node.compress:
        return uncompressed(census, bits)
    return stored(Scheme(node.compress), kind.banks(inputs, node.output), census, bits, batch)


def _bytes(elements: Number, bits: int) -> Any:
    return ceil_div(elements * bits, 8)

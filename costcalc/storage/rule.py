"""The bits that compressed weights take, and the operations that each scheme's source counts.

Every scheme acts on each tensor by itself. What it leaves alone (biases, norms, scales, the values in tables, weights
that are pruned and nothing more) is stored at the report's dtype. Nothing here depends on the values of the weights: a
Huffman code would, and is not counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from costcalc.census import Census
from costcalc.kinds import Bank, KindError
from costcalc.number import ceil, ceil_div, concrete, total
from costcalc.storage.record import Effective, Stored
from costcalc.storage.scheme import Scheme

PLAIN = "as they are"
SOURCES = {  # the conventions of effective operations: what is counted, and who says so
    PLAIN: "every multiply-add",
    "pruned": "the multiply-adds of weights that are left: Han et al. 2015, arXiv:1506.02626",
    "binary weights": "an addition for each multiply-add, and the products with scales: Rastegari et al. 2016,"
    " arXiv:1603.05279, section 4.1",
    "binary": "multiply-adds of bits / 64, and the products with scales: Rastegari et al. 2016, arXiv:1603.05279,"
    " section 4.1",
    "looked up": "products of inputs with codewords, and sums of these: Wu et al. 2016, arXiv:1512.06473",
}


class _Tensor(NamedTuple):
    """The bits of one tensor."""

    codes: Any
    positions: Any = 0
    tables: Any = 0
    scales: Any = 0


def stored(scheme: Scheme, banks: Sequence[Bank], census: Census, bits: int, batch: Any = 1) -> Stored:
    """What the weights of a layer take in a scheme; `bits` is the width of a number that is left as it is.

    `census` is that of the whole batch. Raises KindError where the scheme does not fit the weights.
    """
    tensors = [_tensor(scheme, bank, bits) for bank in banks]
    fillers, most = _fillers(scheme, banks)
    code, index = _code(scheme, bits), scheme.index_bits or 0
    codes, positions, tables, scales = (total(parts) for parts in zip(*tensors, strict=True))
    other = census.params - total(bank.size for bank in banks)
    name, effective = _effective(scheme, banks, census, batch)
    return Stored(
        codes + fillers * code, positions + fillers * index, tables, scales, other * bits, census.params * bits,
        0 if scheme.fillers is not None else most * (code + index),
        {name: effective}, _bit_operations(scheme, effective, census, bits),
    )  # fmt: skip


def uncompressed(census: Census, bits: int) -> Stored:
    """The same of a layer that is stored as it is."""
    whole = census.params * bits
    effective = {PLAIN: Effective(SOURCES[PLAIN], census.macs)} if census.macs else {}
    return Stored(0, 0, 0, 0, whole, whole, 0, effective, census.macs * bits * bits)


def width(number: Any) -> int:
    """The bits that tell so many things apart."""
    bits = 0
    while 2**bits < number:
        bits += 1
    return bits


def left(scheme: Scheme, bank: Bank) -> Any:
    """How many weights of a tensor are left after pruning."""
    return ceil(bank.size * scheme.density) if scheme.kept else bank.size


def _code(scheme: Scheme, bits: int) -> Any:
    """The bits of one weight that is left."""
    return scheme.bits if scheme.bits is not None else bits if scheme.clusters is None else width(scheme.clusters)


def _tensor(scheme: Scheme, bank: Bank, bits: int) -> _Tensor:
    if scheme.binary is not None:
        return _Tensor(bank.size, scales=bank.filters * bits)
    if scheme.hashed is not None:
        return _Tensor(ceil(bank.size * scheme.hashed) * bits)
    if scheme.subspaces is not None:
        if bank.inputs % scheme.subspaces != 0:
            message = f"{bank.inputs} input channels of a filter cannot be divided into {scheme.subspaces} subspaces"
            raise KindError(message, "subspaces", f"`subspaces` must divide {bank.inputs}")
        places = bank.filters * bank.taps * scheme.subspaces
        return _Tensor(places * width(scheme.codewords), tables=scheme.codewords * bank.inputs * bank.groups * bits)
    entries = left(scheme, bank)
    positions = 0 if not scheme.kept else bank.size if scheme.index_bits is None else entries * scheme.index_bits
    tables = 0 if scheme.clusters is None else scheme.clusters * bits
    scales = 0 if scheme.bits is None else _scales(scheme.scales, bank) * bits
    return _Tensor(entries * _code(scheme, bits), positions, tables, scales)


def _scales(which: Any, bank: Bank) -> Any:
    """How many scales a tensor has."""
    if which is None or isinstance(which, str):
        return {None: 1, "tensor": 1, "filter": bank.filters, "none": 0}[which]
    return bank.filters * ceil_div(bank.inputs * bank.taps, which)


def _fillers(scheme: Scheme, banks: Sequence[Bank]) -> tuple[Any, Any]:
    """The zeros that are stored, and how many there can be: one for each 2^index_bits zeros in a row."""
    if scheme.index_bits is None:
        return 0, 0
    reach = 2 ** concrete(scheme.index_bits)
    most = total((bank.size - left(scheme, bank)) // reach for bank in banks)
    fillers = 0 if scheme.fillers is None else scheme.fillers
    if fillers > most:
        help_ = (
            f"an index of {scheme.index_bits} bits reaches {reach} weights, and the zeros need at most {most} fillers"
        )
        raise KindError(f"there cannot be {fillers} fillers", "fillers", help_)
    if fillers > 0 and scheme.clusters is not None and scheme.clusters < 2:
        raise KindError(
            "the fillers have no value among the clusters", "clusters", "give it 2 or more: one of them is 0"
        )
    return fillers, most


def _effective(scheme: Scheme, banks: Sequence[Bank], census: Census, batch: Any) -> tuple[str, Effective]:
    """The name of the convention, and the operations."""
    uses = total(bank.size * bank.positions for bank in banks) * batch
    scaled = total(bank.filters * bank.positions for bank in banks) * batch
    name, counts = PLAIN, [census.macs]
    if scheme.subspaces is not None:
        products = total(scheme.codewords * bank.inputs * bank.groups * bank.reads for bank in banks) * batch
        sums = total(bank.filters * bank.taps * scheme.subspaces * bank.positions for bank in banks) * batch
        name, counts = "looked up", [census.macs - uses + products, 0, sums]
    elif scheme.binary == "weights":
        name, counts = "binary weights", [census.macs - uses, scaled, uses]
    elif scheme.binary == "both":
        name, counts = "binary", [census.macs - uses, scaled, 0, uses]
    elif scheme.kept:
        gone = total((bank.size - left(scheme, bank)) * bank.positions for bank in banks) * batch
        name, counts = "pruned", [census.macs - gone]
    return name, Effective(SOURCES[name], *counts)


def _bit_operations(scheme: Scheme, effective: Effective, census: Census, bits: int) -> Any:
    """Multiply-adds that are left, times the bits of their factors: BOPs (van Baalen et al. 2020, arXiv:2005.07093)."""
    if scheme.subspaces is not None:
        return None
    if scheme.binary == "both":
        return effective.binary + effective.multiply_adds * bits * bits
    wide = scheme.bits if scheme.bits is not None else 1 if scheme.binary is not None else bits
    macs = effective.multiply_adds if scheme.kept else census.macs
    return macs * wide * (bits if scheme.activation_bits is None else scheme.activation_bits)

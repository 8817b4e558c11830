"""Sweeps as Parquet: columns of exact types, written in groups of rows so that memory stays bounded.

Counts are int64. A hyper-parameter is int64 where all of its values are whole, a decimal where they all are decimals,
bool, or else text as a command line has it (`6/7`, words). The only file that knows pyarrow.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import IO, Any

from costcalc.errors import Problem, UsageError
from costcalc.explore.swept import Chunk, Outline
from costcalc.render.sweep import TAIL, column_names, is_numeric, said
from costcalc.version import VERSION

GROUP = 2**18  # rows of a group at least; the index of a file grows with the number of its groups
INT64 = 2**63
MAX_DIGITS = 38  # of a decimal


def library() -> Any:
    """Apache Arrow. Raises UsageError where it is not installed."""
    try:
        import pyarrow as pa
        import pyarrow.parquet  # makes `pa.parquet` known
    except ImportError:
        raise UsageError(
            Problem("Parquet needs pyarrow, which is not installed", None, "pip install 'costcalc[parquet]'")
        ) from None
    return pa


def write_parquet(outline: Outline, chunks: Iterable[Chunk], file: IO[bytes]) -> int:
    """Writes the sweep, a group of rows at a time; says how many rows have a total beyond 64 bits.

    Such a total is null: the status of its row is `overflow`, and `fault` has the exact number.
    """
    arrow = library()
    axes = [_axis(arrow, axis.values) for axis in outline.axes]
    types = [column.type for column in axes] + [arrow.int64() for _ in outline.metrics]
    types += [arrow.dictionary(arrow.int32(), arrow.string()) for _ in TAIL]
    fields = [arrow.field(*pair) for pair in zip(column_names(outline), types, strict=True)]
    schema = arrow.schema(fields, _metadata(outline))
    wide = 0
    with arrow.parquet.ParquetWriter(file, schema) as writer:
        batches: list[Any] = []
        for chunk in chunks:
            batch, overflown = _batch(arrow, schema, outline, axes, chunk)
            batches.append(batch)
            wide += overflown
            if sum(batch.num_rows for batch in batches) >= GROUP:
                _write(arrow, writer, batches)
                batches = []
        if batches:
            _write(arrow, writer, batches)
    return wide


def _write(arrow: Any, writer: Any, batches: Sequence[Any]) -> None:
    writer.write_table(arrow.Table.from_batches(batches).unify_dictionaries(), row_group_size=2 * GROUP)


def _metadata(outline: Outline) -> dict[str, str]:
    settings = {f"costcalc.hyperparameters.{name}": said(value) for name, value in outline.fixed.items()}
    return {
        "costcalc.version": VERSION,
        "costcalc.network": outline.name,
        "costcalc.source": outline.citation,
        "costcalc.spec": outline.origin,
        "costcalc.sha256": outline.sha256,
        "costcalc.convention": outline.convention.name,
        "costcalc.unit": outline.convention.unit,
        "costcalc.batch": str(outline.batch),
        "costcalc.dtype": outline.dtype,
    } | settings


def _axis(arrow: Any, values: Sequence[Any]) -> Any:
    """The values of an axis as a column, from which rows take theirs."""
    if all(isinstance(value, bool) for value in values):
        return arrow.array(values, arrow.bool_())
    if all(map(is_numeric, values)):
        if all(isinstance(value, int) and -INT64 <= value < INT64 for value in values):
            return arrow.array(values, arrow.int64())
        texts = [said(value) for value in values]
        if not any("/" in text for text in texts):
            whole, decimals = (max(len(part) for part in parts) for parts in zip(*map(_split, texts), strict=True))
            if whole + decimals <= MAX_DIGITS:
                return arrow.array(map(Decimal, texts), arrow.decimal128(whole + decimals, decimals))
    return arrow.array([said(value) for value in values], arrow.string())


def _split(text: str) -> tuple[str, str]:
    """The digits of a decimal before the point, and those after it."""
    whole, _, decimals = text.removeprefix("-").partition(".")
    return whole, decimals


def _batch(arrow: Any, schema: Any, outline: Outline, axes: Sequence[Any], chunk: Chunk) -> tuple[Any, int]:
    length = len(chunk.points)
    statuses, faults = ["complete"] * length, [""] * length
    for i in chunk.partial:
        statuses[i] = "partial"
    for i, fault in chunk.faults.items():
        statuses[i], faults[i] = "fault", fault
    columns = [axis.take(arrow.array(codes)) for axis, codes in zip(axes, chunk.points.codes, strict=True)]
    columns += [_counts(arrow, metric, chunk, statuses, faults) for metric in outline.metrics]
    tail = ([outline.convention.name] * length, [outline.convention.unit] * length, statuses, faults)
    columns += [arrow.array(texts, arrow.string()).dictionary_encode() for texts in tail]
    return arrow.RecordBatch.from_arrays(columns, schema=schema), statuses.count("overflow")


def _counts(arrow: Any, metric: str, chunk: Chunk, statuses: list[str], faults: list[str]) -> Any:
    """A total of every point; null where there is none, and where 64 bits do not hold it, which is noted."""
    values = chunk.totals[metric]
    if values.dtype != object and not chunk.faults:
        return arrow.array(values)
    found: list[int | None] = values.tolist()
    for i, value in enumerate(found):
        if i in chunk.faults:
            found[i] = None
        elif value is not None and value >= INT64:
            statuses[i], found[i] = "overflow", None
            faults[i] = "; ".join(filter(None, [faults[i], f"{metric} is {value}, beyond 64 bits"]))
    return arrow.array(found, arrow.int64())


def write_columns(
    columns: Mapping[str, tuple[Sequence[Any], Sequence[Any]]], facts: Mapping[str, str], file: IO[bytes]
) -> None:
    """Writes a table that is held in memory: of each column its values, and all the values that decide its type."""
    arrow = library()
    arrays = []
    for values, kinds in columns.values():
        type_ = _axis(arrow, kinds).type
        is_text = type_ == arrow.string()
        exact = arrow.types.is_decimal(type_)
        arrays.append(arrow.array([said(v) if is_text else Decimal(said(v)) if exact else v for v in values], type_))
    metadata = {f"costcalc.{name}": text for name, text in facts.items()}
    fields = [arrow.field(name, array.type) for name, array in zip(columns, arrays, strict=True)]
    table = arrow.Table.from_arrays(arrays, schema=arrow.schema(fields, metadata))
    arrow.parquet.write_table(table, file)

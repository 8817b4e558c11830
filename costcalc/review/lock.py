"""The lock: what every network under budget costs, exactly, in a file beside the budgets."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from costcalc.budgets import METRICS, STORED
from costcalc.errors import Problem, Source, Span, SpecError
from costcalc.network import plain
from costcalc.review.moved import moved, pairs
from costcalc.review.record import PER_LAYER, Layer, Record
from costcalc.review.review import Stale
from costcalc.spec.hyperparameters import read_setting
from costcalc.textfile import read_file
from costcalc.version import VERSION

LOCK = "costcalc.lock.json"  # what it is called where a budget file says nothing else
FAMILY = "costcalc/lock/"
SCHEMA = f"{FAMILY}1"
MAX_HEAD = 2**16  # bytes within which a lock says that it is one
ANEW = "write it anew with `costcalc lock`"


def lock_text(records: Iterable[Record]) -> str:
    """The file: sorted, exact, a line for each layer, so that what changes is seen where it is reviewed."""
    head = {"schema": SCHEMA, "version": VERSION}
    lines = [f'  "{key}": {json.dumps(value)},' for key, value in head.items()]
    networks = ",\n".join(_network(record) for record in sorted(records, key=_order))
    return "{\n" + "\n".join(lines) + '\n  "networks": [' + (f"\n{networks}\n  " if networks else "") + "]\n}\n"


def _order(record: Record) -> tuple[str, ...]:
    return tuple(map(str, record.key))


def _network(record: Record) -> str:
    head = {
        "spec": record.spec, "set": {name: plain(value) for name, value in sorted(record.settings.items())},
        "convention": record.convention, "batch": record.batch, "dtype": record.dtype,
        "sha256": record.sha256, "status": record.status, "totals": dict(record.totals),
    }  # fmt: skip
    lines = [f'      "{key}": {json.dumps(value)},' for key, value in head.items()]
    kinds = [f"{json.dumps(name)}: {json.dumps(dict(totals))}" for name, totals in record.kinds.items()]
    layers = [json.dumps(_layer(layer)) for layer in record.layers]
    lines += ['      "kinds": {', *_listed(kinds), "      },", '      "layers": [', *_listed(layers), "      ]"]
    return "    {\n" + "\n".join(lines) + "\n    }"


def _layer(layer: Layer) -> dict[str, Any]:
    head = {"path": layer.path, "kind": layer.kind, "digest": layer.digest, "output": list(layer.output)}
    return {**head, **layer.totals}


def _listed(entries: Sequence[str]) -> list[str]:
    return [f"        {entry}{',' * (i < len(entries) - 1)}" for i, entry in enumerate(entries)]


def may_be_replaced(path: Path) -> bool:
    """Whether a file is nobody's work but ours: of our name, empty, or a lock, be it damaged or of another version."""
    if path.name == LOCK and not path.is_symlink():
        return True
    try:
        with path.open("rb") as file:
            start = file.read(MAX_HEAD)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return not start.strip() or FAMILY.encode() in start


def read_lock(path: Any, name: str) -> dict[tuple[Any, ...], Record]:
    """The records of a lock by key. Raises SpecError for what is no lock, or one of a newer costcalc."""
    source, _ = read_file(path, name)
    start = Span(source, 1, 1, 2)
    try:
        document = json.loads(source.text)
    except json.JSONDecodeError as error:
        place = Span(source, error.lineno, error.colno, error.colno + 1)
        raise SpecError(Problem(f"`{name}` is no JSON: {error.msg}", place, ANEW)) from None
    except (RecursionError, ValueError):
        raise SpecError(Problem(f"`{name}` is no lock", start, ANEW)) from None
    schema = document.get("schema") if isinstance(document, Mapping) else None
    if schema != SCHEMA:
        newer = isinstance(schema, str) and schema.startswith(FAMILY)
        message = f"`{name}` is of another version of costcalc: `{schema}`" if newer else f"`{name}` is no lock"
        help_ = f"this is costcalc {VERSION}, which reads `{SCHEMA}`: update costcalc, or {ANEW}" if newer else ANEW
        raise SpecError(Problem(message, start, help_))
    try:
        records = [_record(entry) for entry in document["networks"]]
    except (KeyError, TypeError, ValueError, AttributeError):
        raise SpecError(Problem(f"`{name}` is no lock: a network in it is not whole", start, ANEW)) from None
    return {record.key: record for record in records}


def _record(entry: Mapping[str, Any]) -> Record:
    """A record as it was written; raises KeyError, TypeError or ValueError for anything else."""
    layers = tuple(
        Layer(
            _text(layer["path"]), _text(layer["kind"]), _text(layer["digest"]),
            tuple(layer["output"]), {metric: _whole(layer[metric]) for metric in PER_LAYER},
        )
        for layer in entry["layers"]
    )  # fmt: skip
    settings = {_text(name): _setting(value) for name, value in entry["set"].items()}
    stored = [metric for metric in STORED if metric in entry["totals"]]
    totals = {metric: _whole(entry["totals"][metric]) for metric in (*METRICS, *stored)}
    kinds = {_text(name): {m: _whole(of[m]) for m in PER_LAYER} for name, of in entry["kinds"].items()}
    return Record(
        _text(entry["spec"]), settings, _text(entry["convention"]), _whole(entry["batch"]), _text(entry["dtype"]),
        _text(entry["sha256"]), _text(entry["status"]), totals, layers, kinds,
    )  # fmt: skip


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    value.encode()  # raises where it is half a character
    return value


def _whole(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise TypeError
    return value


def _setting(value: Any) -> Any:
    """A value as `plain` wrote it, exact again."""
    if isinstance(value, list):
        return tuple(map(_setting, value))
    if isinstance(value, float):
        exact = Fraction(repr(value))
        return exact.numerator if exact.denominator == 1 else exact
    return value if isinstance(value, bool | int) else read_setting(_text(value))


def stale(
    locked: Mapping[tuple[Any, ...], Record],
    now: Sequence[Record],
    whole: bool,
    places: Mapping[tuple[Any, ...], Span] | None = None,
    name: str = "",
) -> list[Stale]:
    """What a lock says and is not so; `whole` where all that it should have was counted. `places` are of the specs.

    What has gone stands in the lock, whose `name` is as it is seen from here.
    """
    found = []
    for new in now:
        old, place = locked.get(new.key), (places or {}).get(new.key)
        if old is None:
            found.append(Stale(new.title, None, new, {}, place, "it is not in the lock"))
        elif old != new:
            differing = [metric for metric in new.totals if old.totals.get(metric) != new.totals[metric]]
            why = "it changed, though none of its totals did"
            if old.sha256 == new.sha256:
                why = "its layers are not those that the lock has"
            if differing:
                why = "costcalc counts it otherwise now" if old.sha256 == new.sha256 else "it costs something else now"
            aligned = pairs(old, new)
            layers = {metric: moved(old, new, metric, aligned, {}) for metric in differing}
            found.append(Stale(new.title, old, new, layers, place, why))
    here = {record.key for record in now}
    gone = [old for key, old in locked.items() if whole and key not in here]
    start = Span(Source(name, ""), 1, 1, 2) if name else None
    return found + [Stale(old.title, old, None, {}, start, "the lock has it, and no budget names it") for old in gone]

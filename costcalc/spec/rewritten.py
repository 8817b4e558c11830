"""A spec with other values in it, as text: the file as its author wrote it, comments and all, some values replaced.

Values are replaced where they stand, so nothing else of the file can change. What was said of the network as it was
(its name, where it was published, the published figures) does not hold for another one and is taken out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from costcalc.errors import Problem, SpecError, UsageError
from costcalc.spec.document import Document
from costcalc.spec.hyperparameters import shown
from costcalc.spec.values import Value
from costcalc.spec.varied import rows_of
from costcalc.yamltree import Pairs, parse_yaml

SAID_OF_IT = ("name", "source", "expect")  # parts that are about the network as it was


def rewritten(document: Document, setting: Mapping[str, Any], name: str) -> str:
    """The text of a spec called `name`, whose hyper-parameters and cells (`stage4.k`) have these values.

    Raises UsageError where a value stands on several lines, SpecError where the file is no mapping in block style.
    """
    lines = list(document.source.lines)
    places: list[tuple[Value, str]] = [(_place(document, key), shown(value)) for key, value in setting.items()]
    for value, text in sorted(places, key=lambda place: (place[0].span.line, place[0].span.column), reverse=True):
        line, start, end = lines[value.span.line - 1], value.span.column - 1, value.span.end - 1
        number = not text.isalpha()
        room = start - len(line[:start].rstrip(" ")) - 1 if line[:start].strip() else 0
        start -= max(0, min(room, len(text) - (end - start))) if number else 0
        lines[value.span.line - 1] = line[:start] + (text.rjust(end - start) if number else text) + line[end:]
    return "\n".join(_without(document, lines, name)).rstrip("\n") + "\n"


def _place(document: Document, name: str) -> Value:
    """Where the value of a hyper-parameter or a cell stands. Raises UsageError where that is not one piece of text."""
    row, _, column = name.rpartition(".")
    value = rows_of(document)[row].cells[column] if row else None
    if value is None:
        value = next(p.default for p in document.hyperparameters if p.name == name)
    line = value.span.source.line(value.span.line)
    if value.quote < 0 or (isinstance(value.content, list) and not line[: value.span.end - 1].endswith("]")):
        raise UsageError(Problem(f"`{name}` cannot be replaced", value.span, "write its value on one line, unquoted"))
    return value


def _without(document: Document, lines: list[str], name: str) -> list[str]:
    """The lines without the parts that were said of the network as it was, and with the new name."""
    tree = parse_yaml(document.source)
    keys = [key for key, _ in tree.pairs] if isinstance(tree, Pairs) else []
    starts = [key.span.line for key in keys]
    if len(set(starts)) < len(starts) or any(key.span.column != 1 for key in keys):
        help_ = "begin each part of the spec (`input:`, `layers:`) on a line of its own"
        raise SpecError(Problem("this spec cannot be rewritten", tree.span, help_))
    kept = lines[: starts[0] - 1]
    for key, start, stop in zip(keys, starts, [*starts[1:], len(lines) + 1], strict=True):
        if key.text not in SAID_OF_IT:
            kept += lines[start - 1 : stop - 1]
        if key.text == "costcalc":
            kept.append(f"name: {json.dumps(name, ensure_ascii=False)}")
    return kept

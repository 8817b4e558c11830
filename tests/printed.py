"""Printed reports read back: the numbers of every row, and whether each column adds up to its printed total."""

from __future__ import annotations

import csv
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from costcalc.version import VERSION

SPECS = Path(__file__).parent / "specs"
ENVIRONMENT = ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "TERM", "TTY_COMPATIBLE")  # what the output may depend on
BARS = re.compile("[█▉▊▋▌▍▎▏ ]*")
SGR = re.compile("\x1b\\[[0-9;]*m")  # the codes of colour

VIEWS = {
    "layer": (),
    "node": ("--by", "node"),
    "stage": ("--by", "stage"),
    "kind": ("--by", "kind"),
    "depth2": ("--depth", "2"),
    "top": ("--sort", "params", "--top", "3"),
    "kind-top": ("--by", "kind", "--sort", "madds", "--top", "2"),
    "flops": ("--convention", "flops", "--batch", "8", "--dtype", "float16"),
    "settings": ("--alpha", "0.5", "--wide", "--rule", "torch", "--resolution", "41"),
}


def unversioned(text: str) -> str:
    """A document without what changes with each release."""
    return text.replace(f'"version": "{VERSION}"', '"version": "..."')


def table_cells(text: str) -> list[list[str]]:
    """The rows of a plain or terminal table, head first and total last; of each the cells in columns of numbers."""
    lines = SGR.sub("", text).split("\n")
    rules = [i for i, line in enumerate(lines) if line.strip("- ") == "" and "---" in line]
    head = lines[rules[0] - 1].split()
    numeric = len(head) - (1 if head[0] == "Kind" else 3)
    body = [line for line in lines[rules[0] + 1 : rules[1]] if re.search(r"\d%|\?|  -", line)]
    rows = [BARS.sub("", line[::-1], count=1)[::-1] for line in (*body, lines[rules[1] + 1])]
    return [head[-numeric:], *(row.replace(">= ", ">=").split()[-numeric:] for row in rows)]


def markdown_cells(text: str) -> list[list[str]]:
    table = [line for line in text.split("\n") if line.startswith("|")]
    rows = [[cell.strip().strip("*") for cell in line.strip("|").split(" | ")] for line in table]
    numeric = [i for i, rule in enumerate(rows[1]) if rule.endswith(":") and rows[0][i] != "Output"]
    return [[row[i] for i in numeric] for i_row, row in enumerate(rows) if i_row != 1]


def csv_cells(text: str) -> list[list[str]]:
    rows = list(csv.reader(io.StringIO(text)))
    assert {len(row) for row in rows} == {len(rows[0])}
    return [row[4:-3] for row in rows]


def latex_cells(text: str) -> list[list[str]]:
    lines = [line.strip() for line in text.split("\n") if line.endswith(r" \\")]
    rows = [
        line.removesuffix(r" \\").replace(r"\%", "%").replace(r"\textgreater{}=", ">=").split(" & ") for line in lines
    ]
    return [row[3:] for row in rows]


class Cells(HTMLParser):
    """The numeric cells of a page's table."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.numeric = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append([])
        self.numeric = tag in ("td", "th") and ("class", "n") in attrs

    def handle_data(self, data: str) -> None:
        if self.numeric:
            self.rows[-1].append(data)

    def handle_endtag(self, tag: str) -> None:
        self.numeric = False


def html_cells(text: str) -> list[list[str]]:
    parser = Cells()
    parser.feed(text)
    outputs = 1 if "Output" in parser.rows[0] else 0
    return [row[-len(parser.rows[0]) + outputs :] for row in parser.rows]


CELLS = {"table": table_cells, "md": markdown_cells, "csv": csv_cells, "latex": latex_cells, "html": html_cells}


def number(cell: str) -> float:
    """The number in a cell; what is not known adds nothing."""
    bare = re.sub("^(>=|≥) ?", "", cell).rstrip("%")
    assert bare in ("?", "-", "") or re.fullmatch(r"[\d,]*\d(\.\d\d)?", bare), cell
    return 0 if bare in ("?", "-", "") else float(bare.replace(",", ""))


def columns_of(text: str, format_: str) -> dict[str, float]:
    """The printed totals by column, after each column of the rows above has been added up to it."""
    if format_ == "json":
        return json_columns(json.loads(text))
    head, *rows, total = CELLS[format_](text)
    assert all(len(row) == len(head) for row in (*rows, total)), (head, rows)
    for i, name in enumerate(head):
        added, printed = sum(number(row[i]) for row in rows), number(total[i])
        if name == "Share":
            assert printed in (0, 100)
            assert abs(added - printed) <= 0.005 * len(rows) + 1e-9
        else:
            assert added == printed, name
    return {name: number(cell) for name, cell in zip(head, total, strict=True) if name != "Share"}


def json_columns(document: dict[str, Any]) -> dict[str, float]:
    for part in ("layers", "rows"):
        for quantity in ("params", "madds", "count", "activations", "memory_access_bytes"):
            rows = document.get(part)
            assert rows is None or sum(row[quantity] or 0 for row in rows) == document["totals"][quantity]
    return {"params": document["totals"]["params"], "madds": document["totals"]["madds"]}

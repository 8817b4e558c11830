"""Reports on a terminal: no number is ever shortened, names fold first, colour and bars are where they are wanted."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from printed import ENVIRONMENT, SGR, SPECS, VIEWS, columns_of, table_cells

Cli = Callable[..., Any]


def digits(text: str) -> list[str]:
    return re.findall(r"\d[\d,.]*", text)


@pytest.mark.parametrize("width", [40, 60, 67, 80, 100, 200])
@pytest.mark.parametrize("spec", ["small.yaml", "partial.yaml", "mobilenet_v1", "mobilenet_v2"])
@pytest.mark.parametrize("view", ["layer", "kind", "depth2"])
def test_no_number_is_shortened(spec: str, width: int, view: str, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the width, the table holds every number in full, and fits unless it is the plain one."""
    monkeypatch.chdir(SPECS)
    plain = cli("report", spec, *VIEWS[view]).out
    shown = cli("report", spec, *VIEWS[view], FORCE_COLOR="1", COLUMNS=str(width)).out
    assert "…" not in shown
    text = SGR.sub("", shown)
    assert columns_of(text, "table") == columns_of(plain, "table")
    assert table_cells(text) == table_cells(plain)
    if shown == plain:
        assert width < 100
    else:
        assert max(map(len, text.split("\n"))) <= width
        assert sorted(digits(text.replace("\n", ""))) != []
        assert set(digits("\n".join(" ".join(row) for row in table_cells(plain)))) <= set(digits(text))


def test_names_fold_before_numbers_suffer(cli: Cli) -> None:
    text = SGR.sub("", cli("report", str(SPECS / "small.yaml"), FORCE_COLOR="1", COLUMNS="67").out)
    assert "\nstage2/1/" in text
    assert "\ndepthwise" in text
    assert max(map(len, text.split("\n"))) <= 67


def test_bars(cli: Cli) -> None:
    spec = str(SPECS / "small.yaml")
    wide = SGR.sub("", cli("report", spec, FORCE_COLOR="1", COLUMNS="120").out).split("\n")
    lengths = {line.split()[0]: line.count("█") for line in wide if "%" in line}
    assert lengths["stage2/1/expand"] == 16
    assert lengths["stage2/2/expand"] == lengths["stage2/2/project"] == 9
    assert lengths["stage1/shortcut"] == lengths["softmax"] == 0
    assert "█" not in cli("report", spec, COLUMNS="120").out + cli("report", spec, NO_COLOR="1", COLUMNS="120").out


def test_colour_is_asked_for(cli: Cli) -> None:
    spec = str(SPECS / "small.yaml")
    plain = cli("report", spec).out
    assert "\x1b" not in plain
    assert "\x1b[1m" in cli("report", spec, FORCE_COLOR="1", COLUMNS="100").out
    assert cli("report", spec, FORCE_COLOR="1", NO_COLOR="1", COLUMNS="100").out == plain
    assert cli("report", spec, COLUMNS="40", TERM="xterm-256color").out == plain
    for format_ in ("md", "csv", "json", "latex", "html"):
        assert "\x1b" not in cli("report", spec, "--format", format_, FORCE_COLOR="1").out


def on_terminal(*arguments: str, columns: int, **environment: str) -> str:
    """What the real command prints on a terminal of this width."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    kept = {name: value for name, value in os.environ.items() if name not in ENVIRONMENT}
    process = subprocess.Popen([sys.executable, "-m", "costcalc", *arguments], stdout=theirs, env=kept | environment)
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # the end of a terminal is an error
        while part := os.read(ours, 65536):
            shown += part
    os.close(ours)
    assert process.wait(30) == 0
    return shown.decode().replace("\r\n", "\n")


def test_a_terminal_has_colour_and_a_width(cli: Cli) -> None:
    spec = str(SPECS / "small.yaml")
    forced = cli("report", spec, FORCE_COLOR="1", COLUMNS="80").out
    assert on_terminal("report", spec, columns=80, TERM="xterm-256color") == forced
    uncoloured = SGR.sub("", forced)
    for environment in ({"TERM": "dumb"}, {"TERM": "xterm", "NO_COLOR": "1"}):
        shown = on_terminal("report", spec, columns=80, **environment)
        assert [line.rstrip() for line in shown.split("\n")] == [line.rstrip() for line in uncoloured.split("\n")]


def test_a_file_gets_plain_text(cli: Cli, tmp_path: Path) -> None:
    spec, target = str(SPECS / "small.yaml"), tmp_path / "report.txt"
    assert cli("report", spec, "-o", str(target), FORCE_COLOR="1", COLUMNS="60").out == ""
    assert target.read_text(encoding="utf-8") == cli("report", spec, NO_COLOR="1").out

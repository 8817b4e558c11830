"""What a check, a lock and a difference take care of: files that they read, names that moved, lines of one's own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Cli = Callable[..., Any]
NET = """\
costcalc: 1
input: [8, 8, 8]
blocks:
  unit:
    args: {out: required}
    layers:
      - depthwise: {kernel: 3, bias: false}
      - conv: {out: out, kernel: 1, bias: false, as: pw}
layers:
  - unit: {out: 16, as: one}
  - unit: {out: 32, as: two}
  - rows:
      columns: [out]
      data:
        - [8]
        - [24]
      layers:
        - conv: {out: out, kernel: 1, bias: false}
"""
TWO = 64 * (9 * 16 + 16 * 32)  # MAdds of the second unit


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git repository with a network, a budget and a lock."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "nets").mkdir()
    (tmp_path / "nets" / "net.yaml").write_text(NET)
    (tmp_path / "costcalc.toml").write_text('[[budget]]\nspec = "nets/*.yaml"\nmadds = "<= 1M"\n')
    git("init")
    git("add", ".")
    git("commit", "-m", "one")
    return tmp_path


def git(*arguments: str) -> None:
    name = ("-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "init.defaultBranch=main")
    subprocess.run(["git", *name, *arguments], check=True, capture_output=True)


@pytest.mark.parametrize("command", [
    ("check", "-o", "nets/net.yaml"),
    ("check", "--save", "md=nets/net.yaml"),
    ("check", "--format", "json", "-o", "costcalc.lock.json"),
    ("check", "-o", "costcalc.toml"),
    ("lock", "-o", "nets/net.yaml"),
    ("lock", "-o", "costcalc.toml"),
    ("diff", "--base", "main", "-o", "nets/net.yaml"),
    ("diff", "nets/net.yaml:x=1", "mobilenet_v1", "-o", "nets/net.yaml"),
])  # fmt: skip
def test_nothing_that_was_read_is_written_over(command: tuple[str, ...], cli: Cli, folder: Path) -> None:
    assert cli("lock").code == 0
    (folder / "nets" / "net.yaml").write_text(NET + "# changed\n" + "budget: {madds: <= 1M}\n")
    before = {path: path.read_bytes() for path in folder.rglob("*.*") if path.is_file() and ".git" not in path.parts}
    done = cli(*command)
    assert done.code == 2
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize("name", ["nets/net.yaml", "../lock.json", "/tmp/lock.json", "3"])
def test_a_lock_is_a_json_file_here(name: str, cli: Cli, folder: Path) -> None:
    text = (folder / "costcalc.toml").read_text()
    (folder / "costcalc.toml").write_text(f'lock = "{name}"\n{text}')
    done = cli("lock")
    assert done.code == 2
    assert f"the lock cannot be `{name}`" in done.err and "costcalc.toml:1:8" in done.err
    assert (folder / "nets" / "net.yaml").read_text() == NET


def test_a_part_is_compared_with_what_had_its_name(cli: Cli, folder: Path) -> None:
    """The two units change places: by name `one` is dearer now, though its layers were there before as `two`."""
    growth = 'layers = {"one/pw" = {max_increase = {madds = "1%"}}}\nstages = {two = {max_increase = {madds = "1%"}}}\n'
    (folder / "costcalc.toml").write_text(f'[[budget]]\nspec = "nets/*.yaml"\n{growth}')
    swapped = NET.replace("out: 16, as: one", "out: 32, as: one").replace("out: 32, as: two", "out: 16, as: two")
    (folder / "nets" / "net.yaml").write_text(swapped)
    budgets = json.loads(cli("check", "--base", "main", "--format", "json").out)["budgets"]
    was = sorted((b["baseline"], b["value"], b["passed"]) for b in budgets)
    assert was == sorted([(64 * 8 * 16, 64 * 8 * 32, False), (TWO, 64 * (9 * 32 + 32 * 16), False)])
    renamed = NET.replace("as: one", "as: first")
    (folder / "nets" / "net.yaml").write_text(renamed)
    (folder / "costcalc.toml").write_text(f'[[budget]]\nspec = "nets/*.yaml"\n{growth.replace("one/pw", "first/pw")}')
    assert cli("check", "--base", "main").code == 0, "a new name is what it was called before"


@pytest.mark.parametrize(("old", "new", "line"), [
    ("unit: {out: 32", "unit: {out: 4000", 11), ("- [24]", "- [4000]", 16), ("- [8]", "- [4000]", 15),
])  # fmt: skip
def test_a_finding_stands_at_the_row_or_the_call(old: str, new: str, line: int, cli: Cli, folder: Path) -> None:
    (folder / "nets" / "net.yaml").write_text(NET.replace(old, new))
    done = cli("check", "--base", "main", "--format", "github")
    assert done.code == 1
    assert f"file=nets/net.yaml,line={line}," in done.out


@pytest.mark.parametrize("format", ["github", "sarif", "junit", "gitlab", "md"])
def test_a_broken_budget_file_is_told_in_every_format(format: str, cli: Cli, folder: Path) -> None:
    (folder / "costcalc.toml").write_text('[[budget]]\nspec = "nets/*.yaml"\nmadds = "<= 750Q"\n')
    done = cli("check", "--format", format, "--save", f"{format}=saved")
    assert done.code == 2
    assert "750Q" in done.out and "costcalc.toml:3" in done.err
    assert (folder / "saved").read_text() == done.out


def test_a_misspelt_file_of_diff(cli: Cli, folder: Path) -> None:
    for name in ("nets/nope.yaml", "../x.yaml"):
        done = cli("diff", "--base", "main", name)
        assert (done.code, done.out) == (2, "")
        assert f"there is no file `{name}`" in done.err
    done = cli("diff", "nets/net.yaml:alpha", "nets/net.yaml")
    assert done.code == 2 and "`nets/net.yaml:alpha` says no value" in done.err


def test_what_cannot_be_read_is_not_said_to_be_unchanged(cli: Cli, folder: Path) -> None:
    (folder / "nets" / "net.yaml").write_text(NET + "x: [\n")
    done = cli("diff", "--base", "main")
    assert done.code == 2
    assert done.out == "no spec that can be read changed since main\n"


def test_what_is_not_there_costs_nothing(cli: Cli, folder: Path) -> None:
    git("mv", "nets/net.yaml", "nets/other.yaml")
    (folder / "nets" / "other.yaml").write_text("costcalc: 1\ninput: [3, 4, 4]\nlayers: [conv: {out: 2, kernel: 1}]\n")
    found = json.loads(cli("diff", "--base", "main", "--format", "json").out)
    peaks = [entry["totals"]["peak_activation_bytes"] for entry in found["diffs"]]
    assert min(peak["old"] for peak in peaks) == min(peak["new"] for peak in peaks) == 0


def test_growth_that_cannot_be_compared_is_counted(cli: Cli, folder: Path) -> None:
    growth = 'max_increase = {madds = "1%", params = "1%"}\n'
    (folder / "costcalc.toml").write_text(f'[[budget]]\nspec = "nets/*.yaml"\nset = {{width = 8}}\n{growth}madds = "1M"\n')
    (folder / "nets" / "net.yaml").write_text(NET.replace("input: [8,", "hyperparameters: {width: 8}\ninput: [width,"))
    done = cli("check", "--base", "main")
    assert done.code == 0
    assert "passed: 1 limit of 1 network checked, 2 limits could not be compared" in done.out
    assert "unknown hyper-parameter `width`" in done.err


@pytest.mark.parametrize(("budget", "told"), [
    ('weights = "3 KB"', "`KB` is no unit"),
    ('weights = "3 KB"', "did you mean `kB`?"),
    ('dtype = "float23"\nmadds = "1M"', "costcalc.toml:3:9"),
    ('convention = "flop"\nmadds = "1M"', "costcalc.toml:3:14"),
])  # fmt: skip
def test_an_error_stands_at_its_word(budget: str, told: str, cli: Cli, folder: Path) -> None:
    (folder / "costcalc.toml").write_text(f'[[budget]]\nspec = "nets/*.yaml"\n{budget}\n')
    done = cli("check")
    assert done.code == 2
    assert told in done.err


def test_a_budget_without_a_limit_is_told_of(cli: Cli, folder: Path) -> None:
    (folder / "costcalc.toml").write_text('[[budget]]\nspec = "nets/*.yaml"\n')
    done = cli("check")
    assert done.code == 0
    assert "nets/net.yaml has no limit" in done.err


def test_options_of_another_question(cli: Cli, folder: Path) -> None:
    for options in (("--batch", "2"), ("--dtype", "int8"), ("--convention", "flops")):
        done = cli("check", *options)
        assert done.code == 2 and "go with `--max`" in done.err

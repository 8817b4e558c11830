"""What a check, a lock and a difference take care of: files that they read, names that moved, lines of one's own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
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


@pytest.mark.parametrize("lock", ["", "<<<<<<< HEAD\n{}", '{"schema": "costcalc/lock/2", "records": []}'])
def test_what_can_be_checked_without_a_broken_lock_is_checked(lock: str, cli: Cli, folder: Path) -> None:
    (folder / "costcalc.lock.json").write_text(lock)
    (folder / "costcalc.toml").write_text('[[budget]]\nspec = "nets/*.yaml"\nmadds = "<= 1M"\nmax_increase = {params = "1%"}\n')
    for more in [(), ("--locked",)]:
        done = cli("check", *more)
        assert done.code == 2
        assert re.search(r"^ok +nets/net.yaml +MAdds ", done.out, re.MULTILINE)
        assert "failed: 1 limit could not be compared, 1 error\n" in done.out
        assert done.err.count("error: ") == 1 and "costcalc.lock.json" in done.err
    assert cli("check", "--base", "main").code == 0, "which asks for no lock"


def test_a_limit_of_a_kind_names_its_layers(cli: Cli, folder: Path) -> None:
    """conv 1x1 of the second unit: 32 outputs more, of 16 channels at 64 positions; the next reads 32 more for 8."""
    (folder / "costcalc.toml").write_text(
        '[[budget]]\nspec = "nets/*.yaml"\nkinds = {"conv 1x1" = {max_increase = {madds = "1%"}}, depthwise = {madds = "<= 1"}}\n'
    )
    (folder / "nets" / "net.yaml").write_text(NET.replace("out: 32", "out: 64"))
    budgets = json.loads(cli("check", "--base", "main", "--format", "json").out)["budgets"]
    moved = {b["name"]: {layer["path"]: layer["difference"] for layer in b["moved"]} for b in budgets}
    assert moved == {"conv 1x1": {"two/pw": 64 * 32 * 16, "stage1/conv": 64 * 32 * 8}, "depthwise": {}}
    assert "two/pw +32,768" in cli("check", "--base", "main", "--format", "md").out
    (folder / "costcalc.toml").write_text('[[budget]]\nspec = "nets/*.yaml"\nkinds = {"conv" = {max_increase = {params = "0"}}}\n')
    (grown,) = json.loads(cli("check", "--base", "main", "--format", "json").out)["budgets"]
    assert grown["moved"] == [], "parameters of a layer are those of its norm, too, which are of another kind"
    (folder / "costcalc.toml").write_text('[[budget]]\nspec = "nets/*.yaml"\nkinds = {"conv 1x1" = {max_increase = {madds = "0"}}}\n')
    (folder / "nets" / "net.yaml").write_text(NET.replace("depthwise: {kernel: 3, bias: false}", "conv: {out: 32, kernel: 1, bias: false}"))
    (grown,) = json.loads(cli("check", "--base", "main", "--format", "json").out)["budgets"]
    assert sum(layer["difference"] for layer in grown["moved"]) == grown["value"] - grown["baseline"]
    assert {layer["path"]: layer["old"] for layer in grown["moved"]}["one/conv"] is None, "of this kind it is new"


def test_files_of_a_comment_are_named_from_the_top(cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder / "nets")
    (folder / "nets" / "costcalc.toml").write_text('[[budget]]\nspec = "net.yaml"\nmax_increase = {madds = "0"}\n')
    (folder / "nets" / "net.yaml").write_text(NET.replace("out: 32", "out: 64"))
    text = cli("check", "--base", "main", "--format", "md").out
    assert "(line 11 of nets/net.yaml)" in text


@pytest.mark.parametrize(("text", "told", "line", "column"), [
    ('peak = "<= 1 MB"', "did you mean `peak_activation`?", 3, 1),
    ('zzz = "<= 1 MB"', "`weights`, `peak_activation`, `memory_access`, `stored`", 3, 1),
    ('madds = "<= 1M"\nset = {alhpa = 0.5}', "unknown hyper-parameter `alhpa`", 4, 8),
])  # fmt: skip
def test_a_misspelt_word_of_a_budget_is_told_at_its_place(
    text: str, told: str, line: int, column: int, cli: Cli, folder: Path
) -> None:
    (folder / "costcalc.toml").write_text(f'[[budget]]\nspec = "nets/*.yaml"\n{text}\n')
    scaled = NET.replace("input:", "hyperparameters: {alpha: 1}\ninput:").replace("out: 16", "out: 16*alpha")
    (folder / "nets" / "net.yaml").write_text(scaled)
    done = cli("check")
    assert done.code == 2
    assert told in done.err and f"costcalc.toml:{line}:{column}" in done.err


def test_a_bracket_too_few_is_told_without_advice_on_quotes(cli: Cli, folder: Path) -> None:
    (folder / "costcalc.toml").write_text("[[budget]\n")
    assert "expected ']]'" in (told := cli("check").err) and "quotes" not in told
    (folder / "costcalc.toml").write_text("[[budget]]\nspec = a.yaml\n")
    assert "texts stand in quotes" in cli("check").err


def test_a_budget_without_a_limit_is_told_of(cli: Cli, folder: Path) -> None:
    (folder / "costcalc.toml").write_text('[[budget]]\nspec = "nets/*.yaml"\n')
    done = cli("check")
    assert done.code == 0
    assert "nets/net.yaml has no limit" in done.err


def test_options_of_another_question(cli: Cli, folder: Path) -> None:
    for options in (("--batch", "2"), ("--dtype", "int8"), ("--convention", "flops")):
        done = cli("check", *options)
        assert done.code == 2 and "go with `--max`" in done.err


# -- which files are checked, and against what

LINKED = ["sub/../nets/net.yaml", "link/net.yaml", "./nets/net.yaml"]


@pytest.mark.parametrize("name", LINKED)
def test_a_spec_is_checked_however_it_is_named(name: str, cli: Cli, folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "link").symlink_to(folder / "nets")
    (folder / "costcalc.toml").write_text('[[budget]]\nspec = "nets/*.yaml"\nmadds = "<= 1"\n')
    assert cli("check", name).code == 1
    (found,) = json.loads(cli("check", name, "--format", "json").out)["budgets"]
    assert found["spec"] == "nets/net.yaml"


def test_a_spec_is_checked_from_another_directory(cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "costcalc.toml").write_text('[[budget]]\nspec = "nets/*.yaml"\nmadds = "<= 1"\n')
    (folder / "sub").mkdir()
    monkeypatch.chdir(folder / "sub")
    assert cli("check", "../nets/net.yaml").code == 1
    monkeypatch.chdir(folder.parent)
    assert cli("check", f"{folder.name}/nets/net.yaml").code == 1, "its budget file is found upwards from it"


def test_a_bundled_spec_is_checked_by_its_name(cli: Cli, folder: Path) -> None:
    (folder / "costcalc.toml").write_text('[[budget]]\nspec = "mobilenet_v1"\nmadds = "<= 1"\n')
    for name in ("mobilenet_v1", "mobilenet_v1.yaml"):
        assert cli("check", name).code == 1
    done = cli("check", "--format", "github")
    assert "file=costcalc.toml,line=3," in done.out, "no file of the repository is the bundled spec"


def test_every_budget_file_that_is_named_is_checked(cli: Cli, folder: Path) -> None:
    """As a hook does that finds several among the files of a commit."""
    for name, most in (("p", "1G"), ("q", "1")):
        (folder / name).mkdir()
        (folder / name / "net.yaml").write_text(NET)
        (folder / name / "costcalc.toml").write_text(f'[[budget]]\nspec = "*.yaml"\nmadds = "{most}"\n')
    assert [cli("check", *files).code for files in (
        ("p/costcalc.toml",), ("q/costcalc.toml",), ("p/costcalc.toml", "q/costcalc.toml"),
        ("p/costcalc.toml", "q/net.yaml"), ("p/costcalc.toml", "nosuch.yaml"),
    )] == [0, 1, 1, 1, 2]  # fmt: skip
    (folder / "p" / "broken.yaml").write_text("costcalc: [")
    assert cli("check", "p/costcalc.toml", "p/broken.yaml").code == 2


def test_a_link_is_compared_with_what_it_leads_to(cli: Cli, folder: Path) -> None:
    (folder / "alias.yaml").symlink_to("nets/net.yaml")
    git("add", ".")
    git("commit", "-m", "two")
    (folder / "costcalc.toml").write_text('[[budget]]\nspec = "alias.yaml"\nmax_increase = {madds = "0"}\n')
    assert cli("check", "--base", "main").code == 0
    (folder / "nets" / "net.yaml").write_text(NET.replace("out: 32", "out: 33"))
    assert cli("check", "--base", "main").code == 1


def test_settings_of_git_change_nothing(cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("diff.relative", "true"), ("diff.noprefix", "true"), ("status.renames", "false")):
        git("config", name, value)
    (folder / "costcalc.toml").write_text('[[budget]]\nspec = "nets/*.yaml"\nmax_increase = {madds = "0"}\n')
    git("mv", "nets/net.yaml", "nets/moved.yaml")
    (folder / "nets" / "moved.yaml").write_text(NET.replace("out: 32", "out: 33"))
    monkeypatch.chdir(folder / "nets")
    assert cli("check", "--base", "main").code == 1
    assert "1 layer changed" in cli("diff", "--base", "main").out or "layers changed" in cli("diff", "--base", "main").out


def test_what_could_not_be_compared_fails_where_warnings_do(cli: Cli, folder: Path) -> None:
    (folder / "costcalc.toml").write_text('[[budget]]\nspec = "nets/*.yaml"\nset = {width = 8}\nmax_increase = {madds = "0"}\n')
    (folder / "nets" / "net.yaml").write_text(NET.replace("input: [8,", "hyperparameters: {width: 8}\ninput: [width,"))
    assert cli("check", "--base", "main").code == 0
    assert cli("check", "--base", "main", "--fail-on", "warn").code == 1


@pytest.mark.parametrize("edit", [
    lambda lock: [layer.update(madds=10**12) for layer in lock["networks"][0]["layers"]],
    lambda lock: lock["networks"][0]["kinds"].popitem(),
    lambda lock: lock["networks"][0].update(status="partial"),
    lambda lock: lock["networks"][0].update(sha256="0" * 64),
    lambda lock: lock["networks"][0]["totals"].update(params=1),
])  # fmt: skip
def test_nothing_of_a_lock_may_be_another(edit: Callable[[Any], Any], cli: Cli, folder: Path) -> None:
    assert cli("lock").code == 0
    assert cli("check", "--locked").code == 0
    lock = json.loads((folder / "costcalc.lock.json").read_text())
    edit(lock)
    (folder / "costcalc.lock.json").write_text(json.dumps(lock))
    assert cli("check", "--locked").code == 1


@pytest.mark.parametrize("edit", [
    lambda lock: lock["networks"][0].update(spec="\ud800"),
    lambda lock: lock["networks"][0]["totals"].update(params=-5),
])  # fmt: skip
def test_a_lock_with_what_cannot_be_is_refused(edit: Callable[[Any], Any], cli: Cli, folder: Path) -> None:
    cli("lock")
    lock = json.loads((folder / "costcalc.lock.json").read_text())
    edit(lock)
    (folder / "costcalc.lock.json").write_text(json.dumps(lock))
    for format in ("sarif", "gitlab", "junit", "github"):
        assert cli("check", "--locked", "--format", format).code == 2


def test_a_network_that_has_gone_points_at_the_lock(cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "nets" / "other.yaml").write_text(NET)
    cli("lock")
    (folder / "nets" / "other.yaml").unlink()
    monkeypatch.chdir(folder / "nets")
    (issue,) = json.loads(cli("check", "--locked", "--format", "gitlab").out)
    assert issue["location"]["path"] == "costcalc.lock.json"


def test_two_conventions_of_one_name_are_refused(cli: Cli, folder: Path) -> None:
    text = "".join(f'[[budget]]\nspec = "nets/*.yaml"\nconvention = "c{i}/c.yaml"\ncount = "1G"\n' for i in (1, 2))
    (folder / "costcalc.toml").write_text(text)
    for i in (1, 2):
        (folder / f"c{i}").mkdir()
        (folder / f"c{i}" / "c.yaml").write_text("costcalc_convention: 1\nname: mine\nunit: x\nabout: y\ncount: {default: macs}\n")
    done = cli("lock")
    assert done.code == 2


def test_a_pipelines_job_is_no_spec(cli: Cli, folder: Path) -> None:
    (folder / "job.yaml").write_text("costcalc:\n  script: [costcalc check]\n")
    (folder / "quoted.yaml").write_text('"costcalc": 1\ninput: [3, 4, 4]\nlayers: [relu]\n')
    git("add", ".")
    done = cli("diff", "--base", "main", "--format", "json")
    assert done.code == 0
    assert [entry["new_file"] for entry in json.loads(done.out)["diffs"]] == ["quoted.yaml"]


# -- the comment


def test_names_do_nothing_in_a_comment(cli: Cli, folder: Path) -> None:
    """Neither mark up, nor call somebody, nor break a table, wherever a name may stand."""
    nasty = "@octocat #1 <script>|`x` :smile: GH-12"
    (folder / "nets" / f"{nasty.replace('/', '')}.yaml").write_text(NET.replace("out: 32", "out: 33"))
    (folder / "costcalc.toml").write_text('[[budget]]\nspec = "nets/*.yaml"\nmadds = "<= 1"\nmax_increase = {madds = "0"}\n')
    page = cli("check", "--base", "main", "--format", "md").out
    assert "octocat" in page
    for line in page.splitlines():
        outside = re.sub(r"(`+).*?(?<!`)\1(?!`)", "", line)
        outside = re.sub(r"<code>.*?</code>", "", outside)
        assert not re.search(r"@|#1|<script|:smile:|GH-12", outside), line
    assert len({line.replace("\\|", "").count("|") for line in page.splitlines() if line.startswith("| ")}) <= 2


def test_a_lock_has_names_that_can_be_read_back(cli: Cli, folder: Path) -> None:
    (folder / "nets" / os.fsdecode(b"caf\xe9.yaml")).write_text(NET)
    done = cli("lock")
    assert done.code == 2 and "is not UTF-8, as a lock is" in done.err and "rename the file" in done.err
    assert not (folder / "costcalc.lock.json").exists()
    json.loads(cli("check", "--format", "json").out)["budgets"][0]["spec"].encode()


def test_a_lock_replaces_no_work_of_others(cli: Cli, folder: Path) -> None:
    (folder / "package.json").write_text('{"name": "x"}')
    text = (folder / "costcalc.toml").read_text()
    (folder / "costcalc.toml").write_text(f'lock = "package.json"\n{text}')
    done = cli("lock")
    assert done.code == 2 and "`package.json` is no lock, and would be lost" in done.err
    (folder / "costcalc.toml").write_text(text)
    (folder / "victim.txt").write_text("dear")
    (folder / "costcalc.lock.json").symlink_to("victim.txt")
    assert cli("lock").code == 2
    assert ((folder / "victim.txt").read_text(), (folder / "package.json").read_text()) == ("dear", '{"name": "x"}')
    (folder / "costcalc.lock.json").unlink()
    (folder / "real.json").write_text(cli("lock", "-o", "-").out)
    (folder / "costcalc.lock.json").symlink_to("real.json")
    assert cli("lock").code == 0 and (folder / "costcalc.lock.json").is_symlink(), "a link to a lock stays one"


def test_what_stood_in_a_log_stays_there(folder: Path) -> None:
    (folder / "log").write_text("earlier\n")
    with (folder / "log").open("a") as log:
        subprocess.run([sys.executable, "-m", "costcalc", "check", "-o", "/dev/stdout"], stdout=log, check=True)
        subprocess.run([sys.executable, "-m", "costcalc", "check", "-o", "/dev/fd/1"], stdout=log, check=True)
    text = (folder / "log").read_text()
    assert text.startswith("earlier\n") and text.count("passed: 1 limit of 1 network checked") == 2


def test_nobody_who_does_not_read_decides(folder: Path) -> None:
    (folder / "costcalc.toml").write_text('[[budget]]\nspec = "nets/*.yaml"\nmadds = "<= 1"\n')
    for options in ((), ("--save", "json=/dev/stderr"), ("-o", "/dev/fd/1"), ("--format", "json")):
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run([sys.executable, "-m", "costcalc", "check", *options], stdout=writer, stderr=writer, check=False)
        os.close(writer)
        assert done.returncode == 1, options


def test_two_results_are_not_written_to_one_file(cli: Cli, folder: Path) -> None:
    done = cli("check", "--save", "md=o", "--save", "sarif=./o")
    assert done.code == 2 and "two results would be written to `o`" in done.err
    assert cli("check", "--save", "json=-").code == 2, "nor to stdout"
    assert cli("check", "--save", "md=a", "--save", "sarif=b", "-o", "c").code == 0


@pytest.mark.parametrize(("pattern", "told"), [
    ("mobilenet_v1.yaml", "is called `mobilenet_v1` here, without `.yaml`"), ("nets/mobile*.yaml", "there is no file `./nets/mobilenet_v1.yaml`"),
])  # fmt: skip
def test_a_file_that_is_gone_is_not_taken_for_a_bundled_network(pattern: str, told: str, cli: Cli, folder: Path) -> None:
    (folder / "nets" / "mobilenet_v1.yaml").symlink_to("nothing.yaml")
    (folder / "costcalc.toml").write_text(f'[[budget]]\nspec = "{pattern}"\nmadds = "1T"\n')
    done = cli("check")
    assert done.code == 2 and told in done.err


def test_globs_look_into_each_directory_once(cli: Cli, folder: Path) -> None:
    deep = folder / Path(*["d"] * 60)
    deep.mkdir(parents=True)
    (deep / "net.yaml").write_text(NET)
    (deep / "round").symlink_to(folder)
    for pattern in ("**/**/**/**/**/**/*.yaml", "**/" * 400 + "*.yaml", "d/**/net.y?ml", "[d]/*/**/d/net.yaml"):
        (folder / "costcalc.toml").write_text(f'[[budget]]\nspec = "{pattern}"\nmadds = "<= 1M"\n')
        found = {b["spec"] for b in json.loads(cli("check", "--format", "json").out)["budgets"]}
        assert found == {deep.relative_to(folder).as_posix() + "/net.yaml"} | ({"nets/net.yaml"} if pattern[:3] == "**/" else set())
    (folder / "nets" / "loop").symlink_to("loop")
    for pattern, code in (("nets/*.yaml", 0), ("nets/*.yaml/", 2), ("nets/*/", 2)):
        (folder / "costcalc.toml").write_text(f'[[budget]]\nspec = "{pattern}"\nmadds = "<= 1M"\n')
        assert cli("check").code == code, "a link that leads round is no file; a pattern of directories finds none"
    (folder / "costcalc.toml").write_text('[[budget]]\nspec = "nets/**x.yaml"\nmadds = "<= 1M"\n')
    assert "`**` stands alone between slashes" in cli("check").err


def test_a_fingerprint_is_of_one_level(cli: Cli, folder: Path) -> None:
    """Where the error is mended, the warning stays the finding that it was."""
    def prints(limit: str) -> dict[str, str]:
        text = f'[[budget]]\nspec = "nets/*.yaml"\nmadds = "<= {limit}"\n[[budget]]\nspec = "nets/*.yaml"\nmadds = "<= 2"\nlevel = "warn"\n'
        (folder / "costcalc.toml").write_text(text)
        return {f["severity"]: f["fingerprint"] for f in json.loads(cli("check", "--format", "gitlab").out)}

    before, after = prints("1"), prints("1M")
    assert len(set(before.values())) == len(before) == 2 and len(after) == 1
    assert set(after.values()) < set(before.values())


@pytest.mark.parametrize(("file", "text", "told"), [
    ("pyproject.toml", "[[tool.costcalc]]\n", "`tool.costcalc` must be a table"),
    ("pyproject.toml", "[tool]\ncostcalc = 5\n", "`tool.costcalc` must be a table"),
    ("costcalc.toml", '[[budget]]\nspec = "nets/*.yaml"\nlayers = {typo = {}}\n', "layer `typo` has no limit"),
])  # fmt: skip
def test_what_says_nothing_is_told(file: str, text: str, told: str, cli: Cli, folder: Path) -> None:
    (folder / "costcalc.toml").unlink()
    (folder / file).write_text(text)
    (folder / "nets" / "net.yaml").write_text(NET + "budget: {madds: <= 1G}\n")
    done = cli("check", "nets/net.yaml")
    assert done.code == 2 and told in done.err


def test_a_link_and_what_it_leads_to_are_one_file(cli: Cli, folder: Path) -> None:
    (folder / "nets" / "net.yaml").rename(folder / "net.yaml")
    (folder / "b.yaml").symlink_to("net.yaml")
    (folder / "costcalc.toml").write_text('[[budget]]\nspec = "net.yaml"\nmadds = "<= 1M"\n')
    for files in (("net.yaml", "b.yaml"), ("net.yaml", "net.yaml")):
        done = cli("check", *files)
        assert (done.code, done.err) == (0, "") and "passed: 1 limit of 1 network" in done.out


def test_spaces_and_conventions_among_the_specs_are_let_through(cli: Cli, folder: Path) -> None:
    (folder / "nets" / "space.yaml").write_text("# choices\ncostcalc-space: 1\nhyperparameters: {alpha: [1, 2]}\n")
    (folder / "nets" / "own.yaml").write_text("costcalc-convention: 1\nname: own\nunit: MACs\ncount: macs\n")
    (folder / "costcalc.toml").write_text('[[budget]]\nspec = "nets/net.yaml"\nmadds = "<= 1M"\n')
    done = cli("check", "nets/space.yaml", "nets/net.yaml", "nets/own.yaml")
    assert done.code == 0
    assert "nets/space.yaml was left out: it is a search space, no spec" in done.err
    assert "nets/own.yaml was left out: it is a convention, no spec" in done.err
    (folder / "nets" / "space.yaml").write_text('{"costcalc-space": 1, hyperparameters: {alpha: [1, 2]}}\n')
    (folder / "costcalc.toml").write_text('[[budget]]\nspec = "nets/*.yaml"\nmadds = "<= 1M"\n')
    done = cli("check")
    assert done.code == 0 and done.err.count("no spec\n") == 2, "found by a glob, too"
    locked = cli("lock")
    assert locked.code == 0 and locked.err.count("no spec\n") == 2 and "1 network in" in locked.err
    assert cli("check", "nets/space.yaml", "--max-madds", "1M").code == 2, "it was asked for"
    (folder / "nets" / "broken.yaml").write_text(NET.replace("out: 16", "out: sixteen") + "costcalc-space: 1\n")
    assert cli("check").code == 2, "a spec with a slip is one all the same"
    (folder / "nets" / "broken.yaml").write_text('{ "costcalc-space": 1')
    assert cli("check").code == 2, "and what is no YAML is nothing"
    (folder / "nets" / "broken.yaml").unlink()
    (folder / "nets" / "odd.yaml").write_text("costclac: 1\n")
    assert cli("check", "nets/odd.yaml").code == 2


def test_a_project_without_budgets_is_let_through(cli: Cli, folder: Path) -> None:
    """As a hook names it, which looks at every `pyproject.toml`."""
    (folder / "sub").mkdir()
    (folder / "sub" / "pyproject.toml").write_text('[project]\nname = "x"\ndependencies = ["costcalc"]\n')
    for files in (("sub/pyproject.toml",), ("sub/pyproject.toml", "nets/net.yaml")):
        done = cli("check", *files)
        assert done.code == 0 and "sub/pyproject.toml has no table [tool.costcalc]" in done.err
    assert cli("check", "--config", "sub/pyproject.toml").code == 2
    assert cli("check", "sub/pyproject.toml", "--max-madds", "1M").code == 2


def test_a_link_that_became_a_file_is_compared_with_what_it_led_to(cli: Cli, folder: Path) -> None:
    (folder / "link.yaml").symlink_to("nets/net.yaml")
    (folder / "costcalc.toml").write_text('[[budget]]\nspec = "link.yaml"\nmax_increase = {madds = "1%"}\n')
    git("add", ".")
    git("commit", "-m", "two")
    (folder / "link.yaml").unlink()
    (folder / "link.yaml").write_text(NET.replace("out: 32", "out: 64"))
    done = cli("check", "--base", "main")
    assert done.code == 1 and "two/pw" in cli("check", "--base", "main", "--format", "md").out


def test_specs_in_one_line_and_links_are_compared(cli: Cli, folder: Path) -> None:
    flow = "{costcalc: 1, input: [8, 8, 8], layers: [{conv: {out: 8, kernel: 1}}]}\n"
    (folder / "flow.yaml").write_text(flow)
    (folder / "link.yaml").symlink_to("flow.yaml")
    (folder / "environment.yaml").write_text("dependencies:\n  costcalc: 1.2\n")
    git("add", ".")
    git("commit", "-m", "two")
    (folder / "flow.yaml").write_text(flow.replace("out: 8", "out: 9"))
    (folder / "environment.yaml").write_text("dependencies:\n  costcalc: 1.3\n")
    for more in ((), ("link.yaml",), ("flow.yaml",)):
        assert "flow.yaml: 1 layer changed" in cli("diff", "--base", "main", *more).out


def test_errors_stand_before_what_is_kept(cli: Cli, folder: Path) -> None:
    """A thousand limits that are kept, two hundred that are not, and a spec that is broken."""
    limits = "".join(f'[[budget]]\nspec = "nets/net.yaml"\nmadds = "<= {10**9 + i}"\n' for i in range(1000))
    limits += "".join(f'[[budget]]\nspec = "nets/net.yaml"\nparams = "<= {i}"\n' for i in range(200))
    (folder / "costcalc.toml").write_text(limits + '[[budget]]\nspec = "nets/odd.yaml"\nmadds = "1"\n')
    (folder / "nets" / "odd.yaml").write_text(NET.replace("kernel: 3", "kernal: 3"))
    page = cli("check", "--format", "md").out
    assert len(page) < 65_000
    assert page.index("**FAIL**") < page.index("... and 100 limits more") < page.index("**error** nets/odd.yaml:")
    assert page.index("**error**") < page.index("1,000 limits are kept") < page.index("... and 900 limits more")
    assert "no room" not in page


def test_layers_that_are_not_told_are_counted(cli: Cli, folder: Path) -> None:
    layers = "".join(f"  - conv: {{out: 8, kernel: 1, as: l{i}}}\n" for i in range(250))
    (folder / "nets" / "net.yaml").write_text(f"costcalc: 1\ninput: [8, 8, 8]\nlayers:\n{layers}")
    git("commit", "-qam", "long")
    (folder / "nets" / "net.yaml").write_text(f"costcalc: 1\ninput: [8, 8, 8]\nlayers:\n{layers.replace('kernel: 1', 'kernel: 3')}")
    page = cli("diff", "--base", "main", "--format", "md").out
    assert page.count("| changed |") == 200 and "... and 50 layers more" in page
    long = layers.replace("as: l", f"as: {'a_long_name_' * 4}")
    (folder / "nets" / "net.yaml").write_text(f"costcalc: 1\ninput: [8, 8, 8]\nlayers:\n{long.replace('kernel: 1', 'kernel: 3')}")
    page = cli("diff", "--base", "main", "--format", "md").out
    assert 50 < page.count("\n|") < 200 and len(page) < 20_000, "as many as there is room for"


def test_a_comment_has_room_for_so_much(cli: Cli, folder: Path) -> None:
    layers = "".join(f"  - conv: {{out: 8, kernel: 1, as: a_layer_with_a_long_name_{i}}}\n" for i in range(200))
    for i in range(12):
        (folder / "nets" / f"n{i}.yaml").write_text(f"costcalc: 1\ninput: [8, 8, 8]\nlayers:\n{layers}")
    page = cli("check", "--base", "main", "--format", "md").out
    assert 20_000 < len(page) < 65_000
    assert "which a comment has no room for" in page
    assert page.count("<details>") == page.count("</details>")

"""Budgets, locks and baselines, by hand arithmetic, in real directories and real git repositories."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from costcalc.render.check import change
from costcalc.review.check import check_policy

NET = """\
costcalc: 1
name: tiny
hyperparameters: {alpha: 1}
input: [3, 8, 8]
layers:
  - conv: {out: 16*alpha, kernel: 3, bias: false}
    as: stem
  - conv: {out: 32, kernel: 1, bias: false}
    as: wide
  - conv: {out: 10, kernel: 1, bias: false}
    as: head
"""
# by hand: 3*3*3*16 = 432, 16*32 = 512, 32*10 = 320 weights, each used at 8*8 places
PARAMS = 432 + 512 + 320
MADDS = PARAMS * 64
WIDER = NET.replace("{out: 32,", "{out: 48,")  # 16*48 = 768, 48*10 = 480
WIDER_PARAMS = 432 + 768 + 480

Cli = Callable[..., Any]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.yaml").write_text(NET)
    return tmp_path


def budget(folder: Path, text: str) -> None:
    (folder / "costcalc.toml").write_text(text)


def one(spec: str = "net.yaml", **keys: str) -> str:
    return "\n".join(["[[budget]]", f'spec = "{spec}"', *(f"{key} = {value}" for key, value in keys.items())]) + "\n"


def document(done: Any) -> dict[str, Any]:
    return json.loads(done.out)


# -- limits


@pytest.mark.parametrize(
    ("limit", "value"),
    [
        ("params", PARAMS),
        ("madds", MADDS),
        ("count", MADDS),
        ("activations", (16 + 32 + 10) * 64),
        ("weights", f"{4 * PARAMS} B"),
        ("peak_activation", f"{4 * (16 + 32) * 64} B"),
    ],
)
def test_a_limit_is_kept_up_to_its_last_unit(limit: str, value: int | str, cli: Cli, folder: Path):
    amount, _, unit = str(value).partition(" ")
    for most, code in ((int(amount), 0), (int(amount) - 1, 1)):
        budget(folder, one(**{limit: f'"<= {most} {unit}"'.replace(' "', '"')}))
        done = cli("check", "--format", "json")
        (outcome,) = document(done)["budgets"]
        assert (done.code, outcome["value"], outcome["limit"]) == (code, int(amount), most)
        assert outcome["headroom"] == most - int(amount)
        assert outcome["passed"] == document(done)["passed"] == (code == 0)


def test_settings_conventions_and_dtypes(cli: Cli, folder: Path):
    half = 216 + 256 + 320  # alpha = 0.5: 3*3*3*8, 8*32, 32*10
    budget(
        folder,
        one(set="{alpha = 0.5}", madds=f"{64 * half}")
        + one(set="{alpha = 0.5}", convention='"flops"', count=f"{2 * 64 * half}")
        + one(dtype='"int8"', weights=f'"{PARAMS} B"')
        + one(batch="3", madds=f"{3 * MADDS}"),
    )
    done = cli("check", "--format", "json")
    assert done.code == 0
    assert [o["headroom"] for o in document(done)["budgets"]] == [0, 0, 0, 0]


def test_parts_of_a_network(cli: Cli, folder: Path):
    budget(
        folder,
        one(
            layers='{wide = {madds = "<= 32767"}}',
            stages='{head = {params = "320"}}',
            kinds='{"conv 1x1" = {params = "832"}, conv = {params = "1263"}}',
        ),
    )
    done = cli("check", "--format", "json")
    outcomes = document(done)["budgets"]
    assert [(o["scope"], o["name"], o["value"], o["passed"]) for o in outcomes] == [
        ("layer", "wide", 512 * 64, False),
        ("stage", "head", 320, True),
        ("kind", "conv 1x1", 512 + 320, True),
        ("kind", "conv", PARAMS, False),
    ]
    assert (done.code, outcomes[0]["location"]["line"]) == (1, 8)  # where the layer is written


def test_a_warning_does_not_fail_unless_it_shall(cli: Cli, folder: Path):
    budget(folder, one(madds="1", level='"warn"'))
    assert cli("check").code == 0
    assert "1 warning" in cli("check").out
    assert cli("check", "--fail-on", "warn").code == 1


def test_a_partial_count_fails(cli: Cli, folder: Path):
    (folder / "net.yaml").write_text(NET + "  - opaque: {op: nms, as: odd}\n")
    budget(folder, one(madds='"1G"', activations='"1G"'))
    done = cli("check", "--format", "json")
    madds, activations = document(done)["budgets"]
    assert (done.code, madds["passed"], madds["uncounted"]) == (1, False, ["odd"])
    assert activations["passed"], "elements written are known of every layer"
    text = cli("check")
    assert text.code == 1
    assert "odd" in text.err
    assert re.search(r"^FAIL +net.yaml +MAdds +[0-9,]+[+] +1,000,000,000 +[?]", text.out, re.MULTILINE), "room to an unknown count"


@pytest.mark.parametrize(("new", "old", "text"), [
    (1000, 1000, "0.0%"), (1021, 1000, "+2.1%"), (979, 1000, "-2.1%"), (999_999, 10**6, "-0.0001%"), (1, 0, "new"),
    (2_000_999, 2 * 10**6, "+0.05%"), (5, None, ""),
])  # fmt: skip
def test_a_small_change_is_not_shown_as_none(new: int, old: int | None, text: str):
    assert change(new, old) == text


def test_a_spec_carries_its_own_budget(cli: Cli, folder: Path):
    (folder / "net.yaml").write_text(NET + f"budget: {{madds: <= {MADDS}, params: <= {PARAMS - 1}}}\n")
    done = cli("check", "net.yaml", "--format", "json")
    assert done.code == 1
    assert [o["passed"] for o in document(done)["budgets"]] == [True, False]
    assert document(done)["budgets"][1]["limit_location"] == {
        "file": "net.yaml", "line": 12, "column": 35, "end_column": 35 + len("<= 1263"),
    }  # fmt: skip
    budget(folder, one())
    assert len(document(cli("check", "--format", "json"))["budgets"]) == 2, "by the budget file as well"


def test_limits_of_the_command_line_stand_alone(cli: Cli, folder: Path):
    budget(folder, one(madds="1"))
    assert cli("check", "net.yaml", f"--max-madds={MADDS}").code == 0
    assert cli("check", "net.yaml", "--alpha", "2", f"--max-params={2 * 432 + 2 * 512 + 320}").code == 0
    assert cli("check", "net.yaml", "--alpha", "2", f"--max-params={2 * 432 + 2 * 512 + 319}").code == 1


def test_globs_and_files(cli: Cli, folder: Path):
    (folder / "specs").mkdir()
    for name in ("a", "b"):
        (folder / "specs" / f"{name}.yaml").write_text(NET)
    budget(folder, one("specs/*.yaml", madds=f"{MADDS}") + one("mobilenet_v1", madds='"568740352"'))
    assert [o["spec"] for o in document(cli("check", "--format", "json"))["budgets"]] == [
        "specs/a.yaml", "specs/b.yaml", "mobilenet_v1",
    ]  # fmt: skip
    only = document(cli("check", "specs/b.yaml", "net.yaml", "--format", "json"))
    assert [o["spec"] for o in only["budgets"]] == ["specs/b.yaml"]
    assert any("net.yaml was not checked" in note for note in only["notes"])


def test_a_budget_file_is_found_upwards(cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch):
    (folder / "pyproject.toml").write_text("[tool.costcalc]\n" + one(madds="1").replace("[[budget", "[[tool.costcalc.budget"))
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "deep" / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    monkeypatch.chdir(folder / "deep" / "er")
    found = document(cli("check", "--format", "json"))["budgets"]
    assert [(o["spec"], o["passed"]) for o in found] == [("net.yaml", False)]
    (folder / "costcalc.toml").write_text(one(madds=f"{MADDS}"))
    assert cli("check").code == 0, "costcalc.toml before pyproject.toml"


def test_on_a_terminal(cli: Cli, folder: Path):
    budget(folder, one(madds=f"{MADDS}", params="1"))
    done = cli("check", FORCE_COLOR="1", COLUMNS="70")
    assert (done.code, f"{MADDS:,}" in done.out, "FAIL" in done.out) == (1, True, True)
    shown = cli("diff", "net.yaml", "net.yaml:alpha=2", FORCE_COLOR="1", COLUMNS="60")
    assert (shown.code, f"{2 * 432 * 64:,}" in shown.out) == (0, True)


def test_a_convention_lies_beside_the_budget_file(cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch):
    (folder / "twice.yaml").write_text("costcalc-convention: 1\nname: twice\nunit: ops\ncount: {default: 2*macs}\n")
    (folder / "inner").mkdir()
    monkeypatch.chdir(folder / "inner")
    budget(folder, one(convention='"twice.yaml"', count=f"{2 * MADDS}"))
    assert document(cli("check", "--format", "json"))["budgets"][0]["headroom"] == 0


# -- locks


def test_a_lock_is_exact_and_stays_as_it_is(cli: Cli, folder: Path):
    budget(folder, one() + one(set="{alpha = 0.5}"))
    assert cli("lock").code == 0
    lock = folder / "costcalc.lock.json"
    text = lock.read_text()
    records = json.loads(text)["networks"]
    assert [(r["set"], r["totals"]["params"], r["totals"]["madds"]) for r in records] == [
        ({"alpha": 0.5}, 792, 792 * 64), ({}, PARAMS, MADDS),
    ]  # fmt: skip
    assert [(layer["path"], layer["params"]) for layer in records[1]["layers"]] == [
        ("stem", 432), ("wide", 512), ("head", 320),
    ]  # fmt: skip
    assert cli("check", "--locked").code == 0
    (folder / "net.yaml").write_text("# a comment\n" + NET.replace("16*alpha", "8*alpha*2"))
    assert cli("check", "--locked").code == 0, "another way to write the same"
    assert cli("lock").code == 0
    assert lock.read_text() == text


def test_a_stale_lock_says_what_moved(cli: Cli, folder: Path):
    budget(folder, one())
    cli("lock")
    (folder / "net.yaml").write_text(WIDER)
    done = cli("check", "--locked", "--format", "json")
    (entry,) = document(done)["stale"]
    assert (done.code, entry["spec"]) == (1, "net.yaml")
    assert (entry["old"]["params"], entry["new"]["params"]) == (PARAMS, WIDER_PARAMS)
    assert entry["moved"]["params"] == [
        {"path": "wide", "old": 512, "new": 768, "difference": 256},
        {"path": "head", "old": 320, "new": 480, "difference": 160},
    ]
    assert "net.yaml" in cli("check", "--locked").err
    assert cli("check").code == 0, "a stale lock fails only where it is asked for"
    assert "net.yaml: it costs something else now: parameters 1,264 -> 1,680" in cli("lock").err
    assert cli("check", "--locked").code == 0


def test_a_broken_spec_is_not_said_to_be_gone(cli: Cli, folder: Path):
    budget(folder, one())
    cli("lock")
    (folder / "net.yaml").write_text("layers: 3")
    done = cli("check", "--locked", "--format", "json")
    assert (done.code, document(done)["stale"]) == (2, [])


def test_more_and_less_than_the_lock_has(cli: Cli, folder: Path):
    budget(folder, one() + one(set="{alpha = 2}"))
    cli("lock")
    budget(folder, one() + one(set="{alpha = 4}"))
    whys = {entry["why"] for entry in document(cli("check", "--locked", "--format", "json"))["stale"]}
    assert whys == {"it is not in the lock", "the lock has it, and no budget names it"}


@pytest.mark.parametrize(("allowed", "code"), [("2%", 1), ("32%", 1), ("33%", 0), ("416", 0), ("415", 1), ("0", 1)])
def test_growth_is_held_against_the_lock(allowed: str, code: int, cli: Cli, folder: Path):
    """1264 parameters become 1680: 416 more, 32.91 per cent."""
    budget(folder, one(max_increase=f'{{params = "{allowed}"}}'))
    cli("lock")
    assert cli("check").code == 0
    (folder / "net.yaml").write_text(WIDER)
    done = cli("check", "--format", "json")
    (outcome,) = document(done)["budgets"]
    assert (done.code, outcome["value"], outcome["baseline"]) == (code, WIDER_PARAMS, PARAMS)
    if code:
        assert [(layer["path"], layer["difference"]) for layer in outcome["moved"]] == [("wide", 256), ("head", 160)]
        assert outcome["location"]["line"] == 8, "the layer that added most"


def test_growth_of_a_part(cli: Cli, folder: Path):
    budget(folder, one(layers='{head = {max_increase = {params = "50%"}}, wide = {max_increase = {params = "49%"}}}'))
    cli("lock")
    (folder / "net.yaml").write_text(WIDER)
    found = document(cli("check", "--format", "json"))["budgets"]
    assert [(o["name"], o["baseline"], o["value"], o["limit"], o["passed"]) for o in found] == [
        ("head", 320, 480, 480, True), ("wide", 512, 768, 762, False),
    ]  # fmt: skip


# -- revisions


def git(folder: Path, *arguments: str) -> None:
    name = ("-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "init.defaultBranch=main")
    subprocess.run(["git", *name, *arguments], cwd=folder, check=True, capture_output=True)


def test_a_branch_that_widens_a_block(cli: Cli, folder: Path):
    limit = MADDS + 1000
    budget(folder, one(madds=f'"<= {limit}"', max_increase='{params = "10%"}'))
    git(folder, "init")
    git(folder, "add", ".")
    git(folder, "commit", "-m", "one")
    assert cli("check", "--base", "main").code == 0
    git(folder, "checkout", "-b", "wider")
    (folder / "net.yaml").write_text(WIDER)
    git(folder, "commit", "-am", "two")
    done = cli("check", "--base", "main")
    assert done.code == 1
    added, over = 416 * 64, WIDER_PARAMS * 64 - limit
    for text in ("net.yaml:8", "`wide`", f"{256 * 64:,}", f"{limit:,}", f"{over:,}", f"{added + MADDS:,}"):
        assert text in done.out + done.err, text
    shown = cli("diff", "--base", "main")
    assert shown.code == 0
    assert "wide" in shown.out
    page = cli("check", "--base", "main", "--format", "md")
    assert page.code == 1
    rendered = MarkdownIt("commonmark").enable("table").parse(page.out)
    assert page.out.startswith("<!-- costcalc -->\n### costcalc: failed")
    heads = [t.content for t in rendered if t.type == "inline"]
    assert {"Network", "Old", "New", "Difference", "Budget", "Headroom"} <= set(heads)
    assert heads.index("**FAIL**") < heads.index(f"{WIDER_PARAMS * 64:,}") < len(heads)
    assert f"{MADDS:,}" in heads
    git(folder, "revert", "--no-edit", "HEAD")
    assert cli("check", "--base", "main").code == 0
    (folder / "net.yaml").write_text(NET.replace("kernel: 3", "kernal: 3"))
    broken = cli("check", "--base", "main")
    assert broken.code == 2
    assert "net.yaml:6" in broken.err
    assert "did you mean `kernel`?" in broken.err


def test_new_networks_have_nothing_to_grow_from(cli: Cli, folder: Path):
    budget(folder, one("*.yaml", max_increase='{params = "0"}'))
    git(folder, "init")
    git(folder, "add", ".")
    git(folder, "commit", "-m", "one")
    (folder / "new.yaml").write_text(NET)
    done = cli("check", "--base", "HEAD", "--format", "json")
    assert done.code == 0
    assert [o["spec"] for o in document(done)["budgets"]] == ["net.yaml"]
    assert any("new.yaml" in note for note in document(done)["notes"])


# -- what is wrong


def test_what_a_glob_finds_is_read_or_told_of(cli: Cli, folder: Path):
    budget(folder, one("*.yaml", madds=f"{MADDS}"))
    (folder / "dir.yaml").mkdir()
    assert cli("check").code == 0
    (folder / "gone.yaml").symlink_to("nowhere")
    done = cli("check")
    assert (done.code, "gone.yaml" in done.err) == (2, True)


WRONG = {
    "no toml": ("[[budget", "costcalc.toml:1"),
    "unknown key": (one(madd="3"), "did you mean `madds`?"),
    "unknown unit": (one(weights='"4 MB/s"'), "costcalc.toml:3:11"),
    "no unit": (one(weights="4194304"), "a size needs its unit"),
    "below zero": (one(madds='"-3"'), "below zero"),
    "no spec": ("[[budget]]\nmadds = 3\n", "a budget without `spec`"),
    "matches nothing": (one("nets/*.yaml"), "no file matches `nets/*.yaml`"),
    "misspelt file": (one("nat.yaml"), "did you mean `net.yaml`?"),
    "outside": (one("../net.yaml"), "leads out of"),
    "absolute": (one("/etc/passwd"), "leads out of"),
    "no such layer": (one(layers="{wyde = {madds = 3}}"), "did you mean `wide`?"),
    "no such stage": (one(stages="{tail = {madds = 3}}"), "known: `stem`"),
    "no such setting": (one(set="{alpa = 1}"), "did you mean `alpha`?"),
    "impossible setting": (one(set="{alpha = 0.01}"), "error"),
    "no such convention": (one(convention='"papr"'), "did you mean `paper`?"),
    "no such dtype": (one(dtype='"float23"'), "float32"),
    "no such level": (one(level='"wran"'), "did you mean `warn`?"),
    "no baseline": (one(max_increase='{madds = "2%"}'), "`costcalc lock`"),
    "twice": ("[[budget]]\nspec = 'net.yaml'\nweights = '4 B'\nweight_bytes = '5 B'\n", "limited twice"),
    "not a table": ("budget = 3\n", "must be a mapping"),
    "no budget": ("lock = 'x.json'\n", "`costcalc.toml` has no budget"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_told_with_its_place(case: str, cli: Cli, folder: Path):
    text, told = WRONG[case]
    budget(folder, text)
    done = cli("check")
    assert done.code == 2
    assert told in done.err
    assert "costcalc.toml:" in done.err or case == "no budget"
    assert "Traceback" not in done.err


def test_nothing_may_match_where_that_is_said(cli: Cli, folder: Path):
    budget(folder, one("nets/*.yaml", allow_empty="true", madds="1"))
    assert cli("check").code == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("check",), "there is nothing to check"),
        (("check", "net.yaml"), "there is nothing to check"),
        (("check", "--max-madds", "3"), "no spec"),
        (("check", "net.yaml", "--alpha", "1"), "goes with `--max`"),
        (("check", "net.yaml", "--max-madds", "3x"), "3x"),
        (("check", "net.yaml", "--max-madds", "3", "--base", "main"), "git"),
        (("check", "gone.yaml", "--max-madds", "3"), "gone.yaml"),
        (("check", "--config", "gone.toml"), "gone.toml"),
        (("check", "--config", "."), "is a directory"),
        (("check", "net.yaml:alpha=2", "--max-madds", "3"), "takes none"),
        (("check", "--locked"), "no budget file"),
        (("check", "net.yaml", "--max-madds", "3", "--save", "sarif"), "names no file"),
        (("check", "net.yaml", "--max-madds", "3", "--save", "sarf=x"), "sarif"),
        (("check", "net.yaml", "--max-increase", "madds=2%"), "baseline"),
        (("lock",), "no budget file"),
    ],
)
def test_questions_without_an_answer(arguments: tuple[str, ...], told: str, cli: Cli, folder: Path):
    done = cli(*arguments)
    assert done.code == 2
    assert told in done.err


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no JSON"),
        ("<<<<<<< HEAD\n", "no JSON"),
        ("[]", "no lock"),
        ('{"schema": "costcalc/lock/2", "networks": []}', "another version"),
        ('{"schema": "costcalc/lock/1", "networks": [{}]}', "not whole"),
        ('{"schema": "costcalc/lock/1", "networks": 3}', "not whole"),
        ('{"schema": "costcalc/lock/1", "networks": [{"spec": "net.yaml", "set": {}, "totals": {}}]}', "not whole"),
        ("[" * 100_000, "no lock"),
    ],
)
def test_a_damaged_lock(text: str, told: str, cli: Cli, folder: Path):
    budget(folder, one(madds=f"{MADDS}"))
    (folder / "costcalc.lock.json").write_text(text)
    for arguments in (("check",), ("check", "--locked")):
        done = cli(*arguments)
        assert done.code == 2
        assert told in done.err
        assert "costcalc.lock.json" in done.err
    assert cli("lock").code == 0
    assert cli("check", "--locked").code == 0


def test_the_lock_is_written_whole_or_not_at_all(cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch):
    budget(folder, one())
    cli("lock")
    lock = folder / "costcalc.lock.json"
    before = lock.read_text()
    (folder / "net.yaml").write_text(WIDER)

    def full(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        done = cli("lock")
    assert (done.code, lock.read_text()) == (2, before)
    assert sorted(path.name for path in folder.iterdir()) == ["costcalc.lock.json", "costcalc.toml", "net.yaml"]
    (folder / "net.yaml").write_text("layers: 3")
    assert (cli("lock").code, lock.read_text()) == (2, before), "a broken spec leaves the lock as it was"


def test_each_spec_is_read_once(folder: Path, monkeypatch: pytest.MonkeyPatch):
    """Fifty budgets: one reading, and one count for each setting."""
    from costcalc.review import shelf

    calls: list[str] = []

    def counted(name: str) -> Any:
        function = getattr(shelf, name)

        def call(*arguments: Any) -> Any:
            calls.append(name)
            return function(*arguments)

        return call

    for name in ("read_document", "build_network", "count"):
        monkeypatch.setattr(shelf, name, counted(name))
    budget(folder, "".join(one(set=f"{{alpha = {1 + i % 2}}}", madds=f"{10**9 + i}") for i in range(50)))
    assert len(check_policy().outcomes) == 50
    assert {name: calls.count(name) for name in calls} == {"read_document": 1, "build_network": 2, "count": 2}

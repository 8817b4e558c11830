"""What changed between two networks: twenty edits with what they must be told as, and laws that hold for any."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costcalc.cost import Report, count
from costcalc.errors import Source
from costcalc.review.align import Entry, align
from costcalc.review.difference import Difference, difference
from costcalc.spec import build_network, bundled, parse_document

Cli = Callable[..., Any]
CHAIN = """\
costcalc: 1
input: [16, 8, 8]
layers:
  - conv: {out: 16, kernel: 3, as: three}
  - conv: {out: 16, kernel: 5, as: five}
  - conv: {out: 16, kernel: 7, as: seven}
  - conv: {out: 8, kernel: 1, as: last}
"""
ROWS = [f"stage{stage}/{layer}" for stage in range(1, 7) for layer in ("depthwise", "conv")]
REPEATED = [f"stage7/{n}/{layer}" for n in range(1, 6) for layer in ("depthwise", "conv")]
SPATIAL = {"conv", *ROWS, *REPEATED, *(f"stage{s}/{x}" for s in (8, 9) for x in ("depthwise", "conv"))}
SMALL = "mobilenet_v3_small"


class Edit(NamedTuple):
    """A spec, replacements in its text, and what must be told: paths after the edit, of what is gone before it."""

    spec: str
    replaced: tuple[tuple[str, str], ...]
    changed: frozenset[str] | set[str] = frozenset()
    added: frozenset[str] | set[str] = frozenset()
    removed: frozenset[str] | set[str] = frozenset()
    renamed: int = 0
    moved: int = 0


def edit(spec: str, old: str, new: str, **told: Any) -> Edit:
    return Edit(spec, ((old, new),), **told)


def block(*stages: str) -> set[str]:
    return {f"{stage}/{layer}" for stage in stages for layer in ("depthwise", "conv")}


def bottleneck(stage: str, *layers: str) -> set[str]:
    return {f"{stage}/{layer}" for layer in layers or ("expand", "depthwise", "project", "shortcut")}


EDITS = {
    "a block inserted": edit(
        "mobilenet_v1", "        - [ 128, 2, 1]\n", "        - [  64, 1, 1]\n        - [ 128, 2, 1]\n",
        added=block("stage2"), renamed=24,
    ),
    "a block removed": edit("mobilenet_v1", "        - [1024, 1, 1] ", "        # ", removed=block("stage9")),
    "repeated once more": edit("mobilenet_v1", "[ 512, 1, 5]", "[ 512, 1, 6]", added=block("stage7/6")),
    "repeated once less": edit("mobilenet_v1", "[ 512, 1, 5]", "[ 512, 1, 4]", removed=block("stage7/5")),
    "other repeats": edit(
        "shufflenet_v1", "[2*width, 2, groups, 8]", "[2*width, 2, groups, 7]",
        removed={f"stage2/8/{x}" for x in ("reduce", "shuffle", "depthwise", "expand", "shortcut", "relu")},
    ),
    "two rows swapped, their strides with them": edit(
        "mobilenet_v1", "        - [ 128, 2, 1]\n        - [ 128, 1, 1]\n", "        - [ 128, 1, 1]\n        - [ 128, 2, 1]\n",
        changed={"stage2/depthwise", "stage2/conv", "stage3/depthwise"},  # the last conv sees 128x56x56 as before
    ),
    "two layers swapped": Edit(
        "", (("kernel: 3, as: three", "?"), ("kernel: 5, as: five", "kernel: 3, as: three"), ("?", "kernel: 5, as: five")),
        moved=1,
    ),
    "the first and the third swapped": Edit(
        "", (("kernel: 3, as: three", "?"), ("kernel: 7, as: seven", "kernel: 3, as: three"), ("?", "kernel: 7, as: seven")),
        moved=2,
    ),
    "swapped under the same names": Edit("", (("kernel: 3", "?"), ("kernel: 5", "kernel: 3"), ("?", "kernel: 5")), moved=1, renamed=2),
    "a layer renamed": edit("mobilenet_v2", "as: stem}", "as: entry}", renamed=1),
    "a part of every block renamed": edit("mobilenet_v2", "as: project", "as: reduce", renamed=17),
    "stages renamed": edit("mobilenet_v1", "- rows:\n", "- rows:\n      as: body\n", renamed=26),
    "the width": edit(
        "mobilenet_v1", "alpha: {default: 1,", "alpha: {default: 0.5,", changed=SPATIAL | {"global_avg_pool", "linear"}
    ),
    "the resolution": edit("mobilenet_v1", "default: 224", "default: 192", changed=SPATIAL | {"global_avg_pool"}),
    "one block widened in the middle": edit(
        "mobilenet_v1", "        - [ 512, 1, 5]\n",
        "        - [ 512, 1, 2]\n        - [ 640, 1, 1]\n        - [ 512, 1, 2]\n",
        changed={"stage8/conv", "stage9/1/depthwise", "stage9/1/conv"},
        renamed=1 + 3 + 2 + 4,  # 8/depthwise, the changed ones, 9/2, the two stages behind
    ),
    "a kind replaced": edit(
        "mobilenet_v1", "- depthwise: {kernel: 3, stride: stride}",
        "- conv: {out: in.channels, kernel: 3, stride: stride, as: depthwise}",
        changed={path for path in SPATIAL if path.endswith("/depthwise")},
    ),
    "a kernel of one row": edit(SMALL, "[ 24, 5,  96,  40,", "[ 24, 3,  96,  40,", changed={"stage4/depthwise"}),
    "another activation": edit(
        "mobilenet_v2", "conv: {norm: batch_norm, act: relu6}\n  d", "conv: {norm: batch_norm, act: relu}\n  d",
        changed={"stem", "last", *(f"{s}/expand" for s in (
            "stage2/1", "stage2/2", "stage3/1", "stage3/2", "stage3/3", "stage4/1", "stage4/2", "stage4/3", "stage4/4",
            "stage5/1", "stage5/2", "stage5/3", "stage6/1", "stage6/2", "stage6/3", "stage7"))},
    ),
    "no norm": edit(
        "mobilenet_v1", "depthwise: {norm: batch_norm, act: relu}", "depthwise: {act: relu, bias: false}",
        changed={path for path in SPATIAL if path.endswith("/depthwise")},
    ),
    "a stride moved": Edit(
        "mobilenet_v2", (("[6,  64, 4, 2]", "[6,  64, 4, 1]"), ("[6,  96, 3, 1]", "[6,  96, 3, 2]")),
        changed=bottleneck("stage4/1", "depthwise", "project")
        | bottleneck("stage4/2") | bottleneck("stage4/3") | bottleneck("stage4/4")
        | bottleneck("stage5/1", "expand", "depthwise"),  # its project sees 384x14x14 as before
    ),
    "squeeze and excite added": edit(
        SMALL, "[ 16, 3,  72,  24, false,", "[ 16, 3,  72,  24, true,",
        added={"stage2/se"},
    ),
    "a layer before the classifier": edit(
        "mobilenet_v1", "  - linear: {out: classes,", "  - linear: {out: 512, as: hidden}\n  - linear: {out: classes,",
        added={"hidden"}, changed={"linear"},
    ),
    "other classes": edit("mobilenet_v1", "classes: {default: 1000", "classes: {default: 10", changed={"linear", "softmax"}),
    "no bias": edit("mobilenet_v1", "- linear: {out: classes,", "- linear: {out: classes, bias: false,", changed={"linear"}),
    "a comment": edit("mobilenet_v1", "name: MobileNet V1", "# a comment\nname: Another"),
}  # fmt: skip


def reported(text: str) -> Report:
    return count(build_network(parse_document(Source("net.yaml", text)), {}))


def both(case: Edit) -> tuple[Report, Report]:
    before = bundled()[case.spec].read_text(encoding="utf-8") if case.spec else CHAIN
    after = before
    for old, new in case.replaced:
        assert after.count(old) == 1, old
        after = after.replace(old, new)
    return reported(before), reported(after)


def told(found: Difference, how: str) -> set[str]:
    return {layer.path for layer in found.layers if layer.how == how}


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_is_told_as_what_it_is(name: str):
    case = EDITS[name]
    found = difference(*both(case))
    assert told(found, "changed") == case.changed
    assert told(found, "added") == case.added
    assert told(found, "removed") == case.removed
    assert sum(layer.renamed for layer in found.layers) == case.renamed
    assert sum(layer.moved for layer in found.layers) == case.moved
    check_laws(found)
    for layer in found.layers:
        assert bool(layer.attributes) == (layer.how == "changed"), "what changed is named, and nothing else"
    back = difference(found.new, found.old)
    assert (told(back, "added"), told(back, "removed")) == (case.removed, case.added)
    assert {m: (b, a) for m, (a, b) in back.totals.items()} == found.totals


def check_laws(found: Difference) -> None:
    """Every layer once, no layer changed that is the same, and the parts add up to the whole."""
    for side, report in (("old", found.old), ("new", found.new)):
        rows = [getattr(layer, side) for layer in found.layers if getattr(layer, side)]
        assert sorted(row.path for row in rows) == sorted(row.path for row in report.rows("layer"))
    for metric in ("params", "madds", "activations", "memory_access_bytes"):
        old, new = found.totals[metric]
        assert sum(b - a for layer in found.layers for a, b in [layer.costs[metric]]) == new - old
    for layer in found.layers:
        if layer.how == "same":
            assert len({*layer.costs.values()}) and all(a == b for a, b in layer.costs.values())


@pytest.mark.parametrize("name", sorted(bundled()))
def test_nothing_changed(name: str):
    report = reported(bundled()[name].read_text(encoding="utf-8"))
    found = difference(report, report)
    assert found.same
    assert {layer.how for layer in found.layers} == {"same"}


def test_layers_that_read_from_others():
    before = "costcalc: 1\ninput: [4, 8, 8]\nlayers:\n  - relu: {as: a}\n  - tanh: {as: b}\n  - add: {from: [a, b], as: c}\n"
    found = difference(reported(before), reported(before.replace("[a, b]", "[b, b]").replace("- tanh: {", "- tanh: {from: a, ")))
    assert not found.same
    assert found.rewired
    assert told(found, "changed") == set()


PATHS = st.sampled_from(["a", "b", "c", "d/1", "d/2", "e"])


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(PATHS, st.integers(0, 3)), max_size=9), st.lists(st.tuples(PATHS, st.integers(0, 3)), max_size=9))
def test_alignment_is_a_matching_that_keeps_what_is_equal(old: list[tuple[str, int]], new: list[tuple[str, int]]):
    sides = [[Entry(f"{path}.{i}", f"k{d % 2}", str(d)) for i, (path, d) in enumerate(side)] for side in (old, new)]
    pairs = align(*sides)
    assert sorted(p.old for p in pairs if p.old is not None) == list(range(len(old)))
    assert [p.new for p in pairs if p.new is not None] == list(range(len(new)))
    left = [sides[0][p.old].digest for p in pairs if p.old is not None and p.how in ("changed", "removed")]
    right = [sides[1][p.new].digest for p in pairs if p.new is not None and p.how in ("changed", "added")]
    assert not set(left) & set(right), "a layer that is in both is in no list of changes"
    for p in pairs:
        if p.old is not None and p.new is not None:
            assert (sides[0][p.old].digest == sides[1][p.new].digest) == (p.how in ("same", "moved"))
    in_order = [p.old for p in pairs if p.how == "same"]
    assert in_order == sorted(in_order)
    assert len(in_order) == longest([e.digest for e in sides[0]], [e.digest for e in sides[1]])


def longest(old: list[str], new: list[str]) -> int:
    """The length of the longest common subsequence, after its definition."""
    if not old or not new:
        return 0
    if old[0] == new[0]:
        return 1 + longest(old[1:], new[1:])
    return max(longest(old[1:], new), longest(old, new[1:]))


def test_large_networks_are_aligned():
    old = [Entry(f"l{i}", "conv", str(i)) for i in range(20_000)]
    new = [Entry(f"l{i + 1}", "conv", str(i)) for i in range(20_000)]
    new.insert(7, Entry("x", "conv", "x"))
    assert [p.new for p in align(old, new) if p.how == "added"] == [7]


def test_large_networks_that_changed_everywhere_are_still_aligned():
    """The same 2,000 names and kinds, every window another: each layer changed, none is new."""
    old = [Entry(f"l{i}", "conv 3x3", f"old {i}") for i in range(2_000)]
    new = [Entry(f"l{i}", "conv 5x5", f"new {i}") for i in range(2_000)]
    assert {p.how for p in align(old, new)} == {"changed"}
    assert all(p.old == p.new for p in align(old, new))


def test_large_networks_of_two_layers_in_turn():
    """One of 2,000 changes: the others are what they were, and where they were."""
    old = [Entry(f"l{i}", "conv", "ab"[i % 2]) for i in range(2_000)]
    new = [*old[:7], Entry("l7", "conv", "c"), *old[8:]]
    assert [(p.old, p.new) for p in align(old, new) if p.how != "same"] == [(7, 7)]
    gone = [p for p in align(old, old[:5] + old[1500:]) if p.how != "same"]
    assert {p.how for p in gone} == {"removed"} and len(gone) == 1495


@pytest.mark.parametrize("inserted", [[], [15_000], [9, 12_000, 29_000]])
def test_very_large_networks_are_aligned_in_no_time(inserted: list[int]):
    """30,000 equal layers under other names, some new among them: looking at all pairs would take hours."""
    old = [Entry(f"a/{i}/conv", "conv 3x3", "same") for i in range(30_000)]
    new = [Entry(f"b/{i}/conv", "conv 3x3", "same") for i in range(30_000)]
    for at in inserted:
        new.insert(at, Entry("x", "linear", "other"))
    pairs = align(old, new)
    assert [p.new for p in pairs if p.how == "added"] == inserted
    assert sum(p.how == "same" for p in pairs) == 30_000


def test_names_by_place_that_an_insertion_shifts_mislead_nobody():
    """1,100 layers called conv, conv2, ... in runs of three widths; one is inserted near the top."""
    digests = [str(i // 3 % 7) for i in range(1_100)]
    inserted = [*digests[:5], "x", *digests[5:]]
    named = [[Entry(f"conv{i}", "conv 3x3", d) for i, d in enumerate(side)] for side in (digests, inserted)]
    pairs = align(*named)
    assert [p.new for p in pairs if p.how == "added"] == [5]
    assert {p.how for p in pairs} == {"same", "added"}


def test_what_is_inserted_twice_into_renamed_runs_moves_nothing():
    digests = [str(i // 3 % 7) for i in range(1_500)]
    longer = [*digests[:100], "3", *digests[100:1_400], "3", *digests[1_400:]]
    old, new = ([Entry(f"{name}{i}", "conv", d) for i, d in enumerate(side)] for name, side in (("a", digests), ("b", longer)))
    pairs = align(old, new)
    assert [p.how for p in pairs].count("added") == 2 and {p.how for p in pairs} == {"same", "added"}


def test_two_kinds_in_turn_of_which_one_is_other():
    """990 convolutions and pools, all renamed, the convolutions with another window: no time, and nothing is new."""
    old = [Entry(f"a{i}", "conv 3x3" if i % 2 else "max_pool", "c" if i % 2 else "p") for i in range(1_980)]
    new = [Entry(f"b{i}", "conv 5x5" if i % 2 else "max_pool", "d" if i % 2 else "p") for i in range(1_980)]
    pairs = align(old, new)
    assert all(p.old == p.new for p in pairs)
    assert [p.how for p in pairs] == ["same", "changed"] * 990


def test_very_large_networks_of_which_all_is_other_are_aligned():
    old = [Entry(f"a/{i}/{'pq'[i % 2]}", "conv 3x3", f"old {i}") for i in range(30_000)]
    new = [Entry(f"b/{i}/{'pq'[i % 2]}", "conv 5x5", f"new {i}") for i in range(30_000)]
    pairs = align(old, new)
    assert {p.how for p in pairs} == {"changed"} and all(p.old == p.new for p in pairs)


WIRED = """\
costcalc: 1
input: [8, 8, 8]
layers:
  - conv: {out: 8, kernel: 1, as: a}
  - conv: {out: 8, kernel: 3, as: b}
  - conv: {out: 8, kernel: 5, as: c}
  - add: {from: [c, a], as: sum}
  - conv: {out: 8, kernel: 7, as: z}
outputs: [z]
"""


@pytest.mark.parametrize(("edits", "rewired"), [
    ([("[c, a]", "[c, b]")], True),
    ([("[c, a]", "[c, b]"), ("out: 8, kernel: 7", "out: 9, kernel: 7")], True),
    ([("outputs: [z]", "outputs: [z, b]")], True),
    ([("outputs: [z]", "outputs: [z, b]"), ("out: 8, kernel: 7", "out: 9, kernel: 7")], True),
    ([("out: 8, kernel: 7", "out: 9, kernel: 7")], False),
    ([("  - add: {from: [c,", "  - conv: {out: 8, kernel: 9, as: n}\n  - add: {from: [n,")], False),
    ([("as: a}", "as: first}"), ("[c, a]", "[c, first]")], False),
])  # fmt: skip
def test_other_wires_are_told(edits: list[tuple[str, str]], rewired: bool):
    after = WIRED
    for old, new in edits:
        after = after.replace(old, new)
    found = difference(reported(WIRED), reported(after))
    assert found.rewired is rewired
    assert not found.same


# -- the command


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    git(tmp_path, "init")
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "a b.yaml").write_text(CHAIN)
    (tmp_path / "specs" / "gone.yaml").write_text(CHAIN.replace("16,", "12,"))
    (tmp_path / "other.yaml").write_text("key: 1\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "one")
    return tmp_path


def git(folder: Path, *arguments: str) -> None:
    name = ("-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "init.defaultBranch=main")
    subprocess.run(["git", *name, *arguments], cwd=folder, check=True, capture_output=True)


def test_everything_since_a_revision(cli: Cli, repository: Path):
    assert cli("diff", "--base", "main").out == "no spec changed since main\n"
    assert cli("diff", "--base", "main", "--exit-code").code == 0
    git(repository, "checkout", "-b", "work")
    git(repository, "mv", "specs/a b.yaml", "specs/c.yaml")
    (repository / "specs" / "c.yaml").write_text(CHAIN.replace("out: 8", "out: 9"))
    (repository / "specs" / "gone.yaml").unlink()
    (repository / "specs" / "new.yaml").write_text(CHAIN.replace("out: 16", "out: 20"))
    (repository / "other.yaml").write_text("key: 2\n")
    git(repository, "add", "specs/c.yaml")
    done = cli("diff", "--base", "main", "--format", "json")
    found = json.loads(done.out)["diffs"]
    assert [(d["old_file"], d["new_file"]) for d in found] == [
        ("specs/a b.yaml", "specs/c.yaml"), ("specs/gone.yaml", None), (None, "specs/new.yaml"),
    ]  # fmt: skip
    assert found[0]["totals"]["params"]["difference"] == 16 + 1  # weights and a bias of one filter more
    assert {layer["change"] for layer in found[1]["layers"]} == {"removed"}
    assert {layer["change"] for layer in found[2]["layers"]} == {"added"}
    assert cli("diff", "--base", "main", "--exit-code").code == 1
    assert "nothing -> specs/new.yaml: 4 layers added\n" in cli("diff", "--base", "main").out
    only = json.loads(cli("diff", "--base", "main", "specs/new.yaml", "--format", "json").out)["diffs"]
    assert [d["new_file"] for d in only] == ["specs/new.yaml"]
    page = cli("diff", "--base", "main", "--format", "md").out
    assert page.startswith("<!-- costcalc -->\n### costcalc: 3 networks changed since main\n")
    (repository / "costcalc.toml").write_text('[[budget]]\nspec = "specs/*.yaml"\nparams = "<= 25k"\n')
    page = cli("diff", "--base", "main", "--format", "md").out
    assert page.index("failed: 1 of 2 limits is not kept") < page.index("**FAIL**") < page.index("| ok |")
    assert page.index("| ok |") < page.index("What changed") < page.index("`out 8 -> 9`")
    (repository / "costcalc.toml").unlink()
    (repository / "specs" / "new.yaml").write_text(CHAIN.replace("kernel: 3", "kernal: 3"))
    broken = cli("diff", "--base", "main")
    assert broken.code == 2
    assert "specs/new.yaml:4" in broken.err
    assert "specs/c.yaml" in broken.out, "what can be read is shown"


def test_a_file_at_a_revision(cli: Cli, repository: Path, monkeypatch: pytest.MonkeyPatch):
    spec = repository / "specs" / "a b.yaml"
    spec.write_text(CHAIN.replace("out: 8", "out: 9"))
    done = cli("diff", "HEAD:specs/a b.yaml", "specs/a b.yaml")
    assert done.code == 0
    assert "out 8 -> 9" in done.out
    monkeypatch.chdir(repository / "specs")
    assert cli("diff", "HEAD:./a b.yaml", "a b.yaml").out == done.out.replace("specs/", "./", 1).replace("specs/", "")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("main:specs/a c.yaml", "specs/a b.yaml"), "did you mean `main:specs/a b.yaml`?"),
        (("mian:specs/a b.yaml", "specs/a b.yaml"), "did you mean `main`?"),
        (("main:specs", "specs/a b.yaml"), "is a directory"),
        (("main:../up.yaml", "specs/a b.yaml"), "not in the repository"),
        (("--base", "--upload-pack=touch x"), "git knows no revision"),
        (("--base", "mian"), "did you mean `main`?"),
        (("--base", ""), "there is no revision"),
        (("specs/a b.yaml",), "two networks are compared"),
        (("specs/a b.yaml", "specs/nowhere.yaml"), "nowhere.yaml"),
        (("main:other.yaml", "specs/a b.yaml"), "costcalc"),
    ],
)
def test_questions_without_an_answer(arguments: tuple[str, ...], told: str, cli: Cli, repository: Path):
    done = cli("diff", *arguments)
    assert done.code == 2
    assert told in done.err
    assert sorted(path.name for path in repository.iterdir()) == [".git", "other.yaml", "specs"]


def test_outside_of_a_repository(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    done = cli("diff", "--base", "main")
    assert (done.code, "no git repository" in done.err) == (2, True)
    monkeypatch.setenv("PATH", str(tmp_path))
    done = cli("diff", "--base", "main")
    assert (done.code, "git is not installed" in done.err) == (2, True)


def test_settings_of_one_spec(cli: Cli):
    found = json.loads(cli("diff", "mobilenet_v1", "mobilenet_v1:alpha=0.75", "--format", "json").out)
    assert found["totals"]["madds"] == {
        "old": 568740352, "new": 325400448, "difference": 325400448 - 568740352, "ratio": found["totals"]["madds"]["ratio"],
    }  # fmt: skip
    assert {layer["path"] for layer in found["layers"] if layer["change"] == "same"} == {"softmax"}
    assert not any(layer["moved"] for layer in found["layers"])

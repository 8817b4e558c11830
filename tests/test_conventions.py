"""What a count is under each convention, by hand; the files that say so, and everything that may be wrong with one."""

from __future__ import annotations

from pathlib import Path

import pytest

from costcalc.cost import Report, conventions, count, load_convention
from costcalc.errors import CostcalcError, Source, SpecError, UsageError
from costcalc.network import Network
from costcalc.spec import build_network, parse_document

TEXT = """costcalc: 1
name: small
input: [3, 8, 6]
layers:
  - conv: {out: 4, kernel: 3, norm: batch_norm, act: relu}
  - max_pool: {kernel: 2}
  - global_avg_pool
  - linear: {out: 5}
  - softmax
"""
HEAD = "costcalc-convention: 1\nunit: Ops\n"


def network(text: str = TEXT) -> Network:
    return build_network(parse_document(Source("small.yaml", text)), {})


def counts(report: Report) -> dict[str, int | None]:
    return {row.path: row.count for row in report.layers}


def by_rules(folder: Path, rules: str, batch: int = 1, text: str = TEXT) -> Report:
    """The report under a convention with these rules."""
    path = folder / "mine.yaml"
    path.write_text(f"{HEAD}count: {rules}\n", encoding="utf-8")
    return count(network(text), str(path), batch)


# -- the bundled ones -------------------------------------------------------------------------------------------------


def test_paper() -> None:
    """27 multiply-adds for each of 192 elements, 4*5 in the linear layer, none elsewhere."""
    report = count(network())
    assert (report.convention.name, report.convention.unit) == ("paper", "MAdds")
    assert counts(report) == {
        "conv": 5184, "conv/batch_norm": 0, "conv/relu": 0, "max_pool": 0, "global_avg_pool": 0, "linear": 20,
        "softmax": 0,
    }  # fmt: skip
    assert report.totals.count == report.totals.madds == 5204
    assert (report.status, report.uncounted) == ("complete", [])


def test_flops() -> None:
    """Twice the multiply-adds; a norm is 2 an element, a window of 4 takes 3 comparisons, a softmax of 5 is 4+9+5+5."""
    report = count(network(), "flops")
    assert (report.convention.name, report.convention.unit) == ("flops", "FLOPs")
    assert counts(report) == {
        "conv": 2 * 5184, "conv/batch_norm": 384, "conv/relu": 192, "max_pool": 3 * 48, "global_avg_pool": 44 + 4,
        "linear": 2 * 20 + 5, "softmax": 23,
    }  # fmt: skip
    assert report.totals.count == 11204
    assert report.totals.madds == 5204  # always the multiply-adds, whatever the convention


def test_valid() -> None:
    """Of 8*3 rows of taps 2 are padding, of 6*3 columns 2: 22*16 taps of 3 channels for 4."""
    report = count(network(), "valid")
    assert (report.convention.name, report.convention.unit) == ("valid", "valid MAdds")
    assert counts(report) == {
        "conv": 4224, "conv/batch_norm": 0, "conv/relu": 0, "max_pool": 0, "global_avg_pool": 0, "linear": 20,
        "softmax": 0,
    }  # fmt: skip
    assert (report.totals.count, report.totals.madds) == (4244, 5204)


def test_multiplications() -> None:
    """The multiply-adds, and one for each of the 192 elements of the norm; a mean divides, a pool compares."""
    report = count(network(), "multiplications")
    assert counts(report) == {
        "conv": 5184, "conv/batch_norm": 192, "conv/relu": 0, "max_pool": 0, "global_avg_pool": 0, "linear": 20,
        "softmax": 0,
    }  # fmt: skip
    assert (report.totals.count, report.totals.madds) == (5396, 5204)


@pytest.mark.parametrize(("name", "total"), [("paper", 5204), ("flops", 11204), ("valid", 4244), ("multiplications", 5396)])
def test_a_batch_multiplies_every_count(name: str, total: int) -> None:
    one, three = count(network(), name), count(network(), name, batch=3)
    assert three.totals.count == 3 * total
    assert counts(three) == {path: 3 * (value or 0) for path, value in counts(one).items()}


def test_every_bundled_convention_says_what_it_is() -> None:
    assert {"paper", "flops", "valid", "multiplications"} <= set(conventions())
    for name in conventions():
        convention = load_convention(name)
        assert convention.name == name
        assert convention.unit and convention.about and convention.source


def test_a_convention_may_be_given_as_a_value() -> None:
    assert count(network(), load_convention("flops")).totals.count == 11204


# -- a file of one's own ----------------------------------------------------------------------------------------------


def test_rules_for_kinds_and_a_default(tmp_path: Path) -> None:
    report = by_rules(tmp_path, "{conv: macs + 10*bias_adds, softmax: 5*out.size, max_pool: in.size, default: 0}")
    assert counts(report) == {
        "conv": 5184, "conv/batch_norm": 0, "conv/relu": 0, "max_pool": 192, "global_avg_pool": 0, "linear": 0,
        "softmax": 25,
    }  # fmt: skip
    assert (report.convention.name, report.convention.unit, report.status) == ("mine", "Ops", "complete")
    assert report.totals.madds == 5204


@pytest.mark.parametrize(("rule", "conv", "linear"), [
    ("macs", 5184, 20), ("valid_macs", 4224, 20), ("bias_adds", 0, 5), ("weights", 108, 20), ("biases", 0, 5),
    ("params", 108, 25), ("buffers", 0, 0),
    ("in.size", 144, 4), ("out.size", 192, 5), ("in.channels", 3, 4), ("out.channels", 4, 5), ("batch", 1, 1),
    ("7", 7, 7),
    ("macs/4", 1296, 5), ("(macs)", 5184, 20), ("2*macs - bias_adds", 10368, 35), ("floor(macs/3)", 1728, 6),
    ("macs if in.channels == 3 else out.size", 5184, 5), ("max(params, 100)", 108, 100),
    ("macs + multiplications + additions", 5184, 20),
])  # fmt: skip
def test_what_a_rule_may_name(tmp_path: Path, rule: str, conv: int, linear: int) -> None:
    found = counts(by_rules(tmp_path, f'{{default: "{rule}"}}'))
    assert (found["conv"], found["linear"]) == (conv, linear)


@pytest.mark.parametrize(("rule", "norm"), [
    ("multiplications", 192), ("additions", 192), ("norm_scales", 4), ("norm_shifts", 4), ("buffers", 8), ("params", 8),
])  # fmt: skip
def test_what_a_rule_may_name_of_a_norm(tmp_path: Path, rule: str, norm: int) -> None:
    assert counts(by_rules(tmp_path, f"{{default: {rule}}}"))["conv/batch_norm"] == norm


def test_classes_that_few_kinds_have(tmp_path: Path) -> None:
    rules = "{max_pool: comparisons, global_avg_pool: divisions, softmax: exponentials, default: 0}"
    found = counts(by_rules(tmp_path, rules))
    assert (found["max_pool"], found["global_avg_pool"], found["softmax"]) == (144, 4, 5)


def test_a_batch_in_rules(tmp_path: Path) -> None:
    """Operations and sizes are those of the whole batch; parameters and channels are not multiplied."""
    report = by_rules(
        tmp_path, "{conv: macs + in.size + out.size, linear: params + in.channels, default: batch}", batch=3
    )
    found = counts(report)
    assert (found["conv"], found["linear"], found["softmax"]) == (3 * (5184 + 144 + 192), 29, 3)


def test_the_sizes_of_a_join(tmp_path: Path) -> None:
    """`in.size` is that of all inputs together, `in.channels` of the first."""
    text = "costcalc: 1\nname: join\ninput: [3, 5, 2]\nlayers:\n  - concat: [[conv: {out: 2}], [], [conv: {out: 4}]]\n"
    report = by_rules(tmp_path, "{concat: 1000*in.size + in.channels, default: 0}", text=text)
    assert report.totals.count == 90_000 + 2


def test_all_that_a_file_may_say(tmp_path: Path) -> None:
    path = tmp_path / "tool.yml"
    text = (
        f"# ours\n{HEAD}name: our tool\nabout: >\n  as it\n  prints\nsource: tool.py\ncount:\n  default: |\n    macs\n"
    )
    path.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    convention = load_convention(str(path))
    assert convention[:4] == ("our tool", "Ops", "as it prints", "tool.py")
    assert count(network(), convention).totals.count == 5204


# -- what is not counted ----------------------------------------------------------------------------------------------


def test_a_kind_that_no_rule_reaches_makes_the_total_partial(tmp_path: Path) -> None:
    report = by_rules(tmp_path, "{conv: macs, linear: macs}")
    assert report.status == "partial"
    assert report.uncounted == ["conv/batch_norm", "conv/relu", "max_pool", "global_avg_pool", "softmax"]
    assert counts(report)["softmax"] is None
    assert report.totals.count == 5204
    assert [row.uncounted for row in report.rows("layer")] == [2, 1, 1, 0, 1]  # of three, one ... nodes


@pytest.mark.parametrize("rules", ["{default: 0}", "{default: macs, opaque: 5}"])
def test_an_opaque_operation_is_never_counted(tmp_path: Path, rules: str) -> None:
    text = TEXT + "  - opaque: {op: TopK, to: [3], as: best}\n"
    for report in (by_rules(tmp_path, rules, text=text), count(network(text)), count(network(text), "flops")):
        assert (report.status, report.uncounted) == ("partial", ["best"])
        last = report.layers[-1]
        assert (last.census, last.count, last.madds, last.params) == (None, None, 0, 0)
    assert count(network(text), "flops").totals.count == 11204


# -- files that are wrong ---------------------------------------------------------------------------------------------

NAMES = (
    "known: `macs`, `valid_macs`, `bias_adds`, `multiplications`, `additions`, `comparisons`, `divisions`, "
    "`exponentials`, `weights`, `biases`, `norm_scales`, `norm_shifts`, `buffers`, `params`, `batch`, "
    "`in.size`, `out.size`, `in.channels`, `out.channels`"
)  # fmt: skip
INVALID: list[tuple[str, str, str, int, int, str | None]] = [  # text, message, the marked text, line, column, help
    (HEAD + "count: {convv: macs}", "unknown kind `convv`", "convv", 3, 9, "did you mean `conv`?"),
    (HEAD + "count:\n  conv: macz", "unknown name `macz`", "macz", 4, 9, "did you mean `macs`?"),
    (HEAD + "count:\n  conv: 'macs + width'", "unknown name `width`", "width", 4, 17, None),
    (HEAD + "count: {conv: relu}", "unknown name `relu`", "relu", 3, 15, NAMES),
    (HEAD + "count: {conv: 2 * macs bias_adds}", "unexpected `bias_adds`", "bias_adds", 3, 24,
     "is an operator missing?"),
    (HEAD + 'count: {conv: "macs ^ 2"}', "unexpected `^`", "^", 3, 21, "powers are written out: a*a"),
    (HEAD + "count: {conv: floot(macs)}", "unknown function `floot`", "floot", 3, 15, "did you mean `floor`?"),
    (HEAD + "count: {conv: 010}", "`010` is not a number", "010", 3, 15,
     "numbers are written 32, 0.75, 1e6 or 569M, without leading zeros"),
    (HEAD + "count: {conv: ''}", "the expression ends too early", "'", 3, 16, "a value is missing at its end"),
    (HEAD + "count: {conv: [macs]}", "an expression is expected here", "[", 3, 15, None),
    (HEAD + "count: macs", "the convention lacks its `count`", "macs", 3, 8,
     "a mapping from kinds to expressions, as in `count: {default: macs}`"),
    (HEAD, "the convention lacks its `count`", "c", 1, 1,
     "a mapping from kinds to expressions, as in `count: {default: macs}`"),
    ("costcalc-convention: 1\ncount: {default: macs}", "the convention lacks its `unit`", "c", 1, 1,
     "as in `unit: MACs`: what one of the count is"),
    ("costcalc-convention: 2\nunit: x\ncount: {default: macs}", "this version of conventions is not known", "2", 1, 22,
     "write `costcalc-convention: 1`"),
    ("costcalc-convention: [1]\nunit: x\ncount: {default: macs}", "this version of conventions is not known", "[", 1,
     22,
     "write `costcalc-convention: 1`"),
    ("unit: x\ncount: {default: macs}", "this is not a convention", "u", 1, 1,
     "it is a mapping that begins with `costcalc-convention: 1`"),
    ("[macs]", "this is not a convention", "[", 1, 1, "it is a mapping that begins with `costcalc-convention: 1`"),
    ("", "the file is empty", "", 1, 1, "write one with `costcalc init`"),
    (HEAD + "count: {default: macs}\ncont: 1", "unknown part of a convention `cont`", "cont", 4, 1,
     "did you mean `count`?"),
    (HEAD + "unit: y\ncount: {default: macs}", "`unit` is given twice", "unit", 3, 1, "keep one of them"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message", "marked", "line", "column", "help_"), INVALID, ids=[c[1] for c in INVALID])
def test_invalid_files(
    tmp_path: Path, text: str, message: str, marked: str, line: int, column: int, help_: str | None
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        load_convention(str(path))
    (problem,) = caught.value.problems
    assert (problem.message, problem.span is not None) == (message, True)
    assert (problem.span.source.name, problem.span.line, problem.span.column) == (str(path), line, column)
    shown = problem.span.source.line(line)[column - 1 :][: len(marked)]
    assert shown == marked
    if help_ is not None:
        assert problem.help == help_


def test_all_problems_of_a_file_are_told_together(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("costcalc-convention: 9\nnmae: x\ncount:\n  conw: macs\n  conv: macs + macz\n", encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        load_convention(str(path))
    assert {problem.message for problem in caught.value.problems} == {
        "this version of conventions is not known", "unknown part of a convention `nmae`",
        "the convention lacks its `unit`",
        "unknown kind `conw`", "unknown name `macz`",
    }  # fmt: skip


@pytest.mark.parametrize(("rule", "kind", "message"), [
    ("macs/5", "conv", "`macs/5` gives 5184/5"),
    ("macs > 3", "conv", "`macs > 3` gives"),
    ("1000/macs", "conv", "`1000/macs` gives 125/648"),
    ("out.size/(bias_adds - bias_adds)", "conv", "division by zero in `out.size/(bias_adds - bias_adds)`"),
    ("macs and 1", "conv", "`5184` is not true or false in `macs and 1`"),
])  # fmt: skip
def test_rules_that_give_no_whole_number(tmp_path: Path, rule: str, kind: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        by_rules(tmp_path, f"{{{kind}: {rule}, default: 0}}")
    assert str(caught.value).startswith(f"error: convention `mine`, kind `{kind}`: {message}")
    if "gives" in message:
        help_ = "a count is a whole number from 0; use floor or ceil where a tool rounds"
        assert caught.value.problems[0].help == help_


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    missing, folder, binary = tmp_path / "none.yaml", tmp_path / "folder.yaml", tmp_path / "binary.yaml"
    folder.mkdir()
    binary.write_bytes(b"\xff\xfe\x00c")
    cases = [
        (str(missing), f"cannot read `{missing}`: No such file or directory"),
        ("./none", "cannot read `./none`: No such file or directory"),
        ("none.yml", "cannot read `none.yml`: No such file or directory"),
        (str(folder), f"`{folder}` is a directory"),
        (str(tmp_path), f"`{tmp_path}` is a directory"),
        (str(binary), f"`{binary}` is a binary file"),
        ("a\0/b.yaml", "cannot read `a\0/b.yaml`"),
    ]
    for name, message in cases:
        with pytest.raises(CostcalcError) as caught:
            load_convention(name)
        assert caught.value.problems[0].message.startswith(message)


def test_unknown_names() -> None:
    with pytest.raises(UsageError) as caught:
        load_convention("papper")
    assert str(caught.value) == "error: unknown convention `papper`\n  help: did you mean `paper`?"
    with pytest.raises(CostcalcError) as caught:
        count(network(), "zzzzzz")
    assert caught.value.problems[0].message == "unknown convention `zzzzzz`"
    assert "`flops`" in (caught.value.problems[0].help or "") and "`paper`" in (caught.value.problems[0].help or "")

"""The whole text of every error: `errors/NAME.yaml` is wrong, `errors/NAME.txt` is what is said of it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from costcalc.errors import MAX_SHOWN, CostcalcError, Source, SpecError
from costcalc.spec import build_network, parse_document, read_document

ERRORS = Path(__file__).parent / "errors"
NAMES = sorted(path.stem for path in ERRORS.glob("*.yaml"))


def error_of(name: str, monkeypatch: pytest.MonkeyPatch) -> CostcalcError:
    monkeypatch.chdir(ERRORS)
    with pytest.raises(CostcalcError) as caught:
        build_network(read_document(f"{name}.yaml"), {})
    return caught.value


@pytest.mark.parametrize("name", NAMES)
def test_text(name: str, monkeypatch: pytest.MonkeyPatch, golden: Callable[[Path, str], None]) -> None:
    golden(ERRORS / f"{name}.txt", f"{error_of(name, monkeypatch)}\n")


@pytest.mark.parametrize("name", [name for name in NAMES if name != "repeat_nested"])  # that one takes seconds
def test_form(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lower case, no full stop, in reading order, and a span that lies in the file."""
    problems = error_of(name, monkeypatch).problems
    places = [(p.span.line, p.span.column) for p in problems if p.span]
    assert places == sorted(places)
    lines = (ERRORS / f"{name}.yaml").read_text(encoding="utf-8").replace("\u2028", "\n").split("\n")
    for problem in problems:
        assert not problem.message[0].isupper()
        assert not any(text.endswith((".", " ")) for text in (problem.message, problem.help or "") if "..." not in text)
        if problem.span:
            assert 1 <= problem.span.line <= len(lines)
            assert 1 <= problem.span.column < problem.span.end
            assert problem.span.column <= len(lines[problem.span.line - 1]) + 1
        record = problem.as_json()
        assert list(record) == ["message", "file", "line", "column", "end_column", "help"]
        assert record["file"] in (f"{name}.yaml", None)


def test_every_text_has_its_spec() -> None:
    assert sorted(path.stem for path in ERRORS.glob("*.txt")) == NAMES
    assert {path.suffix for path in ERRORS.iterdir()} == {".yaml", ".txt"}


def test_carets_stand_under_the_word() -> None:
    """In every text the carets are below the line that is shown, and not beyond its end."""
    for path in ERRORS.glob("*.txt"):
        lines = path.read_text(encoding="utf-8").split("\n")
        for above, below in itertools.pairwise(lines):
            if below.strip(" |^") == "" and "^" in below:
                wide = sum(1 for character in above if ord(character) > 0x2E80)
                assert below.rindex("^") <= max(len(above) + wide, above.index("|") + 2), path.name


def test_at_most_twenty_are_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    error = error_of("hundred_errors", monkeypatch)
    assert len(error.problems) == 100
    assert str(error).count("error: ") == MAX_SHOWN
    assert str(error).endswith(f"... and {100 - MAX_SHOWN} more errors")


@pytest.mark.parametrize(("layer", "told"), [
    ("winograd_conv: {out: 4, stride: 2}", "its window is 3x3, its stride 1, in one group; else use `conv`"),
    ("winograd_conv: {out: 4, kernel: 5}", "its window is 3x3, its stride 1, in one group; else use `conv`"),
    ("octave_conv: {out: 4, to: high, stride: 2}", "put an `avg_pool` before each of its two maps"),
    ("tucker_conv: {out: 4, rank: 2}", "it has two: `rank_in` and `rank_out`"),
    ("instance_norm: {affine: true}", "write `scale: true` and `shift: true`"),
    ("gru: {hidden: 4, projection: 2}", "`lstm` has one"),
])  # fmt: skip
def test_what_a_kind_lacks_is_told(layer: str, told: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_document(Source("net.yaml", f"costcalc: 1\ninput: [3, 8, 8]\nlayers:\n  - {layer}\n"))
    assert told in (caught.value.problems[0].help or "")

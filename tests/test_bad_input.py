"""Whatever comes in: exit code 2, a message that names the thing, no traceback, no hanging, no half-written file."""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from costcalc.api import Model
from costcalc.cli import main
from costcalc.errors import MAX_FOUND, CostcalcError, Source, SpecError
from costcalc.render import FORMATS, render
from costcalc.spec import build_network, bundled, parse_document, read_document

Cli = Callable[..., Any]
OK = """costcalc: 1
hyperparameters: {alpha: {default: 1, above: 0}}
input: [3, 8, 8]
layers:
  - conv: {out: 8*alpha}
"""
LONG = "costcalc: 1\ninput: [3, 8, 8]\nlayers:\n  - repeat: {n: 299000, layers: [relu]}\n"
COMMAND = (sys.executable, "-m", "costcalc")
TIMEOUT = 30


def run(folder: Path, *arguments: str, stdin: bytes = b"", **options: Any) -> subprocess.CompletedProcess[bytes]:
    """The real command, with a time limit."""
    options.setdefault("stdout", subprocess.PIPE)
    return subprocess.run(
        [*COMMAND, *arguments], cwd=folder, input=stdin, stderr=subprocess.PIPE, timeout=TIMEOUT, check=False, **options
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of files that are no specs, and of one that is."""
    (tmp_path / "ok.yaml").write_text(OK)
    (tmp_path / "brackets.yaml").write_text("[" * 200_000)
    (tmp_path / "braces.yaml").write_text("{a: " * 50_000)
    (tmp_path / "binary.yaml").write_bytes(bytes(range(256)) * 40)
    (tmp_path / "directory.yaml").mkdir()
    (tmp_path / "empty.yaml").write_text("")
    (tmp_path / "comment.yaml").write_text("  \n\n# nothing here\n")
    with (tmp_path / "huge.yaml").open("wb") as file:
        file.truncate(100 * 2**20)
    (tmp_path / "values.yaml").write_text(OK + "  - relu\n" * 1_000_001)
    (tmp_path / "latin1.yaml").write_bytes(b"costcalc: 1\nname: caf\xe9\n")
    (tmp_path / "utf16.yaml").write_bytes(OK.encode("utf-16"))
    (tmp_path / "loop.yaml").symlink_to("loop.yaml")
    os.mkfifo(tmp_path / "fifo.yaml")
    return tmp_path


UNREADABLE = [
    ("brackets.yaml", "nested too deeply"),
    ("braces.yaml", "nested too deeply"),
    ("binary.yaml", "`binary.yaml` is a binary file"),
    ("directory.yaml", "`directory.yaml` is a directory"),
    ("empty.yaml", "the file is empty"),
    ("comment.yaml", "the file is empty"),
    ("huge.yaml", "`huge.yaml` is larger than 32 MiB"),
    ("values.yaml", "the file has more than 1,000,000 values"),
    ("latin1.yaml", "`latin1.yaml` is not UTF-8 text: byte 0xe9 in line 2, byte 10"),
    ("utf16.yaml", "`utf16.yaml` is a binary file"),
    ("loop.yaml", "there is no file `loop.yaml`"),
    ("missing.yaml", "there is no file `missing.yaml`"),
    ("missing/spec.yaml", "there is no file `missing/spec.yaml`"),
    ("fifo.yaml", "the file is empty"),
    ("/dev/zero", "`/dev/zero` is not a file"),
    ("x" * 5000, "File name too long"),
    ("-", "the file is empty"),
]


@pytest.mark.parametrize(("spec", "message"), UNREADABLE, ids=[name[:20] for name, _ in UNREADABLE])
def test_unreadable(spec: str, message: str, folder: Path) -> None:
    result = run(folder, "report", spec)
    assert_told(result, message)
    assert len(result.stderr) < 2_000 or len(spec) > 1_000


@pytest.mark.parametrize(("spec", "message"), UNREADABLE, ids=[name[:20] for name, _ in UNREADABLE])
def test_unreadable_as_json(spec: str, message: str, folder: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert_json(cli("report", spec, "--format", "json"), message)


def assert_told(result: subprocess.CompletedProcess[bytes], *messages: str) -> None:
    """It failed as usage does, said why, and printed nothing else."""
    told = result.stderr.decode()
    assert result.returncode == 2, told
    assert not result.stdout
    assert "Traceback" not in told
    assert told.startswith("error: ")
    for message in messages:
        assert message in told


def assert_json(result: Any, *messages: str) -> None:
    assert (result.code, result.out) == (2, "")
    document = json.loads(result.err)
    assert list(document) == ["schema", "version", "errors"]
    assert document["schema"] == "costcalc/error/1"
    for message in messages:
        assert any(message in error["message"] for error in document["errors"])
    for error in document["errors"]:
        assert list(error) == ["message", "file", "line", "column", "end_column", "help"]


ARGUMENTS = [
    (("report",), "missing argument `SPEC`", None),
    (("report", "ok.yaml", "more.yaml"), "unexpected extra argument", None),
    (("report", "ok.yaml", "--otput", "x"), "no option `--otput`", "did you mean `--output`?"),
    (("report", "ok.yaml", "-x"), "no such option: -x", None),
    (("reprot", "ok.yaml"), "unknown command `reprot`", "did you mean `report`?"),
    (("report", "ok.yaml", "--format", "cvs"), "unknown format `cvs`", "did you mean `csv`?"),
    (("report", "ok.yaml", "--format"), "`--format` requires an argument", None),
    (("report", "ok.yaml", "--convention", "papr"), "unknown convention `papr`", "did you mean `paper`?"),
    (("report", "ok.yaml", "--convention", "missing.yaml"), "cannot read `missing.yaml`", None),
    (("report", "ok.yaml", "--convention", "ok.yaml"), "this is not a convention", None),
    (("report", "ok.yaml", "--convention", "directory.yaml"), "`directory.yaml` is a directory", None),
    (("report", "ok.yaml", "--sort", "parms"), "unknown sort `parms`", "did you mean `params`?"),
    (("report", "ok.yaml", "--by", "kin"), "unknown grouping `kin`", "did you mean `kind`?"),
    (("report", "ok.yaml", "--by", "kind", "--depth", "2"), "`--by` and `--depth`", None),
    (("report", "ok.yaml", "--dtype", "float31"), "unknown dtype `float31`", "did you mean `float32`?"),
    (("report", "ok.yaml", "--set", "alpha"), "`--set alpha` says no value", "write `--set alpha=VALUE`"),
    (("report", "ok.yaml", "--set", "=1"), "`--set =1` says no name", "write `--set NAME=1`"),
    (("report", "ok.yaml", "--set", "alpha=1/0"), "`alpha` cannot be `1/0`: division by zero", None),
    (("report", "ok.yaml", "--set", "alpha=1", "--alpha", "2"), "`alpha` is set twice", None),
    (("report", "ok.yaml", "--alpha", "0"), "`alpha` cannot be 0", "it must be above 0"),
    (("report", "ok.yaml", "--alpha", "-1"), "`alpha` cannot be -1", "it must be above 0"),
    (("report", "ok.yaml", "--alpha", "much"), "`alpha` cannot be much", "it is a number"),
    (("report", "ok.yaml", "--alpha", "1e999"), "`alpha` cannot be `1e999`: number too long", None),
    (("report", "ok.yaml", "--alpha", "nan"), "`alpha` cannot be nan", "it is a number"),
    (("report", "ok.yaml", "--alpha", "1/3"), "`out` is 8/3", None),
    (("report", "ok.yaml", "--alhpa", "1"), "unknown hyper-parameter `alhpa`", "did you mean `alpha`?"),
    (("report", "ok.yaml", "--top", "0"), "`--top`: 0 is not in the range", None),
    (("report", "ok.yaml", "--depth", "-1"), "`--path-depth`: -1 is not in the range", None),
    (("report", "ok.yaml", "--batch", "0"), "`--batch`: 0 is not in the range", None),
    (("report", "ok.yaml", "--batch", "many"), "`--batch`: `many` is not a valid", None),
    (("report", "ok.yaml", "--output", "missing/report.md"), "cannot write `missing/report.md`", None),
    (("report", "ok.yaml", "--output", "ok.yaml"), "`ok.yaml` is the input", "choose another file"),
    (("report", "ok.yaml", "--output", "./link.yaml"), "`./link.yaml` is the input", None),
    (("report", "ok.yaml", "--output", "directory.yaml"), "`directory.yaml` is a directory", None),
    (("report", "ok.yaml", "--output", "ok.yaml/report.md"), "cannot write `ok.yaml/report.md`", None),
    (("convert", "ok.yaml", "ok.yaml"), "`ok.yaml` is the input", None),
    (("list", "speks"), "unknown list `speks`", "did you mean `specs`?"),
    (("list", "specs", "--format", "html"), "unknown format `html`", None),
    (("verify", "ok.yaml", "--format", "xml"), "unknown format `xml`", "known: `text`, `json`"),
    (("init", "ok.yaml"), "`ok.yaml` is there already", None),
]


@pytest.mark.parametrize(("arguments", "message", "help_"), ARGUMENTS, ids=[" ".join(a) for a, *_ in ARGUMENTS])
def test_arguments(
    arguments: tuple[str, ...], message: str, help_: str | None, folder: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    (folder / "link.yaml").hardlink_to(folder / "ok.yaml")
    result = cli(*arguments)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("error: ")
    assert message in result.err.split("\n")[0]
    assert help_ is None or f"  help: {help_}" in result.err
    assert (folder / "ok.yaml").read_text() == OK
    assert not list(folder.glob(".*"))
    if arguments[0] == "report" and "--format" not in arguments:
        assert_json(cli(*arguments, "--format=json"), message)


@pytest.mark.parametrize(
    "arguments", [ARGUMENTS[2][0], ARGUMENTS[19][0], ARGUMENTS[26][0], ARGUMENTS[31][0]], ids=" ".join
)
def test_arguments_of_the_real_command(arguments: tuple[str, ...], folder: Path) -> None:
    assert_told(run(folder, *arguments))


def test_several_files_are_one_error_each(folder: Path) -> None:
    (folder / "wrong.yaml").write_text(OK.replace("conv", "cnov").replace("input", "inptu"))
    told = run(folder, "report", "wrong.yaml", "--format", "json").stderr
    errors = json.loads(told)["errors"]
    assert [(e["file"], e["line"], e["column"], e["end_column"]) for e in errors] == [
        ("wrong.yaml", 1, 1, 2), ("wrong.yaml", 3, 1, 6), ("wrong.yaml", 5, 5, 9),
    ]  # fmt: skip
    assert [e["help"] for e in errors[1:]] == ["did you mean `input`?", "did you mean `conv`?"]


# -- where it is written --------------------------------------------------------------------------------------------


def test_closed_pipe() -> None:
    process = subprocess.Popen(
        [*COMMAND, "report", "mobilenet_v3_large", "--format", "json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout
    assert process.stderr
    assert process.stdout.readline() == b"{\n"
    process.stdout.close()
    assert process.wait(TIMEOUT) == 0
    assert process.stderr.read() == b""
    process.stderr.close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_full_disk(folder: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        result = run(folder, "report", "ok.yaml", stdout=full)
    assert (result.returncode, result.stderr) == (2, b"error: cannot write the output: No space left on device\n")
    assert_told(
        run(folder, "report", "ok.yaml", "-o", "/dev/full"), "cannot write `/dev/full`: No space left on device"
    )


def test_closed_streams(folder: Path) -> None:
    """Streams that the caller has closed lead nowhere; the exit code still tells."""
    for close, arguments, code in ((">&-", "report ok.yaml", 0), ("2>&-", "report nothing.yaml", 2)):
        line = f'exec "{sys.executable}" -m costcalc {arguments} {close}'
        result = subprocess.run(["sh", "-c", line], cwd=folder, capture_output=True, timeout=TIMEOUT, check=False)
        assert (result.returncode, result.stdout, result.stderr) == (code, b"", b"")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_folder_that_may_not_be_written(folder: Path) -> None:
    (folder / "locked").mkdir(mode=0o500)
    assert_told(run(folder, "report", "ok.yaml", "-o", "locked/report.md"), "cannot write `locked/report.md`")


def test_a_pipe_as_spec(folder: Path) -> None:
    """What a shell makes of `<(...)`."""
    reader, writer = os.pipe()
    os.write(writer, OK.encode())
    os.close(writer)
    result = run(folder, "report", f"/dev/fd/{reader}", pass_fds=(reader,))
    os.close(reader)
    assert (result.returncode, result.stderr) == (0, b"")


@pytest.mark.parametrize("before", [None, "what was there"])
def test_interruption_leaves_no_partial_file(before: str | None, tmp_path: Path) -> None:
    target = tmp_path / "report.json"
    if before is not None:
        target.write_text(before)
    command = [*COMMAND, "report", "-", "--format", "json", "-o", str(target)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdin
    process.stdin.write(LONG.encode())
    process.stdin.flush()
    wait_until_read(process.stdin.fileno())
    _, told = process.communicate(timeout=TIMEOUT) if interrupt(process) else (b"", b"")
    assert process.returncode == 130
    assert told.decode().strip() in ("", "interrupted")
    assert [path.name for path in tmp_path.iterdir()] == ([] if before is None else ["report.json"])
    assert before is None or target.read_text() == before


def wait_until_read(pipe: int) -> None:
    """Until the command has read all that is in its stdin: then it has been started, and waits for more."""
    for _ in range(TIMEOUT * 100):
        if struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, b"\0\0\0\0"))[0] == 0:
            return
        time.sleep(0.01)


def interrupt(process: subprocess.Popen[bytes]) -> bool:
    """Ctrl-C a moment after the spec is complete; whether the command was still at work."""
    assert process.stdin
    process.stdin.close()
    process.stdin = None
    time.sleep(0.3)
    working = process.poll() is None
    process.send_signal(signal.SIGINT)
    return working


# -- specs with slips of the pen ------------------------------------------------------------------------------------

WORDS = """conv relu out kernel stride 3 0 -1 1e18 alpha in.channels block.in.height [] {} [1,2] true none relu6 repeat
rows add concat residual from as only_if input n max( ( ) , : - ' " 0.5 1/0 opaque op split parts to tokens groups
flatten upsample 1.5 if else == 10% 3M set layers blocks args required outputs default choices 1000000000 same
""".split()  # noqa: SIM905 - a list of words is easier to read
PIECES = re.compile(r"([A-Za-z_.0-9]+|\W)")


def slipped(text: str, random: Random) -> str:
    """The text with one or two lines or words lost, doubled or replaced."""
    for _ in range(random.randint(1, 2)):
        lines = text.split("\n")
        number = random.randrange(len(lines))
        pieces = PIECES.split(lines[number])
        words = [i for i, piece in enumerate(pieces) if piece.strip()]
        what = random.random()
        if what < 0.15:
            del lines[number]
        elif what < 0.25:
            lines.insert(number, random.choice(lines))
        elif words:
            pieces[random.choice(words)] = random.choice(WORDS) if what < 0.85 else ""
            lines[number] = "".join(pieces)
        text = "\n".join(lines)
    return text


@pytest.mark.parametrize("seed", range(8))
def test_slips_of_the_pen(seed: int) -> None:
    """Whatever is wrong in a spec, it is told as that, or the spec can still be counted."""
    random = Random(seed)
    texts = [path.read_text(encoding="utf-8") for path in bundled().values()]
    for _ in range(30):
        text = slipped(random.choice(texts), random)
        try:
            report = Model(parse_document(Source("spec.yaml", text)), {}).report(random.choice(["paper", "flops"]))
            render(report, random.choice(FORMATS))
        except CostcalcError as error:
            assert str(error).startswith("error: ")


# -- our own mistakes -----------------------------------------------------------------------------------------------


def test_a_bug_is_exit_70(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("boom \x1b[31m")

    monkeypatch.setattr(Model, "report", fail)
    result = cli("report", "mobilenet_v1")
    assert (result.code, result.out) == (70, "")
    assert result.err == (
        "error: a bug in costcalc: RuntimeError: boom \\x1b[31m\n"
        "  help: run it again with --debug and report what it prints\n"
    )
    as_json = cli("report", "mobilenet_v1", "--format", "json")
    assert as_json.code == 70
    assert json.loads(as_json.err)["errors"][0]["message"] == "a bug in costcalc: RuntimeError: boom \x1b[31m"
    for arguments in (("--debug", "report", "mobilenet_v1"), ("report", "mobilenet_v1", "--debug")):
        debugged = cli(*arguments)
        assert debugged.code == 70
        assert "Traceback (most recent call last)" in debugged.err
        assert "RuntimeError: boom" in debugged.err


def test_debug_changes_nothing_else(cli: Cli) -> None:
    assert cli("report", "mobilenet_v1", "--debug").out == cli("report", "mobilenet_v1").out
    assert "Traceback" not in cli("report", "nothing.yaml", "--debug").err


def test_a_window_without_end_is_refused(tmp_path: Path) -> None:
    """Taps are looked at one by one, so there must not be a thousand million of them."""
    (tmp_path / "s.yaml").write_text("costcalc: 1\ninput: [3, 8, 8]\nlayers: [conv: {out: 4, kernel: 1000000000}]\n")
    with pytest.raises(SpecError, match="1000000000 taps"):
        build_network(read_document(str(tmp_path / "s.yaml")), {})


def test_a_tensor_that_is_not_there_is_told_even_if_a_condition_reads_it(tmp_path: Path) -> None:
    layers = "  - conv: {out: 9, from: nosuch, only_if: in.channels > 2}\n  - relu: {from: input}\n"
    (tmp_path / "s.yaml").write_text("costcalc: 1\ninput: [4, 8, 8]\nlayers:\n" + layers)
    with pytest.raises(SpecError, match="no tensor `nosuch`"):
        build_network(read_document(str(tmp_path / "s.yaml")), {})


def test_very_many_slips_take_no_longer_than_a_few(tmp_path: Path) -> None:
    named = "".join(f"  - relu: {{as: tensor{i}}}\n" for i in range(2000))
    (tmp_path / "s.yaml").write_text("costcalc: 1\ninput: [4, 8, 8]\nlayers:\n" + named + named.replace("as: t", "from: x"))
    with pytest.raises(SpecError) as caught:
        build_network(read_document(str(tmp_path / "s.yaml")), {})
    assert len(caught.value.problems) <= MAX_FOUND


def test_an_output_cannot_be_foreseen_and_keeps_its_mode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that lies beside the output is written to, and a private file stays private."""
    victim, output = tmp_path / "victim", tmp_path / "out.json"
    victim.write_text("mine")
    (tmp_path / f".out.json.{os.getpid()}.part").symlink_to(victim)
    output.write_text("old")
    output.chmod(0o600)
    monkeypatch.setattr("sys.argv", ["costcalc", "report", "mobilenet_v1", "-o", str(output)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    assert victim.read_text() == "mine"
    assert output.stat().st_mode & 0o777 == 0o600
    assert not output.is_symlink()
    assert output.read_text().startswith('{\n  "schema"')

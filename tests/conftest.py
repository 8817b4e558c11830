"""What tests share: golden files, and the command line run in this process."""

from __future__ import annotations

import io
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from printed import ENVIRONMENT

from costcalc.cli import main


class Run(NamedTuple):
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update", action="store_true", help="rewrite the golden files; review them in the diff")


def pytest_configure() -> None:
    """Lets commands be interrupted: what a shell starts in the background ignores that, and its children do too."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[Path, str], None]:
    """Compares a text with a file; a file that is missing fails."""

    def check(path: Path, text: str) -> None:
        if request.config.getoption("--update"):
            path.write_text(text, encoding="utf-8", newline="\n")
        if not path.exists():
            pytest.fail(f"{path} is missing: write it with `pytest --update`, and review it")
        assert text == path.read_text(encoding="utf-8")

    return check


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]) -> Callable[..., Run]:
    """Runs `costcalc` with these arguments, as in a pipe; keyword arguments are environment variables."""
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str, stdin: bytes = b"", **environment: str) -> Run:
        with monkeypatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", ["costcalc", *arguments])
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
            with pytest.raises(SystemExit) as exit_:
                main()
        out, err = capsysbinary.readouterr()
        return Run(int(exit_.value.code or 0), out.decode(), err.decode())

    return run

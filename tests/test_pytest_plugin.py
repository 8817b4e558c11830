"""The pytest plugin in real runs of pytest: off unless asked for, a test for each limit, nothing heavy for others."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

NET = """\
costcalc: 1
input: [3, 8, 8]
layers:
  - conv: {out: 16, kernel: 3, bias: false, as: stem}
"""
TEST = "def test_other():\n    pass\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "net.yaml").write_text(NET)
    (tmp_path / "pytest.ini").write_text("[pytest]\ntestpaths = tests\n")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_other.py").write_text(TEST)
    write(tmp_path, params=432)
    return tmp_path


def write(project: Path, params: int, more: str = "") -> None:
    text = f'[[budget]]\nspec = "net.yaml"\nparams = "<= {params}"\nmadds = "<= 27648"\n{more}'
    (project / "costcalc.toml").write_text(text)


def run(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        cwd=project, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_it_is_off_unless_asked_for(project: Path):
    assert "1 passed" in run(project).stdout
    assert "3 passed" in run(project, "--costcalc").stdout
    (project / "pytest.ini").write_text("[pytest]\ntestpaths = tests\ncostcalc_budgets = costcalc.toml\n")
    assert "3 passed" in run(project).stdout
    assert "2 passed" in run(project, "costcalc.toml").stdout
    assert "1 passed" in run(project, "tests").stdout
    without = run(project, "-p", "no:costcalc")
    assert "1 passed" in without.stdout, "its configuration is then unknown, which pytest says in a warning"


def test_a_limit_that_is_exceeded(project: Path):
    write(project, params=431)
    done = run(project, "--costcalc", "--junitxml", "report.xml")
    assert done.returncode == 1
    assert "1 failed, 2 passed" in done.stdout
    assert "net.yaml: 432 parameters are 1 above the limit of 431" in done.stdout
    assert "costcalc.toml:3:" in done.stdout
    assert "Traceback" not in done.stdout
    cases = ET.parse(project / "report.xml").getroot().iter("testcase")
    failed = {case.get("name"): case.find("failure") for case in cases}
    assert [name for name, failure in failed.items() if failure is not None] == ["net.yaml: params <= 431"]


def test_in_several_processes(project: Path):
    write(project, params=431)
    done = run(project, "--costcalc", "-n", "2")
    assert done.returncode == 1
    assert "1 failed, 2 passed" in done.stdout


def test_names_are_unique_and_stay(project: Path):
    limits = '[[budget]]\nspec = "net.yaml"\nparams = "<= 432"\n'
    write(project, params=432, more=limits)
    listed = [run(project, "--costcalc", "--collect-only", "-q").stdout for _ in range(2)]
    names = [line for line in listed[0].splitlines() if line.startswith("costcalc.toml::")]
    assert len(set(names)) == len(names) == 3
    assert listed[0].splitlines()[:4] == listed[1].splitlines()[:4]
    assert "1 passed" in run(project, "--costcalc", "-k", "MAdds").stdout


def test_a_warning_is_one_of_pytest(project: Path):
    write(project, params=431, more='level = "warn"\n')
    done = run(project, "--costcalc")
    assert done.returncode == 0
    assert "3 passed, 1 warning" in done.stdout
    assert "1 above the limit" in done.stdout


def test_what_cannot_be_read(project: Path):
    (project / "net.yaml").write_text(NET.replace("kernel", "kernal"))
    done = run(project, "--costcalc")
    assert done.returncode == 1
    assert "did you mean `kernel`?" in done.stdout
    (project / "costcalc.toml").write_text("[[budget")
    done = run(project, "--costcalc")
    assert done.returncode == 1
    assert "costcalc.toml:1" in done.stdout
    assert "1 failed, 1 passed" in done.stdout, "the other tests of the project run all the same"
    assert "INTERNALERROR" not in done.stdout


def test_a_budget_file_that_is_not_there_is_an_error(project: Path):
    (project / "costcalc.toml").unlink()
    done = run(project, "--costcalc")
    assert done.returncode == 4
    assert "there is no budget file costcalc.toml" in done.stderr


def test_budgets_in_pyproject(project: Path):
    budgets = (project / "costcalc.toml").read_text()
    (project / "costcalc.toml").unlink()
    project_file = project / "pyproject.toml"
    before = project_file.read_text() if project_file.exists() else ""
    project_file.write_text(before + "\n" + budgets.replace("[[budget]]", "[[tool.costcalc.budget]]"))
    done = run(project, "--costcalc")
    assert (done.returncode, "pyproject.toml" in done.stdout) == (0, True)
    assert "3 passed" in done.stdout


def test_others_load_nothing_heavy(project: Path):
    (project / "tests" / "test_other.py").write_text(
        "import sys\n\ndef test_other():\n    assert 'costcalc.pytest_plugin' in sys.modules\n"
        "    loaded = {m for m in sys.modules if m.partition('.')[0] in ('costcalc', 'yaml', 'numpy', 'sympy', 'rich', 'typer')}\n"
        "    assert loaded == {'costcalc', 'costcalc.pytest_plugin', 'costcalc.version'}\n"
    )
    done = run(project, "-p", "no:hypothesispytest", "-p", "no:xdist")
    assert "1 passed" in done.stdout, done.stdout

"""Where people run the check: the action in a simulated runner, the GitLab job, the manifests against their schemas."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
TEMPLATE = ROOT / "docs" / "ci" / "costcalc.gitlab-ci.yml"
STEPS = {step["id"]: step for step in ACTION["runs"]["steps"]}
NET = """\
costcalc: 1
name: tiny
input: [3, 8, 8]
layers:
  - conv: {out: 16, kernel: 3, bias: false, as: stem}
"""
MADDS = 432 * 64


def validated(schema: str, path: Path) -> int:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", str(path)]
    return subprocess.run(command, capture_output=True, check=False).returncode


def test_the_schemas_hold(tmp_path: Path):
    assert validated("github-actions", ROOT / "action.yml") == 0
    assert validated("gitlab-ci", TEMPLATE) == 0
    (tmp_path / "action.yml").write_text((ROOT / "action.yml").read_text().replace("      shell: bash\n", "", 1))
    assert validated("github-actions", tmp_path / "action.yml") == 1, "the schema is one that finds faults"
    assert validated("github-workflows", workflow(tmp_path)) == 0


def workflow(folder: Path) -> Path:
    """The workflow on the page for GitHub."""
    (text,) = re.findall(r"```yaml\n(name:.*?)```", (ROOT / "docs" / "ci" / "github.md").read_text(), re.DOTALL)
    (folder / "workflow.yml").write_text(text)
    return folder / "workflow.yml"


def test_no_input_stands_in_a_script():
    for step in STEPS.values():
        assert step["shell"] == "bash"
        assert "${{" not in step["run"]


# -- a runner


@pytest.fixture
def runner(tmp_path: Path) -> Path:
    """A repository with a branch, and the files of a runner."""
    work = tmp_path / "work"
    work.mkdir()
    (work / "net.yaml").write_text(NET)
    (work / "costcalc.toml").write_text(f'[[budget]]\nspec = "*.yaml"\nmadds = "<= {MADDS}"\n')
    git(work, "init")
    git(work, "add", ".")
    git(work, "commit", "-m", "one")
    temp = tmp_path / "temp"
    (temp / "costcalc-venv" / "bin").mkdir(parents=True)
    for name in ("costcalc", "python3"):
        (temp / "costcalc-venv" / "bin" / name).symlink_to(Path(sys.executable).parent / name)
    event = {"pull_request": {"number": 7, "base": {"sha": git(work, "rev-parse", "HEAD")}}}
    (tmp_path / "event.json").write_text(json.dumps(event))
    git(work, "checkout", "-b", "work")
    return tmp_path


def git(folder: Path, *arguments: str) -> str:
    name = ("-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "init.defaultBranch=main")
    return subprocess.run(
        ["git", *name, *arguments], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


def step(runner: Path, name: str, inputs: Mapping[str, str], **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs a step as the runner does: with its environment, its directory, and `bash -e`."""
    values = {key: str(of.get("default", "")) for key, of in ACTION["inputs"].items()} | dict(inputs)
    values["token"] = "secret"
    given = {key: expanded(value, values, runner) for key, value in STEPS[name].get("env", {}).items()}
    for file in ("output", "summary"):
        (runner / file).touch()
    directory = expanded(STEPS[name].get("working-directory", "."), values, runner)
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", STEPS[name]["run"]],
        cwd=runner / "work" / directory, capture_output=True, text=True, check=False,
        env={"PATH": os.environ["PATH"], "HOME": str(runner), "RUNNER_TEMP": str(runner / "temp"),
             "GITHUB_EVENT_PATH": str(runner / "event.json"), "GITHUB_OUTPUT": str(runner / "output"),
             "GITHUB_STEP_SUMMARY": str(runner / "summary"), "GITHUB_REPOSITORY": "owner/name",
             "GITHUB_ACTION_PATH": str(ROOT), **given, **environment},
    )  # fmt: skip


def expanded(text: str, inputs: Mapping[str, str], runner: Path) -> str:
    """The few expressions of the action, as the runner puts values in their places."""

    def value(match: re.Match[str]) -> str:
        where, _, name = match[1].partition(".")
        return inputs[name] if where == "inputs" else outputs(runner)[name.removeprefix("check.outputs.")]

    return re.sub(r"\$\{\{ (\S+) \}\}", value, text)


def outputs(runner: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in (runner / "output").read_text().splitlines())


def test_a_budget_that_is_kept(runner: Path):
    (runner / "work" / "net.yaml").write_text(NET.replace("stem", "entry"))
    done = step(runner, "check", {})
    assert (done.returncode, done.stderr) == (0, "")
    assert outputs(runner)["passed"] == "true"
    summary = (runner / "summary").read_text()
    assert "### costcalc: passed: 1 limit of 1 network checked" in summary
    assert "1 layer renamed" in summary
    assert "::notice" in done.stdout


def test_a_budget_that_is_exceeded(runner: Path):
    (runner / "work" / "net.yaml").write_text(NET.replace("out: 16", "out: 17"))
    done = step(runner, "check", {"report": "net.yaml"})
    assert done.returncode == 1
    assert outputs(runner) == {
        "passed": "false", "exit-code": "1", "comment": str(runner / "temp" / "costcalc.md"),
        "sarif": str(runner / "temp" / "costcalc.sarif"),
    }  # fmt: skip
    assert f"::error title=costcalc (budget),file=net.yaml,line=5,col=5,endLine=5,endColumn=9::net.yaml: {459 * 64:,} MAdds" in (
        done.stdout
    )
    summary = (runner / "summary").read_text()
    assert f"{MADDS:,}" in summary
    assert "`out 16 -> 17`" in summary
    assert "## tiny" in summary, "the report"
    assert json.loads((runner / "temp" / "costcalc.sarif").read_text())["version"] == "2.1.0"


def test_a_spec_that_is_broken(runner: Path):
    (runner / "work" / "net.yaml").write_text(NET.replace("kernel", "kernal"))
    done = step(runner, "check", {})
    assert (done.returncode, outputs(runner)["exit-code"]) == (2, "2")
    assert "::error title=costcalc (invalid-spec),file=net.yaml,line=5" in done.stdout
    (runner / "work" / "costcalc.toml").unlink()
    done = step(runner, "check", {})
    assert done.returncode == 2
    assert "nothing to check" in done.stderr
    assert "::error title=costcalc::" in done.stdout


def test_a_push_has_no_base(runner: Path):
    (runner / "event.json").write_text("{}")
    assert step(runner, "check", {}).returncode == 0
    assert "Compared with" not in (runner / "summary").read_text()


@pytest.mark.parametrize("name", ["base", "args", "report", "fail-on"])
@pytest.mark.parametrize("text", ["$(touch hit)", "`touch hit`", "'; touch hit; '", '"; touch hit; "', "x\ntouch hit", "--debug"])
def test_inputs_are_data(name: str, text: str, runner: Path):
    done = step(runner, "check", {name: text})
    assert not list(runner.rglob("hit"))
    assert "unbound" not in done.stderr
    assert outputs(runner)["exit-code"] == str(done.returncode)


def test_other_directories(runner: Path):
    inner = runner / "work" / "a b"
    inner.mkdir()
    more = "".join(f"  - relu: {{as: r{i}}}\n" for i in range(9))  # git takes a file for a moved one by what is equal
    (runner / "work" / "net.yaml").write_text(NET + more)
    git(runner / "work", "commit", "-am", "more")
    event = {"merge_group": {"base_sha": git(runner / "work", "rev-parse", "HEAD")}}
    (runner / "event.json").write_text(json.dumps(event))
    for name in ("net.yaml", "costcalc.toml"):
        shutil.move(runner / "work" / name, inner / name)
    git(runner / "work", "add", "-A")  # else git does not know that they only moved
    done = step(runner, "check", {"working-directory": "a b"})
    assert done.returncode == 0
    (inner / "net.yaml").write_text(NET.replace("out: 16", "out: 17") + more)
    assert "file=a b/net.yaml,line=5" in step(runner, "check", {"working-directory": "a b"}).stdout


BOT, MALLORY = {"type": "Bot", "login": "github-actions[bot]"}, {"type": "User", "login": "mallory"}


def test_one_comment_is_written_and_then_updated(runner: Path):
    """That of this token's author with this directory's marker; what others write like it is left alone."""
    gh = runner / "temp" / "bin" / "gh"
    gh.parent.mkdir()
    gh.write_text(f"""#!/bin/sh
printf '%s\\n' "$GH_TOKEN $*" >> {runner}/calls
case "$*" in *--paginate*) cat {runner}/comments 2>/dev/null; exit 0 ;; esac
echo "HTTP 403: no, you may not" >&2
exit "${{GH_FAILS:-0}}"
""")
    gh.chmod(0o755)
    path = f"{gh.parent}{os.pathsep}{os.environ['PATH']}"
    step(runner, "check", {})
    body = Path(outputs(runner)["comment"] + ".comment")
    assert step(runner, "comment", {}, PATH=path).returncode == 0
    marker = body.read_text().splitlines()[0]
    assert marker == "<!-- costcalc . -->"
    pages = [
        [{"id": 1, "user": MALLORY, "body": f"{marker}\nfine"}, {"id": 2, "user": BOT, "body": f"see {marker}"}],
        [{"id": 3, "user": BOT, "body": "<!-- costcalc other -->"}, {"id": 41, "user": BOT, "body": f"{marker}\nold"}],
    ]
    (runner / "comments").write_text("".join(map(json.dumps, pages)))
    assert step(runner, "comment", {}, PATH=path).returncode == 0
    calls = [line for line in (runner / "calls").read_text().splitlines() if "--method" in line]
    assert calls == [
        f"secret api --silent --method POST repos/owner/name/issues/7/comments --field body=@{body}",
        f"secret api --silent --method PATCH repos/owner/name/issues/comments/41 --field body=@{body}",
    ]
    failed = step(runner, "comment", {}, PATH=path, GH_FAILS="1")
    assert failed.returncode == 0
    assert "| HTTP 403: no, you may not" in failed.stdout
    assert "::warning title=costcalc::the comment could not be written" in failed.stdout


def test_no_python_of_the_checkout_is_run(runner: Path):
    """A pull request may bring files that are called like modules."""
    for name in ("json", "os", "venv", "sys", "typing", "sitecustomize", "costcalc"):
        (runner / "work" / f"{name}.py").write_text(f"open({str(runner / 'owned')!r}, 'w').write({name!r})\n")
    done = step(runner, "check", {})
    assert done.returncode == 0, done.stderr
    step(runner, "comment", {}, PATH=f"{runner / 'temp' / 'costcalc-venv' / 'bin'}{os.pathsep}{os.environ['PATH']}")
    assert not (runner / "owned").exists()
    assert all("python3 -I" in line for of in STEPS.values() for line in of["run"].splitlines() if "python3 " in line)


@pytest.mark.parametrize(("inputs", "told"), [
    ({"args": "--locked"}, "failed: 1 warning, the lock is stale in 1 place"),
    ({"fail-on": "warn"}, "failed: 1 warning"),
    ({"args": "net.yaml\n--max-madds=1"}, "failed: 1 of 1 limit is not kept"),
])  # fmt: skip
def test_the_summary_says_what_the_check_says(runner: Path, inputs: dict[str, str], told: str):
    work = runner / "work"
    (work / "costcalc.toml").write_text('[[budget]]\nspec = "*.yaml"\nmadds = "<= 1"\nlevel = "warn"\n')
    subprocess.run([sys.executable, "-m", "costcalc", "lock"], cwd=work, check=True, capture_output=True)
    (work / "net.yaml").write_text(NET.replace("out: 16", "out: 15"))
    assert step(runner, "check", inputs).returncode == 1
    summary = (runner / "summary").read_text()
    assert f"### costcalc: {told}" in summary
    assert "1 layer changed" in summary


def test_the_gitlab_job(runner: Path):
    work = runner / "work"
    (script,) = yaml.safe_load(TEMPLATE.read_text())["costcalc"]["script"]
    path = f"{runner / 'temp' / 'costcalc-venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"

    def run(**variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-ec", script], cwd=work, env={"PATH": path, "HOME": str(runner), **variables},
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    assert run().returncode == 0
    assert json.loads((work / "gl-code-quality-report.json").read_text()) == []
    (work / "net.yaml").write_text(NET.replace("out: 16", "out: 17"))
    done = run(CI_MERGE_REQUEST_DIFF_BASE_SHA=git(work, "rev-parse", "HEAD"))
    assert done.returncode == 1
    (issue,) = json.loads((work / "gl-code-quality-report.json").read_text())
    assert issue["location"] == {"path": "net.yaml", "lines": {"begin": 5}}
    assert "against" in done.stdout


# -- pre-commit


def test_the_hook_in_a_real_run(tmp_path: Path):
    """Installs this checkout as pre-commit does, which takes packages from where pip finds them."""
    pytest.importorskip("pre_commit", reason="needs the extra `crosscheck`")
    command = [sys.executable, "-m", "pre_commit", "validate-manifest", str(ROOT / ".pre-commit-hooks.yaml")]
    assert subprocess.run(command, check=False).returncode == 0
    manifest: list[dict[str, Any]] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    source = tmp_path / "costcalc"
    kept = ("costcalc", "specs", "pyproject.toml", "README.md", "LICENSE", ".pre-commit-hooks.yaml", "CHANGELOG.md")
    source.mkdir()
    for name in kept:
        there = ROOT / name
        skipped = shutil.ignore_patterns("__pycache__")
        shutil.copytree(there, source / name, ignore=skipped) if there.is_dir() else shutil.copy(there, source / name)
    git(source, "init")
    git(source, "add", ".")
    git(source, "commit", "-m", "all")
    project = tmp_path / "project"
    (project / "specs").mkdir(parents=True)
    (project / "specs" / "net.yaml").write_text(NET)
    (project / "costcalc.toml").write_text(f'[[budget]]\nspec = "specs/*.yaml"\nmadds = "<= {MADDS}"\n')
    repos = [{"repo": str(source), "rev": git(source, "rev-parse", "HEAD"), "hooks": [{"id": manifest[0]["id"]}]}]
    (project / ".pre-commit-config.yaml").write_text(yaml.safe_dump({"repos": repos}))
    git(project, "init")
    git(project, "add", ".")
    environment = {**os.environ, "PRE_COMMIT_HOME": str(tmp_path / "home"), "PRE_COMMIT_COLOR": "never"}

    def run() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pre_commit", "run", "--all-files"]
        return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)

    first = run()
    assert first.returncode == 0, first.stdout + first.stderr
    assert "Passed" in first.stdout
    (project / "specs" / "net.yaml").write_text(NET.replace("out: 16", "out: 17"))
    second = run()
    assert second.returncode == 1
    assert "1,728 above the limit" in second.stdout

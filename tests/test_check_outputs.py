"""What machines read of a check: each format after its own rules, by readers that are not ours, and all with one number."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import junit2htmlreport.parser
import junitparser
import pytest
from jsonschema import Draft4Validator

DATA = Path(__file__).parent / "data"
NASTY = "a%b\nc,d:e]]>f\x1b[31mg\u202eh\"i'j<k>&l\u2028m\x07n😀"
QUOTED = '"' + "".join(c if c.isprintable() and c != '"' else f"\\u{ord(c):04x}" for c in NASTY) + '"'
SPEC = """\
costcalc: 1
name: {name}
hyperparameters: {{alpha: 1}}
input: [3, 8, 8]
layers:
  - conv: {{out: 16*alpha, kernel: 3, bias: false}}
    as: stem
  - opaque: {{op: {op}, as: odd}}
  - conv: {{out: 10, kernel: 1, bias: false}}
    as: head
"""
TOML = """\
[[budget]]
spec = "{file}"
madds = "<= 1000"
activations = "<= 1G"
stages = {{stem = {{params = "<= 431"}}}}
[[budget]]
spec = "{file}"
set = {{alpha = 2}}
madds = "<= 2000"
level = "warn"
[[budget]]
spec = "broken.yaml"
"""
MADDS = (432 + 160) * 64  # 3*3*3*16 and 16*10 weights at 8*8 places
Cli = Callable[..., Any]


@pytest.fixture(params=["net.yaml", "odd, %: name #1 ü.yaml", "with]]>&\"'.yaml", "new\nline\x1b[31m.yaml"])
def folder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A specs directory inside a repository, seen from a directory of it; the spec's name is the parameter."""
    (tmp_path / ".git").mkdir()
    inner = tmp_path / "inner"
    inner.mkdir()
    monkeypatch.chdir(inner)
    (inner / request.param).write_text(SPEC.format(name=QUOTED, op="nms"))
    (inner / "broken.yaml").write_text(SPEC.format(name="x", op="nms").replace("kernel: 3", "kernal: 3"))
    (inner / "costcalc.toml").write_text(TOML.format(file=json.dumps(request.param, ensure_ascii=True)[1:-1]))
    return inner


def run(cli: Cli, format: str) -> str:
    done = cli("check", "--format", format)
    assert (done.code, done.err.count("Traceback")) == (2, 0)
    return done.out


def document(cli: Cli) -> dict[str, Any]:
    return json.loads(run(cli, "json"))


def spec_of(folder: Path) -> str:
    (name,) = {p.name for p in folder.glob("*.yaml")} - {"broken.yaml"}
    return name


def test_the_document_has_exact_numbers(cli: Cli, folder: Path):
    found = document(cli)
    assert [(o["metric"], o["scope"], o["value"], o["limit"], o["passed"], o["level"]) for o in found["budgets"]] == [
        ("madds", "network", MADDS, 1000, False, "error"),
        ("activations", "network", (16 + 16 + 10) * 64, 10**9, True, "error"),
        ("params", "stage", 432, 431, False, "error"),
        ("madds", "network", (864 + 320) * 64, 2000, False, "warn"),
    ]
    assert found["budgets"][0]["uncounted"] == ["odd"]
    assert found["budgets"][2]["location"]["file"] == f"inner/{spec_of(folder)}"
    assert found["budgets"][2]["location"]["line"] == 6
    assert [e["line"] for e in found["errors"]] == [6]


# -- SARIF


def test_sarif_is_valid_and_has_what_github_wants(cli: Cli, folder: Path):
    log = json.loads(run(cli, "sarif"))
    schema = json.loads((DATA / "sarif-schema-2.1.0.json").read_text())
    assert not list(Draft4Validator(schema).iter_errors(log))
    (only,) = log["runs"]
    rules = only["tool"]["driver"]["rules"]
    for rule in rules:
        for text in (rule["shortDescription"], rule["fullDescription"], rule["help"]):
            assert 0 < len(text["text"]) <= 1024
        assert rule["help"]["markdown"]
        assert 0 < len(rule["name"]) <= 255
    assert log["$schema"].endswith("sarif-2.1.0.json")
    assert only["automationDetails"]["id"].endswith("/")
    assert only["invocations"][0]["executionSuccessful"] is False, "a spec could not be read"
    assert len(only["results"]) >= 5
    prints = [result["partialFingerprints"]["primaryLocationLineHash"] for result in only["results"]]
    assert len(set(prints)) == len(prints)
    for result in only["results"]:
        assert result["message"]["text"]
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        (place,) = result["locations"]
        physical = place["physicalLocation"]
        uri = physical["artifactLocation"]["uri"]
        assert re.fullmatch(r"[A-Za-z0-9._~/%-]+", uri), "a relative URI, escaped"
        assert (folder.parent / unquote(uri)).is_file()
        region = physical["region"]
        assert region["startLine"] >= 1
        assert region["endColumn"] > region["startColumn"] >= 1
        assert set(region) == {"startLine", "startColumn", "endLine", "endColumn"}
    numbers = {(r["properties"]["metric"], r["properties"]["value"]) for r in only["results"] if "properties" in r}
    wanted = {(o["metric"], o["value"]) for o in document(cli)["budgets"] if not o["passed"]}
    assert numbers == wanted


# -- JUnit


def test_junit_is_read_by_two_readers(cli: Cli, folder: Path, tmp_path: Path):
    text = run(cli, "junit")
    (tmp_path / "report.xml").write_text(text, encoding="utf-8")
    first = junitparser.JUnitXml.fromfile(str(tmp_path / "report.xml"))
    cases = [case for suite in first for case in suite]
    assert (first.tests, first.failures, first.errors) == (5, 2, 1)
    failing = {c.name: c.result[0] for c in cases if c.result}
    assert sum(isinstance(r, junitparser.Failure) for r in failing.values()) == 2
    assert f"{MADDS:,} MAdds" in next(r.text for n, r in failing.items() if "MAdds" in n)
    second = junit2htmlreport.parser.Junit(str(tmp_path / "report.xml"))
    classes = [of for suite in second.suites for of in suite.classes.values()]
    assert sum(len(of.cases) for of in classes) == 5
    assert sum(case.failed() for of in classes for case in of.cases) == 3
    values = {p.value for of in classes for case in of.cases for p in case.properties if p.name == "value"}
    assert values == {str(o["value"]) for o in document(cli)["budgets"]}
    assert "<html" in second.html()


def test_a_warning_is_no_failure_in_junit_unless_it_fails(cli: Cli, folder: Path):
    strict = cli("check", "--format", "junit", "--fail-on", "warn").out
    assert junitparser.JUnitXml.fromstring(strict.encode()).failures == 3


# -- GitHub


def decoded(line: str) -> tuple[str, dict[str, str], str]:
    """A workflow command as GitHub's documentation has it read: command, properties, message."""
    match = re.fullmatch(r"::(\w+)(?: ([^:]*(?:%3A[^:]*)*))?::(.*)", line)
    assert match, line
    properties = dict(pair.split("=", 1) for pair in (match[2] or "").split(",") if pair)

    def back(text: str, codes: dict[str, str]) -> str:
        return re.sub("|".join(codes), lambda m: codes[m[0]], text)

    data = {"%25": "%", "%0D": "\r", "%0A": "\n"}
    named = {key: back(value, data | {"%3A": ":", "%2C": ","}) for key, value in properties.items()}
    return match[1], named, back(match[3], data)


def test_annotations_survive_everything(cli: Cli, folder: Path):
    lines = run(cli, "github").rstrip("\n").split("\n")
    commands = [decoded(line) for line in lines]
    assert [command for command, _, _ in commands] == ["error"] * 4 + ["warning"] * 2 + ["notice"]
    for _, properties, message in commands[:-1]:
        assert properties["line"].isdigit()
        assert properties["line"] == properties["endLine"]
        assert int(properties["col"]) < int(properties["endColumn"])
        assert "\x1b" not in message
        assert "\u202e" not in message
    over = next(text for _, _, text in commands if "MAdds are" in text and "above" in text)
    assert f"{MADDS:,} MAdds are {MADDS - 1000:,} above the limit of 1,000" in over
    plain = spec_of(folder)
    if plain.isprintable():
        assert {p["file"] for _, p, _ in commands if "file" in p} == {
            "inner/costcalc.toml", f"inner/{plain}", "inner/broken.yaml",
        }  # fmt: skip


# -- GitLab


def issues(cli: Cli) -> list[dict[str, Any]]:
    return json.loads(run(cli, "gitlab"))


def test_gitlab_fingerprints_are_unique_and_stay(cli: Cli, folder: Path):
    before = issues(cli)
    assert {issue["severity"] for issue in before} <= {"info", "minor", "major", "critical", "blocker"}
    for issue in before:
        assert issue["description"]
        assert issue["check_name"].startswith("costcalc/")
        assert (folder.parent / issue["location"]["path"]).is_file()
        assert issue["location"]["lines"]["begin"] >= 1
    prints = [issue["fingerprint"] for issue in before]
    assert len(set(prints)) == len(prints) == 6
    for name in (spec_of(folder), "costcalc.toml", "broken.yaml"):
        path = folder / name
        path.write_text("# a line\n" * 10 + path.read_text().replace("out: 10", "out: 11").replace("431", "430"))
    after = issues(cli)
    assert [issue["fingerprint"] for issue in after] == prints, "lines and numbers are others, and the findings are not"
    assert after != before


def test_several_outputs_in_one_run(cli: Cli, folder: Path):
    formats = {"json": "a.json", "sarif": "b.sarif", "junit": "c.xml", "gitlab": "d.json", "github": "e.txt", "md": "f.md"}
    saved = [part for format, name in formats.items() for part in ("--save", f"{format}={name}")]
    assert cli("check", *saved).code == 2
    for format, name in formats.items():
        assert (folder / name).read_text(encoding="utf-8") == run(cli, format)

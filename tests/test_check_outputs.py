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

from costcalc.errors import Problem, Source, Span
from costcalc.render.findings import findings
from costcalc.render.junit import junit
from costcalc.review.check import check_policy
from costcalc.review.places import relative
from costcalc.review.review import Review

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


def test_a_percent_sign_stays_one(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The runner reads `%25` back as `%`, and `%0A` as a new line, at which a command could begin."""
    monkeypatch.chdir(tmp_path)
    name = "50%25 off%0A::error::x.yaml"
    (tmp_path / name).write_text("costcalc: 1\ninput: [3, 8, 8]\nlayers: [conv: {out: 4, kernel: 1}]\n")
    (tmp_path / "costcalc.toml").write_text('[[budget]]\nspec = "*.yaml"\nmadds = "<= 1"\n')
    line = cli("check", "--format", "github").out.split("\n")[0]
    assert "50%2525 off%250A" in line
    _, _, message = decoded(line)
    assert message.startswith(f"{name}: 768 MAdds")


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


# -- what grew, what is stale, and odd names: the same in every format

GROWN = """\
costcalc: 1
name: grown
input: [3, 8, 8]
layers:
  - conv: {out: 16, kernel: 3, bias: false}
    as: stem
  - conv: {out: 10, kernel: 1, bias: false}
    as: head
"""
GROWTH = """\
[[budget]]
spec = "*.yaml"
madds = "<= 40k"
max_increase = {madds = "2%", params = "25%"}
[[budget]]
spec = "*.yaml"
layers = {head = {madds = "<= 12799"}}
level = "warn"
"""
BEFORE, AFTER = (27 * 16 + 16 * 10) * 64, (27 * 20 + 20 * 10) * 64  # 37,888 and 47,360 MAdds
ALLOWED = BEFORE * 102 // 100
EXCEEDED = {
    ("budget", AFTER, AFTER - 40_000),
    ("increase", AFTER, AFTER - ALLOWED),
    ("budget", 12_800, 1),
}
ABOVE = re.compile(r"([0-9,]+) MAdds(?: of layer `head`)? are ([0-9,]+) above")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory inside a repository."""
    (tmp_path / ".git").mkdir()
    inner = tmp_path / "inner"
    inner.mkdir()
    monkeypatch.chdir(inner)
    return inner


@pytest.fixture
def grown(cli: Cli, place: Path) -> Path:
    """A network that grew since it was locked."""
    (place / "net.yaml").write_text(GROWN)
    (place / "costcalc.toml").write_text(GROWTH)
    assert cli("lock").code == 0
    (place / "net.yaml").write_text(GROWN.replace("out: 16", "out: 20"))
    return place


def told(text: str) -> tuple[int, int]:
    """The number of a message, and by how much it is too large."""
    value, over = (int(number.replace(",", "")) for number in ABOVE.search(text).groups())
    return value, over


def messages(cli: Cli, format: str, *more: str) -> list[tuple[str, str]]:
    """Rule and message of each finding."""
    text = cli("check", *more, "--fail-on", "warn", "--format", format).out
    if format == "github":
        commands = [decoded(line) for line in text.splitlines()[:-1]]
        return [(re.fullmatch(r"costcalc \((.+)\)", named["title"])[1], told) for _, named, told in commands]
    if format == "sarif":
        return [(r["ruleId"], r["message"]["text"]) for r in json.loads(text)["runs"][0]["results"]]
    if format == "gitlab":
        return [(i["check_name"].removeprefix("costcalc/"), i["description"]) for i in json.loads(text)]
    cases = [case for suite in junitparser.JUnitXml.fromstring(text.encode()) for case in suite]
    return [(result.type, result.message) for case in cases for result in case.result]


@pytest.mark.parametrize("format", ["github", "sarif", "junit", "gitlab"])
def test_every_format_tells_the_same_numbers(cli: Cli, grown: Path, format: str):
    found = messages(cli, format, "--locked")
    assert {(rule, *told(text)) for rule, text in found if rule != "stale-lock"} == EXCEEDED
    (stale,) = [text for rule, text in found if rule == "stale-lock"]
    assert f"parameters 592 -> 740, MAdds {BEFORE:,} -> {AFTER:,}" in stale
    assert len(found) == 4
    budgets = json.loads(cli("check", "--format", "json").out)["budgets"]
    exact = {("increase" if b["max_increase"] else "budget", b["value"], -b["headroom"]) for b in budgets if not b["passed"]}
    assert exact == EXCEEDED
    assert [(b["value"], b["limit"]) for b in budgets if b["passed"]] == [(740, 740)], "25% more, and 25% are allowed"


def test_sarif_leads_from_the_layer_to_its_limit(cli: Cli, grown: Path):
    only = json.loads(cli("check", "--format", "sarif").out)["runs"][0]
    assert only["invocations"] == [{"executionSuccessful": True}]
    first, *_, last = only["results"]
    for result, line, limit in ((first, 5, 3), (last, 7, 7)):
        here, there = result["locations"][0]["physicalLocation"], result["relatedLocations"][0]["physicalLocation"]
        assert (here["artifactLocation"]["uri"], here["region"]["startLine"]) == ("inner/net.yaml", line)
        assert (there["artifactLocation"]["uri"], there["region"]["startLine"]) == ("inner/costcalc.toml", limit)
    assert (first["level"], last["level"]) == ("error", "warning")


def test_a_limit_of_the_command_line_points_at_the_spec(cli: Cli, place: Path):
    (place / "net.yaml").write_text(GROWN)
    done = cli("check", "net.yaml", "--max-madds", "1000", "--format", "sarif")
    (result,) = json.loads(done.out)["runs"][0]["results"]
    physical = result["locations"][0]["physicalLocation"]
    assert physical["artifactLocation"]["uri"] == "inner/net.yaml"
    assert physical["region"] == {"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 2}
    (issue,) = json.loads(cli("check", "net.yaml", "--max-madds", "1000", "--format", "gitlab").out)
    assert issue["location"] == {"path": "inner/net.yaml", "lines": {"begin": 1}}


ODD = ["new\nline.yaml", "[x](http:evil){0}.yaml", "right\u202eleft.yaml", "\U0001f600ü.yaml", "not utf-8 \udcff.yaml"]


@pytest.fixture(params=ODD, ids=ascii)
def odd(request: pytest.FixtureRequest, place: Path) -> Path:
    """A spec whose file has an odd name, above its limit of which an error is made, and a warning."""
    try:
        (place / request.param).write_text(GROWN)
    except (OSError, UnicodeError):
        pytest.skip("no file can be called that here")
    (place / "costcalc.toml").write_text(
        '[[budget]]\nspec = "*.yaml"\nmadds = "<= 1000"\n' * 2 + 'level = "warn"\n'
    )
    return place


@pytest.mark.parametrize("format", ["github", "sarif", "junit", "gitlab"])
def test_an_odd_name_is_one_harmless_line(cli: Cli, odd: Path, format: str):
    found = messages(cli, format)
    assert len(found) == 2
    for _, text in found:
        first = text.split("\n")[0]
        assert told(first) == (BEFORE, BEFORE - 1000), "a name does not break the line"
        assert first.isprintable()


@pytest.mark.parametrize("format", ["sarif", "gitlab"])
def test_strict_readers_of_json_take_it(cli: Cli, odd: Path, format: str):
    out = cli("check", "--format", format).out
    assert out.isascii(), "it is right whatever encoding a pipe has"
    json.dumps(json.loads(out), ensure_ascii=False).encode()  # fails where half a character is left


def test_a_message_of_sarif_has_no_placeholder_and_no_link(cli: Cli, odd: Path):
    for _, text in messages(cli, "sarif"):
        assert not re.search(r"\{|\}", re.sub(r"\{\{|\}\}", "", text)), "braces are doubled (3.11.5)"
        assert not re.search(r"\[(?:[^\[\]\\]|\\[\[\]\\])*\]\(", text), "the grammar of a link (3.11.6)"


def test_junit_is_ascii_and_each_case_has_a_name_of_its_own(odd: Path):
    text = junit(check_policy(), relative)
    assert text.isascii()
    (suite,) = junitparser.JUnitXml.fromstring(text.encode())
    names = [case.name for case in suite]
    assert names == ["MAdds <= 1000", "MAdds <= 1000 (2)"], "servers merge the cases of one name"
    assert {case._elem.get("file") for case in suite} == {"inner/costcalc.toml"}
    assert [case._elem.get("line") for case in suite] == ["3", "6"]


def test_fingerprints_of_faults_have_no_number_of_a_line():
    source = Source("net.yaml", "")

    def prints(*texts: str) -> list[str]:
        faults = tuple(Problem(text, Span(source, line, 1, 2)) for line, text in enumerate(texts, start=1))
        return [finding.fingerprint for finding in findings(Review((), (), (), faults, "", ()))]

    before = prints("no UTF-8 in line 3, byte 1,007", "no UTF-8 in line 4, byte 8", "`conv1` has no `out`", "`conv2` has no `out`")
    assert len(set(before)) == 4
    assert before == prints("no UTF-8 in line 13, byte 9", "no UTF-8 in line 14, byte 8", "`conv1` has no `out`", "`conv2` has no `out`")
    assert prints("`conv2` has no `out`") == before[3:]

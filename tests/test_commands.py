"""`convert`, `list`, `schema` and `init`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from printed import SPECS, columns_of, unversioned

from costcalc.spec import bundled
from costcalc.version import VERSION

GOLDEN = Path(__file__).parent / "golden"
Cli = Callable[..., Any]
Golden = Callable[[Path, str], None]


def test_convert(cli: Cli, golden: Golden, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(SPECS)
    run = cli("convert", "small.yaml", "-", "--alpha", "6/7")
    document = json.loads(run.out)
    assert list(document) == ["schema", "version", "network", "hyperparameters", "input", "outputs", "nodes"]
    assert (document["schema"], document["hyperparameters"]["alpha"]) == ("costcalc/network/1", "6/7")
    assert (document["input"], document["outputs"]) == ([3, 48, 56], ["softmax"])
    known = {"input"}
    for node in document["nodes"]:
        assert set(node["inputs"]) <= known
        known.add(node["path"])
    golden(GOLDEN / "small.ir.json", unversioned(run.out))
    assert cli("convert", "small.yaml", str(tmp_path / "ir.json"), "--alpha", "6/7").out == ""
    assert (tmp_path / "ir.json").read_text(encoding="utf-8") == run.out
    assert cli("convert", "small.yaml", "--alpha", "6/7").out == run.out


@pytest.mark.parametrize(
    ("what", "some"), [("specs", "mobilenet_v1"), ("kinds", "depthwise"), ("conventions", "paper")]
)
def test_list(what: str, some: str, cli: Cli) -> None:
    lines = cli("list", what).out.splitlines()
    if what == "specs":  # a table with a head and a note
        lines = lines[4:-2]
    document = json.loads(cli("list", what, "--format", "json").out)
    assert (document["schema"], document["version"]) == ("costcalc/list/1", VERSION)
    assert [line.split()[0] for line in lines] == [entry["name"] for entry in document[what]]
    assert any(line.startswith(f"{some} ") for line in lines)
    assert all(entry["about"] for entry in document[what])


SCHEMA_ERRORS = {
    "a misspelt attribute": ("kernel: 3", "kernal: 3"),
    "a misspelt part": ("defaults:", "default:"),
    "a misspelt common part": ("as: stem", "nam: stem"),
    "an unknown part of a hyper-parameter": ("above: 0}", "over: 0}"),
    "a repeat without n": ("repeat: n", "repeats: n"),
    "another version": ("costcalc: 1", "costcalc: 2"),
    "no input": ("input:", "inputs:"),
    "a row of `expect` without its place": (", from: Table 1", ""),
}


def validator(cli: Cli) -> jsonschema.Draft7Validator:
    document = json.loads(cli("schema").out)
    assert document["$schema"] == "http://json-schema.org/draft-07/schema#"
    jsonschema.Draft7Validator.check_schema(document)
    return jsonschema.Draft7Validator(document)


def test_schema_admits_the_specs(cli: Cli, tmp_path: Path) -> None:
    valid = validator(cli)
    paths = [*bundled().values(), *SPECS.glob("*.yaml")]
    assert cli("init", str(tmp_path / "first.yaml")).code == 0
    for path in (*paths, tmp_path / "first.yaml"):
        errors = [error.message for error in valid.iter_errors(yaml.safe_load(path.read_text(encoding="utf-8")))]
        assert errors == [], path.name


@pytest.mark.parametrize("wrong", SCHEMA_ERRORS)
def test_schema_refuses_what_is_misspelt(wrong: str, cli: Cli) -> None:
    before, after = SCHEMA_ERRORS[wrong]
    text = (SPECS / "small.yaml").read_text(encoding="utf-8")
    assert before in text
    assert not validator(cli).is_valid(yaml.safe_load(text.replace(before, after)))


def test_schema_in_a_file(cli: Cli, tmp_path: Path) -> None:
    assert cli("schema", "-o", str(tmp_path / "schema.json")).code == 0
    assert (tmp_path / "schema.json").read_text(encoding="utf-8") == cli("schema").out


def test_init(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run = cli("init")
    assert (run.code, run.out) == (0, "")
    assert run.err.startswith("wrote network.yaml; try `costcalc report network.yaml`\n")
    report = cli("report", "network.yaml", "--alpha", "0.5")
    assert report.code == 0
    columns_of(report.out, "table")
    written = Path("network.yaml").read_text(encoding="utf-8")
    again = cli("init", "network.yaml")
    assert (again.code, again.err) == (2, "error: `network.yaml` is there already\n  help: choose another name\n")
    assert Path("network.yaml").read_text(encoding="utf-8") == written
    assert cli("init", "-").out.replace("FILE", "network.yaml") == written
    Path("dangling.yaml").symlink_to("nowhere/there.yaml")
    assert cli("init", "dangling.yaml").code == 2
    assert cli("init", "missing/network.yaml").code == 2

"""Programs of formulas, run by interpreters that know nothing of costcalc: they give the count, and nothing in them acts."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import random_specs
from closed_forms import Cli, counted, printed
from test_harmless import TEXTS

import costcalc
from costcalc.errors import CostcalcError

F = Fraction
SETTINGS = (
    {},
    {"alpha": "0.29", "resolution": 197},
    {"alpha": "6/7"},
    {"alpha": 0.35, "resolution": 96},
    {"alpha": 1.4},
)
NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="node is not installed")


TOTALS = ("params", "madds", "holds")
PYTHON = """
import importlib.util, json, sys
found = []
functions, cases = json.load(sys.stdin)
for path, setting in cases:
    spec = importlib.util.spec_from_file_location("formulas", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found.append([getattr(module, function)(**setting) for function in functions])
print(json.dumps(found))
"""
JAVASCRIPT = """
import { readFileSync } from "node:fs";
const [functions, cases] = JSON.parse(readFileSync(0, "utf-8"));
const found = [];
for (const [path, setting] of cases) {
  const module = await import(path);
  found.push(functions.map((name) => module[name](...Object.values(setting))));
}
console.log(JSON.stringify(found, (_, v) => (typeof v === "bigint" ? Number(v) : v)));
"""
RUNNERS = {
    "python": ([sys.executable, "-I", "-W", "error", "-c"], PYTHON),
    "javascript": ([NODE, "--input-type=module", "-e"], JAVASCRIPT),
}
languages = pytest.mark.parametrize("language", ["python", pytest.param("javascript", marks=needs_node)])


def run(
    language: str, cases: Sequence[tuple[str, Mapping[str, Any]]], functions: Sequence[str] = TOTALS
) -> list[list[Any]]:
    """What programs return at settings, in an interpreter that knows nothing of costcalc."""
    command, code = RUNNERS[language]
    done = subprocess.run(
        [*command, code], input=json.dumps([functions, cases]), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return list(json.loads(done.stdout))


def programs(cli: Cli, language: str, folder: Path, specs: Mapping[str, str]) -> dict[str, str]:
    """The files of the programs of specs: name and what names it on the command line."""
    files = {name: str(folder / f"{name}.{'py' if language == 'python' else 'mjs'}") for name in specs}
    for name, spec in specs.items():
        assert (
            printed(
                cli,
                spec,
                *(["--vary", "alpha,resolution,width"] if name.startswith("random") else []),
                "-o",
                files[name],
            )
            == ""
        )
    return files


@languages
def test_programs_give_the_count(language: str, cli: Cli, tmp_path: Path) -> None:
    specs = ["mobilenet_v1", "mobilenet_v2", "mobilenet_v3_large", "shufflenet_v1"]
    files = programs(cli, language, tmp_path, {spec: spec for spec in specs})
    named = [
        (s, {{"alpha": "scale"}.get(k, k) if s[0] == "s" else k: v for k, v in at.items()})
        for s in specs
        for at in SETTINGS
    ]
    found = run(language, [(files[spec], setting) for spec, setting in named])
    assert [values[:2] for values in found] == [counted(spec, setting) for spec, setting in named]
    assert all(holds for *_, holds in found[:5]), "MobileNet V1 has no condition but that there are channels"
    assert not all(holds for *_, holds in found[5:10]), "in MobileNet V2 shortcuts appear where widths agree"


@languages
def test_programs_of_random_networks(language: str, cli: Cli, tmp_path: Path) -> None:
    specs = {}
    for seed in range(24):
        (tmp_path / f"random{seed}.yaml").write_text(random_specs.spec(seed))
        try:
            costcalc.load(str(tmp_path / f"random{seed}.yaml"))
        except CostcalcError:
            continue
        specs[f"random{seed}"] = str(tmp_path / f"random{seed}.yaml")
    files = programs(cli, language, tmp_path, specs)
    cases = [
        (name, {"alpha": a, "resolution": r, "width": w}) for name in specs for a, r, w in [(1, 24, 8), ("0.8", 30, 12)]
    ]
    there = [(name, at) for name, at in cases if at["alpha"] == 1 or _is_network(specs[name], at)]
    found = run(language, [(files[name], at) for name, at in there if at["alpha"] == 1])
    assert [values for *values, _ in found] == [counted(specs[name], at) for name, at in there if at["alpha"] == 1]
    assert all(holds for *_, holds in found)
    assert len(specs) > 10


def _is_network(spec: str, setting: Mapping[str, Any]) -> bool:
    try:
        return bool(costcalc.load(spec, **setting))
    except CostcalcError:
        return False


@languages
def test_programs_know_every_function(language: str, cli: Cli, tmp_path: Path) -> None:
    """The greatest common divisor, taps that lie on padding, remainders, quotients, extremes."""
    path = tmp_path / "spec.yaml"
    path.write_text(
        "costcalc: 1\nhyperparameters: {r: 24, w: 8}\ninput: [3, r, r + 1]\nlayers:\n"
        "  - conv: {out: 'max(4, min(w, 40)) + w % 5 + ceil(60/(w + 4)) + round(w/3)', kernel: 5, stride: 2}\n"
        "  - adaptive_max_pool: {out: 7}\n  - upsample: {size: r}\n  - adaptive_avg_pool: {out: 9}\n"
    )
    at = [{"r": r, "w": w} for r in (24, 31, 63) for w in (8, 13, 50)]
    for convention in ("flops", "valid"):
        file = tmp_path / f"{convention}.{'py' if language == 'python' else 'mjs'}"
        printed(cli, str(path), "--vary", "r,w", "--convention", convention, "--totals", "count", "-o", str(file))
        expected = [costcalc.load(str(path), **setting).report(convention).totals.count for setting in at]
        assert run(language, [(str(file), setting) for setting in at], ("count",)) == [[count] for count in expected]


WORDS = [
    "class",
    "lambda",
    "new",
    "q",
    "c1",
    "params",
    "madds",
    "holds",
    "whole",
    "math",
    "Fraction",
    "add",
    "gcd",
    "class_",
    "self",
    "pow",
]


@languages
def test_words_of_a_language_are_names_like_others(language: str, cli: Cli, tmp_path: Path) -> None:
    spec = tmp_path / "words.yaml"
    out = " + ".join(f"floor({i}.5*{word})" for i, word in enumerate(WORDS, 1))
    spec.write_text(f"costcalc: 1\nhyperparameters: {{{', '.join(f'{w}: 1' for w in WORDS)}}}\ninput: [3, 8, 9]\n"
                    f"layers: [adaptive_avg_pool: {{out: 7}}, conv: {{out: {out}, kernel: 3}}]\n")  # fmt: skip
    files = programs(cli, language, tmp_path, {"words": str(spec)})
    module = Path(files["words"]).read_text()
    names = re.findall(r"\w+(?= ?= ?1)", re.search(r"function params\((.*)\)|def params\((.*)\)", module)[0])  # type: ignore[index]
    assert len(set(names)) == len(WORDS)
    assert all(new.rstrip("_") == old.rstrip("_") for new, old in zip(names, WORDS, strict=True))
    channels = sum(i * 2 + 1 for i, _ in enumerate(WORDS, 1))  # floor(2 * (i + 1/2))
    [[params, madds, holds]] = run(language, [(files["words"], dict.fromkeys(names, 2))])
    assert (params, madds, holds) == (28 * channels, 27 * channels * 49, True)


EVIL = [
    *TEXTS,
    "coding: utf-7 +AAo-import sys+ADs-sys.exit(3)",
    "*/ process.exit(3) /*",
    '""" + exit(3) + """',
    "\u2028process.exit(3)",
]


@languages
def test_names_are_comments_in_programs(language: str, cli: Cli, tmp_path: Path) -> None:
    """Python reads an encoding from a comment in one of the first two lines; that is none of ours."""
    for i, text in enumerate(EVIL):
        path = tmp_path / f"evil{i}.yaml"
        path.write_text(f"costcalc: 1\nname: {json.dumps(text)}\nhyperparameters: {{alpha: 1}}\ninput: [3, 8, 8]\n"
                        "layers: [conv: {out: floor(8*alpha), kernel: 1}]\n")  # fmt: skip
    files = programs(cli, language, tmp_path, {f"evil{i}": str(tmp_path / f"evil{i}.yaml") for i in range(len(EVIL))})
    assert run(language, [(file, {"alpha": 2}) for file in files.values()]) == [[4 * 16, 3 * 16 * 64, True]] * len(EVIL)


@languages
def test_a_program_returns_no_count_that_is_none(language: str, cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(
        "costcalc: 1\nhyperparameters: {width: 8}\ninput: [3, 8, 8]\nlayers: [conv: {out: width, kernel: 1}]\n"
    )
    file = programs(cli, language, tmp_path, {"spec": str(path)})["spec"]
    assert "--vary" not in Path(file).read_text()
    printed(cli, str(path), "--vary", "width", "-o", file)
    with pytest.raises(AssertionError, match="the formula does not hold here"):
        run(language, [(file, {"width": "8.1"})])

"""Formulas as they are written: programs that run, expressions that evaluate, text that acts nowhere, errors that help."""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import sympy
from closed_forms import Cli, counted, printed
from markdown_it import MarkdownIt
from test_harmless import TEXTS, inert, write

from costcalc import number

F = Fraction


def document(cli: Cli, *arguments: str) -> dict[str, Any]:
    return dict(json.loads(printed(cli, *arguments, "--format", "json")))


# -- the JSON document -----------------------------------------------------------------------------------------------


def evaluated(text: str, names: Mapping[str, Any]) -> Any:
    """An expression of the document, its numbers taken as exact."""
    tree = ast.parse(text, mode="eval")
    for node in ast.walk(tree):
        for field, value in ast.iter_fields(node):
            if isinstance(value, ast.Constant):
                setattr(node, field, ast.parse(f"F({value.value})", mode="eval").body)
            if isinstance(value, list):
                value[:] = [
                    ast.parse(f"F({v.value})", mode="eval").body if isinstance(v, ast.Constant) else v for v in value
                ]
    return eval(compile(ast.fix_missing_locations(tree), "document", "eval"), dict(MEANING), dict(names))


MEANING = {
    "F": F, "floor": math.floor, "ceil": math.ceil, "max": max, "min": min, "make_divisible": number.make_divisible,
    "taps_inside": number.taps_inside, "gcd": math.gcd, "__builtins__": {},
}  # fmt: skip


@pytest.mark.parametrize("spec", ["mobilenet_v1", "mobilenet_v2", "shufflenet_v1"])
def test_the_document(spec: str, cli: Cli) -> None:
    found = document(cli, spec, "--by", "stage")
    report = json.loads(cli("report", spec, "--by", "stage", "--format", "json").out)
    assert list(found) == [
        "schema", "version", "network", "convention", "batch", "dtype", "status", "symbols", "hyperparameters", "derived",
        "ideal", "exact", "counted", "ideal_equals_exact", "exact_holds", "checked_at", "rows",
    ]  # fmt: skip
    assert (found["schema"], found["network"], found["status"]) == ("costcalc/formula/1", report["network"], "complete")
    assert found["counted"] == {"params": report["totals"]["params"], "madds": report["totals"]["madds"]}
    assert {**found["symbols"], **found["hyperparameters"]}.keys() | found["derived"].keys() == report[
        "hyperparameters"
    ].keys()
    assert [(r["path"], r["counted"]) for r in found["rows"]] == [
        (r["path"], {"params": r["params"], "madds": r["madds"]}) for r in report["rows"]
    ]
    assert found["symbols"] == found["checked_at"][0]
    for setting in found["checked_at"][:8]:
        names = {name: F(str(value)) for name, value in setting.items()}
        values = [evaluated(found["exact"][total], names) for total in ("params", "madds")]
        assert values == counted(spec, setting)
        if all(
            F(str(setting[name])) % F(str(step)) == 0
            for name, step in found["ideal_equals_exact"]["multiples_of"].items()
        ):
            point = {name: sympy.Rational(str(value)) for name, value in setting.items()}
            ideal = [sympy.sympify(found["ideal"][total]).subs(point) for total in ("params", "madds")]
            tests = [evaluated(c, names) for c in found["ideal_equals_exact"]["conditions"]]
            assert ideal == values or not all(tests)
        assert all(evaluated(c, names) for c in found["exact_holds"]["conditions"])
        assert all(names[name] >= F(str(value)) for name, value in found["exact_holds"]["at_least"].items())


def test_a_symbol_that_is_a_word_of_python(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(
        "costcalc: 1\nhyperparameters: {lambda: 1}\ninput: [3, 8, 8]\nlayers: [conv: {out: 8*lambda, kernel: 1}]\n"
    )
    found = document(cli, str(path))
    assert (found["written_as"], found["symbols"]) == ({"lambda": "lambda_"}, {"lambda": 1})
    assert eval(found["ideal"]["params"], {}, {"lambda_": 3}) == 3 * 32
    assert "params = 32 lambda" in printed(cli, str(path))
    assert r"32\,\lambda" in printed(cli, str(path), "--latex")


def test_derivatives_in_the_document(cli: Cli) -> None:
    params, madds = document(cli, "mobilenet_v1", "--derivative", "alpha")["derivatives"]
    assert params == {"of": "params", "by": "alpha", "ideal": "6279168*alpha + 1091392", "elasticity": "921320/528997"}
    assert F(params["elasticity"]) == F(2 * 3_139_584 + 1_091_392, 4_231_976)
    assert madds["of"] == "madds"


def test_what_is_not_counted_is_said(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(
        "costcalc: 1\nhyperparameters: {alpha: 1}\ninput: [3, 8, 8]\nlayers: [conv: {out: 8*alpha, kernel: 1}, opaque: {op: nms}]\n"
    )
    found = document(cli, str(path), "--by", "layer")
    assert (found["status"], found["uncounted"]) == ("partial", ["opaque"])
    assert [list(row["ideal"]) for row in found["rows"]] == [["params", "madds"], []]
    text = printed(cli, str(path), "--by", "layer")
    assert "\n  opaque  not counted\n" in text
    assert "\npartial    not counted, and in no formula: opaque\n" in text
    assert "partial, not counted: opaque" in printed(cli, str(path), "--format", "python")
    assert "partial, not counted: opaque" in printed(cli, str(path), "--latex")


def test_a_formula_of_one_term_stands_beside_a_count_that_it_is_not(cli: Cli, tmp_path: Path) -> None:
    """27 * 16 weights at 29/2 rounded up squared; 108 s^2 takes the half as it is."""
    path = tmp_path / "spec.yaml"
    path.write_text("costcalc: 1\nhyperparameters: {s: 29}\ninput: [3, s, s]\nlayers: [conv: {out: 16, kernel: 3, stride: 2, bias: false}]\n")
    text = printed(cli, str(path))
    assert re.search(rf"\n108 s\^2 +{108 * 29**2:,} .*\n-+\ntotal .*\ncounted +{27 * 16 * 15**2:,} +107\.02%\n", text)
    assert "\ncounted" not in printed(cli, str(path), "--set", "s=30").partition("MAdds")[2]


def test_what_is_rounded_at_every_size_is_exact_for_none(cli: Cli, tmp_path: Path) -> None:
    """ceil((s - 1) / 4) + 1 windows, of which one would start after the input: s/4 + 1/4, a quarter off or more."""
    path = tmp_path / "spec.yaml"
    pool = "max_pool: {kernel: 3, stride: 4, padding: 1, ceil_mode: true}"
    path.write_text(f"costcalc: 1\nhyperparameters: {{s: 32}}\ninput: [8, s, s]\nlayers: [{pool}, conv: {{out: 4, kernel: 1}}]\n")
    assert "\nexact for  no setting: at each, something is rounded\n" in printed(cli, str(path))
    assert r"exact for $\text{no setting}$" in printed(cli, str(path), "--latex")


def test_a_part_is_named(cli: Cli) -> None:
    """The stem of MobileNet V1: 27 weights and 2 values of its norm for each of 32 channels."""
    arguments = ("mobilenet_v1", "--layer", "conv")
    found = document(cli, *arguments)
    assert (found["part"], found["ideal"]["params"], found["counted"]["params"]) == (
        "conv",
        f"{32 * 29}*alpha",
        32 * 29,
    )
    for format_, line in (
        ("text", "part       conv\n"),
        ("md", "- part: conv\n"),
        ("latex", "% part: conv\n"),
        ("python", "# part: conv\n"),
    ):
        assert line in printed(cli, *arguments, "--format", format_)


# -- text, Markdown, LaTeX -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spec", ["mobilenet_v1", "mobilenet_v3_large", "shufflenet_v1"])
@pytest.mark.parametrize("options", [(), ("--exact",), ("--exact", "--by", "stage"), ("--derivative", "resolution")])
def test_text_fits_a_page(spec: str, options: tuple[str, ...], cli: Cli) -> None:
    text = printed(cli, spec, *options)
    assert max(map(len, text.splitlines())) <= 92
    assert inert(text)
    assert not re.search(r" $|\n\n\n", text, re.MULTILINE)


@pytest.mark.parametrize("spec", ["mobilenet_v1", "mobilenet_v3_large", "shufflenet_v1"])
@pytest.mark.parametrize("options", [(), ("--exact",)])
def test_tables_of_terms_add_up(spec: str, options: tuple[str, ...], cli: Cli) -> None:
    """Also to the count, which is shown where the ideal formula gives something else."""
    totals = counted(spec, {})
    for table, wanted in zip(
        re.findall(r"Share\n-+\n(.*?)(?:\n\n|\Z)", printed(cli, spec, *options), re.DOTALL), totals, strict=True
    ):
        terms, sums = (part.splitlines() for part in re.split(r"\n-+\n", table))
        values = [int(line.split()[-2].replace(",", "")) for line in terms]
        shares = [F(line.split()[-1].rstrip("%")) for line in terms]
        printed_sums = [int(line.split()[-2].replace(",", "")) for line in sums]
        assert (sum(values), printed_sums[-1]) == (printed_sums[0], wanted)
        assert abs(sum(shares) - 100) < F(len(terms), 100), "a negative term has a negative share"
        assert [abs(v) for v in values] == sorted((abs(v) for v in values), reverse=True)


def test_names_of_roundings_stand_for_them(cli: Cli) -> None:
    """Evaluated with the values that are listed beside them, the short formulas give the count."""
    text = printed(cli, "mobilenet_v2", "--exact")
    names = {
        name: F(value.replace(",", "")) for name, value in re.findall(r"^  (\w+) += .*  ([\d,]+)$", text, re.MULTILINE)
    }
    assert re.search(r"^  a2 = make_divisible\(16 alpha, 8\) +16$", text, re.MULTILINE)
    assert re.search(r"^  r1 = ceil\(resolution/2\) +112$", text, re.MULTILINE)
    for metric, wanted in zip(("params", "MAdds"), counted("mobilenet_v2", {}), strict=True):
        formula = re.search(rf"^{metric} += (.*?)(?=\nMAdds|\n\n)", text, re.MULTILINE | re.DOTALL)[1]  # type: ignore[index]
        assert eval(re.sub(r"(?<=\w) (?=\w)", "*", " ".join(formula.split())).replace("^", "**"), {}, names) == wanted


def test_names_are_given_to_what_stands_in_several_places(cli: Cli, tmp_path: Path) -> None:
    """And are none of a symbol. What is used once stays where it is, and formulas of one line need no names."""
    outs = ["floor(10*alpha)", "floor(20*alpha)", "floor(30*alpha)", "ceil(40*alpha/3)", "a1 + ceil(11*alpha)"]
    head = "costcalc: 1\nhyperparameters: {alpha: {default: 1, at_least: 0.5}, a1: 1}\ninput: [3, 9, 8]\nlayers:\n"
    for count, named in ((1, False), (5, True)):
        layers = "".join(f"  - conv: {{out: '{out}', kernel: {3 + 2 * i}}}\n" for i, out in enumerate(outs[-count:]))
        (tmp_path / "spec.yaml").write_text(head + layers)
        text = printed(cli, str(tmp_path / "spec.yaml"), "--exact")
        assert ("\nwhere\n  a1_ = floor(10 alpha)" in text, " a1 " in text) == (named, True)
        assert "alpha >= 0.5\n" in text
        ideal = printed(cli, str(tmp_path / "spec.yaml"))
        assert ("alpha a multiple of 3\n" if named else "alpha a multiple of 1/11\n") in ideal
        assert ("alpha >= 0.5\n" in ideal) != named, "what a multiple of 3 is anyway"
    once = "".join(
        f"  - repeat: {{n: 2, layers: [conv: {{out: 'a1 + floor({i}*alpha) - floor({i}*alpha) + 8', kernel: 1}}]}}\n"
        for i in range(9)
    )
    (tmp_path / "spec.yaml").write_text(head + once + "  - conv: {out: 8, kernel: ceil(3*alpha)}\n")
    assert "where" not in printed(cli, str(tmp_path / "spec.yaml"), "--exact")


def test_known_lines(cli: Cli) -> None:
    text = printed(cli, "mobilenet_v1")
    assert "\nparams = 3139584 alpha^2 + 1091392 alpha + 1000\n" in text
    assert "\nMAdds  = 10752 alpha^2 resolution^2 + 562.5 alpha resolution^2 + 1024000 alpha\n" in text
    assert "\nexact for  alpha a multiple of 1/32\n           resolution a multiple of 32\n" in text
    assert "elasticity 1.742: 1% more alpha is about 1.742% more params here" in printed(
        cli, "mobilenet_v1", "--derivative", "alpha"
    )
    assert r"\text{params} &= 3139584\,\alpha^{2} + 1091392\,\alpha + 1000 \\" in printed(
        cli, "mobilenet_v1", "--latex"
    )
    assert r"r_{2} &= \left\lceil \frac{\mathrm{resolution}}{4} \right\rceil \\" in printed(
        cli, "mobilenet_v1", "--exact", "--latex"
    )
    assert printed(cli, "mobilenet_v1", "--format", "latex") == printed(cli, "mobilenet_v1", "--latex")


@pytest.mark.parametrize(
    "options", [(), ("--exact",), ("--by", "layer"), ("--convention", "valid", "--exact"), ("--derivative", "alpha")]
)
def test_latex_is_balanced(options: tuple[str, ...], cli: Cli) -> None:
    text = re.sub(r"\\[{}]", "", printed(cli, "mobilenet_v2", "--latex", *options))
    lines = [line for line in text.splitlines() if not line.startswith("%")]
    depth = 0
    for brace in re.findall("[{}]", "\n".join(lines)):
        depth += 1 if brace == "{" else -1
        assert depth >= 0
    assert depth == 0
    assert (lines[0], lines[-1]) == (r"\begin{align*}", r"\end{align*}")
    for line in lines[1:-1]:
        assert line.count(r"\left") == line.count(r"\right"), "between them a line may not end"
        assert len(re.findall(r"(?<!\\)&", line)) == 1
        assert line.endswith(r" \\") == (line != lines[-2])
        assert not re.search(r"[^\x20-\x7e]|(?<!\\)[#$]", line)


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: re.sub(r"\W+", "-", text)[:20].strip("-") or "signs")
def test_text_of_a_spec_acts_nowhere(text: str, cli: Cli, tmp_path: Path) -> None:
    spec = write(tmp_path, text)
    arguments = (str(spec.path), "--convention", str(spec.convention), "--by", "node")
    for format_ in ("text", "md", "latex", "json", "python", "javascript"):
        assert inert(
            printed(
                cli,
                *(arguments[:3] if format_[-1] in "nt" and format_ in ("python", "javascript") else arguments),
                "--format",
                format_,
            )
        )
    tokens = MarkdownIt("commonmark").enable("table").parse(printed(cli, *arguments, "--format", "md"))
    inline = {child.type for token in tokens for child in token.children or ()}
    assert inline <= {"text", "code_inline"}
    assert sum(token.type == "heading_open" for token in tokens) == 1

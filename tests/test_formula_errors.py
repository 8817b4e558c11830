"""Formulas that cannot be had, and formulas from Python: errors that help, long formulas, the API."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import sympy
from closed_forms import Cli, counted, printed

import costcalc
from costcalc.errors import UsageError
from costcalc.explore import readings
from costcalc.number.polynomial import Polynomial
from costcalc.number.traced import Traced

F = Fraction


# -- errors ----------------------------------------------------------------------------------------------------------


def test_a_wrong_formula_is_never_printed(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    right = readings.expanded

    def wrong(graph: Any, x: Any) -> Polynomial:
        found = right(graph, x)
        return Polynomial(graph, dict(list(found.terms.items())[:-1]))

    monkeypatch.setattr(readings, "expanded", wrong)
    for format_ in ("text", "json", "python"):
        found = cli("formula", "mobilenet_v1", "--format", format_)
        assert (found.code, found.out) == (70, "")
        assert "the formula of params of total gives" in found.err
        assert "counted are 4231976" in found.err


def test_a_rule_that_differs_for_symbols_is_found(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Traced, "ceil", staticmethod(lambda x: Traced.floor(x)))
    found = cli("formula", "mobilenet_v1", "--resolution", "197", "--vary", "resolution")
    assert (found.code, found.out) == (70, "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("mobilenet_v1", "--vary", "alhpa"), "unknown hyper-parameter `alhpa`\n  help: did you mean `alpha`?"),
        (("mobilenet_v1", "--vary", ","), "`--vary` names no hyper-parameter"),
        (("mobilenet_v3_large", "--vary", "width_rule"), "`width_rule` is no number, and no formula is in it"),
        (("mobilenet_v3_large", "--vary", "minimalistic"), "`minimalistic` is no number, and no formula is in it"),
        (("mobilenet_v1", "--derivative", "classes"), "unknown symbol `classes`\n  help: known: `alpha`, `resolution`"),
        (("mobilenet_v1", "--exact", "--derivative", "alpha"), "an exact count moves in steps and has no derivative"),
        (("mobilenet_v1", "--totals", "flops"), "unknown total `flops`"),
        (("mobilenet_v1", "--totals", ","), "`--totals` names none"),
        (("mobilenet_v1", "--by", "row"), "unknown grouping `row`"),
        (("mobilenet_v1", "--layer", "stage77"), "unknown layer `stage77`"),
        (("mobilenet_v1", "--by", "stage", "--totals", "weight_bytes"), "rows have no weight_bytes"),
        (("mobilenet_v1", "--layer", "conv", "--totals", "peak_activation"), "rows have no peak_activation_bytes"),
        (("mobilenet_v1", "--depth", "1", "--by", "stage"), "`--depth` beside `--by` or `--layer`"),
        (("mobilenet_v1", "--format", "yaml"), "unknown format `yaml`"),
        (("mobilenet_v1", "--latex", "--format", "json"), "`--latex` beside `--format json`"),
        (("mobilenet_v1", "--by", "stage", "--format", "python"), "`--by` beside `--format python`"),
        (("mobilenet_v1", "--derivative", "alpha", "-o", "x.js"), "`--derivative` beside `--format javascript`"),
        (("mobilenet_v1", "--dtype", "float31"), "unknown dtype `float31`"),
        (("mobilenet_v1", "--alpha", "0.01"), "`out` is 0\n   --> mobilenet_v1:14:17"),
        (("mobilenet_v1", "--resolution", "7.5"), "a size of the input is 7.5\n  --> mobilenet_v1:9:12"),
        (("shufflenet_v1", "--groups", "5"), "`groups` cannot be 5\n  help: it is one of 1, 2, 3, 4, 8"),
        (("mobilenet_v1", "--convention", "nobody"), "unknown convention `nobody`"),
        (("nowhere",), "there is no file `nowhere` here"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)  # fmt: skip
def test_bad_usage(
    arguments: tuple[str, ...], message: str, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = cli("formula", *arguments)
    if message == "`--derivative` beside `--format javascript`":
        assert not (tmp_path / "x.js").exists()
    as_json = "json" in arguments
    assert (found.code, found.out) == (2, "")
    assert (json.loads(found.err)["errors"][0]["message"] if as_json else found.err).startswith(
        message if as_json else f"error: {message}"
    )


HARD = {  # what is repeated how often, and the formats that it is too long for, of those that are tried
    "chain": ("conv: {out: floor(in.channels*alpha), kernel: 1}", 150, {"text": False, "json": False, "python": False}),
    "double": ("conv: {out: floor(in.channels*alpha) + ceil(in.channels/alpha) - 8, kernel: 1}", 24, {"text": False, "json": True, "python": False}),
    "terms": ("conv: {out: in.channels*(alpha + beta + gamma - 2), kernel: 1}", 60, {"text": True}),
}  # fmt: skip


@pytest.mark.parametrize("name", HARD)
def test_long_formulas_end(name: str, cli: Cli, tmp_path: Path) -> None:
    """Roundings nested deeply, or twice at each level; more terms than anybody reads."""
    layer, times, formats = HARD[name]
    names = "{alpha: 1, beta: 1, gamma: 1}" if name == "terms" else "{alpha: 1}"
    (tmp_path / "hard.yaml").write_text(
        f"costcalc: 1\nhyperparameters: {names}\ninput: [8, 4, 4]\nlayers: [repeat: {{n: {times}, layers: [{layer}]}}]\n"
    )
    for format_, too_long in formats.items():
        found = cli("formula", str(tmp_path / "hard.yaml"), "--exact", "--format", format_)
        assert (found.code, bool(found.out)) == ((2, False) if too_long else (0, True))
        assert ("the formula is too long" in found.err) == too_long


STRUCTURE = """costcalc: 1
hyperparameters: {n: {default: 3, at_least: 0}, alpha: {default: 1, above: 0}, shift: 0, d: 4}
input: [8, 16, 16]
layers:
  - repeat: {n: n, layers: [conv: {out: 'floor(8*alpha) + max(shift, 0)', kernel: 1}]}
  - conv: {out: 'floor(64/d) % 10', kernel: 3, only_if: alpha > 0.5}
"""


@pytest.mark.parametrize(
    ("vary", "holds"),
    [
        ("n", ["n = 3"]), ("alpha", ["alpha > 0.5"]), ("shift", ["(max(0, shift) + 8) mod 1 = 0"]),
        ("d", ["d != 0", "floor(64/d) mod 10 >= 1"]), ("n,alpha", ["n = 3", "alpha > 0.5"]),
    ],
)  # fmt: skip
def test_structure_that_depends_on_a_symbol_is_a_condition(
    vary: str, holds: list[str], cli: Cli, tmp_path: Path
) -> None:
    (tmp_path / "spec.yaml").write_text(STRUCTURE)
    text = printed(cli, str(tmp_path / "spec.yaml"), "--vary", vary, "--exact")
    said = re.search(r"\nholds +(.*?)\nchecked", text, re.DOTALL)[1]  # type: ignore[index]
    assert [line.strip() for line in said.split("\n")] == holds


def test_everything_set_is_a_number(cli: Cli) -> None:
    text = printed(cli, "mobilenet_v1", "--alpha", "0.75", "--resolution", "192")
    assert "symbols    none\n" in text
    assert "\nMAdds  = 239273472\n" in text
    assert "equal at the 1 setting it is exact for" in " ".join(text.split())


def test_a_divisor_that_vanishes_where_nothing_is_rounded(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(
        "costcalc: 1\nhyperparameters: {alpha: 1}\ninput: [3, 8, 8]\n"
        "layers: [conv: {out: 'ceil(8*alpha/(ceil(1.2*alpha) - 1.2*alpha))', kernel: 1}]\n"
    )
    found = cli("formula", str(tmp_path / "spec.yaml"))
    assert (found.code, found.out) == (2, "")
    assert "there are no ideal formulas: a divisor is zero where it is not rounded" in found.err
    assert "params = 4 ceil(8 (alpha/(ceil(1.2 alpha) - 1.2 alpha)))" in printed(
        cli, str(tmp_path / "spec.yaml"), "--exact"
    )


# -- from Python -----------------------------------------------------------------------------------------------------


def test_the_api() -> None:
    form = costcalc.formula("mobilenet_v1.yaml")
    alpha, resolution = form.symbols.values()
    assert (
        form.madds
        == 10752 * alpha**2 * resolution**2 + sympy.Rational(1125, 2) * alpha * resolution**2 + 1024000 * alpha
    )
    assert (
        form.exact.madds.subs({alpha: sympy.Rational(29, 100), resolution: 197})
        == counted("mobilenet_v1", {"alpha": "0.29", "resolution": 197})[1]
    )
    assert (alpha.is_positive, alpha.is_integer, resolution.is_integer) == (True, None, True)
    assert form.text().startswith("MobileNet V1\n")
    assert "floor(32 alpha)" in form.text(exact=True)
    assert repr(form) == "<ClosedForm MobileNet V1: alpha, resolution>"
    with pytest.raises(AttributeError, match="known: params, madds"):
        assert form.activations
    half = costcalc.load("mobilenet_v1", alpha=0.5).formula(totals=["activations"], batch=4)
    assert list(half.symbols) == ["resolution"]
    model = costcalc.load("mobilenet_v1", alpha=0.5).report(batch=4)
    assert half.activations.subs({half.symbols["resolution"]: 224}) == model.totals.activations
    with pytest.raises(UsageError, match="unknown hyper-parameter"):
        costcalc.load("mobilenet_v1").formula(["beta"])


def test_symbols_that_may_be_negative_are_not_positive(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(STRUCTURE)
    form = costcalc.load(str(tmp_path / "spec.yaml")).formula(["shift"])
    shift = form.symbols["shift"]
    assert shift.is_positive is None
    assert [form.exact.params.subs(shift, x) for x in (-3, 2)] == [
        costcalc.load(str(tmp_path / "spec.yaml"), shift=x).report().totals.params for x in (-3, 2)
    ]

"""The command line and the Python face: what may be said how, and what it then means."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

import costcalc
from costcalc import SpecError, UsageError
from costcalc.cli.main import COMMANDS
from costcalc.spec import bundled
from costcalc.version import VERSION

Cli = Callable[..., Any]
SPECS = Path(__file__).parent / "specs"
DECLARED = (
    "the spec declares `alpha` (default 1), `resolution` (default 48), `wide` (default false), `rule` (default tf)"
)
SMALL, OPTIONS = str(SPECS / "small.yaml"), str(SPECS / "options.yaml")


def settings(cli: Cli, *arguments: str, **options: Any) -> dict[str, Any]:
    """The hyper-parameters that `costcalc report ARGUMENTS` counts with."""
    run = cli("report", "--format", "json", *arguments, **options)
    assert (run.code, run.err) == (0, "")
    return dict(json.loads(run.out)["hyperparameters"])


# -- hyper-parameters -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        (SMALL, "--alpha", "0.75", "--wide"),
        ("--alpha", "0.75", SMALL, "--wide"),
        ("--alpha", "0.75", "--wide", SMALL),
        ("--wide", SMALL, "--alpha", "0.75"),
        (SMALL, "--wide", "--alpha", "0.75"),
        (SMALL, "--wide", "true", "--alpha=0.75"),
        (SMALL, "--set", "alpha=0.75", "--set", "wide=true"),
        ("--set", "alpha=0.75", "--set=wide=true", SMALL),
        ("--batch", "2", "--alpha", "3/4", "--by", "kind", "--wide=true", SMALL),
        ("--alpha=3/4", "--wide", "--batch", "2", SMALL),
        ("--alpha", "75e-2", "--wide", "--", SMALL),
        (SMALL, "-o", "-", "--alpha", "0.75e0", "--wide"),
    ],
    ids=lambda arguments: " ".join(arguments).replace(SMALL, "SPEC"),
)
def test_settings_in_any_position(arguments: tuple[str, ...], cli: Cli) -> None:
    assert settings(cli, *arguments) == {"alpha": 0.75, "resolution": 48, "wide": True, "rule": "tf"}


def test_settings_are_exact(cli: Cli) -> None:
    assert settings(cli, SMALL, "--alpha", "6/7")["alpha"] == "6/7"
    assert settings(cli, SMALL, "--alpha", "0.35")["alpha"] == 0.35
    assert settings(cli, SMALL, "--resolution", "24*2")["resolution"] == 48
    assert settings(cli, SMALL, "--wide", "false", "--rule", "torch") == {
        "alpha": 1,
        "resolution": 48,
        "wide": False,
        "rule": "torch",
    }
    third = cli("report", "mobilenet_v1", "--alpha", "1/3", "--format", "json")
    assert json.loads(third.out)["layers"][0]["output"][0] == 32 // 3


def test_a_flag_before_the_spec_takes_no_value(cli: Cli) -> None:
    assert settings(cli, "--minimalistic", "mobilenet_v3_small")["minimalistic"] is True
    assert settings(cli, "--minimalistic", "--alpha", "0.5", "mobilenet_v3_small")["minimalistic"] is True
    assert settings(cli, "--minimalistic", "false", "mobilenet_v3_small")["minimalistic"] is False
    converted = cli("convert", "--minimalistic", "mobilenet_v3_small", "-")
    assert json.loads(converted.out)["hyperparameters"]["minimalistic"] is True
    assert settings(cli, "--rule", "torch", "--wide", SMALL)["rule"] == "torch"
    assert settings(cli, "--alpha", "2/3 + 1/3", SMALL)["alpha"] == 1


def test_dashes_stand_for_underscores(cli: Cli) -> None:
    for option in ("--width-rule", "--width_rule"):
        assert settings(cli, "mobilenet_v3_small", option, "torchvision")["width_rule"] == "torchvision"
    assert settings(cli, OPTIONS, "--kernel-size=5")["kernel_size"] == 5


def test_negative_values(cli: Cli) -> None:
    assert settings(cli, OPTIONS, "--shift", "-3")["shift"] == -3
    assert settings(cli, "--shift", "-3", OPTIONS)["shift"] == -3
    assert settings(cli, OPTIONS, "--shift=-3", "--kernel-size", "1")["shift"] == -3
    assert settings(cli, "--shift", "-4/2", OPTIONS)["shift"] == -2


@pytest.mark.parametrize(("command", "format", "same"), [
    ("report", "text", "table"), ("report", "markdown", "md"), ("explain", "table", "text"), ("formula", "tex", "latex"),
])  # fmt: skip
def test_a_format_goes_by_other_names(command: str, format: str, same: str, cli: Cli) -> None:
    assert cli(command, SMALL, "--format", format) == cli(command, SMALL, "--format", same)
    assert cli(command, SMALL, "--format", format).code == 0


def test_a_name_of_ours_is_set_with_set(cli: Cli) -> None:
    """`--batch` is the samples; a hyper-parameter of that name can still be set."""
    run = json.loads(
        cli("report", OPTIONS, "--batch", "3", "--set", "batch=2", "--set", "top=4", "--format", "json").out
    )
    assert (run["batch"], run["hyperparameters"]["batch"], run["hyperparameters"]["top"]) == (3, 2, 4)
    assert run["layers"][0]["output"] == [16, 16, 24]
    assert len(run["layers"]) == 5
    assert settings(cli, OPTIONS, "--batch", "3")["batch"] == 4
    assert settings(cli, OPTIONS, "--debug")["debug"] is False
    assert settings(cli, OPTIONS, "--set", "debug=true")["debug"] is True


@pytest.mark.parametrize(
    ("arguments", "message", "help_"),
    [
        (("--alpah", "1"), "unknown hyper-parameter `alpah`", f"did you mean `alpha`? {DECLARED}"),
        (("--depth-multiplier", "1"), "unknown hyper-parameter `depth_multiplier`", DECLARED),
        (("--formt", "json"), "no option `--formt`, and the spec declares no hyper-parameter `formt`",
         "did you mean `--format`?"),
        (("--rule", "trch"), "`rule` cannot be trch", "it is one of tf, torch"),
        (("--wide", "2"), "`wide` cannot be 2", "it is true or false"),
        (("--alpha",), "`alpha` cannot be true", "it is a number"),
        (("--alpha", "0"), "`alpha` cannot be 0", "it must be above 0"),
    ],
)  # fmt: skip
def test_wrong_settings(arguments: tuple[str, ...], message: str, help_: str, cli: Cli) -> None:
    run = cli("report", SMALL, *arguments)
    assert (run.code, run.out) == (2, "")
    assert run.err.startswith(f"error: {message}\n  help: {help_}")


def test_a_spec_without_hyperparameters_says_so(cli: Cli) -> None:
    run = cli("report", "-", "--alpha", "1", stdin=b"costcalc: 1\ninput: [3]\nlayers: [relu]\n")
    assert run.err == "error: unknown hyper-parameter `alpha`\n  help: the spec declares none\n"


def test_all_wrong_settings_are_told_at_once(cli: Cli) -> None:
    run = cli("report", SMALL, "--alpha", "0", "--rule", "x", "--beta", "1")
    assert run.err.count("error: ") == 3


# -- help -----------------------------------------------------------------------------------------------------------


def test_help_lists_the_hyperparameters_of_the_spec(cli: Cli) -> None:
    for arguments in ((SMALL, "--help"), ("--help", SMALL), (SMALL, "--alpha", "2", "--help")):
        text = " ".join(cli("report", *arguments).out.split())
        assert f"Hyper-parameters of {SMALL}:" in text
        assert "--alpha width multiplier; above 0; default 1" in text
        assert "--wide twice the channels; default false" in text
        assert "--rule how channels are rounded; one of tf, torch; default tf" in text
    assert "Each one that SPEC declares is an option" in cli("report", "--help").out
    assert "none" in cli("report", str(SPECS / "partial.yaml"), "--help").out.split("Hyper-parameters of")[1]
    missing = cli("report", "nothing.yaml", "--help")
    assert missing.code == 0
    assert "nothing.yaml cannot be read" in missing.out


@pytest.mark.parametrize("command", COMMANDS)
def test_help_opens_with_examples(command: str, cli: Cli) -> None:
    run = cli(command, "--help")
    assert (run.code, run.err) == (0, "")
    assert f"\n    costcalc {command}" in run.out.split("Options:")[0]
    assert "--help" in run.out


def test_overview(cli: Cli) -> None:
    run = cli("--help")
    assert run.code == 0
    assert all(f"\n  {command} " in run.out for command in COMMANDS)
    alone = cli()
    assert (alone.code, alone.out, alone.err) == (2, "", run.out)


@pytest.mark.parametrize("arguments", [("--version",), ("--version", "report")])
def test_version(arguments: tuple[str, ...], cli: Cli) -> None:
    assert cli(*arguments) == (0, f"costcalc {VERSION}\n", "")


def test_installed_and_as_a_module() -> None:
    for command in ([sys.executable, "-m", "costcalc"], [str(Path(sys.executable).with_name("costcalc"))]):
        if Path(command[0]).exists():
            result = subprocess.run([*command, "--version"], capture_output=True, text=True, timeout=30, check=True)
            assert result.stdout == f"costcalc {VERSION}\n"


# -- SPEC -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(bundled()))
def test_bundled_specs_from_any_folder(name: str, tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with_suffix, without = (json.loads(cli("report", spec, "--format", "json").out) for spec in (name, f"{name}.yaml"))
    assert with_suffix["totals"] == without["totals"]
    assert with_suffix["network"]["sha256"] == without["network"]["sha256"]


def test_a_path_wins_over_a_bundled_name(tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    own = "costcalc: 1\nname: my own\ninput: [3]\nlayers: [relu]\n"
    for name in ("mobilenet_v1", "mobilenet_v1.yaml"):
        (tmp_path / name).write_text(own)
        assert json.loads(cli("report", name, "--format", "json").out)["network"]["name"] == "my own"
        (tmp_path / name).unlink()
    assert json.loads(cli("report", "mobilenet_v1", "--format", "json").out)["network"]["name"] == "MobileNet V1"


def test_a_bundled_spec_is_not_overwritten(cli: Cli) -> None:
    path = bundled()["mobilenet_v1"]
    before = path.read_bytes()
    for spec in ("mobilenet_v1", "mobilenet_v1.yaml", str(path)):
        run = cli("report", spec, "-o", str(path))
        assert (run.code, path.read_bytes()) == (2, before)


def test_standard_input(cli: Cli) -> None:
    text = Path(SMALL).read_bytes()
    from_stdin, from_file = (
        json.loads(cli("report", spec, "--alpha", "0.5", "--format", "json", stdin=text).out) for spec in ("-", SMALL)
    )
    assert from_stdin["network"].pop("spec") == "<stdin>"
    assert from_file["network"].pop("spec") == SMALL
    assert from_stdin == from_file


def test_the_hash_is_that_of_the_file(tmp_path: Path, cli: Cli) -> None:
    import hashlib

    path = tmp_path / "dos.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + Path(SMALL).read_bytes().replace(b"\n", b"\r\n"))
    document = json.loads(cli("report", str(path), "--format", "json").out)
    assert document["network"]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert document["totals"] == json.loads(cli("report", SMALL, "--format", "json").out)["totals"]


# -- output ---------------------------------------------------------------------------------------------------------


def test_output_files(tmp_path: Path, cli: Cli) -> None:
    target = tmp_path / "report.md"
    target.write_text("what was there before, and is longer than nothing")
    link = tmp_path / "link.md"
    link.symlink_to("report.md")
    wanted = cli("report", SMALL, "--format", "md").out
    for arguments in (("-o", str(target)), (f"--output={link}",), ("--output", str(tmp_path / "new.md"))):
        assert cli("report", SMALL, "--format", "md", *arguments) == (0, "", "")
    assert {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()} == {
        "report.md": wanted, "link.md": wanted, "new.md": wanted,
    }  # fmt: skip
    assert link.is_symlink()
    assert cli("report", SMALL, "--format", "md", "-o", "-").out == wanted
    assert cli("report", SMALL, "--format", "md", "-o", "/dev/null") == (0, "", "")


def test_a_failure_leaves_the_output_as_it_was(tmp_path: Path, cli: Cli) -> None:
    target = tmp_path / "report.md"
    target.write_text("before")
    assert cli("report", SMALL, "--alpha", "0", "-o", str(target)).code == 2
    assert target.read_text() == "before"


def test_convention_file(tmp_path: Path, cli: Cli) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("costcalc-convention: 1\nunit: MACs\ncount: {default: macs + bias_adds, conv: 2*macs}\n")
    document = json.loads(cli("report", SMALL, "--convention", str(path), "--format", "json").out)
    assert document["convention"] == {"name": "mine", "unit": "MACs"}
    by_kind = {row["path"]: row for row in json.loads(
        cli("report", SMALL, "--convention", str(path), "--by", "kind", "--format", "json").out)["rows"]}  # fmt: skip
    assert by_kind["conv 1x1"]["count"] == 2 * by_kind["conv 1x1"]["madds"]
    assert by_kind["linear"]["count"] == by_kind["linear"]["madds"] + 10


# -- Python ---------------------------------------------------------------------------------------------------------


def test_load() -> None:
    model = costcalc.load("mobilenet_v1", alpha=0.75)
    report = model.report()
    assert (report.totals.madds, report.totals.params) == (325_400_448, 2_585_560)
    assert report.network.hyperparameters == {"alpha": Fraction(3, 4), "resolution": 224, "classes": 1000}
    assert costcalc.load("mobilenet_v1.yaml", alpha="3/4").report().totals == report.totals
    assert costcalc.load("mobilenet_v1", alpha=Fraction(3, 4)).report().totals == report.totals


@pytest.mark.parametrize(
    ("given", "exact"),
    [(0.35, Fraction(7, 20)), (0.1, Fraction(1, 10)), (1.0, 1), (1, 1), ("6/7", Fraction(6, 7)),
     ("0.29", Fraction(29, 100)), (Fraction(4, 2), 2), (1e-3, Fraction(1, 1000)), (2.5e3, 2500)],
)  # fmt: skip
def test_floats_are_decimals(given: Any, exact: Any) -> None:
    network = (
        costcalc.load(SMALL, alpha=given).network if exact != 2500 else costcalc.load(SMALL, resolution=given).network
    )
    assert exact in network.hyperparameters.values()
    assert all(type(value) is not float for value in network.hyperparameters.values())


def test_words_and_truth_values() -> None:
    values = costcalc.load(SMALL, wide=True, rule="torch").network.hyperparameters
    assert (values["wide"], values["rule"]) == (True, "torch")


@pytest.mark.parametrize(
    ("spec", "given", "error", "message"),
    [
        ("nothing.yaml", {}, SpecError, "there is no file `nothing.yaml`"),
        (SMALL, {"beta": 1}, UsageError, "unknown hyper-parameter `beta`"),
        (SMALL, {"alpha": 0}, UsageError, "`alpha` cannot be 0"),
        (SMALL, {"alpha": float("nan")}, UsageError, "`alpha` cannot be nan"),
        (SMALL, {"alpha": float("inf")}, UsageError, "`alpha` cannot be inf"),
        (SMALL, {"alpha": True}, UsageError, "`alpha` cannot be true"),
        (SMALL, {"alpha": "__import__('os')"}, UsageError, "unknown function `__import__`"),
        (SMALL, {"rule": "x"}, UsageError, "`rule` cannot be x"),
        (
            str(SPECS.parent / "errors" / "groups.yaml"),
            {},
            SpecError,
            "16 input channels cannot be divided into 3 groups",
        ),
    ],
)
def test_errors_of_load(spec: str, given: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)) as caught:
        costcalc.load(spec, **given)
    assert isinstance(caught.value, costcalc.CostcalcError)


def test_errors_of_report() -> None:
    model = costcalc.load(SMALL)
    for options, message in (
        ({"convention": "papr"}, "unknown convention `papr`"),
        ({"dtype": "float31"}, "unknown dtype `float31`"),
        ({"batch": 0}, "the batch cannot be 0"),
    ):
        with pytest.raises(UsageError, match=message):
            model.report(**options)


def test_public_names() -> None:
    assert costcalc.__version__ == VERSION
    assert all(hasattr(costcalc, name) for name in costcalc.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        costcalc.nothing  # type: ignore[attr-defined]  # noqa: B018

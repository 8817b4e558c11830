"""Hyper-parameters as options of their own: `costcalc report SPEC --alpha 0.75`, and settings in a SPEC itself."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand

from costcalc.api import exact
from costcalc.errors import CostcalcError, Problem, UsageError, suggestion, visible
from costcalc.spec import Document, bundled, read_document
from costcalc.spec.hyperparameters import shown
from costcalc.units import NUMBER

AMBIGUOUS = {"--depth", "--scale"}  # what a hyper-parameter is often called; these options have another name too


class SpecCommand(TyperCommand):
    """A command whose SPEC declares more options: `--alpha 0.75` becomes `--set alpha=0.75` before they are parsed."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        ctx.meta["costcalc.options"] = options = self._options()
        rewritten, positionals = _settings_first(_budgets_first(args, options), options)
        ctx.meta["costcalc.spec"] = spec = split_settings(positionals[0])[0] if positionals else None
        if spec and (shared := {arg.partition("=")[0] for arg in args} & AMBIGUOUS & options.keys()):
            self._refuse_ambiguous(spec, shared)
        return super().parse_args(ctx, rewritten)

    def _refuse_ambiguous(self, spec: str, used: set[str]) -> None:
        """Raises UsageError for an option that the spec has a hyper-parameter called like, which may be meant."""
        try:
            declared = {f"--{p.name}" for p in read_document(spec).hyperparameters}
        except CostcalcError:
            return  # what is wrong with the spec is told where it is read
        for name in sorted(used & declared):
            others = [opt for param in self.params if name in param.opts for opt in param.opts if opt != name]
            own = f", `{others[0]}` for the option" if others else ""
            message = f"`{name}` is an option of this command and a hyper-parameter of {spec}"
            raise UsageError(Problem(message, None, f"write `--set {name[2:]}=...` for the hyper-parameter{own}"))

    def _options(self) -> dict[str, bool]:
        """Every option of costcalc's own here, and whether it takes a value."""
        found = {"--help": False}
        for param in self.params:
            if param.param_type_name == "option":
                found.update(dict.fromkeys(param.opts, not getattr(param, "is_flag", False)))
        return found

    def format_help(self, ctx: Any, formatter: Any) -> None:
        super().format_help(ctx, formatter)
        spec = ctx.meta.get("costcalc.spec")
        with formatter.section(f"Hyper-parameters of {visible(spec)}" if spec else "Hyper-parameters"):
            if spec is None:
                formatter.write_text(
                    "Each one that SPEC declares is an option: `costcalc report SPEC --help` lists them."
                )
                return
            try:
                document = read_document(spec)
            except CostcalcError as error:
                formatter.write_text(visible(f"{spec} cannot be read: {error.problems[0].message}"))
                return
            formatter.write_dl([_described(p) for p in document.hyperparameters] or [("none", "")])


def _described(parameter: Any) -> tuple[str, str]:
    default = shown(parameter.default.content)
    limits = [f"{name.replace('_', ' ')} {shown(value)}" for name, value in parameter.limits.items()]
    choices = [f"one of {', '.join(map(shown, parameter.choices))}"] if parameter.choices else []
    defaults = [] if parameter.from_table else [f"default {default}"]  # its help says whence it comes
    return f"--{parameter.name}", "; ".join(
        [*([visible(parameter.help)] if parameter.help else []), *limits, *choices, *defaults]
    )


def _settings_first(args: list[str], options: dict[str, bool]) -> tuple[list[str], list[str]]:
    """The arguments with each `--name value` that is no option of ours as `--set name=value`; the positional ones."""
    rewritten: list[str] = []
    positionals: list[str] = []
    rest = list(args)
    while rest:
        arg = rest.pop(0)
        name, equals, value = arg.partition("=")
        if arg == "--":
            return [*rewritten, arg, *rest], positionals + rest
        if not arg.startswith("--") or name in options:
            rewritten.append(arg)
            if options.get(name, False) and not equals and rest:
                rewritten.append(rest.pop(0))
            elif not arg.startswith("-") or arg == "-":
                positionals.append(arg)
            continue
        if not equals:
            value = rest.pop(0) if rest and _is_value(rest, positionals, options) else "true"
        rewritten += ["--set", f"{name[2:].replace('-', '_')}={value}"]
    return rewritten, positionals


def _budgets_first(args: list[str], options: dict[str, bool]) -> list[str]:
    """The arguments with each `--max-total limit` as `--max total=limit`, where the command knows budgets."""
    if "--max" not in options or "--" in args:
        return args
    rewritten: list[str] = []
    rest = list(args)
    while rest:
        name, equals, value = rest.pop(0).partition("=")
        if not name.startswith("--max-") or name in options:
            rewritten.append(name + equals + value)
            continue
        if not equals and rest and not rest[0].startswith("--"):
            value = rest.pop(0)
        rewritten += ["--max", f"{name[6:].replace('-', '_')}={value}"]
    return rewritten


def _is_value(rest: list[str], positionals: list[str], options: dict[str, bool]) -> bool:
    """Whether the next argument belongs to the hyper-parameter before it; in `--flag SPEC` it is the spec."""
    numbers = re.split("[,:/]", rest[0])  # also a list, a range, a fraction
    if rest[0] in ("true", "false") or all(NUMBER.fullmatch(part.strip().removeprefix("-")) for part in numbers):
        return True
    if rest[0].startswith("-") or _names_a_spec(rest[0]):
        return False
    following, skip = 0, False
    for arg in rest[1:]:
        following += not arg.startswith("--") and (not skip or _names_a_spec(arg))
        skip = options.get(arg, arg.startswith("--") and "=" not in arg)
    return bool(positionals or following)


def _names_a_spec(arg: str) -> bool:
    name = split_settings(arg)[0]
    return name.endswith((".yaml", ".yml", ".onnx")) or name in bundled()


def split_settings(arg: str) -> tuple[str, dict[str, str]]:
    """A SPEC with settings of its own, as in `mobilenet_v1:alpha=0.75,resolution=192`: the spec and their texts.

    Where there is a file of the whole name, it is that. Raises UsageError where one is set twice.
    """
    spec, *rest = re.split(r":(?=[A-Za-z_][\w-]*=)", arg, maxsplit=1)
    if not rest or not spec or _is_file(arg):
        return arg, {}
    pairs = [pair.strip().partition("=") for pair in re.split(r",(?=\s*[A-Za-z_][\w-]*=(?!=))", rest[0])]
    return spec, as_written(f"{name.replace('-', '_')}={text}" for name, _, text in pairs)


def _is_file(name: str) -> bool:
    try:
        return Path(name).exists()
    except (OSError, ValueError):
        return False


def given(pairs: Iterable[str]) -> dict[str, Any]:
    """The hyper-parameters of `--set name=value`, exact. Raises UsageError."""
    return {name: exact(name, value) for name, value in as_written(pairs).items()}


def as_written(pairs: Iterable[str]) -> dict[str, str]:
    """The text of each `--set name=value` by name. Raises UsageError."""
    values: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            what, form = ("name", f"NAME={value}") if equals else ("value", f"{pair}=VALUE")
            raise UsageError(Problem(f"`--set {pair}` says no {what}", None, f"write `--set {form}`"))
        if name in values:
            raise UsageError(Problem(f"`{name}` is set twice", None, "keep one of them"))
        values[name] = value
    return values


def document_for(ctx: typer.Context, spec: str, values: dict[str, Any]) -> Document:
    """The document of SPEC; an unknown hyper-parameter that is nearly an option of ours is said to be that."""
    document = read_document(spec)
    refuse_misspelt_options(ctx, document, values)
    return document


def refuse_misspelt_options(ctx: typer.Context, document: Document, values: Iterable[str]) -> None:
    """Raises UsageError for a setting that the document does not declare, and that is nearly an option of ours."""
    declared = {p.name for p in document.hyperparameters}
    options = [o[2:] for o in ctx.meta.get("costcalc.options", {}) if o.startswith("--")]
    for name in values:
        near = suggestion(name, options)
        if name not in declared and not suggestion(name, declared) and near:
            raise UsageError(
                Problem(
                    f"no option `--{name}`, and the spec declares no hyper-parameter `{name}`",
                    None,
                    f"did you mean `--{near}`?",
                )
            )

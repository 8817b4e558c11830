"""The entry point: finds the command, runs it, and turns whatever happens into an exit code.

0 fine, 3 `verify` found a difference, 2 usage or an invalid input, 70 a bug of ours, 130 interrupted.
"""

from __future__ import annotations

import gc
import importlib
import itertools
import os
import sys
from pathlib import Path
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

from costcalc.errors import CostcalcError, Problem, suggestion
from costcalc.version import VERSION

COMMANDS = {  # command: its line in the overview; its module is imported when it is called
    "report": "what a network costs, layer by layer, by kind, by stage",
    "explain": "formula, numbers and result of a layer, and its ratio to a standard convolution",
    "formula": "the cost in closed form in its hyper-parameters",
    "compare": "networks side by side, with ratios",
    "sweep": "a network at every point of a grid of settings, as a table, a data file or a plot",
    "search": "the best networks of a large design space, on one machine or a cluster",
    "fit": "the largest settings that stay within budgets",
    "verify": "runs a network and confirms every count",
    "check": "holds networks to their budgets, in CI and in a review",
    "lock": "writes down what the networks under budget cost",
    "diff": "what changed between two networks, and what it costs",
    "convert": "a spec as the flat layer IR, in JSON",
    "list": "the specs, kinds and conventions there are",
    "schema": "the JSON Schema of specs, for editors",
    "init": "a commented first spec",
}
USAGE, BUG, INTERRUPTED = 2, 70, 130
ClickUsageError: Any = typer.BadParameter.__base__  # click is vendored in typer, so its errors have no public name
ClickError: Any = ClickUsageError.__base__


class _Commands(TyperGroup):
    """A group that imports a command's module only when that command is called."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"costcalc.cli.{cmd_name.replace('list', 'listing')}")
        return typer.main.get_command(module.app)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] not in COMMANDS:
            near = suggestion(args[0], COMMANDS)
            known = ", ".join(f"`{name}`" for name in COMMANDS)
            raise CostcalcError(
                Problem(f"unknown command `{args[0]}`", None, f"did you mean `{near}`?" if near else f"known: {known}")
            )
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


app = typer.Typer(
    cls=_Commands, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False, no_args_is_help=True
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"costcalc {VERSION}")
        raise typer.Exit


@app.callback()
def _overview(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    """Exact parameters, multiply-adds and memory of neural networks, from a short YAML spec.

    \b
      costcalc report mobilenet_v1.yaml --alpha 0.75
      costcalc report mobilenet_v1.yaml --by kind
      costcalc list specs
      costcalc init network.yaml

    `costcalc COMMAND --help` has the options of a command; `--debug` anywhere shows the traceback of a bug.
    """


def main() -> NoReturn:
    """Runs the command line of this process."""
    gc.disable()  # a report makes no cycles worth collecting, and looking for them grows with the square of its layers
    arguments = sys.argv[1:]
    debug = "--debug" in arguments
    if debug:
        arguments.remove("--debug")
    _open_streams()
    code = 0
    try:
        code = _run(arguments, debug)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has seen enough; what was found out before stays so
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:  # stdout cannot take it: a full disk
        _say(f"error: cannot write the output: {error.strerror}\n")
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = USAGE
    sys.exit(code)


def _open_streams() -> None:
    """Makes stdout and stderr writable, whatever is written: those that the caller has closed lead nowhere."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - until the end
        stream = getattr(sys, name)
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _run(arguments: list[str], debug: bool) -> int:
    as_json = "--format=json" in arguments or ("--format", "json") in itertools.pairwise(arguments)
    try:
        return typer.main.get_command(app).main(arguments, prog_name="costcalc", standalone_mode=False) or 0
    except CostcalcError as error:
        _tell(error, as_json)
        return USAGE
    except ClickError as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            _say(error.format_message() + "\n")
            return USAGE
        context = getattr(error, "ctx", None)
        hint = f"see `{context.command_path} --help`" if context else None
        message = error.format_message().rstrip(".").replace("'", "`")
        _tell(CostcalcError(Problem(message[:1].lower() + message[1:], None, hint)), as_json)
        return USAGE
    except (KeyboardInterrupt, typer.Abort):
        _say("interrupted\n")
        return INTERRUPTED
    except SystemExit:  # with which typer ends when the reader of a pipe has gone
        raise BrokenPipeError from None
    except OSError:
        raise
    except Exception as error:  # noqa: BLE001 - the border: a bug of ours ends here
        if debug:
            import traceback

            traceback.print_exc()
            return BUG
        help_ = "run it again with --debug and report what it prints"
        _tell(CostcalcError(Problem(f"a bug in costcalc: {type(error).__name__}: {error}", None, help_)), as_json)
        return BUG


def _say(text: str) -> None:
    """Writes to stderr; where that is closed or full, the exit code must say it alone."""
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except (OSError, AttributeError):
        pass


def _tell(error: CostcalcError, as_json: bool) -> None:
    if as_json:
        import json

        document = {"schema": "costcalc/error/1", "version": VERSION, "errors": [p.as_json() for p in error.problems]}
        from costcalc.render.data import idle

        _say(idle(json.dumps(document, indent=2)) + "\n")
    else:
        _say(f"{error}\n")

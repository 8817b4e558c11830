"""`costcalc lock`: writes down what the networks under budget cost."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from costcalc.cli.common import Output, command_app
from costcalc.cli.files import write
from costcalc.errors import CostcalcError, Problem, Problems, UsageError, visible
from costcalc.render.findings import moves as totals_moved
from costcalc.review.check import OTHER, asked, other_than_spec
from costcalc.review.lock import lock_text, may_be_replaced, read_lock, stale
from costcalc.review.places import seen
from costcalc.review.policy import needed_policy
from costcalc.review.record import Record
from costcalc.review.shelf import Shelf, placed

SHOWN = 20

app = command_app()


@app.command("lock")
def lock(
    config: Annotated[
        Optional[str],
        typer.Option("--config", metavar="FILE", help="The budget file; by default the nearest upwards from here."),
    ] = None,
    output: Output = None,
) -> None:
    """Writes the exact cost of every network under budget to `costcalc.lock.json`, the baseline of `costcalc check`.

    \b
      costcalc lock
      costcalc check --locked

    The lock lies beside the budget file and belongs into version control: each spec and setting has its totals, its
    layers and a hash of the resolved network.
    """
    root = needed_policy(config)
    problems, shelf = Problems(), Shelf()
    records: dict[tuple[object, ...], Record] = {}
    notes: list[str] = []
    asks = asked(root, shelf, problems)
    specs = dict.fromkeys(ask.spec for ask in asks)
    for ask in asks:
        try:
            record = shelf.record(ask.spec, ask.name, ask.rule)
            records[record.key] = record
            ask.name.encode()
        except UnicodeEncodeError:
            problem = Problem(f"the name of `{ask.name}` is not UTF-8, as a lock is", ask.rule.place, "rename the file")
            problems += [problem] * (problem not in problems)
        except CostcalcError as error:
            if other := other_than_spec(ask.spec):
                notes.append(OTHER.format(ask.name, other))
            else:
                problems += [p for p in placed(error, ask.rule) if p not in problems]
    if problems:
        raise UsageError(*problems)
    if not records:
        raise UsageError(Problem("the budget file names no spec", None, 'as in `spec = "specs/*.yaml"`'))
    if output is None and not may_be_replaced(root.lock):
        help_ = 'remove it, or name another file: `lock = "costcalc.lock.json"` in the budget file'
        raise UsageError(Problem(f"`{seen(root.lock)}` is no lock, and would be lost", None, help_))
    path = output or seen(root.lock)
    lines = _moves(root.lock, records) if output is None else []
    write(lock_text(records.values()), path, [root.policy.source.name, *specs])
    for line in [*dict.fromkeys(notes), *lines]:
        typer.echo(visible(line), err=True)
    if path != "-":
        networks = f"{len(records)} network{'s' * (len(records) != 1)}"
        typer.echo(visible(f"{networks} in {path}"), err=True)


def _moves(path: object, records: dict[tuple[object, ...], Record]) -> list[str]:
    """What is another now than the lock that is there says."""
    from pathlib import Path

    lock = Path(str(path))
    if not lock.exists():
        return []
    try:
        before = read_lock(lock, seen(lock))
    except CostcalcError as error:
        return [f"what was there is replaced: {error.problems[0].message}"]
    entries = stale(before, list(records.values()), True)
    moves = [": ".join(filter(None, [e.title, e.why, ", ".join(totals_moved(e))])) for e in entries]
    return moves[:SHOWN] + [f"... and {len(moves) - SHOWN} more"] * (len(moves) > SHOWN)

"""What tests of `costcalc formula` share: its output, and what reports count."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import costcalc

Cli = Callable[..., Any]


def printed(cli: Cli, *arguments: str) -> str:
    """What `costcalc formula ARGUMENTS` prints."""
    run = cli("formula", *arguments)
    assert (run.code, run.err) == (0, ""), run.err
    return str(run.out)


def counted(spec: str, setting: Mapping[str, Any]) -> list[int]:
    """Parameters and multiply-adds as a report counts them."""
    totals = costcalc.load(spec, **setting).report().totals
    return [totals.params, totals.madds]

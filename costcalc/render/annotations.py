"""GitHub's workflow commands: one line for each finding, shown at the line of the file in a pull request."""

from __future__ import annotations

from collections.abc import Callable

from costcalc.errors import visible
from costcalc.render.findings import Finding, findings
from costcalc.review.review import Review


def workflow_commands(review: Review, verdict: str, relative: Callable[[str], str]) -> str:
    """The commands, and the verdict as a notice."""
    lines = [_command(finding, relative) for finding in findings(review)]
    notes = [f"::notice title=costcalc::{_data(note)}" for note in review.notes]
    return "\n".join([*lines, *notes, f"::notice title=costcalc::{_data(verdict)}"]) + "\n"


def _command(finding: Finding, relative: Callable[[str], str]) -> str:
    properties = {"title": f"costcalc ({finding.rule})"}
    place = finding.place
    if place:
        properties["file"] = visible(relative(place.source.name))
        properties |= {"line": str(place.line), "col": str(place.column)}
        properties |= {"endLine": str(place.line), "endColumn": str(place.end)}
    told = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{finding.level} {told}::{_data(f'{finding.message}{chr(10)}help: {finding.help}')}"


def _data(text: str) -> str:
    """Text as the runner reads it back: a new line stays one, nothing begins a command of its own."""
    shown = "\n".join(map(visible, text.split("\n")))
    return shown.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")

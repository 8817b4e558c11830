"""SARIF 2.1.0 (OASIS), with what GitHub's code scanning requires further: rules with help, regions, fingerprints."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from costcalc.errors import Span
from costcalc.render.check_data import check_data
from costcalc.render.data import idle
from costcalc.render.findings import RULES, Finding, findings, readable
from costcalc.review.review import Review
from costcalc.version import VERSION

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
NAMES = list(RULES)
LINK = re.compile(r"\](?=\()")  # where the text of a link would end


def sarif(review: Review, relative: Callable[[str], str]) -> str:
    """The log as text; exact numbers are in the properties of each result."""
    found = findings(review)
    run = {
        "tool": {
            "driver": {
                "name": "costcalc",
                "semanticVersion": VERSION,
                "rules": [_rule(name, *RULES[name]) for name in RULES],
            }
        },
        "columnKind": "unicodeCodePoints",
        "automationDetails": {"id": "costcalc/check/"},
        "invocations": [{"executionSuccessful": not review.faults}],
        "results": [_result(finding, relative) for finding in found],
    }
    return idle(json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)) + "\n"


def _rule(rule: str, name: str, meaning: str, help_: str) -> dict[str, Any]:
    return {
        "id": rule,
        "name": name,
        "shortDescription": {"text": meaning},
        "fullDescription": {"text": f"{meaning}. {help_}"},
        "help": {"text": help_, "markdown": help_},
        "defaultConfiguration": {"level": "error"},
        "properties": {"tags": ["budget"], "problem.severity": "error"},
    }


def _result(finding: Finding, relative: Callable[[str], str]) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": NAMES.index(finding.rule),
        "level": finding.level,
        "message": {"text": _message(f"{finding.message}\n{finding.help}")},
        "locations": [_location(finding.place, finding.spec, relative)],
        "partialFingerprints": {"primaryLocationLineHash": finding.fingerprint},
    }
    if finding.related:
        place = _location(finding.related, finding.spec, relative)
        result["relatedLocations"] = [{**place, "id": 1, "message": {"text": "the limit"}}]
    if finding.outcome:
        result["properties"] = _readable(check_data(finding.outcome, relative))
    return result


def _message(text: str) -> str:
    """Plain text: braces would be placeholders (SARIF 3.11.5), `[...](...)` of a file's name a link (3.11.6)."""
    return LINK.sub(r"\]", text.replace("{", "{{").replace("}", "}}"))


def _readable(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _readable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_readable(item) for item in value]
    return readable(value) if isinstance(value, str) else value


def _location(place: Span | None, spec: str, relative: Callable[[str], str]) -> dict[str, Any]:
    file = relative(place.source.name if place else spec or "costcalc.toml")
    line, column, end = (place.line, place.column, place.end) if place else (1, 1, 2)
    region = {"startLine": line, "startColumn": column, "endLine": line, "endColumn": max(end, column + 1)}
    uri = quote(file.encode("utf-8", "surrogateescape"))
    return {"physicalLocation": {"artifactLocation": {"uri": uri}, "region": region}}

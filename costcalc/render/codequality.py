"""GitLab's Code Quality report: a JSON array, shown in the merge request at the lines of the files."""

from __future__ import annotations

import json
from collections.abc import Callable

from costcalc.render.data import idle
from costcalc.render.findings import findings, readable
from costcalc.review.review import Review

SEVERITY = {"error": "major", "warning": "minor"}


def codequality(review: Review, relative: Callable[[str], str]) -> str:
    """The array; a finding without a place stands at the beginning of its spec."""
    issues = [
        {
            "description": f"{finding.rule}: {finding.message}",
            "check_name": f"costcalc/{finding.rule}",
            "fingerprint": finding.fingerprint,
            "severity": SEVERITY[finding.level],
            "location": {
                "path": readable(
                    relative(finding.place.source.name if finding.place else finding.spec or "costcalc.toml")
                ),
                "lines": {"begin": finding.place.line if finding.place else 1},
            },
        }
        for finding in findings(review)
    ]
    return idle(json.dumps(issues, indent=2)) + "\n"

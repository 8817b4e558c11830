"""JUnit XML: a test case for each limit, for the test reports of CI servers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.etree import ElementTree as ET

from costcalc.errors import Problem, visible
from costcalc.render.check import label
from costcalc.render.findings import findings, partial, sentence
from costcalc.review.review import Outcome, Review

FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # by XML 1.0


def junit(review: Review, fail_on: str = "error") -> str:
    """The report: a suite for each spec, one for the lock where it is stale, one for what cannot be read."""
    root = ET.Element("testsuites", name="costcalc")
    suites: dict[str, list[Outcome]] = {}
    for outcome in review.outcomes:
        suites.setdefault(outcome.subject.record.spec, []).append(outcome)
    for spec, outcomes in suites.items():
        suite = _suite(root, spec)
        for outcome in outcomes:
            _limit(suite, outcome, fail_on)
    if review.stale:
        suite = _suite(root, "lock")
        stale = [finding for finding in findings(review) if finding.rule == "stale-lock"]
        for entry, finding in zip(review.stale, stale, strict=True):
            case = ET.SubElement(suite, "testcase", classname="lock", name=_text(entry.title), time="0")
            _problem(case, "failure", finding.rule, finding.message)
    for file, problems in _by_file(review.faults).items():
        suite = _suite(root, file)
        for problem in problems:
            case = ET.SubElement(suite, "testcase", classname=_text(file), name=_text(problem.message))
            _problem(case, "error", "invalid-spec", str(problem))
    for element in [*root, root]:
        cases = list(element.iter("testcase"))
        element.set("tests", str(len(cases)))
        for kind, plural in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
            element.set(plural, str(sum(case.find(kind) is not None for case in cases)))
        element.set("time", "0")
    ET.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _suite(root: ET.Element, name: str) -> ET.Element:
    return ET.SubElement(root, "testsuite", name=_text(name))


def _limit(suite: ET.Element, outcome: Outcome, fail_on: str) -> None:
    record = outcome.subject.record
    name = f"{record.title.removeprefix(record.spec).strip()} {label(outcome)}".strip()
    case = ET.SubElement(suite, "testcase", classname=_text(record.spec), name=_text(name), time="0")
    if outcome.place:
        case.set("file", _text(outcome.place.source.name))
        case.set("line", str(outcome.place.line))
    numbers = {
        "value": outcome.value,
        "limit": outcome.most,
        "headroom": outcome.headroom,
        "baseline": outcome.baseline,
    }
    properties = ET.SubElement(case, "properties")
    for key, value in numbers.items():
        if value is not None:
            ET.SubElement(properties, "property", name=key, value=str(value))
    if outcome.passed:
        return
    text = "\n".join([sentence(outcome)] * (outcome.value > outcome.most) + [partial(outcome)] * bool(outcome.partial))
    if outcome.level == "error" or fail_on == "warn":
        _problem(case, "failure", "budget", text)
    else:
        ET.SubElement(case, "system-out").text = _text(f"warning: {text}")


def _problem(case: ET.Element, tag: str, kind: str, text: str) -> None:
    element = ET.SubElement(case, tag, type=kind, message=_text(text.partition("\n")[0]))
    element.text = _text(text)


def _by_file(problems: Iterable[Problem]) -> dict[str, list[Problem]]:
    files: dict[str, list[Problem]] = {}
    for problem in problems:
        files.setdefault(problem.span.source.name if problem.span else "costcalc", []).append(problem)
    return files


def _text(text: str) -> str:
    """Text that any XML reader takes: what acts or is forbidden is written out."""
    return "\n".join(FORBIDDEN.sub("?", visible(line)) for line in text.split("\n"))

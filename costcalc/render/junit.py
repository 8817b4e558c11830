"""JUnit XML: a test case for each limit, for the test reports of CI servers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from xml.etree import ElementTree as ET

from costcalc.errors import Span, visible
from costcalc.render.check import label
from costcalc.render.findings import findings, partial, rule_of, sentence
from costcalc.review.review import Outcome, Review

FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # by XML 1.0


def junit(review: Review, relative: Callable[[str], str], fail_on: str = "error") -> str:
    """The report: a suite for each spec, one for the lock where it is stale, one for each file with faults."""
    return _Report(relative, fail_on).written(review)


class _Report:
    def __init__(self, relative: Callable[[str], str], fail_on: str) -> None:
        self.relative, self.fail_on = relative, fail_on
        self.root = ET.Element("testsuites", name="costcalc")
        self.suites: dict[str, ET.Element] = {}
        self.names: Counter[tuple[str, str]] = Counter()

    def written(self, review: Review) -> str:
        for outcome in review.outcomes:
            self.limit(outcome)
        found = findings(review)
        stale = [finding for finding in found if finding.rule == "stale-lock"]
        for entry, finding in zip(review.stale, stale, strict=True):
            _problem(self.case("lock", entry.title, finding.place), "failure", finding.rule, finding.message)
        for problem in review.faults:
            file = problem.span.source.name if problem.span else "costcalc"
            case = self.case(file, problem.message, problem.span)
            _problem(case, "error", "invalid-spec", problem.message, str(problem))
        for element in [*self.root, self.root]:
            _count(element)
        ET.indent(self.root)
        text = ET.tostring(self.root, encoding="us-ascii", xml_declaration=False)  # right in any encoding
        return f'<?xml version="1.0" encoding="utf-8"?>\n{text.decode("ascii")}\n'

    def case(self, classname: str, name: str, place: Span | None) -> ET.Element:
        """A case in the suite of its class; its name is its own, because servers merge those of one name."""
        if classname not in self.suites:
            self.suites[classname] = ET.SubElement(self.root, "testsuite", name=_line(classname))
        self.names[classname, name] += 1
        number = self.names[classname, name]
        unique = f"{name} ({number})" if number > 1 else name
        case = ET.SubElement(self.suites[classname], "testcase", classname=_line(classname), name=_line(unique))
        case.set("time", "0")
        if place:
            case.set("file", _line(self.relative(place.source.name)))
            case.set("line", str(place.line))
        return case

    def limit(self, outcome: Outcome) -> None:
        record = outcome.subject.record
        name = f"{record.title.removeprefix(record.spec).strip()} {label(outcome)}".strip()
        case = self.case(record.spec, name, outcome.place)
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
        told = [sentence(outcome)] * (outcome.value > outcome.most) + [partial(outcome)] * bool(outcome.partial)
        text = "\n".join(map(visible, told))
        if outcome.level == "error" or self.fail_on == "warn":
            _problem(case, "failure", rule_of(outcome), told[0], text)
        else:
            ET.SubElement(case, "system-out").text = _text(f"warning: {text}")


def _count(element: ET.Element) -> None:
    cases = list(element.iter("testcase"))
    element.set("tests", str(len(cases)))
    for kind, plural in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        element.set(plural, str(sum(case.find(kind) is not None for case in cases)))
    element.set("time", "0")


def _problem(case: ET.Element, tag: str, kind: str, message: str, text: str = "") -> None:
    element = ET.SubElement(case, tag, type=kind, message=_line(message))
    element.text = _text(text or message)


def _line(text: str) -> str:
    """One line that any XML reader takes: what acts, breaks a line or is forbidden is written out."""
    return FORBIDDEN.sub("?", visible(text))


def _text(text: str) -> str:
    """The same of several lines."""
    return "\n".join(map(_line, text.split("\n")))

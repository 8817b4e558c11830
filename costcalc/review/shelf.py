"""The specs under review, as they are now or as they were: each is read once, each setting of it counted once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from costcalc.budgets.rule import Rule
from costcalc.cost import Convention, Report, count, load_convention
from costcalc.errors import CostcalcError, Problem
from costcalc.network import Network
from costcalc.review.record import Record, record_of
from costcalc.spec import Document, build_network, read_document
from costcalc.spec.hyperparameters import read_setting


class Shelf:
    """Documents by name. What cannot be read raises the same each time it is asked for, and is read only once."""

    def __init__(self, read: Callable[[str], Document] | None = None) -> None:
        self.read = read or read_document
        self.documents: dict[str, Document | CostcalcError] = {}
        self.networks: dict[tuple[Any, ...], Network] = {}
        self.reports: dict[tuple[Any, ...], Report] = {}
        self.conventions: dict[str, Convention] = {}

    def document(self, spec: str) -> Document:
        """The document that SPEC names. Raises SpecError."""
        if spec not in self.documents:
            try:
                self.documents[spec] = self.read(spec)
            except CostcalcError as error:
                self.documents[spec] = error
        found = self.documents[spec]
        if isinstance(found, CostcalcError):
            raise found
        return found

    def report(self, spec: str, rule: Rule) -> tuple[Report, dict[str, Any]]:
        """What the spec costs at the rule's setting, and the values of that setting. Raises CostcalcError."""
        document, values = self.document(spec), setting_of(rule)
        key: tuple[Any, ...] = (spec, *sorted((name, str(value)) for name, value in values.items()))
        if key not in self.networks:
            self.networks[key] = build_network(document, values)
        key += (rule.convention, rule.batch, rule.dtype)
        if key not in self.reports:
            if rule.convention not in self.conventions:
                loaded = load_convention(rule.convention)
                if any(other.name == loaded.name for other in self.conventions.values()):
                    help_ = "records tell them apart by their names"
                    raise CostcalcError(Problem(f"two conventions are called `{loaded.name}`", None, help_))
                self.conventions[rule.convention] = loaded
            convention = self.conventions[rule.convention]
            self.reports[key] = count(self.networks[key[:-3]], convention, rule.batch, rule.dtype)
        return self.reports[key], values

    def record(self, spec: str, name: str, rule: Rule) -> Record:
        """The record of the spec, under this name, at the rule's setting. Raises CostcalcError."""
        report, values = self.report(spec, rule)
        return record_of(report, name, values)


def setting_of(rule: Rule) -> dict[str, Any]:
    """The hyper-parameters that a rule sets, exact. Raises CostcalcError at the place of one that is no value."""
    values = {}
    for name, text in rule.settings.items():
        try:
            values[name] = read_setting(text.text)
        except ValueError as error:
            help_ = "write a number such as 0.75, 6/7 or 224, a word, true or false"
            raise CostcalcError(Problem(f"`{name}` cannot be `{text.text}`: {error}", text.span, help_)) from None
    return values


def placed(error: CostcalcError, rule: Rule) -> list[Problem]:
    """The problems of an error: those of a setting at the place where it was set, those of a spec with the setting."""
    found = []
    for problem in error.problems:
        if problem.span is None:
            unknown = problem.message.startswith("unknown")
            texts = [text for name, text in rule.settings.items() if f"`{name}`" in problem.message]
            named = [text.key if unknown else text.span for text in texts]
            ways = {"convention": rule.convention, "dtype": rule.dtype}
            named += [
                rule.places[key] for key, value in ways.items() if value in problem.message and key in rule.places
            ]
            found.append(problem._replace(span=named[0] if named else rule.place))
        elif rule.settings:
            setting = ", ".join(f"{name} = {text.text}" for name, text in rule.settings.items())
            at = f" ({rule.place})" if rule.place else ""
            found.append(problem._replace(notes=(*problem.notes, f"at {setting}{at}")))
        else:
            found.append(problem)
    return found

"""Holds limits against counts: each spec is read once, each setting counted once, every limit told of."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from costcalc.budgets.rule import Rule
from costcalc.cost import Report, conventions
from costcalc.errors import CostcalcError, Problems, Span
from costcalc.review.baseline import Baseline, locked
from costcalc.review.holding import held
from costcalc.review.lock import stale
from costcalc.review.places import is_file, seen
from costcalc.review.policy import Root, needed_policy, specs_of
from costcalc.review.record import Record, record_of
from costcalc.review.review import Outcome, Review, Stale, Subject
from costcalc.review.shelf import Shelf, placed
from costcalc.textfile import read_file
from costcalc.yamltree import Pairs, parse_yaml

NO_LIMIT = "no budget names it, and it has none of its own"
OTHER = "{} was left out: it is a {}, no spec"
OTHERS = {"costcalc-space": "search space", "costcalc-convention": "convention"}


class Ask(NamedTuple):
    """A rule for one spec."""

    spec: str  # as it is read from here
    name: str  # as records call it: from the budget file's directory
    rule: Rule


def check_policy(config: str | None = None) -> Review:
    """The review of a budget file, or of the nearest one upwards, against its lock. Raises CostcalcError."""
    root = needed_policy(config)
    problems = Problems()
    shelf = Shelf()
    asks = asked(root, shelf, problems)
    return check(asks, shelf, locked(root, problems) if root.lock.exists() else None, problems)


def asked(root: Root | None, shelf: Shelf, problems: Problems, files: Sequence[str] = ()) -> list[Ask]:
    """What a budget file asks of these files, of all that it names where none are given, and what specs ask themselves.

    Problems of the rules are noted; specs that cannot be read are not looked into.
    """
    asks: list[Ask] = []
    wanted = {_real(file): file for file in files}
    for rule in (_beside(rule, root.directory) for rule in root.policy.rules) if root else ():
        for spec in specs_of(root, rule, problems):  # type: ignore[arg-type]  # there is one
            if not files or _real(spec) in wanted:
                own_name = spec if isinstance(spec, str) else name_of(root, spec)
                asks.append(Ask(wanted.get(_real(spec), _readable(spec)), own_name, rule))
    named = {ask.spec for ask in asks}
    others = [(file, name_of(root, Path(file))) for file in files if file not in named]
    for spec, name in dict.fromkeys([(a.spec, a.name) for a in asks] + others):
        try:
            own = shelf.document(spec).budget
        except CostcalcError:
            own = ()
        asks += [Ask(spec, name, _beside(rule, Path(spec).parent)) for rule in own]
    return asks


def _readable(spec: str | Path) -> str:
    """What a spec is read by from here; a file that a glob found and that is none is not taken for a bundled one."""
    if isinstance(spec, str):
        return spec
    return seen(spec) if is_file(spec) else os.path.join(".", seen(spec))  # noqa: PTH118 - which `Path` would undo


def _real(spec: str | Path) -> str:
    """What tells a file from others, however one gets there; a bundled spec by its name."""
    if isinstance(spec, str) and not is_file(Path(spec)):
        return spec.removesuffix(".yaml")
    return os.path.realpath(spec)


def _beside(rule: Rule, directory: Path) -> Rule:
    """The rule with a convention that is a file named from here: it stands beside the file that names it."""
    path = directory / rule.convention
    return rule._replace(convention=seen(path)) if rule.convention not in conventions() and is_file(path) else rule


def name_of(root: Root | None, path: Path) -> str:
    """What records call a file: its path from the budget file's directory, or from here."""
    if not is_file(path):  # a bundled spec, standard input
        return str(path)
    base, full = (root.directory if root else Path.cwd()), Path(os.path.abspath(path))  # noqa: PTH100 - links stay
    return full.relative_to(base).as_posix() if full.is_relative_to(base) else path.as_posix()


class Locked(NamedTuple):
    """Records that must be those of now, in the lock of this name: all of them where a `whole` budget file is asked."""

    records: Mapping[tuple[object, ...], Record]
    name: str
    whole: bool


def check(
    asks: Sequence[Ask],
    shelf: Shelf,
    baseline: Baseline | None,
    problems: Problems,
    files: Iterable[str] = (),
    lock: Locked | None = None,
    step: Callable[[str], None] = lambda _: None,
) -> Review:
    """Every limit of every rule. Of a spec that cannot be read, the problems are noted, and the others checked.

    `files` must at least be valid.
    """
    holding = _Holding(shelf, baseline, problems, baseline is not None or lock is not None)
    limited = {ask.name for ask in asks if ask.rule.limits}
    for ask in asks:
        step(ask.name)
        holding.ask(ask, ask.name in limited)
    subjects, notes = holding.subjects, holding.notes
    notes += _without_rules(files, {_real(ask.spec) for ask in asks}, shelf, problems)
    notes += baseline.unreadable.values() if baseline else ()
    outdated: tuple[Stale, ...] = ()
    if lock:
        records = [subject.record for subject in subjects.values()]
        places = {subject.record.key: subject.place for subject in subjects.values() if subject.place}
        every = (lock.whole or not files) and not problems
        outdated = tuple(stale(lock.records, records, every, places, lock.name))
    return Review(
        tuple(subjects.values()), tuple(holding.outcomes), outdated, tuple(problems),
        baseline.name if baseline else "", tuple(dict.fromkeys(notes)), holding.unheld,
    )  # fmt: skip


class _Holding:
    """What is known so far: networks at their settings, limits, notes, and how many limits could not be compared."""

    def __init__(self, shelf: Shelf, baseline: Baseline | None, problems: Problems, compared: bool) -> None:
        self.shelf, self.baseline, self.problems, self.compared = shelf, baseline, problems, compared
        self.subjects: dict[tuple[object, ...], Subject] = {}
        self.outcomes: list[Outcome] = []
        self.notes: list[str] = []
        self.unheld = 0

    def ask(self, ask: Ask, limited: bool) -> None:
        """Holds the limits of a rule against its spec; `limited` where it or another rule has any."""
        try:
            self.shelf.document(ask.spec)
        except CostcalcError as error:  # the same at every setting
            if ask.rule.place and (other := other_than_spec(ask.spec)):  # not one that was named with its limits
                self.notes.append(OTHER.format(ask.name, other))
            else:
                self.problems += [p for p in error.problems if p not in self.problems]
            return
        try:
            report, subject = self.subject(ask)
        except CostcalcError as error:
            self.problems += [p for p in placed(error, ask.rule) if p not in self.problems]
            return
        if self.baseline and subject.baseline is None and not self.baseline.lost(ask.name):
            self.notes.append(f"{subject.title} is not in {self.baseline.name}: nothing to compare it with")
        if not limited:
            self.notes.append(f"{ask.name} has no limit, in the budget file or its own")
        for limit in ask.rule.limits:
            try:
                found = held(ask.rule, limit, report, subject, self.baseline)
                self.outcomes += found
                self.unheld += not found and self.baseline is not None and self.baseline.lost(ask.name)
            except CostcalcError as error:
                self.problems += error.problems

    def subject(self, ask: Ask) -> tuple[Report, Subject]:
        """The network at the rule's setting, and what is known of it. Raises CostcalcError."""
        report, values = self.shelf.report(ask.spec, ask.rule)
        rule = ask.rule
        key = (ask.name, *sorted((n, str(v)) for n, v in values.items()), rule.convention, rule.batch, rule.dtype)
        if key not in self.subjects:
            record = record_of(report, ask.name, values, self.compared)
            before = self.baseline.record(record, ask.rule) if self.baseline else None
            source = self.shelf.document(ask.spec).source
            place = Span(source, 1, 1, 2) if is_file(Path(source.name)) else None  # none can be opened of a bundled one
            self.subjects[key] = Subject(record, before, place)
        return report, self.subjects[key]


def other_than_spec(file: str) -> str | None:
    """What a YAML file says that it is instead of a spec."""
    try:
        tree = parse_yaml(read_file(Path(file), file)[0])
    except CostcalcError:
        return None
    keys = {key.text for key, _ in tree.pairs} if isinstance(tree, Pairs) else set()
    return None if "costcalc" in keys else next((what for key, what in OTHERS.items() if key in keys), None)


def _without_rules(files: Iterable[str], asked_of: set[str], shelf: Shelf, problems: Problems) -> list[str]:
    """Notes for files that nothing is asked of; specs must be valid all the same."""
    notes = []
    for file in files:
        if _real(file) not in asked_of:
            if other := other_than_spec(file):
                notes.append(OTHER.format(file, other))
                continue
            try:
                shelf.document(file)
                notes.append(f"{file} was not checked: {NO_LIMIT}")
            except CostcalcError as error:
                problems += [p for p in error.problems if p not in problems]
    return notes

"""What a budget file, or the `budget:` of a spec, says: which limits hold for which networks at which settings.

TOML and YAML are read alike, as trees of texts with their places; nothing here knows a network.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from costcalc.budgets.limit import METRICS, SHORT, STORED, TOTALS, amount_of, percent_of, read_total
from costcalc.budgets.rule import LEVELS, SCOPES, WHOLE, Increase, Level, Limit, Policy, Rule, Scope, Text
from costcalc.errors import CostcalcError, Problem, Problems, Source, Span, SpecError, suggestion, unknown
from costcalc.yamltree import Items, Pairs, Scalar, Tree

OWN = ("set", "convention", "batch", "dtype", "level", "max_increase", *SCOPES)
FILE = ("lock", "budget")


def read_policy(source: Source, tree: Pairs) -> Policy:
    """The policy of a budget file. Raises SpecError with all that is wrong in it."""
    problems = Problems()
    reader = _Reader(problems)
    reader.keys(tree, FILE, "part of a budget file")
    rules = reader.many(tree.get("budget"), ("spec", "allow_empty", *OWN), "[[budget]]")
    lock = reader.lock(tree)
    for rule in rules:
        if not rule.specs:
            problems.append(Problem("a budget without `spec`", rule.place, 'as in `spec = "specs/*.yaml"`'))
    if problems:
        raise SpecError(*problems)
    return Policy(source, lock, rules)


def read_own(tree: Tree | None, problems: list[Problem]) -> tuple[Rule, ...]:
    """The rules under `budget:` of a spec; what is wrong with them is noted."""
    return _Reader(problems).many(tree, OWN, "`budget`")


class _Reader:
    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems

    def add(self, message: str, place: Span, help: str | None = None) -> None:
        self.problems.append(Problem(message, place, help))

    def keys(self, tree: Pairs, known: tuple[str, ...], what: str) -> None:
        for key, _ in tree.pairs:
            if key.text not in known:
                self.problems.append(unknown(what, key.text, known, key.span))

    def many(self, tree: Tree | None, known: tuple[str, ...], name: str) -> tuple[Rule, ...]:
        entries = tree.items if isinstance(tree, Items) else [] if tree is None else [tree]
        found = []
        for entry in entries:
            if isinstance(entry, Pairs):
                found.append(self.rule(entry, known))
            else:
                self.add(f"{name} must be a mapping, or a list of them", entry.span, "as in `madds: <= 350M`")
        return tuple(found)

    def rule(self, tree: Pairs, known: tuple[str, ...]) -> Rule:
        limits: list[Limit] = []
        for key, value in tree.pairs:
            if key.text in SCOPES:
                limits += self.parts(SCOPES[key.text], key, value)
            elif key.text not in known:
                limits += self.limit("network", Scalar("", False, key.span), key, value, known)
        limits += self.increases("network", Scalar("", False, tree.span), tree.get("max_increase"))
        return Rule(
            self.patterns(tree.get("spec")), self.settings(tree.get("set")),
            self.word(tree, "convention", "paper"), self.batch(tree), self.word(tree, "dtype", "float32"),
            self.level(tree), tuple(self.each_once(limits)), self.word(tree, "allow_empty", "false") == "true",
            tree.span, {key.text: value.span for key, value in tree.pairs},
        )  # fmt: skip

    def parts(self, scope: Scope, key: Scalar, tree: Tree) -> list[Limit]:
        """The limits of each stage, layer or kind that is named."""
        if not isinstance(tree, Pairs):
            self.add(f"`{key.text}` must be a mapping", tree.span, f"as in `{key.text}: {{NAME: {{madds: <= 10M}}}}`")
            return []
        limits: list[Limit] = []
        for name, value in tree.pairs:
            if not isinstance(value, Pairs):
                self.add(f"the limits of {scope} `{name.text}` must be a mapping", value.span, "as in `madds: <= 10M`")
                continue
            if not value.pairs:
                self.add(f"{scope} `{name.text}` has no limit", name.span, "as in `madds: <= 10M`, or remove it")
            for metric, most in value.pairs:
                if metric.text != "max_increase":
                    limits += self.limit(scope, name, metric, most, ("max_increase",))
            limits += self.increases(scope, name, value.get("max_increase"))
        return limits

    def limit(self, scope: Scope, name: Scalar, key: Scalar, value: Tree, known: tuple[str, ...]) -> list[Limit]:
        metric = self.metric(scope, key, known)
        if metric is None:
            return []
        if not isinstance(value, Scalar):
            self.add(f"the limit of `{key.text}` must be one amount", value.span, 'as in "<= 350M"')
            return []
        text = value.text.strip()
        if text[:1] in ("<", ">", "=") and not text.startswith("<="):
            help_ = "a limit is the most that is allowed, as in `<= 350M`"
            self.add(f"the limit of `{key.text}` cannot be `{text}`", value.span, help_)
            return []
        amount = self.amount(lambda: amount_of(metric, _without_sign(text), f"the limit of `{key.text}`"), value.span)
        return [] if amount is None else [Limit(scope, name.text, metric, amount, text, value.span, name.span)]

    def increases(self, scope: Scope, name: Scalar, tree: Tree | None) -> list[Limit]:
        if tree is None:
            return []
        if not isinstance(tree, Pairs):
            self.add("`max_increase` must be a mapping", tree.span, 'as in `max_increase = {madds = "2%"}`')
            return []
        found = []
        for key, value in tree.pairs:
            metric = self.metric(scope, key, ())
            if metric is None:
                continue
            if not isinstance(value, Scalar):
                self.add(f"the increase of `{key.text}` must be one amount", value.span, 'as in "2%"')
                continue
            text = value.text.strip()
            most = self.amount(lambda m=metric, t=text, k=key: _increase(m, t, k.text), value.span)  # type: ignore[misc]
            if most is not None:
                found.append(Limit(scope, name.text, metric, most, text, value.span, name.span))
        return found

    def metric(self, scope: Scope, key: Scalar, known: tuple[str, ...]) -> str | None:
        """The total that a key names; another key that is nearly one of the known ones is said to be that."""
        try:
            metric = read_total(key.text)
        except CostcalcError:
            near = suggestion(key.text, [*TOTALS, *METRICS, *SHORT, *STORED]) or suggestion(key.text, known)
            what = "key" if known else "total"
            self.problems.append(unknown(what, key.text, [near] if near else [*TOTALS, *known], key.span))
            return None
        if scope != "network" and metric in WHOLE:
            help_ = "limit it for the whole network"
            self.add(f"a {scope} has no `{key.text}`", key.span, help_)
            return None
        return metric

    def amount(self, read: Callable[[], int | Increase], place: Span) -> int | Increase | None:
        try:
            return read()
        except CostcalcError as error:
            self.problems += [problem._replace(span=place) for problem in error.problems]
            return None

    def each_once(self, limits: list[Limit]) -> list[Limit]:
        seen: dict[tuple[str, str, str, bool], Limit] = {}
        for limit in limits:
            key = (limit.scope, limit.name, limit.metric, isinstance(limit.most, int))
            if key in seen and limit.place:
                self.add(f"`{limit.metric}` is limited twice here", limit.place, "keep the smaller one")
            seen[key] = limit
        return list(seen.values())

    def patterns(self, tree: Tree | None) -> tuple[Text, ...]:
        items = tree.items if isinstance(tree, Items) else [] if tree is None else [tree]
        found = [Text(item.text, item.span) for item in items if isinstance(item, Scalar) and item.text]
        if tree is not None and len(found) < max(len(items), 1):
            self.add("`spec` is a file, a glob, or a list of them", tree.span, 'as in `spec = "specs/*.yaml"`')
        return tuple(found)

    def settings(self, tree: Tree | None) -> dict[str, Text]:
        if tree is None:
            return {}
        if not isinstance(tree, Pairs) or not all(isinstance(value, Scalar) for _, value in tree.pairs):
            self.add("`set` must be a mapping of single values", tree.span, "as in `set = {alpha = 0.75}`")
            return {}
        pairs = ((key, value) for key, value in tree.pairs if isinstance(value, Scalar))
        return {key.text: Text(value.text, value.span, key.span) for key, value in pairs}

    def word(self, tree: Pairs, key: str, default: str) -> str:
        value = tree.get(key)
        if value is None:
            return default
        if not isinstance(value, Scalar) or not value.text:
            self.add(f"`{key}` must be a text", value.span)
            return default
        if key == "allow_empty" and value.text not in ("true", "false"):
            self.add(f"`{key}` is true or false", value.span)
        return value.text

    def lock(self, tree: Pairs) -> str:
        """The name of the lock: of a JSON file beside the budget file or below, so that nothing else is replaced."""
        name, value = self.word(tree, "lock", "costcalc.lock.json"), tree.get("lock")
        parts = name.replace("\\", "/").split("/")
        if value is not None and (not name.endswith(".json") or "" in parts[:1] or ".." in parts):
            help_ = 'a `.json` file beside this one or below, as in `lock = "specs/costcalc.lock.json"`'
            self.add(f"the lock cannot be `{name}`", value.span, help_)
        return name

    def batch(self, tree: Pairs) -> int:
        value = tree.get("batch")
        if value is None:
            return 1
        text = value.text if isinstance(value, Scalar) else ""
        if not (text.isascii() and text.isdigit() and len(text) < 11 and int(text) > 0):
            self.add("`batch` is a whole number from 1", value.span)
            return 1
        return int(text)

    def level(self, tree: Pairs) -> Level:
        text = self.word(tree, "level", "error")
        for level in LEVELS:
            if text == level:
                return level
        value = tree.get("level")
        self.problems.append(unknown("level", text, LEVELS, value.span if value else None))
        return "error"


def read_increase(name: str, text: str) -> tuple[str, Increase]:
    """The total and the increase of `madds` and `2%`. Raises UsageError."""
    metric = read_total(name)
    return metric, _increase(metric, text, name)


def _without_sign(text: str) -> str:
    """`350M` of `<= 350 M`."""
    return re.sub(r"(?<=[0-9]) (?=[kKMGBT]$)", "", text.removeprefix("<=").strip())


def _increase(metric: str, text: str, name: str) -> Increase:
    what = f"the increase of `{name}`"
    if text.endswith("%"):
        return Increase(percent_of(text, what), 0)
    zero = text in ("0", "+0")
    return Increase(
        None, 0 if zero else amount_of(metric, _without_sign(text.removeprefix("+").strip()), what, "2% or ")
    )

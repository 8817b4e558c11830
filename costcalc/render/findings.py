"""What a review found, one sentence each, with its place: what every format for machines is made of."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from fractions import Fraction
from typing import Literal, NamedTuple

from costcalc.budgets import METRICS, STORED, Increase
from costcalc.errors import Problem, Span, visible
from costcalc.render.ratios import decimal
from costcalc.review.moved import Moved
from costcalc.review.review import Outcome, Review, Stale

Rule = Literal["budget", "increase", "partial", "stale-lock", "invalid-spec"]
RULES: dict[Rule, tuple[str, str, str]] = {  # rule: its name, what it means, what to do
    "budget": (
        "BudgetExceeded",
        "A total is above its limit",
        "Make the network cheaper, or raise the limit where that is meant.",
    ),
    "increase": (
        "GrewTooMuch",
        "A total grew more than is allowed against the baseline",
        "Make the change cheaper, or allow the growth in `max_increase`.",
    ),
    "partial": (
        "PartialCount",
        "Layers that have no count make a total a lower bound, which keeps no limit",
        "Say what the layers cost, or count under a convention that knows them.",
    ),
    "stale-lock": (
        "StaleLock",
        "The lock is not what the networks cost now",
        "Bring it up to date with `costcalc lock`, and review what it says.",
    ),
    "invalid-spec": (
        "InvalidInput",
        "A spec or a budget cannot be read",
        "Mend what the message names.",
    ),
}
UNITS = {"params": "parameters", "madds": "MAdds", "count": "operations", "activations": "activations"}
TOLD = 3  # layers that a sentence names
NUMBER = re.compile(r"(`[^`]*`)|[0-9][0-9,]*")  # outside of a name


class Finding(NamedTuple):
    """One thing that is wrong, in one harmless line. `fingerprint` stays when lines move or numbers change."""

    rule: Rule
    level: Literal["error", "warning"]
    message: str
    place: Span | None
    related: Span | None  # the limit, where `place` is a layer
    fingerprint: str
    spec: str
    help: str
    outcome: Outcome | None = None


def findings(review: Review) -> tuple[Finding, ...]:
    """Everything that is wrong: faults, exceeded limits, the lock."""
    found = [*map(_fault, review.faults), *_exceeded(review), *map(_stale, review.stale)]
    seen: dict[str, int] = {}
    unique = []
    for finding in found:
        number = seen[finding.fingerprint] = seen.get(finding.fingerprint, 0) + 1
        salted = finding.fingerprint if number == 1 else _hash(finding.fingerprint, str(number))
        shown = finding._replace(message=visible(finding.message), help=visible(finding.help))
        unique.append(shown._replace(fingerprint=salted))
    return tuple(unique)


def _exceeded(review: Review) -> Iterator[Finding]:
    for outcome in review.outcomes:
        if outcome.passed:
            continue
        if outcome.value > outcome.most:
            yield _finding(rule_of(outcome), outcome, sentence(outcome))
        if outcome.partial:
            yield _finding("partial", outcome, partial(outcome))


def _finding(rule: Rule, outcome: Outcome, message: str) -> Finding:
    limit, record = outcome.limit, outcome.subject.record
    place = outcome.place or limit.place or outcome.subject.place
    related = limit.place if limit.place != place else None
    level: Literal["error", "warning"] = "error" if outcome.level == "error" else "warning"
    mark = _hash(rule, level, record.title, limit.scope, limit.name, limit.metric)
    return Finding(rule, level, message, place, related, mark, record.spec, RULES[rule][2], outcome)


def sentence(outcome: Outcome) -> str:
    """`net.yaml: 107,520 MAdds are 26,624 above the limit of 80,896 (<= 80896); `wide` added 16,384 ...`."""
    limit, unit = outcome.limit, unit_of(outcome)
    of = f" of {limit.scope} `{limit.name}`" if limit.name else ""
    over = outcome.value - outcome.most
    text = f"{outcome.subject.title}: {outcome.value:,} {unit}{of} are {over:,} above "
    if isinstance(limit.most, Increase) and outcome.baseline is not None:
        grown = outcome.value - outcome.baseline
        share = f", {decimal(Fraction(100 * grown, outcome.baseline), 2)}%" if outcome.baseline and grown > 0 else ""
        text += f"what may be: {outcome.baseline:,} before, {grown:,} more{share}, at most {limit.text} allowed"
    else:
        written = limit.text.removeprefix("<=").strip()
        text += f"the limit of {outcome.most:,}" + (f" ({limit.text})" if written != str(outcome.most) else "")
    return text + added(outcome.moved)


def added(moved: tuple[Moved, ...]) -> str:
    """`; `wide` added 16,384, `head` 10,240`: the layers that added most."""
    more = [layer for layer in moved if layer.difference > 0]
    if not more:
        return ""
    told = [f"`{layer.path}`{' (new)' if layer.old is None else ''} {layer.difference:,}" for layer in more[:TOLD]]
    left = len(more) - TOLD
    rest = f" and {left} layer{'s' * (left > 1)} more" if left > 0 else ""
    return f"; what was added: {', '.join(told)}{rest}"


def partial(outcome: Outcome) -> str:
    """Which layers a total lacks."""
    names = ", ".join(f"`{name}`" for name in outcome.partial[:TOLD])
    more = f" and {len(outcome.partial) - TOLD} more" if len(outcome.partial) > TOLD else ""
    has = "has" if len(outcome.partial) == 1 else "have"
    return (
        f"{outcome.subject.title}: {names}{more} {has} no count, so {outcome.value:,} {unit_of(outcome)} are a lower "
        f"bound, which keeps no limit"
    )


def unit_of(outcome: Outcome) -> str:
    """What a total counts: `MAdds`, `bytes of weights`."""
    metric = outcome.metric
    if metric in STORED:
        return "bytes stored"
    if METRICS[metric] == "bytes":
        return f"bytes of {metric.removesuffix('_bytes').replace('weight', 'weights').replace('_', ' ')}"
    return UNITS[metric]


def _stale(entry: Stale) -> Finding:
    message = f"{entry.title}: {entry.why}"
    totals = moves(entry)
    message += f" than the lock says: {', '.join(totals)}" if totals else ""
    message += added(entry.moved.get("madds") or entry.moved.get("params") or ())
    record = entry.new or entry.old
    mark = _hash("stale-lock", entry.title, "" if entry.old and entry.new else entry.why)
    spec = record.spec if record else entry.title
    return Finding("stale-lock", "error", message, entry.place, None, mark, spec, RULES["stale-lock"][2])


def moves(entry: Stale) -> list[str]:
    """The totals that are others now: parameters and MAdds, else all."""
    if not (entry.old and entry.new):
        return []
    old, new = entry.old.totals, entry.new.totals
    differing = [metric for metric in new if old.get(metric) != new[metric]]
    first = [metric for metric in differing if metric in ("params", "madds")] or differing
    return [f"{UNITS.get(m, m)} {old.get(m, 0):,} -> {new[m]:,}" for m in first]


def _fault(problem: Problem) -> Finding:
    file = problem.span.source.name if problem.span else ""
    mark = _hash("invalid-spec", file, NUMBER.sub(lambda found: found[1] or "#", problem.message))
    help_ = problem.help or RULES["invalid-spec"][2]
    return Finding("invalid-spec", "error", problem.message, problem.span, None, mark, file, help_)


def rule_of(outcome: Outcome) -> Rule:
    """The rule that a limit breaks; where it breaks two, the one with a number."""
    if outcome.value <= outcome.most:
        return "partial"
    return "increase" if isinstance(outcome.limit.most, Increase) else "budget"


def readable(text: str) -> str:
    """Text for JSON: bytes of a file's name that are no UTF-8, which strict readers refuse, are marked as such."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()

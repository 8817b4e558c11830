"""A check as text: the verdict, a table of limits with what fails first, then what is wrong and where."""

from __future__ import annotations

from fractions import Fraction

from costcalc.budgets import Increase
from costcalc.render import escape, to_text
from costcalc.render.findings import findings
from costcalc.render.ratios import decimal
from costcalc.render.sheet import Column, Sheet
from costcalc.review.review import Outcome, Review

NAMES = {
    "params": "params",
    "madds": "MAdds",
    "count": "count",
    "activations": "activations",
    "weight_bytes": "weights (B)",
    "peak_activation_bytes": "peak activation (B)",
    "memory_access_bytes": "memory access (B)",
    "stored_bytes": "stored (B)",
}
COLUMNS = (
    Column("", False), Column("Network", False), Column("Total", False), Column("Now"), Column("Limit"),
    Column("Headroom"), Column("Was"), Column("Change"),
)  # fmt: skip


def check_text(review: Review, passed: bool, width: int | None, color: bool, unicode: bool) -> str:
    """The verdict, and the limits as a table, those that are exceeded first."""
    outcomes = ordered(review)
    rows = tuple(_row(outcome) for outcome in outcomes)
    bars = tuple((min(outcome.value, outcome.most), outcome.most) for outcome in outcomes)  # how full a budget is
    said = verdict(review, passed)
    if not rows:
        return f"{said}\n"
    facts = (("against", review.against),) if review.against else ()
    return to_text(Sheet(said, facts, COLUMNS, rows, (), (), bars), "table", width, color, unicode)


def complaints(review: Review) -> str:
    """What is wrong, each with its place, in the manner of every other error."""
    parts = []
    for finding in findings(review):
        if finding.rule != "invalid-spec":  # told in full below
            place = f"{finding.place}: " if finding.place else ""
            parts.append(escape.terminal(f"{place}{finding.level}: {finding.message}"))
    parts += [str(fault) for fault in review.faults]
    parts += [escape.terminal(f"note: {note}") for note in review.notes]
    return "\n".join(parts)


def ordered(review: Review) -> list[Outcome]:
    """The outcomes: errors, warnings, then what is kept, each in the order of the files."""
    return sorted(review.outcomes, key=lambda o: 2 if o.passed else o.level == "warn")


def verdict(review: Review, passed: bool) -> str:
    """One line that says how it went."""
    failed = [o for o in review.outcomes if not o.passed]
    errors, warned = (sum(o.level == level for o in failed) for level in ("error", "warn"))
    parts = []
    if errors:
        parts.append(
            f"{errors:,} of {counted(len(review.outcomes), 'limit')} {'is' if errors == 1 else 'are'} not kept"
        )
    if warned:
        parts.append(counted(warned, "warning"))
    if review.stale:
        parts.append(f"the lock is stale in {counted(len(review.stale), 'place')}")
    if review.unheld:
        parts.append(f"{counted(review.unheld, 'limit')} could not be compared")
    if review.faults:
        parts.append(counted(len(review.faults), "error"))
    if passed and not review.faults:
        networks = counted(len(review.subjects), "network")
        kept = f"{counted(len(review.outcomes), 'limit')} of {networks} checked"
        return f"passed: {', '.join([kept, *parts])}"
    return f"failed: {', '.join(parts)}"


def counted(number: int, what: str) -> str:
    """`1 limit`, `2 limits`."""
    return f"{number:,} {what}{'s' * (number != 1)}"


def named(outcome: Outcome) -> str:
    """The total that is limited, of what, and by how much it may grow: `MAdds of stage block3 (at most +2%)`."""
    limit = outcome.limit
    of = f" of {limit.scope} {limit.name}" if limit.name else ""
    grows = f" (at most +{limit.text.removeprefix('+')})" if isinstance(limit.most, Increase) else ""
    return f"{NAMES[outcome.metric]}{of}{grows}"


def label(outcome: Outcome) -> str:
    """The whole limit, as a test of it is called: `MAdds <= 350M`."""
    if isinstance(outcome.limit.most, Increase):
        return named(outcome)
    return f"{named(outcome)} <= {outcome.limit.text.removeprefix('<=').strip()}"


def change(new: int, old: int | None) -> str:
    """`+2.1%` of the old, to a tenth, or further where that is zero; nothing where there is no old."""
    if old is None:
        return ""
    if old == 0:
        return "" if new == 0 else "new"
    share = Fraction(100 * (new - old), old)
    sign = "-" if share < 0 else "+" if share else ""
    decimals = 1
    while 0 < abs(share) * 10**decimals < Fraction(1, 2):  # which would be shown as none
        decimals += 1
    return f"{sign}{decimal(abs(share), decimals)}%"


def headroom(outcome: Outcome) -> str:
    """What is left of a limit; not known where the count is a lower bound."""
    return "?" if outcome.partial else f"{outcome.headroom:,}"


def mark(outcome: Outcome) -> str:
    """What a row begins with."""
    return "ok" if outcome.passed else "FAIL" if outcome.level == "error" else "warn"


def _row(outcome: Outcome) -> tuple[str, ...]:
    value = f"{outcome.value:,}" + ("+" if outcome.partial else "")  # a lower bound
    was = "" if outcome.baseline is None else f"{outcome.baseline:,}"
    return (
        mark(outcome), outcome.subject.title, named(outcome), value, f"{outcome.most:,}",
        headroom(outcome), was, change(outcome.value, outcome.baseline),
    )  # fmt: skip

"""Aligns the layers of two networks: which layer is which, though it was renamed, moved, or changed.

A layer whose digest is the same (kinds, attributes, shapes) did not change, and is never shown as changed: first the
longest common subsequence of digests, equal names deciding among equal layers, then what was moved out of its order.
What is left in the gaps are layers that changed; the rest is new or gone. Where there are too many layers to look at
every pair, the ends that are equal, names, and the n-th of a sort for the n-th take the place of the longest sequence.
"""

from __future__ import annotations

import bisect
import itertools
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Literal, NamedTuple

How = Literal["same", "moved", "changed", "added", "removed"]

MAX_CELLS = 4_000_000  # of an exact alignment; above, a faster one that may find less in order
MAX_LIKELY = 1_000_000  # of one by likeness, which takes longer
MAX_EFFORT = 8_000_000  # cells of all exact alignments of two networks together, a few seconds
SAME, NAMED = 1000, 1  # weights of an equal digest, and of an equal name on top of it
PATH, KIND, LAST, STAGE = 8, 4, 2, 1  # of layers that changed: what of the name and of the kind is equal


class Entry(NamedTuple):
    """A layer as the alignment sees it."""

    path: str
    kind: str
    digest: str


class Pair(NamedTuple):
    """The indices of a layer before and after; it has `moved` where it is the same, out of its order."""

    old: int | None
    new: int | None
    how: How


class _Effort:
    """How many pairs of layers may still be looked at in exact alignments."""

    def __init__(self) -> None:
        self.left = MAX_EFFORT

    def spend(self, olds: Sequence[int], news: Sequence[int], most: int = MAX_CELLS) -> bool:
        """Whether these may be aligned exactly; what that takes is gone."""
        cells = len(olds) * len(news)
        if cells > min(most, self.left):
            return False
        self.left -= cells
        return True


Entries = Sequence[Entry]
Weight = Callable[[int, int], int]


def align(old: Entries, new: Entries, by_path: bool = False) -> list[Pair]:
    """Every layer of both once, in the order of the new network; those that are gone stand where they were.

    With `by_path` layers of one name are one layer: for two settings of one spec.
    """
    matched: dict[int, int] = {}  # old index: new index
    if by_path:
        _pair(old, new, matched, lambda entry: entry.path)
    effort = _Effort()
    matched.update(_common(old, new, matched, effort))
    in_order = dict(matched)
    for key in (lambda entry: (entry.digest, entry.path)), (lambda entry: entry.digest):
        _pair(old, new, matched, key)
    moved = matched.keys() - in_order.keys()
    taken = set(matched.values())
    for olds, news in _gaps(len(old), len(new), in_order):
        left = [i for i in olds if i not in matched], [j for j in news if j not in taken]
        if effort.spend(*left, MAX_LIKELY):
            matched.update(_heaviest(*left, lambda i, j: _likeness(old[i], new[j])))
        else:
            turns = _by_turns(*left, old, new, lambda entry: (_word(entry.kind), _last(entry.path)))
            taken_now = {*turns.values()}
            rest = [i for i in left[0] if i not in turns], [j for j in left[1] if j not in taken_now]
            matched.update(turns | _by_turns(*rest, old, new, lambda entry: _word(entry.kind)))
    _pair(old, new, matched, lambda entry: (entry.path, _word(entry.kind)))
    return _ordered(old, new, matched, moved)


def _common(old: Entries, new: Entries, matched: dict[int, int], effort: _Effort) -> dict[int, int]:
    """The longest common subsequence of digests, among what is not matched; names decide between equal ones."""
    taken = set(matched.values())
    olds = [i for i in range(len(old)) if i not in matched]
    news = [j for j in range(len(new)) if j not in taken]
    found: dict[int, int] = {}
    while olds and news and _same(old[olds[0]], new[news[0]]):
        found[olds.pop(0)] = news.pop(0)
    while olds and news and _same(old[olds[-1]], new[news[-1]]):
        found[olds.pop()] = news.pop()

    def weight(i: int, j: int) -> int:
        equal = old[i].digest == new[j].digest
        return SAME + NAMED * (old[i].path == new[j].path) if equal else 0

    if len(olds) * len(news) > MAX_LIKELY:  # only what is on both sides can be the same
        both = {old[i].digest for i in olds} & {new[j].digest for j in news}
        olds, news = [i for i in olds if old[i].digest in both], [j for j in news if new[j].digest in both]
    if effort.spend(olds, news):
        return found | _heaviest(olds, news, weight)
    # names may all be others, or those that layers have by their place, which an insertion shifts: what fits better
    ways = [way(olds, news, old, new, weight, effort) for way in (_by_name, _by_place)]
    return found | max(ways, key=lambda pairs: sum(weight(i, j) for i, j in pairs.items()))


def _by_name(
    olds: list[int], news: list[int], old: Entries, new: Entries, weight: Weight, effort: _Effort
) -> dict[int, int]:
    """Layers of equal name and digest first, then those of equal digest between them."""
    named = _rising(olds, news, old, new)
    found = {olds[a]: news[b] for a, b in named.items()}
    for gap in _gaps(len(olds), len(news), named):
        found |= _by_place([olds[a] for a in gap[0]], [news[b] for b in gap[1]], old, new, weight, effort)
    return found


def _by_place(
    olds: list[int], news: list[int], old: Entries, new: Entries, weight: Weight, effort: _Effort
) -> dict[int, int]:
    """Layers of equal digest: those at both ends, then the most that there are, or the n-th for the n-th of many."""
    found: dict[int, int] = {}
    for step in (1, -1) if len(olds) * len(news) > MAX_CELLS else ():
        ends = zip(olds[::step], news[::step], strict=False)
        equal = [*itertools.takewhile(lambda pair: old[pair[0]].digest == new[pair[1]].digest, ends)]
        found.update(equal)
        cut = slice(len(equal), None) if step > 0 else slice(None, -len(equal) or None)
        olds, news = olds[cut], news[cut]
    if effort.spend(olds, news):
        return found | _heaviest(olds, news, weight)
    return found | _by_turns(olds, news, old, new, lambda entry: entry.digest)


def _rising(olds: Sequence[int], news: Sequence[int], old: Entries, new: Entries) -> dict[int, int]:
    """The most layers, of equal name and digest, that are in order in both: by their places in `olds` and `news`."""
    where = {new[j].path: b for b, j in enumerate(news)}
    pairs = [(a, where[old[i].path]) for a, i in enumerate(olds)
             if old[i].path in where and _same(old[i], new[news[where[old[i].path]]])]  # fmt: skip
    return _longest(pairs)


def _by_turns(
    olds: Sequence[int], news: Sequence[int], old: Entries, new: Entries, key: Callable[[Entry], Hashable]
) -> dict[int, int]:
    """The first layer of a key for the first, the second for the second: as many of these pairs as are in order."""
    turns: Counter[Hashable] = Counter()
    where = {}
    for b, j in enumerate(news):
        where[key(new[j]), turns[key(new[j])]] = b
        turns[key(new[j])] += 1
    turns.clear()
    pairs = []
    for a, i in enumerate(olds):
        turn = key(old[i]), turns[key(old[i])]
        turns[key(old[i])] += 1
        if turn in where:
            pairs.append((a, where[turn]))
    return {olds[a]: news[b] for a, b in _longest(pairs).items()}


def _longest(pairs: Sequence[tuple[int, int]]) -> dict[int, int]:
    """The most of these pairs whose second numbers rise as the first ones do."""
    ends: list[int] = []  # the smallest place at which a rising run of each length ends
    last: list[int] = []  # the pair that it ends with
    before: list[int | None] = []
    for index, (_, b) in enumerate(pairs):
        length = bisect.bisect_left(ends, b)
        before.append(last[length - 1] if length else None)
        ends[length : length + 1], last[length : length + 1] = [b], [index]
    found: dict[int, int] = {}
    at = last[-1] if last else None
    while at is not None:
        found.update([pairs[at]])
        at = before[at]
    return found


def _same(old: Entry, new: Entry) -> bool:
    return (old.path, old.digest) == (new.path, new.digest)


def _likeness(old: Entry, new: Entry) -> int:
    """How likely one layer became the other; 0 where neither the name nor the kind is the same."""
    path, kind = old.path == new.path, _word(old.kind) == _word(new.kind)
    if not (path or kind):
        return 0
    last = _last(old.path) == _last(new.path)
    stage = old.path.partition("/")[0] == new.path.partition("/")[0]
    return PATH * path + KIND * kind + LAST * last + STAGE * stage


def _last(path: str) -> str:
    return path.rpartition("/")[2]


def _word(kind: str) -> str:
    """`conv` of `conv 3x3/2`."""
    return kind.partition(" ")[0].partition("/")[0]


def _heaviest(olds: Sequence[int], news: Sequence[int], weight: Callable[[int, int], int]) -> dict[int, int]:
    """The pairs, in order in both, whose weights add up to most; pairs of no weight are none."""
    if not olds or not news:
        return {}
    weights = [[weight(i, j) for j in news] for i in olds]
    best = [[0] * (len(news) + 1) for _ in range(len(olds) + 1)]
    for a in range(len(olds) - 1, -1, -1):
        row, below, own = best[a], best[a + 1], weights[a]
        for b in range(len(news) - 1, -1, -1):
            row[b] = max(below[b], row[b + 1], below[b + 1] + own[b])
    found, a, b = {}, 0, 0
    while a < len(olds) and b < len(news):
        if weights[a][b] and best[a][b] == best[a + 1][b + 1] + weights[a][b]:
            found[olds[a]] = news[b]
            a, b = a + 1, b + 1
        elif best[a][b] == best[a + 1][b + 1]:  # skips go side by side, so that what changed stands in one gap
            a, b = a + 1, b + 1
        elif best[a][b] == best[a + 1][b]:
            a += 1
        else:
            b += 1
    return found


def _pair(
    old: Sequence[Entry], new: Sequence[Entry], matched: dict[int, int], key: Callable[[Entry], Hashable]
) -> None:
    """Matches what is left by an equal key, in order."""
    taken = set(matched.values())
    waiting: dict[Hashable, list[int]] = {}
    for j in range(len(new) - 1, -1, -1):
        if j not in taken:
            waiting.setdefault(key(new[j]), []).append(j)
    for i, entry in enumerate(old):
        if i not in matched and (candidates := waiting.get(key(entry))):
            matched[i] = candidates.pop()


def _gaps(olds: int, news: int, in_order: dict[int, int]) -> Iterator[tuple[range, range]]:
    """The stretches of both between layers that were found in order."""
    a = b = 0
    for i, j in [*sorted(in_order.items()), (olds, news)]:
        if j >= b:  # pairs by name may cross
            yield range(a, i), range(b, j)
            a, b = i + 1, j + 1


def _ordered(old: Sequence[Entry], new: Sequence[Entry], matched: dict[int, int], moved: set[int]) -> list[Pair]:
    """The pairs as they are read."""
    back = {j: i for i, j in matched.items()}
    gone = [i for i in range(len(old)) if i not in matched]
    pairs: list[Pair] = []
    for j, entry in enumerate(new):
        i = back.get(j)
        if i is None:
            pairs.append(Pair(None, j, "added"))
            continue
        while gone and gone[0] < i and i not in moved:
            pairs.append(Pair(gone.pop(0), None, "removed"))
        same: How = "moved" if i in moved else "same"
        pairs.append(Pair(i, j, same if old[i].digest == entry.digest else "changed"))
    return pairs + [Pair(i, None, "removed") for i in gone]

"""The bundled networks, and what each costs at its defaults: from the lock beside them, which the tests hold to counts.

Reading forty networks is quick, counting them is not.
"""

from __future__ import annotations

from typing import NamedTuple

from costcalc.cost import count
from costcalc.errors import CostcalcError
from costcalc.review.lock import LOCK, read_lock
from costcalc.spec import Document, build_network, bundled, read_document
from costcalc.spec.hyperparameters import shown
from costcalc.spec.locate import bundled_directory


class Bundled(NamedTuple):
    """A network of the library; counts are exact, under the convention `paper`."""

    name: str
    document: Document
    params: int
    madds: int

    @property
    def variants(self) -> tuple[str, ...]:
        """What can be set, with the choices that there are: `variant b0, b1`, `alpha`."""
        free = [p for p in self.document.hyperparameters if not p.from_table]
        return tuple(" ".join([p.name, ", ".join(map(shown, p.choices))]).strip() for p in free)


def library() -> list[Bundled]:
    """Every bundled network by name."""
    known = _locked()
    found = []
    for name in bundled():
        document = read_document(name)
        if name not in known:
            totals = count(build_network(document, {})).totals
            known[name] = (totals.params, totals.madds)
        found.append(Bundled(name, document, *known[name]))
    return found


def _locked() -> dict[str, tuple[int, int]]:
    """Parameters and MAdds of what the lock has at default settings; nothing where there is none to read."""
    try:
        records = read_lock(bundled_directory() / LOCK, LOCK).values()
    except CostcalcError:
        return {}
    usual = [r for r in records if not r.settings and (r.convention, r.batch, r.dtype) == ("paper", 1, "float32")]
    return {r.spec.rpartition("/")[2].removesuffix(".yaml"): (r.totals["params"], r.totals["madds"]) for r in usual}

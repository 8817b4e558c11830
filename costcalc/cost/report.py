"""The Report: one value that every format renders. It holds every count; renderers compute none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from costcalc.census import PARAMETERS, Census
from costcalc.cost.convention import Convention
from costcalc.errors import Problem, UsageError, unknown
from costcalc.network import Network, Node
from costcalc.number import total
from costcalc.shape import Shape

if TYPE_CHECKING:
    from costcalc.storage import Stored  # loaded where a spec compresses something

By = Literal["node", "layer", "stage", "kind"]
BY: tuple[By, ...] = ("node", "layer", "stage", "kind")
SORTS = ("order", "path", "count", "madds", "params", "weights", "activations", "memory")


class Row(NamedTuple):
    """One node, or several added up. Of what cannot be counted, `census` and `count` are None."""

    path: str
    kind: str  # the kind with its window, as in `conv 3x3`; `5 nodes` where several were added up
    inputs: tuple[Shape, ...]
    output: Shape | None
    census: Census | None  # of the whole batch
    count: Any  # under the convention
    activations: Any  # elements written into new memory, of the whole batch
    memory_access_bytes: Any
    nodes: int = 1
    step: str = ""  # how the window moves, as in `/2`
    uncounted: int = 0  # how many of the nodes have no count under the convention
    unknown: int = 0  # how many of the nodes have no census at all
    stored: Stored | None = None  # None where the network compresses nothing

    @property
    def madds(self) -> Any:
        return self.census.macs if self.census else 0

    @property
    def params(self) -> Any:
        return self.census.params if self.census else 0

    @property
    def weights(self) -> Any:
        return self.census.weights if self.census else 0

    @property
    def total_params(self) -> Any:
        return self.census.params + self.census.buffers if self.census else 0


class Totals(NamedTuple):
    """The sums over all nodes, for the whole batch; `weight_bytes` and the other bytes at the report's dtype."""

    params: Any
    madds: Any
    count: Any
    activations: Any
    weight_bytes: Any
    peak_activation_bytes: Any
    memory_access_bytes: Any
    census: Census
    stored_bytes: Any  # `weight_bytes`, but where some weights are compressed

    @property
    def weights(self) -> Any:
        return self.census.weights

    @property
    def total_params(self) -> Any:
        """Parameters and buffers: what Keras prints as `Total params`."""
        return self.census.params + self.census.buffers

    @property
    def parameters(self) -> dict[str, Any]:
        """Parameters by role."""
        return {role: getattr(self.census, role) for role in PARAMETERS}


class Published(NamedTuple):
    """A published figure beside the exact count."""

    place: str
    quantity: str
    figure: str
    counted: Any  # an int, or for a share the pair (part, whole)
    status: Literal["met", "erratum", "missed"]
    why: str = ""


class Report(NamedTuple):
    """What a network costs at one setting: every node, the totals, and how they were counted."""

    network: Network
    convention: Convention
    batch: Any
    dtype: str
    layers: tuple[Row, ...]  # one for each node, in the order in which they run
    totals: Totals
    published: tuple[Published, ...] = ()
    verified: bool = False  # whether an execution of exactly this agreed at every node
    stored: Stored | None = None  # None where the network compresses nothing

    @property
    def uncounted(self) -> list[str]:
        """The paths of the nodes that were not counted."""
        return [row.path for row in self.layers if row.uncounted]

    def lacking(self, metrics: Iterable[str]) -> list[str]:
        """The nodes whose numbers are missing from one of these totals."""
        wanted = set(metrics)
        of_census = bool(wanted - {"count", "activations", "peak_activation_bytes"})
        return [r.path for r in self.layers if (r.unknown and of_census) or (r.uncounted and "count" in wanted)]

    @property
    def status(self) -> Literal["complete", "partial"]:
        return "partial" if self.uncounted else "complete"

    def rows(
        self, by: By = "layer", depth: int | None = None, sort: str = "order", top: int | None = None
    ) -> list[Row]:
        """The nodes grouped by `by`, or by the first `depth` elements of their paths; sorted; the first `top` of them.

        Whatever `top` leaves out becomes one last row, so that the columns still add up. Raises UsageError.
        """
        for what, value, known in (("grouping", by, BY), ("order", sort, SORTS)):
            if value not in known:
                raise UsageError(unknown(what, value, known))
        for what, number in (("depth", depth), ("top", top)):
            if number is not None and number < 1:
                raise UsageError(Problem(f"`{what}` cannot be {number}", None, "a whole number from 1"))
        rows = self._grouped(by, depth)
        if sort == "path":
            rows.sort(key=lambda row: row.path)
        elif sort != "order":
            attribute = {"memory": "memory_access_bytes"}.get(sort, sort)
            rows.sort(key=lambda row: getattr(row, attribute) or 0, reverse=True)
        if top is not None and len(rows) > top:
            rest = rows[top:]
            rows = [*rows[:top], merged(f"{len(rest)} more", rest)._replace(output=None, inputs=())]
        return rows

    def _grouped(self, by: By, depth: int | None) -> list[Row]:
        if depth is not None:
            return self._merge(lambda node: "/".join(node.layer.split("/")[:depth]))
        if by == "node":
            return list(self.layers)
        if by == "stage":
            return self._merge(lambda node: node.stage)
        if by == "kind":
            kinds = {row.path: row.kind for row in self.layers}
            return [
                row._replace(output=None, inputs=(), kind="", step="")
                for row in self._merge(lambda node: kinds[node.path])
            ]
        return self._merge(lambda node: node.layer)

    def _merge(self, key: Callable[[Node], str]) -> list[Row]:
        groups: dict[str, list[Row]] = {}
        for node, row in zip(self.network.nodes, self.layers, strict=True):
            groups.setdefault(key(node), []).append(row)
        return [rows[0]._replace(path=name) if len(rows) == 1 else merged(name, rows) for name, rows in groups.items()]


def merged(path: str, rows: Sequence[Row]) -> Row:
    """Several rows as one: sums, the first inputs and the last output; the kind of the first where all are its own."""
    known = [row.census for row in rows if row.census is not None]
    counts = [row.count for row in rows if row.count is not None]
    own = all(row.path == path or row.path.startswith(f"{path}/") for row in rows) and rows[0].path == path
    kind, step = (rows[0].kind, rows[0].step) if own else (f"{sum(row.nodes for row in rows)} nodes", "")
    return Row(
        path, kind, rows[0].inputs, rows[-1].output, summed(known) if known else None,
        total(counts) if counts else None,
        total(row.activations for row in rows), total(row.memory_access_bytes for row in rows),
        sum(row.nodes for row in rows), step, sum(row.uncounted for row in rows), sum(row.unknown for row in rows),
        together(row.stored for row in rows),
    )  # fmt: skip


def together(records: Iterable[Stored | None]) -> Stored | None:
    """What is stored of several nodes; None where there is no account of it."""
    known = [record for record in records if record is not None]
    if not known:
        return None
    from costcalc.storage import added

    return added(known)


def summed(censuses: Iterable[Census]) -> Census:
    """The sum of many, class by class."""
    return Census(*map(total, zip(*censuses, strict=True)))

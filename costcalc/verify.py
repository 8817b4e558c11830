"""Lays an execution beside the prediction, node by node: shapes, parameters, every class of the census, peak memory.

The report predicts, the executor runs; neither has seen the other. What they must agree on is compared without
tolerance.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isqrt
from typing import TYPE_CHECKING, Any, NamedTuple

from costcalc.census import CLASSES
from costcalc.cost.report import Published, Report, Row
from costcalc.errors import Problem, Span, UsageError
from costcalc.network import Node
from costcalc.units import in_bytes

if TYPE_CHECKING:
    from costcalc.execute import NodeRun
    from costcalc.formulas import Formula

DISAGREED = 3  # the exit code
ENCODED = ("codes", "positions", "tables", "scales")  # what is written of compressed weights
MAX_BYTES = 2 * 2**30  # of weights and live activations; kernels need some more beside


class Compared(NamedTuple):
    """One node: what was predicted and what was executed, as far as they differ or are not zero."""

    path: str
    kind: str
    span: Span | None
    predicted: Mapping[str, Any]
    executed: Mapping[str, Any]
    literal: Mapping[str, Any] | None = None  # the same, by scalars that counted themselves

    @property
    def agreed(self) -> bool:
        return self.predicted == self.executed and self.literal in (None, self.executed)

    @property
    def differences(self) -> list[tuple[str, Any, Any]]:
        """What differs: its name, the predicted and the executed value."""
        names = dict.fromkeys([*self.predicted, *self.executed])
        pairs = ((name, self.predicted.get(name, 0), self.executed.get(name, 0)) for name in names)
        return [pair for pair in pairs if pair[1] != pair[2]]


class Verification(NamedTuple):
    """The comparison of a whole network at one setting."""

    report: Report
    nodes: tuple[Compared, ...]
    predicted_peak: int
    executed_peak: int

    @property
    def first(self) -> Compared | None:
        """The first node that does not agree."""
        return next((node for node in self.nodes if not node.agreed), None)

    @property
    def agreed(self) -> bool:
        """Whether every node agrees, and the peak of live bytes."""
        return self.first is None and self.predicted_peak == self.executed_peak

    def formula(self, node: Compared, name: str) -> Formula | None:
        """What the rule computes `name` by; None where it counts nothing, or no formula is the same."""
        from costcalc.formulas import Disproved, node_formulas  # they are wanted only where something is wrong

        network = self.report.network
        found = next(n for n in network.nodes if n.path == node.path)
        inputs = [network.shapes[x] for x in found.inputs]
        try:
            return node_formulas(found.kind, found.attributes, inputs, found.output, self.report.batch).get(name)
        except Disproved:
            return None

    @property
    def published(self) -> tuple[Published, ...]:
        return self.report.published


def verify(
    report: Report, seed: int = 0, step: Callable[[Node], None] = lambda _: None, literal: bool = False
) -> Verification:
    """Runs the network of a report, with its batch, and compares. `step` is told each node before it runs.

    With `literal` it runs twice, the second time on scalars that count each operation that is done to them, and both
    runs must agree with the prediction. Raises UsageError for a network that is too large to run here, or has a node
    that cannot be run.
    """
    network = report.network
    _refuse_too_large(report)
    from costcalc.execute import CannotRun, execute  # numpy is loaded only where something is run

    try:
        run = execute(network, report.batch, seed, step)
        again = execute(network, report.batch, seed, step, literal=True).nodes if literal else (None,) * len(run.nodes)
    except CannotRun as error:
        raise UsageError(Problem(f"cannot be verified: {error}")) from None
    except MemoryError:
        raise UsageError(_too_large(report)) from None
    nodes = tuple(
        Compared(
            node.path,
            node.kind,
            node.span,
            _predicted(node, row),
            _executed(done),
            _executed(by_hand) if by_hand is not None else None,
        )
        for node, row, done, by_hand in zip(network.nodes, report.layers, run.nodes, again, strict=True)
    )
    return Verification(report, nodes, peak_of_floats(report), run.peak_bytes)


def _predicted(node: Node, row: Row) -> dict[str, Any]:
    census = row.census
    found = {} if census is None else {name: n for name in CLASSES if (n := getattr(census, name))}
    if row.stored is not None and node.compress:
        found |= {f"bits of {part}": n for part in ENCODED if (n := getattr(row.stored, part))}
    return {"output": list(node.output.dims), **found}


def _executed(run: NodeRun) -> dict[str, Any]:
    merged = {**run.operations, **run.parameters}
    counted = {name: n for name in CLASSES if (n := merged.get(name, 0))}
    return {"output": list(run.output), **counted, **{name: n for name, n in run.stored.items() if n}}


def peak_of_floats(report: Report) -> int:
    """The predicted peak of live activations in the 32-bit floats that the executor computes with."""
    if report.dtype == "float32":
        return int(report.totals.peak_activation_bytes)
    raise UsageError(Problem(f"the executor computes in float32, not {report.dtype}", None, "verify without `--dtype`"))


def _needed(report: Report) -> int:
    return peak_of_floats(report) + 4 * int(report.totals.params)


def _refuse_too_large(report: Report) -> None:
    if _needed(report) > MAX_BYTES:
        raise UsageError(_too_large(report))


def _too_large(report: Report) -> Problem:
    """The refusal, with a resolution that would fit where the spec has one: activations grow with its square."""
    need, network = _needed(report), report.network
    message = f"`{network.origin}` needs {in_bytes(need)} to run, and at most {in_bytes(MAX_BYTES)} are used"
    resolution = network.hyperparameters.get("resolution")
    if isinstance(resolution, int) and need > MAX_BYTES:
        return Problem(
            message, None, f"try `--resolution {isqrt(resolution**2 * MAX_BYTES // need)}`: the same rules are proven"
        )
    return Problem(
        message, None, f"the input is {network.input}, batch {report.batch}: a smaller one proves the same rules"
    )

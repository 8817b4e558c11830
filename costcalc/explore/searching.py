"""Searching a design space from the plan to the front: shards here, in processes or on a cluster, and their outcome."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from costcalc.cost import count
from costcalc.errors import CostcalcError, Problem, UsageError
from costcalc.explore.found import Found, Solution, Standing
from costcalc.explore.front import integers
from costcalc.explore.grid import WIDE, Axis, Grid
from costcalc.explore.search import Outcome, Search, Tally, Task, merged
from costcalc.explore.shards import Plan, Shard, Step, processes
from costcalc.explore.space import Space
from costcalc.explore.state import State
from costcalc.explore.workers import finished
from costcalc.number import is_number
from costcalc.spec import build_network
from costcalc.spec.hyperparameters import settings
from costcalc.spec.varied import constants, rows_of

ALONE = 20  # solutions that are counted once more, alone
TRIED = 64  # values of a choice that are tried to see what it moves


class Searching:
    """A search under way. `done` of its points are in `outcome`; `left` are the shards that are not."""

    def __init__(
        self,
        task: Task,
        space: Space,
        jobs: int | None = None,
        scheduler: str | None = None,
        state: str | None = None,
        resume: bool = False,
    ) -> None:
        """Raises UsageError where the state is of another search."""
        search = Search(task, space)
        self.task, self.space, self.scheduler, self.search = task, space, scheduler, search
        self.plan = Plan.of(search)
        self.outcome = Tally(search).outcome()
        self.metrics = search.metrics
        self.state = State(state, task, self.plan, resume) if state is not None else None
        kept = dict[Shard, Outcome]()
        if self.state and resume:
            kept = dict(self.state.outcomes(self.plan))
            self.outcome = merged([self.outcome, *kept.values()])
        self.left = dict.fromkeys(shard for shard in self.plan.shards() if shard not in kept)
        self.done = sum(stop - start for start, stop in kept)
        self.jobs = processes(self.plan, jobs)

    def run(self, step: Step = lambda _: None) -> None:
        """Evaluates what is left; `step` is told of points as they are counted. What is finished is kept at once."""
        for shard, outcome in self._finished(step):
            if self.state:
                self.state.save(shard, outcome)
            self.outcome = merged([self.outcome, outcome])
            del self.left[shard]
            self.done += shard[1] - shard[0]

    def _finished(self, step: Step) -> Iterator[tuple[Shard, Outcome]]:
        if self.scheduler is None:
            yield from finished(self.task, tuple(self.left), self.jobs, step)
        elif self.left:
            from costcalc.explore.cluster import finished_on

            yield from finished_on(self.scheduler, self.task, tuple(self.left), step)

    def found(self) -> Found:
        """The front and all that goes with it.

        Raises UsageError where no point could be built, and for what those on the front have that is no setting.
        """
        task, space, outcome = self.task, self.space, self.outcome
        fault = None if outcome.fault is None else (outcome.fault[1], self.fault(outcome.fault[1]))
        if outcome.built == 0 and fault is not None:
            points = "the only point cannot" if outcome.visited == 1 else f"none of the {outcome.visited:,} points can"
            message = f"{points} be built"
            raise UsageError(Problem(message, None, f"point {fault[0]:,}: {fault[1]}"))
        document = space.original
        solutions = tuple(self.solutions())
        return Found(
            document.name, document.citation, document.source.name, hashlib.sha256(document.data).hexdigest(),
            space.name, space.source.name, hashlib.sha256(space.source.text.encode()).hexdigest(), space.grid.size,
            {axis.name: axis.values for axis in space.grid.axes}, own(space, task), task.fixed, task.convention,
            task.batch, task.dtype, task.objectives, task.budgets, task.way, task.points, task.seed,
            outcome.visited, outcome.built, outcome.kept, fault, outcome.least, outcome.most, solutions,
            self.uncounted(solutions[:ALONE]), tuple(self.standing(solutions)),
        )  # fmt: skip

    def solutions(self) -> Iterator[Solution]:
        """The points on the front, the best in the first objective first."""
        front, points = self.outcome.front, self.space.grid.at(self.outcome.front.numbers)
        counts = [values.tolist() for values in front.carried]
        choices = [
            [axis.values[code] for code in codes.tolist()]
            for axis, codes in zip(points.axes, points.codes, strict=True)
        ]
        names = [axis.name for axis in points.axes]
        for point, same, totals, values in zip(
            front.numbers.tolist(),
            front.same.tolist(),
            zip(*counts, strict=True),
            zip(*choices, strict=True),
            strict=True,
        ):
            of_point = dict(zip(names, values, strict=True))
            yield Solution(point, of_point, dict(zip(self.metrics, totals, strict=True)), same)

    def standing(self, solutions: tuple[Solution, ...]) -> Iterator[Standing]:
        """The choices of several values that take the same one at every point of a front of two points or more."""
        if len(solutions) < 2:
            return
        first = solutions[0]
        for axis, stride in zip(self.space.grid.axes, self.search.strides, strict=True):
            value = first.choices[axis.name]
            if len(axis.values) > 1 and all(solution.choices[axis.name] == value for solution in solutions):
                larger = all(map(is_number, axis.values)) and value != max(axis.values)
                yield Standing(axis.name, value, self.unmoved(first, axis, stride), larger)

    def unmoved(self, solution: Solution, axis: Axis, stride: int) -> tuple[str, ...]:
        """The totals to be made large, if no value of this choice moves one of them at this point."""
        names = tuple(o.name for o in self.task.objectives if o.maximize)
        if not names or not set(names) <= set(self.metrics) or len(axis.values) > TRIED:
            return ()
        lowest = solution.point - axis.values.index(solution.choices[axis.name]) * stride
        numbers = integers(lowest + i * stride for i in range(len(axis.values)))
        counted = self.search.counter.count(self.space.grid.at(numbers))
        if counted.faults or any((counted.totals[n] != solution.totals[n]).any() for n in names):
            return ()
        return names

    def fault(self, point: int) -> str:
        """Why a point cannot be built, as it is told when it is built alone."""
        try:
            build_network(self.space.document, {**self.task.fixed, **setting(self.space.grid, point)})
        except CostcalcError as error:
            return error.problems[0].message
        return "it has no count"

    def uncounted(self, solutions: tuple[Solution, ...]) -> tuple[str, ...]:
        """The layers of these that have no count. Each is counted alone, in plain integers, and must come out equal."""
        task, names = self.task, dict[str, None]()
        for solution in solutions:
            network = build_network(self.space.document, {**task.fixed, **solution.choices})
            report = count(network, task.convention, task.batch, task.dtype)
            alone = {metric: getattr(report.totals, metric) for metric in self.metrics}
            if alone != solution.totals:
                raise AssertionError(f"point {solution.point} counts {dict(solution.totals)}, and alone {alone}")
            names.update(dict.fromkeys(report.uncounted))
        return tuple(names)


def setting(grid: Grid, point: int) -> dict[str, Any]:
    """The choices of a point."""
    return grid.at(np.array([point], dtype=object if point >= WIDE else np.int64)).setting(0)


def own(space: Space, task: Task) -> dict[str, Any]:
    """What the spec itself has where the space has choices; expressions have no value of their own."""
    document = space.original
    found = settings(document.hyperparameters, task.fixed)
    for name, row in rows_of(document).items():
        found |= {f"{name}.{column}": value for column, value in constants(row, document).items()}
    return {axis.name: found[axis.name] for axis in space.grid.axes if axis.name in found}

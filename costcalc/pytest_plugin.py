"""A pytest plugin: one test for each limit of a budget file.

Every run of pytest in the environment imports this module, so nothing but pytest is imported until a budget file is
collected. That is done only where it is asked for: `pytest --costcalc`, or `costcalc_budgets` in the configuration.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from costcalc.errors import Problem
    from costcalc.review.review import Outcome

DEFAULT, PROJECT = "costcalc.toml", "pyproject.toml"


class BudgetError(Exception):
    """A limit is not kept; the text says by how much and what was added."""


class BudgetWarning(UserWarning):
    """A limit of level `warn` is not kept."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini("costcalc_budgets", "the budget file whose limits are tests, as costcalc.toml", default="")
    parser.getgroup("costcalc").addoption(
        "--costcalc", action="store_true", help=f"make a test of each limit in {DEFAULT}, or in {PROJECT}"
    )


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.File | None:
    wanted = _wanted(parent.config)
    return BudgetFile.from_parent(parent, path=file_path) if wanted is not None and file_path == wanted else None


def _wanted(config: pytest.Config) -> Path | None:
    """The budget file of this run; none, unless it is asked for."""
    name = str(config.getini("costcalc_budgets"))
    if name or not config.getoption("--costcalc"):
        return config.rootpath / name if name else None
    usual = config.rootpath / DEFAULT
    return usual if usual.exists() or not _has_table(config.rootpath / PROJECT) else config.rootpath / PROJECT


def _has_table(project: Path) -> bool:
    """Whether budgets stand in a pyproject.toml."""
    import tomllib

    try:
        return "costcalc" in tomllib.loads(project.read_text(encoding="utf-8")).get("tool", {})
    except (OSError, ValueError):
        return False


def pytest_configure(config: pytest.Config) -> None:
    """Has the budget file collected though the tests lie elsewhere."""
    wanted = _wanted(config)
    if wanted is not None and not wanted.exists():
        raise pytest.UsageError(f"costcalc: there is no budget file {wanted.name} in {wanted.parent}")
    asked = config.getoption("--costcalc") or config.args_source != pytest.Config.ArgsSource.ARGS
    if wanted is not None and asked and str(wanted) not in config.args:
        config.args = [*config.args, str(wanted)]


class BudgetFile(pytest.File):
    """A budget file: every spec in it is read once, every setting counted once."""

    def collect(self) -> Iterator[pytest.Item]:
        from costcalc.errors import CostcalcError
        from costcalc.render.check import label
        from costcalc.review.check import check_policy

        seen: dict[str, int] = {}
        try:
            review = check_policy(str(self.path))
        except CostcalcError as error:
            for problem in error.problems:
                yield Invalid.from_parent(self, name=_unique(problem.message, seen), problem=problem)
            return
        for outcome in review.outcomes:
            name = _unique(f"{outcome.subject.title}: {label(outcome)}", seen)
            yield Budget.from_parent(self, name=name, outcome=outcome)
        for problem in review.faults:
            file = problem.span.source.name if problem.span else self.path.name
            yield Invalid.from_parent(self, name=_unique(f"{file}: {problem.message}", seen), problem=problem)


def _unique(name: str, seen: dict[str, int]) -> str:
    """A name that no other item has, without what acts in a terminal; the same in every process of a run."""
    from costcalc.errors import visible

    shown = visible(name)
    seen[shown] = seen.get(shown, 0) + 1
    return shown if seen[shown] == 1 else f"{shown} ({seen[shown]})"


class _Item(pytest.Item):
    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, BudgetError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)


class Budget(_Item):
    """A limit of a network."""

    def __init__(self, *, outcome: Outcome, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.outcome = outcome
        numbers = {"value": outcome.value, "limit": outcome.most, "baseline": outcome.baseline}
        self.user_properties += [(name, value) for name, value in numbers.items() if value is not None]

    def runtest(self) -> None:
        from costcalc.render.findings import partial, sentence

        outcome = self.outcome
        if outcome.passed:
            return
        told = [sentence(outcome)] * (outcome.value > outcome.most) + [partial(outcome)] * bool(outcome.partial)
        text = "\n".join([f"{outcome.place}: {told[0]}" if outcome.place else told[0], *told[1:]])
        if outcome.level == "warn":
            warnings.warn(BudgetWarning(text), stacklevel=1)
        else:
            raise BudgetError(text)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        place = self.outcome.limit.place
        return self.path, place.line - 1 if place else None, self.name


class Invalid(_Item):
    """What of the budget file or its specs cannot be read."""

    def __init__(self, *, problem: Problem, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.problem = problem

    def runtest(self) -> None:
        raise BudgetError(str(self.problem))

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, self.problem.span.line - 1 if self.problem.span else None, self.name

"""What may vary: the hyper-parameters that `--vary` names, each on an axis of values, or solved for exactly."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from costcalc.errors import Problem, UsageError, suggestion, unknown
from costcalc.explore.counter import Counter
from costcalc.explore.grid import Axis, read_axis
from costcalc.explore.line import must_be_whole
from costcalc.number import is_number
from costcalc.spec.hyperparameters import HyperParameter, settings, shown

MAX_STEP = 32  # of a whole number without a range


class Varied(NamedTuple):
    """The hyper-parameters in the order in which they were named; the axes of all but `exact`."""

    names: tuple[str, ...]
    axes: tuple[Axis, ...]
    exact: HyperParameter | None

    def ordered(self) -> list[bool]:
        """Whether the values of each axis are numbers, which are in order."""
        return [all(map(is_number, axis.values)) for axis in self.axes]


def read_vary(texts: Iterable[str], declared: Iterable[HyperParameter]) -> dict[str, str | None]:
    """The range of each hyper-parameter in `alpha,resolution=128:224:32,last=1024,1280`; None where it has none.

    Raises UsageError.
    """
    names = [p.name for p in declared]
    found: dict[str, str | None] = {}
    for text in texts:
        last = ""
        for part in text.split(","):
            name, equals, values = part.partition("=")
            name = name.strip().replace("-", "_")
            if not equals and name not in names and found.get(last) is not None:
                found[last] = f"{found[last]},{part}"  # one more value of the one before
                continue
            if not name:
                raise UsageError(Problem(f"`--vary {text}` names no hyper-parameter", None, _known(names)))
            if name not in names:
                raise UsageError(unknown("hyper-parameter", name, names))
            if name in found:
                raise UsageError(Problem(f"`{name}` varies twice", None, "keep one of them"))
            found[name] = values if equals else None
            last = name
    if not found:
        raise UsageError(
            Problem("nothing may vary", None, f"as in `--vary {next(iter(names), 'alpha')}`; {_known(names)}")
        )
    return found


def _known(names: Iterable[str]) -> str:
    listed = ", ".join(f"`{name}`" for name in names)
    return f"the spec declares {listed}" if listed else "the spec declares no hyper-parameters"


def varied(counter: Counter, ranges: Mapping[str, str | None]) -> Varied:
    """The axes of what may vary. One without a range is solved for, if it is the only one or takes fractions.

    Raises UsageError where two would have to be, where a value cannot be, or where a range is needed.
    """
    parameters = {p.name: p for p in counter.document.hyperparameters}
    for name in ranges:
        if name in counter.fixed:
            value = shown(counter.fixed[name])
            raise UsageError(Problem(f"`{name}` is set to {value} and may vary too", None, "keep one of the two"))
    axes: list[Axis] = []
    solved: list[HyperParameter] = []
    for name, text in ranges.items():
        parameter = parameters[name]
        axis = _axis(parameter, text, parameters)
        if axis is not None:
            axes.append(axis)
        elif len(ranges) == 1 or not must_be_whole(counter, parameter, counter.fixed):
            solved.append(parameter)
        else:
            axes.append(_steps(counter, parameter))
    if len(solved) > 1:
        first, second = (p.name for p in solved[:2])
        example = f"`--vary {first},{second}={_example(counter, second)}`"
        help_ = f"one of them can be solved for; give the other a range, as in {example}"
        raise UsageError(Problem(f"`{first}` and `{second}` both take fractions", None, help_))
    return Varied(tuple(ranges), tuple(axes), solved[0] if solved else None)


def _axis(parameter: HyperParameter, text: str | None, names: Iterable[str]) -> Axis | None:
    """The values that were given, or all that there are, numbers in rising order; None where neither is known."""
    name, choices = parameter.name, parameter.choices
    if text is not None:
        axis = read_axis(name, text)
    elif choices:
        axis = Axis(name, choices)
    elif isinstance(parameter.default.content, bool):
        axis = Axis(name, (False, True))
    else:
        return None
    for value in axis.values:
        fault = parameter.fault(value)
        if fault:
            near = suggestion(value, names) if isinstance(value, str) else None
            help_ = f"{fault}; did you mean to vary `{near}` too?" if near else fault
            raise UsageError(Problem(f"`{name}` cannot be {shown(value)}", None, help_))
    return Axis(name, tuple(sorted(axis.values))) if all(map(is_number, axis.values)) else axis


def _steps(counter: Counter, parameter: HyperParameter) -> Axis:
    """Whole numbers from one step to twice the default; a step is a power of two that divides the default."""
    default = _value(counter, parameter.name)
    step = math.gcd(default, MAX_STEP) if default > 0 else 0
    values = [v for v in range(step, 2 * default + 1, step or 1) if not parameter.fault(v)] if step else []
    if not values:
        raise UsageError(Problem(f"`{parameter.name}` needs a range", None, f"as in `--vary {parameter.name}=1:8:1`"))
    return Axis(parameter.name, tuple(values))


def _value(counter: Counter, name: str) -> Any:
    return settings(counter.document.hyperparameters, counter.fixed)[name]


def _example(counter: Counter, name: str) -> str:
    """A range around the default."""
    value = _value(counter, name)
    return f"{value // 2}:{value // 1}:{value // 8}" if value > 16 else "0.25:1:0.25"

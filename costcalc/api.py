"""The Python face: a spec, with its hyper-parameters set, as one object. The command line uses it too."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import cached_property
from typing import Any

from costcalc.cost import Convention, Report, count
from costcalc.errors import Problem, UsageError
from costcalc.network import Network, Node
from costcalc.number import floor, tidy
from costcalc.published import check
from costcalc.spec import Document, build_network, read_document
from costcalc.spec.hyperparameters import read_setting, shown
from costcalc.verify import Verification, verify

Setting = int | float | Fraction | bool | str


class Model:
    """A spec (`document`) and the values given to its hyper-parameters."""

    def __init__(self, document: Document, given: Mapping[str, Any]) -> None:
        self.document, self.given = document, given

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={shown(value)}" for name, value in self.given.items())
        return f"<Model {self.document.name}: {given or 'defaults'}>"

    @cached_property
    def network(self) -> Network:
        """The layer IR at these values. Raises UsageError and SpecError."""
        return build_network(self.document, self.given)

    def report(self, convention: str | Convention = "paper", batch: int = 1, dtype: str = "float32") -> Report:
        """What it costs: `batch` samples, elements stored as `dtype`.

        `convention` is the name of a bundled one, a file, or a Convention.
        Raises UsageError and SpecError.
        """
        report = count(self.network, convention, batch, dtype)
        return report._replace(published=check(report, self.document))

    def verify(
        self,
        batch: int = 1,
        seed: int = 0,
        step: Callable[[Node], None] = lambda _: None,
        literal: bool = False,
    ) -> Verification:
        """Runs the network on random weights and `batch` random samples, and compares every node with the report.

        With `literal`, also scalar by scalar, for small networks. Raises UsageError where it cannot be run.
        """
        return verify(self.report(batch=batch), seed, step, literal)

    def scaled(self, factor: Fraction | int) -> Model:
        """The same spec, smaller: what its input is computed from times `factor` (at least 1), and its multipliers.

        A multiplier is a hyper-parameter whose default is 1, such as alpha. Raises UsageError where there are neither.
        """
        document, current = self.document, self.network.hyperparameters
        entry = document.input
        values = entry.values() if isinstance(entry, dict) else [entry]
        sizes = {name for value in values for name in value.names()}
        smaller: dict[str, Any] = {}
        for parameter in document.hyperparameters:
            if parameter.name in sizes:
                smaller[parameter.name] = max(1, floor(current[parameter.name] * factor))
            elif type(parameter.default.content) is int and parameter.default.content == 1:
                smaller[parameter.name] = tidy(current[parameter.name] * factor)
        if not smaller:
            help_ = "its input and widths depend on no hyper-parameter; declare `resolution` and `alpha`"
            raise UsageError(Problem(f"`{document.source.name}` cannot be scaled", None, help_))
        return Model(document, {**self.given, **smaller})


def load(spec: str | os.PathLike[str], /, **hyperparameters: Setting) -> Model:
    """The spec at a path, or a bundled one by name, with hyper-parameters set.

    A float stands for the decimal that Python prints of it: 0.35 is 7/20. Raises UsageError and SpecError.
    """
    model = Model(read_document(os.fspath(spec)), {name: exact(name, value) for name, value in hyperparameters.items()})
    _ = model.network  # what is wrong is said here, not at the first use
    return model


def exact(name: str, value: Setting) -> Any:
    """A setting as the exact value it stands for; text as the command line reads it. Raises UsageError."""
    if hasattr(value, "item"):  # a number of numpy's
        value = value.item()
    if isinstance(value, float):
        value = repr(value)
    if not isinstance(value, str):
        return value.numerator if isinstance(value, Fraction) and value.denominator == 1 else value
    try:
        return read_setting(value)
    except ValueError as error:
        raise UsageError(
            Problem(
                f"`{name}` cannot be `{value}`: {error}",
                None,
                "write a number such as 0.75, 6/7 or 224, a word, true or false",
            )
        ) from None

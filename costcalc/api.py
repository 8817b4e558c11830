"""The Python face: a spec, with its hyper-parameters set, as one object. The command line uses it too."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any

from costcalc.cost import Convention, Report, count
from costcalc.cost.report import Published
from costcalc.errors import Problem, UsageError
from costcalc.network import Network, Node
from costcalc.number import floor, is_number, tidy
from costcalc.published import check
from costcalc.spec import Document, build_network, read_document
from costcalc.spec.hyperparameters import read_setting, shown

if TYPE_CHECKING:  # a report needs none of these
    from costcalc.explore.baseline import StandardForm
    from costcalc.explore.comparison import Comparison
    from costcalc.explore.contrast import Contrast
    from costcalc.explore.explanation import Explanation
    from costcalc.explore.fitted import Fit, Narrowing
    from costcalc.explore.sweep import Sweep
    from costcalc.render.closed import ClosedForm
    from costcalc.verify import Verification

Setting = int | float | Fraction | bool | str


class Model:
    """A spec (`document`) and the values given to its hyper-parameters."""

    def __init__(self, document: Document, given: Mapping[str, Any]) -> None:
        self.document, self.given = document, given

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={shown(value)}" for name, value in self.given.items())
        return f"<{type(self).__name__} {self.document.name}: {given or 'defaults'}>"

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
        return report._replace(published=self._published(report))

    def _published(self, report: Report) -> tuple[Published, ...]:
        return check(report, self.document)

    def standard(self) -> StandardModel:
        """The same network rewritten with standard convolutions; it can be counted and run as this one can."""
        return StandardModel(self.document, self.given)

    def contrast(self, convention: str | Convention = "paper", batch: int = 1, dtype: str = "float32") -> Contrast:
        """What it costs, row for row beside what it would cost with standard convolutions."""
        from costcalc.explore.contrast import Contrast

        standard = self.standard()
        return Contrast(
            self.report(convention, batch, dtype), standard.report(convention, batch, dtype), standard.form.pairs
        )

    def explain(
        self,
        layer: str | None = None,
        top: int | None = None,
        convention: str | Convention = "paper",
        batch: int = 1,
        dtype: str = "float32",
    ) -> Explanation:
        """The formulas behind the numbers of a layer, of a stage, or of the `top` layers that cost most.

        Raises UsageError.
        """
        from costcalc.explore.explanation import explain

        return explain(self.report(convention, batch, dtype), layer, top)

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
        from costcalc.verify import verify

        return verify(self.report(batch=batch), seed, step, literal)

    def sweep(
        self,
        axes: Mapping[str, Any] | None = None,
        /,
        *,
        totals: Sequence[str] | str = (),
        convention: str | Convention = "paper",
        batch: int = 1,
        dtype: str = "float32",
        **more: Any,
    ) -> Sweep:
        """The spec at every point of a grid: `sweep(alpha="0.25:1:0.25", resolution=[128, 160])`.

        An axis is a text as on the command line, several values, or one. One that is called like an argument of this
        method goes into `axes`. Points are counted while they are gone through. Raises UsageError.
        """
        from costcalc.explore.sweep import Sweep, axes_of  # numpy is loaded only here

        if isinstance(self, StandardModel):
            raise UsageError(Problem("a rewritten network cannot be swept", None, "sweep the one it was made from"))
        given = {**self.given, **(axes or {}), **more}
        return Sweep(self.document, axes_of(given, exact), totals, convention, batch, dtype)

    def fit(
        self,
        max: Mapping[str, int | str],  # noqa: A002 - as on the command line
        vary: str | Iterable[str],
        convention: str | Convention = "paper",
        batch: int = 1,
        dtype: str = "float32",
    ) -> Fit:
        """The largest settings within budgets: `fit(max={"madds": "300M"}, vary=["alpha", "resolution=128:224:32"])`.

        Raises UsageError and SpecError.
        """
        from costcalc.budgets import budgets_of
        from costcalc.explore.fit import fit  # numpy is loaded only here

        if isinstance(self, StandardModel):
            raise UsageError(Problem("a rewritten network cannot be fitted", None, "fit the one it was made from"))
        names = [vary] if isinstance(vary, str) else vary
        return fit(self.document, budgets_of(max), names, self.given, convention, batch, dtype)

    def narrow(
        self,
        reduce: Mapping[str, str] | None = None,
        max: Mapping[str, int | str] | None = None,  # noqa: A002
        convention: str | Convention = "paper",
        batch: int = 1,
        dtype: str = "float32",
    ) -> Narrowing:
        """Layer by layer, the fewest filters to remove: `narrow(reduce={"madds": "5%"})`, or `max` as for `fit`.

        Raises UsageError and SpecError.
        """
        from costcalc.explore.narrowing import narrowing

        return narrowing(count(self.network, convention, batch, dtype), reduce or {}, max or {})

    def formula(
        self,
        vary: Sequence[str] | None = None,
        totals: Sequence[str] = ("params", "madds"),
        convention: str | Convention = "paper",
        batch: int = 1,
        dtype: str = "float32",
    ) -> ClosedForm:
        """The totals as formulas in the hyper-parameters `vary`, the others as they are set.

        By default those that are not set and that scale the network. `totals` are names of a report's totals.
        Raises UsageError and SpecError.
        """
        from costcalc.budgets import read_total
        from costcalc.explore.formula import Formulas
        from costcalc.explore.tracing import Way
        from costcalc.render.closed import ClosedForm

        metrics = [read_total(name) for name in totals]
        found = Formulas(self.document, self.given, vary, metrics, Way(convention, batch, dtype))
        return ClosedForm(found.formulated())

    def scaled(self, factor: Fraction | int) -> Model:
        """The same spec, smaller: what its input is computed from times `factor`, within limits, and multipliers.

        A multiplier is a hyper-parameter whose default is 1, such as alpha; a size keeps to its `at_least`. Raises
        UsageError where there are neither.
        """
        document, current = self.document, self.network.hyperparameters
        least = {p.name: p.limits.get("at_least", 1) for p in document.hyperparameters}
        sizes = [n for n in document.sizes if is_number(current[n])]  # a word may choose among inputs
        smaller: dict[str, Any] = {n: max(least[n], 1, floor(current[n] * factor)) for n in sizes}
        smaller |= {name: tidy(current[name] * factor) for name in document.multipliers}
        if not smaller:
            help_ = "its input and widths depend on no hyper-parameter; declare `resolution` and `alpha`"
            raise UsageError(Problem(f"`{document.source.name}` cannot be scaled", None, help_))
        return type(self)(document, {**self.given, **smaller})


class StandardModel(Model):
    """A spec with each of its layers as the standard one that can stand in its place, as its `standard()` gives it."""

    @cached_property
    def form(self) -> StandardForm:
        """The rewritten network, and which layers were two."""
        from costcalc.explore.baseline import standard_form

        return standard_form(build_network(self.document, self.given))

    @cached_property
    def network(self) -> Network:
        return self.form.network

    def standard(self) -> StandardModel:
        return self

    def _published(self, report: Report) -> tuple[Published, ...]:
        return ()  # the figures of the spec are of the network that was published


def load(spec: str | os.PathLike[str], /, **hyperparameters: Setting) -> Model:
    """The spec at a path, or a bundled one by name, with hyper-parameters set.

    A float stands for the decimal that Python prints of it: 0.35 is 7/20. Raises UsageError and SpecError.
    """
    model = Model(read_document(os.fspath(spec)), {name: exact(name, value) for name, value in hyperparameters.items()})
    _ = model.network  # what is wrong is said here, not at the first use
    return model


def formula(spec: str | os.PathLike[str], /, **hyperparameters: Setting) -> ClosedForm:
    """The totals of a spec as formulas in the hyper-parameters that scale it; those given here are set.

    `formula("mobilenet_v1").madds` is an expression of sympy, `.exact.madds` the one with every rounding, `.text()`
    what `costcalc formula` prints. `load(...).formula(...)` takes more options. Raises UsageError and SpecError.
    """
    return load(spec, **hyperparameters).formula()


def compare(
    *models: Model | str | os.PathLike[str],
    convention: str | Convention = "paper",
    batch: int = 1,
    dtype: str = "float32",
) -> Comparison:
    """Networks side by side, with the ratios of their totals to the first: models, or specs as for `load`.

    Raises UsageError and SpecError.
    """
    from costcalc.explore.comparison import compare as side_by_side

    if not models:
        raise UsageError(Problem("no networks to compare", None, "give the first, which is what ratios are to"))
    loaded = [model if isinstance(model, Model) else load(model) for model in models]
    given = {name for model in loaded for name in model.given}
    return side_by_side([model.report(convention, batch, dtype) for model in loaded], given)


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

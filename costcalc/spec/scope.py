"""What the names at one place of a spec stand for, and what is said when a value there cannot be had."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from costcalc.errors import Problem, Problems, Span, SpecError, suggestion
from costcalc.expression import Expression
from costcalc.shape import Shape
from costcalc.spec.hyperparameters import shown
from costcalc.spec.values import LocatedError, Value

MAX_DEPTH = 60  # of blocks, repeats and branches inside each other


class Tensor(NamedTuple):
    """The name of a tensor, and its shape unless an error made that unknown."""

    name: str
    shape: Shape | None


UNKNOWN = Tensor("", None)


class Unknown(Exception):  # noqa: N818 - control flow
    """A size that an earlier error made unknown; nothing more is to be said of it."""


class Missing(Exception):  # noqa: N818 - becomes a problem where it is caught
    """A size that the tensor does not have, such as the height of a vector."""


class Scope(Mapping[str, Any]):
    """Declared values, the sizes `in.` and `block.in.`, and the tensors that `from` may name."""

    __slots__ = ("block", "declared", "tensors", "x")

    def __init__(
        self, declared: dict[str, Any], tensors: dict[str, Tensor], x: Tensor, block: Tensor | None = None
    ) -> None:
        self.declared, self.tensors, self.x, self.block = declared, tensors, x, block

    def __getitem__(self, name: str) -> Any:
        if name in self.declared:
            return self.declared[name]
        owner, _, size = name.rpartition(".")
        tensor = self.block if owner == "block.in" else self.x
        if not owner or tensor is None:
            raise KeyError(name)
        if tensor.shape is None:
            raise Unknown
        sizes = tensor.shape.named
        if size not in sizes:
            there = ", ".join(f"`{owner}.{s}`" for s in sizes)
            raise Missing(f"there is no `{name}`: the shape is {tensor.shape}, and it has {there}")
        return sizes[size]

    def __contains__(self, name: object) -> bool:
        return name in self.declared or (isinstance(name, str) and "." in name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.declared)

    def __len__(self) -> int:
        return len(self.declared)

    def reading(self, x: Tensor) -> Scope:
        """The same names where the layer before gave x."""
        return Scope(self.declared, self.tensors, x, self.block)

    def inside(self, x: Tensor, declared: dict[str, Any] | None = None) -> Scope:
        """A scope within this one: it sees the tensors named so far, and its own names do not leave it."""
        return Scope(self.declared if declared is None else declared, dict(self.tensors), x, self.block)


class Diagnosis:
    """The problems of one expansion, and the way to the place that is being laid out."""

    def __init__(self) -> None:
        self.problems = Problems()
        self.places: set[tuple[int, int]] = set()
        self.trail: list[str] = []

    def add(self, message: str, span: Span, help: str | None = None, notes: Sequence[str] = ()) -> None:
        """Notes a problem, once a place however often that is repeated."""
        if (span.line, span.column) not in self.places:
            self.places.add((span.line, span.column))
            way = [f"in {', '.join(reversed(self.trail))}"] if self.trail else []
            self.problems.append(Problem(message, span, help, (*notes, *way)))

    def evaluate(self, value: Value, scope: Scope) -> Any:
        """The value in a scope. None where there is none: that is noted, unless it follows from an earlier problem."""
        if type(value.content) is int:
            return value.content
        try:
            return value.evaluate(scope)
        except LocatedError as error:
            self.add(error.message, error.span, error.help, substituted(value, scope))
        except Missing as error:
            self.add(str(error), value.span)
        except Unknown:
            pass
        return None

    def tensor(self, name: str, span: Span, scope: Scope) -> Tensor:
        """The tensor of a name given with `as`; unknown, with the problem noted, where there is none."""
        if name in scope.tensors:
            return scope.tensors[name]
        near = suggestion(name, scope.tensors)
        known = ", ".join(f"`{n}`" for n in scope.tensors)
        help_ = f"named so far: {known}; give a layer a name with `as`"
        if scope.block is not None:
            help_ = "a block sees the tensors of its `inputs` and those that are named in it" + (
                f": {known}" * bool(known)
            )
        self.add(f"there is no tensor `{name}` here", span, f"did you mean `{near}`?" if near else help_)
        return UNKNOWN

    @contextmanager
    def inside(self, step: str) -> Iterator[None]:
        """Tells problems met in the meantime that they lie in this step; bounds the nesting."""
        self.trail.append(step)
        if len(self.trail) > MAX_DEPTH:
            raise SpecError(
                Problem(
                    f"blocks and branches are nested more than {MAX_DEPTH} deep",
                    None,
                    None,
                    (f"in {', '.join(self.trail[:-4:-1])}, ...",),
                )
            )
        try:
            yield
        finally:
            self.trail.pop()


def substituted(value: Value | None, scope: Scope) -> tuple[str, ...]:
    """The text of an expression with what its names stood for, as a note; nothing where it has none."""
    if value is None or not isinstance(value.content, Expression):
        return ()
    known = []
    for name in value.names():
        try:
            known.append(f"{name} = {shown(scope[name])}")
        except (KeyError, Unknown, Missing):
            continue
    return (f"`{value.content.text}` with {', '.join(known)}",) if known else ()

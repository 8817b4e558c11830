"""What every kind of layer is: declared attributes, a shape rule, a census rule and its documentation, in one class.

`@kind("conv")` registers the class under the name that specs use. The rules get shapes of one sample, whose sizes may
be ints or traced numbers; they never see a batch size, a convention or an array.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Literal, NamedTuple, TypeAlias, TypeVar

from costcalc.census import Census
from costcalc.kinds.attributes import Attribute, KindError
from costcalc.kinds.registry import Registry
from costcalc.number import Number
from costcalc.shape import Shape

REGISTRY: Registry[type[Kind]] = Registry()
K = TypeVar("K", bound="type[Kind]")
Storage: TypeAlias = Literal["new", "in_place", "view"]


def kind(name: str) -> Callable[[K], K]:
    """Registers a class as the kind of this name; a name is registered once."""

    def register(cls: K) -> K:
        if name in REGISTRY.loaded:
            raise ValueError(f"kind `{name}` is registered twice")
        cls.name = name
        cls.attributes = {
            a.name: a for base in reversed(cls.__mro__) for a in vars(base).values() if isinstance(a, Attribute)
        }
        REGISTRY[name] = cls
        return cls

    return register


class Bank(NamedTuple):
    """The weights of one tensor: `filters`, each of `inputs` channels at `taps` of a window.

    Every weight is used once at each of `positions`; the input has `reads` positions.
    """

    filters: Number
    inputs: Number  # of one filter: those of its group
    taps: Number
    groups: Number
    positions: Number
    reads: Number

    @property
    def size(self) -> Number:
        """How many weights there are."""
        return self.filters * self.inputs * self.taps


class Kind:
    """A layer with its attributes set. `Layer` and `Join` say how many inputs it takes."""

    name: ClassVar[str]
    attributes: ClassVar[dict[str, Attribute[Any]]]
    role: ClassVar[Literal["layer", "norm", "act"]] = "layer"
    followers: ClassVar[bool] = False  # takes `norm` and `act`, and drops its bias where a norm follows
    storage: ClassVar[Storage] = "new"  # where its output lies, unless `storage_of` tells inputs apart
    joins: ClassVar[bool] = False  # takes two or more inputs
    lacks: ClassVar[Mapping[str, str]] = {}  # attributes that people look for in it: what there is instead
    inside: ClassVar[str] = "taps on the input, not on padding, of all windows along {}"  # those that are valid

    def __init__(self, values: Mapping[str, Any]) -> None:
        """Takes values that `Attribute.read` has made."""
        vars(self).update(values)

    def infer(self, inputs: Sequence[Shape]) -> Shape:
        """The output shape. Raises KindError where the inputs do not fit."""
        raise NotImplementedError

    def count(self, inputs: Sequence[Shape], output: Shape) -> Census | None:
        """The census of one sample; None where it cannot be known."""
        raise NotImplementedError

    def storage_of(self, inputs: Sequence[Shape]) -> Storage:
        """Where its output lies, given these inputs."""
        return self.storage

    def workspace(self, inputs: Sequence[Shape], output: Shape) -> Any:
        """Elements that live only while this layer runs, beside its inputs and its output."""
        return 0

    def banks(self, inputs: Sequence[Shape], output: Shape) -> Sequence[Bank]:
        """Its weights tensor by tensor, all of them; a kind that says so takes `compress`."""
        return ()

    def standard(self, inputs: Sequence[Shape]) -> Kind | None:
        """The standard layer that can stand in its place, from and to the same shapes; None where it is one."""
        return None

    def standard_pair(self, inputs: Sequence[Shape], after: Kind) -> Kind | None:
        """The one standard layer that can stand in place of this one and of `after`, which alone reads it.

        Between the two there may be norms and activations. None where they are no such pair.
        """
        return None

    def named(self, inputs: Sequence[Shape]) -> Sequence[tuple[str, Any, Any]]:
        """Numbers on the way to its counts that formulas have a letter for: the letter, the number, its meaning.

        In place of the meaning, what the number is equal to for these inputs: that stands in formulas then.
        """
        return ()

    def named_at(self, inputs: Sequence[Shape], output: Shape) -> Sequence[tuple[str, Any, str]]:
        """The same of numbers that depend on the output too."""
        return ()

    def variety(self, x: Shape) -> str:
        """What tells layers of this kind apart in a table: the window, as in `3x3`."""
        return ""

    def step(self) -> str:
        """How the window moves, where that is not one by one, as in `/2`."""
        return ""


def compressible(cls: type[Kind]) -> bool:
    """Whether layers of a kind take `compress`: those that say how their weights lie."""
    return cls.banks is not Kind.banks


class Layer(Kind):
    """A kind with one input."""

    def infer(self, inputs: Sequence[Shape]) -> Shape:
        if len(inputs) != 1:
            raise KindError(f"`{self.name}` takes one input, not {len(inputs)}", "from")
        return self.shape(inputs[0])

    def count(self, inputs: Sequence[Shape], output: Shape) -> Census | None:
        return self.census(inputs[0], output)

    def shape(self, x: Shape) -> Shape:
        return x

    def census(self, x: Shape, y: Shape) -> Census | None:
        raise NotImplementedError


class Join(Kind):
    """A kind with two or more inputs."""

    joins = True

    def infer(self, inputs: Sequence[Shape]) -> Shape:
        if len(inputs) < 2:
            raise KindError(
                f"`{self.name}` takes two or more inputs, not {len(inputs)}",
                None,
                "give it branches, or `from: [a, b]`",
            )
        return self.shape(inputs)

    def count(self, inputs: Sequence[Shape], output: Shape) -> Census | None:
        return self.census(inputs, output)

    def shape(self, xs: Sequence[Shape]) -> Shape:
        raise NotImplementedError

    def census(self, xs: Sequence[Shape], y: Shape) -> Census | None:
        raise NotImplementedError

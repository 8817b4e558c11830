"""A layer in symbols: its attributes and shapes as traced numbers, so that its own rules give the formulas.

Sizes of the output are symbols of their own, as D_F is in the papers, and are not computed from those of the input.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from costcalc.census import CLASSES, Census
from costcalc.formulas.symbols import LETTERS, Disproved, Formula, Named, Symbols, form_of
from costcalc.kinds import REGISTRY, Kind
from costcalc.number import concrete, divide, is_number
from costcalc.number.traced import Trace
from costcalc.shape import AXES, Shape


class Layer(NamedTuple):
    """A kind, its inputs and its output."""

    kind: Kind
    inputs: Sequence[Shape]
    output: Shape

    def census(self, batch: Any = 1) -> Census | None:
        """The census of so many samples; None where it cannot be known."""
        census = self.kind.count(self.inputs, self.output)
        return census if census is None or (isinstance(batch, int) and batch == 1) else census.for_batch(batch)


class Double(NamedTuple):
    """A layer in symbols, and the same in numbers."""

    symbolic: Layer
    counted: Layer

    @property
    def axes(self) -> tuple[str, ...]:
        """The names of the axes of its widest input."""
        widest = max(self.counted.inputs, key=lambda x: x.positions)
        return ("tokens",) if widest.sequence else AXES[len(widest.spatial)]

    def instead(self, symbolic: Kind | None, counted: Kind | None) -> Double | None:
        """Another kind in its place, from its inputs to its output positions."""
        if symbolic is None or counted is None:
            return None
        both = ((symbolic, self.symbolic), (counted, self.counted))
        return Double(*(Layer(k, x.inputs, x.output.at(k.infer(x.inputs).channels)) for k, x in both))


def doubled(
    symbols: Symbols,
    kind: str,
    attributes: Mapping[str, Any],
    inputs: Sequence[Shape],
    output: Shape,
    from_layers: Sequence[Shape] | None = None,
) -> Double:
    """A layer of these sizes, in symbols too; `from_layers` are its inputs where they are in symbols already."""
    widest = max(range(len(inputs)), key=lambda i: inputs[i].positions)
    kept = _kept(kind, attributes, inputs, widest)
    of_input, of_output = _names(inputs[widest], output, kept, len(inputs) > 1)
    xs = tuple(from_layers or (_input(symbols, x, inputs, widest, of_input) for x in inputs))
    lifted = REGISTRY[kind](_attributes(symbols, kind, attributes, xs[0], inputs[0]))
    rules = REGISTRY[kind](attributes)
    for (letter, number, meaning), (_, value, _) in zip(lifted.named(xs), rules.named(inputs), strict=True):
        symbols.abbreviate(letter, number, value, meaning)
    channels = lifted.infer(xs).channels
    if getattr(channels, "value", channels) != output.channels:
        raise Disproved(f"`{kind}` in symbols has {channels} output channels, counted are {output.channels}")
    spatial = tuple(
        xs[widest].spatial[i] if i in kept else size if size == 1 else symbols.number(name, concrete(size), meaning)
        for i, (size, (name, meaning)) in enumerate(zip(output.spatial, of_output, strict=True))
    )
    symbolic = Layer(lifted, xs, Shape(channels, spatial, output.sequence))
    at_output = zip(lifted.named_at(xs, symbolic.output), rules.named_at(inputs, output), strict=True)
    for (letter, number, meaning), (_, value, _) in at_output:
        symbols.abbreviate(letter, number, value, meaning)
    return Double(symbolic, Layer(rules, tuple(inputs), output))


def samples(symbols: Symbols, batch: int) -> Any:
    """The batch; one sample is no factor."""
    return 1 if batch == 1 else symbols.number("B", batch, "samples of the batch")


def census_formulas(symbols: Symbols, layer: Double, batch: int = 1) -> dict[str, Formula]:
    """The formula of each class of a layer's census that is not zero. Raises Disproved."""
    symbolic, counted = layer.symbolic.census(samples(symbols, batch)), layer.counted.census(batch)
    if symbolic is None or counted is None:
        return {}
    symbols.shorten(symbolic, layer.axes, layer.counted.kind.inside)
    made = {name: symbols.formula(name, getattr(symbolic, name), getattr(counted, name)) for name in CLASSES}
    return {name: formula for name, formula in made.items() if getattr(counted, name)}


def node_formulas(
    kind: str, attributes: Mapping[str, Any], inputs: Sequence[Shape], output: Shape, batch: int = 1
) -> dict[str, Formula]:
    """The same of a layer by itself. Raises Disproved."""
    symbols = Symbols()
    return census_formulas(symbols, doubled(symbols, kind, attributes, inputs, output), batch)


# -- inputs and attributes --------------------------------------------------------------------------------------------


def _input(symbols: Symbols, x: Shape, inputs: Sequence[Shape], widest_one: int, names: Sequence[Named]) -> Shape:
    """An input in symbols; sizes that are not those of the widest one stay numbers, but for a number of tokens."""
    widest = inputs[widest_one]
    what = "channels" if widest.spatial and not widest.sequence else "features"
    alike = [str(i) for i, other in enumerate(inputs, 1) if other.channels == x.channels]
    of = f"{what} of input{'s' * (len(alike) > 1)} {_listed(alike)}" if len(alike) < len(inputs) else f"input {what}"
    channels = symbols.number("M", concrete(x.channels), of)
    if x.spatial != widest.spatial:
        tokens = [symbols.number("T", concrete(n), "tokens of the other input") for n in x.spatial]
        return Shape(channels, tuple(tokens) if x.sequence else x.spatial, x.sequence)
    sizes = zip(x.spatial, names, strict=True)
    return Shape(
        channels, tuple(symbols.number(name, concrete(n), meaning) for n, (name, meaning) in sizes), x.sequence
    )


def _attributes(symbols: Symbols, kind: str, values: Mapping[str, Any], x: Shape, counted: Shape) -> dict[str, Any]:
    """The values, with symbols for window, channels, groups, multiplier and whatever else has a letter."""
    lifted, groups = dict(values), values.get("groups", 1)
    out: Any = values.get("out")
    if values.get("kernel") is not None:
        lifted["kernel"] = _kernel(symbols, values["kernel"], len(counted.spatial))
    if values.get("multiplier", 1) != 1:
        lifted["multiplier"] = _multiplier(symbols, values["multiplier"])
    if is_number(out) and 1 != groups == counted.channels:  # a depthwise convolution by another name
        filters = divide(out, groups)
        lifted |= {"groups": x.channels, "out": x.channels * (1 if filters == 1 else _multiplier(symbols, filters))}
        return lifted
    if is_number(out):
        on_map = counted.spatial and not counted.sequence
        lifted["out"] = symbols.number("N", out, "output channels" if on_map else "output features")
    if groups != 1:
        lifted["groups"] = symbols.number("g", groups, "groups")
    for name, attribute in REGISTRY[kind].attributes.items():
        if attribute.letter and is_number(values.get(name)) and values[name] != 1:
            about = attribute.doc.partition(";")[0].removesuffix(f" ({attribute.letter})")
            lifted[name] = symbols.number(attribute.letter, values[name], about)
    return lifted


def _multiplier(symbols: Symbols, filters: int) -> Any:
    return symbols.number("m", filters, "filters for each input channel")


def _kernel(symbols: Symbols, kernel: Any, rank: int) -> Any:
    axes, sizes = AXES[rank], kernel if isinstance(kernel, tuple) else (kernel,) * rank
    if set(sizes) == {1}:
        return 1
    if len(set(sizes)) == 1:
        return symbols.number("D_K", sizes[0], f"{_listed(axes)} of the window")
    named = zip(axes, sizes, strict=True)
    return tuple(symbols.number(f"K_{LETTERS[axis]}", size, f"{axis} of the window") for axis, size in named)


# -- what sizes are called --------------------------------------------------------------------------------------------


def _kept(kind: str, attributes: Mapping[str, Any], inputs: Sequence[Shape], widest: int) -> set[int]:
    """The axes of the widest input that the output has with the same size, whatever that is."""
    trace = Trace()
    xs = [
        x._replace(spatial=tuple(trace.symbol(f"{i}: {n}", concrete(n), True) for i, n in enumerate(x.spatial)))
        for x in inputs
    ]
    both = zip(xs[widest].spatial, REGISTRY[kind](attributes).infer(xs).spatial, strict=False)
    return {i for i, (before, after) in enumerate(both) if form_of(before) == form_of(after)}


def _names(x: Shape, y: Shape, kept: set[int], several: bool) -> tuple[list[Named], list[Named]]:
    """What the sizes of the widest input and of the output are called: alike only where they are the same."""
    square = all(len(set(shape.spatial)) < 2 for shape in (x, y))
    of_input: list[Named] = []
    for i, (name, words) in enumerate(_axes(x, square)):
        if i in kept:
            of_input.append((name, f"{words} of input and output"))
        elif i < len(y.spatial) and (several or y.spatial[i] != 1):
            of_input.append((f"{name.removesuffix('_F')}_in", f"{words} of the input"))
        else:
            of_input.append((name, f"{words} of the input"))
    return of_input, [(name, f"{words} of the output") for name, words in _axes(y, square)]


def _axes(x: Shape, square: bool) -> list[Named]:
    axes = ("tokens",) if x.sequence else AXES[len(x.spatial)]
    if square and len(axes) > 1:
        return [("D_F", _listed(axes))] * len(axes)
    return [(LETTERS[axis], axis) for axis in axes]


def _listed(axes: Sequence[str]) -> str:
    """`height and width`."""
    return " and ".join([", ".join(axes[:-1]), axes[-1]] if len(axes) > 1 else axes)

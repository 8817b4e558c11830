"""Recurrent layers over a sequence: in each step the token and the state of the step before make the new state.

The state begins with zeros, which are multiplied like any other state. The products of token and state are added in one
running sum, and the bias vectors after them, each by itself: two as in PyTorch, one as in Keras.

A state lies in the output, or in the sequence that the next layer reads. Meanwhile there are the numbers of one step,
which overwrite each other where they can, and between layers the sequence that one reads and the one that it writes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from costcalc.census import Census
from costcalc.kinds.attributes import KindError, choice, count, flag, optional
from costcalc.kinds.base import Layer, kind
from costcalc.kinds.pointwise import Sigmoid, Tanh
from costcalc.kinds.sequence import need_tokens
from costcalc.number import Number, minimum
from costcalc.shape import Shape


class Recurrent(Layer):
    """What recurrent layers share: `layers` of them, each reading the one before, in one or both directions."""

    gates: int  # matrices from the token, and as many from the state
    hidden = count("features of the state (H)", letter="H")
    layers = count("how many layers, each on the outputs of the one before", default=1)
    bidirectional = flag("also from the last token to the first, with weights of its own; outputs are joined",
                         default=False)  # fmt: skip
    biases = count("bias vectors for each gate: 2 as in PyTorch, 1 as in Keras, 0 for none", default=2, least=0)
    output = choice("the state after each token, or only that after the last", ("sequence", "last"), default="sequence")

    @property
    def state(self) -> Number:
        """The features that the next step and the next layer see."""
        return self.hidden

    @property
    def directions(self) -> int:
        return 2 if self.bidirectional else 1

    def shape(self, x: Shape) -> Shape:
        need_tokens(x, self.name)
        if self.biases > 2:
            raise KindError(f"a gate has at most 2 bias vectors, not {self.biases}", "biases", "use 0, 1 or 2")
        features = self.directions * self.state
        return x.at(features) if self.output == "sequence" else Shape(features)

    def element(self) -> Census:
        """The operations of one step on one feature of the state, beside matrix products and biases."""
        raise NotImplementedError

    def projected(self) -> Number:
        """The weights from what a step makes to the state."""
        return 0

    def census(self, x: Shape, y: Shape) -> Census:
        runs, tokens, wide = self.directions, x.spatial[0], self.gates * self.hidden
        further = self.layers - 1
        weights = wide * (x.channels + self.state) + further * wide * (self.directions * self.state + self.state)
        weights = runs * (weights + self.layers * self.projected())
        cells = runs * self.layers
        found = self.element().for_batch(tokens * cells * self.hidden)
        biases = cells * self.biases * wide
        return found + Census(macs=tokens * weights, valid_macs=tokens * weights, weights=weights,
                              biases=biases, bias_adds=tokens * biases)  # fmt: skip

    def kept(self) -> Number:
        """The numbers of one step that live until the next, or within it."""
        return self.gates * self.hidden

    def workspace(self, inputs: Sequence[Shape], output: Shape) -> Any:
        between = inputs[0].positions * self.directions * self.state  # what one layer leaves to the next
        return self.kept() + minimum(self.layers - 1, 2) * between

    def variety(self, x: Shape) -> str:
        return ("bi" if self.bidirectional else "") + (f"x{self.layers}" if self.layers != 1 else "")


@kind("lstm")
class Lstm(Recurrent):
    """Long short-term memory: gates i, f, o and a candidate g of token and state; cell f*c + i*g, state o*tanh(cell).

    For M features 4*H*(M + H) weights and as many multiply-adds for each token; 3 sigmoids, 2 tanh, 3 multiplications
    and an addition for each of H features; 8*H biases (two vectors). With `projection` to P features the state is a
    matrix product of that: 4*H*(M + P) + H*P. Source: Hochreiter and Schmidhuber 1997, with the forget gate of Gers et
    al. 2000; projection as in Sak et al. 2014 (arXiv:1402.1128); gates as in PyTorch, without peepholes.
    """

    gates = 4
    projection = optional(count("features that the state is projected to (P)", letter="P"))

    @property
    def state(self) -> Number:
        return self.hidden if self.projection is None else self.projection

    def element(self) -> Census:
        return Sigmoid.element.for_batch(3) + Tanh.element.for_batch(2) + Census(multiplications=3, additions=1)

    def projected(self) -> Number:
        return 0 if self.projection is None else self.hidden * self.projection

    def kept(self) -> Number:
        return 5 * self.hidden  # the cell too


@kind("gru")
class Gru(Recurrent):
    """Gated recurrent unit: gates r and z and a candidate n of token and state; state (1 - z)*n + z*h.

    For M features 3*H*(M + H) weights and as many multiply-adds for each token; 6*H biases (two vectors). With
    `reset_after`, as in PyTorch and Keras, n = tanh(W*x + b + r*(U*h + c)): 2 sigmoids, a tanh, 3 multiplications and 3
    additions for each of H features; without, as in the paper, n = tanh(W*x + U*(r*h) + b + c), with an addition less.
    Source: Cho et al. 2014 (arXiv:1406.1078), section 2.3; `reset_after` as in its first version.
    """

    lacks: ClassVar[Mapping[str, str]] = {"projection": "`lstm` has one"}

    gates = 3
    reset_after = flag("the reset gate acts after the matrix product, not before", default=True)

    def element(self) -> Census:
        steps = Census(multiplications=3, additions=3 if self.reset_after else 2)
        return Sigmoid.element.for_batch(2) + Tanh.element + steps

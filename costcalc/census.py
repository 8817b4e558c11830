"""The census: which elementary operations a layer performs, and which numbers it stores, before any convention.

Operations are for one forward pass at inference of one sample, positions in padding included (every window counts all
its taps). Each class is what the definition of the operation does, one by one; negations, copies and constants that
do not depend on the input (the folded scale and shift of a batch norm) are free.
"""

from __future__ import annotations

from typing import NamedTuple

from costcalc.number import Number


class Census(NamedTuple):
    """Counts by class; see the comments for what one of each is."""

    macs: Number = 0  # a product added to a running sum: convolution, linear layer, matrix product
    valid_macs: Number = 0  # those of the macs that touch an element of the input, not of its padding
    bias_adds: Number = 0  # a bias added to a finished sum
    multiplications: Number = 0
    additions: Number = 0  # subtractions too
    comparisons: Number = 0  # one per maximum or minimum of two values
    divisions: Number = 0  # square roots too
    exponentials: Number = 0  # one per exp, log or erf; a power is exp(b * log(a))

    weights: Number = 0  # learnable, multiplied with the input; embeddings and learned tokens too
    biases: Number = 0  # learnable, added at the end of a sum
    norm_scales: Number = 0  # learnable scale (gamma) of a normalisation
    norm_shifts: Number = 0  # learnable shift (beta) of a normalisation
    buffers: Number = 0  # stored, not learnable: running mean and variance

    @property
    def params(self) -> Number:
        """Learnable parameters: weights, biases, norm scales and shifts; buffers are not parameters."""
        return self.weights + self.biases + self.norm_scales + self.norm_shifts

    def __add__(self, other: Census) -> Census:  # type: ignore[override]  # sums, where tuples would join
        return Census(*(a + b for a, b in zip(self, other, strict=True)))

    def for_batch(self, batch: Number) -> Census:
        """The census of `batch` samples: every operation happens once a sample, what is stored is stored once."""
        return Census(*(n * batch for n in self[: len(OPERATIONS)]), *self[len(OPERATIONS) :])


CLASSES = Census._fields
OPERATIONS = CLASSES[:8]
PARAMETERS = CLASSES[8:12]

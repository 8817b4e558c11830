"""Embeddings, learned tokens, and copies that swap the axes of maps and tokens."""

from __future__ import annotations

import numpy as np

from costcalc.execute.work import Floats, Work, kernel


@kernel("embedding")
def embedding(work: Work) -> Floats:
    """The row of each token's number.

    Inputs drawn at random are no whole numbers: their fractions are spread over the vocabulary, so that rows differ.
    """
    words = work["vocabulary"]
    weights = work.make("weights", words, work["out"])
    numbers = np.nan_to_num(np.abs(work.x[..., 0].astype(np.float64)), posinf=0)
    whole = np.floor(numbers)
    rows = (whole % words + np.floor((numbers - whole) * words)) % words
    found: Floats = np.take(weights, rows.astype(np.int64), axis=0)
    return found


@kernel("class_token")
def class_token(work: Work) -> Floats:
    """The learned ones first."""
    n, tokens, features = work.x.shape
    number = work["number"]
    y = np.empty((n, number + tokens, features), np.float32)
    y[:, :number] = work.make("weights", number, features)
    y[:, number:] = work.x
    return y


@kernel("position_embedding")
def position_embedding(work: Work) -> Floats:
    """One addend for each element of a sample."""
    y = work.x if work.own else work.x.copy()
    y += work.make("weights", *y.shape[1:])
    work.count("additions", y.size)
    return y


@kernel("select_token")
def select_token(work: Work) -> Floats:
    """One of the tokens."""
    work.sequence = False
    return work.x[:, work["token"] - 1]


@kernel("to_tokens")
def to_tokens(work: Work) -> Floats:
    """Positions in one row, then channels last."""
    work.sequence = True
    return work.x.reshape(*work.x.shape[:2], -1).swapaxes(1, 2).copy()


@kernel("to_map")
def to_map(work: Work) -> Floats:
    """Channels first, then the tokens along the axes."""
    work.sequence = False
    swapped = work.x.swapaxes(1, 2).copy()
    return swapped.reshape(*swapped.shape[:2], *work["size"])

"""Embeddings and learned tokens, number by number."""

from __future__ import annotations

from itertools import product
from math import floor, prod

import numpy as np

from costcalc.execute.literal.scalars import Scalars
from costcalc.execute.literal.work import LiteralWork, literal


@literal("embedding")
def embedding(work: LiteralWork) -> Scalars:
    """Token number w has row w; between w and w + 1 lies each row once, in their order."""
    words = work["vocabulary"]
    weights = work.weights(words, work["out"])
    samples, tokens, _ = work.x.shape
    y = np.empty((samples, tokens, work["out"]), object)
    for n, token in np.ndindex(samples, tokens):
        number = abs(work.at(n, token, 0).value)
        row = floor(number) + floor(number % 1 * words)
        for feature in range(work["out"]):
            y[n, token, feature] = weights[row % words, feature].copy()
    return y


@literal("class_token")
def class_token(work: LiteralWork) -> Scalars:
    """Every sample has the same learned ones, then its own."""
    samples, tokens, features = work.x.shape
    number = work["number"]
    learned = work.weights(number, features)
    y = np.empty((samples, number + tokens, features), object)
    for n, token, feature in np.ndindex(y.shape):
        own = token >= number
        y[n, token, feature] = work.at(n, token - number, feature) if own else learned[token, feature].copy()
    return y


@literal("position_embedding")
def position_embedding(work: LiteralWork) -> Scalars:
    """The same addend at the same place of every sample."""
    y = work.target()
    learned = work.weights(*work.x.shape[1:])
    for at in np.ndindex(y.shape):
        y[at] = work.at(*at) + learned[at[1:]].copy()
    return y


@literal("select_token")
def select_token(work: LiteralWork) -> Scalars:
    """All features of one token."""
    work.sequence = False
    one: Scalars = np.moveaxis(work.x, 1, 0)[work["token"] - 1]
    return one


@literal("to_tokens")
def to_tokens(work: LiteralWork) -> Scalars:
    """The positions counted off, the last axis fastest."""
    work.sequence = True
    samples, channels, *sizes = work.x.shape
    y = np.empty((samples, prod(sizes), channels), object)
    for n, c, *place in np.ndindex(work.x.shape):
        token = 0
        for at, size in zip(place, sizes, strict=True):
            token = token * size + at
        y[n, token, c] = work.at(n, c, *place)
    return y


@literal("to_map")
def to_map(work: LiteralWork) -> Scalars:
    """The tokens counted off by the sizes of the map, the last axis fastest."""
    work.sequence = False
    samples, tokens, features = work.x.shape
    y = np.empty((samples, features, *work["size"]), object)
    places = list(product(*map(range, work["size"])))
    for n, token, feature in np.ndindex(samples, tokens, features):
        y[(n, feature, *places[token])] = work.at(n, token, feature)
    return y

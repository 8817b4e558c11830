"""Tokens as PyTorch has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crosscheck.torch_kinds import Function, modules, nn, torch


class Embedding(nn.Embedding):
    """nn.Embedding, of numbers that are brought into the vocabulary as in the executor."""

    def forward(self, x: Any) -> Any:
        numbers = x[..., 0].double().abs()
        row = numbers.floor() + ((numbers % 1) * self.num_embeddings).floor()
        return super().forward((row % self.num_embeddings).long())

    def take(self, weights: Any) -> None:
        self.weight.copy_(weights)


@modules("embedding")
def embedding(a: Mapping[str, Any], dims: tuple[int, ...], sequence: bool) -> Any:
    return Embedding(a["vocabulary"], a["out"])


class Learned(nn.Module):
    """Learned numbers, and what is done with them."""

    def __init__(self, function: Any, *shape: int) -> None:
        super().__init__()
        self.function, self.learned = function, nn.Parameter(torch.zeros(*shape))

    def forward(self, x: Any) -> Any:
        return self.function(x, self.learned)

    def take(self, weights: Any) -> None:
        self.learned.copy_(weights)


@modules("class_token")
def class_token(a: Mapping[str, Any], dims: tuple[int, ...], sequence: bool) -> Any:
    return Learned(lambda x, t: torch.cat([t.expand(len(x), -1, -1), x], 1), a["number"], dims[-1])


@modules("position_embedding")
def position_embedding(a: Mapping[str, Any], dims: tuple[int, ...], sequence: bool) -> Any:
    return Learned(torch.add, *dims)


@modules("select_token")
def select_token(a: Mapping[str, Any], dims: tuple[int, ...], sequence: bool) -> Any:
    return Function(lambda x: x.select(1, a["token"] - 1))


@modules("to_tokens")
def to_tokens(a: Mapping[str, Any], dims: tuple[int, ...], sequence: bool) -> Any:
    return Function(lambda x: x.flatten(2).transpose(1, 2))


@modules("to_map")
def to_map(a: Mapping[str, Any], dims: tuple[int, ...], sequence: bool) -> Any:
    return Function(lambda x: x.transpose(1, 2).unflatten(2, a["size"]))

"""Attention as PyTorch has it: nn.MultiheadAttention where it can, else scaled_dot_product_attention."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

from crosscheck.torch_kinds import F, axes, modules, nn, torch


class Projections(nn.Module):
    """What the executor makes: for queries, keys, values and the last, weights and perhaps biases."""

    def __init__(self, sizes: list[tuple[int, int, bool]]) -> None:
        super().__init__()
        self.parts = nn.ModuleList(nn.Linear(i, o, bias=b) for i, o, b in sizes)

    def take(self, *made: Any) -> None:
        waiting = list(made)
        for part in self.parts:
            part.weight.copy_(waiting.pop(0).T)
            if part.bias is not None:
                part.bias.copy_(waiting.pop(0))


class Plain(Projections):
    """Attention with all that nn.MultiheadAttention has not."""

    def __init__(self, a: Mapping[str, Any], features: int, context: int) -> None:
        self.heads = a["heads"]
        each = a.get("head_features") or features // self.heads
        self.shared = a.get("kv_heads") or self.heads
        inner, keys, q = self.heads * each, self.shared * each, a["qkv_bias"]
        sizes = [(features, inner, q), (context, keys, q), (context, keys, q)]
        super().__init__([*sizes, (inner, a.get("out") or features, a["bias"])])
        self.causal = a["causal"]

    def forward(self, x: Any, context: Any = None) -> Any:
        context = x if context is None else context
        inputs, counts = (x, context, context), (self.heads, self.shared, self.shared)
        q, k, v = (
            part(t).unflatten(2, (count, -1)).transpose(1, 2)
            for part, t, count in zip(list(self.parts)[:3], inputs, counts, strict=True)
        )
        y = F.scaled_dot_product_attention(q, k, v, is_causal=self.causal, enable_gqa=self.shared != self.heads)
        return self.parts[3](y.transpose(1, 2).flatten(2))


class Usual(nn.Module):
    """nn.MultiheadAttention, which has its three projections in one matrix."""

    def __init__(self, a: Mapping[str, Any], features: int) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(features, a["heads"], bias=a["bias"], batch_first=True)
        self.causal = a["causal"]

    def forward(self, x: Any, context: Any = None) -> Any:
        context = x if context is None else context
        mask = torch.ones(x.shape[1], x.shape[1]).triu(1).bool() if self.causal else None
        return self.attention(x, context, context, attn_mask=mask, need_weights=False)[0]

    def take(self, *made: Any) -> None:
        matrices = [m for m in made if m.ndim == 2]
        biases = [m for m in made if m.ndim == 1]
        self.attention.in_proj_weight.copy_(torch.cat([m.T for m in matrices[:3]]))
        self.attention.out_proj.weight.copy_(matrices[3].T)
        if biases:
            self.attention.in_proj_bias.copy_(torch.cat(biases[:3]))
            self.attention.out_proj.bias.copy_(biases[3])


class Late(nn.Module):
    """A module for one input, until the weights tell of a second one with other features."""

    def __init__(self, a: Mapping[str, Any], features: int) -> None:
        super().__init__()
        self.a, self.features = a, features
        self.inner = self.made(features)

    def forward(self, *xs: Any) -> Any:
        return self.inner(*xs)

    def take(self, *made: Any) -> None:
        context = made[2 if self.a["qkv_bias"] else 1].shape[0]
        self.inner = self.made(context)
        self.inner.take(*made)

    def made(self, context: int) -> Any:
        plain = [self.a.get(name) is None for name in ("kv_heads", "head_features", "out")]
        usual = all(plain) and self.a["bias"] == self.a["qkv_bias"] and context == self.features
        return Usual(self.a, self.features) if usual else Plain(self.a, self.features, context)


@modules("attention")
def attention(a: Mapping[str, Any], dims: tuple[int, ...], sequence: bool) -> Any:
    return Late(a, dims[-1])


class Windowed(Projections):
    """Swin's attention, cut by unfolding: each window is found by its places, and masked by where they came from."""

    def __init__(self, a: Mapping[str, Any], channels: int, sizes: tuple[int, ...], sequence: bool) -> None:
        super().__init__([(channels, channels, a["qkv_bias"])] * 3 + [(channels, channels, a["bias"])])
        self.windows, self.heads, self.sequence = axes(a["window"], len(sizes)), a["heads"], sequence
        self.sizes, self.shifted = sizes, a["shifted"]
        spans = [2 * w - 1 for w in self.windows]
        self.table = nn.Parameter(torch.zeros(prod(spans), self.heads)) if a["relative_positions"] else None

    def take(self, *made: Any) -> None:
        waiting = list(made)
        if self.table is not None:
            at = 3 * (1 + (self.parts[0].bias is not None))
            self.table.copy_(waiting.pop(at))
        super().take(*waiting)

    def window(self, x: Any) -> Any:
        """(N, *padded, C) as (N, windows, positions, C)."""
        for axis, w in enumerate(self.windows):
            x = x.unfold(1 + axis, w, w)  # the steps in the window go to the end
        rank = len(self.windows)
        x = x.movedim(1 + rank, -1)
        return x.flatten(1, rank).flatten(2, 1 + rank)

    def bias(self) -> Any:
        places = torch.cartesian_prod(*(torch.arange(w) for w in self.windows)).reshape(-1, len(self.windows))
        row = torch.zeros(len(places), len(places), dtype=torch.long)
        for axis, w in enumerate(self.windows):
            row = row * (2 * w - 1) + places[:, None, axis] - places[None, :, axis] + w - 1
        return self.table[row].permute(2, 0, 1)

    def forward(self, x: Any) -> Any:
        x = x if self.sequence else x.movedim(1, -1)
        rank = len(self.sizes)
        padded = [-(-size // w) * w for size, w in zip(self.sizes, self.windows, strict=True)]
        shifts = [w // 2 if self.shifted and w < p else 0 for w, p in zip(self.windows, padded, strict=True)]
        x = F.pad(x, [0, 0, *(n for p, s in reversed(list(zip(padded, self.sizes, strict=True))) for n in (0, p - s))])
        number = torch.zeros(1, *padded, 1)
        for axis, (p, shift) in enumerate(zip(padded, shifts, strict=True)):
            wrapped = (torch.arange(p) < shift).float().reshape([-1 if i == axis else 1 for i in range(rank)] + [1])
            number = number + wrapped * 2**axis
        over = tuple(range(1, rank + 1))
        x, number = (torch.roll(t, [-s for s in shifts], over) for t in (x, number))
        part = self.window(number)[0, :, :, 0]
        q, k, v = (p(self.window(x)).unflatten(3, (self.heads, -1)).transpose(2, 3) for p in list(self.parts)[:3])
        mask = torch.zeros(part.shape[0], 1, part.shape[1], part.shape[1])
        mask = mask + self.bias() if self.table is not None else mask
        mask = mask.masked_fill((part[:, :, None] != part[:, None])[:, None], float("-inf"))
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        y = self.parts[3](y.transpose(2, 3).flatten(3))
        y = self.joined(y, padded)
        y = torch.roll(y, shifts, over)[(slice(None), *(slice(size) for size in self.sizes))]
        return y if self.sequence else y.movedim(-1, 1)

    def joined(self, y: Any, padded: list[int]) -> Any:
        """What `window` did, undone by its own numbering."""
        places = self.window(torch.arange(prod(padded)).reshape(1, *padded, 1).float())[0, :, :, 0].flatten().long()
        flat = torch.empty_like(y.flatten(1, 2))
        flat[:, places] = y.flatten(1, 2)
        return flat.unflatten(1, padded)


@modules("window_attention")
def window_attention(a: Mapping[str, Any], dims: tuple[int, ...], sequence: bool) -> Any:
    channels, sizes = (dims[-1], dims[:-1]) if sequence else (dims[0], dims[1:])
    return Windowed(a, channels, sizes, sequence)

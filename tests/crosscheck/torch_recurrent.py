"""nn.LSTM and nn.GRU; the reset gate before the product, which PyTorch has not, step by step."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from crosscheck.torch_kinds import F, modules, nn, torch


class Recurrent(nn.Module):
    """PyTorch's own module. With one bias vector the other one is zero, and no parameter."""

    def __init__(self, rnn: Any, a: Mapping[str, Any]) -> None:
        super().__init__()
        self.a, self.hidden_away = a, [rnn]
        if a["biases"] != 1:
            self.rnn = rnn

    def forward(self, x: Any) -> Any:
        with warnings.catch_warnings():  # PyTorch tells that a projection has no fast implementation
            warnings.simplefilter("ignore", UserWarning)
            y = self.hidden_away[0](x)[0]
        if self.a["output"] == "sequence":
            return y
        forwards, *backwards = y.chunk(1 + self.a["bidirectional"], 2)
        return torch.cat([forwards[:, -1], *(b[:, 0] for b in backwards)], 1)

    def take(self, *made: Any) -> None:
        waiting = list(made)
        rnn = self.hidden_away[0]
        names = list(rnn._all_weights)
        for group in names:
            self.fill(rnn, group, waiting)
        if self.a["biases"] == 1:
            self.own = nn.ParameterList(nn.Parameter(m) for m in made)

    def fill(self, rnn: Any, group: list[str], waiting: list[Any]) -> None:
        """One layer in one direction: the executor has columns where PyTorch has rows."""
        for name in group:
            target = getattr(rnn, name)
            if name.startswith("bias_hh") and self.a["biases"] == 1:
                target.zero_()
            else:
                target.copy_(waiting.pop(0).t())


def _given(a: Mapping[str, Any], features: int) -> dict[str, Any]:
    return {"input_size": features, "hidden_size": a["hidden"], "num_layers": a["layers"], "batch_first": True,
            "bias": a["biases"] > 0, "bidirectional": a["bidirectional"]}  # fmt: skip


@modules("lstm", "gru")
def recurrent(a: Mapping[str, Any], dims: tuple[int, ...], sequence: bool) -> Any:
    if "reset_after" not in a:
        projection = a.get("projection") or 0
        if projection >= a["hidden"]:
            raise NotImplementedError("PyTorch projects to fewer features only")
        return Recurrent(nn.LSTM(**_given(a, dims[-1]), proj_size=projection), a)
    return Recurrent(nn.GRU(**_given(a, dims[-1])), a) if a["reset_after"] else ResetFirst(a)


class ResetFirst(nn.Module):
    """A GRU whose reset gate acts on the state before the matrix product."""

    def __init__(self, a: Mapping[str, Any]) -> None:
        super().__init__()
        self.a = a

    def take(self, *made: Any) -> None:
        self.made = nn.ParameterList(nn.Parameter(m) for m in made)

    def forward(self, x: Any) -> Any:
        each, directions = 2 + self.a["biases"], 1 + self.a["bidirectional"]
        for layer in range(self.a["layers"]):
            outputs = []
            for direction in range(directions):
                first = (layer * directions + direction) * each
                weights = [self.made[first + i] for i in range(each)]
                y = self.run(x.flip(1) if direction else x, *weights)
                outputs.append(y.flip(1) if direction else y)
            ends = [y[:, 0] if direction else y[:, -1] for direction, y in enumerate(outputs)]
            x = torch.cat(outputs, 2)
        return x if self.a["output"] == "sequence" else torch.cat(ends, 1)

    def run(self, x: Any, token: Any, state: Any, *biases: Any) -> Any:
        hidden = self.a["hidden"]
        of_token = F.linear(x, token.T) + sum(biases, torch.zeros(3 * hidden))
        h, outputs = torch.zeros(len(x), hidden), []
        for step in of_token.unbind(1):
            r, z = torch.sigmoid(step[:, : 2 * hidden] + h @ state[:, : 2 * hidden]).chunk(2, 1)
            n = torch.tanh(step[:, 2 * hidden :] + (r * h) @ state[:, 2 * hidden :])
            h = torch.lerp(n, h, z)
            outputs.append(h)
        return torch.stack(outputs, 1)

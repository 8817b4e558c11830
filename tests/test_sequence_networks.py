"""The bundled networks of tokens: arithmetic by hand, PyTorch's own modules, published figures, executions."""

from __future__ import annotations

from typing import Any

import pytest

import costcalc
from costcalc.formulas import Formula
from costcalc.published import check
from costcalc.render.worked import TEXT_SUM
from costcalc.spec import read_document

# features, depth, heads; parameters and multiply-adds at 224 with patches of 16, by the sums in `vit_by_hand`
SIZES = {"Ti": (192, 12, 3), "S": (384, 12, 6), "B": (768, 12, 12), "L": (1024, 24, 16), "H": (1280, 32, 16)}


def vit_by_hand(d: int, depth: int, patch: int, resolution: int, classes: int) -> tuple[int, int]:
    """Parameters and multiply-adds, term by term."""
    patches = (resolution // patch) ** 2
    tokens = patches + 1
    block = (4 * d * d + 4 * d) + (2 * 4 * d * d + 4 * d + d) + 4 * d  # attention, MLP, two norms
    params = (3 * patch * patch * d + d) + d + tokens * d + depth * block + 2 * d + (d * classes + classes)
    each = 4 * tokens * d * d + 2 * tokens * tokens * d + 2 * tokens * 4 * d * d
    return params, patches * 3 * patch * patch * d + depth * each + d * classes


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("patch", "resolution", "classes"), [(16, 224, 1000), (16, 384, 10), (14, 518, 21_843)])
def test_vit_by_hand(size: str, patch: int, resolution: int, classes: int) -> None:
    given = {"patch": patch, "resolution": resolution, "classes": classes}
    totals = costcalc.load("vit", variant=size, **given).report().totals
    d, depth, _ = SIZES[size]
    assert (totals.params, totals.madds) == vit_by_hand(d, depth, **given)


def test_vit_b_to_the_last_digit() -> None:
    """torchvision's num_params, and its _ops of 17.564 G, which PyTorch's flop counter gives to the last digit."""
    totals = costcalc.load("vit").report().totals
    assert (totals.params, totals.madds) == (86_567_656, 17_563_828_224)
    attention = [row for row in costcalc.load("vit").report().layers if row.kind.startswith("attention")]
    assert sum(row.madds for row in attention) == 12 * (4 * 197 * 768**2 + 2 * 197**2 * 768)


def test_vit_has_the_nodes_of_the_paper() -> None:
    """Equations 1 to 4: a norm before every block of attention or MLP, residual sums after, a last norm."""
    kinds = [node.kind for node in costcalc.load("vit", depth=1).network.nodes]
    assert kinds == [
        "conv", "to_tokens", "class_token", "position_embedding", "layer_norm", "attention", "add", "layer_norm",
        "linear", "gelu", "linear", "add", "layer_norm", "select_token", "linear",
    ]  # fmt: skip


def test_a_block_of_vit_in_pytorch() -> None:
    """nn.TransformerEncoderLayer with the norm first has as many parameters, at every size."""
    torch = pytest.importorskip("torch")
    for size, (d, _, heads) in SIZES.items():
        rows = costcalc.load("vit", variant=size, depth=1).report().rows("layer")
        ours = sum(row.params for row in rows if row.path.startswith("encoder/"))
        with torch.device("meta"):
            theirs = torch.nn.TransformerEncoderLayer(d, heads, 4 * d, norm_first=True)
        assert ours == sum(p.numel() for p in theirs.parameters())


@pytest.mark.parametrize(("size", "hidden", "params"), [("small", 200, 4_651_600), ("medium", 650, 19_775_200),
                                                        ("large", 1500, 66_022_000)])  # fmt: skip
def test_lstm_by_hand(size: str, hidden: int, params: int) -> None:
    """Words, two layers of four gates, words again: 10000 H + 2 (8 H^2 + 4 H) + 10000 H + 10000."""
    totals = costcalc.load("lstm", variant=size).report().totals
    assert totals.params == params == 20_000 * hidden + 16 * hidden**2 + 8 * hidden + 10_000
    assert totals.madds == 35 * (16 * hidden**2 + 10_000 * hidden)


def test_the_language_model_in_pytorch() -> None:
    """The word language model of the PyTorch examples at its defaults: 200 features, 2 layers, WikiText-2's words."""
    torch = pytest.importorskip("torch")
    words = 33_278
    with torch.device("meta"):
        parts = [torch.nn.Embedding(words, 200), torch.nn.LSTM(200, 200, 2), torch.nn.Linear(200, words)]
    theirs = sum(p.numel() for part in parts for p in part.parameters())
    ours = costcalc.load("lstm", variant="small", vocabulary=words, biases=2).report().totals.params
    assert ours == theirs == 13_987_678


def test_gru_by_hand() -> None:
    """3 gates of 227 units on 20 samples and 227 states, at 500 steps; PyTorch's form has as many again of biases."""
    totals = costcalc.load("gru").report().totals
    assert (totals.params, totals.madds) == (3 * 227 * 247 + 3 * 227, 500 * 3 * 227 * 247) == (168_888, 84_103_500)
    torch = pytest.importorskip("torch")
    theirs = sum(p.numel() for p in torch.nn.GRU(20, 227).parameters())
    assert costcalc.load("gru", biases=2, reset_after=True).report().totals.params == theirs


@pytest.mark.parametrize(("name", "met", "errata"), [("vit", 21, {"307M"}), ("lstm", 2, set()), ("gru", 1, set())])
def test_published_figures(name: str, met: int, errata: set[str]) -> None:
    """Each for its settings, at the digits that were printed."""
    document = read_document(name)
    found = [
        (row.status, row.figure)
        for expected in document.expectations
        for row in check(costcalc.load(name, **expected.settings).report(), document)
        if row.place == expected.place and row.figure in {f.text for f in expected.figures.values()}
    ]
    assert sum(status == "met" for status, _ in found) == met
    assert {figure for status, figure in found if status == "erratum"} == errata
    assert "missed" not in {status for status, _ in found}


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("vit", {"variant": "Ti", "depth": 2, "resolution": 64}),
        ("vit", {"features": 12, "heads": 3, "depth": 1, "patch": 5, "resolution": 33, "classes": 7}),
        ("lstm", {"variant": "small", "vocabulary": 100}), ("lstm", {"hidden": 7, "layers": 3, "biases": 2, "steps": 4}),
        ("gru", {"steps": 12}), ("gru", {"hidden": 5, "reset_after": True, "biases": 2, "samples": 3}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("batch", [1, 3])
def test_networks_do_what_is_counted(name: str, given: dict[str, Any], batch: int) -> None:
    found = costcalc.load(name, **given).verify(batch)
    assert found.agreed
    assert found.predicted_peak == found.executed_peak > 0


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("vit", {"features": 8, "heads": 2, "depth": 1, "patch": 8, "resolution": 24, "classes": 5}),
        ("lstm", {"hidden": 5, "vocabulary": 20, "steps": 4}),
        ("gru", {"hidden": 5, "steps": 6}),
    ],
)
def test_and_one_operation_at_a_time(name: str, given: dict[str, Any]) -> None:
    assert costcalc.load(name, **given).verify(2, literal=True).agreed


def _text(formula: Formula) -> str:
    return TEXT_SUM.factored(formula.polynomial)


def test_explained() -> None:
    (layer,) = costcalc.load("vit").explain("encoder/1/attention").layers
    census = layer.nodes[0].census
    assert _text(census["macs"]) == "2 * M * T * T + 4 * M * M * T"
    assert census["macs"].value == 524_391_936
    (layer,) = costcalc.load("lstm").explain("lstm").layers
    assert _text(layer.nodes[0].census["macs"]) == "4 * M * T * H + 12 * T * H * H"


def test_in_closed_form() -> None:
    """ViT in the patches along one side r/16 = n: per block 12 D^2 (n^2 + 1) + 2 D (n^2 + 1)^2."""
    form = costcalc.formula("vit")
    (resolution,) = form.symbols.values()
    d, depth = 768, 12
    for n in (1, 7, 14, 24):
        tokens = n * n + 1
        by_hand = n * n * d * d + depth * (12 * d * d * tokens + 2 * d * tokens**2) + 1000 * d
        assert form.madds.subs(resolution, 16 * n) == by_hand

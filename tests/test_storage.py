"""Compressed weights: what is stored by rule, by an encoder that writes bits, and by a reader that reads them again.

Published figures are compared by exact arithmetic. Where a paper rounds what it starts from, as the tables of Deep
Compression do with the density, the figure must lie between what the ends of the rounding give.
"""

from __future__ import annotations

import csv
import io
import json
import os
import secrets
import subprocess
import sys
from fractions import Fraction
from math import prod
from typing import Any

import pytest
from layers import layers
from schemes import KINDS, banks_of, cases

from costcalc.api import Model, load
from costcalc.cost.report import Report
from costcalc.errors import Source, SpecError, UsageError
from costcalc.execute import execute
from costcalc.execute.decode import decode
from costcalc.execute.encode import LAYOUTS, encode
from costcalc.kinds import REGISTRY, KindError, compressible
from costcalc.render import FORMATS, View, render
from costcalc.render.fit import fit_text
from costcalc.spec import build_network, parse_document
from costcalc.storage import Scheme, read, rule, stored
from costcalc.storage.record import PARTS

NIGHTLY = os.environ.get("COSTCALC_NIGHTLY") == "1"
FIRST = secrets.randbelow(2**40) if NIGHTLY else 0
NUMBER = 2_500 if NIGHTLY else 250  # of settings of each of the four kinds


def spec(layers: str, shape: str = "[16, 9, 7]", before: str = "") -> str:
    return f"costcalc: 1\n{before}input: {shape}\nlayers:\n" + "".join(f"  - {line}\n" for line in layers.split("\n"))


def model(text: str, **given: Any) -> Model:
    return Model(parse_document(Source("spec.yaml", text)), given)


def report(text: str, **given: Any) -> Report:
    return model(text, **given).report()


def one(text: str) -> Any:
    """What is stored of a network."""
    return report(text).stored


# -- rule, encoder, reader --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_the_rule_the_encoder_and_the_reader_agree(kind: str) -> None:
    seen: set[str] = set()
    for case in cases(kind, NUMBER, FIRST):
        layer, where = case.layer, f"{case.how} of {case.layer}"
        predicted = stored(case.scheme, case.banks, layer.census, 32)
        tensors = encode(kind, layer.attributes, case.how, case.made, len(layer.inputs[0].spatial), keep=True)
        written, came_back = dict.fromkeys(PARTS[:-1], 0), dict.fromkeys(PARTS[:-1], 0)
        for tensor in tensors:
            bits, wrong = decode(tensor, case.how)
            assert wrong == 0, where
            for part in written:
                written[part] += tensor.stream.written.get(part, 0)
                came_back[part] += bits.get(part, 0)
        assert written == came_back == {part: getattr(predicted, part) for part in written}, where
        assert predicted.rest == 32 * (layer.census.params - layer.census.weights)
        assert predicted.uncompressed == 32 * layer.census.params
        seen.update(case.how)
    assert seen >= {"bits", "scales", "density", "index_bits", "fillers", "clusters", "hashed", "binary", "subspaces"}


def test_a_stream_that_is_one_bit_shorter_cannot_be_read() -> None:
    """The reader needs every bit, so the count is not too large; and has no others, so it is not too small."""
    for kind in KINDS:
        for case in cases(kind, 40):
            rank = len(case.layer.inputs[0].spatial)
            for part in PARTS[:-1]:
                tensor = encode(kind, case.layer.attributes, case.how, case.made, rank, keep=True)[0]
                if not tensor.stream.written.get(part):
                    continue
                last = tensor.stream.bits[part].pop()
                tensor.stream.bits[part].append(last[:-1])
                with pytest.raises(IndexError):
                    decode(tensor, case.how)


@pytest.mark.parametrize("kind", KINDS)
def test_tensors_are_all_the_weights(kind: str) -> None:
    """Each weight is used once at each position: that is where the multiply-adds come from."""
    for layer in layers(kind, 300):
        banks = banks_of(layer)
        assert sum(bank.size for bank in banks) == layer.census.weights
        assert sum(bank.size * bank.positions for bank in banks) == layer.census.macs
        assert all(bank.filters % bank.groups == 0 for bank in banks)


def test_every_kind_that_takes_compress_can_be_encoded() -> None:
    assert {name for name, cls in REGISTRY.items() if compressible(cls)} == set(LAYOUTS) == set(KINDS)


@pytest.mark.parametrize("literal", [False, True])
def test_verify_compares_what_is_stored(literal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = (
        "conv: {out: 6, kernel: 3, groups: 2, compress: {density: 1/4, index_bits: 2, fillers: 3, clusters: 9}}\n"
        "separable: {out: 5, norm: batch_norm, act: relu, compress: {bits: 3, scales: 2}}\n"
        "flatten\nlinear: {out: 7, compress: {subspaces: 5, codewords: 3}}\nlinear: {out: 4}"
    )
    network = model(spec(lines, "[4, 5, 3]"))
    found = network.verify(literal=literal)
    assert found.agreed
    first = dict(found.nodes[0].executed)
    # 6 filters of 2 x 9 weights: 108, of which 27 are left and 3 fillers, with 4 bits for 9 clusters and 2 for a gap
    assert first["bits of codes"] == 30 * 4
    assert first["bits of positions"] == 30 * 2
    assert first["bits of tables"] == 9 * 32
    assert not any(name.startswith("bits of") for name in found.nodes[-1].executed)
    wrong = rule.left
    monkeypatch.setattr(rule, "left", lambda scheme, bank: wrong(scheme, bank) - 1)
    again = model(spec(lines, "[4, 5, 3]")).verify(literal=literal)
    assert not again.agreed
    assert again.first is not None
    assert again.first.path == "conv"
    assert ("bits of codes", 28 * 4 + 4, 30 * 4) in again.first.differences


def test_an_execution_without_compression_stores_nothing() -> None:
    network = build_network(parse_document(Source("x.yaml", spec("conv: {out: 3}"))), {})
    assert [dict(run.stored) for run in execute(network).nodes] == [{}]


# -- by hand ----------------------------------------------------------------------------------------------------------

# a 3x3 convolution of 16 channels to 8 on a 9x7 map: 1152 weights in 8 filters of 144, 8 biases, 63 positions
BY_HAND = {
    "{bits: 4}": (1152 * 4, 0, 0, 32),
    "{bits: 4, scales: none}": (1152 * 4, 0, 0, 0),
    "{bits: 4, scales: filter}": (1152 * 4, 0, 0, 8 * 32),
    "{bits: 4, scales: 100}": (1152 * 4, 0, 0, 8 * 2 * 32),  # two runs in each filter of 144
    "{density: 1/5}": (231 * 32, 1152, 0, 0),  # 230.4 rounded up; one bit a weight says which
    "{density: 1/5, index_bits: 3}": (231 * 32, 231 * 3, 0, 0),
    "{density: 1/5, index_bits: 3, fillers: 115}": (346 * 32, 346 * 3, 0, 0),  # 921 zeros have room for 115 times 8
    "{density: 1/5, bits: 2}": (231 * 2, 1152, 0, 32),
    "{density: 1/5, clusters: 17}": (231 * 5, 1152, 17 * 32, 0),
    "{clusters: 16}": (1152 * 4, 0, 16 * 32, 0),
    "{clusters: 1}": (0, 0, 32, 0),
    "{hashed: 1/7}": (165 * 32, 0, 0, 0),  # 164.57 rounded up
    "{subspaces: 4, codewords: 100}": (8 * 9 * 4 * 7, 0, 100 * 16 * 32, 0),
    "{binary: weights}": (1152, 0, 0, 8 * 32),
    "{binary: both}": (1152, 0, 0, 8 * 32),
    "{activation_bits: 8}": (1152 * 32, 0, 0, 0),
}
MACS = 1152 * 63
OPERATIONS = {
    "{bits: 4, activation_bits: 8}": (MACS, MACS * 4 * 8),
    "{bits: 4}": (MACS, MACS * 4 * 32),
    "{clusters: 16, activation_bits: 8}": (MACS, MACS * 32 * 8),  # the values in the table are floats
    "{hashed: 1/7}": (MACS, MACS * 32 * 32),
    "{density: 1/5}": (231 * 63, 231 * 63 * 32 * 32),
    "{density: 1/5, bits: 2, activation_bits: 3}": (231 * 63, 231 * 63 * 6),
    "{binary: weights}": (MACS + 8 * 63, MACS * 32),
    "{binary: weights, activation_bits: 4}": (MACS + 8 * 63, MACS * 4),
    "{binary: both}": (MACS // 64 + 8 * 63, MACS),  # 1152 / 64 is whole
    "{subspaces: 4, codewords: 100}": (100 * 16 * 63 + 8 * 9 * 4 * 63, None),
}


@pytest.mark.parametrize("scheme", BY_HAND)
def test_by_hand(scheme: str) -> None:
    s = one(spec(f"conv: {{out: 8, kernel: 3, compress: {scheme}}}"))
    assert (s.codes, s.positions, s.tables, s.scales) == BY_HAND[scheme]
    assert s.rest == 8 * 32
    assert s.bits == sum(BY_HAND[scheme]) + 8 * 32
    assert s.bytes == -(-s.bits // 8)


@pytest.mark.parametrize("scheme", OPERATIONS)
def test_operations_by_hand(scheme: str) -> None:
    s = one(spec(f"conv: {{out: 8, kernel: 3, compress: {scheme}}}"))
    assert (s.operations, s.bit_operations) == OPERATIONS[scheme]


def test_binary_operations_are_an_exact_fraction() -> None:
    s = one(spec("linear: {out: 3, compress: {binary: both}}", "[5]"))
    assert s.operations == Fraction(15, 64) + 3
    assert json.loads(render(report(spec("linear: {out: 3, compress: {binary: both}}", "[5]")), "json"))["totals"][
        "stored"
    ]["operations"] == 3.234375


def test_groups_have_tables_of_their_own() -> None:
    """2 groups of 3 inputs: 2 tables of 5 codewords for each of 3 parts, an entry a filter, tap and part."""
    s = one(spec("conv: {out: 4, kernel: [3, 1], groups: 2, bias: false, compress: {subspaces: 3, codewords: 5}}", "[6, 5, 4]"))
    assert s.tables == 2 * 3 * 5 * 1 * 32
    assert s.codes == 4 * 3 * 3 * 3


def test_tensors_are_compressed_one_by_one() -> None:
    """Separable: 16 * 9 depthwise weights and 16 * 5 others, each with a table, each rounded up."""
    s = one(spec("separable: {out: 5, compress: {density: 1/7, clusters: 4}}"))
    assert s.codes == (21 + 12) * 2  # 144/7 = 20.57, 80/7 = 11.43
    assert s.tables == 2 * 4 * 32
    assert s.positions == 144 + 80


def test_what_is_not_compressed_is_stored_at_the_dtype() -> None:
    text = spec("conv: {out: 8, kernel: 1, norm: batch_norm, compress: {clusters: 4}}\nconv: {out: 2, kernel: 1, bias: false}")
    for dtype, bits in (("float32", 32), ("float16", 16), ("int8", 8)):
        whole = model(text).report(dtype=dtype)
        assert whole.stored.rest == (16 + 8 * 2) * bits  # two norm parameters a channel, and the second layer
        assert whole.stored.tables == 4 * bits
        assert whole.stored.uncompressed == 8 * whole.totals.weight_bytes


def test_operations_grow_with_the_batch_and_bits_do_not() -> None:
    text = spec("conv: {out: 8, compress: {binary: both}}\nconv: {out: 8, compress: {subspaces: 2, codewords: 3}}\nrelu")
    single, five = (model(text).report(batch=batch).stored for batch in (1, 5))
    assert five.bits == single.bits
    assert five.operations == 5 * single.operations
    assert five.effective["binary"].binary == 5 * single.effective["binary"].binary


# -- laws -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_no_count_changes(kind: str) -> None:
    """Whatever is said of storage, the parameters, the operations and the memory are those of the layer."""
    for case in cases(kind, 40):
        census = case.layer.census
        s = stored(case.scheme, case.banks, census, 32)
        assert s.uncompressed == 32 * census.params
    text = "{out: 6, act: relu" if kind != "depthwise" else "{act: relu"
    shape = "[12]" if kind == "linear" else "[12, 7, 5]"
    plain, packed = (report(spec(f"{kind}: {text}{more}}}", shape)) for more in ("", ", compress: {density: 1/3, bits: 2}"))
    assert packed.totals._replace(stored_bytes=plain.totals.stored_bytes) == plain.totals
    assert [row._replace(stored=None) for row in packed.layers] == list(plain.layers)
    assert plain.stored is None
    assert plain.totals.stored_bytes == plain.totals.weight_bytes
    assert packed.totals.stored_bytes < packed.totals.weight_bytes


def test_limits() -> None:
    """Nothing pruned, nothing shared: the bits of the weights as they are, and what the scheme needs besides."""
    whole = 1152 * 32
    for scheme, besides in (("{density: 1}", 1152), ("{hashed: 1}", 0), ("{bits: 32, scales: none}", 0)):
        s = one(spec(f"conv: {{out: 8, kernel: 3, bias: false, compress: {scheme}}}"))
        assert s.bits == whole + besides
        assert s.operations == MACS


SCHEMES = ("{bits: 3, scales: 5}", "{density: 1/3, index_bits: 2}", "{density: 2/7, clusters: 9}", "{clusters: 12}",
           "{hashed: 1/5}", "{binary: weights}", "{binary: both}", "{subspaces: 1, codewords: 7}")  # fmt: skip


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_separable_convolution_is_its_two_halves(scheme: str) -> None:
    whole = one(spec(f"separable: {{out: 10, kernel: [3, 5], multiplier: 2, bias: false, compress: {scheme}}}"))
    halves = one(
        spec(
            f"depthwise: {{kernel: [3, 5], multiplier: 2, bias: false, compress: {scheme}}}\n"
            f"conv: {{out: 10, kernel: 1, bias: false, compress: {scheme}}}"
        )
    )
    assert whole == halves


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_1x1_convolution_is_a_linear_layer_at_every_position(scheme: str) -> None:
    pointwise = one(spec(f"conv: {{out: 10, kernel: 1, compress: {scheme}}}", "[14, 5, 7]"))
    linear = one(spec(f"linear: {{out: 10, compress: {scheme}}}", "{tokens: 35, features: 14}"))
    assert pointwise == linear


def test_more_is_more() -> None:
    """A larger share, more bits, more values: never fewer bits in all."""
    for scheme, values in (
        ("{density: X}", ("1/9", "1/8", "1/3", "0.999", "1")), ("{hashed: X}", ("1/9", "1/8", "1/3", "0.999", "1")),
        ("{bits: X}", range(1, 33)), ("{clusters: X}", range(1, 70)), ("{subspaces: 4, codewords: X}", range(1, 40)),
        ("{density: 1/3, index_bits: 1, fillers: X}", range(0, 384, 48)),
    ):  # fmt: skip
        bits = [one(spec(f"conv: {{out: 8, kernel: 3, compress: {scheme.replace('X', str(v))}}}")).bits for v in values]
        assert bits == sorted(bits)
        assert bits[0] < bits[-1]


def test_fillers_at_most() -> None:
    """921 zeros have room for 115 gaps of 8; said to be none, they are none."""
    s = one(spec("conv: {out: 8, kernel: 3, compress: {density: 1/5, index_bits: 3}}"))
    assert s.fillers_at_most == 115 * (32 + 3)
    assert one(spec("conv: {out: 8, kernel: 3, compress: {density: 1/5, index_bits: 3, fillers: 0}}")).fillers_at_most == 0


def test_rows_add_up() -> None:
    text = spec(
        "conv: {out: 6, norm: batch_norm, act: relu, compress: {binary: both}}\n"
        "repeat: {n: 3, layers: [conv: {out: 6, compress: {density: 1/2}}]}\nconv: {out: 3}"
    )
    whole = report(text)
    for by in ("node", "layer", "stage", "kind"):
        rows = whole.rows(by, top=2)
        for part in (*PARTS, "uncompressed", "bit_operations", "operations", "bits"):
            assert sum(getattr(row.stored, part) for row in rows) == getattr(whole.stored, part)
    assert set(whole.stored.effective) == {"binary", "pruned", "as they are"}


# -- published --------------------------------------------------------------------------------------------------------


def test_figure_3_of_deep_compression() -> None:
    """Section 3, equation 1: 16 weights of 32 bits in 4 clusters, 16 * 32 / (4 * 32 + 2 * 16) = 3.2."""
    s = one(spec("linear: {out: 4, bias: false, compress: {clusters: 4}}", "[4]"))
    assert Fraction(s.uncompressed, s.bits) == Fraction(32, 10)


# Han et al. 2016, arXiv:1510.00149, tables 2 to 4: inputs, outputs, per cent left, bits, index bits, the rate (P+Q)
DEEP = [
    ("LeNet-300-100 ip1", 784, 300, 8, 6, 5, "3.1"), ("LeNet-300-100 ip2", 300, 100, 9, 6, 5, "3.8"),
    ("LeNet-300-100 ip3", 100, 10, 26, 6, 5, "15.7"), ("LeNet-5 conv2", 500, 50, 12, 8, 5, "6.0"),
    ("LeNet-5 ip1", 800, 500, 8, 5, 5, "2.7"), ("LeNet-5 ip2", 500, 10, 19, 5, 5, "6.9"),
    ("LeNet-5 conv1", 25, 20, 66, 8, 5, "78.5"),
    ("AlexNet conv1", 363, 96, 84, 8, 4, "32.6"), ("AlexNet conv2", 1200, 256, 38, 8, 4, "14.5"),
    ("AlexNet conv3", 2304, 384, 35, 8, 4, "13.1"), ("AlexNet conv4", 1728, 384, 37, 8, 4, "14.1"),
    ("AlexNet conv5", 1728, 256, 37, 8, 4, "14.0"), ("AlexNet fc8", 4096, 1000, 25, 5, 4, "7.3"),
    ("AlexNet fc6", 9216, 4096, 9, 5, 4, "3.0"), ("AlexNet fc7", 4096, 4096, 9, 5, 4, "3.0"),
]  # fmt: skip


def deep(inputs: int, outputs: int, density: Fraction, bits: int, index: int, **more: int) -> Any:
    """A layer of those tables, as the matrix that it is."""
    how = {"density": density, "index_bits": index, "clusters": 2**bits} | more
    listed = ", ".join(f"{name}: {value}" for name, value in how.items())
    return one(spec(f"linear: {{out: {outputs}, compress: {{{listed}}}}}", f"[{inputs}]"))


@pytest.mark.parametrize("row", DEEP, ids=lambda row: row[0])
def test_tables_of_deep_compression(row: tuple[Any, ...]) -> None:
    """A density of 8 % is one from 7.5 to 9 %, rounded or cut; how many fillers there are is not printed.

    The rate lies between that of the least density without fillers or biases, and that of the largest with both.
    """
    _, inputs, outputs, left, bits, index, printed = row
    least = deep(inputs, outputs, Fraction(2 * left - 1, 200), bits, index)
    most = deep(inputs, outputs, Fraction(left + 1, 100), bits, index)
    weights = 32 * inputs * outputs
    rate, half = Fraction(printed) / 100, Fraction(5, 10_000)
    assert Fraction(least.bits - least.rest, weights) <= rate + half
    assert Fraction(most.bits + most.fillers_at_most, weights) >= rate - half


@pytest.mark.parametrize("row", DEEP[:2], ids=lambda row: row[0])
def test_rates_of_deep_compression_with_as_many_fillers_as_random_positions_need(row: tuple[Any, ...]) -> None:
    """8 % of 784 x 300 weights and 9 % of 300 x 100 give 3.1 % and 3.8 %, as in table 2.

    A gap is t zeros long or longer with the chance that t weights in a row are pruned: the product of
    (zeros - i) / (weights - i) for i < t. It needs a filler for each 32 zeros.
    """
    _, inputs, outputs, percent, bits, index, printed = row
    size = inputs * outputs
    left = size * percent // 100
    chances = (prod(Fraction(size - left - i, size - i) for i in range(2**index * j)) for j in (1, 2, 3, 4, 5))
    s = deep(inputs, outputs, Fraction(percent, 100), bits, index, fillers=round(left * sum(chances)))
    assert f"{float(100 * Fraction(s.bits, s.uncompressed)):.1f}" == printed


def test_total_of_lenet_300_100_in_deep_compression() -> None:
    """Tables 1 and 2: 1070 KB of weights; pruned and shared they take 3.1 %, 1/32, all layers and no biases counted."""
    text = spec(
        "linear: {out: 300, compress: {density: 0.08, index_bits: 5, clusters: 64, fillers: 1402}}\n"
        "linear: {out: 100, compress: {density: 0.09, index_bits: 5, clusters: 64, fillers: 139}}\n"
        "linear: {out: 10, compress: {density: 0.26, index_bits: 5, clusters: 64}}",
        "[784]",
    )
    whole = report(text)
    assert round(whole.totals.weight_bytes, -4) == 1_070_000
    rate = Fraction(whole.stored.bits - whole.stored.rest, 32 * whole.totals.weights)
    assert f"{float(100 * rate):.1f}" == "3.1"
    assert round(1 / rate) == 32


def test_bits_of_places_in_deep_compression() -> None:
    """Section 5.2: 256 shared weights take 8 bits, 32 take 5."""
    assert [rule.width(k) for k in (1, 2, 3, 4, 5, 32, 33, 256, 257)] == [0, 1, 2, 2, 3, 5, 6, 8, 9]


def test_speedup_of_xnor_net() -> None:
    """Section 4.1: S = 64 c N_W / (c N_W + 64), 62.27 for c = 256 and a 3x3 window, whatever the map and the filters."""
    for channels, kernel, out, size in ((256, 3, 256, 14), (256, 3, 7, 5), (3, 1, 4, 9), (64, 5, 2, 6)):
        layer = f"conv: {{out: {out}, kernel: {kernel}, bias: false, compress: {{binary: both}}}}"
        whole = report(spec(layer, f"[{channels}, {size}, {size + 2}]"))
        taps = channels * kernel**2
        speedup = Fraction(whole.totals.madds) / whole.stored.operations
        assert speedup == Fraction(64 * taps, taps + 64)
        if (channels, kernel) == (256, 3):
            assert f"{float(speedup):.2f}" == "62.27"


ALEXNET = """conv: {out: 96, kernel: 11, stride: 4, padding: valid}
max_pool: {kernel: 3, stride: 2, padding: valid}
conv: {out: 256, kernel: 5}
max_pool: {kernel: 3, stride: 2, padding: valid}
conv: {out: 384, kernel: 3}
conv: {out: 384, kernel: 3}
conv: {out: 256, kernel: 3}
max_pool: {kernel: 3, stride: 2, padding: valid}
flatten
linear: {out: 4096}
linear: {out: 4096}
linear: {out: 1000}"""
BINARY = "defaults:\n  conv: {compress: {binary: weights}}\n  linear: {compress: {binary: weights}}\n"


def test_memory_of_alexnet_in_xnor_net() -> None:
    """Figure 4a: 475 MB of double precision weights, 7.4 MB binary, without groups; scales and biases are not in it.

    The 100 MB and 1.5 MB of its ResNet-18 are not those of 11.7 million parameters, which take 89 MiB and 1.4 MiB.
    """
    double = model(spec(ALEXNET, "[3, 227, 227]", BINARY)).report(dtype="float64")
    assert double.totals.params == 62_378_344  # 62.378 M: kinds of AlexNet without groups
    assert double.stored.uncompressed // (8 * 2**20) == 475
    assert double.stored.codes * 10 // (8 * 2**20) == 74
    weights = double.totals.weights
    assert Fraction(64 * weights, double.stored.codes) == 64
    single = model(spec(ALEXNET, "[3, 227, 227]", BINARY)).report().stored
    assert Fraction(32 * weights, single.codes) == 32


def test_hashed_nets() -> None:
    """Chen et al. 2015, arXiv:1504.04788: 1/8 of the weights of 784-1000-10 are stored, and no place of any."""
    text = "linear: {out: 1000, bias: false, compress: {hashed: 1/8}}\nlinear: {out: 10, bias: false, compress: {hashed: 1/8}}"
    whole = report(spec(text, "[784]"))
    assert Fraction(whole.stored.bits, whole.stored.uncompressed) == Fraction(1, 8)
    assert whole.stored.operations == whole.totals.madds == 794_000


def test_product_quantisation_of_a_matrix() -> None:
    """Wu et al. 2016, arXiv:1512.06473, section 3.1: from C_s C_t to C_s K + C_t M operations."""
    whole = report(spec("linear: {out: 4096, bias: false, compress: {subspaces: 2304, codewords: 32}}", "[9216]"))
    assert whole.totals.madds == 9216 * 4096
    assert whole.stored.operations == 9216 * 32 + 4096 * 2304
    assert whole.stored.bits == 32 * 9216 * 32 + 4096 * 2304 * 5


# -- what is said -----------------------------------------------------------------------------------------------------

SHOWN = spec(
    "conv: {out: 8, kernel: 3, norm: batch_norm, as: first, compress: {density: d, index_bits: 3}}\n"
    "conv: {out: 5, kernel: 3, as: second, compress: {binary: both}}\nconv: {out: 5, kernel: 1, as: third}",
    before="hyperparameters: {d: 1/5}\n",
)


PLAIN = SHOWN.replace(", compress: {density: d, index_bits: 3}", "").replace(", compress: {binary: both}", "").replace(
    "hyperparameters: {d: 1/5}\n", ""
)


def without(document: Any) -> Any:
    """The document as it is where nothing is compressed."""
    if isinstance(document, list):
        return [without(part) for part in document]
    if not isinstance(document, dict):
        return document
    left = {key: without(part) for key, part in document.items() if key != "stored"}
    changed = {"sha256": "", "hyperparameters": {}}
    return left | {key: value for key, value in changed.items() if key in left}


def test_every_format_tells_it() -> None:
    whole = report(SHOWN)
    bits = f"{whole.stored.bits:,}"
    for format in FORMATS:
        text = render(whole, format, View())
        assert (str(whole.stored.bits) if format in ("csv", "json") else bits) in text.replace(r"\,", ","), format
    for by in ("kind", "stage", "node"):
        assert "bits:" in render(whole, "table", View(by=by))


def test_json_adds_keys_and_changes_none() -> None:
    document = json.loads(render(report(SHOWN), "json", View()))
    plain = json.loads(render(report(PLAIN), "json", View()))
    assert without(document) == without(plain)
    assert '"stored"' not in json.dumps(plain)
    stored_ = document["totals"]["stored"]
    assert document["schema"] == "costcalc/report/1"
    assert sum(stored_[f"{part}_bits"] for part in PARTS) == stored_["bits"]
    for part in ("bits", "uncompressed_bits", "codes_bits", "rest_bits"):
        for rows in (document["rows"], document["layers"]):
            assert sum(row["stored"][part] for row in rows) == stored_[part]
    assert stored_["effective"]["pruned"]["operations"] == 231 * 63
    assert stored_["effective"]["binary"]["binary"] == 8 * 9 * 5 * 63


def test_csv_has_exact_columns_that_add_up() -> None:
    whole = report(SHOWN)
    rows = list(csv.DictReader(io.StringIO(render(whole, "csv"))))
    for column in ("stored_bits", "uncompressed_bits", "effective_operations", "bit_operations"):
        *parts, total = (Fraction(row[column]) for row in rows)
        assert sum(parts) == total
    assert next(csv.DictReader(io.StringIO(render(report(PLAIN), "csv")))).keys() == rows[0].keys() - {
        "stored_bits", "uncompressed_bits", "effective_operations", "bit_operations",
    }  # fmt: skip


def test_what_lacks_a_layer_is_a_lower_bound() -> None:
    text = render(report(spec("conv: {out: 8, kernel: 3, compress: {bits: 1}}\nopaque: {op: nms}")), "table")
    bits = 1152 + 32 + 8 * 32
    assert f">= {bits:,}" in text


def test_explain_has_the_formula() -> None:
    whole = model(SHOWN)
    first = whole.explain("first").layers[0].nodes[0]
    assert first.stored is not None
    assert first.stored.value == 231 * 35 == whole.report().layers[0].stored.bits  # a norm follows: no bias
    assert {s.name: s.value for s in first.symbols if s.name in "di"} == {"d": Fraction(1, 5), "i": 3}
    assert whole.explain("third").layers[0].nodes[0].stored is None
    for kind in KINDS:
        for case in cases(kind, 12, 5):
            how = ", ".join(f"{name}: {value}" for name, value in case.how.items())
            shape = list(case.layer.inputs[0].dims)
            if case.layer.inputs[0].sequence:
                continue
            given = ", ".join(f"{n}: {_said(v)}" for n, v in case.layer.attributes.items())
            found = model(spec(f"{kind}: {{{given}, compress: {{{how}}}}}", str(shape))).explain(kind)
            assert found.layers[0].nodes[0].stored.value == found.report.stored.bits


def _said(value: Any) -> str:
    return str(list(value)) if isinstance(value, tuple) else str(value).lower()


def test_layers_that_are_stored_otherwise_are_not_alike() -> None:
    text = spec("\n".join(f"conv: {{out: 16, kernel: 3, compress: {{bits: {b}}}}}" for b in (4, 4, 5)))
    found = model(text).explain(top=3)
    assert [layer.alike for layer in found.layers] == [("conv2",), ()]


# -- hyper-parameters -------------------------------------------------------------------------------------------------

SWEPT = spec(
    "conv: {out: 8, kernel: 3, compress: {density: d, index_bits: i, clusters: k}}\n"
    "conv: {out: c, kernel: 1, compress: {bits: b, scales: filter, activation_bits: b}}\n"
    "conv: {out: 6, kernel: 1, compress: {subspaces: s, codewords: k}}\nflatten\n"
    "linear: {out: 9, compress: {hashed: d}}",
    before="hyperparameters: {d: 1/5, i: 3, k: 17, b: 4, c: 8, s: 2}\n",
)


def test_sweeps_count_what_is_stored_point_by_point() -> None:
    whole = model(SWEPT)
    axes = {"d": [Fraction(1, 40), Fraction(1, 3), 1], "i": [1, 3], "k": [16, 17, 40], "b": [1, 4], "c": [8, 6, 4], "s": [2, 4]}
    points = list(whole.sweep(axes, totals=["stored_bytes", "params"]))
    assert len(points) == 216
    built = 0
    for point in points:
        try:
            expected = model(SWEPT, **point.hyperparameters).report().totals
        except SpecError:
            assert point.fault
            continue
        built += 1
        assert point.totals["stored_bytes"] == expected.stored_bytes
        assert point.totals["params"] == expected.params
    assert built == 180  # 6 channels have no 4 parts
    assert len({point.totals["params"] for point in points if not point.fault}) == 3


def test_formula_of_what_is_stored() -> None:
    text = spec("linear: {out: 100, bias: false, compress: {bits: b}}", "[100]", "hyperparameters: {b: 8}\n")
    found = model(text).formula(["b"], totals=["stored_bytes"])
    assert "1250 b" in found.text()  # 10,000 weights of b bits, and a scale


PRUNED = spec(
    "linear: {out: 100, bias: false, compress: {density: d, index_bits: i}}", "[100]", "hyperparameters: {d: 1, i: 4}\n"
)


@pytest.mark.parametrize("vary", ["d=0.01:1:0.01", "d"])
def test_fit_finds_the_density(vary: str) -> None:
    """2000 weights of 32 bits and an index of 4 are 9000 bytes; one weight more is too many."""
    found = model(PRUNED).fit(max={"stored_bytes": "9kB"}, vary=[vary])
    (solution,) = found.solutions
    assert solution.varied["d"] == Fraction(1, 5)
    assert solution.report.totals.stored_bytes == 9000
    assert "9,000" in fit_text(found, "table")


def test_search_has_it_as_an_objective(cli: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every density is on the front, with the shorter index: 2500 * 36 bits and 5000 * 36."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "packed.yaml").write_text(PRUNED, encoding="utf-8")
    (tmp_path / "space.yaml").write_text("costcalc-space: 1\nhyperparameters: {d: [1/4, 1/2], i: [4, 5]}\n", encoding="utf-8")
    command = ("search", "packed.yaml", "--space", "space.yaml", "--maximize", "d", "--minimize", "stored_bytes")
    document = json.loads(cli(*command, "--format", "json").out)
    assert [point["totals"]["stored_bytes"] for point in document["front"]] == [22_500, 11_250]
    assert "stored_bytes" in cli("sweep", "--help").out.replace("\n", "").replace(" ", "")


def test_narrowing_does_not_know_it() -> None:
    with pytest.raises(UsageError, match="`stored_bytes` is no total here"):
        model(SHOWN).narrow(max={"stored_bytes": "9kB"})


def test_budgets_and_locks_have_it(cli: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """10,000 weights, a quarter left with 36 bits each: 11,250 bytes. One more density is seen, and told in bytes."""
    monkeypatch.chdir(tmp_path)
    spec_file = tmp_path / "packed.yaml"
    quarter = PRUNED.replace("d: 1,", "d: 1/4,")
    spec_file.write_text(quarter + "budget: {stored: <= 11.25 kB}\n", encoding="utf-8")
    (tmp_path / "costcalc.toml").write_text('[[budget]]\nspec = "*.yaml"\nstored_bytes = "12 kB"\n', encoding="utf-8")
    assert cli("check").code == 0
    assert cli("lock").code == 0
    (network,) = json.loads((tmp_path / "costcalc.lock.json").read_text(encoding="utf-8"))["networks"]
    assert network["totals"]["stored_bytes"] == 11_250
    assert cli("check", "--locked").code == 0
    spec_file.write_text(quarter.replace("d: 1/4,", "d: 0.26,") + "budget: {stored: <= 11.25 kB}\n", encoding="utf-8")
    for format in ("table", "json", "md", "sarif", "junit", "github", "gitlab"):
        done = cli("check", "--locked", "--format", format)
        assert done.code != 0, format
        assert "11,700" in done.out or "11700" in done.out, format
    assert "bytes stored" in cli("check", "--format", "github").out


def test_a_layer_has_no_bytes_of_its_own(cli: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """They share the last byte; and where nothing is compressed, what is stored are the weights."""
    with pytest.raises(SpecError, match="a layer has no `stored_bytes`"):
        parse_document(Source("x.yaml", spec("conv: {out: 8}") + "budget: {layers: {conv: {stored_bytes: 1 kB}}}\n"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plain.yaml").write_text(PLAIN, encoding="utf-8")
    weights = report(PLAIN).totals.weight_bytes
    assert cli("check", "plain.yaml", "--max", f"stored={weights}B").code == 0
    assert cli("check", "plain.yaml", "--max", f"stored={weights - 1}B").code == 1


def test_a_total_that_compresses_nothing_is_that_of_the_weights() -> None:
    found = load("mobilenet_v1").sweep({"alpha": [Fraction(1, 2), 1]}, totals=["stored_bytes", "weight_bytes"])
    assert [p.totals["stored_bytes"] for p in found] == [p.totals["weight_bytes"] for p in found]


# -- specs ------------------------------------------------------------------------------------------------------------


def test_defaults_and_none() -> None:
    before = "defaults:\n  conv: {compress: {bits: 8}, kernel: 1}\n"
    nodes = model(spec("conv: {out: 3}\nconv: {out: 3, compress: {clusters: 4}}\nconv: {out: 3, compress: none}", before=before)).network.nodes
    assert [node.compress for node in nodes] == [{"bits": 8}, {"clusters": 4}, None]


def test_values_see_blocks_and_inputs() -> None:
    text = (
        "costcalc: 1\ninput: [12, 5, 4]\nblocks:\n  packed:\n    args: {share: 1/2}\n    layers:\n"
        "      - conv: {out: 6, kernel: 1, compress: {density: share}}\n"
        "      - conv: {out: 6, kernel: 1, compress: {subspaces: in.channels/2, codewords: 8}}\n"
        "layers:\n  - packed: {share: 1/3}\n  - packed\n"
    )
    assert [node.compress for node in model(text).network.nodes] == [
        {"density": Fraction(1, 3)}, {"subspaces": 3, "codewords": 8},
        {"density": Fraction(1, 2)}, {"subspaces": 3, "codewords": 8},
    ]  # fmt: skip


def test_the_network_says_how_it_is_stored() -> None:
    network = model(SHOWN).network
    assert network.as_json()["nodes"][0]["compress"] == {"density": 0.2, "index_bits": 3}
    assert "compress" not in network.as_json()["nodes"][-1]
    assert all(node.compress is None for node in model(spec("depthwise: {compress: {bits: 4}}")).standard().network.nodes)


def test_a_change_of_it_is_seen_in_a_lock() -> None:
    from costcalc.review.record import record_of

    few, many, same = (record_of(report(SHOWN, d=d), "x.yaml", {}) for d in (Fraction(1, 5), 1, Fraction(1, 5)))
    assert {**few.totals, "stored_bytes": 0} == {**many.totals, "stored_bytes": 0}
    assert few.total("stored_bytes") < many.total("stored_bytes")
    assert few.sha256 != many.sha256
    assert few.sha256 == same.sha256
    assert record_of(report(PLAIN), "x.yaml", {}).layers[0].digest != few.layers[0].digest


def test_a_difference_says_what_is_stored_otherwise(cli: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old.yaml").write_text(PRUNED, encoding="utf-8")
    (tmp_path / "new.yaml").write_text(PRUNED.replace("index_bits: i", "bits: i"), encoding="utf-8")
    told = " ".join(cli("diff", "old.yaml", "new.yaml").out.split())
    assert "compress index_bits 4 -> none, compress bits none -> 4" in told


@pytest.mark.parametrize(
    ("scheme", "message", "caret"),
    [
        ("{}", "`compress` says nothing", "{"),
        ("8", "`compress` takes named attributes", "8"),
        ("{bit: 8}", "`compress` has no attribute `bit`", "bit"),
        ("{bits: 0}", "`bits` is 0", "0"),
        ("{bits: 33}", "`bits` is 33", "33"),
        ("{density: 0}", "`density` is 0", "0"),
        ("{density: 5/4}", "`density` is 1.25", "5/4"),
        ("{binary: all}", "unknown name `all`", "all"),
        ("{bits: 8, clusters: 4}", "`bits` and `clusters` do not go together", "clusters"),
        ("{hashed: 1/2, binary: both}", "`hashed` and `binary` do not go together", "binary"),
        ("{density: 1/2, hashed: 1/2}", "`density` and `hashed` do not go together", "density"),
        ("{index_bits: 5}", "`index_bits` needs `density`", "index_bits"),
        ("{density: 1/2, fillers: 3}", "`fillers` needs `index_bits`", "fillers"),
        ("{scales: filter}", "`scales` needs `bits`", "scales"),
        ("{bits: 4, scales: channel}", "unknown name `channel`", "channel"),
        ("{codewords: 3}", "`codewords` needs `subspaces`", "codewords"),
        ("{subspaces: 3}", "`subspaces` needs `codewords`", "subspaces"),
        ("{subspaces: 4, codewords: 3, activation_bits: 8}", "`activation_bits` and `subspaces` do not go together",
         "activation_bits"),
        ("{binary: both, activation_bits: 8}", "`activation_bits` and `binary: both` do not go together", "8"),
        ("{subspaces: 5, codewords: 3}", "16 input channels of a filter cannot be divided into 5 subspaces", "5"),
        ("{density: 1/5, index_bits: 3, fillers: 116}", "there cannot be 116 fillers", "116"),
        ("{density: 1/5, index_bits: 3, clusters: 1, fillers: 2}", "the fillers have no value among the clusters", "1"),
        ("{clusters: 2000000}", "`clusters` is 2000000", "2000000"),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_refused(scheme: str, message: str, caret: str) -> None:
    """At its place, and with what to do instead."""
    with pytest.raises(SpecError) as caught:
        _ = report(spec(f"conv: {{out: 8, kernel: 3, compress: {scheme}}}"))
    (problem,) = caught.value.problems
    assert problem.message == message
    assert problem.span is not None
    assert problem.span.source.line(problem.span.line)[problem.span.column - 1 : problem.span.end - 1] == caret
    assert problem.help


def test_a_layer_without_weights_has_nothing_to_compress() -> None:
    with pytest.raises(SpecError, match="`relu` has no attribute `compress`") as caught:
        model(spec("relu: {compress: {bits: 8}}"))
    able = "`conv`, `depthwise`, `separable`, `linear`"
    assert caught.value.problems[0].help == f"these can: {able}"
    with pytest.raises(SpecError, match="`conv` has no attribute `quantize`") as caught:
        model(spec("conv: {out: 3, quantize: 8}"))
    assert caught.value.problems[0].help == "it is called `compress` here"


def test_a_hyper_parameter_out_of_range_is_told_at_its_layer() -> None:
    with pytest.raises(SpecError) as caught:
        report(SHOWN, d=2)
    assert "`d` with d = 2" in str(caught.value)
    assert "layer `first`" in str(caught.value)


def test_a_scheme_read_twice_is_the_same() -> None:
    how = {"density": Fraction(1, 2), "bits": 3}
    assert read(how) == how
    assert Scheme(how).kept
    with pytest.raises(KindError):
        read({"density": Fraction(3, 2)})


def test_a_total_that_is_misspelt_is_told() -> None:
    with pytest.raises(UsageError, match="unknown total `stored_byte`"):
        model(SHOWN).sweep({"d": [1]}, totals=["stored_byte"])


# -- what is loaded ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", FORMATS)
def test_a_report_that_compresses_nothing_does_not_load_this(format: str, tmp_path: Any) -> None:
    (tmp_path / "packed.yaml").write_text(spec("conv: {out: 8, compress: {bits: 8}}"), encoding="utf-8")
    code = (
        "import sys\nfrom costcalc.cli import main\ntry:\n    main()\nfinally:\n"
        "    sys.stderr.write('\\n'.join(sys.modules))"
    )
    for name, wanted in (("mobilenet_v1", False), ("packed.yaml", True)):
        done = subprocess.run(
            [sys.executable, "-c", code, "report", name, "--format", format],
            capture_output=True, text=True, check=True, cwd=tmp_path, env=os.environ,
        )  # fmt: skip
        modules = set(done.stderr.split("\n"))
        assert {"costcalc.storage", "costcalc.spec.compress"} <= modules if wanted else not any(
            name.startswith("costcalc.storage") or name in ("costcalc.spec.compress", "costcalc.render.stored")
            for name in modules
        )
        assert not modules & {"numpy", "sympy"}

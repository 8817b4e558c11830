"""Published figures: when a printed figure is met, and what becomes of one that is wrong."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costcalc.cost import count
from costcalc.cost.report import Published
from costcalc.errors import Source, SpecError
from costcalc.published import check
from costcalc.spec import build_network, parse_document
from costcalc.spec.published import Figure

# conv: 3*5*16 = 240 MAdds, 15 weights, 5 biases; depthwise: 9*5*16 = 720, 45, 5; linear: 5*2 = 10, 10, 2
TINY = """\
costcalc: 1
name: tiny
hyperparameters: {width: 5}
input: [3, 4, 4]
layers:
  - conv: {out: width, kernel: 1}
  - depthwise: {kernel: 3}
  - global_avg_pool
  - linear: {out: 2}
expect:
"""


def published(*rows: str, convention: str = "paper", batch: int = 1) -> tuple[Published, ...]:
    """What the rows, written as in a spec, come to at width 5."""
    text = TINY + "".join(f"  - {{{row}, from: Table 1}}\n" for row in rows)
    document = parse_document(Source("tiny.yaml", text))
    return check(count(build_network(document, {}), convention, batch), document)


def figure(text: str) -> Figure:
    read = Figure.read(text)
    assert read is not None
    return read


@pytest.mark.parametrize(
    ("text", "value", "unit", "share"),
    [
        ("569", 569, 1, False),
        ("569M", 569_000_000, 1_000_000, False),
        ("4.24M", 4_240_000, 10_000, False),
        ("0.5M", 500_000, 100_000, False),
        ("1.0M", 1_000_000, 100_000, False),
        ("2.2B", 2_200_000_000, 100_000_000, False),
        ("0.217G", 217_000_000, 1_000_000, False),
        ("59.2k", 59_200, 100, False),
        ("94.86%", Fraction("94.86"), Fraction("0.01"), True),
        ("3%", 3, 1, True),
    ],
)
def test_a_figure_and_the_unit_of_its_last_digit(text: str, value: int, unit: int, share: bool) -> None:
    assert figure(text) == Figure(text, Fraction(value), Fraction(unit), share)


@pytest.mark.parametrize("text", ["", "many", "4,2M", "1.2.3", "5 M!", "%", "010"])
def test_what_is_no_figure(text: str) -> None:
    assert Figure.read(text) is None


@pytest.mark.parametrize(
    ("text", "exact", "met"),
    [
        ("290M", 290_675_200, True),  # cut, as in Table 7 of MobileNet V1
        ("291M", 290_675_200, True),  # rounded, as in the README of slim
        ("289M", 290_675_200, False),
        ("292M", 290_675_200, False),
        ("150M", 149_497_088, False),
        ("149M", 149_497_088, True),
        ("3M", 2_500_000, True),  # a half goes up
        ("2M", 2_500_000, True),
        ("3M", 2_499_999, False),
        ("4.2M", 4_231_976, True),
        ("4.3M", 4_231_976, False),
        ("4.24M", 4_231_976, False),
        ("1.0M", 1_010_448, True),
        ("1.1M", 1_010_448, False),
        ("5483032", 5_483_032, True),
        ("5483033", 5_483_032, False),
        ("5483031", 5_483_032, False),
    ],
)
def test_a_figure_is_met_by_rounding_or_cutting(text: str, exact: int, met: bool) -> None:
    assert figure(text).matches(Fraction(exact)) is met


@given(st.integers(10**7, 10**13), st.integers(0, 3))
def test_no_figure_but_the_two_is_met(exact: int, decimals: int) -> None:
    unit = 10 ** (6 - decimals)
    cut, remainder = divmod(exact, unit)
    rounded = cut + (2 * remainder >= unit)

    def printed(steps: int) -> str:
        text = str(steps)
        return f"{text[: len(text) - decimals]}.{text[len(text) - decimals :]}M" if decimals else f"{text}M"

    met = [steps for steps in range(cut - 2, cut + 4) if figure(printed(steps)).matches(Fraction(exact))]
    assert met == sorted({cut, rounded})


@pytest.mark.parametrize(
    ("row", "status"),
    [
        ("madds: 970", "met"),
        ("madds: 971", "missed"),
        ("madds: 0.97k", "met"),
        ("madds: 0.98k", "missed"),
        ("madds: 0.9k", "met"),
        ("madds: 1.0k", "met"),
        ("madds: 0.8k", "missed"),
        ("weights: 70", "met"),
        ("params: 82", "met"),
        ("params: 70", "missed"),
        ("count: 970", "met"),
        ("kind: conv 1x1, madds: 240", "met"),
        ("kind: conv 1x1, params: 20", "met"),
        ("kind: depthwise 3x3, weights: 45", "met"),
        ("kind: depthwise 3x3, weights: 70", "missed"),
        ("kind: depthwise, weights: 45", "missed"),
        ("stages: conv, madds: 240", "met"),
        ("stages: [linear, depthwise], madds: 730", "met"),
        ("stages: [depthwise, linear], madds: 970", "missed"),
        ("stages: [depthwise, linear], weights: 55, erratum: {weights: 56}", "missed"),
        ("stages: [depthwise, linear], weights: 56, erratum: {weights: 55}", "erratum"),
        ("stages: [conv, linear], madds: 25.77%", "met"),
        ("stages: [conv, pool], madds: 240", "missed"),
        # 250/970 = 25.773 %, 240/970 = 24.742 %, 15/70 = 21.428 %, 10/970 = 1.0309 %
        ("kind: conv 1x1, madds: 24.74%", "met"),
        ("kind: conv 1x1, madds: 24.75%", "missed"),
        ("kind: conv 1x1, weights: 21.42%", "met"),
        ("kind: conv 1x1, weights: 21.43%", "met"),
        ("kind: conv 1x1, weights: 21.44%", "missed"),
        ("kind: linear, madds: 1%", "met"),
        ("kind: linear, madds: 2%", "missed"),
        # errata: the figure must be wrong, and the exact value right
        ("madds: 980, erratum: {madds: 970}", "erratum"),
        ("madds: 980, erratum: {madds: 971}", "missed"),
        ("madds: 970, erratum: {madds: 970}", "missed"),
        ("madds: 0.97k, erratum: {madds: 970}", "missed"),
        ("kind: conv 1x1, madds: 42.74%, erratum: {madds: 24.74%}", "erratum"),
        ("kind: conv 1x1, madds: 42.74%, erratum: {madds: 24.76%}", "missed"),
        ("kind: conv 1x1, madds: 24.74%, erratum: {madds: 24.74%}", "missed"),
    ],
)
def test_the_status_of_a_figure(row: str, status: str) -> None:
    (found,) = published(row)
    assert found.status == status


def test_an_erratum_of_one_figure_leaves_the_others_of_its_row_alone() -> None:
    found = published("madds: 980, params: 82, weights: 71, erratum: {madds: 970}, why: mistyped")
    assert [(p.quantity, p.status) for p in found] == [("madds", "erratum"), ("params", "met"), ("weights", "missed")]
    assert {p.why for p in found} == {"mistyped"}


def test_a_share_keeps_part_and_whole() -> None:
    whole, share = published("params: 82", "kind: conv 1x1, madds: 24.74%")
    assert whole == Published("Table 1", "params", "82", 82, "met")
    assert share == Published("Table 1", "madds of conv 1x1", "24.74%", (240, 970), "met")


def test_a_figure_of_stages_names_them_and_what_is_not_there() -> None:
    found, lost = published("stages: [depthwise, linear], params: 62", "stages: [conv, pool], params: 20")
    assert found == Published("Table 1", "params of depthwise, linear", "62", 62, "met")
    why = "there is no stage `pool` here, only conv, depthwise, global_avg_pool, linear"
    assert lost == Published("Table 1", "params of conv, pool", "20", 0, "missed", why)


def test_a_figure_is_for_one_setting() -> None:
    assert [p.status for p in published("set: {width: 5}, madds: 970")] == ["met"]
    assert published("set: {width: 6}, madds: 970") == ()
    assert published("madds: 970", batch=2) == ()


def test_a_count_is_compared_under_its_own_convention() -> None:
    assert [p.status for p in published("count: 970, convention: paper")] == ["met"]
    assert published("count: 970", convention="flops") == ()
    assert [p.status for p in published("madds: 970, params: 82", convention="flops")] == ["met", "met"]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("set: {width: 5}", "a row of `expect` without a figure"),
        ("madds: many", "`madds` must be a figure"),
        ("madds: 980, erratum: {params: 82}", "`erratum` gives the exact value of a figure of this row"),
        ("madds: 980, erratum: 970", "`erratum` gives the exact value of a figure of this row"),
        ("set: {depth: 5}, madds: 970", "unknown hyper-parameter `depth`"),
        ("set: {width: wide}, madds: 970", "`width` cannot be wide"),
        ("flops: 970", "unknown part of `expect` `flops`"),
    ],
)
def test_rows_that_say_nothing_are_refused(row: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        published(row)
    assert message in [problem.message for problem in caught.value.problems]

"""Design spaces: what they may say of a spec, what a varied spec counts, and a found point written as a spec again."""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import Any

import pytest

from costcalc.cost import count
from costcalc.errors import CostcalcError, Source
from costcalc.explore.space import Space, bundled_spaces, find_space, read_space
from costcalc.spec import build_network, bundled, parse_document, read_document
from costcalc.spec.rewritten import rewritten
from costcalc.spec.varied import rows_of

SPEC = """# what a reader wrote stays
costcalc: 1
name: Tiny
source: nobody
hyperparameters:
  alpha: {default: 1, above: 0}   # width
  act: {default: relu, choices: [relu, hard_swish]}
input: [3, 16, 20]
expect: [{params: 1M, from: nowhere, erratum: {params: 1}}]
layers:
  - rows:
      columns: [t, k, out, nl, se, s, n]
      data:
        - [1, 3, 16, relu,       false, 1, 1]   # first
        - [6, 5, 24, hard_swish, true,  2, 2]
        - [2, 3, 2*in.channels, relu, true, 2, 1]
      repeat: n
      then: {s: 1}
      layers:
        - conv: {out: floor(t*out*alpha), kernel: 1, act: nl}
        - depthwise: {kernel: k, stride: s, act: nl if se else act}
  - global_avg_pool
  - linear: {out: 7}
"""


def space(text: str, spec: str = SPEC) -> Space:
    return read_space(parse_document(Source("tiny.yaml", spec)), Source("space.yaml", f"costcalc-space: 1\n{text}"))


def axes(text: str, spec: str = SPEC) -> dict[str, tuple[Any, ...]]:
    return {axis.name: axis.values for axis in space(text, spec).grid.axes}


# -- what a space says


def test_choices_of_hyperparameters():
    found = axes("hyperparameters: {act: [hard_swish, relu], alpha: [0.35, 1:2:0.5, 6/7]}")
    assert found == {
        "alpha": (Fraction(7, 20), 1, Fraction(3, 2), 2, Fraction(6, 7)), "act": ("hard_swish", "relu"),
    }  # fmt: skip
    assert list(found) == ["alpha", "act"], "in the order of the spec"


def test_choices_of_cells():
    found = axes("rows: {stage2: {out: 8:24:8, se: [true, false], nl: [relu, hard_swish], t: 4}, stage1: {k: [5, 3]}}")
    assert found == {
        "stage1.k": (5, 3), "stage2.t": (4,), "stage2.out": (8, 16, 24), "stage2.nl": ("relu", "hard_swish"),
        "stage2.se": (True, False),
    }  # fmt: skip
    assert next(iter(found)) == "stage1.k"
    assert {type(value) for value in found["stage2.se"]} == {bool}


def test_all_rows_at_once_and_one_that_wins():
    found = axes("rows: {stage2: {k: 3}, stage: {k: [3, 5], t: [1, 2]}}")
    assert found == {
        "stage1.t": (1, 2), "stage1.k": (3, 5), "stage2.t": (1, 2), "stage2.k": (3,), "stage3.t": (1, 2),
        "stage3.k": (3, 5),
    }  # fmt: skip


def test_choices_from_the_cells_of_the_row():
    """Names are the row's own cells as the spec has them; what comes out twice is one choice."""
    found = axes("rows: {stage: {t: [t, 2*t, 3*k], n: [n, 1, max(n, 2)]}}")
    assert found["stage1.t"] == (1, 2, 9)
    assert found["stage2.t"] == (6, 12, 15)
    assert found["stage3.t"] == (2, 4, 9)
    assert (found["stage1.n"], found["stage2.n"]) == ((1, 2), (2, 1))
    assert axes("rows: {stage2: {nl: [nl, relu], out: [out if se else 8, 16]}}") == {
        "stage2.out": (24, 16), "stage2.nl": ("hard_swish", "relu"),
    }  # fmt: skip


def test_the_order_of_a_space_file_changes_nothing():
    parts = ["stage1: {k: [3, 5], t: [1, 2]}", "stage3: {k: [3, 7]}", "stage: {s: [1, 2]}"]
    for order in itertools.permutations(parts):
        found = axes(f"rows: {{{', '.join(order)}}}\nhyperparameters: {{alpha: [1, 2]}}")
        assert list(found) == ["alpha", "stage1.t", "stage1.k", "stage1.s", "stage2.s", "stage3.k", "stage3.s"]


def test_rows_are_called_as_their_paths_begin():
    for name in bundled():
        document = read_document(name)
        stages = {node.stage for node in build_network(document, {}).nodes}
        assert set(rows_of(document)) <= stages
        assert {stage for stage in stages if stage.startswith("stage")} <= set(rows_of(document))


NESTED = """costcalc: 1
input: [4, 8, 8]
blocks:
  body:
    args: {width: 4}
    layers:
      - rows: {columns: [k], data: [[3], [5]], layers: [conv: {out: width, kernel: k}]}
layers:
  - body
  - body: {width: 6}
  - repeat: {n: 2, layers: [rows: {columns: [w], data: [[4]], layers: [conv: {out: w}]}]}
  - residual: [rows: {as: inner, columns: [w], data: [[4]], layers: [conv: {out: w}]}]
  - add:
      - - rows: {columns: [w], data: [[4], [8]], layers: [conv: {out: w}]}
      - - rows: {columns: [w], data: [[6], [8]], layers: [conv: {out: w}]}
  - rows: {columns: [w], data: [[4]], layers: [conv: {out: w}]}
  - rows: {columns: [w], data: [[2], [3]], layers: [rows: {columns: [k], data: [[1]], layers: [conv: {out: w, kernel: k}]}]}
"""


def test_rows_within_blocks_repeats_and_branches():
    assert list(rows_of(parse_document(Source("nested.yaml", NESTED)))) == [
        "body.stage1", "body.stage2", "repeat.stage1", "inner1", "add.branch1.stage1", "add.branch1.stage2",
        "add.branch2.stage1", "add.branch2.stage2", "stage1", "stage2", "stage3", "stage.stage1",
    ]  # fmt: skip
    varied = space("rows: {body.stage2: {k: [1, 3]}, stage.stage1: {k: [1, 3]}, add.branch2.stage1: {w: [2, 5]}}", NESTED)
    point = varied.grid.points(7, 8).setting(0)
    assert point == {"body.stage2.k": 3, "add.branch2.stage1.w": 5, "stage.stage1.k": 3}
    kernels = {n.path: n.attributes["kernel"] for n in build_network(varied.document, point).nodes if n.kind == "conv"}
    assert [str(kernels[path]) for path in ("body/stage2/conv", "body2/stage2/conv", "stage3/stage1/conv")] == [
        str(kernels["body/stage1/conv"])
    ] * 3, "a cell is varied for all calls together"


# -- what a varied document counts


def totals(document: Any, setting: Any) -> tuple[int, ...]:
    found = count(build_network(document, setting), "flops").totals
    return found.params, found.madds, found.count, found.activations, found.peak_activation_bytes


def test_a_point_counts_as_the_spec_with_these_cells():
    varied = space("rows: {stage2: {t: [6, 3], k: [5, 7], out: [24, 8], nl: [relu], se: [false], n: [0, 2]}}")
    assert varied.grid.size == 16
    seen = set()
    for i in range(varied.grid.size):
        point = varied.grid.points(i, i + 1).setting(0)
        row = f"[{point['stage2.t']}, {point['stage2.k']}, {point['stage2.out']}, relu, false, 2, {point['stage2.n']}]"
        text = SPEC.replace("[6, 5, 24, hard_swish, true,  2, 2]", row)
        assert text != SPEC
        counted = totals(varied.document, point)
        assert counted == totals(parse_document(Source("tiny.yaml", text)), {})
        seen.add(counted)
    assert len(seen) == 9, "every choice matters, where the row is there at all"


def test_without_a_setting_a_cell_is_as_it_was_written():
    varied = space("rows: {stage: {k: [3, 5, 7], nl: [hard_swish, relu]}, stage2: {se: [false, true]}}")
    assert totals(varied.document, {}) == totals(varied.original, {})
    assert [p.default.content for p in varied.document.hyperparameters[2:]] == [
        3, "relu", 5, "hard_swish", True, 3, "relu",
    ]  # fmt: skip


def test_what_then_changes_is_chosen_for_the_first_repeat():
    varied = space("rows: {stage2: {s: [1, 2]}}")
    for stride, expected in ((1, ["16x20", "16x20"]), (2, ["8x10", "8x10"])):
        nodes = build_network(varied.document, {"stage2.s": stride}).nodes
        shapes = [str(n.output) for n in nodes if n.kind == "depthwise" and n.stage == "stage2"]
        assert [shape.partition("x")[2] for shape in shapes] == expected


def test_a_cell_takes_its_choices_alone():
    varied = space("rows: {stage1: {k: [3, 5]}}")
    with pytest.raises(CostcalcError, match=r"`stage1.k` cannot be 7"):
        build_network(varied.document, {"stage1.k": 7})


# -- what is no space

WRONG = {
    "rows: {stage9: {k: [3]}}": ("2:8", "unknown row `stage9`", "did you mean `stage`?"),
    "rows: {head: {k: [3]}}": ("2:8", "unknown row `head`", "known: `stage`, `stage1`, `stage2`, `stage3`"),
    "rows: {stage1: {kernel: [3]}}": (
        "2:17", "unknown column of `stage1` `kernel`", "known: `t`, `k`, `out`, `nl`, `se`, `s`, `n`",
    ),
    "rows: {stage1: {k: []}}": ("2:20", "`k` has no choices", None),
    "rows: {stage1: {k: [3, [5]]}}": ("2:24", "a value of `k` is expected here", None),
    "rows: {stage1: {k: {a: 3}}}": ("2:20", "a value of `k` is expected here", None),
    "rows: {stage1: {k: [3, 5, 3]}}": ("2:27", "`stage1.k` has 3 twice", "keep one of them"),
    "rows: {stage1: {k: 3:1:1}}": ("2:20", "the range `3:1:1` of `stage1.k` is empty", None),
    "rows: {stage1: {nl: [rleu]}}": ("2:22", "unknown name `rleu`", "did you mean `relu`?"),
    "rows: {stage1: {t: [2*alpha]}}": ("2:23", "`alpha` is a hyper-parameter", None),
    "rows: {stage3: {t: [2*out]}}": ("2:23", "the `out` of `stage3` is no constant", None),
    "rows: {stage1: {t: [2*]}}": ("2:22", "the expression ends too early", "a value is missing at its end"),
    "rows: {stage1: {t: 3/0}}": ("2:20", "division by zero", None),
    "rows: {stage1: [3]}": ("2:16", "`stage1` must be a mapping from columns to choices", "as in `stage1: {t: [...]}`"),
    "rows: [3]": ("2:7", "`rows` must be a mapping", "as in `rows: {stage4: {k: [3, 5, 7]}}`"),
    "hyperparameters: {alhpa: [1]}": ("2:19", "unknown hyper-parameter `alhpa`", "did you mean `alpha`?"),
    "hyperparameters: {alpha: [1, 0]}": ("2:30", "`alpha` cannot be 0", "it must be above 0"),
    "hyperparameters: {act: [swish]}": ("2:25", "`act` cannot be swish", "it is one of relu, hard_swish"),
    "hyperparameters: {alpha: 0:1:0}": ("2:26", "the range `0:1:0` of `alpha` has a step of 0", None),
    "hyperparameters: {alpha: }": ("2:26", "a value of `alpha` is expected here", None),
    "row: {stage1: {k: [3]}}": ("2:1", "unknown part of a space `row`", "did you mean `rows`?"),
    "name: nothing": ("1:1", "the space has no choices", None),
}  # fmt: skip


@pytest.mark.parametrize("text", WRONG)
def test_what_does_not_fit_is_told_with_its_place(text: str):
    place, message, help_ = WRONG[text]
    with pytest.raises(CostcalcError) as error:
        space(text)
    (problem,) = error.value.problems
    assert (str(problem.span), problem.message) == (f"space.yaml:{place}", message)
    assert help_ is None or problem.help == help_
    assert problem.help or "zero" in message


def test_all_that_is_wrong_is_told_at_once():
    with pytest.raises(CostcalcError) as error:
        space("rows: {stage1: {k: [], x: [1]}, stage9: {k: [3]}}\nhyperparameters: {beta: [1]}\nversion: 3")
    assert len(error.value.problems) == 5


@pytest.mark.parametrize("text", ["[1, 2]", "rows: {stage1: {k: [3]}}", "costcalc: 1", "costcalc-space: 2"])
def test_other_files_are_no_spaces(text: str):
    with pytest.raises(CostcalcError, match=r"not a design space|version of spaces"):
        read_space(parse_document(Source("tiny.yaml", SPEC)), Source("space.yaml", text))


def test_a_column_that_is_only_read_has_no_choices():
    spec = SPEC.replace("[t, k,", "[_t, k,").replace("t*out", "out")
    with pytest.raises(CostcalcError, match="`_t` is used nowhere"):
        space("rows: {stage1: {_t: [1, 2]}}", spec)


def test_a_spec_without_tables_has_no_rows():
    with pytest.raises(CostcalcError) as error:
        space("rows: {stage1: {k: [3]}}", "costcalc: 1\ninput: [3, 8, 8]\nlayers: [relu]\n")
    assert error.value.problems[0].help == "the spec has no `rows`"


# -- the bundled spaces


@pytest.mark.parametrize("name", bundled_spaces())
def test_bundled_spaces_are_of_the_spec_of_that_name(name: str):
    found = read_space(read_document(name), find_space(name))
    assert found.name and found.about
    assert found.grid.size > 10**12
    assert totals(found.document, {}) == totals(found.original, {})


# -- a point as a spec


def test_a_point_is_written_into_the_text():
    varied = space("hyperparameters: {alpha: [0.5]}\nrows: {stage2: {t: [12], nl: [relu], se: [false], out: [8]}}")
    point = varied.grid.points(0, 1).setting(0)
    text = rewritten(varied.original, point, 'Tiny: "no 7"')
    expected = (
        SPEC.replace("name: Tiny\nsource: nobody\n", 'name: "Tiny: \\"no 7\\""\n')
        .replace("alpha: {default: 1,", "alpha: {default: 0.5,")
        .replace("[6, 5, 24, hard_swish, true,  2, 2]", "[12, 5,  8, relu, false,  2, 2]")
        .replace("expect: [{params: 1M, from: nowhere, erratum: {params: 1}}]\n", "")
    )
    assert text == expected
    assert totals(parse_document(Source("best.yaml", text)), {}) == totals(varied.document, point)


def test_what_cannot_be_replaced_is_told():
    spec = SPEC.replace("[1, 3, 16,", "[1, [3, 3], 16,")
    varied = space("rows: {stage1: {k: [5]}}", spec)
    with pytest.raises(CostcalcError, match=r"`stage1.k` cannot be replaced"):
        rewritten(varied.original, {"stage1.k": 5}, "x")
    flow = "{costcalc: 1, input: [3, 8, 8], hyperparameters: {c: 4}, layers: [conv: {out: c}]}\n"
    with pytest.raises(CostcalcError, match="cannot be rewritten"):
        rewritten(parse_document(Source("flow.yaml", flow)), {"c": 5}, "x")

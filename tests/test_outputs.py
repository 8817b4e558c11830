"""Networks with several outputs, some of which are there at some settings only."""

from __future__ import annotations

from typing import Any

import pytest

from costcalc.errors import Source, SpecError
from costcalc.network import Network
from costcalc.spec import build_network
from costcalc.spec.document import parse_document

SPEC = """costcalc: 1
hyperparameters: {training: {default: false}}
input: [3, 8, 6]
layers:
  - conv: {out: 4, as: body}
  - conv: {out: 2, as: main}
  - conv: {from: body, out: 5, kernel: 1, only_if: training, as: head}
outputs: [main, head]
"""


def network(text: str, **settings: Any) -> Network:
    return build_network(parse_document(Source("net.yaml", text)), settings)


def test_an_output_that_a_condition_leaves_out_is_none() -> None:
    assert network(SPEC).outputs == ("main",)
    assert [node.path for node in network(SPEC).nodes] == ["body", "main"]
    assert network(SPEC, training=True).outputs == ("main", "head")


def test_a_name_that_no_layer_has_is_still_an_error() -> None:
    with pytest.raises(SpecError, match="there is no tensor `haed` here"):
        network(SPEC.replace("[main, head]", "[main, haed]"))
    with pytest.raises(SpecError, match="nothing reads the output of `head`"):
        network(SPEC.replace("[main, head]", "[main]"), training=True)
    within = SPEC.replace("  - conv: {from: body,", "  - repeat:\n      n: 1\n      layers:\n        - conv: {from: body,")
    with pytest.raises(SpecError, match="there is no tensor `head` here"):  # named in an inner list
        network(within)

"""The small part of YAML that specs are written in: trees of strings, and where each stands."""

from __future__ import annotations

from typing import Any

import pytest

from costcalc import yamltree
from costcalc.errors import Source, SpecError
from costcalc.yamltree import Items, Pairs, Scalar, Tree, parse_yaml


def parsed(text: str) -> Tree:
    return parse_yaml(Source("spec.yaml", text))


def plain(tree: Tree) -> Any:
    """The tree as lists, dictionaries and strings."""
    if isinstance(tree, Scalar):
        return tree.text
    if isinstance(tree, Items):
        return [plain(item) for item in tree.items]
    return {key.text: plain(value) for key, value in tree.pairs}


def spans(tree: Tree) -> list[tuple[str, int, int, int]]:
    """Every scalar, key or value, with its line, column and end."""
    if isinstance(tree, Scalar):
        return [(tree.text, tree.span.line, tree.span.column, tree.span.end)]
    if isinstance(tree, Items):
        return [found for item in tree.items for found in spans(item)]
    return [found for pair in tree.pairs for part in pair for found in spans(part)]


def messages(text: str) -> list[tuple[str, int, int]]:
    with pytest.raises(SpecError) as caught:
        parsed(text)
    return [(p.message, p.span.line, p.span.column) for p in caught.value.problems if p.span]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{out: max(8, c), kernel: 3}", {"out": "max(8, c)", "kernel": "3"}),
        ("{out: max(8, c)}", {"out": "max(8, c)"}),
        ("[max(8, c), 3]", ["max(8, c)", "3"]),
        ("[1, min(a, max(b, c)), 2]", ["1", "min(a, max(b, c))", "2"]),
        ("{out: max(1, 2, 3, 4), stride: min(5, 6)}", {"out": "max(1, 2, 3, 4)", "stride": "min(5, 6)"}),
        ("{out: max((a + b)*2, min(c, d)) + e, kernel: 1}", {"out": "max((a + b)*2, min(c, d)) + e", "kernel": "1"}),
        ("{out: max(8,c), kernel: [min(1,2), 3]}", {"out": "max(8,c)", "kernel": ["min(1,2)", "3"]}),
        ("{a: {b: max(1, 2)}, c: 3}", {"a": {"b": "max(1, 2)"}, "c": "3"}),
        ("{out: max(8,\n  c), kernel: 3}", {"out": "max(8, c)", "kernel": "3"}),
        ('{out: "max(8, c)", kernel: 3}', {"out": "max(8, c)", "kernel": "3"}),
        ('{from: "a (b", madds: 3M}', {"from": "a (b", "madds": "3M"}),
        ("out: max(8, c)\nkernel: 3", {"out": "max(8, c)", "kernel": "3"}),
        ("{a: (1), b: 2}", {"a": "(1)", "b": "2"}),
        ("{a: 1), b: 2}", {"a": "1)", "b": "2"}),
    ],
)
def test_comma_inside_parentheses(text: str, expected: Any) -> None:
    assert plain(parsed(text)) == expected


def test_joined_values_keep_their_text_and_place() -> None:
    text = "layers: [{out: max(8,  c) , kernel: 3}]"
    found = {name: text[column - 1 : end - 1] for name, _, column, end in spans(parsed(text))}
    assert found == {"layers": "layers", "out": "out", "max(8,  c)": "max(8,  c)", "kernel": "kernel", "3": "3"}


def test_colon_inside_parentheses_is_refused() -> None:
    assert messages("{out: max(8, c: 2), kernel: 3}") == [("a `:` inside parentheses", 1, 17)]


def test_nothing_is_converted() -> None:
    words = ["no", "Yes", "on", "null", "~", "010", "0x1F", "1:30", "1e3", "1_000", ".5", "+3", "2001-01-01", "1.0"]
    assert plain(parsed("\n".join(f"- {word}" for word in words))) == words


@pytest.mark.parametrize(
    ("text", "value", "quoted"),
    [
        ("a: b c", "b c", False),
        ("a: 'b c'", "b c", True),
        ('a: "b\\tc"', "b\tc", True),
        ("a: 'it''s'", "it's", True),
        ("a: |\n  b\n  c\n", "b\nc\n", True),
        ("a: >-\n  b\n  c\n", "b c", True),
        ("a: b\n  c\n", "b c", False),
        ("a:\n", "", False),
        ('a: ""', "", True),
    ],
)
def test_styles_of_text(text: str, value: str, quoted: bool) -> None:
    tree = parsed(text)
    assert isinstance(tree, Pairs)
    found = tree.get("a")
    assert isinstance(found, Scalar)
    assert (found.text, found.quoted) == (value, quoted)
    assert tree.get("b") is None


def test_flow_and_block_style_are_one_tree() -> None:
    block = "layers:\n  - conv:\n      out: 8\n      kernel: [3, 1]\n  - relu\n"
    assert plain(parsed(block)) == plain(parsed("{layers: [{conv: {out: 8, kernel: [3, 1]}}, relu]}"))


def test_spans_are_exact() -> None:
    text = "name: 'a b'   # comment\nlayers:\n  - conv: {out: 32*alpha,   kernel: 3}\n  - {as: é, relu: }\n"
    lines = text.split("\n")
    for value, line, column, end in spans(parsed(text)):
        assert lines[line - 1][column - 1 : end - 1].strip("'") == value or value == ""


def test_spans_of_collections_begin_where_they_begin() -> None:
    tree = parsed("a:\n  - b: [1, 2]\n")
    assert isinstance(tree, Pairs)
    items = tree.get("a")
    assert isinstance(items, Items)
    pairs = items.items[0]
    assert isinstance(pairs, Pairs)
    numbers = pairs.get("b")
    assert isinstance(numbers, Items)
    places = [(node.span.line, node.span.column) for node in (tree, items, pairs, numbers)]
    assert places == [(1, 1), (2, 3), (2, 5), (2, 8)]


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_line_ends(line_end: str) -> None:
    text = line_end.join(["a: 1", "b: 2", "a: 3", ""])
    assert messages(text) == [("`a` is given twice", 3, 1)]
    assert Source("spec.yaml", text).line(3) == "a: 3"


def test_duplicate_keys_are_told_at_both_places() -> None:
    with pytest.raises(SpecError) as caught:
        parsed("a: 1\nb: {c: 1, c: 2}\na: 2\na: 3\n")
    told = [(p.message, str(p.span), p.notes) for p in caught.value.problems]
    assert told == [
        ("`c` is given twice", "spec.yaml:2:11", ("first given in line 2, column 5",)),
        ("`a` is given twice", "spec.yaml:3:1", ("first given in line 1, column 1",)),
        ("`a` is given twice", "spec.yaml:4:1", ("first given in line 1, column 1",)),
    ]


def test_the_same_key_in_two_mappings_is_fine() -> None:
    assert plain(parsed("[{a: 1}, {a: 2}]")) == [{"a": "1"}, {"a": "2"}]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &x 1", "an anchor, `&x`"),
        ("a: *x", "an alias, `*x`"),
        ("a: !!int 1", "a tag, `tag:yaml.org,2002:int`"),
        ("a: !x [1]", "a tag, `!x`"),
        ("<<: {a: 1}", "a merge key, `<<`"),
        ("? [a]\n: 1", "a key must be a word"),
    ],
)
def test_refused_features(text: str, message: str) -> None:
    assert [told for told, _, _ in messages(text)] == [message]


def test_every_refused_feature_of_a_file_is_told_at_once() -> None:
    assert len(messages("a: &x 1\nb: *x\nc: !t 1\na: 2\n---\nd: 1\n")) == 5


@pytest.mark.parametrize("text", ["", " \n\n", "# only a comment\n"])
def test_empty(text: str) -> None:
    assert messages(text) == [("the file is empty", 1, 1)]


def test_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    assert plain(parsed("[" * yamltree.MAX_DEPTH + "]" * yamltree.MAX_DEPTH)) != []
    assert messages("[" * 1000) == [("nested too deeply", 1, yamltree.MAX_DEPTH + 1)]
    monkeypatch.setattr(yamltree, "MAX_VALUES", 10)
    assert len(plain(parsed("[1, 2, 3, 4, 5, 6, 7, 8, 9]"))) == 9
    assert messages("[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]") == [("the file has more than 10 values", 1, 29)]


def test_a_parenthesis_that_is_never_closed_does_not_take_the_whole_file() -> None:
    values = plain(parsed("[(" + ", a" * 5000 + "]"))
    assert len(values[0]) <= yamltree.MAX_JOINED + 3

"""TOML as a tree: the values are those of the standard library, the places those of the text."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costcalc.errors import Source, Span, SpecError
from costcalc.tomltree import parse_toml
from costcalc.yamltree import Items, Pairs, Scalar, Tree


def tree(text: str, *under: str) -> Pairs | None:
    return parse_toml(Source("t.toml", text), under)


def values(found: Tree) -> Any:
    """The tree as plain values, every scalar a text."""
    if isinstance(found, Scalar):
        return found.text
    if isinstance(found, Items):
        return [values(item) for item in found.items]
    return {key.text: values(value) for key, value in found.pairs}


def texts(value: Any) -> Any:
    """What tomllib reads, every scalar a text."""
    if isinstance(value, dict):
        return {key: texts(of) for key, of in value.items()}
    if isinstance(value, list):
        return [texts(of) for of in value]
    return str(value).lower() if isinstance(value, bool) else str(value)


def marked(span: Span) -> str:
    """What a span covers."""
    return span.source.line(span.line)[span.column - 1 : span.end - 1]


def test_a_line_ends_where_editors_end_it() -> None:
    """TOML allows what YAML alone takes for the end of a line; the lines after it are those of every editor."""
    for char in "\x85\u2028\u2029":
        found = tree(f"a = 1\n# hi{char}there\n[b]\nc = 2\n", "b")
        assert found is not None and found.get("c").span.line == 4 and marked(found.get("c").span) == "2"


TEXT = '''\
# a comment with "quotes" and [brackets]
a.b = 0.75 # alpha
"q/x" = 'lit # eral'
n = 350_000_000
h = 0x10
e = -1.5e-3
when = 1979-05-27 07:32:00
m = """
two
lines""\\""""
arr = [ 1, # one ]
  [2, "x"], {k = 1, l.m = 'z'},
]
[[budget]]
spec = "a.yaml"
set = {alpha = 0.5}
[budget.layers."sep1/pw"]
madds = "<= 3"
[[budget]]
spec=["x","y"]
[tool.costcalc]
x = true
'''


def test_values_are_those_of_the_standard_library():
    found = values(tree(TEXT))
    assert found.pop("e") == "-1.5e-3", "as it is written"
    wanted = texts(tomllib.loads(TEXT))
    assert wanted.pop("e") == "-0.0015"
    assert found == wanted


@pytest.mark.parametrize(
    ("path", "line", "column", "text"),
    [
        (("a", "b"), 2, 7, "0.75"),
        (("q/x",), 3, 9, "'lit # eral'"),
        (("n",), 4, 5, "350_000_000"),
        (("when",), 7, 8, "1979-05-27 07:32:00"),
        (("m",), 8, 5, '"""'),
        (("arr", 1, 1), 12, 7, '"x"'),
        (("arr", 2, "l", "m"), 12, 27, "'z'"),
        (("budget", 0), 14, 1, "[[budget]]"),
        (("budget", 0, "set", "alpha"), 16, 16, "0.5"),
        (("budget", 0, "layers", "sep1/pw", "madds"), 18, 9, '"<= 3"'),
        (("budget", 1, "spec", 1), 20, 11, '"y"'),
        (("tool", "costcalc"), 21, 1, "[tool.costcalc]"),
    ],
)
def test_places(path: tuple[str | int, ...], line: int, column: int, text: str):
    found: Any = tree(TEXT)
    for part in path:
        found = found.items[part] if isinstance(part, int) else found.get(part)
    assert (found.span.line, found.span.column, marked(found.span)) == (line, column, text)


def test_one_table_of_a_file():
    found = tree(TEXT, "tool", "costcalc")
    assert values(found) == {"x": "true"}
    assert tree(TEXT, "tool", "other") is None
    assert tree(TEXT, "n", "costcalc") is None


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("a = ", 1, "invalid value"),
        ("x = 1\na = 1\na = 2\n", 3, "overwrite"),
        ('a = "x\n', 1, "illegal character"),
        ("[[x", 1, "]]"),
        ("a = [1,", 1, "invalid value"),
        ("\n\na = tru\n", 3, "invalid value"),
        ("x = " + "[" * 100_000, 1, "nested too deeply"),
        ("x = " + "9" * 5000, 1, "no TOML"),
    ],
)
def test_what_is_no_toml(text: str, line: int, told: str):
    with pytest.raises(SpecError) as error:
        tree(text)
    (problem,) = error.value.problems
    assert told in problem.message
    assert problem.span
    assert problem.span.line == line


KEYS = st.text("abz_-09", min_size=1, max_size=4) | st.text(min_size=1, max_size=4)
SCALARS = st.integers(-(10**12), 10**12) | st.booleans() | st.text(max_size=12)
DATA = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=12
)


def quoted(text: str) -> str:
    escaped = "".join(c if c.isprintable() and c not in '"\\' else f"\\U{ord(c):08x}" for c in text)
    return f'"{escaped}"'


def written(value: Any) -> str:
    """A value on one line."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, list):
        return "[ " + ", # c\n ".join(map(written, value)) + "\n]" if value else "[]"
    return "{" + ", ".join(f"{key_of(k)} = {in_line(v)}" for k, v in value.items()) + "}"


def in_line(value: Any) -> str:
    return written(value).replace(", # c\n", ",").replace("\n]", "]") if isinstance(value, list | dict) else written(value)


def key_of(key: str) -> str:
    return key if key.isascii() and key.replace("-", "a").replace("_", "a").isalnum() else quoted(key)


def file_of(data: dict[str, Any], path: tuple[str, ...] = ()) -> str:
    """Tables with headers, lists of tables as such, everything else in lines."""
    lines = []
    tables = []
    for key, value in data.items():
        if isinstance(value, dict):
            tables.append((key, "[{}]", [value]))
        elif isinstance(value, list) and value and all(isinstance(of, dict) for of in value):
            tables.append((key, "[[{}]]", value))
        else:
            lines.append(f"{key_of(key)} = {written(value)}")
    for key, header, bodies in tables:
        name = ".".join(map(key_of, (*path, key)))
        for body in bodies:
            lines += [f"  {header.format(name)} # {{", file_of(body, (*path, key))]
    return "\n".join(lines)


def spans(found: Tree) -> Any:
    """Every scalar of a tree, those of keys too."""
    if isinstance(found, Scalar):
        yield found
    for item in found.items if isinstance(found, Items) else []:
        yield from spans(item)
    for key, value in found.pairs if isinstance(found, Pairs) else []:
        yield key
        yield from spans(value)


def encodable(value: Any) -> bool:
    try:
        str(value).encode()
    except UnicodeEncodeError:
        return False
    return True


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(KEYS, DATA, max_size=5).filter(encodable))
def test_anything_that_is_toml(data: dict[str, Any]):
    text = file_of(data)
    read = tomllib.loads(text)
    found = tree(text)
    assert found is not None
    assert values(found) == texts(read)
    if not any(c in text for c in "\x85\u2028\u2029"):  # where YAML would end a line, and excerpts do
        for scalar in spans(found):
            said = marked(scalar.span)
            plain = said.replace("_", "") == scalar.text.replace("_", "")
            assert tomllib.loads(f"x = {said}")["x"] == scalar.text if scalar.quoted else plain


def test_many_budgets_are_read_in_one_pass():
    text = '[[budget]]\nspec = "a.yaml"\nmadds = "<= 3"\n' * 20_000
    found: Any = tree(text)
    assert len(found.get("budget").items) == 20_000
    assert found.get("budget").items[-1].get("madds").span.line == 60_000

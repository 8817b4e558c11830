"""Text of a spec is data: escapes, markup, links, formulas and commands in it act in no format and in no message."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from costcalc.errors import visible
from costcalc.render import FORMATS, escape

Cli = Callable[..., Any]
SGR = re.compile("\x1b\\[(?:0|1|2|36)m")  # reset, bold, dim, cyan: the ones of our own

TEXTS = [
    "\x1b[31mred\x1b[0m",
    "\x1b]8;;http://evil.example\x1b\\link\x1b]8;;\x1b\\",
    "\x1b]0;title\x07",
    "bell\x07 backspace\x08 return\roverwritten",
    "\x9b31m\x85next",
    "right to left \u202etxt.exe\u202c \u2066isolate\u2069",
    "zero\u200bwidth \ufeffmark \u2028line",
    "two\nlines",
    "[bold red]rich[/bold red] [link=http://evil.example]x[/link] :boom:",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</td></tr></table><h1>out</h1>",
    '" onmouseover="alert(1)',
    "&lt;b&gt; & &#x3c;",
    "a | b || c \\| d",
    "`tick` ``two`` `",
    "``` fence",
    "[link](http://evil.example) ![image](http://evil.example/x.png)",
    "http://evil.example www.evil.example see www.evil.example",
    "@mention #12 owner/repo#3",
    "*bold* _italic_ **strong** ~~struck~~ __init__",
    "# heading",
    "> quotation",
    "- item",
    "\\input{/etc/passwd}",
    "\\write18{rm -rf /}",
    "% $ _ ^ ~ & # { } \\",
    "$$x$$ --- '' ``",
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-1+1",
    "@SUM(A1:A9)",
    "\t=1+1",
    "100% _ plain (words), 3x3: fine; ok",
]
WHOLE = " ".join(TEXTS)


class Spec(NamedTuple):
    """A spec, and the convention to count it by, with one text wherever text may stand."""

    path: Path
    convention: Path
    text: str


def quoted(text: str) -> str:
    return json.dumps(text)


def write(folder: Path, text: str) -> Spec:
    name = text.replace("/", "-").replace("\0", "")[:60]
    path, convention = folder / f"{name}.yaml", folder / "convention.yaml"
    path.write_text(
        f"""costcalc: 1
name: {quoted(text)}
source: {quoted(text)}
hyperparameters:
  alpha: {{default: 1, help: {quoted(text)}}}
input: [3, 8, 8]
layers:
  - conv: {{out: 8*alpha, as: __first__}}
  - opaque: {{op: {quoted(text)}}}
expect:
  - {{madds: 7, from: {quoted(text)}, why: {quoted(text)}}}
""",
        encoding="utf-8",
    )
    convention.write_text(
        f"""costcalc-convention: 1
name: {quoted(text)}
unit: {quoted(text)}
about: {quoted(text)}
count: {{default: 2*macs}}
""",
        encoding="utf-8",
    )
    return Spec(path, convention, text)


@pytest.fixture(params=[*TEXTS, WHOLE], ids=lambda text: re.sub(r"\W+", "-", text)[:20].strip("-") or "signs")
def spec(request: pytest.FixtureRequest, tmp_path: Path) -> Spec:
    return write(tmp_path, request.param)


def inert(text: str) -> bool:
    """Whether a terminal would only print it: printable characters and ends of lines."""
    return all(line.isprintable() for line in text.split("\n"))


def told(text: str) -> str:
    """A text as it is shown: on one line, whatever is not printable written out."""
    return visible(" ".join(text.split()))


def output(cli: Cli, spec: Spec, format_: str, **environment: str) -> str:
    run = cli("report", str(spec.path), "--convention", str(spec.convention), "--format", format_, **environment)
    assert (run.code, run.err) == (0, "")
    return str(run.out)


def test_plain_text(spec: Spec, cli: Cli) -> None:
    text = output(cli, spec, "table")
    assert inert(text)
    assert text.startswith(told(spec.text) + "\n")
    assert f"\nsource     {told(spec.text)}\n" in re.sub("\nsource +", "\nsource     ", text)


@pytest.mark.parametrize("width", ["60", "200"])
def test_terminal(spec: Spec, width: str, cli: Cli) -> None:
    text = output(cli, spec, "table", FORCE_COLOR="1", COLUMNS=width)
    assert inert(SGR.sub("", text))


def test_rich_markup_is_text(tmp_path: Path, cli: Cli) -> None:
    spec = write(tmp_path, "[bold red]rich[/bold red] :boom:")
    text = SGR.sub("", output(cli, spec, "table", FORCE_COLOR="1", COLUMNS="250"))
    assert text.startswith("[bold red]rich[/bold red] :boom:\n")


def test_json(spec: Spec, cli: Cli) -> None:
    text = output(cli, spec, "json")
    assert text.isascii()
    assert inert(text)
    document = json.loads(text)
    assert document["network"]["name"] == document["network"]["source"] == " ".join(spec.text.split())


def test_csv(spec: Spec, cli: Cli) -> None:
    text = output(cli, spec, "csv")
    assert inert(text)
    rows = list(csv.reader(io.StringIO(text)))
    assert len(rows) == 4
    assert {len(row) for row in rows} == {len(rows[0])}
    for row in rows:
        assert not [cell for cell in row if cell.lstrip()[:1] in tuple("=+-@")]


TAGS = {"html", "head", "meta", "title", "style", "body", "h1", "dl", "dt", "dd", "i",
        "table", "thead", "tbody", "tfoot", "tr", "th", "td"}  # fmt: skip


class Page(HTMLParser):
    """The tags, attributes and text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_html(spec: Spec, cli: Cli) -> None:
    text = output(cli, spec, "html")
    assert inert(text)
    page = Page()
    page.feed(text)
    assert page.tags <= TAGS
    assert page.attributes <= {"lang", "charset", "name", "content", "scope", "class", "style"}
    whole = told(spec.text)
    assert page.text.count(whole) >= 4  # title, heading, source, the convention's column
    assert f"opaque {visible(spec.text.replace(chr(10), ' '))}" in page.text


def test_markdown(spec: Spec, cli: Cli) -> None:
    text = output(cli, spec, "md")
    assert inert(text)
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)
    kinds = {token.type for token in flat(tokens)}
    assert not kinds & {
        "html_block",
        "html_inline",
        "link_open",
        "image",
        "em_open",
        "s_open",
        "fence",
        "blockquote_open",
    }
    assert [token.tag for token in tokens if token.type == "heading_open"] == ["h2"]
    assert [token.type for token in tokens].count("table_open") == 1
    assert [token.type for token in tokens].count("tr_open") == 4
    assert [token.type for token in tokens].count("td_open") == 3 * 6
    assert {token.content for token in flat(tokens) if token.type == "strong_open"} <= {""}
    for token in flat(tokens):
        if token.type == "text":
            assert not re.search(r"[@#<>\[\]*~|`\\]|://|www\.", token.content), token.content


def flat(tokens: list[Token]) -> list[Token]:
    return [inner for token in tokens for inner in (token, *flat(token.children or []))]


def test_markdown_keeps_the_text(tmp_path: Path, cli: Cli) -> None:
    for text in TEXTS:
        tokens = MarkdownIt("commonmark").enable("table").parse(output(cli, write(tmp_path, text), "md"))
        shown = [t.content for t in flat(tokens) if t.type in ("text", "code_inline")]
        assert any(
            told(text).replace("|", r"\|").strip() == s.replace("|", r"\|").replace(r"\\|", r"\|") for s in shown
        ), shown


ESCAPED = re.compile(
    r"\\(?:text(?:backslash|asciicircum|asciitilde|less|greater|bar|asciigrave|quotesingle)\{\}|symbol\{34\}|[{}$&#%_])"
)


def test_latex(spec: Spec, cli: Cli) -> None:
    text = output(cli, spec, "latex")
    assert inert(text)
    lines = text.split("\n")
    assert lines[:2] == [r"\begin{table}", r"\centering"]
    assert lines[3] == r"\begin{tabular}{llrrrr}"
    assert lines[-4:] == [r"\bottomrule", r"\end{tabular}", r"\end{table}", ""]
    caption = lines[2].removeprefix(r"\caption{").removesuffix("}")
    rows = [cell for line in lines if line.endswith(r" \\") for cell in line.removesuffix(r" \\").split(" & ")]
    for part in (caption, *rows):
        assert not re.search(r"[\\{}$&#%_^~]", ESCAPED.sub("", part)), part
    assert len(rows) == 4 * 6
    assert escape.latex(told(spec.text)) in caption


def test_help_text_of_a_spec(spec: Spec, cli: Cli) -> None:
    run = cli("report", str(spec.path), "--help")
    assert run.code == 0
    assert inert(run.out + run.err)


def test_ir(spec: Spec, cli: Cli) -> None:
    run = cli("convert", str(spec.path))
    assert (run.code, run.out.isascii()) == (0, True)
    assert json.loads(run.out)["nodes"][1]["attributes"] == {"op": spec.text}


# -- messages -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [t for t in TEXTS if t.split() == t.split(" ")],
    ids=range(len([t for t in TEXTS if t.split() == t.split(" ")])),
)
def test_error_messages(text: str, tmp_path: Path, cli: Cli) -> None:
    """Names from the file, its lines under the caret, and its own name."""
    spec = write(tmp_path, text)
    spec.path.write_text(
        f"costcalc: 1\nname: 'raw \u202e text'\ninput: [3, 8, 8]\n{quoted(text)}: 1\nlayers:\n"
        f"  - conv: {{out: 8, {quoted(text)}: '\u202e'}}\n  - relu: {{from: {quoted(text)}}}\n  - {quoted(text)}\n",
        encoding="utf-8",
    )
    run = cli("report", str(spec.path))
    assert run.code == 2
    assert inert(run.out + run.err)
    assert run.err.count("error: ") == run.err.count(" --> ") >= 4
    assert not re.search("^(?!error: | +(-->|note:|help:)|[0-9 ]+ [|]|$)", run.err, re.MULTILINE)
    as_json = cli("report", str(spec.path), "--format", "json").err
    assert as_json.isascii()
    assert inert(as_json)
    assert any(text in error["message"] for error in json.loads(as_json)["errors"])


@pytest.mark.parametrize(
    "arguments",
    [
        ("{}",),
        ("report", "{}"),
        ("report", "mobilenet_v1", "--format", "{}"),
        ("report", "mobilenet_v1", "--convention", "{}"),
        ("report", "mobilenet_v1", "--set", "{}=1"),
        ("report", "mobilenet_v1", "--alpha", "{}"),
        ("report", "mobilenet_v1", "--{}", "1"),
        ("report", "mobilenet_v1", "--top", "{}"),
        ("report", "mobilenet_v1", "{}"),
        ("report", "mobilenet_v1", "-o", "missing/{}"),
        ("report", "{}", "--help"),
        ("list", "{}"),
        ("init", "missing/{}"),
    ],
    ids=" ".join,
)
def test_messages_about_arguments(arguments: tuple[str, ...], cli: Cli) -> None:
    for text in ("\x1b[31mred\x07", "a\nerror: b", "\u202etxt", "[bold]x[/bold]"):
        run = cli(*(argument.replace("{}", text) for argument in arguments))
        assert run.code == (0 if "--help" in arguments else 2)
        assert inert(run.out + run.err)
        assert len(re.findall("^error: ", run.err, re.MULTILINE)) == (0 if "--help" in arguments else 1)


def test_name_of_a_new_file(tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run = cli("init", "\x1b[31mred\u202e.yaml")
    assert run.code == 0
    assert inert(run.err)


def test_control_characters_are_refused_in_the_file(tmp_path: Path, cli: Cli) -> None:
    path = tmp_path / "raw.yaml"
    path.write_text("costcalc: 1\nname: \x1b[31mred\nlayers: [relu]\n", encoding="utf-8")
    run = cli("report", str(path))
    assert run.code == 2
    assert inert(run.err)
    assert "character U+001B is not allowed in YAML" in run.err
    assert r"name: \x1b[31mred" in run.err


def test_words_of_hyperparameters_are_words(cli: Cli) -> None:
    """No word that is a value can hold a sign that acts anywhere."""
    for word in ("=cmd", "a|b", "<b>", "[bold]", "\\e[31m", "@x", "a`b"):
        choices = f"{{r: {{default: a, choices: [a, {quoted(word)}]}}}}"
        spec = f"costcalc: 1\nhyperparameters: {choices}\ninput: [3]\nlayers: [relu]\n"
        run = cli("report", "-", stdin=spec.encode())
        assert run.code == 2
        assert inert(run.err)


def test_every_format_is_tried() -> None:
    assert set(FORMATS) == {"table", "md", "csv", "json", "latex", "html"}


# -- runners of CI ----------------------------------------------------------------------------------------------------

HOSTILE = """\
costcalc: 1
name: "::error::name ##[group]a ##vso[task.setvariable variable=X]b"
source: "{long} ::error::pwned {long} ::set-output name=x::y {long} :::error::z"
input: [3, 8, 8]
layers: [conv: {{out: 4, kernel: 3}}, opaque: {{op: "::error::op"}}]
"""


def acted_on(text: str) -> list[str]:
    """Lines in which a runner of GitHub, or of Azure, finds a command."""
    return [line for line in text.splitlines() if line.strip().startswith("::") or "##[" in line or "##vso[" in line]


@pytest.mark.parametrize("command", [
    *(("report", "--format", f) for f in ("table", "md", "json")), ("report", "--by", "kind"), ("explain",), ("formula",),
    *(("explain", "--format", f) for f in ("md", "json")), ("formula", "--format", "json"), ("verify",), ("convert",),
    *(("check", "--max-madds", "1", "--format", f) for f in ("table", "json", "md", "sarif", "gitlab", "junit")),
    ("compare", "mobilenet_v1"),
])  # fmt: skip
def test_a_runner_finds_no_command(command: tuple[str, ...], tmp_path: Path, cli: Cli) -> None:
    spec = tmp_path / "net.yaml"
    spec.write_text(HOSTILE.format(long="a b " * 25))
    done = cli(command[0], str(spec), *command[1:])
    assert acted_on(done.out) == acted_on(done.err) == []
    if "json" in command or "sarif" in command or "gitlab" in command:
        json.loads(done.out)


def test_a_runner_finds_no_command_in_an_excerpt(tmp_path: Path, cli: Cli) -> None:
    """The marked part begins in the middle of what would be one."""
    spec = tmp_path / "net.yaml"
    for text in ("3 ##vso[task.setvariable variable=X]pwned", "3 ##[stop-commands]pwned", "::error::x + $"):
        spec.write_text(f'costcalc: 1\ninput: [3, 8, 8]\nlayers:\n  - conv: {{out: "{text}", kernel: 3}}\n')
        done = cli("report", str(spec))
        assert done.code == 2 and acted_on(done.err) == []
    assert acted_on(cli("report", "x##[group]y.yaml", "--format", "json").err) == []

"""The pages say what the code does: what is generated is current, examples run, nothing is left out, links lead on."""

from __future__ import annotations

import re
import tomllib
from xml.etree import ElementTree as ET

import pytest
import typer
from pages import ROOT, Block, pages, run_code, shell
from tables import SAMPLES, TABLES, picture, points

from costcalc.api import Model
from costcalc.cli.main import COMMANDS, app
from costcalc.cost import conventions, load_convention
from costcalc.errors import Source, SpecError, UsageError
from costcalc.explore.space import read_space
from costcalc.expression import FUNCTIONS
from costcalc.kinds import FAMILIES, REGISTRY
from costcalc.kinds.base import Kind
from costcalc.spec import bundled, parse_document, read_document
from costcalc.spec.document import KEYS
from costcalc.spec.hyperparameters import PARTS as HYPERPARAMETER_PARTS
from costcalc.spec.published import PARTS as EXPECT_PARTS
from costcalc.spec.values import SIZES
from costcalc.units import SUFFIXES

PAGES = pages()
NAMES = (
    "README.md", "CHANGELOG.md", "docs/spec-language.md", "docs/counting.md", "docs/kinds.md", "docs/commands.md",
    "docs/adding-a-kind.md", "docs/errata.md", "docs/verifying.md",
)  # fmt: skip
each_page = pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)


def text(name: str) -> str:
    return PAGES[name].text


def test_the_pages_are_there():
    assert set(NAMES) <= set(PAGES)


@each_page
def test_what_is_generated_is_current(page):
    assert page.regenerated() == page.text, "run `python tests/update_docs.py` and look at the difference"


def test_every_table_is_shown_somewhere():
    shown = {m for page in PAGES.values() for m in re.findall(r"<!-- generated: table (.+?) -->", page.text)}
    assert shown == set(TABLES)


YAML = {f"{page.name}:{page.text.count(chr(10), 0, b.start) + 1}": b
        for page in PAGES.values() for b in page.blocks
        if b.language == "yaml" and not page.name.startswith("docs/ci/")}  # fmt: skip


@pytest.mark.parametrize("block", YAML.values(), ids=YAML)
def test_yaml_is_what_it_is_said_to_be(block: Block, tmp_path):
    """A spec, a part of one, or a convention; or one that is refused where the page says so."""
    if "costcalc-convention:" in block.text:
        (tmp_path / "convention.yaml").write_text(block.text)
        assert load_convention(str(tmp_path / "convention.yaml")).unit
    elif "costcalc-space:" in block.text:
        assert read_space(read_document("mobilenet_v2"), Source("example", block.text)).grid.size > 1
    elif block.refused:
        with pytest.raises((SpecError, UsageError)):
            block.network({})
    else:
        assert block.network({}).nodes
        document = parse_document(Source("example", block.spec))
        for expected in document.expectations:
            report = Model(document, dict(expected.settings)).report(expected.convention)
            assert "missed" not in {p.status for p in report.published}


@each_page
def test_python_runs(page):
    assert not page.code() or run_code(page) == ""


@each_page
def test_no_output_is_typed_by_hand(page):
    for block in page.blocks:
        assert block.language, f"a block without a language: {block.text[:60]}"
        assert block.generated == (block.language in ("console", "text", "json")), block.text[:60]


def test_every_layer_with_a_standard_form_is_listed():
    table = text("docs/exploring.md").partition("| Layer | In standard form |")[2].partition("\n\n")[0]
    unchanged = (Kind.standard, Kind.standard_pair)
    others = {name for name, of in REGISTRY.items() if (of.standard, of.standard_pair) != unchanged}
    assert set(re.findall(r"`([a-z_]+)`", table)) >= others


def slug(heading: str) -> str:
    return re.sub(r"[^\w -]", "", heading.strip().lower()).replace(" ", "-")


def anchors(name: str) -> set[str]:
    outside = re.sub(r"^```.*?^```$", "", text(name), flags=re.MULTILINE | re.DOTALL)
    return {slug(heading) for heading in re.findall(r"^#+ (.+)$", outside, re.MULTILINE)}


@each_page
def test_links_lead_somewhere(page):
    prose = re.sub(r"^ *```.*?^ *```$", "", page.text, flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        if re.match(r"\w+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = (page.path.parent / name).resolve() if name else page.path
        assert path.exists(), target
        if anchor:
            assert anchor in anchors(path.relative_to(ROOT).as_posix()), target


@each_page
def test_no_page_speaks_of_one_machine(page):
    assert not re.search(r"(?<![\w.<])/(?:home|root|tmp|work|Users|var)/", page.text)
    pictures = re.findall(r"!\[[^]]*\]\(([^)]*)\)", page.text)
    assert all((page.path.parent / picture).exists() for picture in pictures), "no badges"


def test_every_page_is_linked_from_the_readme():
    """The pages of families by way of the page of all kinds."""
    linked = text("README.md") + text("docs/kinds.md").replace("](kinds/", "](docs/kinds/")
    assert [name for name in PAGES if name.startswith("docs/") and f"]({name})" not in linked] == []


# -- the README


def test_the_readmes_commands_exist():
    page = PAGES["README.md"]
    lines = [line for b in page.blocks if b.language == "sh" for line in b.text.splitlines()]
    assert lines[:2] == ["python3 -m venv .venv", ".venv/bin/pip install -e '.[dev]'"]
    assert ".venv/bin/pytest" in lines
    for line in lines:
        assert line.split()[0] in ("python3", ".venv/bin/pip", ".venv/bin/pytest", ".venv/bin/costcalc"), line
        if line.startswith(".venv/bin/costcalc"):
            shell(line, page.folder)  # fails unless it ends with 0
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert "costcalc" in project["scripts"]
    assert any(d.startswith("pytest") for d in project["optional-dependencies"]["dev"])
    assert f"Python {project['requires-python'].removeprefix('>=')}" in page.text


def test_the_readme_shows_the_main_job_and_every_spec():
    assert "<!-- generated: .venv/bin/costcalc report mobilenet_v1.yaml --alpha 0.75 -->" in text("README.md")
    assert "325,400,448" in text("README.md")
    assert all(f"`{name}`" in text("README.md") for name in bundled())
    spec = next(b for b in PAGES["README.md"].blocks if b.language == "yaml")
    assert len(spec.text.splitlines()) <= 10


def test_the_picture_of_the_gallery_is_of_these_networks():
    assert (ROOT / "docs" / "gallery.svg").read_text(encoding="utf-8") == picture()
    drawn = ET.fromstring(picture())
    told = [title.text for title in drawn.iter("{http://www.w3.org/2000/svg}title")]
    assert len(told) == len([p for p in points() if p.params and p.madds])
    names = {text.text for text in drawn.iter("{http://www.w3.org/2000/svg}text")}
    assert set(bundled()) <= names, "every network has room for its name"


# -- nothing is left out


def test_every_kind_has_a_section_and_a_row():
    headings = {name: re.findall(r"^## `(\w+)`$", PAGES[name].text, re.MULTILINE) for name in PAGES if "/kinds/" in name}
    assert headings == {f"docs/kinds/{family}.md": list(kinds) for family, kinds in FAMILIES.items()}
    assert set(SAMPLES) == set(REGISTRY), "tests/tables.py lists how each kind is shown in docs/counting.md"


def test_the_recipe_names_what_is_there():
    """Files exist, and a name beside a file is in it."""
    page = text("docs/adding-a-kind.md")
    for path, name in re.findall(r"`((?:tests|costcalc)/[\w/.]+)`(?:, `(\w+)`)?", page):
        assert (ROOT / path).exists(), path
        assert not name or re.search(rf"^{name}\b", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE), name
    attributes = (ROOT / "costcalc/kinds/attributes.py").read_text(encoding="utf-8")
    listed = re.search(r"come from `costcalc/kinds/attributes.py`\s+\(([^)]+)\)", page)[1]
    declared = re.findall(r"^def (\w+)\(doc|^def (padding_attribute)", attributes, re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", listed)) == {a or b for a, b in declared}


def test_every_convention_is_described():
    assert all(f"| `{name}` |" in text("docs/counting.md") for name in conventions())


def sections() -> dict[str, str]:
    """The sections of the command reference by command."""
    parts = re.split(r"^## `costcalc (\w+)`$", text("docs/commands.md"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_command_has_a_section():
    assert list(sections()) == list(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_documented(command):
    group = typer.main.get_command(app)
    context = group.make_context("costcalc", [command], resilient_parsing=True)
    callback = group.get_command(context, command)
    assert callback.help, "a command says what it does"
    for parameter in callback.params:
        described = getattr(parameter, "help", None) or parameter.name == "what"  # its choices say it all
        assert described, f"{command} {parameter.name} lacks its help"
        for option in parameter.opts if parameter.param_type_name == "option" else ():
            assert re.search(rf"(?<![\w-]){option}(?![\w-])", sections()[command].partition("\n## ")[0]), option


def sources() -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "costcalc").rglob("*.py")))


def test_every_document_and_variable_is_described():
    page = text("docs/commands.md")
    assert all(schema in page for schema in set(re.findall(r'"(costcalc/\w+/\d+)"', sources())))
    assert all(f"`{name}" in page for name in set(re.findall(r'environ(?:\.get\(|\[)"(\w+)"', sources())))


def test_every_exit_code_is_described():
    codes = {0, *map(int, re.search(r"USAGE, BUG, INTERRUPTED = (\d+), (\d+), (\d+)", sources()).groups())}
    codes |= {int(re.search(rf"^{name} = (\d+)", sources(), re.MULTILINE).group(1)) for name in ("DISAGREED", "EXCEEDED")}
    listed = re.findall(r"^\| (\d+) \|", text("docs/commands.md"), re.MULTILINE)
    assert codes == set(map(int, listed))


def test_the_language_is_described_whole():
    page = text("docs/spec-language.md")
    words = {
        *KEYS, *FUNCTIONS, *SIZES, *HYPERPARAMETER_PARTS, *EXPECT_PARTS, *SUFFIXES,
        "residual", "add", "mul", "concat", "repeat", "rows", "then", "columns", "data", "as", "from", "only_if",
        "args", "inputs", "required", "block.in", "and", "or", "not", "if", "else", "true", "false", "same", "valid",
    }  # fmt: skip
    code = " ".join(re.findall(r"`([^`\n]+)`", page) + [b.text for b in PAGES["docs/spec-language.md"].blocks])
    missing = {word for word in words if not re.search(rf"(?<!\w){re.escape(word)}(?!\w)", code)}
    assert {word for word in missing if f"{word}`" not in page} == set()


def test_the_changelog_says_which_numbers_changed():
    assert text("CHANGELOG.md").count("### Changed numbers") == text("CHANGELOG.md").count("\n## ")

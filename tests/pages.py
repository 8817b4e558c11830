"""The Markdown pages: what of them is generated, which files they speak of, and the running of their examples.

A page stays true because parts of it are made by programs. In the Markdown these are comments:

    <!-- generated: COMMAND -->      what the shell command prints, up to the next `<!-- end -->`
    <!-- generated: exit 2: COMMAND -->   the same of one that must fail with this code
    <!-- generated: table NAME -->   a table or list of `tables.py`
    <!-- generated: nodes alpha=0.5 -->   the nodes of the YAML above
    <!-- file: NAME -->              the fenced block below is this file, where the page's commands are run
    <!-- refused -->                 the YAML below is not a valid spec

`python tests/update_docs.py` writes what is generated, test_docs.py compares it and runs everything else.
"""

from __future__ import annotations

import atexit
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache, cached_property
from pathlib import Path
from typing import NamedTuple

import tables

from costcalc.api import exact
from costcalc.errors import Source
from costcalc.network import Network
from costcalc.spec import build_network, parse_document
from costcalc.spec.document import KEYS

ROOT = Path(__file__).resolve().parent.parent
REGION = re.compile(r"^<!-- generated: (?P<what>.+?) -->\n(?P<body>.*?)^<!-- end -->$", re.MULTILINE | re.DOTALL)
FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^ *```$", re.MULTILINE | re.DOTALL)
MARK = re.compile(r"<!-- (?P<mark>file: (?P<file>[\w.-]+)|refused) -->")
HYPERPARAMETERS = {"alpha": 1, "groups": 4}
STAND_IN = {  # what a part of a spec needs around it to be a whole one
    "costcalc": "costcalc: 1\n",
    "input": "input: [16, 56, 56]\n",
    "layers": "layers: [relu]\n",
}


class Block(NamedTuple):
    """A fenced block; `file` is the name it goes by, `refused` whether it must not be a valid spec."""

    language: str
    text: str
    start: int
    file: str | None
    refused: bool
    generated: bool

    @property
    def spec(self) -> str:
        """The text as a whole spec: a list is its layers, a mapping lacks what it does not have."""
        if self.text.startswith("- "):
            return STAND_IN["costcalc"] + self._declared() + STAND_IN["input"] + "layers:\n" + self.text
        keys = set(re.findall(r"^(\w+):", self.text, re.MULTILINE))
        assert keys <= set(KEYS), f"no part of a spec: {keys - set(KEYS)}"
        stand_in = STAND_IN | {"hyperparameters": self._declared()}
        before = "".join(stand_in[key] for key in ("costcalc", "hyperparameters", "input") if key not in keys)
        return before + self.text + ("" if "layers" in keys else STAND_IN["layers"])

    def _declared(self) -> str:
        """The usual hyper-parameters, those that the text uses."""
        used = [
            f"{name}: {value}" for name, value in HYPERPARAMETERS.items() if re.search(rf"\b{name}\b(?!:)", self.text)
        ]
        return f"hyperparameters: {{{', '.join(used)}}}\n"

    def network(self, settings: dict[str, str]) -> Network:
        """The network of the spec. Raises SpecError and UsageError."""
        document = parse_document(Source(self.file or "example.yaml", self.spec))
        return build_network(document, {name: exact(name, value) for name, value in settings.items()})


class Page:
    """One Markdown file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.relative_to(ROOT).as_posix()
        self.text = path.read_text(encoding="utf-8")

    @cached_property
    def blocks(self) -> list[Block]:
        """The fenced blocks in order."""
        return list(self._blocks())

    def _blocks(self) -> Iterator[Block]:
        regions = [m.span() for m in REGION.finditer(self.text)]
        position = 0
        for match in FENCE.finditer(self.text):
            marks = list(MARK.finditer(self.text, position, match.start()))
            position = match.end()
            generated = any(a < match.start() < b for a, b in regions)
            file = next((m["file"] for m in marks if m["file"]), None)
            text = textwrap.dedent(match["text"])
            refused = any(m["mark"] == "refused" for m in marks)
            yield Block(match["language"], text, match.start(), file, refused, generated)

    @cached_property
    def folder(self) -> Path:
        """A directory with the page's files and a `.venv/bin` that is this interpreter's, as a reader has it."""
        folder = Path(tempfile.mkdtemp(prefix="costcalc-docs-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        (folder / ".venv").mkdir()
        (folder / ".venv" / "bin").symlink_to(Path(sys.executable).parent)
        for block in self.blocks:
            if block.file:
                (folder / block.file).write_text(block.text, encoding="utf-8")
        return folder

    def regenerated(self) -> str:
        """The page with every generated part made anew."""
        regions = list(REGION.finditer(self.text))
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            made = list(pool.map(self._made, regions))
        parts, position = [], 0
        for region, body in zip(regions, made, strict=True):
            parts += [self.text[position : region.start("body")], f"\n{body}\n\n"]
            position = region.end("body")
        return "".join([*parts, self.text[position:]])

    def _made(self, region: re.Match[str]) -> str:
        what = region["what"]
        kind, _, rest = what.partition(" ")
        if kind == "table":
            return tables.TABLES[rest]().rstrip("\n")
        if kind == "nodes":
            yaml = [b for b in self.blocks if b.language == "yaml" and b.start < region.start()][-1]
            settings = dict(pair.split("=") for pair in rest.split())
            return fenced("text", tables.nodes(yaml.network(settings)))
        exits = re.match(r"exit (\d): ", what)
        code, command = (int(exits[1]), what[exits.end() :]) if exits else (0, what)
        return fenced("console", f"$ {command}\n{shell(command, self.folder, code)}")

    def code(self) -> list[tuple[str, str]]:
        """The Python of the page: `python` is a script, `pycon` a session, both in one process in this order."""
        return [(b.language, b.text) for b in self.blocks if b.language in ("python", "pycon")]


def fenced(language: str, text: str) -> str:
    """Text as a fenced block."""
    lines = "\n".join(line.rstrip() for line in text.rstrip("\n").split("\n"))
    return f"```{language}\n{lines}\n```"


def environment() -> dict[str, str]:
    """Where commands find costcalc, and print as into a pipe of a plain terminal."""
    kept = {k: v for k, v in os.environ.items() if k not in ("FORCE_COLOR", "NO_COLOR", "TERMINAL_WIDTH")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', '')}"
    return kept | {"PATH": path, "COLUMNS": "100", "LC_ALL": "C.UTF-8", "PYTHONUTF8": "1"}


@cache
def shell(command: str, folder: Path, code: int = 0) -> str:
    """What a command prints, words to stderr included, run in a folder; its exit code must be the expected one."""
    done = subprocess.run(
        ["sh", "-c", command], cwd=folder, env=environment(), text=True, check=False,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert done.returncode == code, f"`{command}` ended with {done.returncode}:\n{done.stdout}"
    return done.stdout


def pages() -> dict[str, Page]:
    """Every page by its name."""
    paths = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return {page.name: page for page in map(Page, paths)}


RUNNER = """
import doctest, json, sys
names = {"__name__": "__main__"}
for language, text in json.load(sys.stdin):
    if language == "python":
        exec(compile(text, "example", "exec"), names)
        continue
    example = doctest.DocTestParser().get_doctest(text, names, "example", None, 0)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    runner.run(example, clear_globs=False)
    names.update(example.globs)
    if runner.failures or not runner.tries:
        sys.exit(1)
"""


def run_code(page: Page) -> str:
    """Runs the Python of a page, in a process of its own; returns what went wrong."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", RUNNER], cwd=page.folder, env=environment(), text=True, check=False,
        input=json.dumps(page.code()), capture_output=True,
    )  # fmt: skip
    return "" if done.returncode == 0 else done.stdout + done.stderr

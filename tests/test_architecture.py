"""The house stands: who may import whom, what no module may do, and what a cold start may load.

Imports are read from the syntax tree, wherever they stand: inside functions and under TYPE_CHECKING count too, since a
type that points upwards is a dependency that points upwards.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "costcalc"
MAX_LINES = 350  # of one file: a module that needs more has two subjects

# A room imports from lower floors and from itself; nothing else.
FLOORS = {
    "version": 0,
    "number": 1, "errors": 1, "units": 1,
    "shape": 2, "census": 2, "expression": 2, "yamltree": 2, "textfile": 2,
    "kinds": 3, "budgets": 3, "tomltree": 3,
    "network": 4, "storage": 4,
    "spec": 5, "cost": 5, "execute": 5,
    "formulas": 5, "published": 6, "verify": 6, "explore": 6, "review": 6,
    "render": 7,
    "api": 8,  # `formula(...).text()` is what the command prints
    "cli": 9, "pytest_plugin": 9,
    "": 10, "__main__": 10,  # the package's face, which imports the API when a public name is first used
}  # fmt: skip
# A renderer gets finished values: of what counts it may see the record, and nothing that makes one.
RENDER_MAY_IMPORT = {"storage.record", "review.moved", "review.difference", "review.review", "review.record", "budgets.rule", "explore.formulated", "explore.conditions", "number.algebra", "budgets", "explore.fitted", "explore.explanation", "explore.instead", "formulas", "formulas.symbols", "number.polynomial", "census", "cost.report", "explore.comparison", "explore.contrast", "explore.found", "explore.swept", "errors", "network", "units", "verify", "version"}
CODE_RUNNERS = {"eval", "exec", "compile", "__import__", "sympify", "parse_expr", "lambdify", "literal_eval", "S"}
FOR_TESTS = {"dev", "crosscheck"}  # the other extras are what a command needs that few people call
INTERNAL_ASSERTS = {"spec.expand"}  # an impossible case that only the type checker must be told of

FILES = sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    """`kinds.base` of costcalc/kinds/base.py, `kinds` of its __init__, the empty name of the package itself."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


MODULES = {name_of(path): path for path in FILES}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in MODULES.items()}


def imported(tree: ast.Module) -> Iterator[str]:
    """Every module that a tree imports, by its full name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole.removeprefix("costcalc.") in MODULES else str(node.module)


def own(names: Iterator[str]) -> set[str]:
    """The modules of costcalc among them, without the package's name."""
    return {n.removeprefix("costcalc").removeprefix(".") for n in names if n == "costcalc" or n.startswith("costcalc.")}


IMPORTS = {name: own(imported(tree)) for name, tree in TREES.items()}


def room(module: str) -> str:
    return module.partition(".")[0]


def test_the_imports_are_seen():
    """The reader of imports reads something: a few that must be there."""
    assert {"errors", "units"} < IMPORTS["expression.syntax"]
    assert "number" in IMPORTS["expression.syntax"], "`from costcalc import number`"
    assert "api" in IMPORTS[""], "under TYPE_CHECKING"
    assert "render.data" in IMPORTS["render"], "inside a function"


def test_every_room_has_a_floor():
    assert {room(module) for module in MODULES} == set(FLOORS)


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_down(module):
    mine = FLOORS[room(module)]
    wrong = [m for m in IMPORTS[module] if room(m) != room(module) and FLOORS[room(m)] >= mine]
    assert not wrong, f"costcalc.{module} (floor {mine}) imports {wrong}, which are not below it"


def test_no_cycles():
    """No module imports itself by way of others. The package's face is left out: it imports when it is asked."""
    state: dict[str, str] = {}

    def visit(module: str, trail: tuple[str, ...]) -> None:
        assert state.get(module) != "open", f"a cycle: {' -> '.join([*trail, module])}"
        if module in state:
            return
        state[module] = "open"
        for other in IMPORTS[module] - {""}:
            visit(other, (*trail, module))
        state[module] = "done"

    for module in MODULES:
        visit(module, ())


def test_rendering_does_not_count():
    for module in (m for m in MODULES if room(m) == "render"):
        foreign = {m for m in IMPORTS[module] if room(m) != "render"}
        assert foreign <= RENDER_MAY_IMPORT, f"costcalc.{module} imports {foreign - RENDER_MAY_IMPORT}"


# counts are made of plain numbers: one file evaluates them in arrays, one does algebra with them
NUMBERS = {"sympy": {"number.algebra"}, "numpy": {"number.tape"}}


@pytest.mark.parametrize("library", NUMBERS)
def test_number_types_live_in_one_room(library):
    users = {name for name, tree in TREES.items() if any(room(m) == library for m in imported(tree))}
    assert users, f"nobody imports {library}; drop it from the dependencies"
    # the executor computes values, and counts nothing in floats; design points are columns of exact integers
    runs = {"execute", "explore"} if library == "numpy" else set()
    assert {name if room(name) == "number" else room(name) for name in users} == NUMBERS[library] | runs, users


def test_third_parties_stay_where_they_belong():
    """YAML is read in one file, the terminal drawn in one, the command line parsed in one room."""
    homes = {
        "yaml": {"yamltree"}, "rich": {"render.terminal"}, "typer": {m for m in MODULES if room(m) == "cli"},
        "matplotlib": {"render.plot"}, "pyarrow": {"render.parquet"}, "distributed": {"explore.cluster"},
        "pytest": {"pytest_plugin"},
    }  # fmt: skip
    for library, allowed in homes.items():
        users = {name for name, tree in TREES.items() if any(room(m) == library for m in imported(tree))}
        assert users <= allowed, f"{library} is imported by {users - allowed}"


def calls(tree: ast.Module) -> Iterator[str]:
    """What is called in a tree, as it is written: `print`, `sys.exit`, `.update` where the owner is no plain name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.func.id
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield f"{node.func.value.id if isinstance(node.func.value, ast.Name) else ''}.{node.func.attr}"


@pytest.mark.parametrize("module", MODULES)
def test_no_code_is_run_from_text(module):
    run = {call for call in calls(TREES[module]) if call.rpartition(".")[2] in CODE_RUNNERS}
    assert not run - {"re.compile"}


@pytest.mark.parametrize("module", [m for m in MODULES if room(m) != "cli"])
def test_only_the_command_line_speaks(module):
    """Everything else returns values and raises: nothing prints, nothing ends the process."""
    assert not {"print", "breakpoint", "input", "exit", "quit", "sys.exit"} & set(calls(TREES[module]))


def bodies(folder: str) -> Iterator[tuple[str, str]]:
    """What each function of a package does, without its documentation, and where it is."""
    for path in sorted((PACKAGE / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                yield "\n".join(map(ast.unparse, body)), f"{path.stem}.{node.name}"


@pytest.mark.parametrize(("folder", "most"), [("execute/kernels", 1), ("execute/literal", 1), ("kinds", 3)])
def test_families_share_what_they_have_in_common(folder, most):
    """What several do is written once; kinds, which cannot all share a base, have short methods alike."""
    places = defaultdict(list)
    for body, place in bodies(folder):
        places[body].append(place)
    assert not [found for body, found in places.items() if len(found) > most and len(body) > 30]


@pytest.mark.parametrize("folder", ["execute/kernels", "execute/literal", "kinds"])
def test_private_classes_have_names_of_their_own(folder):
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in (PACKAGE / folder).rglob("*.py")]
    names = [node.name for tree in trees for node in tree.body if isinstance(node, ast.ClassDef)]
    assert sorted(names) == sorted(set(names))


def test_no_assert_stands_for_a_users_mistake():
    found = {name for name, tree in TREES.items() for node in ast.walk(tree) if isinstance(node, ast.Assert)}
    assert found <= INTERNAL_ASSERTS


@pytest.mark.parametrize("module", [m for m in MODULES if FLOORS[room(m)] <= 6 and room(m) != "execute"])
def test_no_float_takes_part_in_a_count(module):
    floats = [n for n in ast.walk(TREES[module]) if isinstance(n, ast.Constant) and isinstance(n.value, float)]
    # difflib's cutoff is the similarity of two words
    found = [node.value for node in floats if (module, node.value) != ("errors", 0.6)]
    assert not found
    assert "float" not in set(calls(TREES[module])) or module == "network", "the JSON form of a fraction is its alone"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_says_why_it_exists(path):
    text = path.read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(text)), "a module begins with a docstring"
    assert len(text.splitlines()) <= MAX_LINES, f"more than {MAX_LINES} lines"


TELL = "sys.stderr.write('\\n'.join(sys.modules))"
COLD = f"""
import sys
sys.argv = ['costcalc', *sys.argv[1:]]
from costcalc.cli import main
try:
    main()
finally:
    {TELL}
"""


def loaded(code: str, *arguments: str, **environment: str) -> set[str]:
    """The top-level modules that a fresh interpreter has loaded after running the code, from its stderr."""
    clean = {k: v for k, v in os.environ.items() if k not in ("FORCE_COLOR", "NO_COLOR", "PYTHONPATH")}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True, env=clean | environment
    )
    modules = done.stderr.split("\n")
    assert "costcalc" in modules, done.stderr
    return {name.partition(".")[0] for name in modules}


@pytest.mark.parametrize("convention", ["paper", "flops"])
@pytest.mark.parametrize("format", ["json", "csv", "table"])
def test_a_cold_report_is_light(format, convention):
    modules = loaded(COLD, "report", "mobilenet_v1", "--format", format, "--convention", convention)
    assert "yaml" in modules
    assert not modules & {"sympy", "numpy", "pydantic", "rich", "hypothesis"}


@pytest.mark.parametrize(
    "arguments",
    [("report", "mobilenet_v1", "--baseline", "standard"), ("compare", "mobilenet_v1:alpha=0.5", "mobilenet_v2")],
    ids=["report", "compare"],
)
def test_networks_are_laid_side_by_side_without_libraries_of_numbers(arguments):
    assert not loaded(COLD, *arguments) & {"sympy", "numpy", "pydantic", "rich"}


@pytest.mark.parametrize("format", ["text", "json", "latex"])
def test_a_cold_explanation_is_light(format):
    """The ratios of the paper take no more than subtracting powers."""
    modules = loaded(COLD, "explain", "mobilenet_v1", "stage7/1/depthwise", "--format", format)
    assert not modules & {"sympy", "numpy", "pydantic", "rich"}


@pytest.mark.parametrize("format", ["text", "md", "latex", "json", "python", "javascript"])
def test_a_cold_formula_is_light(format):
    assert not loaded(COLD, "formula", "mobilenet_v1", "--format", format) & {"sympy", "numpy", "pydantic", "rich"}


def test_a_cold_table_for_a_terminal_is_light():
    modules = loaded(COLD, "report", "mobilenet_v1", "--alpha", "0.35", FORCE_COLOR="1")
    assert "rich" in modules, "the terminal's table is rich's"
    assert not modules & {"sympy", "numpy", "pydantic"}


def test_a_report_loads_the_kinds_of_its_network():
    code = f"import sys, costcalc\ncostcalc.load('mobilenet_v1').report()\n{TELL}"
    clean = {k: v for k, v in os.environ.items() if k != "FORCE_COLOR"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=clean)
    families = {m.rpartition(".")[2] for m in done.stderr.split("\n") if m.startswith("costcalc.kinds.")}
    own = {"attributes", "base", "registry", "window"}
    assert families - own == {"convolution", "linear", "pooling", "pointwise"}


def test_importing_the_package_loads_nothing_heavy():
    modules = loaded(f"import sys, costcalc\ncostcalc.__version__\n{TELL}")
    assert not modules & {"sympy", "numpy", "yaml", "typer", "rich"}


def test_the_api_counts_without_libraries_of_numbers():
    code = f"import sys, costcalc\ncostcalc.load('mobilenet_v2', alpha=0.35).report()\n{TELL}"
    assert not loaded(code) & {"sympy", "numpy", "typer", "rich"}


def test_bundled_files_are_found_from_anywhere(tmp_path):
    """Specs, conventions and the first spec are found by the package, not by the working directory."""
    code = """
import costcalc
from costcalc.cost import conventions
from costcalc.spec import bundled
print(*bundled(), *conventions())
print(costcalc.load('mobilenet_v1.yaml').report('flops').totals.params)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path,
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
    )  # fmt: skip
    names, params = done.stdout.splitlines()
    expected = [p.stem for folder in ("specs", "costcalc/conventions") for p in sorted((ROOT / folder).glob("*.yaml"))]
    assert names.split() == expected
    assert int(params) == 4_231_976


def test_what_is_packaged_exists():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    build = project["tool"]["hatch"]["build"]["targets"]
    assert build["wheel"]["packages"] == ["costcalc"]
    assert build["wheel"]["force-include"]["specs"] == "costcalc/specs", "where `spec/locate.py` looks in a wheel"
    assert not (PACKAGE / "specs").exists(), "in a checkout it would hide the specs beside the package"
    missing = [name for name in build["sdist"]["include"] if not (ROOT / name).exists()]
    assert not missing, f"pyproject.toml lists {missing}"
    assert (PACKAGE / "py.typed").exists()


def test_what_is_imported_is_declared():
    """Every third-party module is a dependency, and every dependency is imported."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [d for name, needed in project["optional-dependencies"].items() if name not in FOR_TESTS for d in needed]
    declared = {re.match(r"[\w-]+", d)[0] for d in (*project["dependencies"], *extras)}
    distribution = {"yaml": "pyyaml"}
    used = {room(m) for tree in TREES.values() for m in imported(tree)} - set(sys.stdlib_module_names) - {"costcalc"}
    used -= {"pytest"}  # which alone imports the plugin
    assert {distribution.get(name, name) for name in used} == declared

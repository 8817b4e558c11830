"""The bundled specs are found from any directory: in a wheel, in an sdist's wheel, in a checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
RUN = "from costcalc.cli import main; main()"


def built(target: str, source: Path, folder: Path) -> Path:
    """The file that hatchling builds from a source tree."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(folder)],
        cwd=source,
        check=True,
        capture_output=True,
    )
    return next(folder.iterdir())


def totals(package: Path, elsewhere: Path, spec: str = "mobilenet_v1.yaml") -> dict[str, int]:
    """The totals that a costcalc in `package` reports, run in another directory."""
    environment = os.environ | {"PYTHONPATH": str(package)}
    command = [sys.executable, "-c", RUN, "report", spec, "--alpha", "0.75", "--format", "json"]
    output = subprocess.run(command, cwd=elsewhere, env=environment, check=True, capture_output=True).stdout
    return json.loads(output)["totals"]


def unpacked(wheel: Path, folder: Path) -> Path:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked sdist of this checkout."""
    folder = tmp_path_factory.mktemp("sdist")
    with tarfile.open(built("sdist", ROOT, folder / "dist")) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    return next((folder / "unpacked").iterdir())


def test_a_wheel_has_the_specs_and_data(tmp_path: Path) -> None:
    package = unpacked(built("wheel", ROOT, tmp_path / "dist"), tmp_path / "site")
    bundled = {path.name for path in (package / "costcalc" / "specs").glob("*.yaml")}
    assert bundled == {path.name for path in (ROOT / "specs").glob("*.yaml")}
    for name in ("py.typed", "conventions/paper.yaml", "conventions/flops.yaml", "spec/first_spec.yaml"):
        assert (package / "costcalc" / name).is_file(), name
    found = totals(package, tmp_path)
    assert (found["params"], found["madds"]) == (2585560, 325400448)
    assert totals(package, tmp_path, "mobilenet_v1") == found


def test_an_sdist_builds_the_same_wheel(sdist: Path, tmp_path: Path) -> None:
    package = unpacked(built("wheel", sdist, tmp_path / "dist"), tmp_path / "site")
    found = totals(package, tmp_path)
    assert (found["params"], found["madds"]) == (2585560, 325400448)


def test_an_sdist_is_a_checkout_that_works(sdist: Path, tmp_path: Path) -> None:
    assert (sdist / "README.md").is_file() and (sdist / "LICENSE").is_file() and (sdist / "tests").is_dir()
    found = totals(sdist, tmp_path)
    assert (found["params"], found["madds"]) == (2585560, 325400448)


def test_a_checkout_finds_its_specs(tmp_path: Path) -> None:
    found = totals(ROOT, tmp_path)
    assert (found["params"], found["madds"]) == (2585560, 325400448)


def test_the_schema_beside_the_specs_is_up_to_date() -> None:
    """The first line of every bundled spec points there; `costcalc schema -o specs/costcalc.schema.json` writes it."""
    from costcalc.spec.schema import schema

    assert json.loads((ROOT / "specs" / "costcalc.schema.json").read_text()) == schema()

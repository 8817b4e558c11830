"""Plots of sweeps: what is drawn where, in a picture and in the terminal; that nothing in a name acts; same bytes."""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from printed import SPECS

import costcalc
from costcalc import UsageError
from costcalc.explore.swept import Point
from costcalc.render.chart import MAX_LINES, Chart, chart, choose_x, round_ticks, short, spaced, tick
from costcalc.render.plot import MARKERS, write_plot
from costcalc.render.sketch import HEIGHT, LETTERS, sketch

Cli = Callable[..., Any]
GRID = ("sweep", "mobilenet_v1", "--alpha", "0.25:1:0.25", "--resolution", "128:224:32")
SMALL = str(SPECS / "small.yaml")
EVIL = r"$\frac{1}{2}$ <script>alert(1)</script> & --> ]]> %s {x} \e[31m __x__ " + "\u202e"
HOSTILE = f"""\
costcalc: 1
name: {json.dumps(EVIL)}
source: {json.dumps("$x^2$ </svg><svg onload=alert(1)> " + EVIL)}
hyperparameters:
  __init__: 1
  rule: {{default: plain, choices: [plain, loud]}}
input: [3, 8, 8]
layers:
  - conv: {{out: 8*__init__ if rule == plain else 9*__init__}}
"""


def drawn(x: str | None = None, y: str = "madds", spec: str = "mobilenet_v1", **axes: Any) -> Chart:
    sweep = costcalc.load(spec).sweep(axes, totals=[y])
    return chart(sweep.outline, list(sweep), choose_x(sweep.outline, x), y)


# -- what is drawn --------------------------------------------------------------------------------------------------


def test_lines_and_points() -> None:
    found = drawn(alpha="0.5,1", resolution="224,128,160")
    assert (found.title, found.below, found.x, found.key) == ("MobileNet V1", ("classes 1000",), "resolution", "alpha")
    assert (found.xs, found.labels, found.places) == ((128, 160, 224), ["128", "160", "224"], (128, 160, 224))
    assert [line.label for line in found.lines] == ["0.5", "1"]
    assert found.lines[1].points == ((0, 186_400_768), (1, 290_675_200), (2, 568_740_352))
    assert found.y == "MAdds (convention paper)"
    assert found.source.startswith("Howard et al. 2017, arXiv:1704.04861, Table 1; mobilenet_v1, costcalc ")


def test_which_hyperparameter_is_x() -> None:
    assert drawn(alpha="0.5,1", resolution="128,160,192").x == "resolution"
    assert drawn(alpha="0.25,0.5,1", resolution="128,160").x == "alpha"
    assert drawn(resolution="128,160", alpha="0.5,1").x == "alpha", "of as many values, the last"
    assert drawn("resolution", resolution="128,160", alpha="0.25,0.5,1").x == "resolution"
    assert drawn(spec=SMALL, alpha="0.5,1", rule="tf,torch").x == "alpha", "a number before words"
    words = drawn(spec=SMALL, rule="torch,tf")
    assert (words.x, words.labels, words.places, words.numeric) == ("rule", ["torch", "tf"], (0, 1), False)
    assert (words.x_log, words.key, [line.label for line in words.lines]) == (False, "", [""])
    both = drawn(spec=SMALL, alpha="0.5,1,2", wide="true,false", rule="tf,torch")
    assert [line.label for line in both.lines][:2] == ["wide true, rule tf", "wide true, rule torch"]


def test_which_axes_are_logarithmic(tmp_path: Path) -> None:
    assert (lambda c: (c.x_log, c.y_log))(drawn(resolution="128:224:32")) == (True, True)
    assert (lambda c: (c.x_log, c.y_log))(drawn(resolution="192,224")) == (False, False)
    assert (lambda c: (c.x_log, c.y_log))(drawn(alpha="0.25,1", spec=SMALL)) == (True, True)
    options = str(SPECS / "options.yaml")
    assert (lambda c: (c.x_log, c.y_log))(drawn(shift="-4,1,90", spec=options)) == (False, True)
    path = tmp_path / "none.yaml"
    path.write_text("costcalc: 1\nhyperparameters: {n: 1}\ninput: [3, 8]\nlayers: [conv: {out: 9*n, kernel: 1, only_if: n > 1}, relu]\n")
    nothing = drawn(n="1,2,3", spec=str(path))
    assert [n for _, n in nothing.lines[0].points] == [0, 18 * 24, 27 * 24]
    assert (nothing.x_log, nothing.y_log) == (False, False), "0 has no logarithm"


def test_points_that_cannot_be_drawn() -> None:
    """0.02*32 channels are none: the line goes without them, and the plot says so."""
    found = drawn(alpha="0.02,0.5,1")
    assert [x for x, _ in found.lines[0].points] == [1, 2]
    assert found.below == ("resolution 224, classes 1000", "1 of 3 points cannot be built")
    gone = drawn("resolution", alpha="0.02,1", resolution="128,160,192")
    assert [(line.label, len(line.points)) for line in gone.lines] == [("0.02 (cannot be built)", 0), ("1", 3)]


def test_lower_bounds_are_said(tmp_path: Path) -> None:
    path = tmp_path / "partial.yaml"
    path.write_text("costcalc: 1\nhyperparameters: {n: 1}\ninput: [3, 8]\nlayers: [conv: {out: n}, opaque: {op: nms}]\n")
    assert drawn(spec=str(path), n="1,2").below == ("2 of 2 are lower bounds: not every layer is counted",)


def test_a_total_beyond_all_paper() -> None:
    sweep = costcalc.load("mobilenet_v1").sweep(alpha="1,2", totals=["madds"])
    points = [Point({"alpha": alpha}, {"madds": 10**400}) for alpha in (1, 2)]
    with pytest.raises(UsageError, match="too large to be drawn"):
        chart(sweep.outline, points, "alpha", "madds")


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0"), (7, "7"), (999, "999"), (1000, "1.00k"), (1005, "1.01k"), (1004, "1.00k"), (9_995, "10.0k"),
        (9_994, "9.99k"), (99_950, "100k"), (999_499, "999k"), (999_500, "1.00M"), (568_740_352, "569M"),
        (41_030_272, "41.0M"), (4_231_976, "4.23M"), (10**12, "1.00T"), (10**26, "100Y"), (123 * 10**25, "1.23e27"),
    ],
)  # fmt: skip
def test_three_digits(count: int, text: str) -> None:
    assert short(count) == text


def test_numbers_on_an_axis() -> None:
    assert [tick(count) for count in (0, 5, 50_000_000, 2_500, 10**9, 100, 1_000, 10**28)] == [
        "0", "5", "50M", "2.5k", "1G", "100", "1k", "1.00e28",
    ]  # fmt: skip
    assert round_ticks(13_570_048, 568_740_352, log=True) == [n * 10**6 for n in (20, 30, 50, 70, 100, 200, 300, 500)]
    assert round_ticks(1, 10**12, log=True) == [10**0, 10**2, 10**4, 10**6, 10**8, 10**10, 10**12]
    assert round_ticks(418, 569, log=False) == [420, 440, 460, 480, 500, 520, 540, 560]
    assert round_ticks(0, 7, log=False) == [0, 1, 2, 3, 4, 5, 6, 7]
    assert round_ticks(5, 5, log=False) == [5]


@given(st.integers(1, 10**15), st.integers(0, 10**15), st.booleans())
def test_marks_lie_on_the_axis(least: int, more: int, log: bool) -> None:
    most = least + more if not log else 3 * least + more
    marks = round_ticks(least, most, log)
    assert len(marks) <= 8
    assert marks == sorted(set(marks))
    assert all(least <= mark <= most for mark in marks)
    assert all(len(str(mark).rstrip("0")) <= len(str(most)) for mark in marks)
    assert marks or not log


def test_spaced() -> None:
    assert spaced([], 10) == []
    assert spaced([0], 10) == [0]
    assert spaced([0, 5, 10, 14, 20], 10) == [0, 2, 4]
    assert spaced([0, 5], 10) == [0]
    assert spaced([0, 10, 18, 20], 10) == [0, 1, 3]


# -- pictures -------------------------------------------------------------------------------------------------------


def figure(found: Chart) -> Any:
    pytest.importorskip("matplotlib")
    from costcalc.render import plot

    return plot._draw(found)


def test_a_picture_shows_the_counts() -> None:
    found = drawn(alpha="0.25:1:0.25", resolution="128:224:32")
    (axes,) = figure(found).axes
    assert [list(line.get_xdata()) for line in axes.get_lines()] == [[128, 160, 192, 224]] * 4
    assert [list(line.get_ydata()) for line in axes.get_lines()] == [[n for _, n in line.points] for line in found.lines]
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert [label.get_text() for label in axes.get_xticklabels()] == ["128", "160", "192", "224"]
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "20M", "30M", "50M", "70M", "100M", "200M", "300M", "500M",
    ]  # fmt: skip
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("resolution", "MAdds (convention paper)")
    assert axes.get_title(loc="left") == "MobileNet V1\nclasses 1000"
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["1", "0.75", "0.5", "0.25"]
    assert axes.get_legend().get_title().get_text() == "alpha"
    assert {text.get_text() for text in axes.texts} == {short(n) for line in found.lines for _, n in line.points}


def test_lines_differ_without_colour() -> None:
    """In marker and dash both; and each is dark enough: at most half as bright as the paper."""
    (axes,) = figure(drawn("resolution", alpha="0.1:1.2:0.1", resolution="128:224:32")).axes
    lines = axes.get_lines()
    looks = {(line.get_marker(), str(line.get_linestyle()), str(line._dash_pattern)) for line in lines}
    assert len(looks) == len(lines) == 12
    assert len(set(MARKERS)) == len(MARKERS)
    brightness = [sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), line.get_color()[:3], strict=True)) for line in lines]
    assert brightness == sorted(brightness)
    assert max(brightness) < 0.6


@pytest.mark.parametrize(
    "axes",
    [
        {"alpha": "0.25:1:0.25", "resolution": "128:224:32"},
        {"alpha": "0.5,0.51,0.52", "resolution": "128:224:8"},
        {"alpha": "0.9,1", "resolution": "220:230:1"},
    ],
)
def test_no_number_hides_another(axes: dict[str, str]) -> None:
    picture = figure(drawn("resolution", **axes))
    (area,) = picture.axes
    boxes = [text.get_window_extent() for text in area.texts]
    assert boxes
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
    marks = [label.get_window_extent() for label in area.get_xticklabels()]
    assert not any(a.overlaps(b) for a, b in itertools.combinations(marks, 2))


def test_words_are_not_joined_by_lines() -> None:
    (axes,) = figure(drawn(spec=SMALL, rule="tf,torch", wide="true,false", x="rule")).axes
    assert [line.get_linestyle() for line in axes.get_lines()] == ["None", "None"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["tf", "torch"]


ELEMENTS = {"svg", "metadata", "RDF", "Work", "type", "format", "title", "defs", "style", "g", "path", "use", "clipPath", "rect"}


def test_svg(tmp_path: Path, cli: Cli) -> None:
    pytest.importorskip("matplotlib")
    paths = [tmp_path / name for name in ("a.svg", "b.svg")]
    for path in paths:
        assert tuple(cli(*GRID, "--plot", str(path))) == (0, "", "")
    text = paths[0].read_text(encoding="utf-8")
    assert text == paths[1].read_text(encoding="utf-8")
    assert {element.tag.rpartition("}")[2] for element in ET.fromstring(text).iter()} <= ELEMENTS
    assert not re.search(r"20\d\d-\d\d-\d\d", text), "no date"
    for label in ("MobileNet V1", "500M", "128", "resolution", "alpha", "0.75", "MAdds (convention paper)"):
        assert f"<!-- {label} -->" in text


def test_png(tmp_path: Path, cli: Cli) -> None:
    pytest.importorskip("matplotlib")
    paths = [tmp_path / name for name in ("a.png", "b.png")]
    for path in paths:
        assert tuple(cli(*GRID, "--plot", str(path), "--y", "params", "--convention", "flops")) == (0, "", "")
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert paths[0].read_bytes().startswith(b"\x89PNG")
    assert b"matplotlib" not in paths[0].read_bytes().lower()


def test_the_settings_of_a_machine_change_nothing(tmp_path: Path, cli: Cli) -> None:
    pytest.importorskip("matplotlib")
    settings = tmp_path / "matplotlibrc"
    settings.write_text("axes.facecolor: red\nfont.size: 30\nsvg.fonttype: none\ntext.usetex: True\nlines.linewidth: 9\n")
    cli(*GRID, "--plot", str(tmp_path / "a.svg"))
    subprocess.run(
        [sys.executable, "-m", "costcalc", *GRID, "--plot", str(tmp_path / "b.svg")], check=True,
        env=os.environ | {"MATPLOTLIBRC": str(settings)},
    )  # fmt: skip
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_wrong_settings_of_a_machine_are_told(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    done = subprocess.run(
        [sys.executable, "-m", "costcalc", *GRID, "--plot", str(tmp_path / "a.svg")], check=False, capture_output=True,
        env=os.environ | {"MPLBACKEND": "nonsense"}, text=True,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("error: matplotlib cannot be loaded: ")
    assert "MPLBACKEND" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_names_do_not_act_in_a_picture(tmp_path: Path, cli: Cli) -> None:
    pytest.importorskip("matplotlib")
    (tmp_path / "hostile.yaml").write_text(HOSTILE, encoding="utf-8")
    arguments = ("--set", "__init__=1,2,3", "--rule", "plain,loud")
    for name in ("a.svg", "a.png"):
        assert tuple(cli("sweep", str(tmp_path / "hostile.yaml"), *arguments, "--plot", str(tmp_path / name))) == (0, "", "")
    text = (tmp_path / "a.svg").read_text(encoding="utf-8")
    tree = ET.fromstring(text)
    assert {element.tag.rpartition("}")[2] for element in tree.iter()} <= ELEMENTS
    assert not [name for element in tree.iter() for name in element.attrib if name.startswith("on")]
    assert r"<!-- $\frac{1}{2}$ &lt;script&gt;" in text, "a dollar is a dollar"
    assert all(line.isprintable() for line in text.split("\n"))
    assert "<!-- __init__ -->" in text


# -- in the terminal ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [30, 40, 80, 133])
@pytest.mark.parametrize("unicode", [True, False], ids=["braille", "ascii"])
def test_a_sketch_fits(width: int, unicode: bool) -> None:
    found = drawn(alpha="0.25:1:0.25", resolution="128:224:32")
    text = sketch(found, width, unicode)
    lines = text.split("\n")
    assert max(map(len, lines)) <= width
    assert text.isascii() != unicode
    assert all(line == line.rstrip() and line.isprintable() for line in lines)
    area = [line for line in lines if re.match(r"^ *[\d.]*[kMG]? [|│]", line)]
    assert len(area) == HEIGHT
    cells = "".join(re.split("[|│]", line)[1] for line in area)
    assert {letter: cells.count(letter) for letter in "abcd"} == dict.fromkeys("abcd", 4)
    assert all(f"{letter} alpha {value}" in text for letter, value in zip("abcd", ("0.25", "0.5", "0.75", "1"), strict=True))
    assert {"128", "224"} <= set(lines[lines.index(area[-1]) + 2].split())


def test_a_sketch_shows_the_counts() -> None:
    """On linear axes the cells of the letters are where the numbers say."""
    base = drawn(resolution="192,224")
    found = base._replace(xs=(0, 1, 2, 4), x_log=False, y_log=False, lines=(base.lines[0]._replace(
        points=((0, 0), (1, 17), (2, 34), (3, 68))),))  # fmt: skip
    rows = [line.split("|")[1] for line in sketch(found, 71, unicode=False).split("\n") if "|" in line]
    places = {(column, HEIGHT - 1 - row) for row, line in enumerate(rows) for column, c in enumerate(line) if c == "a"}
    width = 71 - len("60") - 3
    assert places == {(0, 0), (round((width - 1) / 4), 4), (round((width - 1) / 2), 8), (width - 1, 17)}


def test_points_in_one_place_are_a_star() -> None:
    text = sketch(drawn("resolution", resolution="128,224", alpha="0.5,1"), 60, False)
    same = sketch(drawn("classes", y="params", resolution="128,224", classes="10,11"), 60, False)
    assert "*" not in text
    assert same.count("*") == 2


def test_a_plot_in_the_terminal_needs_no_library(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    run = cli(*GRID, "--plot", "-", COLUMNS="66")
    assert (run.code, run.err) == (0, "")
    assert run.out == sketch(drawn(alpha="0.25:1:0.25", resolution="128:224:32"), 66)
    ascii_ = subprocess.run(
        [sys.executable, "-m", "costcalc", *GRID, "--plot", "-"], capture_output=True, check=True,
        env=os.environ | {"PYTHONIOENCODING": "ascii", "COLUMNS": "66"},
    )  # fmt: skip
    assert ascii_.stdout.decode("ascii") == sketch(drawn(alpha="0.25:1:0.25", resolution="128:224:32"), 66, False)


def test_names_do_not_act_in_the_terminal(tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "hostile.yaml").write_text(HOSTILE, encoding="utf-8")
    run = cli("sweep", str(tmp_path / "hostile.yaml"), "--set", "__init__=1,2", "--rule", "plain,loud", "--plot", "-")
    assert run.code == 0
    assert all(line.isprintable() for line in run.out.split("\n"))


def test_every_line_has_a_letter() -> None:
    assert len(LETTERS) == len(set(LETTERS)) == MAX_LINES


# -- the command ----------------------------------------------------------------------------------------------------


def test_a_plot_and_the_points(tmp_path: Path, cli: Cli) -> None:
    pytest.importorskip("matplotlib")
    picture, data = tmp_path / "a.svg", tmp_path / "a.csv"
    assert tuple(cli(*GRID, "--plot", str(picture), "-o", str(data))) == (0, "", "")
    assert data.read_text() == cli(*GRID, "--format", "csv").out
    run = cli(*GRID, "--plot", str(picture), "--format", "csv")
    assert run.out == data.read_text()
    both = cli(*GRID, "--plot", "-", "-o", str(data))
    assert both.out == cli(*GRID, "--plot", "-").out
    added = cli(*GRID, "--plot", str(picture), "--y", "activations", "--format", "csv")
    assert added.out.startswith("alpha,resolution,params,madds,activations,")


@pytest.mark.parametrize(
    ("options", "label"),
    [
        ((), "MAdds (convention paper)"),
        (("--convention", "flops"), "FLOPs (convention flops)"),
        (("--convention", "flops", "--y", "madds"), "MAdds (convention paper)"),
        (("--y", "params"), "parameters"),
        (("--totals", "params"), "parameters"),
        (("--y", "peak_activation", "--dtype", "int8"), "peak activation, bytes as int8"),
        (("--y", "activations"), "activations, elements"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_the_axis_says_what_is_counted(options: tuple[str, ...], label: str, cli: Cli) -> None:
    assert f"\n{label}" in cli(*GRID, "--plot", "-", *options).out


@pytest.mark.parametrize(
    ("arguments", "message", "help_"),
    [
        (("--plot", "a.svg", "--plot", "b.svg"), "`--plot` is there twice", "one run draws one plot"),
        (("--plot", "out.gif"), "`out.gif` is no plot that can be drawn", "ends in .svg or .png, or - to draw"),
        (("--plot", "svg"), "`svg` is no plot that can be drawn", "ends in .svg or .png"),
        (("--x", "alpha"), "`--x` is of a plot, and there is none", "add `--plot FILE`"),
        (("--y", "params"), "`--y` is of a plot, and there is none", "add `--plot FILE`"),
        (("--plot", "-", "--x", "resolutoin"), "`resolutoin` is not swept", "did you mean `resolution`?"),
        (("--plot", "-", "--x", "classes"), "`classes` is not swept", "several values here: `alpha`, `resolution`"),
        (("--plot", "-", "--y", "flops"), "unknown total `flops`", "known: `params`"),
        (("--plot", "-", "--format", "csv"), "the plot and the points cannot both go to stdout", "write one to a file"),
        (("--plot", "-", "--classes", "1:7:1"), "a plot over `classes` would have 16 lines", ""),
        (("--plot", "-", "--classes", "1:3:1", "--x", "classes"), "", ""),
        (("--plot", "missing/a.svg"), "cannot write `missing/a.svg`: No such file or directory", ""),
        (("--plot", "a.svg", "-o", "./a.svg"), "`./a.svg` is named for the plot and for the points", "choose two files"),
    ],
)  # fmt: skip
def test_refused(
    arguments: tuple[str, ...], message: str, help_: str, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if any(name.endswith("svg") for name in arguments):
        pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("costcalc.render.chart.MAX_LINES", 15 if "1:7:1" in arguments else MAX_LINES)
    run = cli(*GRID, *arguments)
    assert run.code == (2 if message else 0)
    assert not message or (run.out == "" and run.err.startswith(f"error: {message}"))
    assert help_ in run.err
    assert list(tmp_path.iterdir()) == []


def test_one_point_is_no_plot(cli: Cli) -> None:
    run = cli("sweep", "mobilenet_v1", "--alpha", "1", "--plot", "-")
    assert (run.code, run.err.startswith("error: a plot of one point shows nothing")) == (2, True)


def test_a_failed_plot_leaves_what_was_there(tmp_path: Path, cli: Cli) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "a.svg"
    path.write_text("before")
    assert cli("sweep", "mobilenet_v1", "--alpha", "0.01,0.02", "--plot", str(path)).code == 2
    assert (path.read_text(), len(list(tmp_path.iterdir()))) == ("before", 1)


def test_exact_numbers_reach_the_drawing() -> None:
    """The record is exact; only coordinates are floats."""
    found = drawn(alpha="1/3,2/3")
    assert found.xs == (Fraction(1, 3), Fraction(2, 3))
    assert all(type(count) is int for line in found.lines for _, count in line.points)
    assert callable(write_plot)

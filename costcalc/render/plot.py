"""A sweep as a picture, SVG or PNG, the same bytes for the same sweep. The only file that knows matplotlib.

Lines differ in shade, dash and marker, so that they can be told apart without colour; the shades are dark enough for
print. Nothing of a spec acts: text is drawn as it is, never as mathematics, and in an SVG as outlines.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from typing import IO, Any

from costcalc.errors import Problem, UsageError
from costcalc.render.chart import Chart, Scale, round_ticks, short, spaced, tick

FORMATS = ("svg", "png")
MARKERS = "os^DvPX*<>pdh8H"
DASHES: tuple[Any, ...] = ("-", (0, (6, 2)), (0, (2, 1.5)), (0, (6, 2, 1.5, 2)))
SHADES = (0.0, 0.66)  # the part of the colour map that is dark enough on white
MAX_MARKED = 60  # points of a line that have markers
MAX_TICKS = 60  # marks that are tried on the axis of x
MAX_LABELLED = 60  # points that have their numbers beside them, where there is room
SETTINGS = {
    "font.family": "DejaVu Sans",  # comes with matplotlib
    "font.size": 9.0,
    "text.parse_math": False,
    "text.usetex": False,
    "svg.fonttype": "path",
    "svg.hashsalt": "costcalc",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "path.simplify": False,
}


def library() -> Any:
    """The library. Raises UsageError where it is not installed."""
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # what it says of fonts and folders helps nobody here
    try:
        import matplotlib as mpl
    except ImportError:
        raise UsageError(
            Problem("a plot needs matplotlib, which is not installed", None, "pip install 'costcalc[plot]'")
        ) from None
    except ValueError as error:  # it reads settings of this machine before anybody can tell it not to
        help_ = "look at MPLBACKEND and MATPLOTLIBRC in the environment"
        raise UsageError(Problem(f"matplotlib cannot be loaded: {error}", None, help_)) from None
    return mpl


def write_plot(chart: Chart, file: IO[bytes], format: str) -> None:
    """Draws the chart, in one of FORMATS."""
    mpl = library()
    metadata = {"Date": None, "Creator": None, "Title": chart.title} if format == "svg" else {"Software": None}
    with warnings.catch_warnings(), mpl.rc_context():
        warnings.simplefilter("ignore")  # of signs that the font does not have
        mpl.rcParams.update(mpl.rcParamsDefault)  # not what this machine is set to
        mpl.rcParams.update(SETTINGS)
        figure = _draw(chart)
        figure.savefig(file, format=format, dpi=150, metadata=metadata)


def _draw(chart: Chart) -> Any:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), layout="constrained")
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    places = [float(x) for x in chart.places]
    for i in range(len(chart.lines)):
        _draw_line(chart, axes, places, i)
    axes.set_xlabel(chart.x)
    axes.set_ylabel(chart.y)
    axes.set_title("\n".join((chart.title, *chart.below)), fontsize=10, loc="left")
    figure.supxlabel(chart.source, x=0.01, ha="left", fontsize=7, color="#555555")
    _scale(chart, axes, places)
    if len(chart.lines) > 1:
        _legend(chart, axes)
    canvas.draw()  # lays everything out, so that there are pixels to measure
    _mark_x(chart, axes, places)
    if sum(len(line.points) for line in chart.lines) <= MAX_LABELLED:
        _label_points(chart, axes, places, canvas.get_renderer())
    return figure


def _draw_line(chart: Chart, axes: Any, places: Sequence[float], i: int) -> None:
    line, shade = chart.lines[i], SHADES[0] + (SHADES[1] - SHADES[0]) * i / max(len(chart.lines) - 1, 1)
    axes.plot(
        [places[x] for x, _ in line.points],
        [float(count) for _, count in line.points],
        color=library().colormaps["viridis"](shade),
        linestyle=DASHES[i % len(DASHES)] if chart.numeric else "",
        linewidth=1.5,
        marker=MARKERS[i % len(MARKERS)] if len(line.points) <= MAX_MARKED or not chart.numeric else "",
        markersize=5,
        label=line.label,
    )


def _scale(chart: Chart, axes: Any, places: Sequence[float]) -> None:
    """Logarithmic axes where the chart has them, and round numbers for the totals."""
    from matplotlib.ticker import NullLocator

    axes.set_xscale("log" if chart.x_log else "linear")
    axes.set_yscale("log" if chart.y_log else "linear")
    axes.margins(0.06, 0.08)
    counts = [count for line in chart.lines for _, count in line.points]
    ticks = round_ticks(min(counts), max(counts), chart.y_log)
    axes.set_yticks([float(count) for count in ticks], labels=[tick(count) for count in ticks])
    axes.set_xticks(places[:1], labels=chart.labels[:1])  # until there is something to measure
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_locator(NullLocator())


def _legend(chart: Chart, axes: Any) -> None:
    """What each line is, beside the lines, in the order in which they end."""
    handles = axes.get_lines()
    ends = [line.points[-1][1] if line.points else -1 for line in chart.lines]
    order = sorted(range(len(handles)), key=lambda i: -ends[i])
    axes.legend(
        [handles[i] for i in order],
        [chart.lines[i].label for i in order],
        title=chart.key or None,
        loc="center left",
        bbox_to_anchor=(1.0, 0.5),
        frameon=False,
        handlelength=3.6,
    )


def _mark_x(chart: Chart, axes: Any, places: Sequence[float]) -> None:
    """Marks the values of x that were swept, as many as can be read."""
    labels, across = chart.labels, Scale(places, chart.x_log)
    some = spaced([across(place) for place in places], 1 / MAX_TICKS)
    axes.set_xticks([places[i] for i in some], labels=[labels[i] for i in some])
    width = max(label.get_window_extent().width for label in axes.get_xticklabels())
    pixels = [axes.transData.transform((places[i], 1.0))[0] for i in some]
    chosen = [some[i] for i in spaced(pixels, width + 6)]
    axes.set_xticks([places[i] for i in chosen], labels=[labels[i] for i in chosen])


def _label_points(chart: Chart, axes: Any, places: Sequence[float], renderer: Any) -> None:
    """Writes its number above each point or else below it, where it hides no other number and no marker."""
    from matplotlib.patheffects import withStroke
    from matplotlib.transforms import Bbox

    points = [(places[x], count) for line in chart.lines for x, count in line.points]
    centres = [axes.transData.transform((x, float(count))) for x, count in points]
    taken = [Bbox.from_bounds(x - 5, y - 5, 10, 10) for x, y in centres]
    for (x, count), mark in zip(points, list(taken), strict=True):
        for above in (True, False):
            label = axes.annotate(
                short(count),
                (x, float(count)),
                xytext=(0, 5 if above else -5),
                textcoords="offset points",
                ha="center",
                va="bottom" if above else "top",
                fontsize=7,
                path_effects=[withStroke(linewidth=2, foreground="white")],  # where it lies on a line
            )
            box = label.get_window_extent(renderer)
            if not any(box.overlaps(other) for other in taken if other is not mark):
                taken.append(box)
                break
            label.remove()

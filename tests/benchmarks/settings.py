"""How many settings of MobileNet V1 are counted in a second, beside what else could count them, and in what memory.

    python tests/benchmarks/settings.py

Two million random settings (alpha in thousandths from 0.25 to 2, resolution from 32 to 512), parameters and MAdds with
every rounding, on one core; times are CPU seconds, so that other work on the machine changes them little. Beside it
the same integers by a numpy function written by hand for this one network, and by tools that rebuild the network and
trace it for each setting: fvcore, ptflops, thop, torchinfo and torch.utils.flop_counter, as far as they are installed.
Memory is the peak of a process of its own that streams settings through. Exits with 1 where a promise is missed.
"""

from __future__ import annotations

import importlib.util
import itertools
import random
import resource
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from costcalc.cost import count
from costcalc.explore.counter import Counter
from costcalc.explore.grid import Axis, Grid, Points
from costcalc.spec import build_network, read_document

SETTINGS, TURNS, SAMPLE, TRACED, CHUNK = 2_000_000, 7, 200, 8, 16_384
ALPHA = Axis("alpha", tuple(Fraction(i, 1000) for i in range(250, 2001)))
RESOLUTION = Axis("resolution", tuple(range(32, 513)))
MANY, STREAMED = (10**5, 10**7), 2**16  # settings of the memory test, and how many are asked for at once
LEAST_RATE, MOST_BY_HAND, LEAST_AGAINST_TOOLS, MOST_GROWTH = 4_000_000, 1.5, 100_000, 1.1


def main() -> int:
    if sys.argv[1:2] == ["memory"]:
        print(peak_of(int(sys.argv[2])))
        return 0
    kept = [memory()]  # first: a process is born with the peak of the one that starts it
    points = chosen(SETTINGS)
    counter = Counter(read_document("mobilenet_v1"))
    start = time.process_time()
    counter.count(points.take(slice(CHUNK)))
    print(
        f"the first {CHUNK:,} settings take {(time.process_time() - start) * 1000:.0f} ms: one trace, and a tape made of it"
    )
    alphas, sides = (np.array([int(1000 * v) for v in ALPHA.values])[points.codes[0]],
                     np.array(RESOLUTION.values)[points.codes[1]])  # fmt: skip
    ours, hands = zip(*((cpu(lambda: counter.count(points)), cpu(lambda: by_hand(alphas, sides))) for _ in range(TURNS)),
                      strict=True)  # fmt: skip
    rate = SETTINGS / statistics.median(ours)
    kept += [
        equal(counter, points, by_hand(alphas, sides)),
        promise("settings a second and core", rate, LEAST_RATE, "{:,.0f}", rate >= LEAST_RATE),
    ]
    ratio = statistics.median(mine / hand for mine, hand in zip(ours, hands, strict=True))
    kept.append(promise("times the time of numpy by hand", ratio, MOST_BY_HAND, "{:.2f}", ratio <= MOST_BY_HAND))
    kept += against_tools(rate)
    return 0 if all(kept) else 1


def promise(what: str, value: float, limit: float, form: str, kept: bool) -> bool:
    print(f"{form.format(value)} {what} (promised: {form.format(limit)}): {'kept' if kept else 'MISSED'}")
    return kept


def cpu(action: Callable[[], Any]) -> float:
    """The CPU seconds of an action."""
    start = time.process_time()
    action()
    return time.process_time() - start


def chosen(number: int) -> Points:
    """Random settings."""
    source = np.random.default_rng(2017)
    return Points((ALPHA, RESOLUTION), [source.integers(0, len(axis.values), number) for axis in (ALPHA, RESOLUTION)])


def equal(counter: Counter, points: Points, hand: tuple[Any, Any]) -> bool:
    """Whether all settings give what the function by hand gives, and a sample what is counted in plain integers."""
    found = counter.count(points).totals
    kept = all((found[metric] == column).all() for metric, column in zip(("params", "madds"), hand, strict=True))
    for i in random.Random(0).sample(range(len(points)), SAMPLE):
        totals = count(build_network(counter.document, points.setting(i))).totals
        kept = kept and (totals.params, totals.madds) == (found["params"][i], found["madds"][i])
    print(f"all {len(points):,} settings equal the function by hand, {SAMPLE} of them plain integers: {kept}")
    return kept


# -- the same by hand -------------------------------------------------------------------------------------------------


def by_hand(alphas: Any, sides: Any) -> tuple[Any, Any]:
    """Parameters and MAdds of MobileNet V1 at these alphas (in thousandths) and resolutions, in chunks."""
    params, madds = np.empty_like(alphas), np.empty_like(alphas)
    for start in range(0, len(alphas), CHUNK):
        part = slice(start, start + CHUNK)
        params[part], madds[part] = one_chunk(alphas[part], sides[part])
    return params, madds


def one_chunk(alpha: Any, side: Any) -> tuple[Any, Any]:
    """Table 1 of the paper, what occurs twice computed once, products of sums where that is less work."""
    a, b, c, d, e, f = (width * alpha // 1000 for width in (32, 64, 128, 256, 512, 1024))
    ab, bc, cc, cd, dd, de, ee, ef, ff = a * b, b * c, c * c, c * d, d * d, d * e, e * e, e * f, f * f
    ee *= 5
    b9, c9, d9, e9, f9 = 9 * b, 9 * c, 9 * d, 9 * e, 9 * f
    # 2 for each batch norm of a channel: a at the first two convolutions, b and f at three, c and d at four, e at twelve
    first, second = 36 * a + ab, b9 + bc + c9 + cc
    third, fourth, fifth = c9 + cd + d9 + dd, d9 + de + 5 * e9 + ee, e9 + ef + f9 + ff
    weights = first + second + third + fourth + fifth + 1000 * f
    params = weights + (4 * a + 4 * b + 8 * (c + d) + 24 * e + 6 * f + 1000)
    madds = 1000 * f
    for half, work in enumerate((first, second, third, fourth, fifth), 1):
        size = (side + ((1 << half) - 1)) >> half
        madds += size * size * work
    return params, madds


# -- tools that rebuild and trace -------------------------------------------------------------------------------------


def mobilenet(torch: Any, alpha: Fraction) -> Any:
    """MobileNet V1 in PyTorch."""
    nn = torch.nn
    widths = [int(alpha * width) for width in (32, 64, 128, 128, 256, 256, *[512] * 6, 1024, 1024)]
    strides = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1)

    def normed(out: int) -> list[Any]:
        return [nn.BatchNorm2d(out), nn.ReLU()]

    layers = [nn.Conv2d(3, widths[0], 3, 2, 1, bias=False), *normed(widths[0])]
    for (before, after), stride in zip(itertools.pairwise(widths), strides, strict=True):
        layers += [nn.Conv2d(before, before, 3, stride, 1, groups=before, bias=False), *normed(before)]
        layers += [nn.Conv2d(before, after, 1, bias=False), *normed(after)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(widths[-1], 1000)).eval()


def with_flop_counter(torch: Any, model: Any, side: int) -> Any:
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        model(torch.empty(1, 3, side, side))
    return counter.get_total_flops() // 2


def with_fvcore(torch: Any, model: Any, side: int) -> Any:
    from fvcore.nn import FlopCountAnalysis

    analysis = FlopCountAnalysis(model, torch.empty(1, 3, side, side))
    analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    operators = analysis.by_operator()
    return operators["conv"] + operators["linear"]


def with_ptflops(torch: Any, model: Any, side: int) -> Any:
    from ptflops import get_model_complexity_info

    found = get_model_complexity_info(
        model, (3, side, side), print_per_layer_stat=False, as_strings=False, backend="pytorch"
    )
    return found[0]


def with_thop(torch: Any, model: Any, side: int) -> Any:
    from thop import profile

    return profile(model, inputs=(torch.empty(1, 3, side, side),), verbose=False)[0]


def with_torchinfo(torch: Any, model: Any, side: int) -> Any:
    from torchinfo import summary

    return summary(model, input_data=torch.empty(1, 3, side, side), verbose=0).total_mult_adds


TOOLS = {"torch": with_flop_counter, "fvcore": with_fvcore, "ptflops": with_ptflops, "thop": with_thop,
         "torchinfo": with_torchinfo}  # fmt: skip


def against_tools(rate: float) -> list[bool]:
    """How much longer each installed tool takes for a setting, and whether the fastest takes long enough."""
    missing = [name for name in TOOLS if importlib.util.find_spec(name) is None]
    if "torch" in missing:
        print("left out, as PyTorch is not installed: fvcore, ptflops, thop, torchinfo, torch.utils.flop_counter")
        return []
    if missing:
        print(f"left out, as not installed: {', '.join(missing)}")
    times = {name: fastest_way(tool) for name, tool in TOOLS.items() if name not in missing}
    for name, (seconds, device, macs) in times.items():
        print(
            f"{name:9} {seconds * 1000:8.1f} ms a setting on device {device:4}, {seconds * rate:13,.0f} times; {macs}"
        )
    least = min(seconds for seconds, _, _ in times.values()) * rate
    kept = least >= LEAST_AGAINST_TOOLS
    return [promise("times faster than the fastest tool", least, LEAST_AGAINST_TOOLS, "{:,.0f}", kept)]


def fastest_way(tool: Callable[..., Any]) -> tuple[float, str, str]:
    """The seconds of one setting, with real tensors or with some that have no values, and how far it counts the same."""
    import torch

    torch.set_num_threads(1)
    points, document, found = chosen(TRACED), read_document("mobilenet_v1"), []
    for device in ("cpu", "meta"):
        seconds, same = [], 0
        try:
            with warnings.catch_warnings(), torch.inference_mode(), torch.device(device):
                warnings.simplefilter("ignore")
                tool(torch, mobilenet(torch, Fraction(1, 4)), 32)  # once uncounted
                for i in range(TRACED):
                    alpha, side = points.setting(i).values()
                    start = time.process_time()
                    macs = tool(torch, mobilenet(torch, alpha), side)
                    seconds.append(time.process_time() - start)
                    same += macs == count(build_network(document, points.setting(i))).totals.madds
        except (RuntimeError, NotImplementedError, AttributeError, TypeError):
            continue  # it wants values
        found.append((statistics.median(seconds), device, f"{same} of {TRACED} counts as ours"))
    return min(found)


# -- memory -----------------------------------------------------------------------------------------------------------


def memory() -> bool:
    """Whether a hundred times as many settings need no more memory, where chunks are streamed through."""
    command = [sys.executable, __file__, "memory"]
    peaks = [
        int(subprocess.run([*command, str(number)], capture_output=True, text=True, check=True).stdout)
        for number in MANY
    ]
    for number, peak in zip(MANY, peaks, strict=True):
        print(f"{number:12,} settings, {STREAMED:,} at once: a peak of {peak / 1024:.1f} MiB")
    growth = peaks[1] / peaks[0]
    return promise("times the memory", growth, MOST_GROWTH, "{:.2f}", growth <= MOST_GROWTH)


def peak_of(number: int) -> int:
    """The peak of this process in KiB after counting so many settings of a grid."""
    classes = Axis("classes", tuple(range(1, 1001, 50)))
    counter, grid = Counter(read_document("mobilenet_v1")), Grid([ALPHA, RESOLUTION, classes])
    largest = 0
    for start in range(0, number, STREAMED):
        totals = counter.count(grid.points(start, min(start + STREAMED, number))).totals
        largest = max(largest, int(totals["madds"].max()))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss if largest else 0


if __name__ == "__main__":
    sys.exit(main())

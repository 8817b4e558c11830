"""Searches of design spaces: against hand arithmetic, however they are cut up, interrupted and resumed."""

from __future__ import annotations

import csv
import importlib.util
import io
import itertools
import json
import multiprocessing
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from designs import SPACE, SPEC, Design, written

from costcalc.budgets import read_budgets
from costcalc.cost import count, load_convention
from costcalc.errors import CostcalcError, Source
from costcalc.explore.cluster import library
from costcalc.explore.front import Front, front_of, integers, merge, undecided
from costcalc.explore.search import EVERY, EVOLVE, SAMPLE, Objective, Outcome, Search, Task, as_json, from_json, merged
from costcalc.explore.searching import Searching, setting
from costcalc.explore.shards import Plan, evaluate, processes
from costcalc.explore.space import read_space
from costcalc.explore.state import State
from costcalc.explore.workers import finished
from costcalc.spec import build_network, parse_document

Cli = Callable[..., Any]
COMMAND = (sys.executable, "-m", "costcalc")
WIDEST, MADDS = 64, 1_000_000
SIZE = (8 * 3) ** 4
SMALL = 24  # the widest where the command is tried in many ways: 9 choices to the 4th
TRADE = (Objective("params", True), Objective("madds", False))


def task(
    way: str = EVERY, points: int = 0, spec: str = SPEC, space: str = SPACE % WIDEST, limits: Any = (), **changes: Any
) -> Task:
    of = Task(
        Source("chain.yaml", spec), Source("space.yaml", space), {}, load_convention("paper"), 1, "float32", TRADE,
        read_budgets(limits or (f"madds={MADDS}",)), way, points, 7,
    )  # fmt: skip
    return of._replace(**changes)


def vectors(outcome: Outcome) -> dict[tuple[int, int], tuple[int, int]]:
    """The front by (params, madds), as Design has it."""
    front = outcome.front
    lines = zip(*(column.tolist() for column in (*front.keys, front.numbers, front.same)), strict=True)
    return {(-params, madds): (number, same) for params, madds, number, same in lines}


def equal(a: Outcome, b: Outcome) -> bool:
    return as_json(a) == as_json(b)


@pytest.fixture(scope="module")
def design() -> Design:
    return Design.of(WIDEST)


@pytest.fixture(scope="module")
def whole() -> Outcome:
    return evaluate(task(), 0, SIZE)


# -- fronts


def brute(points: list[tuple[int, tuple[int, ...]]]) -> dict[tuple[int, ...], tuple[int, int]]:
    """Every vector that none is better than: the lowest number, and how many there are."""
    found: dict[tuple[int, ...], tuple[int, int]] = {}
    for number, vector in points:
        if not any(other != vector and all(a <= b for a, b in zip(other, vector, strict=True)) for _, other in points):
            lowest, same = found.get(vector, (number, 0))
            found[vector] = (min(lowest, number), same + 1)
    return found


@pytest.mark.parametrize("objectives", [1, 2, 3, 4])
@pytest.mark.parametrize("scale", [1, 2**70])
def test_fronts_merge_to_the_same_front_however_they_are_cut(objectives: int, scale: int):
    random = Random(objectives)
    for _ in range(60):
        points = [
            (i * scale, tuple(random.randint(-4, 4) * (scale if j == 0 else 1) for j in range(objectives)))
            for i in range(random.randint(1, 50))
        ]
        random.shuffle(points)
        parts = []
        while sum(len(part) for part in parts) < len(points):
            start = sum(len(part) for part in parts)
            parts.append(points[start : start + random.randint(1, 20)])
        fronts = [
            Front(
                tuple(integers(vector[j] for _, vector in part) for j in range(objectives)),
                integers(number for number, _ in part), np.ones(len(part), dtype=np.int64),
                (integers(number + 1 for number, _ in part),),
            )
            for part in parts
        ]  # fmt: skip
        known = front_of(fronts[0])
        fronts[1:] = [front_of(f.take(undecided(known, f.keys))) for f in fronts[1:]]
        random.shuffle(fronts)
        front = merge([front_of(merge(fronts)), fronts[0].take(slice(0))])
        columns = [column.tolist() for column in front.columns()]
        found = {line[:objectives]: line[objectives : objectives + 2] for line in zip(*columns, strict=True)}
        assert found == brute(points)
        assert columns[-1] == [number + 1 for number in columns[objectives]], "what is carried stays with its point"


def test_a_large_front_of_many_objectives():
    """More points than are compared at once."""
    random = np.random.Generator(np.random.Philox(3))
    keys = tuple(random.integers(0, 12, 9000) for _ in range(4))
    front = front_of(Front(keys, np.arange(9000), np.ones(9000, dtype=np.int64)))
    distinct = set(zip(*(key.tolist() for key in keys), strict=True))
    expected = {v for v in distinct if not any(o != v and all(a <= b for a, b in zip(o, v, strict=True)) for o in distinct)}
    assert set(zip(*(key.tolist() for key in front.keys), strict=True)) == expected


# -- every point


def test_every_point_is_counted_as_by_hand(design: Design):
    search = Search(task())
    assert search.total == SIZE == len(design.params)
    counted = search.counter.count(search.points(0, SIZE))
    assert counted.totals["params"].tolist() == design.params.tolist()
    assert counted.totals["madds"].tolist() == design.madds.tolist()


def test_the_front_is_that_of_hand_arithmetic(design: Design, whole: Outcome):
    assert vectors(whole) == design.front(MADDS)
    assert (whole.visited, whole.built, whole.fault) == (SIZE, SIZE, None)
    assert whole.kept == int((design.madds <= MADDS).sum())
    assert whole.least == {"params": design.params.min(), "madds": design.madds.min()}
    assert whole.most == {"params": design.params.max(), "madds": design.madds.max()}
    assert len(vectors(whole)) > 30 and max(same for _, same in vectors(whole).values()) > 1


def test_shards_in_any_order_make_the_whole(whole: Outcome):
    for seed, size in ((1, 9771), (2, 16384), (3, 200_000)):
        shards = [(start, min(start + size, SIZE)) for start in range(0, SIZE, size)]
        Random(seed).shuffle(shards)
        assert equal(merged(evaluate(task(), *shard) for shard in shards), whole)


def test_processes_find_what_one_finds(whole: Outcome):
    of = task()
    for jobs in (1, 3):
        searching = Searching(of, Search(of).space, jobs)
        assert (searching.jobs, searching.plan.pieces) == (jobs, 21)
        told: list[int] = []
        searching.run(told.append)
        assert equal(searching.outcome, whole)
        assert (sum(told), searching.done, searching.left) == (SIZE, SIZE, {})


def test_a_process_that_is_lost_or_cannot_is_told():
    shards = tuple(Plan(SIZE, 4096).shards())
    arriving = finished(task(), shards, 2, lambda _: None)
    next(arriving)
    multiprocessing.active_children()[0].kill()
    with pytest.raises(CostcalcError, match="a process of the search was ended from outside"):
        list(arriving)
    with pytest.raises(CostcalcError, match=r"the search is one of costcalc 0\.0"):
        list(finished(task(version="0.0"), shards, 2, lambda _: None))
    assert multiprocessing.active_children() == []


def test_a_small_search_starts_no_process():
    assert processes(Plan(1000, 100), None) == 1
    assert processes(Plan(1000, 100), 4) == 4
    assert processes(Plan(100, 100), 4) == 1


def test_an_outcome_survives_its_text(whole: Outcome):
    assert equal(from_json(json.loads(json.dumps(as_json(whole)))), whole)


OBJECTIVES = {
    "largest": ((Objective("params", True),), 1),
    "smallest": ((Objective("madds", False),), 1),
    "three": ((*TRADE, Objective("activations", True)), 3),
    "choice": ((Objective("stage4.out", True), Objective("madds", False)), 2),
}


@pytest.mark.parametrize("case", OBJECTIVES)
def test_objectives(case: str):
    objectives, _ = OBJECTIVES[case]
    space = "costcalc-space: 1\nrows: {stage: {out: [16, 8, 24]}, stage1: {k: [1, 3]}}\n"
    of = task(space=space, objectives=objectives)
    search = Search(of)
    points = []
    for i in range(search.total):
        choices = setting(search.grid, i)
        totals = count(build_network(search.space.document, choices)).totals
        if totals.madds <= MADDS:
            values = [choices[o.name] if "." in o.name else getattr(totals, o.name) for o in objectives]
            points.append((i, tuple(-v if o.maximize else v for v, o in zip(values, objectives, strict=True))))
    assert search.total == 3**4 * 2 and len(points) > 20
    front = evaluate(of, 0, search.total).front
    expected = brute(points)
    assert dict(expected.values()) == dict(zip(front.numbers.tolist(), front.same.tolist(), strict=True))


BRANCHED = """costcalc: 1
hyperparameters: {alpha: {default: 1, above: 0}, rule: {default: low, choices: [low, high]}}
input: [4, 20, 24]
layers:
  - rows:
      columns: [t, k, out, nl, se, s, n]
      data:
        - [1, 3, 8,  relu,       false, 1, 1]
        - [3, 5, 12, hard_swish, true,  2, 2]
      repeat: n
      then: {s: 1}
      layers:
        - residual:
            - conv: {out: floor(t*in.channels*alpha), kernel: 1, act: nl, only_if: t != 1}
            - depthwise: {kernel: k, stride: s, padding: valid if rule == high else same}
            - conv: {out: out, kernel: 1, act: nl if se else none, groups: 2 if rule == low and nl == relu else 1}
"""
BRANCHES = """costcalc-space: 1
hyperparameters: {alpha: [1, 0.35, 6/7], rule: [low, high]}
rows: {stage2: {k: [3, 7], t: [1, 3], n: [0, 1, 3], se: [true, false], nl: [hard_swish, relu], out: [8, 12, 9]}}
"""


def test_words_truth_values_depths_and_residuals():
    """Structure that depends on the choices, against each network laid out and counted alone."""
    of = task(spec=BRANCHED, space=BRANCHES, limits=["madds=2M"], convention=load_convention("flops"))
    search = Search(of)
    assert (search.total, search.metrics) == (864, ("params", "madds", "count"))
    counted = search.counter.count(search.points(0, search.total))
    points, built = [], 0
    for i in range(search.total):
        try:
            totals = count(build_network(search.space.document, setting(search.grid, i)), "flops").totals
        except CostcalcError:
            assert i in counted.faults
            continue
        built += 1
        assert [int(counted.totals[m][i]) for m in search.metrics] == [totals.params, totals.madds, totals.count]
        if totals.madds <= 2_000_000:
            points.append((i, (-totals.params, totals.madds)))
    assert 400 < built < 864
    outcome = evaluate(of, 0, search.total)
    assert (outcome.built, outcome.kept) == (built, len(points))
    assert {(-p, m): v for (p, m), v in brute(points).items()} == vectors(outcome)


def test_points_that_cannot_be_built_are_counted():
    """The third row has a valid window on a map of 4x4: 5x5 does not fit."""
    spec = SPEC.replace("stride: s,", "stride: s, padding: valid,").replace("[16, 3, 2]", "[16, 3, 4]")
    of = task(spec=spec, limits=["madds=10M"])
    search = Search(of)
    faults = {}
    for i in range(0, search.total, 997):
        try:
            build_network(search.space.document, setting(search.grid, i))
        except CostcalcError as error:
            faults[i] = error.problems[0].message
    assert 0 < len(faults) < len(range(0, search.total, 997))
    outcome = merged(evaluate(of, start, min(start + 40_000, SIZE)) for start in range(0, SIZE, 40_000))
    counted = Search(of).counter.count(search.points(0, SIZE))
    assert {i for i in counted.faults if i % 997 == 0} == set(faults)
    assert (outcome.visited, outcome.built) == (SIZE, SIZE - len(counted.faults))
    assert outcome.fault == (min(counted.faults), min(counted.faults))
    searching = Searching(of, search.space)
    searching.run()
    found = searching.found()
    assert found.fault == (min(counted.faults), searching.fault(min(counted.faults)))
    assert "kernel" in found.fault[1] or "window" in found.fault[1], found.fault[1]


# -- samples and evolution


def test_a_sample_is_the_same_however_it_is_cut():
    of = task(SAMPLE, 5000)
    search = Search(of)
    drawn = search.points(0, 5000)
    numbers = search.numbers(drawn)
    assert numbers.min() >= 0 and numbers.max() < SIZE and len(set(numbers.tolist())) > 4500
    parts = [search.numbers(search.points(start, min(start + 617, 5000))) for start in range(0, 5000, 617)]
    assert np.concatenate(parts).tolist() == numbers.tolist()
    assert [setting(search.grid, n) for n in numbers[:20].tolist()] == [drawn.setting(i) for i in range(20)]
    whole = evaluate(of, 0, 5000)
    assert equal(merged([evaluate(of, 4000, 5000), evaluate(of, 0, 4000)]), whole)
    assert not equal(evaluate(of._replace(seed=8), 0, 5000), whole)
    design = Design.of(WIDEST)
    kept = [(n, (-int(design.params[n]), int(design.madds[n]))) for n in numbers.tolist() if design.madds[n] <= MADDS]
    assert {(-p, m): v for (p, m), v in brute(kept).items()} == vectors(whole)


def test_a_sample_covers_every_value_evenly():
    search = Search(task(SAMPLE, 30_000))
    for codes, axis in zip(search.points(0, 30_000).codes, search.grid.axes, strict=True):
        often = np.bincount(codes, minlength=len(axis.values)) * len(axis.values)
        assert (abs(often - 30_000) < 1500).all()


def test_evolution_finds_most_of_the_front_in_a_part_of_the_space(design: Design):
    of = task(EVOLVE, 10_000)
    outcome = evaluate(of, 0, 10_000)
    assert equal(outcome, evaluate(of, 0, 10_000)), "the seed decides"
    assert not equal(outcome, evaluate(of._replace(seed=8), 0, 10_000))
    assert outcome.visited == 10_000 < SIZE // 5
    true, found = design.front(MADDS), vectors(outcome)
    for (params, madds), (number, _) in found.items():
        assert (params, madds) == (design.params[number], design.madds[number]) and madds <= MADDS
    assert len(set(found) & set(true)) > 0.9 * len(true)
    drawn = vectors(evaluate(task(SAMPLE, 10_000), 0, 10_000))
    assert len(set(drawn) & set(true)) < len(set(found) & set(true))


def test_evolution_without_a_point_in_the_budget_comes_near_it(design: Design):
    outcome = evaluate(task(EVOLVE, 4000, limits=["madds=1k", "params=1k"]), 0, 4000)
    assert (outcome.kept, outcome.front.size) == (0, 0)
    assert outcome.least["madds"] == design.madds.min(), "it goes where the excess is least"


def test_evolution_stops_where_all_is_visited():
    of = task(EVOLVE, 30_000, space="costcalc-space: 1\nrows: {stage: {out: [8, 16], k: [1, 3]}}\n")
    outcome = evaluate(of, 0, 30_000)
    assert outcome.visited == 256
    assert set(vectors(outcome)) == set(vectors(evaluate(of._replace(way=EVERY), 0, 256)))


HUGE = """costcalc: 1
input: [3, 16, 16]
layers:
  - rows:
      columns: [out, k]
      data: [ROWS]
      layers:
        - conv: {out: out, kernel: k, bias: false}
""".replace("ROWS", ", ".join(["[8, 3]"] * 24))


@pytest.mark.parametrize("way", [SAMPLE, EVOLVE])
def test_spaces_beyond_64_bits(way: str):
    of = task(way, 600, HUGE, "costcalc-space: 1\nrows: {stage: {out: 8:64:8, k: [1, 3, 5]}}\n", ["madds=60M"])
    search = Search(of)
    assert search.grid.size == 24**24 > 2**64
    outcome = evaluate(of, 0, 600)
    assert equal(from_json(json.loads(json.dumps(as_json(outcome)))), outcome)
    assert outcome.visited == 600 and outcome.front.size > 3
    for number, key in zip(outcome.front.numbers.tolist(), outcome.front.keys[0].tolist(), strict=True):
        assert type(number) is int
        channels, params = 3, 0
        choices = setting(search.grid, number)
        for i in range(1, 25):
            out, k = choices[f"stage{i}.out"], choices[f"stage{i}.k"]
            channels, params = out, params + k * k * channels * out
        assert params == -key
    assert max(outcome.front.numbers.tolist()) > 2**64
    whole = evaluate(of._replace(way=EVERY), 2**70, 2**70 + 50)
    assert (whole.visited, whole.least["params"] > 0) == (50, True)


# -- the plan


def test_a_plan_covers_every_point_once():
    for total, way in ((1, EVERY), (16384, EVERY), (16385, EVERY), (10**9, EVERY), (10**13, EVERY), (70_000, EVOLVE)):
        plan = Plan.of(_Sized(total, way))
        if total < 10**6:
            points = [i for start, stop in plan.shards() for i in range(start, stop)]
            assert points == list(range(total))
        assert plan.pieces == len(list(plan.shards())) <= 1024
        assert next(iter(plan.shards()))[0] == 0


class _Sized:
    """As much of a search as a plan needs."""

    def __init__(self, total: int, way: str) -> None:
        self.total, self.task = total, task(way, total)


def test_the_digest_tells_searches_apart():
    of = task()
    others = [
        of._replace(spec=Source("chain.yaml", SPEC + "\n")), of._replace(space=Source("x", SPACE % 48)),
        of._replace(budgets=read_budgets(["madds=600001"])), of._replace(objectives=TRADE[:1]), of._replace(batch=2),
        of._replace(dtype="int8"), of._replace(convention=load_convention("valid")), of._replace(fixed={"a": 1}),
        of._replace(way=SAMPLE, points=10), of._replace(way=SAMPLE, points=10, seed=8), of._replace(version="0"),
    ]  # fmt: skip
    assert len({t.digest for t in (of, *others)}) == len(others) + 1
    assert of._replace(spec=Source("renamed.yaml", SPEC)).digest == of.digest


def test_another_version_of_costcalc_is_refused():
    with pytest.raises(CostcalcError, match=r"the search is one of costcalc 0\.0"):
        evaluate(task(version="0.0"), 0, 10)


# -- the command


def begin(folder: Path, *arguments: str, widest: int = WIDEST) -> subprocess.Popen[str]:
    written(folder, widest)
    return subprocess.Popen(
        [*COMMAND, "search", "chain.yaml", "--space", "space.yaml", "--max-madds", f"{MADDS}", *arguments],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_an_interrupted_search_is_resumed(jobs: str, tmp_path: Path):
    """Nothing that was finished is done again, nothing is lost, and the result is that of one go."""
    state = tmp_path / "state"
    process = begin(tmp_path, "--state", "state", "--jobs", jobs, widest=80)
    until = time.monotonic() + 60
    while len(list(state.glob("shard-*"))) < 5:
        assert time.monotonic() < until and process.poll() is None
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, "")
    kept = sorted(state.glob("shard-*"))
    assert 5 <= len(kept) < 50
    assert err.startswith(f"{len(kept)} of 50 shards are kept in state; the same with `--resume` goes on\n")
    assert "Traceback" not in err
    before = {path: path.stat().st_mtime_ns for path in kept}
    again = begin(tmp_path, "--state", "state", widest=80)
    assert again.communicate(timeout=30)[1].startswith("error: `state` holds a search already")
    resumed = begin(tmp_path, "--state", "state", "--resume", "--format", "json", "--jobs", jobs, widest=80)
    out, err = resumed.communicate(timeout=60)
    assert (resumed.returncode, err) == (0, f"{len(kept)} of 50 shards were finished before\n")
    assert {path: path.stat().st_mtime_ns for path in kept} == before
    design = Design.of(80)
    document = json.loads(out)
    assert {(p["totals"]["params"], p["totals"]["madds"]): (p["point"], p["same"]) for p in document["front"]} == (
        design.front(MADDS)
    )
    assert document["points"]["visited"] == len(design.params) == 30**4


def run(cli: Cli, folder: Path, *arguments: str, widest: int = SMALL) -> Any:
    written(folder, widest)
    return cli("search", "chain.yaml", "--space", "space.yaml", "--max-madds", f"{MADDS}", *arguments)


def test_an_interrupt_right_after_a_shard_is_saved(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The shard has its file and nothing else knows of it yet: it is kept, and said to be."""
    monkeypatch.chdir(tmp_path)
    save = State.save

    def interrupted(self: State, shard: Any, outcome: Outcome) -> None:
        save(self, shard, outcome)
        if len(list(self.directory.glob("shard-*"))) == 3:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(State, "save", interrupted)
        stopped = run(cli, tmp_path, "--state", "state", widest=WIDEST)
    assert (stopped.code, stopped.out) == (130, "")
    assert stopped.err.startswith("3 of 21 shards are kept in state;")
    resumed = run(cli, tmp_path, "--state", "state", "--resume", widest=WIDEST)
    assert (resumed.code, resumed.err) == (0, "3 of 21 shards were finished before\n")


def test_a_damaged_shard_is_done_again(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    first = run(cli, tmp_path, "--state", "state", "--format", "json", widest=WIDEST)
    files = sorted(Path("state").glob("shard-*"))
    files[0].write_text(files[0].read_text()[:-20])
    files[1].write_bytes(files[1].read_bytes().replace(b'"visited": 16384', b'"visited": 16383', 1))
    files[2].write_text(files[3].read_text())
    files[4].write_bytes(b"\xff\x00")
    files[5].unlink()
    again = run(cli, tmp_path, "--state", "state", "--resume", "--format", "json", widest=WIDEST)
    assert (again.code, again.out) == (0, first.out)
    assert again.err == "16 of 21 shards were finished before\n"


def test_a_state_of_another_search_is_refused(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert run(cli, tmp_path, "--state", "state").code == 0
    other = run(cli, tmp_path, "--state", "state", "--resume", "--max-params", "20k", "--batch", "2")
    assert other.code == 2
    assert "`state` holds another search: its batch, budgets differ" in other.err
    assert f"note: budgets: madds={MADDS} there, madds={MADDS}, params=20000 here" in other.err
    assert run(cli, tmp_path, "--state", "state", "--resume").code == 0
    Path("full").mkdir()
    Path("full", "thesis.txt").write_text("mine")
    refused = run(cli, tmp_path, "--state", "full")
    assert (refused.code, [path.name for path in Path("full").iterdir()]) == (2, ["thesis.txt"])
    assert "`full` is no state of a search" in refused.err
    assert "cannot keep the search in `chain.yaml`" in run(cli, tmp_path, "--state", "chain.yaml").err
    Path("state", "search.json").write_text("{}")
    assert run(cli, tmp_path, "--state", "state", "--resume").code == 2


def test_the_documents_say_the_same(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    design = Design.of(SMALL)
    monkeypatch.chdir(tmp_path)
    document = json.loads(run(cli, tmp_path, "--format", "json").out)
    assert list(document) == [
        "schema", "version", "network", "space", "hyperparameters", "batch", "dtype", "convention", "status",
        "objectives", "budget", "way", "points", "least", "most", "standing", "front",
    ]  # fmt: skip
    assert document["schema"] == "costcalc/search/1"
    assert document["space"]["size"] == len(design.params) == 9**4
    assert document["space"]["axes"]["stage2.out"] == [8, 16, 24]
    assert document["objectives"] == [
        {"name": "params", "direction": "maximize"}, {"name": "madds", "direction": "minimize"},
    ]  # fmt: skip
    assert document["points"]["on_front"] == len(document["front"]) == len(design.front(MADDS))
    params = [point["totals"]["params"] for point in document["front"]]
    assert params == sorted(params, reverse=True), "the best in the first objective first"
    rows = list(csv.DictReader(io.StringIO(run(cli, tmp_path, "--format", "csv").out)))
    for row, point in zip(rows, document["front"], strict=True):
        assert (int(row["point"]), int(row["same"])) == (point["point"], point["same"])
        assert {name: int(row[name]) for name in point["totals"]} == point["totals"]
        assert {name: int(row[name]) for name in point["choices"]} == point["choices"]
        assert list(point["choices"]) == list(document["space"]["axes"])
        assert (row["convention"], row["unit"]) == ("paper", "MAdds")
    table = run(cli, tmp_path, "--best", "3").out
    for i, point in enumerate(document["front"][:3], 1):
        cells = (f"{n:,}" for n in (*point["totals"].values(), point["same"], point["point"]))
        assert [str(i), *cells] in [line.split() for line in table.splitlines()]
    assert "6,561 visited" in table
    for format in ("md", "latex", "html"):
        assert f"{document['front'][0]['point']:,}" in run(cli, tmp_path, "--format", format).out


@pytest.mark.skipif(importlib.util.find_spec("pyarrow") is None, reason="needs the extra `parquet`")
def test_parquet_is_exact(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import pyarrow.parquet

    monkeypatch.chdir(tmp_path)
    front = json.loads(run(cli, tmp_path, "--format", "json").out)["front"]
    assert run(cli, tmp_path, "-o", "front.parquet").code == 0
    table = pyarrow.parquet.read_table("front.parquet")
    assert set(map(str, table.schema.types)) == {"int64"}
    assert table.to_pylist() == [
        {"point": p["point"], "same": p["same"], **p["totals"], **p["choices"]} for p in front
    ]  # fmt: skip
    assert table.schema.metadata[b"costcalc.objectives"] == b"most params, least madds"
    Path("huge.yaml").write_text(HUGE)
    Path("wide.yaml").write_text("costcalc-space: 1\nrows: {stage: {out: 8:64:8, k: [1, 3, 5]}}\n")
    assert cli("search", "huge.yaml", "--space", "wide.yaml", "--sample", "500", "-o", "wide.parquet").code == 0
    wide = pyarrow.parquet.read_table("wide.parquet")
    assert str(wide.schema.field("point").type) == "decimal128(34, 0)"
    assert str(wide.schema.field("params").type) == "int64"
    refused = run(cli, tmp_path, "--format", "parquet")
    assert (refused.code, "name a file" in refused.err) == (2, True)


def test_a_found_point_is_written_as_a_spec(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    front = json.loads(run(cli, tmp_path, "--format", "json").out)["front"]
    table = run(cli, tmp_path, "--write", "best.yaml", "--pick", "4")
    report = json.loads(cli("report", "best.yaml", "--format", "json").out)
    assert {name: report["totals"][name] for name in ("params", "madds")} == front[3]["totals"]
    assert report["network"]["name"] == f"Chain, point {front[3]['point']} of space.yaml"
    own = {f"stage{i}.{column}": value for i, cells in enumerate(((8, 3), (16, 3), (24, 5), (32, 3)), 1)
           for column, value in zip(("out", "k"), cells, strict=True)}  # fmt: skip
    changed = {name: value for name, value in front[3]["choices"].items() if own[name] != value}
    lines = table.out.partition("choices of 4")[2].splitlines()[1:]
    assert {f"{row}.{pair.split()[0]}": int(pair.split()[1]) for line in lines for row, pairs in [line.split(None, 1)]
            for pair in pairs.split(", ")} == changed  # fmt: skip
    beyond = run(cli, tmp_path, "--pick", "9999", "--write", "none.yaml")
    assert (beyond.code, "no point 9,999 to pick, and `none.yaml` is not written" in beyond.err) == (2, True)
    assert "on the front" in beyond.out and not Path("none.yaml").exists(), "what was found is shown all the same"
    refused = run(cli, tmp_path, "--write", "chain.yaml")
    assert (refused.code, "is the input" in refused.err) == (2, True)
    assert Path("chain.yaml").read_text() == SPEC


def test_a_picked_point_is_shown_however_few_are(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    fifth = json.loads(run(cli, tmp_path, "--format", "json").out)["front"][4]
    first = run(cli, tmp_path, "--best", "2", "--pick", "5", "--write", "b5.yaml")
    rows = [line.split() for line in first.out.splitlines()]
    assert ["5", *(f"{n:,}" for n in (*fifth["totals"].values(), fifth["same"], fifth["point"]))] in rows
    assert "choices of 5" in first.out and not [row for row in rows if row[:1] in (["3"], ["4"])]
    again = run(cli, tmp_path, "--pick", "5", "--write", "b5.yaml")
    assert (first.err, again.err) == ("", "replaced b5.yaml\n")
    markdown = run(cli, tmp_path, "--pick", "5", "--format", "md").out
    notes, _, choices = markdown.partition("\n\nChoices of 5, where they are not as in the spec:\n\n")
    assert "stage" not in notes.rpartition("\n\n")[2] and choices.startswith("- stage")
    assert all(line.startswith("- stage") for line in choices.splitlines())


@pytest.mark.parametrize("name", ["mobilenet_v1.yaml", "mobilenet_v1", "./mobilenet_v1.yml"])
def test_no_bundled_spec_is_hidden(name: str, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    found = run(cli, tmp_path, "--write", name)
    assert (found.code, found.out) == (2, "")
    assert f"`{name}` would hide the bundled spec `mobilenet_v1` here" in found.err
    Path("own").mkdir()
    assert run(cli, tmp_path, "--write", "own/mobilenet_v1.yaml").code == 0


SIZES = """costcalc: 1
hyperparameters: {alpha: 1, resolution: 8}
input: [3, resolution, resolution]
layers: [conv: {out: 8*alpha, kernel: 1, bias: false}]
"""
SIZED = "costcalc-space: 1\nhyperparameters: {alpha: [1, 2], resolution: [SIZES]}\n"


def test_a_choice_that_stands_still_is_told(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Parameters are 24*alpha, MAdds those times resolution squared: the smallest resolution always wins."""
    monkeypatch.chdir(tmp_path)
    Path("spec.yaml").write_text(SIZES)
    Path("space.yaml").write_text(SIZED.replace("SIZES", "4, 8"))
    command = ("search", "spec.yaml", "--space", "space.yaml")
    asked = "--maximize params --minimize madds --maximize resolution"
    told = f"4 at every point of the front: at #1 no other value moves params; to keep it large: {asked}"
    for format in ("table", "md"):
        assert told in cli(*command, "--format", format).out
    document = json.loads(cli(*command, "--format", "json").out)
    assert document["standing"] == [{"choice": "resolution", "value": 4, "unmoved": ["params"]}]
    document = json.loads(cli(*command, *asked.split(), "--format", "json").out)
    assert document["standing"] == []
    assert {p["choices"]["resolution"] for p in document["front"]} == {4, 8}
    moved = cli(*command, "--maximize", "activations", "--minimize", "params", "--format", "table").out
    assert "one value     resolution 8 at every point of the front\n" in moved, "it moves the activations"
    Path("space.yaml").write_text(SIZED.replace("SIZES", "4"))
    assert json.loads(cli(*command, "--format", "json").out)["standing"] == [], "there was nothing to choose"
    Path("space.yaml").write_text(SIZED.replace("SIZES", "4").replace("[1, 2]", "1"))
    assert "space.yaml: 1 point, 2 choices\n" in cli(*command).out


def test_budgets_that_nothing_keeps(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, design: Design):
    monkeypatch.chdir(tmp_path)
    found = run(cli, tmp_path, "--max-params", "100")
    assert found.code == 1
    least = f"madds is at least {design.madds.min():,}, params is at least {design.params.min():,}"
    assert found.err == f"no point keeps the budgets: among those visited {least}\n"
    assert json.loads(run(cli, tmp_path, "--max-params", "100", "--format", "json").out)["front"] == []


def test_a_layer_without_a_count_keeps_no_budget(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    Path("partial.yaml").write_text(SPEC + "  - opaque: {op: nms}\n")
    Path("narrow.yaml").write_text(SPACE % 8)
    found = cli("search", "partial.yaml", "--space", "narrow.yaml", "--max-madds", "1G", "--format", "json")
    assert (found.code, json.loads(found.out)["status"], json.loads(found.out)["uncounted"]) == (1, "partial", ["opaque"])
    assert "opaque" in found.err
    assert cli("search", "partial.yaml", "--space", "narrow.yaml").code == 0


WRONG = {
    ("--sample", "10", "--evolve", "10"): "two ways to search",
    ("--sample", "0"): "`--sample` cannot be `0`",
    ("--evolve", "many"): "`--evolve` cannot be `many`",
    ("--limit", "1000"): "the space has 6,561 points, more than 1,000",
    ("--resume",): "`--resume` without a state",
    ("--maximize", "parms"): "unknown objective `parms`",
    ("--maximize", "madds", "--minimize", "madds"): "`madds` is an objective twice",
    ("--maximize", "stage2.s"): "unknown objective `stage2.s`",
    ("-o", "no/where.csv"): "cannot write `no/where.csv`: there is no such directory",
    ("--write", "no/where.yaml"): "cannot write `no/where.yaml`",
    ("--set", "zeta=3"): "unknown hyper-parameter `zeta`",
    ("--max-params", "few"): "the budget `params` cannot be `few`",
    ("--convention", "papers"): "unknown convention `papers`",
    ("--dtype", "float"): "unknown dtype `float`",
    ("--space", "nowhere.yaml"): "cannot read `nowhere.yaml`",
    ("--space", "x" * 5000): "File name too long",
    ("--space", "."): "`.` is a directory",
    ("--space", "mobilenet"): "no bundled space of that name",
    ("--scheduler", "here"): "`here` is no address of a scheduler",
    ("--minimise", "madds"): "no option `--minimise`",
}


@pytest.mark.parametrize("arguments", WRONG, ids=lambda pair: " ".join(pair)[:40])
def test_usage_errors(arguments: tuple[str, ...], cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    if arguments[0] == "--scheduler":
        pytest.importorskip("distributed")
    monkeypatch.chdir(tmp_path)
    found = run(cli, tmp_path, *arguments)
    assert (found.code, found.out) == (2, "")
    assert found.err.startswith("error: ") and WRONG[arguments] in found.err
    assert "help: " in found.err or "cannot read" in found.err


def test_a_setting_of_what_the_space_varies(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    Path("space.yaml").write_text("costcalc-space: 1\nhyperparameters: {alpha: [0.5, 1]}\n")
    found = cli("search", "mobilenet_v1", "--space", "space.yaml", "--alpha", "0.5")
    assert (found.code, "`alpha` is set, and the space varies it" in found.err) == (2, True)
    found = cli("search", "mobilenet_v1", "--space", "space.yaml", "--resolution", "128", "--format", "json")
    assert [p["choices"]["alpha"] for p in json.loads(found.out)["front"]] == [1, 0.5]
    assert json.loads(found.out)["hyperparameters"] == {"resolution": 128}


def test_nothing_that_can_be_built(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    Path("space.yaml").write_text("costcalc-space: 1\nhyperparameters: {alpha: [1/3, 1/5]}\n")
    Path("spec.yaml").write_text(
        "costcalc: 1\nhyperparameters: {alpha: 1}\ninput: [3, 8, 8]\nlayers: [conv: {out: 8*alpha}]\n"
    )
    found = cli("search", "spec.yaml", "--space", "space.yaml")
    assert (found.code, found.out) == (2, "")
    assert found.err.startswith("error: none of the 2 points can be built\n  help: point 0: ")


def test_names_from_files_act_nowhere(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    Path("chain.yaml").write_text(SPEC.replace("name: Chain", r'name: "\e[31m=cmd()<b>\e]0;x\a"'), encoding="utf-8")
    Path("space.yaml").write_text(SPACE % 8 + 'name: "\\e[2J</title>"\n')
    for format in ("table", "md", "csv", "latex", "html"):
        out = cli("search", "chain.yaml", "--space", "space.yaml", "--format", format).out
        assert "\x1b" not in out and "\x07" not in out, format
        assert format != "html" or ("<b>" not in out and out.count("</title>") == 1)
        assert format != "csv" or not any(cell[:1] in "=+-@" for row in csv.reader(io.StringIO(out)) for cell in row)


def test_extras_that_are_missing_are_named(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "distributed", None)
    found = run(cli, tmp_path, "--scheduler", "tcp://127.0.0.1:1")
    assert (found.code, "pip install 'costcalc[cluster]'" in found.err) == (2, True)
    with pytest.raises(CostcalcError):
        library()


def test_a_space_is_read_from_its_own_text():
    """The document of a worker has no file, and counts the same."""
    document = parse_document(Source("nowhere.yaml", SPEC))
    space = read_space(document, Source("nowhere too", SPACE % WIDEST))
    assert [axis.name for axis in space.grid.axes] == [
        f"stage{i}.{column}" for i, column in itertools.product(range(1, 5), ("out", "k"))
    ]  # fmt: skip

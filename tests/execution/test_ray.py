"""`--executor ray` on a real cluster of two nodes on this machine."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from patcher.bench.inputs import plan_inputs
from patcher.bench.speed import BenchPlan
from patcher.bench.stopwatch import Workload
from patcher.bench.timing import Terms, TimingObserver, time_arms
from patcher.execution.executor import Job, Step, find_executor
from patcher.execution.results import Arm, Outcome
from patcher.execution.sandbox import GUARDS
from patcher.verify.judge import judge
from patcher.verify.judgement import Verdict
from tests.execution.test_process import call, site
from tests.smalltarget.adapter import MODELS, TESTS
from tests.verify.judging import request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from patcher.bench.records import ProcessTiming
    from patcher.execution.ray.executor import RayExecutor

ray = pytest.importorskip("ray", reason="the extra `ray` is not installed")

pytestmark = [
    pytest.mark.slow,  # a cluster takes ten seconds to start and workers of Ray's three each
    pytest.mark.filterwarnings("default"),  # Ray's own
]

NAP = "tests.execution.worker_side:nap"
ONE_BLOCK = BenchPlan("one block", looks=(2,), confidence=0.5, timed=2)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Two nodes of two processors each, which keep what they are sent in folders of their own."""
    from ray.cluster_utils import Cluster

    caches = tmp_path_factory.mktemp("caches")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("PATCHER_HOST_CACHE", str(caches / "one"))
        actual = started(lambda: Cluster(initialize_head=True, head_node_args={"num_cpus": 2}))
        patch.setenv("PATCHER_HOST_CACHE", str(caches / "two"))
        actual.second = started(lambda: actual.add_node(num_cpus=2))
        actual.caches = caches
        patch.setenv("RAY_ADDRESS", actual.address)
        yield actual
        ray.shutdown()
        actual.shutdown()


def started(start: Callable[[], Any]) -> Any:
    """What ``start`` gives; Ray itself waits 30 s for a node, which a busy machine may not make."""
    for _ in range(3):
        try:
            return start()
        except Exception as error:
            if "timed out during startup" not in str(error):
                raise
    pytest.skip("this machine is too busy: no node of Ray was up within its 30 s")


@pytest.fixture
def executor(cluster: Any) -> Iterator[RayExecutor]:
    with find_executor("ray", 1) as actual:  # type: ignore[attr-defined]
        yield actual


def test_both_hosts_take_part_and_their_guards_are_counted(executor: RayExecutor) -> None:
    assert executor.slots() == 2
    assert len(executor.kernels()) == 2
    assert executor.machine()["processors"] >= 1


def test_the_verdict_is_the_local_one_for_the_same_seeds_and_trees(
    cluster: Any, tmp_path: Path
) -> None:
    """One of the two models raises; every word of the verdict is the same on either executor."""
    change = ("        rng = random.Random(seed)\n",
              "        if self.pitch > 200: raise ValueError('too high')\n"
              "        rng = random.Random(seed)\n")  # fmt: skip
    both = {}
    for name in ("local", "ray"):
        folder = tmp_path / name
        folder.mkdir()
        both[name] = judge(request(folder, change, seed=7, inputs=2, executor=name))
    here, there = both["local"], both["ray"]
    assert here.verdict is there.verdict is Verdict.FAIL
    assert there.sentence == here.sentence
    assert there.guards == here.guards
    assert [answers(one) for one in there.cases] == [answers(one) for one in here.cases]
    assert there.exercised == here.exercised


def test_a_pristine_copy_passes_to_the_bit_on_hosts(cluster: Any, tmp_path: Path) -> None:
    actual = judge(request(tmp_path, seed=7, inputs=1, executor="ray"))
    assert actual.verdict is Verdict.PASS
    assert actual.guards == tuple(each for each in GUARDS if each in actual.guards)


def answers(case: Any) -> Any:
    """What a case came to: its status, and every array that was returned, by hash."""
    arms = [
        (one.outcome, one.failure and one.failure.signature, [s.sha256 for s in one.returned])
        for one in (case.baseline, case.patched)
        if one
    ]
    return str(case.case), case.status, case.reason, arms


def test_a_tree_travels_once_and_by_its_hash(executor: RayExecutor, cluster: Any,
                                             tmp_path: Path) -> None:  # fmt: skip
    where = site(tmp_path)
    held = [call_rate(executor, where) for _ in range(4)]
    assert held == [8000] * 4
    kept = Counter(path.name for path in cluster.caches.glob("*/parcels/*/*"))
    assert kept["tree"] <= 2  # one of each host at most, after four jobs
    voice = next(cluster.caches.glob("*/parcels/*/tree/hum/voice.py"))
    voice.chmod(0o644)
    voice.write_text(voice.read_text().replace("RATE = 8000", "RATE = 4000"))
    assert {call_rate(executor, where) for _ in range(4)} == {8000}  # it was sent again


def call_rate(executor: RayExecutor, where: Any) -> Any:
    report = call(executor, where, "tests.execution.worker_side:rate")
    assert report.failure is None, report.failure
    return report.value["value"]


def test_the_clock_is_held_beside_the_worker(executor: RayExecutor, tmp_path: Path) -> None:
    """What the way between hosts takes is in no time that is judged."""
    where = replace(site(tmp_path), deterministic=False)
    steps = (Step("call", {"function": NAP, "arguments": {"seconds": 0}}, 20),)
    began = time.monotonic()
    handle = executor.submit(Job(where, steps))
    (report,) = [one for one in executor.wait() if one.job == handle]
    assert report.outcome is Outcome.OK, report.failure
    assert report.disturbance is not None  # read there, not here
    assert report.wall_s < (time.monotonic() - began) / 2


def workload(seed: str) -> Workload:
    models = plan_inputs([(MODELS[0], TESTS[:1])], ONE_BLOCK, seed)
    return Workload(models, {}, timeout_s=60, component_repeats=0)


def test_a_pair_never_splits_and_one_job_is_timed_a_device(
    executor: RayExecutor, tmp_path: Path
) -> None:
    where = replace(site(tmp_path), deterministic=False)
    steps = (Step("call", {"function": "tests.execution.worker_side:rate", "arguments": {}}, 60),)
    pairs = ["first", "second", "third"]
    handles = {executor.submit(Job(where, steps, pair)): pair for pair in pairs for _ in Arm}
    seen: dict[str, set[str]] = {}
    while executor._running:
        at_once = Counter(flight.host.node for flight in executor._running.values())
        assert set(at_once.values()) == {1}
        for handle, flight in executor._running.items():
            seen.setdefault(handles[handle], set()).add(flight.host.node)
        executor.wait()
    assert {pair: len(nodes) for pair, nodes in seen.items()} == dict.fromkeys(pairs, 1)


def test_blocks_of_pairs_are_timed_on_both_hosts_at_once(cluster: Any, tmp_path: Path) -> None:
    """Two blocks, two hosts: each has one of them whole, and both run at the same time."""
    arms = {arm: site(tmp_path / arm.value) for arm in Arm}
    nodes: dict[str, list[str]] = {}
    with find_executor("ray", 1) as executor:  # type: ignore[attr-defined]
        assert executor.timing_slots() == 2
        submit, at_once = executor.submit, [0]

        def submitted(job: Job) -> int:
            handle: int = submit(job)
            at_once[0] = max(at_once[0], len(executor._running))
            nodes.setdefault(job.pair, []).append(executor._pairs[job.pair].node)
            return handle

        executor.submit = submitted
        actual = time_arms(
            Terms(replace(ONE_BLOCK, looks=(4,))), executor, arms, workload,
            tmp_path / "runs.sqlite",
        )  # fmt: skip
    assert [pair.index for pair in actual.run.pairs] == [0, 1, 2, 3]
    assert at_once == [2]
    assert len(nodes) == 2  # a word a lane
    assert len({node for of_lane in nodes.values() for node in of_lane}) == 2
    assert all(len(set(of_lane)) == 1 for of_lane in nodes.values())


def held(node: str) -> tuple[float, float]:
    """Processors and GPUs that Ray has handed out on a node."""
    (all_of_it,) = [each["Resources"] for each in ray.nodes() if each["NodeID"] == node]
    free = ray._private.state.available_resources_per_node()[node]
    cpu, gpu = (all_of_it.get(key, 0) - free.get(key, 0) for key in ("CPU", "GPU"))
    return cpu, gpu


def test_a_timed_job_holds_one_gpu_and_a_second_one_waits_for_it(
    cluster: Any, tmp_path: Path
) -> None:
    """Where a job is placed is Ray's count of GPUs: a node can have one that no driver knows."""
    node = cluster.add_node(num_cpus=2, num_gpus=1)
    rate = Step("call", {"function": "tests.execution.worker_side:rate", "arguments": {}}, 60)
    nap = Step("call", {"function": NAP, "arguments": {"seconds": 2}}, 60)
    try:
        with find_executor("ray", 1) as executor:  # type: ignore[attr-defined]
            assert {each.node: each.gpus for each in executor._hosts}[node.node_id] == 1
            timed = replace(site(tmp_path), deterministic=False)
            handles = [executor.submit(Job(timed, (rate, nap), pair)) for pair in ("a", "b")]
            assert [*executor._running] == handles[:1]  # one is timed a device
            assert executor._running[handles[0]].host.node == node.node_id
            assert any(executor.wait())  # the first step's answer: the job is placed
            assert held(node.node_id) == (timed.threads, 1)
            other = replace(timed, device="cpu")
            executor.submit(Job(other, (nap,), "c"))
            assert len(executor._running) == 1  # the host times one thing at a time
            while executor._running:
                executor.wait()
            assert executor._pairs["a"].node == executor._pairs["b"].node == node.node_id
    finally:
        cluster.remove_node(node, allow_graceful=False)


def test_a_lost_host_costs_its_pair_only(cluster: Any, tmp_path: Path) -> None:
    """The host of the first pair is killed while it is timed: the pair is run again elsewhere."""
    arms = {arm: site(tmp_path / arm.value) for arm in Arm}
    with find_executor("ray", 1) as executor:  # type: ignore[attr-defined]
        executor._hosts.sort(key=lambda each: each.node != cluster.second.node_id)
        nodes: list[str] = []
        lost: list[str] = []
        submit = executor.submit

        def submitted(job: Job) -> int:
            handle: int = submit(job)
            nodes.append(executor._pairs[job.pair].node)
            if not lost:
                lost.append(nodes[0])
                cluster.remove_node(cluster.second, allow_graceful=False)  # as a power cut
            return handle

        executor.submit = submitted
        timed: list[ProcessTiming] = []
        actual = time_arms(
            Terms(ONE_BLOCK), executor, arms, workload, tmp_path / "runs.sqlite",
            TimingObserver(progress=lambda _, timing: timed.append(timing)),
        )  # fmt: skip
    assert len(actual.run.pairs) == 2
    assert actual.run.lost
    assert timed[0].outcome is Outcome.KILLED
    assert "was lost" in timed[0].failure
    assert lost[0] not in nodes[2:]  # the pair's other process went with it; all others elsewhere


def test_a_job_that_nobody_times_starts_again_on_another_host(cluster: Any, tmp_path: Path) -> None:
    """Every step is reported once, and the loss is said."""
    if all(node.node_id != cluster.second.node_id for node in cluster.list_all_nodes()):
        cluster.second = cluster.add_node(num_cpus=2)
    rate = Step("call", {"function": "tests.execution.worker_side:rate", "arguments": {}}, 60)
    nap = Step("call", {"function": NAP, "arguments": {"seconds": 3}}, 60)
    with find_executor("ray", 1) as executor:  # type: ignore[attr-defined]
        executor._hosts.sort(key=lambda each: each.node != cluster.second.node_id)
        executor.submit(Job(site(tmp_path), (rate, nap, rate)))
        reports = executor.wait()
        cluster.remove_node(cluster.second, allow_graceful=False)
        while not reports[-1].last:
            reports += executor.wait()
    assert [each.step for each in reports if each.progress is None] == [0, 1, 2]
    assert {each.outcome for each in reports} == {Outcome.OK}
    assert any("starts again on another one" in (each.progress or "") for each in reports)

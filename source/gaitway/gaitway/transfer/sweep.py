"""Episodes under many conditions: plain MuJoCo in as many processes as there are cores, other engines in one."""

from __future__ import annotations

import json
import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gaitway.errors import BrokenError
from gaitway_deploy.bundle import Bundle
from gaitway_deploy.policy import Policy

from .conditions import Conditions
from .engines import PRESETS, start_worker
from .judge import judge
from .robustness import Point
from .schedule import Schedule
from .stage import play

if TYPE_CHECKING:
    from gaitway_deploy.drivers.mujoco import MujocoRobot

CHUNK = 10
"""Episodes that a process takes at a time."""
Job = tuple[Conditions, range]
Result = tuple[Conditions, list[bool], list[str]]


def measure(
    bundle: Bundle,
    engine: str,
    schedule: Schedule,
    points: Mapping[Conditions, int],
    seed: int,
    folder: Path,
    say: Callable[[str], None],
    *,
    verbose: bool = False,
) -> dict[Conditions, Point]:
    """Run episodes under conditions; the first n of the schedule under each.

    Args:
        bundle: The bundle.
        engine: Name of an engine, as in :data:`.engines.PRESETS`.
        schedule: As many episodes as any condition needs.
        points: How many episodes each condition is to have.
        seed: Of noise and pushes.
        folder: For schedule and log of an engine of Isaac Lab's.
        say: Called with lines of progress.
        verbose: Leave what the engine prints on the terminal.

    Raises:
        BrokenError: The engine failed.
    """
    jobs = [
        (conditions, range(start, min(start + CHUNK, count)))
        for conditions, count in points.items()
        for start in range(0, count, CHUNK)
    ]
    if PRESETS[engine] is None:
        results = _in_processes(bundle, schedule, jobs, seed, say)
    else:
        results = _in_engine(bundle, engine, schedule, jobs, seed, folder, say, verbose=verbose)
    success: dict[Conditions, list[bool]] = {conditions: [] for conditions in points}
    causes: dict[Conditions, Counter[str]] = {conditions: Counter() for conditions in points}
    for conditions, verdicts, why in results:
        success[conditions] += verdicts
        causes[conditions].update(text for text in why if text)
    return {
        conditions: Point(conditions, tuple(success[conditions]), dict(causes[conditions])) for conditions in points
    }


# -- plain MuJoCo -----------------------------------------------------------------------------------------------------


class _Bench:
    """What a process keeps: the robot, the policy, the schedule."""

    def __init__(self, path: Path, schedule: Schedule, seed: int):
        from .plain_mujoco import configured

        self.bundle = Bundle.open(path)
        self.schedule = schedule
        self.seed = seed
        self.policy = Policy(self.bundle)
        self.robot: MujocoRobot = configured(self.bundle, Conditions())

    def run(self, job: Job) -> Result:
        """Run some episodes under the same conditions, and judge them."""
        from .plain_mujoco import PlainStage, configure

        conditions, episodes = job
        configure(self.robot, conditions)
        success, causes = [], []
        for episode in episodes:
            stage = PlainStage(self.robot, conditions, [self.seed, episode])
            one = self.schedule.part(slice(episode, episode + 1))
            found = judge(self.bundle.contract, play(self.bundle, stage, one, engine="mujoco", policy=self.policy))
            success.append(bool(found.success[0]))
            causes += found.cause
        return conditions, success, causes


_bench: _Bench


def _set_up(path: Path, schedule: Schedule, seed: int) -> None:
    global _bench
    _bench = _Bench(path, schedule, seed)


def _run(job: Job) -> Result:
    return _bench.run(job)


def _in_processes(
    bundle: Bundle, schedule: Schedule, jobs: Sequence[Job], seed: int, say: Callable[[str], None]
) -> list[Result]:
    workers = len(os.sched_getaffinity(0))
    context = multiprocessing.get_context("spawn")
    clock = _Clock(sum(len(episodes) for _, episodes in jobs), say)
    results = []
    with ProcessPoolExecutor(workers, context, _set_up, (bundle.path.resolve(), schedule, seed)) as pool:
        try:
            for done in as_completed([pool.submit(_run, job) for job in jobs]):
                results.append(done.result())
                clock.done(len(results[-1][1]))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return sorted(results, key=lambda result: [conditions for conditions, _ in jobs].index(result[0]))


class _Clock:
    """Tells how far it is, and how long it will take, ten times at most."""

    def __init__(self, episodes: int, say: Callable[[str], None]):
        self._all, self._done, self._told = episodes, 0, 0
        self._begin = time.monotonic()
        self._say = say

    def done(self, episodes: int) -> None:
        """Some more are done."""
        self._done += episodes
        tenth = 10 * self._done // self._all
        if tenth > self._told:
            self._told = tenth
            spent = time.monotonic() - self._begin
            left = spent / self._done * (self._all - self._done)
            self._say(f"{self._done} of {self._all} episodes after {spent:.0f} s, about {left:.0f} s to go")


# -- Isaac Lab's engines ----------------------------------------------------------------------------------------------


def _in_engine(
    bundle: Bundle,
    engine: str,
    schedule: Schedule,
    jobs: Sequence[Job],
    seed: int,
    folder: Path,
    say: Callable[[str], None],
    *,
    verbose: bool,
) -> list[Result]:
    schedule.save(folder / "schedule.npz")
    wanted = [{"conditions": asdict(conditions), "episodes": list(episodes)} for conditions, episodes in jobs]
    (folder / "jobs.json").write_text(json.dumps({"seed": seed, "jobs": wanted}), encoding="utf-8")
    output = folder / "results.json"
    output.unlink(missing_ok=True)
    error = start_worker(
        bundle.path.resolve(),
        engine,
        folder,
        output,
        ["--jobs", str(folder / "jobs.json")],
        lambda text, _: say(f"{engine}: {text}"),
        verbose=verbose,
    )
    if error is not None:
        raise BrokenError(f"{engine} failed: {error}")
    return [
        (Conditions(**item["conditions"]), item["success"], item["causes"])
        for item in json.loads(output.read_text(encoding="utf-8"))
    ]


def run_jobs(path: Path, engine: str, schedule: Schedule, jobs: Mapping[str, Any], tell: Callable[..., None]) -> Any:
    """Run jobs in an engine of Isaac Lab's: the part that is done in its process.

    Args:
        path: The bundle.
        engine: Name of the engine.
        schedule: The episodes.
        jobs: What :func:`measure` wrote.
        tell: Called with ``step``, ``steps``, ``episodes`` and ``seconds`` now and then.

    Returns:
        Plain values: conditions, success and causes of each job.
    """
    import numpy as np

    from .isaac_lab import IsaacLabStage, open_environment

    bundle = Bundle.open(path)
    policy = Policy(bundle)
    each = [(i, episode) for i, job in enumerate(jobs["jobs"]) for episode in job["episodes"]]
    conditions = [Conditions(**job["conditions"]) for job in jobs["jobs"]]
    results = [{"conditions": job["conditions"], "success": [], "causes": []} for job in jobs["jobs"]]
    size = min(MOST_ROBOTS, len(each))
    begin = time.monotonic()
    physics = PRESETS[engine]
    assert physics is not None
    with open_environment(bundle.contract, physics, size, by_substep=True) as env:
        stage = IsaacLabStage(env, bundle.contract)
        tell(step=0, steps=len(each), episodes=len(each), seconds=0.0)
        for start in range(0, len(each), size):
            # The last batch is filled up with episodes that nobody looks at.
            batch = (each[start : start + size] * size)[:size]
            stage.bear([conditions[i] for i, _ in batch], [(jobs["seed"], episode) for _, episode in batch])
            part = schedule.part(np.array([episode for _, episode in batch]))
            found = judge(bundle.contract, play(bundle, stage, part, engine=engine, policy=policy))
            for (i, _), success, cause in zip(each[start : start + size], found.success, found.cause, strict=False):
                results[i]["success"].append(bool(success))
                results[i]["causes"].append(cause)
            tell(
                step=min(start + size, len(each)),
                steps=len(each),
                episodes=len(each),
                seconds=time.monotonic() - begin,
            )
    return results


MOST_ROBOTS = 256
"""Robots that an engine has at a time."""

"""Episodes on a stage: every robot has a runtime of its own, and all take their steps together."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from gaitway_deploy.policy import Policy
from gaitway_deploy.runtime import Runtime
from gaitway_deploy.safety import Intervention, SafetyCfg

from .schedule import Schedule
from .traces import Snapshot, Traces

if TYPE_CHECKING:
    from gaitway_deploy.bundle import Bundle
    from gaitway_deploy.state import Robot

Progress = Callable[[int, int], None]
"""Called with the control steps done, and those of all."""


class Stage(Protocol):
    """Robots that move together."""

    @property
    def robots(self) -> Sequence[Robot]:
        """A driver each; their clock is the stage's."""
        ...

    def begin(self, schedule: Schedule) -> None:
        """Put every robot where its episode begins."""
        ...

    def ask(self, schedule: Schedule, step: int) -> None:
        """Hear of the commands of a control step."""
        ...

    def advance(self) -> None:
        """Let a control period pass."""
        ...

    def snapshot(self) -> Snapshot:
        """The ground truth of all robots."""
        ...


def safety_of_an_episode(*, on: bool = True) -> SafetyCfg:
    """The safety rules of a robot, but that an episode begins as in training: at once, where it is put.

    Args:
        on: Whether there are any rules; without them one sees what they do.
    """
    return SafetyCfg(soft_start_s=None) if on else SafetyCfg.off()


class Feed:
    """Command source that gives what the schedule says, step by step."""

    def __init__(self, schedule: Schedule, episode: int):
        self._schedule = schedule
        self._episode = episode
        self.step = 0

    def read(self, time: float) -> Mapping[str, np.ndarray]:
        """The commands of the current step."""
        return self._schedule.at(self._episode, self.step)


def play(
    bundle: Bundle,
    stage: Stage,
    schedule: Schedule,
    *,
    engine: str,
    policy: Policy | None = None,
    safety: bool = True,
    progress: Progress = lambda step, steps: None,
) -> Traces:
    """Run the episodes of a schedule, one a robot, through the robot's own runtime.

    Args:
        bundle: The bundle.
        stage: As many robots as there are episodes.
        schedule: The episodes.
        engine: Name of the engine, for the traces.
        policy: The bundle's, if it is loaded already.
        safety: Whether the safety rules are on.
        progress: Told how far it is.
    """
    contract = bundle.contract
    policy = policy or Policy(bundle)
    feeds = [Feed(schedule, episode) for episode in range(schedule.num_episodes)]
    runtimes = [
        Runtime(policy, robot, safety_of_an_episode(on=safety), command=feed)
        for robot, feed in zip(stage.robots, feeds, strict=True)
    ]
    traces = Traces.empty(
        engine,
        control_dt=contract.control_dt,
        joints=len(contract.joint_names),
        observations=contract.obs_width,
        commands=schedule.commands,
    )
    stage.begin(schedule)
    for runtime in runtimes:
        runtime.start()
    traces.note(stage.snapshot(), 0)
    progress(0, schedule.num_steps)
    running = list(range(schedule.num_episodes))
    for step in range(schedule.num_steps):
        stage.ask(schedule, step)
        for episode in running:
            feeds[episode].step = step
            status = runtimes[episode].step()
            traces.obs[episode, step] = status.obs
            traces.targets[episode, step] = status.targets
            traces.steps[episode] += status.mode == "policy"
        stage.advance()
        traces.note(stage.snapshot(), step + 1)
        running = [episode for episode in running if runtimes[episode].mode == "policy"]
        progress(step + 1, schedule.num_steps)
        if not running:
            break
    for episode, runtime in enumerate(runtimes):
        traces.interventions[episode] = [plain(item) for item in runtime.interventions]
    return traces


def plain(intervention: Intervention) -> dict[str, Any]:
    """An intervention as JSON holds it."""
    return dataclasses.asdict(intervention)

"""Registration: one call gives a task to Gymnasium, to Isaac Lab's tools and to Gaitway's."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass

import gymnasium as gym

from gaitway.errors import UsageError

PREFIX = "Gaitway-"
PLAY_SUFFIX = "-Play"


class UnknownNameError(UsageError):
    """A task or agent that does not exist; the message names the nearest ones."""


@dataclass(frozen=True)
class Scale:
    """How large to train when the user does not say."""

    num_envs: int
    """Parallel environments."""
    iterations: int
    """Iterations of the learner: rollouts, each followed by an update."""


@dataclass(frozen=True)
class TaskInfo:
    """What Gaitway knows of a task beside its config."""

    id: str
    robot: str
    """Robot, as people call it."""
    summary: str
    """One line: what the robot is to do."""
    success: str
    """One line: when an episode counts as a success."""
    default_agent: str
    """Agent that trains it when none is named, such as ``rsl_rl_ppo``."""
    agents: Mapping[str, str]
    """Where each agent's recipe is: the key of ``kwargs`` in the Gymnasium spec, by agent."""
    cpu: Scale
    cuda: Scale

    def scale(self, device: str) -> Scale:
        """The size for a device."""
        return self.cuda if device.startswith("cuda") else self.cpu

    def recipe_key(self, agent: str) -> str:
        """Entry point key of an agent's recipe.

        Raises:
            UnknownNameError: The task has no such agent.
        """
        if agent not in self.agents:
            raise UnknownNameError(
                f"Unknown agent '{agent}' for {self.id}.{_nearest(agent, list(self.agents))} "
                f"It has: {', '.join(self.agents)}."
            )
        return self.agents[agent]


_TASKS: dict[str, TaskInfo] = {}


def register_task(
    task_id: str,
    *,
    env_cfg: str,
    play_env_cfg: str,
    recipes: Mapping[str, str],
    robot: str,
    summary: str,
    success: str,
    cpu: Scale,
    cuda: Scale,
) -> None:
    """Register a task and its ``-Play`` variant.

    Args:
        task_id: ``Gaitway-<Task>-<Variant>-<Robot>``.
        env_cfg: The environment's config, as ``package.module:Class``.
        play_env_cfg: The same without randomisation, for playing and judging.
        recipes: Recipe of each agent, ``<library>_<algorithm>`` to entry point; the first is the default.
        robot: Robot, as people call it.
        summary: What the robot is to do.
        success: When an episode counts as a success.
        cpu: Size of a training run on a CPU.
        cuda: Size of a training run on a GPU.

    Raises:
        ValueError: The id is taken or badly formed.
    """
    if not task_id.startswith(PREFIX) or task_id.endswith(PLAY_SUFFIX):
        raise ValueError(f"Task id '{task_id}' must begin with '{PREFIX}' and not end in '{PLAY_SUFFIX}'.")
    keys = {agent: _recipe_key(agent) for agent in recipes}
    default_agent = next(iter(recipes))
    for variant, cfg in ((task_id, env_cfg), (task_id + PLAY_SUFFIX, play_env_cfg)):
        if variant in gym.registry:
            raise ValueError(f"Task '{variant}' is registered twice.")
        gym.register(
            id=variant,
            entry_point="gaitway.tasks.env:TaskEnv",
            disable_env_checker=True,
            kwargs={
                "env_cfg_entry_point": cfg,
                "default_agent": default_agent.rpartition("_")[0],
                **{keys[agent]: recipe for agent, recipe in recipes.items()},
            },
        )
    _TASKS[task_id] = TaskInfo(task_id, robot, summary, success, default_agent, keys, cpu, cuda)


def _recipe_key(agent: str) -> str:
    # Isaac Lab's tools look for `<library>_cfg_entry_point`; PPO is what they expect behind it.
    library, _, algorithm = agent.rpartition("_")
    return f"{library}_cfg_entry_point" if algorithm == "ppo" else f"{agent}_cfg_entry_point"


def task_ids() -> list[str]:
    """Ids of all tasks, without their ``-Play`` variants."""
    return sorted(_TASKS)


def find_task(name: str) -> TaskInfo:
    """Look up a task by its id or that of its ``-Play`` variant.

    Raises:
        UnknownNameError: There is none; the message names the nearest.
    """
    task_id = name.removesuffix(PLAY_SUFFIX)
    if task_id not in _TASKS:
        raise UnknownNameError(f"Unknown task '{name}'.{_nearest(name, task_ids())} 'gaitway list' shows all.")
    return _TASKS[task_id]


def _nearest(name: str, names: list[str]) -> str:
    near = difflib.get_close_matches(name, names, n=2, cutoff=0.4)
    return f" Did you mean {' or '.join(near)}?" if near else ""

"""Registration: one call gives a task to Gymnasium, to Isaac Lab's tools and to Gaitway's."""

from __future__ import annotations

import difflib
import importlib
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

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
    threshold: float
    """Share of successful episodes from which the task counts as learned."""
    agents: Mapping[str, str]
    """Where each agent's recipe is: the key of ``kwargs`` in the Gymnasium spec, by agent."""
    cpu: Mapping[str, Scale]
    """Size of a training run on a CPU, by agent; the first is trained when none is named."""
    cuda: Mapping[str, Scale]
    """The same on a GPU."""
    module: str | None = None
    """Where it is registered, if outside of Gaitway."""

    @property
    def name(self) -> str:
        """How a later process finds it: ``module:id``, as Gymnasium has it, or the id alone of a task of Gaitway's."""
        return f"{self.module}:{self.id}" if self.module else self.id

    def default_agent(self, device: str) -> str:
        """Agent that trains it on a device when none is named, such as ``rsl_rl_ppo``."""
        return next(iter(self.cuda if device.startswith("cuda") else self.cpu))

    def scale(self, device: str, agent: str) -> Scale:
        """The size for an agent on a device."""
        return (self.cuda if device.startswith("cuda") else self.cpu)[agent]

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
    play_env_cfg: str | None = None,
    recipes: Mapping[str, str],
    robot: str,
    summary: str,
    success: str,
    cpu: Scale | Mapping[str, Scale],
    cuda: Scale | Mapping[str, Scale],
    threshold: float = 0.9,
) -> None:
    """Register a task and its ``-Play`` variant.

    Args:
        task_id: ``Gaitway-<Task>-<Variant>-<Robot>``; a task of your own begins with a name of yours.
        env_cfg: The environment's config, as ``package.module:Class``.
        play_env_cfg: The same for playing and judging, where its ``play_mode()`` is not all that this takes.
        recipes: Recipe of each agent, ``<library>_<algorithm>`` to entry point; the first is what Isaac Lab's own
            commands take when none is named.
        robot: Robot, as people call it.
        summary: What the robot is to do.
        success: When an episode counts as a success.
        cpu: Size of a training run on a CPU; by agent if they differ, the one that learns the task first at the head.
            An agent that is not named has the size of the first with its algorithm.
        cuda: The same on a GPU.
        threshold: Share of successful episodes from which it counts as learned.

    Raises:
        ValueError: The id is taken or badly formed, the threshold is no share, or a size is of no agent.
    """
    module = env_cfg.partition(":")[0]
    module_of_others = None if module.partition(".")[0] == "gaitway" else module
    if not module_of_others and not task_id.startswith(PREFIX):
        raise ValueError(f"Task id '{task_id}' must begin with '{PREFIX}'.")
    if not task_id or ":" in task_id or task_id.endswith(PLAY_SUFFIX):
        raise ValueError(f"Task id '{task_id}' must not be empty, have a ':' in it or end in '{PLAY_SUFFIX}'.")
    if not 0.0 < threshold <= 1.0:
        raise ValueError(f"Task '{task_id}': its threshold is a share of episodes, not {threshold}.")
    keys = {agent: _recipe_key(agent) for agent in recipes}
    on_cpu, on_cuda = (_sizes(task_id, recipes, given) for given in (cpu, cuda))
    play_env_cfg = play_env_cfg or f"gaitway.tasks.play:{task_id}"
    for variant, cfg in ((task_id, env_cfg), (task_id + PLAY_SUFFIX, play_env_cfg)):
        if variant in gym.registry:
            raise ValueError(f"Task '{variant}' is registered twice.")
        gym.register(
            id=variant,
            entry_point="gaitway.tasks.env:TaskEnv",
            disable_env_checker=True,
            kwargs={
                "env_cfg_entry_point": cfg,
                "default_agent": _split(next(iter(recipes)))[0],
                **{keys[agent]: recipe for agent, recipe in recipes.items()},
            },
        )
    _TASKS[task_id] = TaskInfo(task_id, robot, summary, success, threshold, keys, on_cpu, on_cuda, module_of_others)


def _split(agent: str) -> tuple[str, str]:
    library, _, algorithm = agent.rpartition("_")
    return library, algorithm


def _sizes(task_id: str, recipes: Mapping[str, str], given: Scale | Mapping[str, Scale]) -> dict[str, Scale]:
    """A size for every agent, those given first."""
    if isinstance(given, Scale):
        return dict.fromkeys(recipes, given)
    strangers = [agent for agent in given if agent not in recipes]
    if strangers or not given:
        raise ValueError(f"Task '{task_id}': sizes for {strangers or 'no agent'}; it has {', '.join(recipes)}.")
    sizes = dict(given)
    for agent in recipes:
        alike = [size for other, size in given.items() if _split(other)[1] == _split(agent)[1]]
        sizes.setdefault(agent, (alike or list(given.values()))[0])
    return sizes


def _recipe_key(agent: str) -> str:
    # Isaac Lab's tools look for `<library>_cfg_entry_point`; PPO is what they expect behind it.
    library, algorithm = _split(agent)
    return f"{library}_cfg_entry_point" if algorithm == "ppo" else f"{agent}_cfg_entry_point"


def task_ids() -> list[str]:
    """Ids of all tasks, without their ``-Play`` variants."""
    return sorted(_TASKS)


def find_task(name: str) -> TaskInfo:
    """Look up a task by its id or that of its ``-Play`` variant.

    Args:
        name: The id, or ``module:id`` of a task that a module of yours registers, which is then imported, from the
            folder that one is in, too.

    Raises:
        UnknownNameError: There is none; the message names the nearest.
    """
    module, _, task_id = name.removesuffix(PLAY_SUFFIX).rpartition(":")
    if module:
        _import(module, name)
    if task_id not in _TASKS:
        raise UnknownNameError(f"Unknown task '{name}'.{_nearest(name, task_ids())} 'gaitway list' shows all.")
    return _TASKS[task_id]


def _import(module: str, name: str) -> None:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    try:
        importlib.import_module(module)
    except ImportError as error:
        raise UnknownNameError(
            f"Task '{name}': cannot import '{module}' ({error}); go to the folder that it is in, or install it."
        ) from error
    except Exception as error:  # whatever a user's module raises
        if isinstance(error, SyntaxError):
            where = f"{error.filename}, line {error.lineno}"
        else:
            frame = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{frame.filename}, line {frame.lineno}"
        told = " ".join(str(error).split())
        raise UnknownNameError(f"Task '{name}': '{module}' fails: {type(error).__name__}: {told} ({where}).") from error


def _nearest(name: str, names: list[str]) -> str:
    near = difflib.get_close_matches(name, names, n=2, cutoff=0.4)
    return f" Did you mean {' or '.join(near)}?" if near else ""

"""From the words of a command line to a running environment."""

from __future__ import annotations

import contextlib
import difflib
import os
import traceback
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gaitway.errors import Advice, BrokenError, UsageError

from .start_up import collector_running
from .terminal import library_output_to

if TYPE_CHECKING:
    from rich.console import Console

OPTIONS_FOR = {
    "env.scene.num_envs": "--num_envs",
    "env.seed": "--seed",
    "env.sim.device": "--device",
    "agent.seed": "--seed",
    "agent.device": "--device",
    "agent.max_iterations": "--iterations",
    "agent.trainer.timesteps": "--iterations",
}
"""Settings that an option of the command decides; an override of them would be lost."""
BYTES_PER_ENV = 100_000
"""Memory that an environment takes at least; a Go2 on Newton was measured at 160 kB."""
SELECTORS = ("physics", "renderer", "presets")
ENGINES = {
    "MujocoCpuSolverCfg": "mujoco_cpu",
    "BoxContactsSolverCfg": "newton_mjwarp",
    "MJWarpSolverCfg": "newton_mjwarp",
    "NewtonCfg": "newton_mjwarp",
    "OvPhysxCfg": "ovphysx",
    "PhysxCfg": "isaacsim_physx",
}
"""Names of presets, by the type of the solver's or the engine's config."""


def check_count(option: str, value: int | float | None, least: float, most: float = float("inf")) -> None:
    """Refuse a number outside its range.

    Raises:
        UsageError: The value is out of range.
    """
    if value is not None and not least <= value <= most:
        limit = f"at least {least:g}" if most == float("inf") else f"between {least:g} and {most:g}"
        raise UsageError(f"{option} {value}: must be {limit}.")


def pick_device(name: str | None) -> str:
    """The device to use: the one named, else a GPU if there is one, else the CPU.

    Raises:
        UsageError: There is no such device here.
    """
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name is None:
        return "cuda:0" if count else "cpu"
    kind, _, index = name.partition(":")
    if name == "cpu":
        return name
    if kind != "cuda" or (index and not index.isdigit()):
        raise UsageError(f"--device {name}: not a device; use cpu, cuda or cuda:N.")
    if count == 0:
        raise UsageError(
            f"--device {name}: torch finds no CUDA device here; use --device cpu. 'gaitway doctor' says why."
        )
    if int(index or 0) >= count:
        raise UsageError(f"--device {name}: this machine has {count} CUDA device(s), cuda:0 to cuda:{count - 1}.")
    return f"cuda:{index or 0}"


def check_memory(num_envs: int, device: str) -> None:
    """Refuse more environments than can fit, rather than have the system stop the process.

    Raises:
        UsageError: They cannot fit.
    """
    import psutil
    import torch

    total = torch.cuda.mem_get_info(device)[1] if device.startswith("cuda") else psutil.virtual_memory().total
    need = num_envs * BYTES_PER_ENV
    if need > total:
        raise UsageError(
            f"--num_envs {num_envs}: takes more than {need / 1e9:.0f} GB, and {device} has {total / 1e9:.0f} GB; "
            f"use at most {int(total / BYTES_PER_ENV)}, better far fewer."
        )


def resolve_configs(task_id: str, recipe_key: str | None, overrides: Sequence[str]) -> tuple[Any, Any]:
    """Load a task's environment config and recipe, with overrides applied; shaping discounts as the recipe does.

    Args:
        task_id: Task id, of a ``-Play`` variant too.
        recipe_key: Entry point key of the recipe, or None for none.
        overrides: ``physics=NAME``, ``env.KEY=VALUE``, ``agent.KEY=VALUE``.

    Raises:
        UsageError: An override names something that does not exist.
    """
    with library_output_to(Path(os.devnull), as_json=True):
        return _resolve_configs(task_id, recipe_key, overrides)


def _resolve_configs(task_id: str, recipe_key: str | None, overrides: Sequence[str]) -> tuple[Any, Any]:
    from isaaclab_tasks.utils import resolve_task_config

    presets: list[str] = []
    values: list[str] = []
    for word in overrides:
        key, equals, _ = word.partition("=")
        if not equals:
            raise UsageError(f"'{word}': not understood; overrides look like physics=ovphysx or env.decimation=4.")
        (presets if key in SELECTORS else values).append(word)
    try:
        env_cfg, agent_cfg = resolve_task_config(task_id, recipe_key, overrides=presets)
    except ValueError as error:
        raise UsageError(f"{' '.join(presets)}: {_preset_hint(task_id, presets, error)}") from None
    if engine_of(env_cfg) == "isaacsim_physx":
        _require_isaac_sim()
    for word in values:
        _check_path(word, {"env": env_cfg, "agent": agent_cfg})
    if values:
        env_cfg, agent_cfg = resolve_task_config(task_id, recipe_key, overrides=[*presets, *values])
    if agent_cfg is not None:
        _share_discount(env_cfg, agent_cfg)
    return env_cfg, agent_cfg


def _share_discount(env_cfg: Any, agent_cfg: Any) -> None:
    """Potential-based shaping must discount as the learner does."""
    from gaitway.mdp.rewards import set_discount
    from gaitway.runs.learner import discount_of

    gamma = discount_of(agent_cfg)
    if gamma is not None:
        set_discount(env_cfg.rewards, gamma)


def _preset_hint(task_id: str, presets: Sequence[str], error: ValueError) -> str:
    from isaaclab_tasks.utils.preset_cli import enumerate_task_presets

    known = {target.value: names for target, names in (enumerate_task_presets(task_id) or {}).items()}
    for word in presets:
        key, _, name = word.partition("=")
        names = known.get(key, [])
        if key == "physics" and name not in names:
            return f"{task_id} has no such engine;{_nearest(name, names)} it has: {', '.join(sorted(names))}."
    return " ".join(str(error).split())[:300]


def _check_path(word: str, configs: Mapping[str, Any]) -> None:
    path = word.partition("=")[0]
    if path in OPTIONS_FOR:
        raise UsageError(f"'{word}': use {OPTIONS_FOR[path]} for this.")
    section, _, rest = path.partition(".")
    if configs.get(section) is None or not rest:
        raise UsageError(
            f"'{word}': overrides begin with {', '.join(f'{s}=' for s in SELECTORS)}, env. or agent.;"
            f"{_nearest(section, [*SELECTORS, 'env', 'agent'])} check the spelling."
        )
    node, done = configs[section], section
    for name in rest.split("."):
        names = list(node) if isinstance(node, Mapping) else [n for n in vars(node) if not n.startswith("_")]
        if name not in names:
            raise UsageError(f"'{word}': {done} has no '{name}';{_nearest(name, names)} it has: {', '.join(names)}.")
        node = node[name] if isinstance(node, Mapping) else getattr(node, name)
        done = f"{done}.{name}"
        if not (isinstance(node, Mapping) or hasattr(node, "__dict__")) and done != path:
            raise UsageError(f"'{word}': {done} is a plain value, nothing lies below it.")


def _nearest(name: str, names: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.4)
    return f" did you mean '{near[0]}'?" if near else ""


def engine_of(env_cfg: Any) -> str:
    """Name of the physics engine, as one would select it."""
    physics = env_cfg.sim.physics
    for name in (type(getattr(physics, "solver_cfg", None)).__name__, type(physics).__name__):
        if name in ENGINES:
            return ENGINES[name]
    return type(physics).__name__


def keep_broken_states(env_cfg: Any, task_id: str, folder: Path) -> None:
    """Have an engine that watches for broken environments write their last states to a folder."""
    solver_cfg = getattr(env_cfg.sim.physics, "solver_cfg", None)
    if solver_cfg is not None and hasattr(solver_cfg, "record_folder"):
        solver_cfg.record_folder, solver_cfg.record_task = str(folder), task_id


@contextlib.contextmanager
def simulation(task_id: str, env_cfg: Any, *, viewer: str | None = None) -> Iterator[Any]:
    """Start the engine, make the environment, and take both down again.

    Args:
        task_id: Task id, of a ``-Play`` variant too.
        env_cfg: Its resolved config.
        viewer: A visualizer of Isaac Lab's, or None for none.

    Yields:
        The Gymnasium environment.
    """
    import gymnasium as gym
    from isaaclab.app import launch_simulation

    launcher = {"visualizer": [viewer] if viewer else ["none"], "device": env_cfg.sim.device}
    with launch_simulation(env_cfg, launcher):
        env = gym.make(task_id, cfg=env_cfg)
        try:
            with collector_running():
                yield env
        finally:
            env.close()


def _require_isaac_sim() -> None:
    import importlib.util

    if importlib.util.find_spec("isaacsim") is None:
        raise UsageError("physics=isaacsim_physx: Isaac Sim is not installed; use physics=ovphysx, PhysX without it.")


@contextlib.contextmanager
def reporting(log: Path | None, *, as_json: bool) -> Iterator[Console]:
    """Keep the libraries' output in a log, and turn what goes wrong into lines that say what to do.

    Raises:
        UsageError: Also for a full disk and for memory that does not suffice.
        BrokenError: For all else.
    """
    where = f" The whole story is in {log}." if log else ""
    with library_output_to(log, as_json=as_json) as console, warnings.catch_warnings():
        written = warnings.showwarning

        def show(message: Any, category: Any, *rest: Any, **more: Any) -> None:
            written(message, category, *rest, **more)
            if issubclass(category, Advice):
                console.print(f"Warning: {message}")

        warnings.showwarning = show  # type: ignore[assignment]
        warnings.simplefilter("always", Advice)
        try:
            yield console
        except UsageError:
            raise
        except MemoryError as error:
            raise UsageError(f"Out of memory: {error}. Use fewer environments (--num_envs).{where}") from error
        except OSError as error:
            name = f" ({error.filename})" if error.filename else ""
            raise UsageError(
                f"{error.strerror or error}{name}. Checkpoints written before are whole: mend it and --resume.{where}"
            ) from error
        except Exception as error:
            traceback.print_exc()
            message = " ".join(str(error).split())[:300]
            if "out of memory" in message.lower() or "can't allocate" in message.lower():
                raise UsageError(f"Out of memory: use fewer environments (--num_envs).{where}") from error
            raise BrokenError(f"{type(error).__name__}: {message}.{where}") from error

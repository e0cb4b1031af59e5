"""SAC through skrl: what the recipes of all tasks share, and how skrl's ``Runner`` comes to know our classes.

skrl's ``Runner``, which Isaac Lab's own ``train`` and ``play`` use, builds an experiment from names in a dict and knows
a fixed list of them. Loading a recipe from here teaches it to read names by path as well: a class of a model or memory
with a colon in it (``package.module:Class``) is imported. An agent's class must stay one of the list, since the
``Runner`` and Isaac Lab branch on it; so the recipes say ``class: SAC``, and ``class_path`` beside it says whose. All
other names, and all recipes without paths, go where they always went.
"""

from __future__ import annotations

import copy
import pkgutil
from dataclasses import dataclass
from typing import Any

from isaaclab_tasks.utils import PresetCfg
from skrl.utils.runner.torch import Runner

from gaitway.physics.presets import HAS_GPU

CLASSES = "gaitway.agents.sac.skrl"
"""Where the agent and its parts are."""


@dataclass(frozen=True)
class SacScale:
    """Numbers that depend on how many environments there are and on what learns."""

    gradient_steps: int
    """Updates for each step of all environments."""
    batch_size: int
    """Transitions an update."""
    memory_size: int
    """Transitions kept, over all environments."""
    learning_starts: int
    """Steps of all environments before the first update."""
    hidden_dims: tuple[int, ...]
    """Of the policy and of each critic."""
    polyak: float
    """Share of the critics that goes into their targets with each update."""


CPU = SacScale(
    gradient_steps=4, batch_size=256, memory_size=500_000, learning_starts=40, hidden_dims=(256, 256), polyak=0.01
)
"""For 64 to 256 environments."""
CUDA = SacScale(
    gradient_steps=8,
    batch_size=8192,
    memory_size=4_000_000,
    learning_starts=10,
    hidden_dims=(512, 256, 128),
    polyak=0.02,
)
"""For 4096 environments."""


def skrl_sac(
    directory: str,
    *,
    cpu_steps: int,
    cuda_steps: int,
    init_std: float = 0.5,
    std_range: tuple[float, float] = (0.01, 2.0),
    cpu: SacScale = CPU,
    cuda: SacScale = CUDA,
    **agent: Any,
) -> PresetCfg:
    """A recipe, in a size for the CPU and one for a GPU; ``presets=cpu`` and ``presets=cuda`` choose one by name.

    Args:
        directory: Folder of Isaac Lab's logs.
        cpu_steps: Steps of all environments to train for on a CPU, where nothing else is asked for.
        cuda_steps: The same on a GPU.
        init_std: Standard deviation of the untrained policy, in the action's own unit.
        std_range: Least and largest standard deviation, in the action's own unit.
        cpu: Numbers for a CPU.
        cuda: Numbers for a GPU.
        **agent: Settings of the agent (:class:`~gaitway.agents.sac.skrl.SacCfg`), where they differ from those here.
    """
    policy = {"init_std": init_std, "std_range": list(std_range)}
    sizes = {
        "cpu": _recipe(directory, cpu_steps, cpu, policy, agent),
        "cuda": _recipe(directory, cuda_steps, cuda, policy, agent),
    }
    # Not a configclass: that makes objects of strings that look like paths, which Hydra refuses in a dict.
    sizes["default"] = copy.deepcopy(sizes["cuda" if HAS_GPU else "cpu"])
    return type("SacSizes", (PresetCfg,), sizes)()


def _recipe(directory: str, steps: int, scale: SacScale, policy: dict[str, Any], agent: dict[str, Any]) -> dict:
    network = {"hidden_dims": list(scale.hidden_dims), "activation": "relu"}
    critic = {"class": f"{CLASSES}:QModel", "layer_norm": True, **network}
    roles = ("critic_1", "critic_2", "target_critic_1", "target_critic_2")
    return {
        "seed": 42,
        "models": {
            "separate": True,
            "policy": {"class": f"{CLASSES}:SquashedGaussianModel", "action_limits": None, **network, **policy},
            **{role: copy.deepcopy(critic) for role in roles},
        },
        "memory": {"class": f"{CLASSES}:ReplayMemory", "memory_size": scale.memory_size},
        "agent": {
            "class": "SAC",
            "class_path": f"{CLASSES}:SAC",
            "rollouts": 24,
            "gradient_steps": scale.gradient_steps,
            "batch_size": scale.batch_size,
            "discount_factor": 0.97,
            "polyak": scale.polyak,
            # of the policy, the critics and the temperature
            "learning_rate": [5.0e-4, 5.0e-4, 5.0e-4],
            "observation_preprocessor": "RunningStandardScaler",
            "observation_preprocessor_kwargs": None,
            "state_preprocessor": "RunningStandardScaler",
            "state_preprocessor_kwargs": None,
            "random_timesteps": 0,
            "learning_starts": scale.learning_starts,
            "grad_norm_clip": 0.0,
            "learn_entropy": True,
            "initial_entropy_value": 0.01,
            "target_entropy": None,
            "target_std": 0.1,
            "rewards_shaper_scale": 1.0,
            "mixed_precision": False,
            "experiment": {
                "directory": directory,
                "experiment_name": "",
                "write_interval": "auto",
                "checkpoint_interval": "auto",
            },
        }
        | copy.deepcopy(agent),
        "trainer": {"class": "SequentialTrainer", "timesteps": steps, "environment_info": "log"},
    }


def _read_names_by_path() -> None:
    stock = Runner._component
    if getattr(stock, "reads_paths", False):
        return

    def component(self: Any, name: str) -> Any:
        if ":" in name:
            return pkgutil.resolve_name(name)
        agent = self._cfg["agent"]
        agent_class, path = agent.get("class", "").lower(), agent.get("class_path")
        if path and name.lower() == agent_class:
            # Isaac Lab's own tools build the agent here, too: its environment must be one that it can learn in.
            pkgutil.resolve_name("gaitway.agents.sac.env_contract:request_final_obs")(self._env)
            return pkgutil.resolve_name(path)
        if path and name.lower() == f"{agent_class}_cfg":
            return pkgutil.resolve_name(path).cfg_class
        return stock(self, name)

    component.reads_paths = True  # type: ignore[attr-defined]
    Runner._component = component  # type: ignore[method-assign]


_read_names_by_path()

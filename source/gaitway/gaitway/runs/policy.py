"""A run's policy, without its environment: what is judged, played and exported."""

from __future__ import annotations

import pkgutil
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from torch import nn

from gaitway.errors import UsageError

from .checkpoints import Checkpoint
from .run import Run


def load_policy(run: Run, checkpoint: Checkpoint, agent_cfg: Any, device: str = "cpu") -> nn.Module:
    """Build a policy and load its weights.

    Args:
        run: The run.
        checkpoint: One of its checkpoints.
        agent_cfg: The resolved recipe.
        device: Where to put it.

    Returns:
        A module from the observations of group ``policy``, shape (n, observations), to the mean actions, shape
        (n, actions). The observation normaliser is inside.

    Raises:
        UsageError: The checkpoint is of another network.
    """
    interface = run.interface()
    sizes = {group: sum(term["size"] for term in terms) for group, terms in interface["observations"].items()}
    num_actions = sum(action["size"] for action in interface["actions"])
    state = checkpoint.load("cpu")["learner"]
    build = {"rsl_rl": _build_rsl_rl, "skrl": _build_skrl}[run.library]
    try:
        policy = build(agent_cfg, sizes, num_actions, state)
    except (KeyError, RuntimeError) as error:
        message = str(error).splitlines()[0]
        raise UsageError(f"{checkpoint.path} does not fit the agent {run.agent} of {run.task}: {message}") from error
    return policy.to(device).eval().requires_grad_(False)


def _build_rsl_rl(agent_cfg: Any, sizes: dict[str, int], num_actions: int, state: dict[str, Any]) -> nn.Module:
    from importlib.metadata import version

    from isaaclab.utils import to_dict
    from isaaclab_rl.rsl_rl import handle_deprecated_rsl_rl_cfg
    from rsl_rl.utils import resolve_callable
    from tensordict import TensorDict

    cfg = to_dict(handle_deprecated_rsl_rl_cfg(agent_cfg, version("rsl-rl-lib")))
    actor_cfg = dict(cfg["actor"])
    obs = TensorDict({group: torch.zeros(1, size) for group, size in sizes.items()}, batch_size=[1])
    actor = resolve_callable(actor_cfg.pop("class_name"))(obs, cfg["obs_groups"], "actor", num_actions, **actor_cfg)
    actor.load_state_dict(state["actor_state_dict"])
    return actor.as_onnx(verbose=False)


class _SkrlPolicy(nn.Module):
    """skrl's scaler and the mean action of its policy."""

    def __init__(self, scaler: nn.Module, model: nn.Module):
        super().__init__()
        self.scaler = scaler
        self.model: Any = model

    def forward(self, obs: torch.Tensor) -> torch.Tensor:
        mean, _ = self.model.compute({"observations": self.scaler(obs)}, "policy")
        return mean


def _build_skrl(agent_cfg: dict[str, Any], sizes: dict[str, int], num_actions: int, state: dict) -> nn.Module:
    from skrl.resources.preprocessors.torch import RunningStandardScaler
    from skrl.utils.model_instantiators.torch import gaussian_model

    def box(size: int, edge: float = np.inf) -> gym.spaces.Box:
        return gym.spaces.Box(-edge, edge, shape=(size,))

    spec = {key: value for key, value in agent_cfg["models"]["policy"].items() if key != "class"}
    name = agent_cfg["models"]["policy"]["class"]
    by_path = ":" in name
    build = pkgutil.resolve_name(name) if by_path else gaussian_model
    spaces = {
        "observation_space": box(sizes["policy"]),
        "state_space": box(sizes["critic"]) if "critic" in sizes else None,
        # The limits that our own models need come with their weights.
        "action_space": box(num_actions, 1.0 if by_path else np.inf),
    }
    model = build(**spaces, device="cpu", **spec)
    model.init_state_dict(role="policy")
    model.load_state_dict(state["policy"])
    scaler: nn.Module = nn.Identity()
    if "observation_preprocessor" in state:
        scaler = RunningStandardScaler(size=sizes["policy"], device="cpu")
        scaler.load_state_dict(state["observation_preprocessor"])
    return _SkrlPolicy(scaler, model)

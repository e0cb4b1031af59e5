"""A run's policy, without its environment: what is judged, played and exported."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from torch import nn

from gaitway.errors import UsageError

from .checkpoints import Checkpoint
from .run import Run


class Policy(nn.Module):
    """A policy as it acts: the mean action, with the normaliser inside.

    What it remembers goes in and comes out explicitly, so that it can be exported and run anywhere.
    """

    obs_groups: tuple[str, ...] = ("policy",)
    """Groups of observations that it sees, concatenated in this order."""
    state: tuple[dict[str, Any], ...] = ()
    """What it remembers from step to step; empty for one without memory. Of each tensor ``input`` and ``output``, its
    names, and ``shape`` for one environment, which are in dimension 1: (layers, 1, hidden). It begins as zeros."""

    def forward(self, obs: torch.Tensor, *state: torch.Tensor) -> Any:
        """Act.

        Args:
            obs: Observations. Shape is (n, observations).
            *state: As in :attr:`state`, with n environments in dimension 1.

        Returns:
            Actions of shape (n, actions); for one with memory a tuple of these and of the new state.
        """
        raise NotImplementedError


class OnnxPolicy(Policy):
    """A policy without memory that was exported, run by onnxruntime on the CPU.

    Args:
        model: The ONNX file.
    """

    def __init__(self, model: bytes):
        super().__init__()
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self._input, self._output = self._session.get_inputs()[0].name, self._session.get_outputs()[0].name

    def forward(self, obs: torch.Tensor, *_state: torch.Tensor) -> torch.Tensor:
        actions = self._session.run([self._output], {self._input: obs.float().cpu().numpy()})[0]
        return torch.from_numpy(actions).to(obs.device)


class Player:
    """A policy at work in many environments: picks its observations and keeps its memory.

    Args:
        policy: The policy.
        num_envs: Number of environments.
        device: Where they are.
    """

    def __init__(self, policy: Policy, num_envs: int, device: str | torch.device):
        self.policy = policy
        shapes = [(layers, num_envs, hidden) for layers, _, hidden in (item["shape"] for item in policy.state)]
        self.memory = [torch.zeros(shape, device=device) for shape in shapes]
        """Its state, as :attr:`Policy.state` has it. Shape of each is (layers, num_envs, hidden)."""

    def act(self, obs: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Actions on observations by group. Shape is (num_envs, actions)."""
        seen = torch.cat([obs[group] for group in self.policy.obs_groups], dim=-1)
        if not self.memory:
            return self.policy(seen)
        actions, *self.memory = self.policy(seen, *self.memory)
        return actions

    def forget(self, ended: torch.Tensor) -> None:
        """Begin anew where an episode ended. Shape is (num_envs,)."""
        self.memory = [kept * ~ended.unsqueeze(-1) for kept in self.memory]


def load_policy(run: Run, checkpoint: Checkpoint, agent_cfg: Any, device: str = "cpu") -> Policy:
    """Build a policy and load its weights.

    Args:
        run: The run. Of a distillation, its policy is the student.
        checkpoint: One of its checkpoints.
        agent_cfg: The resolved recipe.
        device: Where to put it.

    Returns:
        The policy, in evaluation mode.

    Raises:
        UsageError: The checkpoint is of another network, or the recipe's network cannot be carried out of training.
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


class _RslRlPolicy(Policy):
    """RSL-RL's own module for export, of a network with or without memory."""

    def __init__(self, model: Any):
        super().__init__()
        self.obs_groups = tuple(model.obs_groups)
        self.network = model.as_onnx(verbose=False)
        if model.is_recurrent:
            rnn = self.network.rnn
            names = ("h", "c") if isinstance(rnn, nn.LSTM) else ("h",)
            shape = [rnn.num_layers, 1, rnn.hidden_size]
            self.state = tuple({"input": f"{n}_in", "output": f"{n}_out", "shape": shape} for n in names)

    def forward(self, obs: torch.Tensor, *state: torch.Tensor) -> Any:
        if not self.state:
            return self.network(obs)
        # Of a GRU, RSL-RL's module gives None for a cell state.
        return tuple(out for out in self.network(obs, *state) if out is not None)


def _build_rsl_rl(agent_cfg: Any, sizes: dict[str, int], num_actions: int, state: dict[str, Any]) -> Policy:
    from importlib.metadata import version

    from isaaclab.utils import to_dict
    from isaaclab_rl.rsl_rl import handle_deprecated_rsl_rl_cfg
    from rsl_rl.utils import resolve_callable
    from tensordict import TensorDict

    cfg = to_dict(handle_deprecated_rsl_rl_cfg(agent_cfg, version("rsl-rl-lib")))
    role = "student" if "student" in cfg else "actor"
    model_cfg = dict(cfg[role])
    obs = TensorDict({group: torch.zeros(1, size) for group, size in sizes.items()}, batch_size=[1])
    model = resolve_callable(model_cfg.pop("class_name"))(obs, cfg["obs_groups"], role, num_actions, **model_cfg)
    model.load_state_dict(state[f"{role}_state_dict"])
    return _RslRlPolicy(model)


class _SkrlPolicy(Policy):
    """skrl's scaler and the mean action of its policy."""

    def __init__(self, scaler: nn.Module, model: nn.Module):
        super().__init__()
        self.scaler = scaler
        self.model: Any = model

    def forward(self, obs: torch.Tensor, *_state: torch.Tensor) -> torch.Tensor:
        mean, _ = self.model.compute({"observations": self.scaler(obs)}, "policy")
        return mean


def _build_skrl(agent_cfg: dict[str, Any], sizes: dict[str, int], num_actions: int, state: dict) -> Policy:
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

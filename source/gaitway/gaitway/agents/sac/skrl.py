"""Soft actor-critic on skrl: the parts that skrl's own lacks, around its unmodified agent.

skrl 2.1 draws actions from a Gaussian that knows no limits and clips them afterwards (its density is then that of
another action), bootstraps from the observation *after* a reset, and leaves the temperature out of its checkpoints.
Here are a squashed policy, critics with layer normalisation, a memory, and an agent that hands skrl's own ``update()``
what it needs to be right. Nothing of ``update()`` is repeated.

In a recipe for skrl's ``Runner`` these classes are named by path; see :mod:`gaitway.tasks.skrl_sac_recipe`.
"""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import torch
from rsl_rl.modules import MLP
from rsl_rl.utils import resolve_nn_activation
from skrl import config
from skrl.agents.torch.sac import SAC as SkrlSAC
from skrl.agents.torch.sac import SAC_CFG
from skrl.memories.torch import RandomMemory
from skrl.models.torch import Model
from skrl.utils.spaces.torch import flatten_tensorized_space, tensorize_space
from torch import nn

from gaitway.errors import Advice, UsageError

from .env_contract import action_range
from .replay import check_memory, transition_bytes
from .sac import LEAST_USES
from .squashed_gaussian import SquashedGaussian

CHECK_EVERY = 32
"""Steps between two looks, from the host, at what was counted on the device."""


class SquashedGaussianModel(Model):
    """A policy whose actions lie inside their range: :class:`~gaitway.agents.sac.SquashedGaussian` on an MLP.

    The untrained policy gives the action 0 with a small standard deviation, whatever the range.
    """

    def __init__(
        self,
        *,
        observation_space: Any,
        action_space: Any,
        state_space: Any = None,
        device: str | torch.device | None = None,
        hidden_dims: Sequence[int] = (256, 256),
        activation: str = "relu",
        init_std: float = 0.5,
        std_range: Sequence[float] = (0.01, 2.0),
        action_limits: float | Sequence[float] | None = None,
    ):
        """
        Args:
            observation_space: What the policy sees.
            action_space: Its limits bound the actions.
            state_space: What the critics see; unused.
            device: Where it computes.
            hidden_dims: Sizes of the hidden layers.
            activation: Name of the activation.
            init_std: Standard deviation to begin with, in the action's own unit.
            std_range: Least and largest standard deviation, in the action's own unit.
            action_limits: Half the range of each action, or of all, in place of the space's own.

        Raises:
            UsageError: An action has no limits.
        """
        super().__init__(
            observation_space=observation_space, state_space=state_space, action_space=action_space, device=device
        )
        low, high = action_range(SimpleNamespace(action_space=action_space), action_limits, self.num_actions)
        self.squashed = SquashedGaussian(
            self.num_actions, init_std, (std_range[0], std_range[1]), low.tolist(), high.tolist()
        )
        self.mlp = MLP(self.num_observations, self.squashed.input_dim, list(hidden_dims), activation)
        self.squashed.init_mlp_weights(self.mlp)
        self.to(self.device)

    def compute(self, inputs: dict[str, Any], role: str = "") -> tuple[torch.Tensor, dict[str, Any]]:
        """The mean action, shape (n, num_actions), and the network's output, shape (n, 2, num_actions)."""
        output = self.mlp(inputs["observations"])
        return self.squashed.deterministic_output(output), {"output": output}

    def act(self, inputs: dict[str, Any], *, role: str = "") -> tuple[torch.Tensor, dict[str, Any]]:
        """Draw actions, through which gradients pass.

        Returns:
            Actions of shape (n, num_actions); ``log_prob`` of shape (n, 1), the logarithm of the density of these
            actions (of ``taken_actions`` where the inputs have them); ``mean_actions`` of shape (n, num_actions).
        """
        mean, outputs = self.compute(inputs, role)
        self.squashed.update(outputs["output"])
        actions, log_prob = self.squashed.rsample()
        if "taken_actions" in inputs:
            log_prob = self.squashed.log_prob(inputs["taken_actions"])
        return actions, {"log_prob": log_prob.unsqueeze(-1), "mean_actions": mean}

    def random_act(self, inputs: dict[str, Any], *, role: str = "") -> tuple[torch.Tensor, dict[str, Any]]:
        """Actions drawn evenly from their whole range. Shape is (n, num_actions)."""
        share = torch.rand(len(inputs["observations"]), self.num_actions, device=self.device)
        return self.squashed.offset + self.squashed.scale * (2.0 * share - 1.0), {}


class QModel(Model):
    """Value of an action: an MLP with layer normalisation, without which many updates a sample are known to diverge.

    It sees privileged states where the environment has them, else the policy's observations.
    """

    def __init__(
        self,
        *,
        observation_space: Any,
        action_space: Any,
        state_space: Any = None,
        device: str | torch.device | None = None,
        hidden_dims: Sequence[int] = (256, 256),
        activation: str = "relu",
        layer_norm: bool = True,
    ):
        """
        Args:
            observation_space: What the policy sees.
            action_space: The actions.
            state_space: What the critics see, or None for the same as the policy.
            device: Where it computes.
            hidden_dims: Sizes of the hidden layers.
            activation: Name of the activation.
            layer_norm: Whether to normalise the layers.
        """
        super().__init__(
            observation_space=observation_space, state_space=state_space, action_space=action_space, device=device
        )
        self._sees = "states" if self.num_states else "observations"
        layers: list[nn.Module] = []
        size = (self.num_states or self.num_observations) + self.num_actions
        for hidden in hidden_dims:
            layers.append(nn.Linear(size, hidden))
            if layer_norm:
                layers.append(nn.LayerNorm(hidden))
            layers.append(resolve_nn_activation(activation))
            size = hidden
        head = nn.Linear(size, 1)
        nn.init.zeros_(head.weight)
        nn.init.zeros_(head.bias)
        self.layers = nn.Sequential(*layers, head)
        self.to(self.device)

    def compute(self, inputs: dict[str, Any], role: str = "") -> tuple[torch.Tensor, dict[str, Any]]:
        """The value of ``taken_actions``. Shape is (n, 1)."""
        return self.layers(torch.cat((inputs[self._sees], inputs["taken_actions"]), dim=-1)), {}

    def act(self, inputs: dict[str, Any], *, role: str = "") -> tuple[torch.Tensor, dict[str, Any]]:
        """The same."""
        return self.compute(inputs, role)


class ReplayMemory(RandomMemory):
    """skrl's random memory, with a size that does not depend on the number of environments.

    A transition that holds a number that is not finite is replaced by another one of the same step: a single NaN
    in a batch would end up in every weight.
    """

    def __init__(self, *, memory_size: int, num_envs: int = 1, device: str | torch.device | None = None):
        """
        Args:
            memory_size: Transitions kept, over all environments (skrl's own counts those of each).
            num_envs: Parallel environments.
            device: Where they are kept.
        """
        # Drawn with replacement: a permutation of the whole memory for each batch costs more than the update.
        super().__init__(
            memory_size=max(memory_size // num_envs, 1), num_envs=num_envs, device=device, replacement=True
        )
        self.bad_rows = torch.zeros((), dtype=torch.long, device=self.device)
        """Transitions replaced so far."""

    def add_samples(self, **tensors: torch.Tensor | None) -> None:
        """Keep a step of all environments. Shape of each tensor is (num_envs, n)."""
        given = {name: tensor for name, tensor in tensors.items() if tensor is not None}
        floats = [tensor for tensor in given.values() if tensor.is_floating_point()]
        good = torch.stack([torch.isfinite(tensor).all(dim=-1) for tensor in floats]).all(dim=0)
        self.bad_rows += (~good).sum()
        rows = torch.where(good, torch.arange(len(good), device=good.device), good.int().argmax())
        kept = {name: tensor[rows] for name, tensor in given.items()}
        for name, tensor in kept.items():
            if tensor.is_floating_point():
                # Where no environment has a good one.
                kept[name] = torch.nan_to_num(tensor, nan=0.0, posinf=0.0, neginf=0.0)
        super().add_samples(**kept)


@dataclasses.dataclass(kw_only=True)
class SacCfg(SAC_CFG):
    """Settings of :class:`SAC`: skrl's own, and these."""

    class_path: str = ""
    """The agent, as ``package.module:Class``. Read when the agent is built by name."""

    rollouts: int = 24
    """Steps that make an iteration, where iterations are counted (``--max_iterations``, logs). Nothing is learnt by
    it: updates follow every step."""

    target_std: float | None = None
    """Target entropy as the standard deviation of a Gaussian that has it, in the action's own unit. With neither this
    nor ``target_entropy`` it is -1 an action, for actions that range over ±1."""


class _LogTemperature(nn.Module):
    """The logarithm of the temperature as something that skrl saves and loads: the agent's very tensor."""

    def __init__(self, agent: SAC):
        super().__init__()
        self.register_buffer("value", agent.log_entropy_coefficient)
        # skrl's update reads the temperature from a number of its own.
        self.register_load_state_dict_post_hook(lambda *_: agent.follow_temperature())


class SAC(SkrlSAC):
    """skrl's soft actor-critic, right about the ends of episodes, about entropy and about resuming.

    - A transition ends with the observation from *before* a reset (``infos["final_obs"]``, of an environment with
      ``compute_final_obs``). An episode whose time is up is bootstrapped from it; one that terminated is not, also
      where its time was up in the same step.
    - The target entropy is given in the action's own unit.
    - The temperature is in the checkpoint, as ``log_entropy_coefficient``.
    - An agent that was loaded collects ``learning_starts`` steps anew before it learns, since the memory is not saved.
    """

    cfg_class = SacCfg
    """Type of its settings."""

    log_entropy_coefficient: torch.Tensor

    def __init__(
        self,
        *,
        models: dict[str, Model],
        memory: ReplayMemory | None = None,
        observation_space: Any = None,
        state_space: Any = None,
        action_space: Any = None,
        device: str | torch.device | None = None,
        cfg: SacCfg | dict[str, Any] | None = None,
    ):
        """See skrl's.

        Raises:
            UsageError: The policy is not a squashed one, a setting is out of range, or there are several processes.
        """
        cfg = SacCfg(**(cfg or {})) if cfg is None or isinstance(cfg, dict) else dataclasses.replace(cfg)
        policy = models.get("policy")
        if not isinstance(policy, SquashedGaussianModel):
            raise UsageError(f"SAC needs a SquashedGaussianModel as its policy, got {type(policy).__name__}.")
        if config.torch.is_distributed:
            raise UsageError("SAC learns on one GPU; start it without torchrun, or train with PPO.")
        if cfg.target_std is not None and cfg.target_entropy is not None:
            raise UsageError("SAC: target_std and target_entropy exclude each other; give one.")
        if min(cfg.batch_size, cfg.gradient_steps, cfg.rollouts) < 1 or cfg.initial_entropy_value <= 0.0:
            raise UsageError("SAC: batch_size, gradient_steps, rollouts and initial_entropy_value must be positive.")
        if cfg.target_entropy is None:
            cfg.target_entropy = _target_entropy(policy, cfg.target_std)
        super().__init__(
            models=models,
            memory=memory,
            observation_space=observation_space,
            state_space=state_space,
            action_space=action_space,
            device=device,
            cfg=cfg,
        )
        self.cfg: SacCfg
        self._unknown_ends = torch.zeros((), dtype=torch.long, device=self.device)
        self._told = False
        self.notes: list[str] = []
        """What it says of itself before it learns."""
        if cfg.learn_entropy:
            self.checkpoint_modules["log_entropy_coefficient"] = _LogTemperature(self)
            self.follow_temperature()

    def enable_training_mode(self, enabled: bool = True, *, apply_to_models: bool = False) -> None:
        """See skrl's; says how much will be learnt from each transition."""
        if enabled and self.memory is not None:
            self.prepare()
        super().enable_training_mode(enabled, apply_to_models=apply_to_models)

    def prepare(self) -> None:
        """Say in :attr:`notes` what learning will take and how much will be learnt from each transition, once.

        Raises:
            UsageError: The memory does not suffice; the message says what would fit.
        """
        if self.notes:
            return
        memory = self.memory
        sizes = {"policy": self.policy.num_observations, "critic": self.policy.num_states or 0}
        per_transition = transition_bytes(sizes, self.policy.num_actions)
        capacity, envs = memory.memory_size * memory.num_envs, memory.num_envs
        self.notes.append(check_memory(capacity, envs, per_transition, torch.device(self.device)))
        uses = self.cfg.gradient_steps * self.cfg.batch_size / envs
        self.notes.append(
            f"SAC: {self.cfg.gradient_steps} update(s) of {self.cfg.batch_size} transitions for each step of {envs} "
            f"environments: each transition drawn {uses:.3g} times on average. "
            f"Target entropy {self.cfg.target_entropy:.2f}."
        )
        print(*self.notes, sep="\n")
        if uses < LEAST_USES:
            warnings.warn(
                Advice(
                    f"Each transition is drawn only {uses:.2g} times on average; below {LEAST_USES:g} the critics lag "
                    "behind the policy and learning is known to collapse. Raise gradient_steps or batch_size."
                ),
                stacklevel=3,
            )

    def follow_temperature(self) -> None:
        """Have the updates use the temperature of ``log_entropy_coefficient``."""
        self._entropy_coefficient = self.log_entropy_coefficient.detach().exp()

    def act(
        self, observations: torch.Tensor, states: torch.Tensor | None, *, timestep: int, timesteps: int
    ) -> tuple[torch.Tensor, dict[str, Any]]:
        """Actions for all environments. Shape is (num_envs, num_actions)."""
        # Whoever plays a policy back counts no steps, and must not get the random ones that training begins with.
        step = timestep if self.training else self.cfg.random_timesteps
        return super().act(observations, states, timestep=step, timesteps=timesteps)

    def record_transition(
        self,
        *,
        observations: torch.Tensor,
        states: torch.Tensor | None,
        actions: torch.Tensor,
        rewards: torch.Tensor,
        next_observations: torch.Tensor,
        next_states: torch.Tensor | None,
        terminated: torch.Tensor,
        truncated: torch.Tensor,
        infos: Any,
        timestep: int,
        timesteps: int,
    ) -> None:
        """Keep a step.

        Args:
            observations: Before it. Shape is (num_envs, n).
            states: The same for the critics, or None.
            actions: Shape is (num_envs, num_actions).
            rewards: Shape is (num_envs, 1).
            next_observations: After it, of a new episode where one ended. Shape is (num_envs, n).
            next_states: The same for the critics, or None.
            terminated: Whether episodes ended for good. Shape is (num_envs, 1).
            truncated: Whether their time was up; with both they ended for good. Shape is (num_envs, 1).
            infos: ``final_obs`` has the observations from before the resets, in groups ``policy`` and ``critic``; it
                is read only where an episode ended.
            timestep: Steps taken before it.
            timesteps: Steps to take in all.
        """
        if self.training:
            ended = terminated.bool() | truncated.bool()
            final = infos.get("final_obs")
            if final is None:
                self._unknown_ends += (truncated.bool() & ~terminated.bool()).sum()
            else:
                over = terminated.bool()
                next_observations = _ending(self.observation_space, final["policy"], ended, over, next_observations)
                if next_states is not None:
                    next_states = _ending(self.state_space, final["critic"], ended, over, next_states)
        super().record_transition(
            observations=observations,
            states=states,  # type: ignore[arg-type]  # skrl's own annotation forgets environments without states
            actions=actions,
            rewards=rewards,
            next_observations=next_observations,
            next_states=next_states,  # type: ignore[arg-type]
            terminated=terminated,
            truncated=truncated,
            infos=infos,
            timestep=timestep,
            timesteps=timesteps,
        )

    def post_interaction(self, *, timestep: int, timesteps: int) -> None:
        """Learn, write checkpoints and logs.

        Raises:
            UsageError: Episodes ended in time and the environment did not say how.
        """
        if self.training and timestep % CHECK_EVERY == CHECK_EVERY - 1:
            self._look()
        super().post_interaction(timestep=timestep, timesteps=timesteps)

    def _look(self) -> None:
        """Read the counters; not each step, since that waits for the device."""
        if count := int(self._unknown_ends):
            raise UsageError(
                f"{count} episode(s) ended in time, and infos['final_obs'] did not say how: their value would be that "
                "of the next episode's beginning. Isaac Lab: env.compute_final_obs=True."
            )
        if isinstance(self.memory, ReplayMemory) and not self._told and (bad := int(self.memory.bad_rows)):
            self._told = True
            warnings.warn(Advice(f"{bad} transition(s) with numbers that are not finite were not kept."), stacklevel=2)

    def update(self, *, timestep: int, timesteps: int) -> None:
        """skrl's own update, once there is enough to learn from."""
        memory = self.memory
        enough = max(self.cfg.learning_starts * memory.num_envs, self.cfg.batch_size)
        if len(memory) >= min(enough, memory.memory_size * memory.num_envs):
            super().update(timestep=timestep, timesteps=timesteps)


def _target_entropy(policy: SquashedGaussianModel, target_std: float | None) -> float:
    """Entropy to hold. Unit: nats, in the action's own unit."""
    if target_std is not None:
        if target_std <= 0.0:
            raise UsageError(f"SAC: target_std {target_std} must be positive.")
        return policy.num_actions * math.log(target_std * math.sqrt(2.0 * math.pi * math.e))
    # -1 an action where actions range over ±1 (Haarnoja et al. 2018), carried over to the ranges at hand
    return float(torch.log(policy.squashed.scale).sum()) - policy.num_actions


def _ending(space: Any, final: Any, ended: torch.Tensor, terminated: torch.Tensor, after: torch.Tensor) -> torch.Tensor:
    """Observations before the reset where an episode ended, else those after the step. Shape is (num_envs, n)."""
    before = flatten_tensorized_space(tensorize_space(space, final)).to(after.device)
    # What follows a termination is never used, but 0 · NaN is NaN: a broken state must not get into the memory.
    # Elsewhere one is left in, for the memory to find.
    spared = terminated & ~torch.isfinite(before).all(dim=-1, keepdim=True)
    return torch.where(ended & ~spared, before, after)

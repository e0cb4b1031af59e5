"""skrl: its agents, stepped by a loop that can be watched and stopped."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from isaaclab_rl.skrl import SkrlVecEnvWrapper
from skrl.utils.runner.torch import Runner

from gaitway.agents.sac.env_contract import request_final_obs
from gaitway.errors import UsageError

from .learner import Iteration, StopTraining, draw
from .meter import EpisodeMeter

NEVER = 1 << 62
"""An interval of steps that no training lasts."""


class SkrlLearner:
    """A skrl agent as a :class:`~gaitway.runs.learner.Learner`."""

    def __init__(self, env: Any, agent_cfg: dict[str, Any]):
        cfg = copy.deepcopy(agent_cfg)
        # Metrics and checkpoints are the run's.
        cfg["agent"]["experiment"] |= {"write_interval": 0, "checkpoint_interval": 0}
        cfg["trainer"] |= {"close_environment_at_exit": False, "disable_progressbar": True}
        if cfg["agent"]["class"].lower() == "sac":
            request_final_obs(env)
        self._env = SkrlVecEnvWrapper(env)
        self._agent = Runner(self._env, cfg).agent
        self._rollouts = cfg["agent"]["rollouts"]
        self._meter = EpisodeMeter(self._env.num_envs, self._env.device)
        self._timestep = 0
        self.steps_per_iteration = self._rollouts * self._env.num_envs
        if prepare := getattr(self._agent, "prepare", None):
            prepare()
        self.notes = list(getattr(self._agent, "notes", []))

    def learn(self, on_iteration: Callable[[Iteration], None]) -> None:
        self._agent.enable_training_mode(True)
        observations, _ = self._env.reset()
        # Episodes that begin at different times keep the batches mixed.
        unwrapped = self._env.unwrapped
        unwrapped.episode_length_buf = torch.randint_like(
            unwrapped.episode_length_buf, high=int(unwrapped.max_episode_length)
        )
        states = self._env.state()
        try:
            while True:
                observations, states = self._step(observations, states)
                if self._timestep % self._rollouts == 0:
                    on_iteration(Iteration(self._timestep // self._rollouts, self._meter.read(), self._losses()))
        except StopTraining:
            pass

    def _step(
        self, observations: torch.Tensor, states: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        # skrl asks how far training has come; nothing in its agents depends on where it ends.
        when = {"timestep": self._timestep, "timesteps": self._timestep + 1}
        self._agent.pre_interaction(**when)
        with torch.no_grad():
            actions, _ = self._agent.act(observations, states, **when)
            next_observations, rewards, terminated, truncated, infos = self._env.step(actions)
            next_states = self._env.state()
            self._agent.record_transition(
                observations=observations,
                states=states,
                actions=actions,
                rewards=rewards,
                next_observations=next_observations,
                next_states=next_states,
                terminated=terminated,
                truncated=truncated,
                infos=infos,
                **when,
            )
            self._meter.add(rewards.squeeze(-1), (terminated | truncated).squeeze(-1), infos)
        self._timestep += 1
        # Some agents note their losses only while an interval for writing them is set, and wait for the device to do
        # so: once an iteration is enough. Nothing is written by them.
        self._agent.write_interval = NEVER if self._timestep % self._rollouts == 0 else 0
        self._agent.post_interaction(**when)
        self._agent.write_interval = 0
        return next_observations, next_states

    def _losses(self) -> dict[str, float]:
        tracked = self._agent.tracking_data
        losses = {
            name.replace(" / ", "/"): float(np.mean(values))
            for name, values in tracked.items()
            if name.startswith(("Loss", "Policy", "Learning", "Coefficient")) or name.endswith("Q1 (mean)")
        }
        tracked.clear()
        return losses

    def observations(self, count: int) -> torch.Tensor:
        memory = self._agent.memory
        rows = memory.get_tensor_by_name("observations").flatten(0, -2)
        # What is not filled yet holds NaN.
        return draw(rows[: len(memory)], count) if len(memory) else torch.zeros(count, rows.shape[-1])

    def state(self) -> dict[str, Any]:
        return {name: module.state_dict() for name, module in self._agent.checkpoint_modules.items()}

    def restore(self, state: dict[str, Any], iteration: int) -> None:
        modules = self._agent.checkpoint_modules
        if set(modules) != set(state):
            raise UsageError(f"The checkpoint does not fit this agent: it holds {', '.join(state)}.")
        try:
            for name, module in modules.items():
                module.load_state_dict(state[name])
        except (RuntimeError, ValueError) as error:
            raise UsageError(f"The checkpoint does not fit this agent: {str(error).splitlines()[0]}") from error
        self._timestep = iteration * self._rollouts

"""RSL-RL: its stock runner, watched through the runner's logger."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import torch
from isaaclab_rl.rsl_rl import RslRlVecEnvWrapper, create_rsl_rl_runner, handle_deprecated_rsl_rl_cfg
from rsl_rl.runners import OnPolicyRunner

from gaitway.errors import UsageError

from .learner import Iteration, StopTraining, draw
from .meter import EpisodeMeter


class _Watcher:
    """Stands where the runner keeps its logger. With no writer, the runner saves nothing by itself."""

    writer = None
    log_dir = None

    def __init__(self, meter: EpisodeMeter, on_iteration: Callable[[Iteration], None]):
        self._meter = meter
        self._on_iteration = on_iteration

    def init_logging_writer(self) -> None:
        pass

    def process_env_step(
        self, rewards: torch.Tensor, dones: torch.Tensor, extras: dict, _intrinsic: Any = None
    ) -> None:
        self._meter.add(rewards, dones, extras)

    def log(self, *, it: int, loss_dict: dict, learning_rate: float, action_std: torch.Tensor, **_: Any) -> None:
        losses = {f"Loss/{name}": float(value) for name, value in loss_dict.items()}
        losses |= {"Loss/learning_rate": float(learning_rate), "Policy/mean_std": float(action_std.mean())}
        self._on_iteration(Iteration(it + 1, self._meter.read(), losses))


class RslRlLearner:
    """An RSL-RL runner as a :class:`~gaitway.runs.learner.Learner`."""

    def __init__(self, env: Any, agent_cfg: Any):
        agent_cfg = handle_deprecated_rsl_rl_cfg(agent_cfg, version("rsl-rl-lib"))
        self._env = RslRlVecEnvWrapper(env, clip_actions=agent_cfg.clip_actions)
        self._runner: OnPolicyRunner = create_rsl_rl_runner(self._env, agent_cfg, log_dir=None)
        self._meter = EpisodeMeter(self._env.num_envs, agent_cfg.device)
        self.steps_per_iteration = agent_cfg.num_steps_per_env * self._env.num_envs
        if prepare := getattr(self._runner.alg, "prepare", None):
            prepare()
        self.notes = list(getattr(self._runner.alg, "notes", []))

    def take_teacher(self, state: dict[str, Any]) -> None:
        """Give a distillation the weights of its teacher.

        Args:
            state: With the teacher's ``actor_state_dict``.

        Raises:
            UsageError: They are of another network.
        """
        try:
            self._runner.alg.load(state, {"teacher": True}, True)
        except (KeyError, RuntimeError, ValueError) as error:
            raise UsageError(
                f"--teacher: its checkpoint does not fit its recipe: {str(error).splitlines()[0]}"
            ) from error

    def learn(self, on_iteration: Callable[[Iteration], None]) -> None:
        self._runner.logger = _Watcher(self._meter, on_iteration)
        with contextlib.suppress(StopTraining):
            # Episodes that begin at different times keep the batches mixed.
            self._runner.learn(sys.maxsize // 2, init_at_random_ep_len=True)

    def observations(self, count: int) -> torch.Tensor:
        kept, groups = self._runner.alg.storage.observations, self._runner.alg.get_policy().obs_groups
        # Drawn alike from each group, so rows belong together.
        return torch.cat([draw(kept[group], count) for group in groups], dim=-1)

    def state(self) -> dict[str, Any]:
        return self._runner.alg.save()

    def restore(self, state: dict[str, Any], iteration: int) -> None:
        try:
            self._runner.alg.load(state, None, True)
        except (KeyError, RuntimeError, ValueError) as error:
            raise UsageError(f"The checkpoint does not fit this agent: {str(error).splitlines()[0]}") from error
        self._runner.current_learning_iteration = iteration

"""Help on the way to a goal that cannot change which policy is best."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from isaaclab.managers import ManagerTermBase, RewardTermCfg

from ..success import resolve_entities

if TYPE_CHECKING:
    from isaaclab.envs import ManagerBasedRLEnv


class PotentialShaping(ManagerTermBase):
    """Potential-based shaping, ``F = γ Φ(s') - Φ(s)``, for any potential Φ.

    Over an episode the discounted sum of F telescopes: the return differs from that without it by ``-Φ(s₀)`` if the
    episode ended for good, since Φ counts as 0 there, and by ``γᵀ Φ(s_T) - Φ(s₀)`` if its time was up, where the value
    that a learner goes on with is smaller by that same ``Φ(s_T)``. Neither depends on what the policy does, so that the
    best policies stay the best. The same holds for returns over n steps.

    The discount must be the learner's. :func:`set_discount` writes it into a config, and ``gaitway train`` does so
    with its agent's.

    The reward manager multiplies by the step's length, so that this divides by it: a step adds ``weight · F``.

    Φ(s) of a step is what was Φ(s') of the one before. Where a push or a new command changes the state between two
    steps, that change is counted with the later one, and the sum still telescopes. Φ(s₀) is taken when all of a reset
    is done, commands included, for which the environment calls :meth:`before_step`, as
    :class:`gaitway.tasks.env.TaskEnv` does.

    Parameters of the term:
        potential: Φ, a function of the env (and ``params``). Shape is (num_envs,).
        params: Its other arguments.
        gamma: The learner's discount of a step.

    Returns:
        Unit: that of Φ per s. In (-inf, inf). Shape is (num_envs,).

    Source: Ng, Harada and Russell, "Policy invariance under reward transformations", ICML 1999; Φ = 0 at the end of
    episodes: Grześ, "Reward shaping in episodic reinforcement learning", AAMAS 2017.
    """

    def __init__(self, cfg: RewardTermCfg, env: ManagerBasedRLEnv):
        super().__init__(cfg, env)
        listeners = getattr(env, "before_step", None)
        if listeners is None:
            raise TypeError(
                "PotentialShaping: the environment must say when a step begins, as gaitway.tasks.env:TaskEnv does."
            )
        listeners.append(self.before_step)
        self._potential: Callable[..., torch.Tensor] = cfg.params["potential"]
        self._params: dict[str, Any] = cfg.params.get("params", {})
        resolve_entities(self._params, env)
        self._last = torch.zeros(env.num_envs, device=env.device)
        self._begins = torch.ones(env.num_envs, dtype=torch.bool, device=env.device)
        self._some_begin = True

    def reset(self, env_ids: Sequence[int] | slice | None = None) -> None:
        """Have Φ taken anew where episodes begin."""
        self._begins[slice(None) if env_ids is None else env_ids] = True
        self._some_begin = True

    def before_step(self) -> None:
        """Take Φ of the states in which episodes begin."""
        if not self._some_begin:
            return
        # In place: steps in torch's inference mode must leave no tensor that a reset outside of it cannot change.
        self._last.copy_(torch.where(self._begins, self._potential(self._env, **self._params), self._last))
        self._begins.zero_()
        self._some_begin = False

    def __call__(
        self,
        env: ManagerBasedRLEnv,
        potential: Callable[..., torch.Tensor],
        params: dict[str, Any],
        gamma: float,
    ) -> torch.Tensor:
        ended = env.termination_manager.terminated
        now = torch.where(ended, 0.0, potential(env, **params))
        shaped = (gamma * now - self._last) / env.step_dt
        self._last.copy_(now)
        return shaped


def set_discount(rewards: Any, gamma: float) -> None:
    """Give all shaping of a task the learner's discount.

    Args:
        rewards: Config of an environment's rewards.
        gamma: The learner's discount of a step.
    """
    for term in vars(rewards).values():
        if getattr(term, "func", None) is PotentialShaping:
            term.params["gamma"] = gamma

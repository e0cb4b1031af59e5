"""Rewards brought to one scale for all tasks."""

from __future__ import annotations

import torch
from torch import nn

WARM_UP = 1000
"""Rewards seen before any can be told for an outlier."""
OUTLIER = 50.0
"""Deviations from the mean that a return may have, as far as the scale is concerned."""
LEAST = 1.0e-5
"""Least deviation that rewards are divided by."""


class RewardScale(nn.Module):
    """Divides rewards by a running standard deviation of the discounted return (as in PPO's practice since OpenAI's
    baselines), but never by so little that the largest return seen would leave ``max_return`` (FlashSAC, 2026).

    Rewards are stored as they are and scaled when drawn, so that all samples of an update are on the same scale.
    """

    _return: torch.Tensor
    _mean: torch.Tensor
    _var: torch.Tensor
    _count: torch.Tensor
    _largest: torch.Tensor

    def __init__(self, num_envs: int, gamma: float, max_return: float | None = None):
        """
        Args:
            num_envs: Number of environments.
            gamma: Discount factor.
            max_return: Largest magnitude that a scaled return may have, or None for any.
        """
        super().__init__()
        self.gamma, self.max_return = gamma, max_return
        # Belongs to episodes under way, which a resumed run does not go on with.
        self.register_buffer("_return", torch.zeros(num_envs), persistent=False)
        for name, value in (("_mean", 0.0), ("_var", 0.0), ("_count", 0.0), ("_largest", 0.0)):
            self.register_buffer(name, torch.tensor(value))

    def update(self, rewards: torch.Tensor, dones: torch.Tensor) -> None:
        """Learn from a step. Shape of both is (num_envs,)."""
        rewards = torch.nan_to_num(rewards, nan=0.0, posinf=0.0, neginf=0.0)
        # What a broken environment pays must not set the scale for all that follows.
        most = torch.where(self._count > WARM_UP, OUTLIER * torch.sqrt(self._var), torch.inf)
        self._return.mul_(self.gamma).add_(rewards).clamp_(self._mean - most, self._mean + most)
        count = float(len(rewards))
        self._count += count
        rate = count / self._count
        mean, var = self._return.mean(), self._return.var(unbiased=False)
        delta = mean - self._mean
        self._mean += rate * delta
        self._var += rate * (var - self._var + delta * (mean - self._mean))
        self._largest.copy_(torch.maximum(self._largest, self._return.abs().max()))
        self._return.mul_(1.0 - dones.float())

    def begin(self) -> None:
        """All episodes begin anew."""
        self._return.zero_()

    @property
    def factor(self) -> torch.Tensor:
        """What rewards are to be multiplied by. Shape is ()."""
        divisor = torch.sqrt(self._var)
        if self.max_return is not None:
            divisor = torch.maximum(divisor, self._largest / self.max_return)
        # Nothing is known yet, or all rewards are as good as 0.
        return torch.where(divisor > LEAST, 1.0 / divisor.clamp(min=LEAST), torch.ones_like(divisor))

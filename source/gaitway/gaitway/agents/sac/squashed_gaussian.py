"""A Gaussian squashed by tanh into the range of the actions, with its exact density."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from rsl_rl.modules.distribution import Distribution
from torch import nn

LOG_2 = math.log(2.0)
LOG_SQRT_2PI = 0.5 * math.log(2.0 * math.pi)
EDGE = 0.95
"""Where the first mean lies, as a share of half the range, if 0 lies outside the range or at its edge."""


class SquashedGaussian(Distribution):
    """``a = offset + scale · tanh(u)``, ``u ~ N(mean, std²)`` for each action (Haarnoja et al. 2018, appendix C).

    The network gives two numbers an action, both 0 for an untrained network: the first action is then 0 (the default
    pose, where actions are offsets from it) with a standard deviation of ``init_std``, whatever the range.

    Standard deviations given and reported are in the action's own unit.
    """

    scale: torch.Tensor
    offset: torch.Tensor
    _mean_shift: torch.Tensor
    _log_std_low: torch.Tensor

    def __init__(
        self,
        output_dim: int,
        init_std: float = 0.5,
        std_range: tuple[float, float] = (0.01, 2.0),
        action_low: float | Sequence[float] = -1.0,
        action_high: float | Sequence[float] = 1.0,
    ):
        """
        Args:
            output_dim: Number of actions.
            init_std: Standard deviation to begin with.
            std_range: Least and largest standard deviation.
            action_low: Least value of each action, or of all.
            action_high: Largest value of each action, or of all.

        Raises:
            ValueError: The numbers contradict each other.
        """
        super().__init__(output_dim)
        low = torch.as_tensor(action_low, dtype=torch.float32).expand(output_dim)
        high = torch.as_tensor(action_high, dtype=torch.float32).expand(output_dim)
        if not bool(torch.isfinite(high - low).all() and (high > low).all()):
            raise ValueError(f"Actions must have finite ranges, got {low.tolist()} to {high.tolist()}.")
        if not 0.0 < std_range[0] < init_std < std_range[1]:
            raise ValueError(f"init_std {init_std} must lie inside std_range {tuple(std_range)}.")
        scale, offset = 0.5 * (high - low), 0.5 * (high + low)
        at_zero = torch.clamp(-offset / scale, -EDGE, EDGE)
        slope = scale * (1.0 - at_zero.square())
        self._log_std_span = math.log(std_range[1] / std_range[0])
        share = math.log(init_std / std_range[0]) / self._log_std_span
        self._log_std_shift = math.log(share / (1.0 - share))
        self.register_buffer("scale", scale)
        self.register_buffer("offset", offset)
        self.register_buffer("_mean_shift", torch.atanh(at_zero))
        self.register_buffer("_log_std_low", math.log(std_range[0]) - torch.log(slope))
        self._mean = self._std = torch.zeros(1, output_dim)

    @property
    def input_dim(self) -> list[int]:
        """Shape of what the network gives: mean and standard deviation, before they are shifted and bounded."""
        return [2, self.output_dim]

    def init_mlp_weights(self, mlp: nn.Module) -> None:
        """Have an untrained network give zeros."""
        head: nn.Linear = mlp[-2]  # type: ignore[index]
        nn.init.zeros_(head.weight)
        nn.init.zeros_(head.bias)

    def update(self, mlp_output: torch.Tensor) -> None:
        """Take the network's output. Shape is (..., 2, num_actions)."""
        mean, spread = mlp_output.float().unbind(dim=-2)
        self._mean = mean + self._mean_shift
        share = torch.sigmoid(spread + self._log_std_shift)
        self._std = torch.exp(self._log_std_low + self._log_std_span * share)

    def _squash(self, u: torch.Tensor) -> torch.Tensor:
        return torch.addcmul(self.offset, self.scale, torch.tanh(u))

    def sample(self) -> torch.Tensor:
        """Draw actions. Shape is (..., num_actions)."""
        return self._squash(torch.addcmul(self._mean, self._std, torch.randn_like(self._mean)))

    def rsample(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw actions through which gradients pass, with the logarithm of their density.

        Returns:
            Actions of shape (..., num_actions) and their log-density of shape (...).
        """
        noise = torch.randn_like(self._mean)
        u = torch.addcmul(self._mean, self._std, noise)
        # The noise is known here, so that nothing has to be inverted and nothing is lost at the edges.
        gauss = -0.5 * noise.square() - torch.log(self._std) - LOG_SQRT_2PI
        return self._squash(u), (gauss - self._log_slope(u)).sum(dim=-1)

    def _log_slope(self, u: torch.Tensor) -> torch.Tensor:
        # log(scale · (1 - tanh² u)), without the cancellation of 1 - tanh² for large |u|
        return torch.log(self.scale) + 2.0 * (LOG_2 - u - nn.functional.softplus(-2.0 * u))

    def log_prob(self, outputs: torch.Tensor) -> torch.Tensor:
        """Logarithm of the density of actions.

        Args:
            outputs: Actions, inside their range. Shape is (..., num_actions).

        Returns:
            Shape is (...).
        """
        edge = 1.0 - 1.0e-6
        u = torch.atanh(torch.clamp((outputs - self.offset) / self.scale, -edge, edge))
        gauss = -0.5 * ((u - self._mean) / self._std).square() - torch.log(self._std) - LOG_SQRT_2PI
        return (gauss - self._log_slope(u)).sum(dim=-1)

    def deterministic_output(self, mlp_output: torch.Tensor) -> torch.Tensor:
        """The action at the mean of ``u``. Shape is (..., num_actions)."""
        return self._squash(mlp_output[..., 0, :] + self._mean_shift)

    def as_deterministic_output_module(self) -> nn.Module:
        """The same as a module that exports."""
        return _SquashedMean(self._mean_shift, self.scale, self.offset)

    @property
    def mean(self) -> torch.Tensor:
        """The action at the mean of ``u``. Shape is (..., num_actions)."""
        return self._squash(self._mean.detach())

    @property
    def std(self) -> torch.Tensor:
        """Standard deviation of the actions, to first order. Shape is (..., num_actions)."""
        return self._std.detach() * self.scale * (1.0 - torch.tanh(self._mean.detach()).square())

    @property
    def entropy(self) -> torch.Tensor:
        """An estimate from one sample, since there is no closed form. Shape is (...)."""
        return -self.rsample()[1]

    @property
    def params(self) -> tuple[torch.Tensor, ...]:
        """Mean and standard deviation of ``u``."""
        return self._mean, self._std

    def kl_divergence(self, old_params: tuple[torch.Tensor, ...], new_params: tuple[torch.Tensor, ...]) -> torch.Tensor:
        """KL(old || new), which squashing does not change. Shape is (...)."""
        old, new = (torch.distributions.Normal(mean, std) for mean, std in (old_params, new_params))
        return torch.distributions.kl_divergence(old, new).sum(dim=-1)


class _SquashedMean(nn.Module):
    # No annotations of the buffers: TorchScript cannot read them where annotations are strings.
    def __init__(self, shift: torch.Tensor, scale: torch.Tensor, offset: torch.Tensor):
        super().__init__()
        self.register_buffer("shift", shift.clone())
        self.register_buffer("scale", scale.clone())
        self.register_buffer("offset", offset.clone())

    def forward(self, mlp_output: torch.Tensor) -> torch.Tensor:
        return self.offset + self.scale * torch.tanh(mlp_output[..., 0, :] + self.shift)  # type: ignore[operator]

"""Several critics of the same shape, computed together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from rsl_rl.modules import EmpiricalNormalization
from rsl_rl.utils import resolve_nn_activation
from torch import nn

from .categorical import categorical_mean


class _Linears(nn.Module):
    """One linear layer for each critic. Shapes: in (num_critics, batch, n), out (num_critics, batch, m)."""

    def __init__(self, count: int, num_in: int, num_out: int):
        super().__init__()
        bound = num_in**-0.5  # torch's own for a linear layer
        self.weight = nn.Parameter(torch.empty(count, num_in, num_out).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(count, 1, num_out).uniform_(-bound, bound))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.baddbmm(self.bias, x, self.weight)


class QCritic(nn.Module):
    """Values of actions, from observations (privileged ones too) and actions, by several critics at once.

    With one atom a critic gives the value itself; with more it gives logits of a distribution over evenly spaced
    values (:mod:`~gaitway.agents.sac.categorical`).
    """

    support: torch.Tensor

    def __init__(
        self,
        obs: Mapping[str, torch.Tensor],
        obs_groups: Mapping[str, list[str]],
        obs_set: str,
        num_actions: int,
        hidden_dims: Sequence[int] = (256, 256),
        activation: str = "relu",
        obs_normalization: bool = True,
        layer_norm: bool = True,
        num_critics: int = 2,
        num_atoms: int = 1,
        value_range: tuple[float, float] = (-10.0, 10.0),
        distribution_cfg: None = None,
    ):
        """
        Args:
            obs: An example of the observations. Shape of each is (num_envs, n).
            obs_groups: Groups of observations, by set.
            obs_set: The set that the critics see.
            num_actions: Number of actions.
            hidden_dims: Sizes of the hidden layers.
            activation: Name of the activation.
            obs_normalization: Whether to bring the observations to mean 0 and variance 1.
            layer_norm: Whether to normalise the layers; without it many updates a sample are known to diverge.
            num_critics: How many critics.
            num_atoms: 1 for a value, more for a distribution.
            value_range: Least and largest value that a distribution can hold.
            distribution_cfg: None. RSL-RL's configs have it for all models.

        Raises:
            ValueError: A group is not flat, or the range is empty.
        """
        super().__init__()
        self.obs_groups = list(obs_groups[obs_set])
        for group in self.obs_groups:
            if obs[group].dim() != 2:
                raise ValueError(f"Observation group '{group}' has shape {tuple(obs[group].shape)}; flat ones only.")
        if num_atoms > 1 and not value_range[0] < value_range[1]:
            raise ValueError(f"value_range {value_range}: the first must be less than the second.")
        self.obs_dim = sum(obs[group].shape[-1] for group in self.obs_groups)
        self.num_critics, self.num_atoms = num_critics, num_atoms
        self.obs_normalization = obs_normalization
        self.obs_normalizer = EmpiricalNormalization(self.obs_dim) if obs_normalization else nn.Identity()
        layers: list[nn.Module] = []
        size = self.obs_dim + num_actions
        for hidden in hidden_dims:
            layers.append(_Linears(num_critics, size, hidden))
            if layer_norm:
                # No gains and shifts of its own: the next layer has them, and one kernel does it for all critics.
                layers.append(nn.LayerNorm(hidden, elementwise_affine=False))
            layers.append(resolve_nn_activation(activation))
            size = hidden
        head = _Linears(num_critics, size, num_atoms)
        nn.init.zeros_(head.weight)
        nn.init.zeros_(head.bias)
        self.layers = nn.Sequential(*layers, head)
        # Not in the checkpoint: it is the recipe's.
        self.register_buffer("support", torch.linspace(*value_range, num_atoms), persistent=False)

    def latent(self, obs: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Observations as the networks see them. Shape is (batch, n)."""
        return self.obs_normalizer(torch.cat([obs[group] for group in self.obs_groups], dim=-1))

    def update_normalization(self, obs: Mapping[str, torch.Tensor]) -> None:
        """Learn mean and variance from new observations."""
        if self.obs_normalization:
            self.obs_normalizer.update(torch.cat([obs[group] for group in self.obs_groups], dim=-1))  # type: ignore

    def forward(self, latent: torch.Tensor, actions: torch.Tensor) -> torch.Tensor:
        """What the networks say.

        Args:
            latent: From :meth:`latent`. Shape is (batch, n).
            actions: Shape is (batch, num_actions).

        Returns:
            Shape is (num_critics, batch, num_atoms).
        """
        x = torch.cat((latent, actions), dim=-1)
        return self.layers(x.expand(self.num_critics, *x.shape)).float()

    def value(self, output: torch.Tensor) -> torch.Tensor:
        """Expected return, from what :meth:`forward` gave. Shape is (num_critics, batch)."""
        return output.squeeze(-1) if self.num_atoms == 1 else categorical_mean(output, self.support)

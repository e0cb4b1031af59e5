"""Transitions kept on the device, and returns of several steps drawn from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from gaitway.errors import UsageError

SHARE = 0.9
"""Share of the free memory that a replay may take: networks and batches need some too."""


@dataclass
class Batch:
    """Transitions drawn at random, each over up to ``n_step`` steps."""

    obs: dict[str, torch.Tensor]
    """Observations by group. Shape is (batch, n)."""
    actions: torch.Tensor
    """Shape is (batch, num_actions)."""
    rewards: torch.Tensor
    """Discounted sum of rewards up to ``next_obs``. Shape is (batch,)."""
    discount: torch.Tensor
    """What the value of ``next_obs`` counts: gamma to the number of steps, 0 after a termination. Shape is (batch,)."""
    next_obs: dict[str, torch.Tensor]
    """Observations by group after the last of the steps, before any reset. Shape is (batch, n)."""


class Replay:
    """A ring of the last steps of all environments.

    Slots hold one step of all environments each. A return of several steps ends early where an episode ends and at the
    newest step; it then counts the value of the observation there, unless the episode was terminated.
    """

    def __init__(
        self,
        capacity: int,
        num_envs: int,
        obs: Mapping[str, torch.Tensor],
        num_actions: int,
        device: str | torch.device,
        n_step: int = 1,
        gamma: float = 0.99,
    ):
        """
        Args:
            capacity: Transitions to keep, over all environments; rounded down to whole steps of all of them.
            num_envs: Number of environments.
            obs: An example of the observations to keep, by group. Shape of each is (num_envs, n).
            num_actions: Number of actions.
            device: Where the transitions are.
            n_step: Steps that a return may span.
            gamma: Discount factor.

        Raises:
            UsageError: The capacity is too small.
        """
        self.num_envs, self.n_step, self.gamma = num_envs, n_step, gamma
        self.device = torch.device(device)
        self.num_slots = capacity // num_envs
        if n_step < 1:
            raise UsageError(f"n_step {n_step}: must be at least 1.")
        if self.num_slots <= n_step:
            raise UsageError(
                f"Replay of {capacity:,} transitions: {num_envs} environments and n_step {n_step} need at least "
                f"{num_envs * (n_step + 1):,}. Give a larger replay_capacity or fewer environments."
            )
        self.sizes = {group: value.shape[-1] for group, value in obs.items()}
        """Width of each group of observations."""
        self.num_actions = num_actions
        self.num_bytes = transition_bytes(self.sizes, num_actions) * self.num_slots * num_envs
        """Memory that the transitions take. Unit: bytes."""
        self._head = 0
        self._filled = 0
        self._is_allocated = False

    @property
    def capacity(self) -> int:
        """Transitions that fit."""
        return self.num_slots * self.num_envs

    def allocate(self) -> str:
        """Take the memory, unless it is taken. Only what learns needs it: a policy that is played back does not.

        Returns:
            What it takes, in words.

        Raises:
            UsageError: The memory does not suffice; the message says what would fit.
        """
        says = check_memory(self.capacity, self.num_envs, self.num_bytes // self.capacity, self.device)
        if self._is_allocated:
            return says
        self._is_allocated = True
        shape = (self.num_slots, self.num_envs)

        def zeros(*size: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
            return torch.zeros(*shape, *size, dtype=dtype, device=self.device)

        self._obs = {group: zeros(size) for group, size in self.sizes.items()}
        self._next_obs = {group: torch.zeros_like(value) for group, value in self._obs.items()}
        self._actions = zeros(self.num_actions)
        self._rewards = zeros()
        self._terminated = zeros(dtype=torch.bool)
        self._done = zeros(dtype=torch.bool)
        self._span = torch.arange(self.n_step, device=self.device)
        self._powers = self.gamma ** torch.arange(self.n_step + 1, device=self.device, dtype=torch.float32)
        return says

    def __len__(self) -> int:
        """Transitions held."""
        return self._filled * self.num_envs

    @property
    def observations(self) -> dict[str, torch.Tensor]:
        """Observations held, by group; one slot of zeros while there are none. Shape is (slots, num_envs, n)."""
        if not self._is_allocated:
            return {g: torch.zeros(1, self.num_envs, size, device=self.device) for g, size in self.sizes.items()}
        return {group: value[: max(self._filled, 1)] for group, value in self._obs.items()}

    def add(
        self,
        obs: Mapping[str, torch.Tensor],
        actions: torch.Tensor,
        rewards: torch.Tensor,
        next_obs: Mapping[str, torch.Tensor],
        terminated: torch.Tensor,
        done: torch.Tensor,
    ) -> None:
        """Keep a step of all environments; the oldest makes room.

        Args:
            obs: Observations that the actions answer, by group. Shape of each is (num_envs, n).
            actions: Shape is (num_envs, num_actions).
            rewards: Shape is (num_envs,).
            next_obs: What came of it, of the same episode: where one ended, the observation before the reset.
            terminated: Whether the episode ended for good. Shape is (num_envs,).
            done: Whether it ended, for good or in time. Shape is (num_envs,).
        """
        if not self._is_allocated:
            self.allocate()
        slot = self._head
        for group, value in self._obs.items():
            value[slot].copy_(obs[group])
            self._next_obs[group][slot].copy_(next_obs[group])
        self._actions[slot].copy_(actions)
        self._rewards[slot].copy_(rewards)
        self._terminated[slot].copy_(terminated)
        self._done[slot].copy_(done)
        self._head = (slot + 1) % self.num_slots
        self._filled = min(self._filled + 1, self.num_slots)

    def cut(self) -> None:
        """Say that what is added next does not go on from what was added last."""
        if self._filled:
            self._done[self._head - 1].fill_(True)

    def sample(self, batch_size: int) -> Batch:
        """Draw transitions, each as likely as any other, with replacement."""
        age = torch.randint(self._filled, (batch_size,), device=self.device)
        env = torch.randint(self.num_envs, (batch_size,), device=self.device)
        return self.gather(age, env)

    def gather(self, age: torch.Tensor, env: torch.Tensor) -> Batch:
        """Transitions by place.

        Args:
            age: Slots after the oldest one held. Shape is (batch,).
            env: Index of the environment. Shape is (batch,).
        """
        oldest = (self._head - self._filled) % self.num_slots
        if self.n_step == 1:
            flat = (oldest + age) % self.num_slots * self.num_envs + env
            rewards = self._rewards.flatten()[flat]
            first = last = flat
            discount = self.gamma * (~self._terminated.flatten()[flat])
        else:
            steps = age.unsqueeze(-1) + self._span
            flats = (oldest + steps) % self.num_slots * self.num_envs + env.unsqueeze(-1)
            # A step counts while no earlier one ended its episode and it is not newer than the newest.
            over = self._done.flatten()[flats].cumsum(dim=-1)
            counts = (steps < self._filled) & torch.cat((torch.zeros_like(over[:, :1]), over[:, :-1]), -1).eq(0)
            # Not multiplied by 0: what lies beyond an end may be NaN.
            rewards = (torch.where(counts, self._rewards.flatten()[flats], 0.0) * self._powers[:-1]).sum(dim=-1)
            number = counts.sum(dim=-1)
            first = flats[:, 0]
            last = flats.gather(-1, number.unsqueeze(-1) - 1).squeeze(-1)
            discount = self._powers[number] * ~self._terminated.flatten()[last]
        return Batch(
            {group: value.flatten(0, 1)[first] for group, value in self._obs.items()},
            self._actions.flatten(0, 1)[first],
            rewards,
            discount,
            {group: value.flatten(0, 1)[last] for group, value in self._next_obs.items()},
        )

    def state_dict(self) -> dict[str, Any]:
        """All that is held, to be put back by :meth:`load_state_dict`."""
        return {
            "num_slots": self.num_slots,
            "head": self._head,
            "filled": self._filled,
            "tensors": {name: value[: self._filled].clone() for name, value in self._tensors().items()},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what :meth:`state_dict` returned.

        Raises:
            UsageError: It is that of another size.
        """
        self.allocate()
        tensors = self._tensors()
        for name, value in tensors.items():
            if state["num_slots"] != self.num_slots or state["tensors"][name].shape[1:] != value.shape[1:]:
                raise UsageError(
                    "The replay in the checkpoint is of another size; resume with the same replay_capacity, number of "
                    "environments and observations."
                )
        for name, value in tensors.items():
            value[: state["filled"]].copy_(state["tensors"][name])
        self._head, self._filled = state["head"], state["filled"]

    def _tensors(self) -> dict[str, torch.Tensor]:
        return {
            "actions": self._actions,
            "rewards": self._rewards,
            "terminated": self._terminated,
            "done": self._done,
            **{f"obs/{group}": value for group, value in self._obs.items()},
            **{f"next_obs/{group}": value for group, value in self._next_obs.items()},
        }


def transition_bytes(obs_sizes: Mapping[str, int], num_actions: int) -> int:
    """Memory that a transition takes: observations before and after, actions, reward, two flags. Unit: bytes."""
    return 4 * (2 * sum(obs_sizes.values()) + num_actions + 1) + 2


def check_memory(capacity: int, num_envs: int, per_transition: int, device: torch.device) -> str:
    """Say what transitions will take, before it is taken.

    Args:
        capacity: Transitions.
        num_envs: Number of environments.
        per_transition: What one takes. Unit: bytes.
        device: Where they are to be.

    Raises:
        UsageError: The memory does not suffice; the message says what would fit.
    """
    num_bytes, free = capacity * per_transition, _free_bytes(device)
    if num_bytes > SHARE * free:
        fits = int(SHARE * free / per_transition / num_envs) * num_envs
        raise UsageError(
            f"Replay of {capacity:,} transitions takes {num_bytes / 1e9:.1f} GB, and {device} has {free / 1e9:.1f} GB "
            f"free, of which {SHARE:.0%} may be taken; {fits:,} transitions would fit."
        )
    return (
        f"Replay: {capacity:,} transitions ({capacity // num_envs:,} steps of {num_envs:,} environments) of "
        f"{per_transition} bytes take {num_bytes / 1e9:.2f} GB on {device}; {free / 1e9:.1f} GB are free."
    )


def _free_bytes(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    import psutil

    return psutil.virtual_memory().available

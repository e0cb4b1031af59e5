"""Counting episodes without leaving the device."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class EpisodeStats:
    """Averages over the most recent episodes."""

    episodes: int
    return_mean: float
    length_mean: float
    """Unit: steps."""
    success_rate: float
    terms: dict[str, float]
    """What the environment logs of itself, such as the share of each reward."""


class EpisodeMeter:
    """Adds up returns, lengths and successes as episodes end.

    Steps only add to tensors on the device; they are read once an iteration. Training begins in the middle of episodes,
    so each environment's first end is not counted.
    """

    def __init__(self, num_envs: int, device: str | torch.device, window: int = 100):
        """
        Args:
            num_envs: Parallel environments.
            device: Where rewards and dones are.
            window: Averages go over at least this many episodes, once there are so many.
        """
        self._running = torch.zeros(2, num_envs, device=device)
        self._whole = torch.zeros(num_envs, dtype=torch.bool, device=device)
        self._sums = torch.zeros(4, device=device)
        self._recent: deque[list[float]] = deque()
        self._window = window
        self._log: dict | None = None
        self._log_sums: dict[str, torch.Tensor] = {}
        self._log_count = 0

    def add(self, rewards: torch.Tensor, dones: torch.Tensor, extras: dict) -> None:
        """Count a step.

        Args:
            rewards: Shape is (num_envs,).
            dones: Whether an episode ended, by failure or by time. Shape is (num_envs,).
            extras: The environment's extras; ``success`` (num_envs,) is each environment's last verdict.
        """
        ended = dones.bool()
        self._running[0] += rewards
        self._running[1] += 1.0
        counted = ended & self._whole
        success = extras.get("success", torch.zeros_like(ended))
        self._sums += torch.stack(
            [
                counted.sum().float(),
                (self._running[0] * counted).sum(),
                (self._running[1] * counted).sum(),
                (success & counted).sum().float(),
            ]
        )
        self._running *= ~ended
        self._whole |= ended
        log = extras.get("log")
        # The environment makes a new dict whenever some environment is reset, and leaves it there in between.
        if log and log is not self._log:
            self._log, self._log_count = log, self._log_count + 1
            for key, value in log.items():
                value = torch.as_tensor(value, dtype=torch.float32, device=self._sums.device).mean()
                self._log_sums[key] = self._log_sums[key] + value if key in self._log_sums else value.clone()

    def read(self) -> EpisodeStats:
        """Averages over recent episodes; NaN while none has ended."""
        self._recent.append(self._sums.tolist())
        self._sums.zero_()
        while len(self._recent) > 1 and sum(r[0] for r in self._recent) - self._recent[0][0] >= self._window:
            self._recent.popleft()
        count, returns, lengths, successes = (sum(column) for column in zip(*self._recent, strict=True))
        per = (lambda total: total / count) if count else (lambda total: float("nan"))
        terms = {}
        if self._log_sums:
            values = (torch.stack(list(self._log_sums.values())) / self._log_count).tolist()
            terms = dict(zip(self._log_sums, values, strict=True))
            self._log_sums, self._log_count = {}, 0
        return EpisodeStats(int(count), per(returns), per(lengths), per(successes), terms)

"""Judging a policy over whole episodes."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import torch

from .policy import Player, Policy


@dataclass(frozen=True)
class Verdict:
    """How a policy did."""

    episodes: int
    success_rate: float
    success_low: float
    """Lower end of the 95 % interval (Wilson)."""
    success_high: float
    return_mean: float
    return_std: float
    length_mean: float
    """Unit: steps."""
    metrics: dict[str, float] = field(default_factory=dict)
    """What the task logs of its episodes, such as tracking errors: the mean over all that ended meanwhile."""


def judge(env: Any, policy: Policy, episodes: int) -> Verdict:
    """Run whole episodes and count.

    Every environment runs the same number of episodes (one more for the first few), so that short episodes, which are
    often failures, do not count for more than long ones.

    Args:
        env: The Gymnasium environment, not wrapped.
        policy: The policy; what it remembers of an episode is forgotten as that ends.
        episodes: How many to judge.
    """
    unwrapped = env.unwrapped
    num_envs, device = unwrapped.num_envs, unwrapped.device
    quota = torch.full((num_envs,), episodes // num_envs, device=device)
    quota[: episodes % num_envs] += 1
    running = torch.zeros(2, num_envs, device=device)
    sums = torch.zeros(5, device=device)
    logged: dict[str, torch.Tensor] = {}
    all_ended = torch.zeros((), device=device)
    player = Player(policy, num_envs, device)
    obs, _ = env.reset()
    with torch.inference_mode():
        for step in range(10**9):
            obs, reward, terminated, truncated, extras = env.step(player.act(obs))
            running[0] += reward
            running[1] += 1.0
            ended = terminated | truncated
            player.forget(ended)
            counts = ended & (quota > 0)
            returns = running[0] * counts
            sums += torch.stack(
                [counts.sum(), (extras["success"] & counts).sum(), returns.sum(), returns.square().sum(),
                 (running[1] * counts).sum()]
            )  # fmt: skip
            # The log holds means over the environments that were reset in this step.
            number = ended.sum()
            all_ended += number
            for name, value in extras.get("log", {}).items():
                if name.startswith("Metrics/") and name != "Metrics/success_rate":
                    logged[name] = logged.get(name, torch.zeros((), device=device)) + value * number
            quota -= counts.int()
            running *= ~ended
            # Asking the device whether all is done takes a wait; once in a while is enough.
            if step % 10 == 9 and not bool((quota > 0).any()):
                break
    count, successes, total, squares, steps = sums.tolist()
    mean = total / count
    low, high = wilson_interval(successes, count)
    spread = math.sqrt(max(squares / count - mean**2, 0.0))
    metrics = {name.removeprefix("Metrics/"): float(value / all_ended) for name, value in logged.items()}
    return Verdict(int(count), successes / count, low, high, mean, spread, steps / count, metrics)


def wilson_interval(successes: float, count: float, z: float = 1.96) -> tuple[float, float]:
    """Confidence interval of a share (Wilson, 1927); z = 1.96 is 95 %."""
    share = successes / count
    centre = share + z**2 / (2 * count)
    half = z * math.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    scale = 1 + z**2 / count
    return round(max((centre - half) / scale, 0.0), 6), round(min((centre + half) / scale, 1.0), 6)

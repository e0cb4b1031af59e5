"""SAC on Pendulum, 64 at a time: does the algorithm learn what others' learn?

stable-baselines3's SAC reaches -144 to -157 after 20,000 steps (its own benchmark and two runs of ours).

    python benchmarks/pendulum.py --seeds 0 1 2 --steps 25000
"""

from __future__ import annotations

import argparse
import contextlib
import io
import math
import time
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from tensordict import TensorDict

EPISODE = 200


class Pendulum:
    """Gymnasium's ``Pendulum-v1``, many at once, as RSL-RL wants an environment. Resets in the same step."""

    def __init__(self, num_envs: int, seed: int):
        self.num_envs, self.num_actions, self.device = num_envs, 1, "cpu"
        self.max_episode_length, self.cfg = EPISODE, {}
        self.single_action_space = gym.spaces.Box(-2.0, 2.0, (1,), dtype=np.float32)
        self.episode_length_buf = torch.zeros(num_envs, dtype=torch.long)
        self._random = torch.Generator().manual_seed(seed)
        self.angle = self.speed = torch.zeros(num_envs)
        self._reset(torch.ones(num_envs, dtype=torch.bool))

    def _reset(self, which: torch.Tensor) -> None:
        angle, speed = 2.0 * torch.rand(2, self.num_envs, generator=self._random) - 1.0
        self.angle = torch.where(which, math.pi * angle, self.angle)
        self.speed = torch.where(which, speed, self.speed)
        self.episode_length_buf = torch.where(which, 0, self.episode_length_buf)

    def get_observations(self) -> TensorDict:
        """Cosine, sine and speed."""
        obs = torch.stack((self.angle.cos(), self.angle.sin(), self.speed), dim=-1)
        return TensorDict({"policy": obs}, batch_size=[self.num_envs])

    def step(self, actions: torch.Tensor) -> tuple[TensorDict, torch.Tensor, torch.Tensor, dict[str, Any]]:
        """One step. Shape of ``actions`` is (num_envs, 1). Unit: N·m."""
        torque = actions[:, 0].clamp(-2.0, 2.0)
        angle = (self.angle + math.pi) % (2.0 * math.pi) - math.pi
        cost = angle.square() + 0.1 * self.speed.square() + 0.001 * torque.square()
        self.speed = (self.speed + (15.0 * self.angle.sin() + 3.0 * torque) * 0.05).clamp(-8.0, 8.0)
        self.angle = self.angle + self.speed * 0.05
        self.episode_length_buf = self.episode_length_buf + 1
        time_outs = self.episode_length_buf >= EPISODE
        final_obs = self.get_observations()
        self._reset(time_outs)
        extras = {"time_outs": time_outs, "final_obs": final_obs}
        return self.get_observations(), -cost, time_outs.long(), extras


def recipe(num_atoms: int = 1) -> dict[str, Any]:
    """A runner's config.

    Args:
        num_atoms: 1 for critics of a value, more for a distribution.
    """
    return {
        "num_steps_per_env": 4,
        "save_interval": 10_000,
        "obs_groups": {"actor": ["policy"], "critic": ["policy"]},
        "actor": {
            "class_name": "MLPModel",
            "hidden_dims": [64, 64],
            "activation": "relu",
            "distribution_cfg": {
                "class_name": "gaitway.agents.sac:SquashedGaussian",
                "init_std": 1.0,
                "std_range": (0.02, 3.0),
            },
        },
        "critic": {
            "class_name": "gaitway.agents.sac:QCritic",
            "hidden_dims": [128, 128],
            "obs_normalization": False,
            "num_atoms": num_atoms,
            "value_range": (-10.0, 10.0),
        },
        "algorithm": {
            "class_name": "gaitway.agents.sac:SAC",
            "batch_size": 256,
            "updates_per_step": 16.0,
            "learning_starts": 1000,
            "replay_capacity": 100_000,
            "gamma": 0.98,
            "tau": 0.01,
            "actor_learning_rate": 1.0e-3,
            "critic_learning_rate": 1.0e-3,
            "temperature_learning_rate": 1.0e-3,
            "init_temperature": 0.01,
            "normalize_rewards": True,
        },
    }


def make_runner(seed: int, num_envs: int = 64, num_atoms: int = 1, **algorithm: Any) -> Any:
    """RSL-RL's own runner with our algorithm; keyword arguments change the algorithm's settings."""
    from rsl_rl.runners import OnPolicyRunner

    torch.manual_seed(seed)
    cfg = recipe(num_atoms)
    cfg["algorithm"] |= algorithm
    with contextlib.redirect_stdout(io.StringIO()):
        return OnPolicyRunner(Pendulum(num_envs, seed), cfg, log_dir=None, device="cpu")


def mean_return(runner: Any, episodes: int = 100, seed: int = 1000) -> float:
    """Mean return of the policy without its noise."""
    env = Pendulum(episodes, seed)
    policy = runner.get_inference_policy()
    total = torch.zeros(episodes)
    with torch.inference_mode():
        obs = env.get_observations()
        for _ in range(EPISODE):
            obs, rewards, _, _ = env.step(policy(obs))
            total += rewards
    return float(total.mean())


def main() -> None:
    """Train and print a row for each seed and kind of critic."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=25_000, help="environment steps, over all environments")
    args = parser.parse_args()
    torch.set_num_threads(1)
    for num_atoms in (1, 101):
        for seed in args.seeds:
            runner = make_runner(seed, num_atoms=num_atoms)
            started = time.monotonic()
            runner.learn(args.steps // (64 * 4))
            seconds = time.monotonic() - started
            steps = runner.alg.env_steps * 64
            print(f"atoms {num_atoms:3d}  seed {seed}  steps {steps:6d}  {seconds:5.1f} s  {mean_return(runner):7.1f}")


if __name__ == "__main__":
    main()

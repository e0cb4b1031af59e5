"""What happens in each episode, drawn beforehand, so that it is the same in every engine."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gaitway_deploy.commands import Random

if TYPE_CHECKING:
    from gaitway_deploy.contract import Contract


@dataclass(frozen=True)
class Schedule:
    """How episodes begin and what is asked in them."""

    joint_pos: np.ndarray
    """Where the joints begin, in the contract's order. Shape is (episodes, joints). Unit: rad or m."""
    yaw: np.ndarray
    """Which way the robot looks at first. Shape is (episodes,). Unit: rad."""
    commands: dict[str, np.ndarray]
    """What is asked at each control step, by the command's name. Shapes are (episodes, steps, elements)."""

    @property
    def num_episodes(self) -> int:
        """How many there are."""
        return len(self.yaw)

    @property
    def num_steps(self) -> int:
        """Control steps of an episode."""
        return next(iter(self.commands.values())).shape[1]

    def at(self, episode: int, step: int) -> dict[str, np.ndarray]:
        """The commands of one moment."""
        return {name: values[episode, step] for name, values in self.commands.items()}

    def part(self, episodes: slice | np.ndarray) -> Schedule:
        """Some of the episodes."""
        return Schedule(
            self.joint_pos[episodes], self.yaw[episodes], {k: v[episodes] for k, v in self.commands.items()}
        )

    def save(self, path: Path) -> None:
        """Write it as ``.npz``."""
        with path.open("wb") as file:
            arrays: dict[str, Any] = {f"command_{name}": values for name, values in self.commands.items()}
            np.savez(file, joint_pos=self.joint_pos, yaw=self.yaw, **arrays)

    @classmethod
    def load(cls, path: Path) -> Schedule:
        """Read what :meth:`save` wrote."""
        with np.load(path, allow_pickle=False) as file:
            commands = {n.removeprefix("command_"): file[n] for n in file.files if n.startswith("command_")}
            return cls(file["joint_pos"], file["yaw"], commands)


def episode_steps(contract: Contract, seconds: float | None = None) -> int:
    """Control steps of an episode, as Isaac Lab counts them; of one of another length if ``seconds`` is given."""
    length = contract.task.episode_length_s if seconds is None else seconds
    return max(math.ceil(length / contract.control_dt - 1e-6), 1)


def draw_schedule(contract: Contract, episodes: int, seed: int, seconds: float | None = None) -> Schedule:
    """Draw commands and first states as they are drawn in training.

    An episode depends on the seed and its own number alone: the first ten of a hundred are those of ten.

    Args:
        contract: Says what is drawn from which ranges.
        episodes: How many.
        seed: Of everything.
        seconds: Length of an episode, if it is not to be the task's.
    """
    steps = episode_steps(contract, seconds)
    begins, yaws = [], []
    commands: dict[str, list[np.ndarray]] = {command.name: [] for command in contract.commands}
    for episode in range(episodes):
        rng = np.random.default_rng([seed, episode])
        joint_pos, yaw = draw_start(contract, rng)
        begins.append(joint_pos)
        yaws.append(yaw)
        source = Random(contract, seed=int(rng.integers(2**31)))
        asked = [_copied(source.read(step * contract.control_dt)) for step in range(steps)]
        for name, rows in commands.items():
            rows.append(np.array([values[name] for values in asked]))
    return Schedule(np.array(begins), np.array(yaws), {name: np.array(rows) for name, rows in commands.items()})


def _copied(values: Mapping[str, np.ndarray] | None) -> dict[str, np.ndarray]:
    return {name: np.array(value, dtype=np.float64) for name, value in (values or {}).items()}


def draw_start(contract: Contract, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """Draw joint positions, shape (joints,), and the yaw of the base, as the contract's reset says."""
    reset = contract.task.reset.joint_pos
    joint_pos = contract.default_pos.copy()
    index = contract.joint_indices(reset.joints)
    drawn = rng.uniform(reset.low, reset.high, size=len(index))
    if reset.kind == "scale":
        joint_pos[index] *= drawn
    elif reset.kind == "offset":
        joint_pos[index] += drawn
    joint_pos = np.clip(joint_pos, contract.pos_limits[:, 0], contract.pos_limits[:, 1])
    return joint_pos, float(rng.uniform(*contract.task.reset.yaw))

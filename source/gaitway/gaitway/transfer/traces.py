"""What happened in the episodes of one engine: the ground truth and what the policy saw, for a judge to look at."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np


@dataclass
class Snapshot:
    """The ground truth of n robots at one moment."""

    joint_pos: np.ndarray
    """Shape is (n, joints), in the contract's order. Unit: rad or m."""
    joint_vel: np.ndarray
    """Shape is (n, joints). Unit: rad/s or m/s."""
    base_pos: np.ndarray
    """Position of the base link's origin, from the origin of each robot's ground. Shape is (n, 3). Unit: m."""
    quat: np.ndarray
    """Orientation (x, y, z, w) of the base link. Shape is (n, 4)."""
    ang_vel: np.ndarray
    """Base frame. Shape is (n, 3). Unit: rad/s."""
    lin_vel: np.ndarray
    """Velocity of the base link's origin in the base frame. Shape is (n, 3). Unit: m/s."""
    lin_vel_com: np.ndarray
    """Velocity of the base link's centre of mass in the base frame. Shape is (n, 3). Unit: m/s."""
    body_pos: np.ndarray
    """Position of the link that is to reach a goal; of the base link where there is no goal. Shape is (n, 3)."""
    body_quat: np.ndarray
    """Its orientation. Shape is (n, 4)."""
    contact: np.ndarray
    """Greatest force on any of the links that must touch nothing. Shape is (n,). Unit: N."""
    env_failed: np.ndarray
    """Whether the task's own environment calls it a failure that the contract cannot express. Shape is (n,), bool."""
    env_success: np.ndarray
    """What the environment would say if the episode ended now; True where nobody asks. Shape is (n,), bool."""


@dataclass
class Traces:
    """Episodes of one engine, of T control steps at most.

    States have T + 1 rows: row t is what the policy saw when it decided row t of ``targets``, row t + 1 what came of
    it. Rows after an episode's last step are not to be looked at.
    """

    engine: str
    control_dt: float
    """Unit: s."""
    steps: np.ndarray
    """Steps that were taken before the runtime stopped the robot, or time ran out. Shape is (episodes,)."""
    joint_pos: np.ndarray
    joint_vel: np.ndarray
    base_pos: np.ndarray
    quat: np.ndarray
    ang_vel: np.ndarray
    lin_vel: np.ndarray
    lin_vel_com: np.ndarray
    body_pos: np.ndarray
    body_quat: np.ndarray
    contact: np.ndarray
    env_failed: np.ndarray
    env_success: np.ndarray
    """States, as in :class:`Snapshot`. Shapes are (episodes, T + 1, ...)."""
    obs: np.ndarray
    """What went into the network. Shape is (episodes, T, observations)."""
    targets: np.ndarray
    """Joint targets as written to the robot. Shape is (episodes, T, joints). Unit: rad or m."""
    commands: dict[str, np.ndarray]
    """By name. Shapes are (episodes, T, elements)."""
    interventions: list[list[dict[str, Any]]] = field(default_factory=list)
    """Of each episode: what the safety rules did (``time``, ``rule``, ``cause``, ``stops``, ``count``)."""
    wall_s: float = 0.0
    """What the episodes took, without the engine's start. Unit: s."""

    @classmethod
    def empty(
        cls, engine: str, *, control_dt: float, joints: int, observations: int, commands: Mapping[str, np.ndarray]
    ) -> Traces:
        """Traces to be filled, for episodes under these commands."""
        episodes, steps = next(iter(commands.values())).shape[:2]

        def states(*shape: int) -> np.ndarray:
            return np.full((episodes, steps + 1, *shape), np.nan, dtype=np.float32)

        return cls(
            engine=engine,
            control_dt=control_dt,
            steps=np.zeros(episodes, dtype=np.int64),
            joint_pos=states(joints),
            joint_vel=states(joints),
            base_pos=states(3),
            quat=states(4),
            ang_vel=states(3),
            lin_vel=states(3),
            lin_vel_com=states(3),
            body_pos=states(3),
            body_quat=states(4),
            contact=states(),
            env_failed=np.zeros((episodes, steps + 1), dtype=bool),
            env_success=np.ones((episodes, steps + 1), dtype=bool),
            obs=np.full((episodes, steps, observations), np.nan, dtype=np.float32),
            targets=np.full((episodes, steps, joints), np.nan, dtype=np.float32),
            commands={name: np.asarray(values, dtype=np.float32) for name, values in commands.items()},
            interventions=[[] for _ in range(episodes)],
        )

    @property
    def num_episodes(self) -> int:
        """How many there are."""
        return len(self.steps)

    @property
    def num_steps(self) -> int:
        """T: control steps of a whole episode."""
        return self.targets.shape[1]

    def note(self, snapshot: Snapshot, step: int) -> None:
        """Write down the state before control step ``step``."""
        for item in fields(Snapshot):
            getattr(self, item.name)[:, step] = getattr(snapshot, item.name)

    def put(self, other: Traces, episodes: slice) -> None:
        """Take over other traces, of as many steps, as some of these episodes."""
        for item in fields(self):
            mine = getattr(self, item.name)
            if isinstance(mine, np.ndarray):
                mine[episodes] = getattr(other, item.name)
        for name, values in self.commands.items():
            values[episodes] = other.commands[name]
        self.interventions[episodes] = other.interventions

    def save(self, path: Path) -> None:
        """Write them as one ``.npz``."""
        arrays = {item.name: getattr(self, item.name) for item in fields(self) if item.name in _ARRAYS}
        arrays |= {f"command_{name}": values for name, values in self.commands.items()}
        about = {"engine": self.engine, "control_dt": self.control_dt, "wall_s": self.wall_s}
        about |= {"interventions": self.interventions}
        scratch = path.with_name(f".{path.name}.tmp")
        with scratch.open("wb") as file:
            np.savez(file, about=np.array(json.dumps(about)), **arrays)
        scratch.replace(path)

    @classmethod
    def load(cls, path: Path) -> Traces:
        """Read what :meth:`save` wrote."""
        with np.load(path, allow_pickle=False) as arrays:
            about = json.loads(str(arrays["about"]))
            commands = {
                name.removeprefix("command_"): arrays[name] for name in arrays.files if name.startswith("command_")
            }
            return cls(**about, commands=commands, **{name: arrays[name] for name in _ARRAYS})


_ARRAYS = (*(item.name for item in fields(Snapshot)), "steps", "obs", "targets")

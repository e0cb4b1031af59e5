"""From what a robot says to what its policy sees."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .contract import JOINT_KINDS, Contract, ObservationTerm
from .errors import RobotError
from .joint_map import JointMap
from .state import RobotState


class ObservationBuilder:
    """Builds the observation of a contract, history included.

    Call :meth:`build` once a control step: it is what moves history on. How often the robot is read besides does not
    matter.

    Args:
        contract: The contract of the policy.
    """

    def __init__(self, contract: Contract):
        terms = contract.observations
        self.contract = contract
        width = sum(term.width for term in terms)
        # A frame holds the newest value of each term. What is alike for all terms is done to the whole of it at once.
        self._frame = np.zeros(width)
        self._offset = np.zeros(width)
        self._low, self._high = np.full(width, -np.inf), np.full(width, np.inf)
        self._scale = np.concatenate([term.scale for term in terms])
        self._clips = any(term.clip is not None for term in terms)
        self._obs = np.zeros(contract.obs_width, dtype=np.float32)
        self._copies: list[tuple[np.ndarray, np.ndarray]] = []
        self._histories: list[tuple[np.ndarray, np.ndarray]] = []

        joints: list[str] = []
        self._joint_terms: list[tuple[ObservationTerm, np.ndarray, slice]] = []
        self._other_terms: list[tuple[Any, ObservationTerm, np.ndarray]] = []
        readers = {
            "base_lin_vel": self._read_lin_vel,
            "base_ang_vel": self._read_ang_vel,
            "projected_gravity": self._read_gravity,
            "command": self._read_command,
            "last_action": self._read_last_action,
            "external": self._read_external,
        }
        start = run = 0
        for i, term in enumerate(terms):
            part = slice(start, start + term.width)
            start = part.stop
            if term.kind in JOINT_KINDS:
                assert term.joints is not None  # the contract has been checked
                self._joint_terms.append((term, self._frame[part], slice(len(joints), len(joints) + term.width)))
                joints += term.joints
                if term.offset is not None:
                    self._offset[part] = term.offset
            else:
                self._other_terms.append((readers[term.kind], term, self._frame[part]))
            if term.clip is not None:
                self._low[part], self._high[part] = term.clip
            if term.history.length > 1:
                frames = self._obs[term.start : term.stop].reshape(term.history.length, term.width)
                self._histories.append((self._frame[part], frames))
                run = i + 1
            elif i + 1 == len(terms) or terms[i + 1].history.length > 1:
                # Neighbours without history are copied together.
                run_start = part.stop - sum(neighbour.width for neighbour in terms[run : i + 1])
                self._copies.append((self._frame[run_start : part.stop], self._obs[terms[run].start : term.stop]))
        self._joints = JointMap(joints)

        gravity = np.array(contract.robot.gravity)
        self._down = (gravity / max(float(np.linalg.norm(gravity)), 1e-300)).tolist()
        self._action = np.zeros(contract.action_width)
        self._fresh = True

    def reset(self) -> None:
        """Begin anew: the next observation fills the histories, and no action came before it."""
        self._action[:] = 0.0
        self._fresh = True

    def set_last_action(self, actions: np.ndarray) -> None:
        """Tell what the policy answered, as it came out of the network. Shape is (actions,)."""
        self._action[:] = actions

    def build(self, state: RobotState, commands: Mapping[str, np.ndarray]) -> np.ndarray:
        """The observation of a state; moves history on by one.

        Args:
            state: What the robot says.
            commands: What it is asked to do, by the name of the command.

        Returns:
            Shape is (observations,), float32; a new array.

        Raises:
            RobotError: Something that the policy observes is missing or has another size. History has not moved.
        """
        frame = self._frame
        if self._joint_terms:
            self._read_joints(state)
        for read, term, target in self._other_terms:
            read(term, target, state, commands)
        np.subtract(frame, self._offset, out=frame)
        if self._clips:
            np.maximum(frame, self._low, out=frame)
            np.minimum(frame, self._high, out=frame)
        np.multiply(frame, self._scale, out=frame)
        for value, copy in self._copies:
            copy[:] = value
        for value, frames in self._histories:
            if self._fresh:
                frames[:] = value
            else:
                frames[:-1] = frames[1:]
                frames[-1] = value
        self._fresh = False
        return self._obs.copy()

    # -- values of each kind --------------------------------------------------------------------------

    def _read_joints(self, state: RobotState) -> None:
        indices = self._joints.indices(state.joint_names)
        shape = (len(state.joint_names),)
        for term, target, part in self._joint_terms:
            values = getattr(state, term.kind)
            if getattr(values, "shape", None) != shape:
                raise _misfit(term, values, shape)
            values.take(indices[part], out=target, mode="clip")

    def _read_lin_vel(self, term: ObservationTerm, target: np.ndarray, state: RobotState, _commands: Any) -> None:
        velocity = _given(term, state.lin_vel)
        if term.offset is None:
            target[:] = velocity
            return
        # The centre of mass moves with the base link's origin, and about it.
        (x, y, z), (wx, wy, wz) = term.offset.tolist(), _given(term, state.ang_vel).tolist()
        target[:] = (wy * z - wz * y, wz * x - wx * z, wx * y - wy * x)
        target += velocity

    def _read_ang_vel(self, term: ObservationTerm, target: np.ndarray, state: RobotState, _commands: Any) -> None:
        target[:] = _given(term, state.ang_vel)

    def _read_gravity(self, term: ObservationTerm, target: np.ndarray, state: RobotState, _commands: Any) -> None:
        x, y, z, w = _given(term, state.quat, 4).tolist()
        square = x * x + y * y + z * z + w * w
        if square == 0.0:
            raise RobotError(f"The IMU's quaternion is all zeros, and '{term.name}' needs it: is the sensor up yet?")
        # From the world into the base: v - w t + q x t, where t = 2 q x v / |q|^2.
        a, b, c = self._down
        k = 2.0 / square
        tx, ty, tz = k * (y * c - z * b), k * (z * a - x * c), k * (x * b - y * a)
        target[:] = (
            a - w * tx + y * tz - z * ty,
            b - w * ty + z * tx - x * tz,
            c - w * tz + x * ty - y * tx,
        )

    def _read_command(
        self, term: ObservationTerm, target: np.ndarray, _state: RobotState, commands: Mapping[str, np.ndarray]
    ) -> None:
        value = commands.get(term.command or "")
        if value is None:
            raise RobotError(
                f"There is no command '{term.command}', which the policy observes as '{term.name}'; "
                "let the command source give it."
            )
        target[:] = _given(term, value, term.width)

    def _read_last_action(self, _term: Any, target: np.ndarray, _state: RobotState, _commands: Any) -> None:
        target[:] = self._action

    def _read_external(self, term: ObservationTerm, target: np.ndarray, state: RobotState, _commands: Any) -> None:
        target[:] = _given(term, state.extra.get(term.name), term.width)


def _given(term: ObservationTerm, value: np.ndarray | None, width: int = 3) -> np.ndarray:
    """The value, if it is there and of the right size."""
    if getattr(value, "shape", None) != (width,):
        raise _misfit(term, value, (width,))
    return value  # type: ignore[return-value]


def _misfit(term: ObservationTerm, value: Any, shape: tuple[int, ...]) -> RobotError:
    if value is None:
        field = {
            "base_lin_vel": "lin_vel (and ang_vel)" if term.offset is not None else "lin_vel",
            "base_ang_vel": "ang_vel",
            "projected_gravity": "quat",
            "external": f"extra['{term.name}']",
        }.get(term.kind, term.kind)
        return RobotError(
            f"The robot gives no {field}, which the policy observes as '{term.name}'; "
            f"let the driver give it (source: {term.source})."
        )
    if not isinstance(value, np.ndarray):
        return RobotError(f"'{term.name}' must come as a numpy array of shape {shape}, not as {type(value).__name__}.")
    return RobotError(f"'{term.name}' must come with shape {shape}, not {value.shape}; correct what gives it.")

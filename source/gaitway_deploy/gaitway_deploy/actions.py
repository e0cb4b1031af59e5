"""From what a policy answers to what the motors are told."""

from __future__ import annotations

import numpy as np

from .contract import Contract
from .state import JointCommand


class ActionDecoder:
    """Turns the policy's output into joint targets with gains.

    Joints that no action drives are held at their default pose.

    Args:
        contract: The contract of the policy.
        stop_time: Damping that stops the robot, as the time that relates it to the motor's stiffness. Unit: s. A
            motor's own damping ends the ringing of its position loop, and is little on its own: a standing Go2 has
            about 6 N·m on each knee, which would fold at 12 rad/s against 0.5 N·m·s/rad. A tenth of its 25 N·m/rad
            makes 2.4 rad/s of it. Damping is never less than the contract's.
    """

    def __init__(self, contract: Contract, stop_time: float = 0.1):
        self.contract = contract
        joints = len(contract.joint_names)
        self._positions = [
            (slice(action.start, action.stop), contract.joint_indices(action.joints), action)
            for action in contract.actions
            if action.type in ("joint_position", "relative_joint_position")
        ]
        self._binaries = [
            (action.start, contract.joint_indices(action.joints), action)
            for action in contract.actions
            if action.type == "binary_joint"
        ]
        self._zeros = _fixed(np.zeros(joints))
        self._stop_damping = _fixed(np.maximum(contract.damping, stop_time * contract.stiffness))

    def decode(self, actions: np.ndarray, joint_pos: np.ndarray) -> np.ndarray:
        """Joint targets of an action.

        Args:
            actions: As it came out of the network. Shape is (actions,).
            joint_pos: Positions that the policy saw, from which relative targets count. Shape is (joints,), in the
                contract's order. Unit: rad or m.

        Returns:
            Shape is (joints,), in the contract's order; a new array. Unit: rad or m.
        """
        targets = self.contract.default_pos.copy()
        for part, joints, action in self._positions:
            values = actions[part] * action.scale
            values += joint_pos[joints] if action.offset is None else action.offset
            if action.clip is not None:
                np.maximum(values, action.clip[:, 0], out=values)
                np.minimum(values, action.clip[:, 1], out=values)
            targets[joints] = values
        for at, joints, action in self._binaries:
            targets[joints] = action.open if actions[at] >= 0.0 else action.close
        return targets

    def command(self, targets: np.ndarray, mode: str = "policy") -> JointCommand:
        """The command that drives the joints to targets with the contract's gains.

        Args:
            targets: Shape is (joints,). Unit: rad or m.
            mode: Why.
        """
        contract = self.contract
        return JointCommand(
            contract.joint_names, targets, self._zeros, self._zeros, contract.stiffness, contract.damping, mode
        )

    def damping(self) -> JointCommand:
        """The command that stops the robot: no stiffness, that it gives way, and damping, that it sinks slowly."""
        contract = self.contract
        return JointCommand(
            contract.joint_names,
            contract.default_pos,
            self._zeros,
            self._zeros,
            self._zeros,
            self._stop_damping,
            "damping",
        )


def _fixed(array: np.ndarray) -> np.ndarray:
    array.setflags(write=False)
    return array

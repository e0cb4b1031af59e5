"""Newton's MuJoCo solver, stepped by native MuJoCo on the CPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mujoco
import newton
import numpy as np
import warp as wp
from newton.solvers import SolverMuJoCo

from gaitway.errors import UsageError

from .worlds import INSTEAD, MujocoWorlds


class SolverMujocoCpu(SolverMuJoCo):
    """:class:`newton.solvers.SolverMuJoCo` whose worlds are stepped by MuJoCo's own C library.

    Newton translates model, control and state to MuJoCo's terms as ever, into MuJoCo-Warp's arrays in host memory. The
    worlds are loaded from there and stored there.

    Args:
        model: Newton's model, on the CPU.
        num_threads: Threads that step worlds; 0 for one a usable core.
        history_length: States that are kept of each world, for when one breaks.
        max_position: A coordinate beyond it is a broken state. Unit: m or rad.
        max_velocity: A velocity beyond it is a broken state. Unit: m/s or rad/s.
        **kwargs: As for :class:`newton.solvers.SolverMuJoCo`.

    Raises:
        UsageError: The model asks for something that this engine cannot do.
    """

    def __init__(
        self,
        model: newton.Model,
        *,
        num_threads: int = 0,
        history_length: int = 50,
        max_position: float = 1.0e6,
        max_velocity: float = 1.0e4,
        **kwargs: Any,
    ):
        if model.device.is_cuda:
            raise UsageError("physics=mujoco_cpu: runs on the CPU alone; use --device cpu or physics=newton_mjwarp.")
        if not kwargs.get("use_mujoco_contacts", True):
            raise UsageError(
                f"physics=mujoco_cpu: finds contacts by MuJoCo alone, not by Newton's pipeline; {INSTEAD}."
            )
        if kwargs.pop("use_mujoco_cpu", False):
            raise UsageError(
                "physics=mujoco_cpu: leave use_mujoco_cpu off; that is Newton's own way, of one world only."
            )
        self.worlds: MujocoWorlds | None = None
        self.plan: list[tuple[wp.Graph, int]] = []
        """What the manager has recorded of a step: graphs, and how many native steps follow each."""
        self.plan_made_of: tuple[Any, ...] = ()
        """What the plan was recorded from; it is recorded anew when any of that is another object."""
        super().__init__(model, separate_worlds=True, **kwargs)
        if self.mj_model.opt.enableflags & int(mujoco.mjtEnableBit.mjENBL_SLEEP):
            raise UsageError(f"physics=mujoco_cpu: worlds cannot sleep; {INSTEAD}.")
        if self.mj_model.nplugin or getattr(self.mj_model, "nhistory", 0):
            raise UsageError(f"physics=mujoco_cpu: MuJoCo's plugins and delayed sensors are not there; {INSTEAD}.")
        self._options: dict[str, Any] = dict(
            num_threads=num_threads,
            history_length=history_length,
            max_position=max_position,
            max_velocity=max_velocity,
        )

    def bind(self, state: newton.State, report_contacts: bool) -> None:
        """Tie the native worlds to a state, and say whether contacts are to be kept."""
        if self.worlds is not None:
            self.worlds.close()
        assert state.joint_q is not None
        assert state.joint_qd is not None
        assert self.mjc_geom_to_newton_shape is not None
        accelerations = state.body_qdd is not None or state.body_parent_f is not None
        self.worlds = MujocoWorlds(
            self.mj_model,
            self.mjw_model,
            self.mjw_data,
            joint_q=state.joint_q,
            joint_qd=state.joint_qd,
            geom_shape=self.mjc_geom_to_newton_shape,
            contact_slots=self.contact_slots if report_contacts else 0,
            accelerations=accelerations,
            **self._options,
        )

    @property
    def contact_slots(self) -> int:
        """Contacts that are kept of a world."""
        return max(self.mjw_data.naconmax // self.mjw_data.nworld, 1)

    def drives(self, joint_names: Sequence[str]) -> np.ndarray:
        """Which actuators drive joints of these names, as 0 or 1. Shape is (nu,).

        Raises:
            UsageError: A joint has none.
        """
        assert self.mjc_jnt_to_newton_jnt is not None
        trntype, trnid = self.mj_model.actuator_trntype, self.mj_model.actuator_trnid[:, 0]
        of_joint = np.isin(trntype, (mujoco.mjtTrn.mjTRN_JOINT, mujoco.mjtTrn.mjTRN_JOINTINPARENT))
        joints = self.mjc_jnt_to_newton_jnt.numpy()[0][np.where(of_joint, trnid, 0)]
        names = [self.model.joint_label[joint].rpartition("/")[2] for joint in joints]
        driven = of_joint & np.isin(names, list(joint_names))
        idle = sorted(set(joint_names) - {name for name, drives in zip(names, driven, strict=True) if drives})
        if idle:
            raise UsageError(f"physics=mujoco_cpu: nothing drives {', '.join(idle)}, so no target can come late.")
        return driven.astype(np.int32)

    def advance(self, state: newton.State, control: newton.Control, dt: float, num_steps: int) -> int:
        """Advance a state in place by some steps under the same control.

        Args:
            state: Newton's state.
            control: Newton's control.
            dt: Length of a step. Unit: s.
            num_steps: How many.

        Returns:
            How many worlds came out broken.
        """
        assert self.worlds is not None
        self.read(state, control)
        broken = self.worlds.step(num_steps, dt)
        self.write(state)
        self._step += num_steps
        return broken

    def read(self, state: newton.State, control: newton.Control) -> None:
        """Translate Newton's control and state for the native worlds."""
        self._apply_mjc_control(self.model, state, control, self.mjw_data)
        self._update_mjc_data(self.mjw_data, self.model, state)

    def write(self, state: newton.State) -> None:
        """Translate the native worlds' states for Newton."""
        self._update_newton_state(self.model, state, self.mjw_data, state_prev=state)

    def step(self, state_in, state_out, control, contacts, dt) -> None:
        if state_in is not state_out:
            raise ValueError("states must be one and the same")
        self.advance(state_in, control, dt, 1)

    def update_contacts(self, contacts: newton.Contacts, state: newton.State | None = None) -> None:
        """Write the contacts of the last step, with forces."""
        assert self.worlds is not None
        self.worlds.list_contacts(contacts)

    def notify_model_changed(self, flags: newton.ModelFlags | int) -> None:
        """Take over changed parameters, before the next step: an episode that begins changes some several times."""
        super().notify_model_changed(flags)
        if self.worlds is not None:
            self.worlds.parameters_changed = True

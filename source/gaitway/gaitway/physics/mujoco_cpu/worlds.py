"""Batches of MuJoCo worlds: their parameters, their state and the workers that step them."""

from __future__ import annotations

import copy
import logging
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import mujoco
import numpy as np
import warp as wp

from gaitway.errors import UsageError

from . import native

logger = logging.getLogger(__name__)

STATE_INPUTS = (
    "qpos", "qvel", "act", "ctrl", "qfrc_applied", "xfrc_applied", "qacc_warmstart", "mocap_pos", "mocap_quat"
)  # fmt: skip
"""What a world is set to before it is stepped. Fields of ``MjData`` and of MuJoCo-Warp's data alike."""
STATE_OUTPUTS = ("qpos", "qvel", "act", "qacc_warmstart", "qfrc_actuator")
"""What is read after it was stepped."""
ACCELERATION_OUTPUTS = ("xipos", "subtree_com", "cacc", "cvel", "cfrc_int")
"""What is read as well where accelerations or joint wrenches are asked for."""
OPTIONS = ("tolerance", "ls_tolerance", "ccd_tolerance", "density", "viscosity", "wind", "magnetic")
"""Options that must be alike in all worlds. Gravity may differ."""
INERTIAL = {"body_mass", "body_inertia", "body_ipos", "body_iquat", "dof_armature"}
SHAPES = {"geom_size", "geom_pos", "geom_quat", "geom_rbound"}
PRECOMPUTED = INERTIAL | SHAPES
"""Parameters that MuJoCo's compiler has precomputed something from."""
REPORTED = 2
INSTEAD = "use physics=newton_mjwarp, which can"


def num_usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def address(array: Any) -> int:
    """Where the numbers of a Warp array in host memory begin.

    Raises:
        ValueError: They do not lie one after another.
    """
    if not array.is_contiguous:
        raise ValueError("array is not contiguous")
    return int(array.ptr or 0)


def numbers_per_world(array: wp.array) -> int:
    """32-bit floats in each row of an array whose first axis is the world."""
    return array.strides[0] // 4 if array.size else 0


class MujocoWorlds:
    """MuJoCo worlds that differ in parameters and state, and the threads that step them.

    Parameters and state are read from, and states written to, arrays of MuJoCo-Warp's model and data, which Newton
    keeps true. They hold 32-bit floats, their first axis is the world, and they lie in host memory.

    Args:
        mj_model: The model that all worlds share, as compiled.
        mjw_model: Parameters, some of them by world.
        mjw_data: State by world.
        joint_q: Newton's joint coordinates, to be kept as history. Shape is (num_worlds * q,).
        joint_qd: Newton's joint velocities. Shape is (num_worlds * qd,).
        geom_shape: Newton's shape of each geom. Shape is (num_worlds, ngeom).
        contact_slots: Contacts that are kept of a world; 0 if none are asked for.
        accelerations: Whether bodies' accelerations and joint wrenches are asked for.
        history_length: States that are kept of each world.
        max_position: A coordinate beyond it is a broken state. Unit: m or rad.
        max_velocity: A velocity beyond it is a broken state. Unit: m/s or rad/s.
        num_threads: Workers; 0 for one a usable core.
    """

    def __init__(
        self,
        mj_model: mujoco.MjModel,
        mjw_model: Any,
        mjw_data: Any,
        *,
        joint_q: wp.array,
        joint_qd: wp.array,
        geom_shape: Any,
        contact_slots: int,
        accelerations: bool,
        history_length: int,
        max_position: float,
        max_velocity: float,
        num_threads: int = 0,
    ):
        self.num_worlds = mjw_data.nworld
        self.num_threads = min(num_threads or num_usable_cores(), self.num_worlds)
        self.history_length = history_length
        self._mjw_model, self._mjw_data = mjw_model, mjw_data
        self._accelerations = accelerations
        self._timestep = 0.0
        self.num_calls = 0
        """Calls of :meth:`step` so far."""
        self._warned = False
        self._counters = np.zeros(32, np.int32)  # worlds taken, and, in another cache line, worlds that broke

        self._template = mj_model
        self._models = [copy.copy(mj_model) for _ in range(self.num_threads)]
        for model in self._models:
            # Broken states are dealt with world by world.
            model.opt.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_AUTORESET)
            if model.ntree <= 1:
                model.opt.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_ISLAND)  # there is but one island to find
        self._datas = [mujoco.MjData(model) for model in self._models]
        for data in self._datas:
            for kind in ("mjWARN_BADQPOS", "mjWARN_BADQVEL", "mjWARN_BADQACC", "mjWARN_BADCTRL"):
                # MuJoCo writes of the first one to a file in the working directory, and of no more.
                data.warning[int(getattr(mujoco.mjtWarning, kind))].number = 1

        n = int(self.num_worlds)
        slots = max(contact_slots, 1)
        self.broken = wp.zeros(n, dtype=wp.int32, device="cpu")
        """Whether a world broke since it last began: 0, 1, or 2 once that was reported. Shape is (num_worlds,)."""
        self._broken = self.broken.numpy()
        width = (joint_q.size + joint_qd.size) // n
        self._history = np.zeros((n, max(history_length, 1), width), np.float32)
        self._num_q = joint_q.size // n
        self._sound_qpos = np.array(mjw_data.qpos.numpy(), np.float32, copy=True)
        self._keep = (joint_q, joint_qd, geom_shape)
        self.held_steps = wp.zeros(n, dtype=wp.int32, device="cpu")
        """Steps for which a world goes on with the control of the last env-step. Shape is (num_worlds,)."""
        self.held_actuators = np.zeros(mj_model.nu, np.int32)
        """Which actuators do so, as 0 or 1. Shape is (nu,)."""
        self._last_ctrl = np.zeros((n, max(mj_model.nu, 1)), np.float32)
        # Of each worker: a contact force, and velocities before and after the last step.
        self._scratch = [(np.zeros(6), np.zeros(mj_model.nv), np.zeros(mj_model.nv)) for _ in range(self.num_threads)]
        self._differing: tuple[str, ...] = ()
        self.parameters_changed = False
        """Whether the parameters are to be read anew before the next step."""

        worlds: Any = native.Worlds()
        worlds.count, worlds.nq, worlds.nv, worlds.nu = n, mj_model.nq, mj_model.nv, mj_model.nu
        worlds.neq = mj_model.neq
        worlds.rows_qpos, worlds.rows_qvel = address(mjw_data.qpos), address(mjw_data.qvel)
        worlds.rows_warmstart = address(mjw_data.qacc_warmstart)
        worlds.sound_qpos = self._sound_qpos.ctypes.data
        worlds.eq_active = address(mjw_data.eq_active) if mj_model.neq else 0
        worlds.rows_ctrl, worlds.last_ctrl = address(mjw_data.ctrl), self._last_ctrl.ctypes.data
        worlds.held_steps, worlds.held_actuators = self.held_steps, self.held_actuators.ctypes.data
        worlds.broken, worlds.broken_count = self.broken, self._counters[16:].ctypes.data
        worlds.max_position, worlds.max_velocity = max_position, max_velocity
        worlds.joint_q, worlds.joint_qd = address(joint_q), address(joint_qd)
        worlds.num_q, worlds.num_qd = self._num_q, width - self._num_q
        worlds.history, worlds.history_length = self._history.ctypes.data, history_length
        worlds.contact_slots = contact_slots
        worlds.contact_count = wp.zeros(n, dtype=wp.int32, device="cpu")
        self._contact_count = worlds.contact_count.numpy()
        worlds.contact_shapes = wp.zeros((n, slots), dtype=wp.vec2i, device="cpu")
        worlds.contact_points = wp.zeros((n, slots, 2), dtype=wp.vec3, device="cpu")
        worlds.contact_normals = wp.zeros((n, slots), dtype=wp.vec3, device="cpu")
        wrench: Any = wp.spatial_vector  # a type, though Warp's annotations do not say so
        worlds.contact_forces = wp.zeros((n, slots), dtype=wrench, device="cpu")
        worlds.geom_shape = geom_shape
        worlds.geom_body = wp.array(mj_model.geom_bodyid, dtype=wp.int32, device="cpu")
        layout = native.data_layout()
        worlds.layout_ncon, worlds.layout_contact, worlds.layout_size = layout.ncon, layout.contact, layout.size
        worlds.layout_dist, worlds.layout_pos = layout.dist, layout.pos
        worlds.layout_frame, worlds.layout_geom = layout.frame, layout.geom
        self._worlds = worlds

        self._pool = ThreadPoolExecutor(self.num_threads - 1, "mujoco") if self.num_threads > 1 else None
        self._workers: list[native.Worker] = []
        self._launches: list[wp.Launch] = []
        self.read_parameters()

    # -----------------------------------------------------------------------------------------------------------------
    # Parameters
    # -----------------------------------------------------------------------------------------------------------------

    def read_parameters(self) -> None:
        """Take over what Newton has changed in the parameters. What differs between worlds is loaded with each world.

        Raises:
            UsageError: Something was changed that this engine cannot change.
        """
        self.parameters_changed = False
        differing: set[str] = set()
        changed: set[str] = set()
        for name in self._parameter_names():
            rows = getattr(self._mjw_model, name).numpy().reshape(self.num_worlds, -1)
            if (rows != rows[0]).any():
                differing.add(name)
            if name in PRECOMPUTED:
                compiled = getattr(self._template, name).reshape(-1)
                if name in differing or not np.allclose(rows[0], compiled, rtol=1e-5, atol=1e-7):
                    changed.add(name)
            for model in self._models:
                getattr(model, name).reshape(-1)[:] = rows[0]
        self._read_options()
        self._drop_shortcuts(changed)
        self._prepare(sorted(differing))

    def _parameter_names(self) -> list[str]:
        """Fields that hold a row for each world on the one side and 64-bit floats on the other."""
        names = []
        for name in self._mjw_model.__dataclass_fields__:
            array, compiled = getattr(self._mjw_model, name, None), getattr(self._template, name, None)
            if not isinstance(array, wp.array) or not isinstance(compiled, np.ndarray) or compiled.dtype != np.float64:
                continue
            if array.ndim and array.shape[0] == self.num_worlds and numbers_per_world(array) == compiled.size > 0:
                names.append(name)
        return names

    def _read_options(self) -> None:
        options = self._mjw_model.opt
        for name in OPTIONS:
            rows = getattr(options, name).numpy()
            if (rows != rows[0]).any():
                raise UsageError(f"physics=mujoco_cpu: option '{name}' cannot differ between environments; {INSTEAD}.")
            for model in self._models:
                setattr(model.opt, name, rows[0].astype(np.float64))
        if (options.impratio_invsqrt.numpy() != options.impratio_invsqrt.numpy()[0]).any():
            raise UsageError(f"physics=mujoco_cpu: option 'impratio' cannot differ between environments; {INSTEAD}.")
        for model in self._models:
            model.opt.gravity[:] = options.gravity.numpy()[0]
            # Scales MuJoCo's test of whether the solver is done.
            model.stat.meaninertia = float(self._mjw_model.stat.meaninertia.numpy().mean())

    def _drop_shortcuts(self, changed: set[str]) -> None:
        """Drop what the compiler has precomputed from parameters that were changed since."""
        template = self._template
        if (template.dof_simplenum > 0).any() and changed & INERTIAL:
            # Their part of the mass matrix was computed for good. Newton's models have had no such bodies so far.
            raise UsageError(
                "physics=mujoco_cpu: masses, inertias and armature of bodies that MuJoCo treats as simple cannot be"
                f" changed; {INSTEAD}."
            )
        if changed & {"body_ipos", "body_iquat"}:
            moved = self._changed_rows("body_ipos", 3) | self._changed_rows("body_iquat", 4)
            none, inertia = mujoco.mjtSameFrame.mjSAMEFRAME_NONE, mujoco.mjtSameFrame.mjSAMEFRAME_INERTIA
            bound = (int(inertia), int(mujoco.mjtSameFrame.mjSAMEFRAME_INERTIAROT))
            for model in self._models:
                model.body_sameframe[moved] = int(none)
                for bodies, same in (
                    (model.geom_bodyid, model.geom_sameframe),
                    (model.site_bodyid, model.site_sameframe),
                ):
                    same[moved[bodies] & np.isin(same, bound)] = int(none)
        shape = SHAPES & changed
        if shape:
            moved = np.zeros(template.ngeom, bool)
            for name in shape:
                moved |= self._changed_rows(name, getattr(template, name).size // template.ngeom)
            self._widen_bounds(moved)

    def _changed_rows(self, name: str, width: int) -> np.ndarray:
        """Which bodies or geoms have another value than when compiled, in any world."""
        rows = getattr(self._mjw_model, name).numpy().reshape(-1, getattr(self._template, name).size // width, width)
        compiled = getattr(self._template, name).reshape(-1, width)
        return ~np.isclose(rows, compiled, rtol=1e-5, atol=1e-7).all(axis=(0, 2))

    def _widen_bounds(self, geoms: np.ndarray) -> None:
        """Let the broad phase pass all that could touch these geoms; bounding spheres sort out the rest."""
        radius = self._mjw_model.geom_rbound.numpy().max(axis=0)
        for model in self._models:
            model.opt.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_MIDPHASE)
            model.geom_sameframe[geoms] = int(mujoco.mjtSameFrame.mjSAMEFRAME_NONE)
            bounded = geoms & (model.geom_rbound > 0)
            model.geom_aabb[bounded, :3] = 0.0
            model.geom_aabb[bounded, 3:] = radius[bounded, None]
            for body in np.unique(model.geom_bodyid[geoms]):
                first, count = model.body_bvhadr[body], model.body_bvhnum[body]
                if count > 0:
                    model.bvh_aabb[first : first + count, :3] = 0.0
                    model.bvh_aabb[first : first + count, 3:] = 1.0e6

    # -----------------------------------------------------------------------------------------------------------------
    # Workers
    # -----------------------------------------------------------------------------------------------------------------

    def _copies(self, fields: Sequence[tuple[wp.array, np.ndarray]]) -> native.Copies:
        copies: Any = native.Copies()
        fields = [field for field in fields if field[1].size > 0]
        for array, own in fields:
            if numbers_per_world(array) != own.size or own.dtype != np.float64:
                raise ValueError("the two sides of a copy differ")
        copies.rows = wp.array([address(array) for array, _ in fields], dtype=wp.uint64, device="cpu")
        copies.natives = wp.array([own.ctypes.data for _, own in fields], dtype=wp.uint64, device="cpu")
        copies.counts = wp.array([own.size for _, own in fields], dtype=wp.int32, device="cpu")
        copies.length = len(fields)
        return copies

    def _prepare(self, differing: Sequence[str]) -> None:
        """Make the workers, unless the same fields are to be loaded with each world as before."""
        gravity = self._mjw_model.opt.gravity
        fields = (*differing, *(("gravity",) if (gravity.numpy() != gravity.numpy()[0]).any() else ()))
        if self._launches and fields == self._differing:
            return
        self._differing = fields
        self._workers, self._launches = [], []
        data_rows = self._mjw_data
        outputs = STATE_OUTPUTS + (ACCELERATION_OUTPUTS if self._accelerations else ())
        for model, data, scratch in zip(self._models, self._datas, self._scratch, strict=True):
            parameters = [(getattr(self._mjw_model, name), getattr(model, name)) for name in differing]
            if "gravity" in fields:
                parameters.append((gravity, model.opt.gravity))
            worker: Any = native.Worker()
            worker.model, worker.data = model._address, data._address
            worker.parameters = self._copies(parameters)
            worker.inputs = self._copies([(getattr(data_rows, name), getattr(data, name)) for name in STATE_INPUTS])
            worker.outputs = self._copies([(getattr(data_rows, name), getattr(data, name)) for name in outputs])
            worker.eq_active = data.eq_active.ctypes.data
            worker.qpos, worker.qvel, worker.ctrl = (getattr(data, f).ctypes.data for f in ("qpos", "qvel", "ctrl"))
            worker.xpos, worker.xquat = data.xpos.ctypes.data, data.xquat.ctypes.data
            worker.contact_force, worker.qvel_before, worker.qvel_after = (array.ctypes.data for array in scratch)
            self._workers.append(worker)
            self._launches.append(
                wp.launch(
                    native.step_worlds,
                    dim=1,
                    inputs=[
                        worker,
                        self._worlds,
                        self._counters.ctypes.data,
                        1,
                        0,
                        0,
                        1,
                        native.function_address("mj_step"),
                        native.function_address("mj_rnePostConstraint") if self._accelerations else 0,
                        native.function_address("mj_contactForce"),
                    ],
                    device="cpu",
                    record_cmd=True,
                )
            )

    # -----------------------------------------------------------------------------------------------------------------
    # Stepping
    # -----------------------------------------------------------------------------------------------------------------

    def step(self, num_steps: int, timestep: float, *, steps_before: int = 0, is_last: bool = True) -> int:
        """Advance all worlds.

        Args:
            num_steps: MuJoCo steps, under the same control; that of the last env-step for the first
                :attr:`held_steps` of them.
            timestep: Length of one. Unit: s.
            steps_before: Steps that this env-step has had, where it is several calls.
            is_last: Whether this call ends it.

        Returns:
            How many worlds came out broken: not finite, or beyond the bounds. They are back in their last sound pose,
            at rest, and marked in :attr:`broken` until they begin anew.

        Raises:
            UsageError: A parameter was changed that this engine cannot change.
        """
        if self.parameters_changed:
            self.read_parameters()
        if timestep != self._timestep:
            for model in self._models:
                model.opt.timestep = timestep
            self._timestep = timestep
        slot = self.num_calls % max(self.history_length, 1)
        self.num_calls += 1
        self._counters[:] = 0
        for launch in self._launches:
            launch.set_param_at_index(3, num_steps)
            launch.set_param_at_index(4, slot)
            launch.set_param_at_index(5, steps_before)
            launch.set_param_at_index(6, int(is_last))
        pending = [self._pool.submit(launch.launch) for launch in self._launches[1:]] if self._pool else []
        self._launches[0].launch()
        wait(pending)
        for future in pending:
            future.result()
        if self._worlds.contact_slots and not self._warned and self.max_contacts > self._worlds.contact_slots:
            self._warned = True
            logger.warning(
                "physics=mujoco_cpu: a world has %d contacts, of which sensors see %d only; raise nconmax.",
                self.max_contacts,
                self._worlds.contact_slots,
            )
        return int(self._counters[16])

    @property
    def max_contacts(self) -> int:
        """Most contacts that a world had in the last step."""
        return int(self._contact_count.max())

    def list_contacts(self, contacts: Any) -> None:
        """Write the contacts of the last step to a Newton ``Contacts``, in the order of worlds."""
        wp.launch(
            native.list_contacts,
            dim=1,
            inputs=[self.num_worlds, self._worlds],
            outputs=[
                contacts.rigid_contact_count,
                contacts.rigid_contact_shape0,
                contacts.rigid_contact_shape1,
                contacts.rigid_contact_point0,
                contacts.rigid_contact_point1,
                contacts.rigid_contact_normal,
                contacts.force,
            ],
            device="cpu",
        )

    def history(self, world: int) -> tuple[np.ndarray, np.ndarray]:
        """The last states of a world before its steps, oldest first; resets and pushes are not told apart.

        Returns:
            Newton's joint coordinates, shape (length, q), and velocities, shape (length, qd).
        """
        length = min(self.num_calls, self.history_length)  # may be none
        rows = self._history[world, np.arange(self.num_calls - length, self.num_calls) % self._history.shape[1]]
        return rows[:, : self._num_q].copy(), rows[:, self._num_q :].copy()

    def newly_broken(self) -> list[int]:
        """Worlds that broke since this was last asked."""
        new = (self._broken == 1).nonzero()[0]
        self._broken[new] = REPORTED
        return new.tolist()

    def begin_anew(self, mask: np.ndarray) -> None:
        """Unmark worlds whose state has been set. Shape of the mask is (num_worlds,)."""
        self._broken[mask] = 0

    def reason(self, world: int) -> str:
        """Why a world that has just broken did."""
        last = self.history(world) if self.history_length else ()
        if not all(np.isfinite(rows[-1]).all() for rows in last):
            return "the state it was set to is not finite"
        if not np.isfinite(self._mjw_data.ctrl.numpy()[world]).all():
            return "the action is not finite"
        return "a coordinate or velocity grew beyond all bounds, or was no number any more"

    def close(self) -> None:
        """Stop the threads."""
        if self._pool:
            self._pool.shutdown()

"""Isaac Lab's manager of the engine: what happens in a physics step, and in which order."""

from __future__ import annotations

import inspect
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import newton
import numpy as np
import torch
import warp as wp
from isaaclab.physics import PhysicsManager
from isaaclab.utils import to_dict
from isaaclab_newton.physics.mjwarp_manager import NewtonMJWarpManager
from newton import BodyFlags
from newton.solvers import SolverMuJoCo
from platformdirs import user_cache_path

from gaitway.errors import UsageError
from gaitway.physics.broken_states import BrokenState, joint_layout

from .cfg import MujocoCpuSolverCfg
from .solver import SolverMujocoCpu
from .worlds import INSTEAD

logger = logging.getLogger(__name__)

MAX_RECORDS = 20
"""Broken environments that a simulation logs and writes down one by one."""


class NewtonMujocoCpuManager(NewtonMJWarpManager):
    """Newton, stepped by native MuJoCo worlds on the CPU.

    Everything around the solver is Newton's and Isaac Lab's. The Warp kernels that translate between Newton and MuJoCo
    are recorded once as graphs, which replay without Python.
    """

    @classmethod
    def _create_solver(cls, model: newton.Model, solver_cfg: MujocoCpuSolverCfg) -> SolverMujocoCpu:
        accepted = {
            name
            for solver in (SolverMuJoCo, SolverMujocoCpu)
            for name in inspect.signature(solver.__init__).parameters
            if name not in ("self", "model", "kwargs")
        }
        return SolverMujocoCpu(
            model, **{name: value for name, value in to_dict(solver_cfg).items() if name in accepted}
        )

    @classmethod
    def _is_all_graphable(cls) -> bool:
        """Whether the physics steps of an env-step run in one call, with no Python in between.

        So Newton does where its own actuators are used; here it is also done where the config allows it and the
        simulator itself closes the joints' control loops.
        """
        sim, cfg = PhysicsManager._sim, PhysicsManager._cfg
        if cls._use_newton_actuators_active:
            return super()._is_all_graphable()
        return bool(sim is not None and sim.cfg.use_newton_actuators and cfg.solver_cfg.whole_env_step)

    @classmethod
    def _simulate_full(cls) -> None:
        cls._simulate(cls._decimation)

    @classmethod
    def _simulate_physics_only(cls) -> None:
        cls._simulate(1)

    @classmethod
    def _simulate(cls, decimation: int) -> None:
        """Take physics steps and update the sensors."""
        solver = cls._solver
        if solver.worlds is None:
            solver.bind(cls.backend.state_0, cls._report_contacts)
        made_of = (
            decimation,
            cls._adapter,
            *cls._post_actuator_callbacks,
            *cls._post_step_callbacks,
            *cls._state_force_callbacks,
            *cls._newton_contact_sensors.values(),
            *cls._newton_frame_transform_sensors,
            *cls._newton_imu_sensors,
        )
        before = solver.plan_made_of
        if len(before) != len(made_of) or any(a is not b for a, b in zip(before, made_of, strict=True)):
            solver.plan, solver.plan_made_of = cls._plan(decimation), made_of
        cls._hand_over_held()
        broken = done = 0
        total = decimation * cls._num_substeps
        for graph, num_steps in solver.plan:
            wp.capture_launch(graph)
            if num_steps:
                is_last = done + num_steps == total
                broken += solver.worlds.step(num_steps, cls._solver_dt, steps_before=done, is_last=is_last)
                done += num_steps
        if broken:
            cls._report_broken()

    @classmethod
    def _plan(cls, decimation: int) -> list[tuple[wp.Graph, int]]:
        """Record what is to be done: graphs, and how many native steps follow each."""
        backend, solver = cls.backend, cls._solver
        full = cls._is_all_graphable()
        by_actuator = full and (cls._adapter is not None or bool(cls._post_actuator_callbacks))
        # Newton holds kinematic bodies where they are after each substep.
        kinematic = (backend.model.body_flags.numpy() & int(BodyFlags.KINEMATIC)).any()
        by_substep = bool(cls._state_force_callbacks) or bool(kinematic)
        # Control stays the same over as many native steps as nobody asks to act in between.
        loops = decimation if by_actuator or by_substep else 1
        substeps = cls._num_substeps if by_substep else 1
        steps = decimation * cls._num_substeps // (loops * substeps)
        physics_dt = cls._solver_dt * cls._num_substeps

        plan: list[tuple[wp.Graph, int]] = []
        todo: list[Callable[[], Any]] = [cls._stage_body_forces]
        for i in range(loops):
            if full and cls._adapter is not None:
                swap = decimation % 2 == 0 or i < decimation - 1
                todo.append(
                    lambda swap=swap: cls._adapter.step(backend.state_0, backend.control, physics_dt, swap_state=swap)
                )
            if full:
                todo.extend(cls._post_actuator_callbacks)
            for _ in range(substeps):
                todo.append(lambda: cls._apply_staged_body_forces(backend.state_0))
                todo.extend(lambda f=f: f(backend.state_0) for f in cls._state_force_callbacks)
                todo.append(lambda: solver.read(backend.state_0, backend.control))
                plan.append((_record(todo), steps))
                todo = [lambda: solver.write(backend.state_0), backend.state_0.clear_forces]
        todo.extend(cls._post_step_callbacks)
        todo.append(lambda: cls._update_sensors(None))
        plan.append((_record(todo), 0))
        return plan

    # -----------------------------------------------------------------------------------------------------------------
    # Late targets
    # -----------------------------------------------------------------------------------------------------------------

    _held: ClassVar[list[tuple[torch.Tensor, list[str]]]] = []

    @classmethod
    def hold_targets(cls, joint_names: list[str], steps: torch.Tensor) -> None:
        """Have joints follow the targets of the last env-step for the first physics steps of each.

        For actions that reach the motors late by less than an env-step, where an env-step is one call. Read anew in
        each, so what is written into ``steps`` counts from then on. Nothing is held to begin with.

        Args:
            joint_names: The joints, by name, whose control loops the simulator closes.
            steps: Physics steps, int32, on the CPU; kept, not copied. Shape is (num_envs,).

        Raises:
            UsageError: Targets of other joints are held already, or Newton's own actuators drive them.
        """
        if cls._use_newton_actuators_active:
            raise UsageError(f"physics=mujoco_cpu: targets of Newton's own actuators cannot be delayed; {INSTEAD}.")
        if cls._held:
            raise UsageError("physics=mujoco_cpu: only one action term can be delayed; delay none of the others.")
        cls._held.append((steps, list(joint_names)))

    @classmethod
    def _hand_over_held(cls) -> None:
        for steps, joint_names in cls._held:
            worlds = cls._solver.worlds
            if not worlds.held_actuators.any():
                worlds.held_actuators[:] = cls._solver.drives(joint_names)
            worlds.held_steps.numpy()[:] = steps.numpy() * cls._num_substeps

    # -----------------------------------------------------------------------------------------------------------------
    # Broken states
    # -----------------------------------------------------------------------------------------------------------------

    num_broken: ClassVar[int] = 0
    """Times that an environment broke since the simulation began."""

    @classmethod
    def broken_envs(cls) -> torch.Tensor:
        """Environments that broke since they were last reset. Shape is (num_envs,)."""
        if cls._solver is None or cls._solver.worlds is None:
            return torch.zeros(cls.get_num_envs(), dtype=torch.bool)
        cls.forward()  # resets that are still pending
        return torch.from_numpy(cls._solver.worlds.broken.numpy()) != 0

    @classmethod
    def _reset_solver_internals(cls, world_mask: wp.array | None) -> None:
        super()._reset_solver_internals(world_mask)
        if world_mask is not None and cls._solver.worlds is not None:
            worlds = cls._solver.worlds
            worlds.begin_anew(world_mask.numpy()[: worlds.num_worlds])

    @classmethod
    def _report_broken(cls) -> None:
        """Count, log and write down environments that have just broken."""
        solver_cfg, worlds, model = PhysicsManager._cfg.solver_cfg, cls._solver.worlds, cls.backend.model
        for env_id in worlds.newly_broken():
            NewtonMujocoCpuManager.num_broken += 1
            if cls.num_broken > MAX_RECORDS:
                continue
            joint_q, joint_qd = worlds.history(env_id)
            joint_names, joint_q_start, joint_qd_start = joint_layout(model, env_id)
            target = cls.backend.control.joint_target_q.numpy().reshape(worlds.num_worlds, -1)
            record = BrokenState(
                task=solver_cfg.record_task,
                engine="mujoco_cpu",
                env_id=env_id,
                env_origin=_env_origin(env_id),
                num_step=worlds.num_calls,
                physics_dt=cls._solver_dt * cls._solver.plan[0][1],  # a state is kept before each native call
                reason=worlds.reason(env_id),
                joint_names=joint_names,
                joint_q_start=joint_q_start,
                joint_qd_start=joint_qd_start,
                joint_q=joint_q,
                joint_qd=joint_qd,
                control=target[env_id],
            )
            folder = Path(solver_cfg.record_folder or user_cache_path("gaitway") / "broken_states")
            path = folder / f"{os.getpid()}-step{worlds.num_calls}-env{env_id}.npz"
            try:
                if not len(joint_q):
                    raise OSError("none are kept, history_length is 0")
                folder.mkdir(parents=True, exist_ok=True)
                record.save(path)
                note = f"its last {len(joint_q)} states: gaitway play --replay {path}"
            except OSError as error:
                note = f"its last states could not be written: {error}"
            logger.warning(
                "physics=mujoco_cpu: environment %d broke (%s) and was put back to rest; %s",
                env_id,
                record.reason,
                note,
            )
            if cls.num_broken == MAX_RECORDS:
                logger.warning("physics=mujoco_cpu: %d environments broke; more are counted only.", MAX_RECORDS)

    @classmethod
    def clear(cls) -> None:
        """Forget the simulation, and stop the threads."""
        if isinstance(cls._solver, SolverMujocoCpu) and cls._solver.worlds is not None:
            cls._solver.worlds.close()
        NewtonMujocoCpuManager.num_broken = 0
        cls._held.clear()
        super().clear()


def _env_origin(env_id: int) -> np.ndarray:
    """Where an environment stands now; on terrain with a curriculum that changes."""
    scene = getattr(PhysicsManager._sim, "_interactive_scene", None)
    return np.zeros(3) if scene is None else scene.env_origins[env_id].numpy()


def _record(todo: list[Callable[[], Any]]) -> wp.Graph:
    with wp.ScopedCapture(device="cpu") as capture:
        for function in todo:
            function()
    return capture.graph

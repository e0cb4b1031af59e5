"""Isaac Lab's manager of the engine: what happens in a physics step, and in which order."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from typing import Any

import newton
import warp as wp
from isaaclab.physics import PhysicsManager
from isaaclab.utils import to_dict
from isaaclab_newton.physics.mjwarp_manager import NewtonMJWarpManager
from isaaclab_newton.physics.newton_manager import NewtonManager
from newton.solvers import SolverMuJoCo

from .cfg import MujocoCpuSolverCfg
from .solver import SolverMujocoCpu

logger = logging.getLogger(__name__)


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
        return SolverMujocoCpu(model, **{name: value for name, value in to_dict(solver_cfg).items() if name in accepted})

    @classmethod
    def _is_all_graphable(cls) -> bool:
        """Whether the physics steps of an env-step run in one call, with no Python in between.

        So Newton does where its own actuators are used; here it is also done where the config allows it and the
        simulator itself closes the joints' control loops.
        """
        sim, cfg = PhysicsManager._sim, PhysicsManager._cfg
        if super()._is_all_graphable():
            return True
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
        key = (
            decimation,
            id(cls._adapter),
            *map(id, cls._post_actuator_callbacks),
            *map(id, cls._post_step_callbacks),
            *map(id, cls._state_force_callbacks),
            *map(id, cls._newton_contact_sensors.values()),
            *map(id, cls._newton_frame_transform_sensors),
            *map(id, cls._newton_imu_sensors),
        )
        if solver.plan_key != key:
            solver.plan, solver.plan_key = cls._plan(decimation), key
        broken = 0
        for graph, num_steps in solver.plan:
            wp.capture_launch(graph)
            if num_steps:
                broken += solver.worlds.step(num_steps, cls._solver_dt)
        if broken:
            cls._report_broken()

    @classmethod
    def _plan(cls, decimation: int) -> list[tuple[wp.Graph, int]]:
        """Record what is to be done: graphs, and how many native steps follow each."""
        backend, solver = cls.backend, cls._solver
        full = cls._is_all_graphable()
        by_actuator = full and (cls._adapter is not None or bool(cls._post_actuator_callbacks))
        by_substep = bool(cls._state_force_callbacks)
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

    @classmethod
    def _report_broken(cls) -> None:
        pass


def _record(todo: list[Callable[[], Any]]) -> wp.Graph:
    with wp.ScopedCapture(device="cpu") as capture:
        for function in todo:
            function()
    return capture.graph


__all__ = ["NewtonManager", "NewtonMujocoCpuManager"]

"""The solver on models of its own, without Isaac Lab: held against MuJoCo itself."""

from __future__ import annotations

import copy

import mujoco
import newton
import numpy as np
import pytest
import warp as wp
from newton.solvers import SolverMuJoCo

from gaitway.errors import UsageError
from gaitway.physics.mujoco_cpu import native
from gaitway.physics.mujoco_cpu.solver import SolverMujocoCpu

DT = 0.005
SETTINGS = {"integrator": "implicitfast", "iterations": 50, "ls_iterations": 50, "njmax": 60, "nconmax": 20}


def _worlds(build, num_worlds: int) -> newton.Model:
    """As many copies of what ``build`` adds, above one ground."""
    world = newton.ModelBuilder()
    SolverMuJoCo.register_custom_attributes(world)
    build(world)
    builder = newton.ModelBuilder()
    SolverMuJoCo.register_custom_attributes(builder)
    builder.replicate(world, num_worlds)
    builder.add_ground_plane()
    return builder.finalize(device="cpu")


def _pendulum(builder: newton.ModelBuilder) -> None:
    """Two links that swing freely about y."""
    first = builder.add_link()
    builder.add_shape_capsule(first, xform=wp.transform((0.0, 0.0, -0.3)), radius=0.02, half_height=0.25)
    second = builder.add_link()
    builder.add_shape_capsule(second, xform=wp.transform((0.0, 0.0, -0.3)), radius=0.02, half_height=0.25)
    joints = [
        builder.add_joint_revolute(-1, first, parent_xform=wp.transform((0.0, 0.0, 2.0)), axis=(0.0, 1.0, 0.0)),
        builder.add_joint_revolute(first, second, parent_xform=wp.transform((0.0, 0.0, -0.6)), axis=(0.0, 1.0, 0.0)),
    ]
    builder.add_articulation(joints)
    builder.joint_q[-2:] = [1.5, 0.5]


def _ball(builder: newton.ModelBuilder) -> None:
    body = builder.add_body(xform=wp.transform((0.0, 0.0, 0.5)))
    builder.add_shape_sphere(body, radius=0.1)


def _ball_on_box(builder: newton.ModelBuilder) -> None:
    builder.add_shape_box(-1, xform=wp.transform((0.0, 0.0, 0.05)), hx=0.5, hy=0.5, hz=0.05)
    _ball(builder)


def _solver(model: newton.Model, **settings) -> tuple[SolverMujocoCpu, newton.State, newton.Control]:
    solver, state = SolverMujocoCpu(model, **{**SETTINGS, **settings}), model.state()
    newton.eval_fk(model, model.joint_q, model.joint_qd, state)
    solver.bind(state, report_contacts=True)
    return solver, state, model.control()


def _energy(model: mujoco.MjModel, qpos, qvel) -> float:
    data = mujoco.MjData(model)
    data.qpos[:], data.qvel[:] = qpos, qvel
    mujoco.mj_forward(model, data)
    mujoco.mj_energyPos(model, data)
    mujoco.mj_energyVel(model, data)
    return float(data.energy.sum())


def test_a_free_pendulum_loses_and_gains_energy_as_in_mujoco():
    solver, state, control = _solver(_worlds(_pendulum, 3))
    plain = copy.copy(solver.worlds._models[0])
    data = mujoco.MjData(plain)
    solver.read(state, control)
    data.qpos[:], data.qvel[:] = solver.mjw_data.qpos.numpy()[1], solver.mjw_data.qvel.numpy()[1]
    start = _energy(plain, data.qpos, data.qvel)
    ours, theirs = [], []
    for _ in range(100):
        solver.advance(state, control, DT, 4)
        plain.opt.timestep = DT
        mujoco.mj_step(plain, data, 4)
        ours.append(_energy(plain, solver.mjw_data.qpos.numpy()[1], solver.mjw_data.qvel.numpy()[1]) - start)
        theirs.append(_energy(plain, data.qpos, data.qvel) - start)
    swing = abs(start - _energy(plain, [0.0, 0.0], [0.0, 0.0]))
    assert 0.01 * swing < np.abs(theirs).max() < 0.1 * swing
    # The state passes through 32 bits between calls; of a chaotic motion, two seconds are compared.
    np.testing.assert_allclose(ours, theirs, atol=1e-4 * swing)


def test_threads_and_company_make_no_difference():
    """A world goes the same way, bit by bit, with one thread or three, alone in the model or one of many."""
    tracks = []
    for num_worlds, num_threads in ((7, 1), (7, 3), (2, 2)):
        solver, state, control = _solver(_worlds(_pendulum, num_worlds), num_threads=num_threads)
        for _ in range(20):
            solver.advance(state, control, DT, 4)
        assert solver.worlds.num_threads == num_threads
        tracks.append(state.joint_q.numpy().reshape(num_worlds, -1)[:2].copy())
    assert np.array_equal(tracks[0], tracks[1])
    assert np.array_equal(tracks[0], tracks[2])


def test_a_ball_made_larger_rests_higher():
    model = _worlds(_ball_on_box, 3)
    solver, state, control = _solver(model)
    shape = int((model.shape_world.numpy() == 1).nonzero()[0][1])
    model.shape_scale.numpy()[shape] = 0.2
    solver.notify_model_changed(newton.ModelFlags.SHAPE_PROPERTIES)
    for _ in range(150):
        solver.advance(state, control, DT, 4)
    height = state.body_q.numpy()[:, 2]
    np.testing.assert_allclose(height, [0.2, 0.3, 0.2], atol=3e-3)


def test_a_ball_made_larger_pushes_its_neighbour_away():
    """Both move, so that MuJoCo's broad phase must know of the new size."""

    def two(builder: newton.ModelBuilder) -> None:
        for x in (0.0, 0.25):
            builder.add_shape_sphere(builder.add_body(xform=wp.transform((x, 0.0, 0.11))), radius=0.1)

    model = _worlds(two, 3)
    solver, state, control = _solver(model)
    model.shape_scale.numpy()[int((model.shape_world.numpy() == 1).nonzero()[0][0])] = 0.2
    solver.notify_model_changed(newton.ModelFlags.SHAPE_PROPERTIES)
    for _ in range(20):
        solver.advance(state, control, DT, 4)
    positions = state.body_q.numpy()[:, :3].reshape(3, 2, 3)
    apart = np.linalg.norm(positions[:, 1] - positions[:, 0], axis=1)
    assert apart[1] > 0.29
    np.testing.assert_allclose(apart[[0, 2]], 0.25, atol=1e-3)


def test_accelerations_and_joint_wrenches_are_those_of_mujoco_warp():
    readings = []
    for kind in (SolverMujocoCpu, SolverMuJoCo):
        model = _worlds(_pendulum, 2)
        model.request_state_attributes("body_qdd", "body_parent_f")
        state, control = model.state(), model.control()
        state.joint_qd.numpy()[:] = [4.0, -9.0, 1.0, 2.0]
        newton.eval_fk(model, state.joint_q, state.joint_qd, state)
        solver = kind(model, **SETTINGS)
        if kind is SolverMujocoCpu:
            solver.bind(state, report_contacts=False)
            solver.advance(state, control, DT, 4)
        else:
            for _ in range(4):
                solver.step(state, state, control, None, DT)
        readings.append((state.body_qdd.numpy().copy(), state.body_parent_f.numpy().copy()))
    for ours, theirs in zip(*readings, strict=True):
        assert np.abs(theirs).max() > 1.0
        np.testing.assert_allclose(ours, theirs, rtol=2e-4, atol=2e-3)


def test_contacts_are_listed_by_world_with_forces_on_the_first_shape():
    model = _worlds(_ball, 3)
    model.request_contact_attributes("force")
    solver, state, control = _solver(model)
    contacts = newton.Contacts(
        solver.get_max_contact_count(), 0, device="cpu", requested_attributes=model.get_requested_contact_attributes()
    )
    for _ in range(150):
        solver.advance(state, control, DT, 4)
    solver.update_contacts(contacts)
    assert contacts.rigid_contact_count.numpy()[0] == 3
    shapes = np.stack([contacts.rigid_contact_shape0.numpy()[:3], contacts.rigid_contact_shape1.numpy()[:3]])
    worlds = model.shape_world.numpy()[shapes]
    assert worlds.max(axis=0).tolist() == [0, 1, 2]
    # The force is on the first shape; the ground bears down on nothing, the ball is borne.
    sign = np.where(model.shape_world.numpy()[shapes[0]] >= 0, 1.0, -1.0)
    weight = 9.81 * model.body_mass.numpy()
    np.testing.assert_allclose(sign * contacts.force.numpy()[:3, 2], weight, rtol=0.01)


def test_what_it_cannot_do_names_the_engine_that_can():
    with pytest.raises(UsageError, match="newton_mjwarp"):
        _solver(_worlds(_ball, 2), use_mujoco_contacts=False)
    with pytest.raises(UsageError, match="use_mujoco_cpu"):
        _solver(_worlds(_ball, 2), use_mujoco_cpu=True)
    solver, _, _ = _solver(_worlds(_ball, 2))
    solver.mjw_model.opt.density.numpy()[1] = 1.2
    with pytest.raises(UsageError, match=r"'density' cannot differ.*newton_mjwarp"):
        solver.worlds.read_parameters()


def test_a_world_may_break_where_no_history_is_kept():
    solver, state, control = _solver(_worlds(_ball, 2), history_length=0)
    state.joint_qd.numpy()[0] = np.nan
    assert solver.advance(state, control, DT, 4) == 1
    assert solver.worlds.newly_broken() == [0]
    assert solver.worlds.reason(0)
    assert np.isfinite(state.body_q.numpy()).all()


def test_mujocos_contacts_are_where_they_are_looked_for():
    layout = native.data_layout()
    assert layout.ncon % 4 == 0
    assert layout.contact > layout.ncon
    assert layout.pos == 8
    assert layout.size > layout.geom > layout.frame > layout.pos

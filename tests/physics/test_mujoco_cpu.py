"""The native MuJoCo engine in Isaac Lab, held against MuJoCo itself and against numbers worked out by hand."""

from __future__ import annotations

import copy
from pathlib import Path
from types import SimpleNamespace

import mujoco
import numpy as np
import pytest
import torch
from isaaclab_newton.physics.newton_manager import NewtonManager
from newton import ModelFlags

from gaitway.physics.broken_states import BrokenState
from gaitway.physics.mujoco_cpu.manager import NewtonMujocoCpuManager

TASK = "Gaitway-Velocity-Flat-Go2"
NUM_ENVS = 4
ODD = 2
"""The environment that is made different."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("broken")


@pytest.fixture(scope="module")
def env(open_env, only_physics, folder):
    def edit(cfg):
        only_physics(cfg)
        cfg.sim.physics.solver_cfg.record_folder = str(folder)

    with open_env(TASK, "mujoco_cpu", NUM_ENVS, edit) as env:
        yield env


def _place(env) -> None:
    """Put all robots into their default pose, at rest."""
    env.reset()
    robot = env.unwrapped.scene["robot"]
    pose = robot.data.default_root_pose.torch.clone()
    pose[:, :3] += env.unwrapped.scene.env_origins
    robot.write_root_pose_to_sim_index(root_pose=pose)
    robot.write_root_velocity_to_sim_index(root_velocity=torch.zeros(NUM_ENVS, 6))
    robot.write_joint_position_to_sim_index(position=robot.data.default_joint_pos.torch)
    robot.write_joint_velocity_to_sim_index(velocity=torch.zeros(NUM_ENVS, robot.num_joints))


@pytest.fixture
def standing(env):
    """The environment with its robots on their feet, at rest."""
    _place(env)
    for _ in range(75):
        env.step(torch.zeros(env.action_space.shape))
    return env


def test_ground_carries_the_weight(standing):
    sensor, robot = standing.unwrapped.scene["contact_forces"], standing.unwrapped.scene["robot"]
    total = []
    for _ in range(25):
        standing.step(torch.zeros(standing.action_space.shape))
        total.append(sensor.data.net_forces_w.torch.sum(dim=1))
    force = torch.stack(total).mean(dim=0)
    weight = 9.81 * robot.data.body_mass.torch.sum(dim=1)
    torch.testing.assert_close(force[:, 2], weight, rtol=0.01, atol=0.0)
    assert force[:, :2].abs().max() < 0.05 * weight[0]
    feet = [i for i, name in enumerate(sensor.body_names) if name.endswith("_foot")]
    others = [i for i in range(len(sensor.body_names)) if i not in feet]
    assert (sensor.data.net_forces_w.torch[:, feet, 2] > 1.0).all()
    assert (sensor.data.net_forces_w.torch[:, others].abs() < 1e-3).all()


# ---------------------------------------------------------------------------------------------------------------------
# What a task may change of an environment
# ---------------------------------------------------------------------------------------------------------------------


def _body(model, name: str) -> int:
    return next(
        i
        for i, label in enumerate(model.body_label)
        if label.endswith(f"env_{ODD}/Robot/{name}") or (f"env_{ODD}/" in label and label.endswith(f"/{name}"))
    )


def _mj_body(mj_model, solver, newton_body: int) -> int:
    return int((solver.mjc_body_to_newton.numpy()[ODD] == newton_body).nonzero()[0][0])


def _mj_geoms(solver, shapes) -> np.ndarray:
    return np.isin(solver.mjc_geom_to_newton_shape.numpy()[ODD], shapes).nonzero()[0]


def _double_mass(model, solver, plain):
    body = _body(model, "base")
    model.body_mass.numpy()[body] *= 2
    model.body_inv_mass.numpy()[body] /= 2
    model.body_inertia.numpy()[body] *= 2
    model.body_inv_inertia.numpy()[body] /= 2
    own = _mj_body(plain, solver, body)
    plain.body_mass[own] *= 2
    plain.body_inertia[own] *= 2
    return ModelFlags.BODY_INERTIAL_PROPERTIES


def _move_com(model, solver, plain):
    body = _body(model, "base")
    model.body_com.numpy()[body] += (0.05, 0.0, 0.02)
    own = _mj_body(plain, solver, body)
    plain.body_ipos[own] += (0.05, 0.0, 0.02)
    plain.body_sameframe[own] = 0
    return ModelFlags.BODY_INERTIAL_PROPERTIES


def _slippery(model, solver, plain):
    shapes = [i for i, world in enumerate(model.shape_world.numpy()) if world == ODD]
    model.shape_material_mu.numpy()[shapes] = 0.02
    plain.geom_friction[_mj_geoms(solver, shapes), 0] = 0.02
    ground = [i for i, world in enumerate(model.shape_world.numpy()) if world == -1]
    # MuJoCo takes the larger of the two frictions, so that the ground must be slippery too.
    model.shape_material_mu.numpy()[ground] = 0.02
    plain.geom_friction[_mj_geoms(solver, ground), 0] = 0.02
    return ModelFlags.SHAPE_PROPERTIES


def _dofs(model) -> slice:
    per_env = model.joint_dof_count // NUM_ENVS
    return slice(ODD * per_env + 6, (ODD + 1) * per_env)


def _armature(model, solver, plain):
    model.joint_armature.numpy()[_dofs(model)] += 0.05
    plain.dof_armature[6:] += 0.05
    return ModelFlags.JOINT_DOF_PROPERTIES


def _soft_gains(model, solver, plain):
    model.joint_target_ke.numpy()[_dofs(model)] = 10.0
    model.joint_target_kd.numpy()[_dofs(model)] = 1.0
    position = plain.actuator_biasprm[:, 1] != 0
    plain.actuator_gainprm[position, 0], plain.actuator_biasprm[position, 1] = 10.0, -10.0
    plain.actuator_gainprm[~position, 0], plain.actuator_biasprm[~position, 2] = 1.0, -1.0
    return ModelFlags.JOINT_DOF_PROPERTIES | ModelFlags.ACTUATOR_PROPERTIES


def _narrow_limits(model, solver, plain):
    default = model.joint_q.numpy().reshape(NUM_ENVS, -1)[ODD, 7:]
    model.joint_limit_lower.numpy()[_dofs(model)] = default - 0.05
    model.joint_limit_upper.numpy()[_dofs(model)] = default + 0.05
    plain.jnt_range[1:] = np.stack([default - 0.05, default + 0.05], axis=1)
    return ModelFlags.JOINT_DOF_PROPERTIES


def _moon(model, solver, plain):
    model.gravity.numpy()[ODD] = (0.0, 0.0, -1.62)
    plain.opt.gravity[:] = (0.0, 0.0, -1.62)
    return ModelFlags.MODEL_PROPERTIES


CHANGES = [_double_mass, _move_com, _slippery, _armature, _soft_gains, _narrow_limits, _moon]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__.strip("_"))
def test_an_environment_made_different_moves_like_one_built_so(standing, change):
    """From the same state under the same action: the odd environment, and plain MuJoCo with its model changed alike."""
    solver, model = NewtonManager._solver, NewtonManager.get_model()
    names = (
        *("body_mass", "body_inv_mass", "body_inertia", "body_inv_inertia", "body_com", "shape_material_mu"),
        *("joint_armature", "joint_target_ke", "joint_target_kd", "joint_limit_lower", "joint_limit_upper", "gravity"),
    )
    before = {name: getattr(model, name).numpy().copy() for name in names}
    plain = copy.copy(solver.worlds._models[0])
    unchanged = copy.copy(plain)
    flags = change(model, solver, plain)
    mujoco.mj_setConst(plain, mujoco.MjData(plain))
    try:
        NewtonManager.add_model_change(flags)
        action = torch.full(standing.action_space.shape, 0.7)
        solver.read(NewtonManager.get_state_0(), NewtonManager.get_control())
        start = {
            name: getattr(solver.mjw_data, name).numpy()[ODD].astype(float)
            for name in ("qpos", "qvel", "qacc_warmstart")
        }
        standing.step(action)
        rows = solver.mjw_data
        reached = {i: rows.qpos.numpy()[i].astype(float) for i in (ODD, ODD - 1)}

        def alone(mj_model) -> np.ndarray:
            data = mujoco.MjData(mj_model)
            for name, value in start.items():
                getattr(data, name)[:] = value
            data.ctrl[:] = rows.ctrl.numpy()[ODD]
            mujoco.mj_step(mj_model, data, 4)
            return data.qpos.copy()

        expected, ordinary = alone(plain), alone(unchanged)
        np.testing.assert_allclose(reached[ODD], expected, atol=3e-6)
        assert np.abs(expected - ordinary).max() > 1e-4, (
            "the change makes no difference, so that this test shows nothing"
        )
    finally:
        for name, value in before.items():
            getattr(model, name).numpy()[:] = value
        NewtonManager.add_model_change(flags)
        standing.step(torch.zeros(standing.action_space.shape))


def test_a_force_that_carries_the_weight_leaves_the_robot_afloat(standing):
    robot = standing.unwrapped.scene["robot"]
    pose = robot.data.root_pose_w.torch.clone()
    pose[:, 2] += 1.0
    robot.write_root_pose_to_sim_index(root_pose=pose)
    robot.write_root_velocity_to_sim_index(root_velocity=torch.zeros(NUM_ENVS, 6))
    forces = torch.zeros(NUM_ENVS, 1, 3)
    forces[ODD, 0, 2] = 9.81 * robot.data.body_mass.torch[ODD].sum()
    robot.permanent_wrench_composer.set_forces_and_torques_index(
        forces=forces, torques=torch.zeros_like(forces), body_ids=torch.tensor([0], dtype=torch.int32), is_global=True
    )
    for _ in range(10):
        standing.step(torch.zeros(standing.action_space.shape))
    robot.permanent_wrench_composer.reset()
    velocity = robot.data.root_com_lin_vel_w.torch[:, 2]
    # 0.2 s of free fall, but for what the legs do.
    assert velocity[ODD].abs() < 0.1
    assert velocity[0] == pytest.approx(-9.81 * 0.2, abs=0.1)


def test_actuators_that_cannot_be_recorded_are_stepped_from_python(env, monkeypatch):
    assert NewtonMujocoCpuManager._is_all_graphable()
    monkeypatch.setattr(NewtonManager, "_use_newton_actuators_active", True)
    monkeypatch.setattr(NewtonManager, "_adapter", SimpleNamespace(is_all_graphable=False))
    assert not NewtonMujocoCpuManager._is_all_graphable()


# ---------------------------------------------------------------------------------------------------------------------
# Broken states
# ---------------------------------------------------------------------------------------------------------------------


def _observe(env, spoil) -> dict[str, torch.Tensor]:
    """Begin from the default pose, spoil environment ``ODD``, and note what the others see over ten steps."""
    _place(env)
    for _ in range(5):
        env.step(torch.zeros(env.action_space.shape))
    spoil(env)
    seen = []
    for _ in range(10):
        env.step(torch.full(env.action_space.shape, 0.1))
        data = env.unwrapped.scene["robot"].data
        assert torch.isfinite(data.joint_pos.torch).all()
        assert torch.isfinite(data.body_link_pose_w.torch).all()
        seen.append(torch.cat([data.joint_pos.torch, data.joint_vel.torch, data.root_pos_w.torch], dim=1))
    return torch.stack(seen)


def _bad_velocity(env, value: float) -> None:
    robot = env.unwrapped.scene["robot"]
    velocity = torch.full((1, robot.num_joints), value)
    robot.write_joint_velocity_to_sim_index(velocity=velocity, env_ids=torch.tensor([ODD], dtype=torch.int32))


@pytest.mark.parametrize("value", [float("nan"), 1.0e9])
def test_a_broken_environment_is_put_back_and_noted_and_others_do_not_notice(env, folder, value):
    undisturbed = _observe(env, lambda env: None)
    files, count = set(folder.glob("*.npz")), env.unwrapped.sim.physics_manager.num_broken
    disturbed = _observe(env, lambda env: _bad_velocity(env, value))
    others = [i for i in range(NUM_ENVS) if i != ODD]
    assert torch.equal(undisturbed[:, others], disturbed[:, others])
    assert env.unwrapped.sim.physics_manager.broken_envs().tolist() == [i == ODD for i in range(NUM_ENVS)]
    assert env.unwrapped.sim.physics_manager.num_broken == count + 1
    (new,) = set(folder.glob("*.npz")) - files
    record = BrokenState.load(new)
    assert (record.env_id, record.engine) == (ODD, "mujoco_cpu")
    assert len(record.joint_q) <= 50
    assert not np.isfinite(record.joint_qd[-1]).all() or np.abs(record.joint_qd[-1]).max() > 1e8
    assert np.isfinite(record.joint_q[-2]).all()
    _bad_velocity(env, 0.0)
    assert not env.unwrapped.sim.physics_manager.broken_envs().any()

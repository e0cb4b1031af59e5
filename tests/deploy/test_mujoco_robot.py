"""The simulated robot against oracles: Pinocchio, scipy, formulas, a twin of itself, and the engine of training."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
import pinocchio as pin
import pytest
from scipy.integrate import solve_ivp
from scipy.spatial.transform import Rotation

from gaitway_deploy.actions import ActionDecoder
from gaitway_deploy.bundle import Bundle, write_bundle
from gaitway_deploy.contract import Contract
from gaitway_deploy.drivers.mujoco import MujocoRobot
from gaitway_deploy.errors import RobotError
from gaitway_deploy.observations import ObservationBuilder
from gaitway_deploy.policy import Policy
from gaitway_deploy.runtime import Runtime
from gaitway_deploy.safety import SafetyCfg
from gaitway_deploy.state import JointCommand

from . import sample

G = 9.81
ENGINE = "mujoco_cpu"
"""The engine of training that does the same as plain MuJoCo, with a model that Newton has made of the USD file."""


@pytest.fixture(scope="module")
def go2(go2_bundle) -> Bundle:
    return Bundle.open(go2_bundle)


@pytest.fixture(scope="module")
def franka(franka_bundle) -> Bundle:
    return Bundle.open(franka_bundle)


def quiet(bundle: Bundle, **options: Any) -> MujocoRobot:
    """A robot without sensor noise."""
    return MujocoRobot(bundle, **{"noise": False, **options})


def targets(robot: MujocoRobot, position: np.ndarray | None = None) -> JointCommand:
    """A command with the contract's gains; for the default pose if no other is given."""
    position = robot.contract.default_pos if position is None else position
    return ActionDecoder(robot.contract).command(np.array(position))


def hold(robot: MujocoRobot, seconds: float, command: JointCommand | None = None) -> None:
    """Write a command once a control period."""
    dt, begin = robot.contract.control_dt, robot.clock.now()
    for i in range(round(seconds / dt)):
        robot.write(command or targets(robot))
        robot.clock.sleep_until(begin + (i + 1) * dt)


def lift(robot: MujocoRobot, height: float = 2.0) -> None:
    """Put a floating robot into the air."""
    robot.data.qpos[2] = height
    mujoco.mj_forward(robot.model, robot.data)


class Oracle:
    """Pinocchio's reading of a bundle's URDF, joints in the contract's order."""

    def __init__(self, bundle: Bundle):
        self.contract = bundle.contract
        root = [pin.JointModelFreeFlyer()] if self.contract.robot.floating_base else []
        self.model = pin.buildModelFromXML(bundle.files[self.contract.robot.urdf].decode(), *root)
        self.data = self.model.createData()
        joints = [self.model.joints[self.model.getJointId(name)] for name in self.contract.joint_names]
        self.q_index = [joint.idx_q for joint in joints]
        self.v_index = [joint.idx_v for joint in joints]
        self.mass = sum(inertia.mass for inertia in self.model.inertias)

    def configuration(self, joint_pos: np.ndarray, quat: np.ndarray | None = None) -> np.ndarray:
        q = pin.neutral(self.model)
        if quat is not None:
            q[3:7] = quat
        q[self.q_index] = joint_pos
        return q


# -- the model ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("colliders", ["trained", "description"])
@pytest.mark.parametrize("name", ["go2", "franka"])
def test_masses_inertias_and_weights_are_those_of_the_description(name, colliders, request) -> None:
    bundle = request.getfixturevalue(name)
    robot, oracle = quiet(bundle, colliders=colliders), Oracle(bundle)
    contract, model, data = robot.contract, robot.model, robot.data
    assert model.body_mass.sum() == pytest.approx(oracle.mass, rel=1e-6)
    assert model.nv == oracle.model.nv
    dofs = [model.joint(joint).dofadr[0] for joint in contract.joint_names]
    rng = np.random.default_rng(0)
    for _ in range(5):
        low, high = contract.pos_limits.T
        joint_pos, quat = rng.uniform(low, high), Rotation.random(rng=rng).as_quat()
        if contract.robot.floating_base:
            lift(robot)
            robot.set_base(quat)
        robot.set_joints(joint_pos)
        q = oracle.configuration(joint_pos, quat if contract.robot.floating_base else None)
        weights = pin.computeGeneralizedGravity(oracle.model, oracle.data, q)[oracle.v_index]
        np.testing.assert_allclose(data.qfrc_bias[dofs], weights, atol=1e-5)
        assert np.abs(weights).max() > 0.5
        upper = np.triu(pin.crba(oracle.model, oracle.data, q))
        inertia = (upper + np.triu(upper, 1).T)[np.ix_(oracle.v_index, oracle.v_index)] + np.diag(contract.armature)
        column = np.zeros(model.nv)
        for i, dof in enumerate(dofs):
            mujoco.mj_mulM(model, data, column, np.eye(model.nv)[dof])
            np.testing.assert_allclose(column[dofs], inertia[:, i], atol=1e-6)


def test_joints_have_the_limits_of_the_contract_and_the_damping_of_the_description(franka: Bundle) -> None:
    model = quiet(franka).model
    for joint, damping in (("panda_joint1", 0.003), ("panda_finger_joint1", 0.3)):
        assert model.joint(joint).damping[0] == pytest.approx(damping)
    for joint in franka.contract.robot.joints:
        assert tuple(model.joint(joint.name).range) == joint.pos_limits


def test_fingers_that_the_description_couples_move_together(franka: Bundle) -> None:
    robot = quiet(franka)
    position = franka.contract.default_pos.copy()
    leader = franka.contract.joint_names.index("panda_finger_joint1")
    position[leader] = 0.0
    hold(robot, 2.0, targets(robot, position))
    # One motor pulls to 0, the other, as strong, to 0.04; what couples them gives way a little.
    fingers = robot.read().joint_pos[[leader, leader + 1]]
    assert fingers == pytest.approx(0.02, abs=2e-3)


def test_two_legs_meet_only_where_links_collide_with_each_other(go2: Bundle, tmp_path: Path) -> None:
    contract = sample.go2_contract()
    contract["robot"]["self_collision"] = True
    write_bundle(sample.bundle_files(contract, sample.GO2), tmp_path / "colliding")
    colliding = Bundle.open(tmp_path / "colliding")
    crossed = go2.contract.default_pos.copy()
    crossed[[go2.contract.joint_names.index(f"{leg}_hip_joint") for leg in ("FL", "FR")]] = -0.8, 0.8
    touching = []
    for bundle in (go2, colliding):
        robot = quiet(bundle)
        robot.set_joints(crossed)
        lift(robot)
        touching.append(set(robot.truth().contacts))
    assert touching[0] == set()
    assert touching[1] & {"FL_calf", "FL_foot", "FL_thigh"}
    assert touching[1] & {"FR_calf", "FR_foot", "FR_thigh"}


def test_neighbours_do_not_press_each_other_apart(tmp_path: Path) -> None:
    contract = sample.franka_contract()
    contract["robot"]["self_collision"] = True
    write_bundle(sample.bundle_files(contract, sample.FRANKA), tmp_path / "colliding")
    robot = quiet(Bundle.open(tmp_path / "colliding"))
    bodies = robot.model.geom_bodyid
    # MuJoCo leaves neighbours alone by itself, but not those of a link that is fixed to the world.
    pairs = {frozenset(bodies[contact.geom].tolist()) for contact in robot.data.contact}
    assert not [pair for pair in pairs if max(pair) > 1 and robot.model.body_parentid[max(pair)] in pair]
    hold(robot, 1.0)
    assert robot.truth().joint_pos[0] == pytest.approx(0.0, abs=1e-3)


# -- motion -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("angle", [0.0, 90.0])
def test_free_fall(go2: Bundle, angle: float) -> None:
    robot = quiet(go2)
    lift(robot)
    turn = Rotation.from_euler("x", angle, degrees=True)
    robot.set_base(turn.as_quat())
    steps, dt = 150, robot.physics_dt
    robot.clock.sleep_until(steps * dt)
    truth = robot.truth()
    np.testing.assert_allclose(truth.lin_vel, turn.inv().apply([0.0, 0.0, -G * steps * dt]), atol=1e-9)
    assert truth.base_pos[2] == pytest.approx(2.0 - G * dt**2 * steps * (steps + 1) / 2, abs=1e-9)
    np.testing.assert_allclose(truth.joint_pos, go2.contract.default_pos, atol=1e-9)


def test_steps_of_an_arm_are_those_of_its_equations_of_motion(franka: Bundle) -> None:
    contract, oracle = franka.contract, Oracle(franka)
    oracle.model.armature[oracle.v_index] = contract.armature
    oracle.model.gravity.linear[:] = 0.0  # the arm's own controller carries it
    friction = np.array([0.003] * 7 + [0.3] * 2)
    goal = contract.default_pos + np.array([0.1, 0.05, -0.1, 0.05, 0.05, -0.05, 0.1, 0.0, 0.0])

    def motion(_: float, x: np.ndarray) -> np.ndarray:
        q, v = x[:9], x[9:]
        effort = contract.stiffness * (goal - q) - contract.damping * v
        effort = np.clip(effort, -contract.effort_limit, contract.effort_limit) - friction * v
        return np.concatenate([v, pin.aba(oracle.model, oracle.data, q, v, effort)])

    expected = solve_ivp(motion, (0.0, 0.2), np.r_[contract.default_pos, np.zeros(9)], rtol=1e-8, atol=1e-10).y[:, -1]
    robot = quiet(franka, physics_dt=contract.control_dt / 100)
    hold(robot, 0.2, targets(robot, goal))
    assert np.abs(expected[:7] - contract.default_pos[:7]).min() > 0.02
    np.testing.assert_allclose(robot.truth().joint_pos, expected[:9], atol=3e-4)


@pytest.mark.parametrize("colliders", ["trained", "description"])
def test_a_robot_that_is_told_to_stands_on_its_feet(go2: Bundle, colliders: str) -> None:
    robot = quiet(go2, colliders=colliders)
    hold(robot, 3.0)
    truth = robot.truth()
    assert 0.2 < truth.base_pos[2] < go2.contract.robot.initial_base_pos[2]
    assert Rotation.from_quat(truth.base_quat).magnitude() < 0.2
    assert np.abs(truth.joint_vel).max() < 0.1, "feet creep, since contacts give way"
    assert {"FL_foot", "FR_foot", "RL_foot", "RR_foot"} <= set(truth.contacts)
    # Boxes around its curved calves may touch too; the rest is in the air.
    assert not [link for link in truth.contacts if link.endswith(("base", "hip", "thigh"))]
    weight = G * robot.model.body_mass.sum()
    assert sum(truth.contacts.values()) == pytest.approx(weight, rel=0.05), "feet also press sideways"
    assert robot.log == []


def test_a_robot_in_damping_sinks_and_does_not_fall(go2: Bundle) -> None:
    robot = quiet(go2)
    hold(robot, 1.0)
    stood = robot.truth().base_pos[2]
    speeds = []
    for i in range(50):
        robot.write(ActionDecoder(go2.contract).damping())
        robot.clock.sleep_until(1.0 + (i + 1) * go2.contract.control_dt)
        speeds.append(robot.truth().lin_vel[2])
    assert robot.truth().base_pos[2] < stood - 0.05
    assert min(speeds) > -1.0


# -- frames and signs ---------------------------------------------------------------------------------


def test_velocities_are_of_the_base_links_origin_in_its_own_frame(go2: Bundle) -> None:
    robot = quiet(go2)
    robot.set_base(Rotation.from_euler("z", 90, degrees=True).as_quat())
    robot.data.qvel[:3] = 1.0, 0.0, 0.5  # world frame
    robot.data.qvel[3:6] = 0.0, 0.3, 2.0  # base frame
    state, truth = robot.read(), robot.truth()
    for seen in (state, truth):
        np.testing.assert_allclose(seen.lin_vel, [0.0, -1.0, 0.5], atol=1e-12)
        np.testing.assert_allclose(seen.ang_vel, [0.0, 0.3, 2.0], atol=1e-12)
    np.testing.assert_allclose(state.quat, [0.0, 0.0, np.sqrt(0.5), np.sqrt(0.5)], atol=1e-12)
    com = Oracle(go2).model.inertias[1].lever  # of the base link with all that is fixed to it
    np.testing.assert_allclose(
        truth.lin_vel_com, np.array([0.0, -1.0, 0.5]) + np.cross([0.0, 0.3, 2.0], com), atol=1e-6
    )


def test_orientation_is_as_new_as_the_joints(go2: Bundle) -> None:
    robot = quiet(go2)
    lift(robot)
    robot.data.qvel[5] = 10.0
    robot.clock.sleep_until(robot.physics_dt)
    for quat in (robot.read().quat, robot.truth().base_quat, robot.truth().bodies["base"][1]):
        assert Rotation.from_quat(quat).as_rotvec()[2] == pytest.approx(10.0 * robot.physics_dt, rel=0.02)


def test_gravity_points_to_the_right_of_a_robot_on_its_right_side(go2: Bundle) -> None:
    robot = quiet(go2)
    robot.set_base(Rotation.from_euler("x", 90, degrees=True).as_quat())
    obs = ObservationBuilder(go2.contract).build(robot.read(), {"base_velocity": np.zeros(3)})
    term = go2.contract.observation("projected_gravity")
    np.testing.assert_allclose(obs[term.start : term.stop], [0.0, -1.0, 0.0], atol=1e-6)


def test_links_are_where_pinocchio_has_them(franka: Bundle) -> None:
    robot, oracle = quiet(franka), Oracle(franka)
    joint_pos = np.random.default_rng(1).uniform(*franka.contract.pos_limits.T)
    robot.set_joints(joint_pos)
    pin.framesForwardKinematics(oracle.model, oracle.data, oracle.configuration(joint_pos))
    bodies = robot.truth().bodies
    assert len(bodies) == 11
    for name, (position, quat) in bodies.items():
        expected = oracle.data.oMf[oracle.model.getFrameId(name, pin.BODY)]
        np.testing.assert_allclose(position, expected.translation, atol=1e-6)
        np.testing.assert_allclose(Rotation.from_quat(quat).as_matrix(), expected.rotation, atol=1e-6)


# -- sensors ------------------------------------------------------------------------------------------


def test_sensors_are_late_by_as_many_physics_steps_as_told(go2: Bundle) -> None:
    late, prompt = quiet(go2, sensor_latency_s=0.006), quiet(go2)
    seen = [prompt.read()]
    for step in range(1, 31):
        for robot in (late, prompt):
            if step % 10 == 1:
                robot.write(targets(robot))
            robot.clock.sleep_until(step * robot.physics_dt)
        seen.append(prompt.read())
        state, expected = late.read(), seen[max(step - 3, 0)]
        assert state.time == pytest.approx(step * late.physics_dt - 0.006, abs=1e-9)
        for field in ("joint_pos", "joint_vel", "quat", "lin_vel"):
            np.testing.assert_array_equal(getattr(state, field), getattr(expected, field))


def test_noise_is_that_of_training_and_only_on_what_the_policy_sees(franka: Bundle) -> None:
    robot = MujocoRobot(franka, noise=2.0)
    readings = [robot.read() for _ in range(2000)]
    truth = robot.truth()
    position = np.array([state.joint_pos for state in readings]) - truth.joint_pos
    velocity = np.array([state.joint_vel for state in readings]) - truth.joint_vel
    for noise, bound in ((position, 2 * 0.01), (velocity, 2 * 0.05)):
        assert (np.abs(noise[:, :7]).max(axis=0) <= bound).all()
        assert (noise[:, :7].max(axis=0) > 0.98 * bound).all()
        assert (noise[:, :7].min(axis=0) < -0.98 * bound).all()
        assert (noise[:, 7:] == 0.0).all(), "the policy does not see the fingers"
        assert abs(np.corrcoef(noise[:, 0], noise[:, 1])[0, 1]) < 0.1


def test_noise_of_the_imu_stays_within_that_of_training(go2: Bundle) -> None:
    robot, builder = MujocoRobot(go2), ObservationBuilder(go2.contract)
    robot.set_base(Rotation.from_euler("xy", [40, -30], degrees=True).as_quat())
    truth = quiet(go2)
    truth.set_base(robot.truth().base_quat)
    commands = {"base_velocity": np.zeros(3)}
    exact = builder.build(truth.read(), commands).copy()
    seen = np.array([builder.build(robot.read(), commands).copy() for _ in range(1000)]) - exact
    for name, bound in (("projected_gravity", 0.05), ("base_ang_vel", 0.25 * 0.2)):
        term = go2.contract.observation(name)
        noise = np.linalg.norm(seen[:, term.start : term.stop], axis=1)
        assert 0.7 * bound < noise.max() < 1.01 * np.sqrt(3) * bound


def test_the_same_seed_gives_the_same_robot_bit_for_bit(go2: Bundle) -> None:
    def run(robot: MujocoRobot) -> np.ndarray:
        rows = []
        for i in range(20):
            state = robot.read()
            rows.append(np.r_[state.time, state.joint_pos, state.joint_vel, state.quat, state.ang_vel, state.lin_vel])
            robot.write(targets(robot, state.joint_pos + 0.1))
            robot.clock.sleep_until((i + 1) * robot.contract.control_dt)
        return np.array(rows)

    robot = MujocoRobot(go2, seed=3)
    first = run(robot)
    np.testing.assert_array_equal(run(MujocoRobot(go2, seed=3)), first)
    robot.configure(friction=0.3, added_mass=2.0, motor_strength=0.8, payload=1.0, joint_friction=0.1, latency_s=0.01)
    assert not np.array_equal(run(robot), first)
    robot.configure()
    robot.reset(seed=3)
    np.testing.assert_array_equal(run(robot)[1:], run_after_reset(go2, 3, run)[1:])
    robot.reset(seed=4)
    assert not np.array_equal(run(robot), first)


def run_after_reset(bundle: Bundle, seed: int, run: Callable[[MujocoRobot], np.ndarray]) -> np.ndarray:
    """What a new robot does that was reset once."""
    robot = MujocoRobot(bundle, seed=99)
    robot.reset(seed=seed)
    return run(robot)


def test_a_state_that_is_no_number_is_read_as_such(go2: Bundle, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)  # MuJoCo writes a log file where it is
    robot = quiet(go2)
    robot.clock.sleep_until(0.1)
    robot.data.qvel[8] = np.nan
    robot.clock.sleep_until(0.2)
    state = robot.read()
    assert not np.isfinite(np.r_[state.joint_pos, state.joint_vel]).all()
    assert state.time == pytest.approx(0.2), "it must not begin anew behind the runtime's back"


# -- motors -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("strength", [0.5, 1.0, 1.5])
def test_motors_give_what_they_are_asked_for_and_no_more_than_they_can(go2: Bundle, strength: float) -> None:
    robot, contract = quiet(go2, motor_strength=strength), go2.contract
    for offset in (0.05, 10.0, -10.0):
        robot.reset()
        command = targets(robot, contract.default_pos + offset)
        command.effort = np.full(12, 0.3)
        command.velocity = np.full(12, 0.2)
        robot.write(command)
        robot.clock.sleep_until(robot.physics_dt)
        asked = strength * (contract.stiffness * offset + contract.damping * 0.2 + 0.3)
        limit = strength * contract.effort_limit
        np.testing.assert_allclose(robot.read().joint_effort, np.clip(asked, -limit, limit), rtol=1e-9)


def test_effort_that_is_fed_forward_is_within_the_limit_too(go2: Bundle) -> None:
    robot = quiet(go2)
    command = targets(robot, go2.contract.default_pos + 10.0)
    command.effort = np.full(12, 1000.0)
    robot.write(command)
    robot.clock.sleep_until(robot.physics_dt)
    np.testing.assert_allclose(robot.truth().joint_effort, go2.contract.effort_limit)


def test_commands_arrive_as_many_physics_steps_late_as_told(go2: Bundle) -> None:
    def told_after(delay: float, latency: float) -> np.ndarray:
        robot = quiet(go2, latency_s=latency)
        robot.clock.sleep_until(delay)
        robot.write(targets(robot, go2.contract.default_pos + 0.2))
        robot.clock.sleep_until(0.03)
        return robot.truth().joint_pos

    np.testing.assert_array_equal(told_after(0.0, latency=0.006), told_after(0.006, latency=0.0))
    assert not np.array_equal(told_after(0.0, latency=0.006), told_after(0.004, latency=0.0))


def test_joints_are_told_by_name_and_a_command_is_sent_as_it_was(go2: Bundle) -> None:
    pose, order = go2.contract.default_pos + np.linspace(-0.2, 0.2, 12), np.random.default_rng(0).permutation(12)
    plain, shuffled = quiet(go2), quiet(go2)
    command = targets(plain, pose)
    plain.write(command)
    names = [command.joint_names[i] for i in order]
    parts = {
        field.name: np.array(getattr(command, field.name))[order]
        for field in dataclasses.fields(command)
        if field.name not in ("joint_names", "mode")
    }
    shuffled.write(JointCommand(joint_names=names, mode="policy", **parts))
    command.position[:] = 0.0  # the caller uses its array again
    for robot in (plain, shuffled):
        robot.clock.sleep_until(0.03)
    np.testing.assert_array_equal(plain.truth().joint_pos, shuffled.truth().joint_pos)
    assert np.abs(plain.truth().joint_pos - go2.contract.default_pos).max() > 0.02


def test_a_command_that_leaves_out_a_joint_or_is_no_number_is_refused(go2: Bundle) -> None:
    robot = quiet(go2)
    good = targets(robot)
    with pytest.raises(RobotError, match="leaves out FL_hip_joint"):
        robot.write(dataclasses.replace(good, joint_names=("x", *good.joint_names[1:])))
    for field in ("position", "velocity", "effort", "stiffness", "damping"):
        bad = np.array(getattr(good, field), dtype=float)
        bad[3] = np.nan
        with pytest.raises(RobotError, match="not finite"):
            robot.write(dataclasses.replace(good, **{field: bad}))


def test_motors_stop_by_themselves_when_no_command_comes(go2: Bundle) -> None:
    period = go2.contract.control_dt
    robot, patient = quiet(go2), quiet(go2, watchdog=False)
    for each in (robot, patient):
        hold(each, 1.0)
        each.clock.sleep_until(1.0 + period)
    # The last command came at 0.98 s; it is obeyed for two periods.
    np.testing.assert_array_equal(robot.truth().joint_pos, patient.truth().joint_pos)
    assert robot.log == []
    for each in (robot, patient):
        each.clock.sleep_until(1.5)
    [(when, cause)] = robot.log
    assert when == pytest.approx(1.02, abs=1e-6)
    assert "no command for 0.040 s" in cause
    assert patient.log == []
    assert robot.truth().base_pos[2] < patient.truth().base_pos[2] - 0.02
    truth = robot.truth()
    damping = ActionDecoder(go2.contract).damping().damping
    np.testing.assert_allclose(truth.joint_effort, -damping * truth.joint_vel, atol=0.05)
    # Who is only damped need not be told so for ever.
    robot.reset()
    hold(robot, 0.1, ActionDecoder(go2.contract).damping())
    robot.clock.sleep_until(1.0)
    assert robot.log == []


# -- what it has to bear ------------------------------------------------------------------------------


def momentum(robot: MujocoRobot) -> np.ndarray:
    mujoco.mj_forward(robot.model, robot.data)
    mujoco.mj_subtreeVel(robot.model, robot.data)
    return robot.model.body_mass.sum() * robot.data.subtree_linvel[1]


def test_a_push_changes_the_momentum_of_the_whole_robot(go2: Bundle) -> None:
    robot, mass = quiet(go2), Oracle(go2).mass
    lift(robot)
    robot.set_base(Rotation.from_euler("z", 30, degrees=True).as_quat())
    before = momentum(robot)
    robot.push([0.5, -0.3, 0.1])
    np.testing.assert_allclose(momentum(robot) - before, mass * np.array([0.5, -0.3, 0.1]), atol=1e-6)
    before = momentum(robot)
    robot.push(force=[30.0, 0.0, 20.0], duration=0.1)
    robot.clock.sleep_until(0.2)
    np.testing.assert_allclose(momentum(robot) - before, [3.0, 0.0, 2.0 - mass * G * 0.2], atol=1e-2)
    assert robot.truth().contacts == {}, "who pushes is no contact"


def test_added_mass_and_payload_are_carried(go2: Bundle) -> None:
    robot = quiet(go2)
    for options, more in (({}, 0.0), ({"added_mass": 3.0}, 3.0), ({"added_mass": 1.0, "payload": 2.0}, 3.0), ({}, 0.0)):
        robot.configure(noise=0.0, **options)
        mass = Oracle(go2).mass + more
        assert robot.model.body_mass.sum() == pytest.approx(mass, rel=1e-6)
        hold(robot, 3.0)
        mujoco.mj_rnePostConstraint(robot.model, robot.data)
        assert robot.data.cfrc_ext[1:, 5].sum() == pytest.approx(mass * G, rel=1e-2)


def test_a_payload_sags_an_arm_and_its_own_weight_does_not(franka: Bundle) -> None:
    contract, oracle = franka.contract, Oracle(franka)
    robot = quiet(franka)
    hold(robot, 2.0)
    np.testing.assert_allclose(robot.truth().joint_pos, contract.default_pos, atol=1e-6)
    robot.configure(payload=1.0, noise=0.0)
    hold(robot, 4.0)
    found = robot.truth().joint_pos
    # The weight of 1 kg at the hand's centre of mass, as the motors' springs must bear it where the arm came to rest.
    q = oracle.configuration(found)
    pin.computeJointJacobians(oracle.model, oracle.data, q)
    pin.updateFramePlacements(oracle.model, oracle.data)
    frame = oracle.model.getFrameId("panda_hand", pin.BODY)
    lever = oracle.data.oMf[frame].rotation @ robot.model.body("panda_hand").ipos
    jacobian = pin.getFrameJacobian(oracle.model, oracle.data, frame, pin.LOCAL_WORLD_ALIGNED)
    down = jacobian[:3] + np.cross(jacobian[3:].T, lever).T
    weight = (down.T @ [0.0, 0.0, -G])[oracle.v_index]
    np.testing.assert_allclose((found - contract.default_pos)[:7], (weight / contract.stiffness)[:7], atol=2e-5)
    assert np.abs(found - contract.default_pos)[:7].max() > 3e-3


@pytest.mark.parametrize("friction", [0.1, 0.2])
def test_ground_pulls_at_sliding_feet_by_its_friction(go2: Bundle, friction: float) -> None:
    robot = quiet(go2)
    hold(robot, 1.0)
    slippery = quiet(go2, friction=friction)
    slippery.data.qpos[:] = robot.data.qpos
    hold(slippery, go2.contract.control_dt)
    slippery.push([1.0, 0.0, 0.0])
    before = momentum(slippery)
    slippery.clock.sleep_until(slippery.clock.now() + slippery.physics_dt)
    forward, _, up = momentum(slippery) - before
    lifted = up + slippery.model.body_mass.sum() * G * slippery.physics_dt
    assert -forward / lifted == pytest.approx(friction, rel=0.02)


def test_joint_friction_holds_what_is_too_weak_for_it(go2: Bundle) -> None:
    moved = []
    for friction in (0.0, 5.0):
        robot = quiet(go2, joint_friction=friction)
        lift(robot)
        robot.write(targets(robot, go2.contract.default_pos + 0.1))  # 2.5 N·m
        robot.clock.sleep_until(0.03)
        moved.append(np.abs(robot.truth().joint_pos - go2.contract.default_pos).min())
    assert moved[0] > 0.02
    assert moved[1] < 0.003, "MuJoCo's dry friction creeps"


# -- time ---------------------------------------------------------------------------------------------


def test_waiting_takes_the_robot_to_the_time_asked_for(go2: Bundle) -> None:
    robot = quiet(go2, physics_dt=0.004)
    for wanted, reached in ((0.02, 0.02), (0.0267, 0.028), (0.0333, 0.036), (0.036, 0.036), (0.01, 0.036)):
        robot.clock.sleep_until(wanted)
        assert robot.clock.now() == robot.read().time == pytest.approx(reached, abs=1e-9)
    assert MujocoRobot(go2).physics_dt == pytest.approx(0.002)


def test_in_real_time_the_robot_keeps_to_the_wall_clock(go2: Bundle) -> None:
    robot = quiet(go2, realtime=True)
    time.sleep(0.3)
    first = robot.read().time
    assert first < 0.2, "its time begins when somebody looks"
    begin, now = time.monotonic(), robot.clock.now()
    robot.clock.sleep_until(now + 0.3)
    passed = time.monotonic() - begin
    assert 0.3 <= passed < 3.0  # a busy machine may be late, never early
    time.sleep(0.1)
    state, now = robot.read(), robot.clock.now()
    assert now - first >= 0.39
    assert state.time == pytest.approx(now, abs=0.05)


# -- what is refused ----------------------------------------------------------------------------------


def changed(bundle: Bundle, change: Callable[[dict[str, Any]], None]) -> Bundle:
    """A bundle whose contract says something else."""
    raw = copy.deepcopy(dict(bundle.contract.raw))
    change(raw)
    other = copy.copy(bundle)
    object.__setattr__(other, "contract", Contract.from_dict(raw))
    return other


def test_a_scene_or_a_sensor_that_it_does_not_have_is_refused_by_name(go2: Bundle) -> None:
    scene = changed(go2, lambda raw: raw["task"].update(scene=["ground", "terrain"]))
    with pytest.raises(RobotError, match=r"Go2 has terrain in its scene"):
        MujocoRobot(scene)

    def add_scan(raw: dict[str, Any]) -> None:
        scan = {
            **raw["observations"][-1],
            "name": "height_scan",
            "kind": "external",
            "source": "height scan",
            "width": 4,
        }
        raw["observations"].append({**scan, "scale": [1.0] * 4})

    with pytest.raises(RobotError, match="observes height_scan"):
        MujocoRobot(changed(go2, add_scan))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"colliders": "none"}, "'trained' and 'description'"),
        ({"physics_dt": 0.003}, "physics_dt 0.003: must divide the control period of 0.02 s"),
        ({"physics_dt": "fast"}, "physics_dt fast"),
        ({"physics_dt": 0.0}, "physics_dt 0.0"),
        ({"latency_s": -0.01}, "latency_s -0.01: must be a number of at least 0"),
        ({"friction": float("nan")}, "friction nan"),
        ({"noise": "much"}, "noise much"),
        ({"added_mass": -50.0}, "added_mass -50.0: must be a number of at least -"),
        ({"realtime": "false"}, "realtime false: must be true or false"),
        ({"seed": "x"}, "seed x"),
    ],
)
def test_options_out_of_range_are_refused_by_name(go2: Bundle, options: dict[str, Any], message: str) -> None:
    with pytest.raises(RobotError, match=message.replace("(", r"\(")):
        MujocoRobot(go2, **options)


def test_a_refused_change_changes_nothing(go2: Bundle) -> None:
    robot = quiet(go2, added_mass=2.0)
    mass = robot.model.body_mass.copy()
    with pytest.raises(RobotError, match="friction"):
        robot.configure(friction=-1.0)
    np.testing.assert_array_equal(robot.model.body_mass, mass)


def test_a_fixed_robot_is_not_pushed(franka: Bundle) -> None:
    robot = quiet(franka)
    with pytest.raises(RobotError, match="stands fast"):
        robot.push([1.0, 0.0, 0.0])
    with pytest.raises(RobotError, match="stands fast"):
        robot.set_base([0.0, 0.0, 0.0, 1.0])


def test_a_viewer_without_a_display_is_an_error_and_not_the_end(go2_bundle: Path) -> None:
    # In a process of its own: MuJoCo's viewer ends the whole process where it finds no display.
    code = f"""
from gaitway_deploy.bundle import Bundle
from gaitway_deploy.drivers.mujoco import MujocoRobot
from gaitway_deploy.errors import RobotError
try:
    MujocoRobot(Bundle.open({str(go2_bundle)!r}), viewer=True)
except RobotError as error:
    print("said:", error)
"""
    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "XDG_RUNTIME_DIR")
    env = {key: value for key, value in os.environ.items() if key not in hidden}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert "said: MuJoCo's viewer cannot open a window here" in done.stdout, done.stderr
    assert done.returncode == 0


# -- beside the engine of training --------------------------------------------------------------------


@dataclasses.dataclass
class Episode:
    """Half a second in the engine of training. Rows are control steps, the first is the beginning."""

    targets: np.ndarray
    joint_pos: np.ndarray
    base_pos: np.ndarray
    base_quat: np.ndarray


@dataclasses.dataclass
class Engine:
    """What was found there."""

    mass: float
    joint_limits: dict[str, tuple[np.ndarray, np.ndarray]]
    """MuJoCo's ``solref`` and ``solimp`` of each joint's limit, as Newton sets them."""
    within: Episode
    """Motors stay within their efforts, and joints within their limits."""
    beyond: Episode
    """They do not."""


def undisturbed(cfg: Any) -> None:
    """Nothing acts on the robot but its motors."""
    for group in (cfg.terminations, cfg.events, cfg.curriculum):
        for name in [name for name in vars(group) if not name.startswith("_")]:
            setattr(group, name, None)
    if hasattr(cfg.actions, "arm_action"):
        # A script of targets, which do not depend on where an engine has brought the joints.
        from gaitway import mdp

        cfg.actions.arm_action = mdp.DelayedJointPositionActionCfg(
            asset_name="robot", joint_names=cfg.actions.arm_action.joint_names, scale=0.5, use_default_offset=True
        )


def in_the_engine_of_training(open_env: Callable[..., Any], contract: Contract, within: float, beyond: float) -> Engine:
    """Move a robot to and fro in its task's environment, from the default pose, by a little and by much."""
    from isaaclab_newton.physics import NewtonManager

    with open_env(f"{contract.made_by.task}-Play", ENGINE, 1, undisturbed) as env:
        robot = env.unwrapped.scene["robot"]
        assert tuple(robot.joint_names) == contract.joint_names
        episodes = [half_a_second(env, contract, scale) for scale in (within, beyond)]
        model = NewtonManager._solver.mj_model
        limits = {
            name: next(
                (model.jnt_solref[i].copy(), model.jnt_solimp[i].copy())
                for i in range(model.njnt)
                if model.joint(i).name.endswith(f"_{name}")
            )
            for name in contract.joint_names
        }
        return Engine(float(robot.data.body_mass.torch.sum()), limits, *episodes)


def half_a_second(env: Any, contract: Contract, scale: float) -> Episode:
    import torch

    env.reset()
    robot, origin = env.unwrapped.scene["robot"], env.unwrapped.scene.env_origins[0]
    if contract.robot.floating_base:
        pose = torch.tensor([[*contract.robot.initial_base_pos, 0.0, 0.0, 0.0, 1.0]])
        pose[:, :3] += origin
        robot.write_root_pose_to_sim_index(root_pose=pose)
        robot.write_root_velocity_to_sim_index(root_velocity=torch.zeros(1, 6))
    default = torch.tensor(contract.default_pos, dtype=torch.float32)[None]
    robot.write_joint_position_to_sim_index(position=default)
    robot.write_joint_velocity_to_sim_index(velocity=torch.zeros_like(default))
    rows = []
    for step in range(round(0.5 / contract.control_dt) + 1):
        if step > 0:
            env.step(scale * torch.sin(torch.arange(env.action_space.shape[1]) + 0.4 * step)[None])
        data = robot.data
        found = (data.joint_pos_target.torch[0], data.joint_pos.torch[0], data.root_pos_w.torch[0] - origin)
        rows.append([value.double().numpy().copy() for value in (*found, data.root_quat_w.torch[0])])
    return Episode(*(np.array(column) for column in zip(*rows, strict=True)))


def in_plain_mujoco(robot: MujocoRobot, commands: np.ndarray) -> Episode:
    """The same in the simulated robot."""
    rows = [robot.truth()]
    for step, position in enumerate(commands[1:]):
        robot.write(targets(robot, position))
        robot.clock.sleep_until((step + 1) * robot.contract.control_dt)
        rows.append(robot.truth())
    return Episode(
        commands, *(np.array([getattr(row, n) for row in rows]) for n in ("joint_pos", "base_pos", "base_quat"))
    )


def as_in_training(robot: MujocoRobot, engine: Engine) -> None:
    """Take away both differences that docs/drivers.md names: limits that give way, and where efforts are limited."""
    model = robot.model
    model.actuator_forcelimited[:] = 0
    for name, effort in zip(robot.contract.joint_names, robot.contract.effort_limit, strict=True):
        joint = model.joint(name).id
        model.jnt_solref[joint], model.jnt_solimp[joint] = engine.joint_limits[name]
        model.jnt_actfrclimited[joint], model.jnt_actfrcrange[joint] = 1, (-effort, effort)


def furthest(one: Episode, other: Episode) -> float:
    """Largest difference of a joint, of the base's position or of its quaternion."""
    names = ("joint_pos", "base_pos", "base_quat")
    return max(float(np.abs(getattr(one, name) - getattr(other, name)).max()) for name in names)


@pytest.mark.parametrize(("name", "within", "beyond"), [("go2", 1.0, 6.0), ("franka", 0.1, 1.0)])
def test_it_moves_as_in_the_engine_of_training(name, within, beyond, open_env, tmp_path: Path) -> None:
    from gaitway.export.description import robot_files
    from gaitway.robots.franka import FRANKA_ASSET
    from gaitway.robots.go2 import GO2_ASSET

    contract, small, asset = {
        "go2": (sample.go2_contract(), sample.GO2, GO2_ASSET),
        "franka": (sample.franka_contract(), sample.FRANKA, FRANKA_ASSET),
    }[name]
    write_bundle({**sample.bundle_files(contract, small), **robot_files(asset)}, tmp_path / name)
    bundle = Bundle.open(tmp_path / name)
    engine = in_the_engine_of_training(open_env, bundle.contract, within, beyond)

    def robot() -> MujocoRobot:
        return quiet(bundle, physics_dt=bundle.contract.timing.physics_dt)

    assert robot().model.body_mass.sum() == pytest.approx(engine.mass, rel=1e-6)
    assert np.ptp(engine.within.joint_pos, axis=0).max() > 0.05
    near = furthest(in_plain_mujoco(robot(), engine.within.targets), engine.within)
    far = furthest(in_plain_mujoco(robot(), engine.beyond.targets), engine.beyond)
    same = robot()
    as_in_training(same, engine)
    explained = furthest(in_plain_mujoco(same, engine.beyond.targets), engine.beyond)
    assert near < 3e-5
    assert far > 1e-2
    assert explained < 1e-4


# -- the page -----------------------------------------------------------------------------------------


class SteppedClock:
    """Time that passes when somebody waits."""

    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time

    def sleep_until(self, time: float) -> None:
        self.time = max(self.time, time)


def test_the_driver_in_the_documentation_drives_its_robot(go2: Bundle) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs/drivers.md").read_text()
    names: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(block, names)
    robot = names["MyRobot"](go2)
    robot.clock = SteppedClock()
    robot.write(targets(quiet(go2)))  # a first message with this clock's time
    report = Runtime(Policy(go2), robot, SafetyCfg()).run(3.0)
    assert report.stop is None
    assert report.steps == 50
    assert set(robot.read().joint_names) == set(go2.contract.joint_names)
    sent = robot._bus.sent[-1]
    assert sent["kp"] == [0.0] * 12, "it ends in damping"
    # The default pose in the vendor's order, directions and zeros.
    robot.write(targets(quiet(go2)))
    first = dict(zip(names["NAMES"], robot._bus.sent[-1]["q"], strict=True))
    assert first["FL_hip_joint"] == pytest.approx(-0.1)
    assert first["FR_hip_joint"] == pytest.approx(-0.1)
    assert first["FL_thigh_joint"] == pytest.approx(0.7)
    for _ in range(50):
        robot.write(targets(quiet(go2)))
    state = robot.read()
    found = dict(zip(state.joint_names, state.joint_pos, strict=True))
    for name, position in zip(go2.contract.joint_names, go2.contract.default_pos, strict=True):
        assert found[name] == pytest.approx(position, abs=1e-3)


def test_every_option_of_the_simulated_robot_is_in_the_documentation() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs/drivers.md").read_text()
    table = page[page.index("| Option |") : page.index("`push` changes")]
    for option in list(inspect.signature(MujocoRobot).parameters)[1:]:
        assert f"`{option}`" in table, option

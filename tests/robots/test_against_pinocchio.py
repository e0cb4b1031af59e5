"""Robots in each engine against Pinocchio, which reads the same URDF by itself.

What is compared is what an engine holds after it has read our USD file, so a mistake anywhere between the URDF and
the solver shows here. Engines compute in single precision, robots stand up to 12 m from the origin.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pinocchio as pin
import pytest
import torch

from gaitway.robots import allegro, anymal_c, franka, g1, go2, so101, ur10
from gaitway.robots.assets import RobotAsset
from gaitway.robots.urdf import usd_name

NUM_CONFIGS = 100
FREE_FALL_STEPS = 20


# Of Go2: the rotor's inertia in the URDF, times the squared reduction. 6.33 is Unitree's, the calf has a linkage.
GO2_HIP, GO2_CALF = 0.000111842 * 6.33**2, 0.000111842 * (6.33 * 45.43 / 23.7) ** 2
# Of G1: rotor, sun and carrier of each motor times the squares of the reductions behind them.
M5020 = 0.139e-4 * (64 / 18 * 72 / 16) ** 2 + 0.017e-4 * (72 / 16) ** 2 + 0.169e-4
M7520_14 = 0.489e-4 * (4.5 * 70 / 22) ** 2 + 0.098e-4 * (70 / 22) ** 2 + 0.533e-4
M7520_22 = 0.489e-4 * 22.5**2 + 0.109e-4 * 25 + 0.738e-4
M4010 = 0.068e-4 * 625
G1_LEG = [M7520_14, M7520_22, M7520_14, M7520_22, 2 * M5020, 2 * M5020]


@dataclass(frozen=True)
class Robot:
    """A robot, and the task in which to meet it undisturbed."""

    module: Any
    """Where its joints and bodies are named."""
    asset: RobotAsset
    task: str
    armature: list[float]
    """Of each joint. Unit: kg·m², or kg."""
    held: bool = False
    """Whether its own controller holds it against gravity."""
    limits: dict[str, list[float]] = field(default_factory=dict)
    """Limits that are not the URDF's: ``lower``, ``upper``, ``effort`` or ``velocity`` of each joint."""
    others: int = 0
    """Degrees of freedom of what else is in the task."""
    inertia: float = 2e-6
    """Largest error of an entry of an inertia, relative to the largest entry."""
    gravity: float = 1.0
    """Gravity turns some joint by more than this, so that there is something to compare. Unit: N·m."""

    @property
    def joint_names(self) -> tuple[str, ...]:
        """Joints in our order."""
        return self.module.JOINT_NAMES

    @property
    def body_names(self) -> tuple[str, ...]:
        """Bodies in our order."""
        return self.module.BODY_NAMES


ROBOTS = [
    Robot(franka, franka.FRANKA_ASSET, "Gaitway-Reach-Position-Franka-Play", [0.1] * 9, held=True),
    Robot(go2, go2.GO2_ASSET, "Gaitway-Velocity-Flat-Go2-Play", [GO2_HIP, GO2_HIP, GO2_CALF] * 4),
    Robot(anymal_c, anymal_c.ANYMAL_C_ASSET, "Gaitway-Velocity-Flat-AnymalC-Play", [0.0] * 12),
    Robot(
        g1,
        g1.G1_ASSET,
        "Gaitway-Velocity-Flat-G1-Play",
        [*G1_LEG * 2, M7520_14, 2 * M5020, 2 * M5020, *[*[M5020] * 5, M4010, M4010] * 2],
    ),
    Robot(ur10, ur10.UR10_ASSET, "Gaitway-Reach-UR10-Play", [0.1] * 6, held=True),
    # The URDFs of these two have round numbers where data sheets have others.
    Robot(
        so101,
        so101.SO101_ASSET,
        "Gaitway-Reach-SO101-Play",
        [0.028] * 6,
        limits={"effort": [2.94] * 6, "velocity": [4.71] * 6},
        inertia=3e-6,  # its tip has next to none, and Newton works in single precision
        gravity=0.04,
    ),
    Robot(
        allegro,
        allegro.ALLEGRO_ASSET,
        "Gaitway-Reorient-Allegro-Play",
        [0.001] * 16,
        held=True,
        limits={"effort": [0.5] * 16},
        others=6,
        gravity=0.04,  # fingers are light
    ),
]


class Oracle:
    """Pinocchio's reading of a robot's URDF, joints and bodies in our order."""

    def __init__(self, robot: Robot):
        self.floating = robot.asset.floating_base
        root = [pin.JointModelFreeFlyer()] if self.floating else []
        self.model = pin.buildModelFromUrdf(str(robot.asset.urdf_path), *root)
        self.data = self.model.createData()
        # USD takes fewer characters than a URDF.
        urdf_name = {usd_name(name): name for name in [*self.model.names, *(f.name for f in self.model.frames)]}
        joints = [self.model.joints[self.model.getJointId(urdf_name[name])] for name in robot.joint_names]
        self.q_index = [joint.idx_q for joint in joints]
        self.v_index = [joint.idx_v for joint in joints]
        self.frames = [self.model.getFrameId(urdf_name[name], pin.BODY) for name in robot.body_names]

    def configuration(self, root_pose: np.ndarray, joint_pos: np.ndarray) -> np.ndarray:
        """Pinocchio's configuration for a root pose (x, y, z, qx, qy, qz, qw) and joint positions."""
        q = pin.neutral(self.model)
        if self.floating:
            q[:7] = root_pose
            q[3:7] /= np.linalg.norm(q[3:7])
        q[self.q_index] = joint_pos
        return q

    def body_poses(self, q: np.ndarray) -> list[pin.SE3]:
        """Pose of each body."""
        pin.framesForwardKinematics(self.model, self.data, q)
        return [self.data.oMf[frame].copy() for frame in self.frames]

    def gravity_torque(self, q: np.ndarray) -> np.ndarray:
        """Torque of each joint that holds the robot against gravity. Unit: N·m, or N."""
        return pin.computeGeneralizedGravity(self.model, self.data, q)[self.v_index]

    def mass_matrix(self, q: np.ndarray) -> np.ndarray:
        """Inertia of the joints, without armature."""
        upper = np.triu(pin.crba(self.model, self.data, q))
        return (upper + np.triu(upper, 1).T)[np.ix_(self.v_index, self.v_index)]


@dataclass
class Reading:
    """What an engine holds of a robot. Arrays have one row a configuration, joints and bodies in our order."""

    joint_names: list[str]
    body_names: list[str]
    fixed_base: bool
    dofs: int
    limits: dict[str, np.ndarray]
    armature: np.ndarray
    mass: np.ndarray
    com: np.ndarray
    inertia: np.ndarray
    root_pose: np.ndarray
    joint_pos: np.ndarray
    body_pose: np.ndarray
    gravity_torque: np.ndarray
    mass_matrix: np.ndarray
    drift: float
    """How far any joint of the limp robot moved in the air. Unit: rad, or m."""
    fall_speed: np.ndarray
    """Vertical velocity of the root after that. Unit: m/s."""
    fall_time: float
    solver: dict[str, np.ndarray] = field(default_factory=dict)
    """What MuJoCo itself holds, after Newton has handed the model on to it."""


def _array(proxy: Any) -> np.ndarray:
    return proxy.torch.detach().cpu().double().numpy().copy()


def _take_reading(env: Any, robot: Robot, oracle: Oracle, newton: bool) -> Reading:
    rng = np.random.default_rng(0)
    env.reset()
    env = env.unwrapped
    body, data = env.scene["robot"], env.scene["robot"].data

    def tensor(values: np.ndarray) -> torch.Tensor:
        return torch.tensor(values, dtype=torch.float32, device=env.device)

    # Limp in the air.
    zeros = torch.zeros(env.num_envs, len(robot.joint_names), device=env.device)
    body.write_joint_stiffness_to_sim_index(stiffness=zeros)
    body.write_joint_damping_to_sim_index(damping=zeros)
    if oracle.floating:
        lifted = data.root_link_pose_w.torch.clone()
        lifted[:, 2] += 3.0
        body.write_root_link_pose_to_sim_index(root_pose=lifted)
        body.write_root_com_velocity_to_sim_index(root_velocity=torch.zeros(env.num_envs, 6, device=env.device))
    body.write_joint_position_to_sim_index(position=data.default_joint_pos.torch)
    body.write_joint_velocity_to_sim_index(velocity=zeros)
    before = _array(data.joint_pos)
    for _ in range(FREE_FALL_STEPS):
        env.sim.step(render=False)
        env.scene.update(env.physics_dt)
    drift = float(np.abs(_array(data.joint_pos) - before).max())
    fall_speed = _array(data.root_com_vel_w)[:, 2]

    # At rest in many configurations at once.
    lower, upper = oracle.model.lowerPositionLimit[oracle.q_index], oracle.model.upperPositionLimit[oracle.q_index]
    joint_pos = tensor(rng.uniform(lower, upper, (env.num_envs, len(lower))))
    if oracle.floating:
        quat = rng.normal(size=(env.num_envs, 4))
        position = env.scene.env_origins.cpu().numpy() + rng.uniform([-1, -1, 2], [1, 1, 4], (env.num_envs, 3))
        pose = np.hstack([position, quat / np.linalg.norm(quat, axis=1, keepdims=True)])
        body.write_root_link_pose_to_sim_index(root_pose=tensor(pose))
        body.write_root_com_velocity_to_sim_index(root_velocity=torch.zeros(env.num_envs, 6, device=env.device))
    body.write_joint_position_to_sim_index(position=joint_pos)
    body.write_joint_velocity_to_sim_index(velocity=zeros)
    base = 6 if oracle.floating else 0
    pos_limits = _array(data.joint_pos_limits)[0]
    reading = Reading(
        joint_names=list(body.joint_names),
        body_names=list(body.body_names),
        fixed_base=body.is_fixed_base,
        dofs=data.mass_matrix.torch.shape[-1],
        limits={
            "lower": pos_limits[:, 0],
            "upper": pos_limits[:, 1],
            "effort": _array(data.joint_effort_limits)[0],
            "velocity": _array(data.joint_vel_limits)[0],
        },
        armature=_array(data.joint_armature)[0],
        mass=_array(data.body_mass)[0],
        com=_array(data.body_com_pos_b)[0],
        inertia=_array(data.body_inertia)[0].reshape(-1, 3, 3),
        root_pose=_array(data.root_link_pose_w),
        joint_pos=_array(data.joint_pos),
        body_pose=_array(data.body_link_pose_w),
        gravity_torque=_array(data.gravity_compensation_forces)[:, base:],
        mass_matrix=_array(data.mass_matrix)[:, base:, base:],
        drift=drift,
        fall_speed=fall_speed,
        fall_time=FREE_FALL_STEPS * env.physics_dt,
    )
    if not oracle.floating:
        # A base that is fixed stands where its environment does.
        reading.body_pose[..., :3] -= reading.root_pose[:, None, :3]
        reading.root_pose[:, :3] -= env.scene.env_origins.cpu().numpy()
    if newton:
        reading.solver = _ask_mujoco(env, robot)
    return reading


def _ask_mujoco(env: Any, robot: Robot) -> dict[str, np.ndarray]:
    from isaaclab_newton.physics import NewtonManager

    # A step evaluates inertia and gravity where it begins, and leaves them in MuJoCo's data.
    env.sim.step(render=False)
    solver = NewtonManager._solver
    model, data = solver.mj_model, solver.mjw_data
    names = [model.joint(i).name for i in range(model.njnt)]
    joints = [next(i for i, name in enumerate(names) if name.endswith(f"_{joint}")) for joint in robot.joint_names]
    dofs = model.jnt_dofadr[joints]
    packed = data.M.numpy()
    lower = np.zeros((env.num_envs, model.nv, model.nv))
    for row in range(model.nv):
        entries = slice(model.M_rowadr[row], model.M_rowadr[row] + model.M_rownnz[row])
        lower[:, row, model.M_colind[entries]] = packed[:, entries]
    mass_matrix = lower + np.tril(lower, -1).swapaxes(1, 2)
    return {
        "nv": np.array(model.nv),
        "lower": model.jnt_range[joints, 0],
        "upper": model.jnt_range[joints, 1],
        "effort": model.jnt_actfrcrange[joints, 1],
        "armature": model.dof_armature[dofs],
        "mass_matrix": mass_matrix[:, dofs][:, :, dofs],
        "gravity_torque": data.qfrc_bias.numpy()[:, dofs].copy(),
        "compensation": data.qfrc_gravcomp.numpy()[:, dofs].copy(),
    }


@dataclass(frozen=True)
class Case:
    """A robot in an engine, beside the oracle."""

    robot: Robot
    engine: str
    oracle: Oracle
    reading: Reading

    @property
    def configurations(self) -> list[np.ndarray]:
        """Pinocchio's configurations, one a row of the reading."""
        rows = zip(self.reading.root_pose, self.reading.joint_pos, strict=True)
        return [self.oracle.configuration(root, joints) for root, joints in rows]


def alone(cfg: Any) -> None:
    """The base as it stands in the URDF, and nothing that could touch the robot."""
    cfg.scene.robot.init_state.rot = (0.0, 0.0, 0.0, 1.0)
    if hasattr(cfg.scene, "object"):
        cfg.scene.object.init_state.pos = (0.35, 0.35, 0.1)


@pytest.fixture(
    scope="module",
    params=[(robot, engine) for engine in ("newton_mjwarp", "ovphysx") for robot in ROBOTS],
    ids=lambda param: f"{param[0].asset.name}-{param[1]}",
)
def case(request, open_env) -> Case:
    """Each robot in each engine, read once."""
    robot, engine = request.param
    oracle = Oracle(robot)
    with open_env(robot.task, engine, NUM_CONFIGS, alone) as env:
        return Case(robot, engine, oracle, _take_reading(env, robot, oracle, engine == "newton_mjwarp"))


def urdf_names(robot: Robot, tag: str) -> list[str]:
    """Names in the URDF, in its order: all links, or the joints that move."""
    elements = ET.parse(robot.asset.urdf_path).getroot().findall(tag)
    return [usd_name(e.get("name", "")) for e in elements if tag == "link" or e.get("type") != "fixed"]


def test_joints_are_those_of_the_urdf_in_its_order(case: Case) -> None:
    assert case.reading.joint_names == urdf_names(case.robot, "joint")


def test_bodies_are_links_of_the_urdf_in_its_order(case: Case) -> None:
    names = case.reading.body_names
    assert tuple(names) == case.robot.body_names
    assert names == [name for name in urdf_names(case.robot, "link") if name in names]


def test_no_joint_is_lost_and_the_base_moves_only_where_it_should(case: Case) -> None:
    joints = len(case.robot.joint_names)
    assert case.reading.dofs == case.oracle.model.nv == (6 + joints if case.robot.asset.floating_base else joints)
    assert case.reading.fixed_base is not case.robot.asset.floating_base
    if case.reading.solver:
        assert case.reading.solver["nv"] == case.oracle.model.nv + case.robot.others


def test_total_mass(case: Case) -> None:
    total = sum(inertia.mass for inertia in case.oracle.model.inertias)
    assert case.reading.mass.sum() == pytest.approx(total, rel=1e-6)


def test_inertia_of_every_moving_body(case: Case) -> None:
    model, reading = case.oracle.model, case.reading
    welded = [pin.Inertia.Zero() for _ in range(model.njoints)]
    for i, frame in enumerate(model.frames[f] for f in case.oracle.frames):
        own = pin.Inertia(reading.mass[i], reading.com[i], (reading.inertia[i] + reading.inertia[i].T) / 2)
        welded[frame.parentJoint] += frame.placement.act(own)
    # Of a free robot, joint 0 is the world, which weighs nothing.
    for ours, theirs in list(zip(welded, model.inertias, strict=True))[case.oracle.floating :]:
        assert ours.mass == pytest.approx(theirs.mass, rel=1e-6)
        np.testing.assert_allclose(ours.lever, theirs.lever, atol=1e-7)
        np.testing.assert_allclose(ours.inertia, theirs.inertia, atol=case.robot.inertia * np.abs(theirs.inertia).max())


def test_forward_kinematics_of_every_body(case: Case) -> None:
    for q, poses in zip(case.configurations, case.reading.body_pose, strict=True):
        for theirs, ours in zip(case.oracle.body_poses(q), poses, strict=True):
            assert np.linalg.norm(ours[:3] - theirs.translation) < 1e-5
            rotation = pin.Quaternion(*ours[[6, 3, 4, 5]]).normalized().toRotationMatrix()
            assert np.linalg.norm(pin.log3(rotation.T @ theirs.rotation)) < 1e-5


def test_gravity_torques(case: Case) -> None:
    theirs = np.array([case.oracle.gravity_torque(q) for q in case.configurations])
    np.testing.assert_allclose(case.reading.gravity_torque, theirs, atol=1e-3)
    assert np.abs(theirs).max() > case.robot.gravity
    if case.reading.solver:
        np.testing.assert_allclose(case.reading.solver["gravity_torque"], theirs, atol=5e-4)


def test_mass_matrix(case: Case) -> None:
    theirs = np.array([case.oracle.mass_matrix(q) for q in case.configurations])
    np.testing.assert_allclose(case.reading.mass_matrix, theirs, atol=1e-4)
    if case.reading.solver:
        with_armature = theirs + np.diag(case.reading.armature)
        np.testing.assert_allclose(case.reading.solver["mass_matrix"], with_armature, atol=1e-4)


def test_limits_are_those_of_the_urdf(case: Case) -> None:
    model = case.oracle.model
    theirs = {
        "lower": model.lowerPositionLimit[case.oracle.q_index],
        "upper": model.upperPositionLimit[case.oracle.q_index],
        "effort": model.effortLimit[case.oracle.v_index],
        "velocity": model.velocityLimit[case.oracle.v_index],
        **case.robot.limits,
    }
    for name, values in theirs.items():
        np.testing.assert_allclose(case.reading.limits[name], values, atol=1e-5, err_msg=name)
        if name in case.reading.solver:
            np.testing.assert_allclose(case.reading.solver[name], values, atol=1e-5, err_msg=f"{name} in the solver")


def test_armature_is_that_of_the_actuators(case: Case) -> None:
    expected = case.robot.armature
    np.testing.assert_allclose(case.reading.armature, expected, rtol=1e-5)
    if case.reading.solver:
        np.testing.assert_allclose(case.reading.solver["armature"], expected, rtol=1e-5)


def test_a_limp_robot_falls_unless_it_is_held(case: Case) -> None:
    # An arm's controller compensates gravity, so the simulated arm has none; a walking robot has all of it.
    if case.robot.held:
        assert case.reading.drift < 1e-3
    if case.oracle.floating:
        assert case.reading.drift < 1e-3
        np.testing.assert_allclose(case.reading.fall_speed, -9.81 * case.reading.fall_time, atol=1e-2)
    else:
        np.testing.assert_allclose(case.reading.fall_speed, 0.0, atol=1e-2)
        assert case.robot.held or case.reading.drift > 1e-2
    if case.reading.solver and case.robot.held:
        np.testing.assert_allclose(
            case.reading.solver["compensation"], case.reading.solver["gravity_torque"], atol=5e-4
        )

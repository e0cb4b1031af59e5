"""A simulated robot in plain MuJoCo, made from a bundle's own URDF and contract: the driver to copy for a real one.

It has sensors with noise and latency, motors that close their loops at the rate of the physics, and a watchdog like a
motor controller's. Nothing of what trained the policy has a part in it.
"""

from __future__ import annotations

import math
import time as _time
import xml.etree.ElementTree as ET
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import mujoco
import numpy as np

from ..actions import ActionDecoder
from ..bundle import Bundle
from ..contract import Contract
from ..errors import RobotError
from ..state import JointCommand, RobotState

LONGEST_STEP = 0.002
"""Longest physics step where none is asked for. Unit: s."""
WATCHDOG_PERIODS = 2.0
"""Control periods without a command after which the motors stop the robot by themselves."""
# The engines that policies are trained on have these too.
_CONE = mujoco.mjtCone.mjCONE_PYRAMIDAL
_INTEGRATOR = mujoco.mjtIntegrator.mjINT_IMPLICITFAST


@dataclass(frozen=True)
class Truth:
    """What is really the case, which no sensor says. World frame unless said."""

    time: float
    base_pos: np.ndarray
    """Of the base link's origin. Shape is (3,). Unit: m."""
    base_quat: np.ndarray
    """(x, y, z, w)."""
    lin_vel: np.ndarray
    """Of the base link's origin, base frame. Shape is (3,). Unit: m/s."""
    lin_vel_com: np.ndarray
    """Of the base link's centre of mass, base frame. Shape is (3,). Unit: m/s."""
    ang_vel: np.ndarray
    """Base frame. Shape is (3,). Unit: rad/s."""
    joint_pos: np.ndarray
    """Shape is (joints,), as of velocities and efforts, in the contract's order."""
    joint_vel: np.ndarray
    joint_effort: np.ndarray
    """What the motors give. Unit: N·m or N."""
    contacts: Mapping[str, float]
    """Force between each link and the ground or another link, where there is one. Unit: N."""
    bodies: Mapping[str, tuple[np.ndarray, np.ndarray]]
    """Position and quaternion (x, y, z, w) of each link."""


class SimClock:
    """Simulated time. Waiting is what moves it on, or, in real time, the wall clock."""

    def __init__(self, robot: MujocoRobot):
        self._robot = robot

    def now(self) -> float:
        """Unit: s."""
        return self._robot.now()

    def sleep_until(self, time: float) -> None:
        """Let the physics run until ``time``."""
        self._robot.sleep_until(time)


class MujocoRobot:
    """A robot of a bundle, in MuJoCo.

    Args:
        bundle: The bundle.
        seed: Of the sensors' noise.
        colliders: ``trained`` for the collision shapes it was trained with, ``description`` for those of the URDF.
        physics_dt: Length of a physics step, a fraction of the control period; None for at most 2 ms. Unit: s.
        latency_s: Time that a command takes to the motors. Unit: s.
        sensor_latency_s: Age of what the sensors say. Unit: s.
        noise: Sensor noise as a multiple of that of training; True is 1, False is 0.
        realtime: Whether simulated time follows the wall clock; else it passes as fast as it can.
        viewer: Whether to open MuJoCo's viewer.
        friction: Coefficient between the robot and the ground.
        added_mass: On the base link, at its centre of mass. Unit: kg.
        payload: On the link that is to reach a goal, else on the last one; no controller knows of it. Unit: kg.
        motor_strength: Factor of the motors' effort: of what they give and of their limit.
        joint_friction: Dry friction added to each joint. Unit: N·m or N.
        watchdog: Whether the motors stop the robot when no command has come for two control periods.

    Raises:
        RobotError: The scene has more than ground in it, the policy observes what this robot has no sensor for, or an
            option is out of its range.
    """

    def __init__(
        self,
        bundle: Bundle,
        *,
        seed: int = 0,
        colliders: str = "trained",
        physics_dt: float | None = None,
        latency_s: float = 0.0,
        sensor_latency_s: float = 0.0,
        noise: bool | float = True,
        realtime: bool = False,
        viewer: bool = False,
        friction: float = 1.0,
        added_mass: float = 0.0,
        payload: float = 0.0,
        motor_strength: float = 1.0,
        joint_friction: float = 0.0,
        watchdog: bool = True,
    ):
        self.contract: Contract = bundle.contract
        _check_scene(self.contract)
        self.physics_dt = _physics_dt(self.contract.control_dt, physics_dt)
        self.model: Any = build_model(bundle, colliders, self.physics_dt)
        self.data: Any = mujoco.MjData(self.model)
        self.clock = SimClock(self)
        self.log: list[tuple[float, str]] = []
        """What the motors did by themselves: time and cause."""
        self._watchdog = watchdog
        self._realtime = realtime
        self._rng = np.random.default_rng(seed)
        self._stop = ActionDecoder(self.contract).damping()

        model, robot = self.model, self.contract.robot
        names = self.contract.joint_names
        joints = [model.joint(name).id for name in names]
        self._qpos = model.jnt_qposadr[joints]
        self._qvel = model.jnt_dofadr[joints]
        self._base = model.body(robot.base_link).id
        self._links = [model.body(i).name for i in range(1, model.nbody)]
        self._noises = _noises(self.contract)
        goal = [command.body for command in self.contract.commands if command.body] or [self._links[-1]]
        self._carrier = model.body(goal[0]).id
        self._nominal = {
            name: getattr(model, name).copy()
            for name in ("body_mass", "body_gravcomp", "geom_friction", "dof_frictionloss")
        }
        self._limits = np.where(np.isfinite(self.contract.effort_limit), self.contract.effort_limit, 1e9)
        self._command: JointCommand = self._stop
        self._pending: deque[tuple[float, JointCommand]] = deque()
        self._past: deque[RobotState] = deque()
        self._wall = 0.0
        self.configure(
            friction=friction,
            added_mass=added_mass,
            payload=payload,
            motor_strength=motor_strength,
            joint_friction=joint_friction,
            latency_s=latency_s,
            sensor_latency_s=sensor_latency_s,
            noise=noise,
        )
        self._viewer = _open_viewer(self.model, self.data) if viewer else None

    # -- what a driver has ----------------------------------------------------------------------------

    def read(self) -> RobotState:
        """What the sensors say."""
        self._catch_up()
        newest = self.data.time - self.sensor_latency_s + 1e-9
        while len(self._past) > 1 and self._past[1].time <= newest:
            self._past.popleft()
        return self._past[0] if self.sensor_latency_s > 0.0 else self._sense()

    def write(self, command: JointCommand) -> None:
        """Send a command to the motors."""
        self._catch_up()
        self._last_write = self.data.time
        self._pending.append((self.data.time + self.latency_s, command))

    # -- time -----------------------------------------------------------------------------------------

    def now(self) -> float:
        """The robot's time. Unit: s."""
        return _time.monotonic() - self._wall if self._realtime else self.data.time

    def sleep_until(self, time: float) -> None:
        """Let the physics run until ``time``; in real time, take as long for it."""
        if self._realtime:
            while True:
                self._catch_up()
                left = time - self.now()
                if left <= 0.0:
                    break
                _time.sleep(min(left, self.contract.control_dt))
        self._advance(time)
        if self._viewer is not None:
            self._viewer.sync()

    def _catch_up(self) -> None:
        if self._realtime:
            self._advance(self.now())

    def _advance(self, time: float) -> None:
        steps = (
            round((time - self.data.time) / self.physics_dt - 1e-6)
            if not self._realtime
            else int((time - self.data.time) / self.physics_dt)
        )
        patience = WATCHDOG_PERIODS * self.contract.control_dt + 0.5 * self.physics_dt
        for _ in range(steps):
            now = self.data.time + 1e-9
            while self._pending and self._pending[0][0] <= now:
                self._obey(self._pending.popleft()[1])
            if self._watchdog and now - self._last_write > patience and self._command.mode != "damping":
                self.log.append((self.data.time, f"no command for {now - self._last_write:.3f} s: the motors damp"))
                self._pending.clear()
                self._obey(self._stop)
            mujoco.mj_step(self.model, self.data)
            if self.sensor_latency_s > 0.0:
                self._past.append(self._sense())

    # -- sensors and motors ---------------------------------------------------------------------------

    def _sense(self) -> RobotState:
        data = self.data
        joint_pos, joint_vel = data.qpos[self._qpos], data.qvel[self._qvel]
        quat = data.xquat[self._base][[1, 2, 3, 0]]
        lin_vel, ang_vel = self._base_velocity()
        if self.noise > 0.0:
            draw = self._draw
            joint_pos = joint_pos + draw("joint_pos")
            joint_vel = joint_vel + draw("joint_vel")
            lin_vel = lin_vel + draw("base_lin_vel")
            ang_vel = ang_vel + draw("base_ang_vel")
            quat = _tilted(quat, draw("projected_gravity"))
        return RobotState(
            time=data.time,
            joint_names=self.contract.joint_names,
            joint_pos=joint_pos,
            joint_vel=joint_vel,
            quat=quat,
            ang_vel=ang_vel,
            lin_vel=lin_vel,
            joint_effort=data.qfrc_actuator[self._qvel],
        )

    def _draw(self, kind: str) -> Any:
        noise = self._noises.get(kind)
        return 0.0 if noise is None else self.noise * self._rng.uniform(*noise)

    def _base_velocity(self) -> tuple[np.ndarray, np.ndarray]:
        """Of the base link's origin, and about it, in the base frame."""
        if not self.contract.robot.floating_base:
            return np.zeros(3), np.zeros(3)
        rotation = self.data.xmat[self._base].reshape(3, 3)
        return self.data.qvel[:3] @ rotation, self.data.qvel[3:6].copy()

    def _obey(self, command: JointCommand) -> None:
        """Set the motors' loops: ``strength * (stiffness (position - q) - damping qd)``, within their limits.

        MuJoCo's affine actuators are these loops. Its integrator takes their damping implicitly, so that light links
        with much damping stay stable at any step.
        """
        if command is self._command:
            return
        self._command = command
        model, strength = self.model, self.motor_strength
        order = self._order(command.joint_names)
        stiffness = strength * np.asarray(command.stiffness, dtype=float)[order]
        damping = strength * np.asarray(command.damping, dtype=float)[order]
        model.actuator_gainprm[:, 0] = stiffness
        model.actuator_biasprm[:, 1] = -stiffness
        model.actuator_biasprm[:, 2] = -damping
        self.data.ctrl[:] = np.asarray(command.position, dtype=float)[order]
        feed_forward = damping * np.asarray(command.velocity, dtype=float)[order]
        feed_forward += strength * np.asarray(command.effort, dtype=float)[order]
        self.data.qfrc_applied[self._qvel] = np.clip(feed_forward, -strength * self._limits, strength * self._limits)

    def _order(self, names: Sequence[str]) -> Any:
        if tuple(names) == self.contract.joint_names:
            return slice(None)
        places = {name: i for i, name in enumerate(names)}
        missing = [name for name in self.contract.joint_names if name not in places]
        if missing:
            raise RobotError(f"The command leaves out {', '.join(missing)}; it must name every joint of the contract.")
        return [places[name] for name in self.contract.joint_names]

    # -- what can be done to it -----------------------------------------------------------------------

    def configure(
        self,
        *,
        friction: float = 1.0,
        added_mass: float = 0.0,
        payload: float = 0.0,
        motor_strength: float = 1.0,
        joint_friction: float = 0.0,
        latency_s: float = 0.0,
        sensor_latency_s: float = 0.0,
        noise: bool | float = True,
    ) -> None:
        """Change what the robot is like, and begin anew. What is not named becomes nominal; see the class.

        Raises:
            RobotError: A value is out of its range.
        """
        given = {
            "friction": friction,
            "added_mass": added_mass,
            "payload": payload,
            "motor_strength": motor_strength,
            "joint_friction": joint_friction,
            "latency_s": latency_s,
            "sensor_latency_s": sensor_latency_s,
            "noise": float(noise),
        }
        for name, value in given.items():
            least = -0.5 * float(self._nominal["body_mass"][self._base]) if name == "added_mass" else 0.0
            if not (math.isfinite(value) and value >= least):
                raise RobotError(f"{name} {value}: must be a number of at least {least:g}.")
        self.motor_strength, self.latency_s, self.sensor_latency_s = motor_strength, latency_s, sensor_latency_s
        self.noise = float(noise)
        model = self.model
        for name, value in self._nominal.items():
            getattr(model, name)[:] = value
        model.geom_friction[:, 0] = friction
        model.dof_frictionloss[self._qvel] += joint_friction
        for body, mass in ((self._base, added_mass), (self._carrier, payload)):
            model.body_gravcomp[body] *= model.body_mass[body] / (model.body_mass[body] + mass)
            model.body_mass[body] += mass
        mujoco.mj_setConst(model, self.data)
        limits = motor_strength * self._limits
        model.actuator_forcerange[:] = np.stack([-limits, limits], axis=1)
        self.reset()

    def reset(self, joint_pos: np.ndarray | None = None, yaw: float = 0.0, seed: int | None = None) -> None:
        """Put the robot to rest where an episode begins; its time begins at 0.

        Args:
            joint_pos: In the contract's order; None for the default pose. Unit: rad or m.
            yaw: Heading of a floating base. Unit: rad.
            seed: Of the noise from here on; None to go on.
        """
        if seed is not None:
            self._rng = np.random.default_rng(seed)
        data, robot = self.data, self.contract.robot
        mujoco.mj_resetData(self.model, data)
        data.qpos[self._qpos] = self.contract.default_pos if joint_pos is None else joint_pos
        if robot.floating_base:
            data.qpos[:3] = robot.initial_base_pos
            data.qpos[3:7] = [math.cos(yaw / 2), 0.0, 0.0, math.sin(yaw / 2)]
        self._command = None  # type: ignore[assignment]
        self._obey(self._stop)
        mujoco.mj_forward(self.model, data)
        self._pending.clear()
        self._last_write = 0.0
        self._wall = _time.monotonic()
        self._past.clear()
        self._past.append(self._sense())

    def push(self, velocity: Sequence[float]) -> None:
        """Change a floating base's velocity all at once. Shape is (3,), world frame. Unit: m/s.

        Raises:
            RobotError: The base stands fast.
        """
        if not self.contract.robot.floating_base:
            raise RobotError("A robot whose base stands fast cannot be pushed.")
        self.data.qvel[:3] += velocity

    def set_joints(self, joint_pos: np.ndarray | None = None, joint_vel: np.ndarray | None = None) -> None:
        """Put the joints somewhere else, as a hand does. Shapes are (joints,), in the contract's order."""
        if joint_pos is not None:
            self.data.qpos[self._qpos] = joint_pos
        if joint_vel is not None:
            self.data.qvel[self._qvel] = joint_vel
        mujoco.mj_forward(self.model, self.data)

    def set_base(self, quat: Sequence[float]) -> None:
        """Turn a floating base, as a fall does. ``quat`` is (x, y, z, w)."""
        self.data.qpos[3:7] = [quat[3], quat[0], quat[1], quat[2]]
        mujoco.mj_forward(self.model, self.data)

    # -- what is really the case ----------------------------------------------------------------------

    def truth(self) -> Truth:
        """What is really the case now."""
        model, data = self.model, self.data
        mujoco.mj_kinematics(model, data)  # a step leaves poses of its beginning
        lin_vel, ang_vel = self._base_velocity()
        com = model.body_ipos[self._base]
        return Truth(
            time=data.time,
            base_pos=data.xpos[self._base].copy(),
            base_quat=data.xquat[self._base][[1, 2, 3, 0]],
            lin_vel=lin_vel,
            lin_vel_com=lin_vel + np.cross(ang_vel, com),
            ang_vel=ang_vel,
            joint_pos=data.qpos[self._qpos],
            joint_vel=data.qvel[self._qvel],
            joint_effort=data.qfrc_actuator[self._qvel],
            contacts=self._contacts(),
            bodies={
                name: (data.xpos[i + 1].copy(), data.xquat[i + 1][[1, 2, 3, 0]]) for i, name in enumerate(self._links)
            },
        )

    def _contacts(self) -> dict[str, float]:
        """Force on each link that touches something."""
        forces: dict[str, np.ndarray] = {}
        wrench = np.zeros(6)
        for i in range(self.data.ncon):
            contact = self.data.contact[i]
            mujoco.mj_contactForce(self.model, self.data, i, wrench)
            force = contact.frame.reshape(3, 3).T @ wrench[:3]
            for geom, sign in zip(contact.geom, (-1.0, 1.0)):
                body = int(self.model.geom_bodyid[geom])
                if body > 0:
                    name = self._links[body - 1]
                    forces[name] = forces.get(name, 0.0) + sign * force
        return {name: float(np.linalg.norm(force)) for name, force in forces.items()}

    def close(self) -> None:
        """Close the viewer, if there is one."""
        if self._viewer is not None:
            self._viewer.close()


# -- the model ------------------------------------------------------------------------------------------


def build_model(bundle: Bundle, colliders: str, physics_dt: float) -> Any:
    """Compile a bundle's robot, standing on the ground.

    Args:
        bundle: The bundle.
        colliders: ``trained`` or ``description``.
        physics_dt: Length of a step. Unit: s.

    Raises:
        RobotError: There are no such colliders, or MuJoCo refuses the robot.
    """
    contract = bundle.contract
    files = {"trained": contract.robot.colliders, "description": contract.robot.urdf}
    if colliders not in files:
        raise RobotError(f"colliders {colliders}: there are 'trained' and 'description'.")
    file = files[colliders]
    assets = {name.rpartition("/")[2]: data for name, data in bundle.files.items() if name.endswith(".stl")}
    try:
        spec = mujoco.MjSpec.from_string(_for_mujoco(bundle.files[file]), assets=assets)
        _add_world(spec, contract, physics_dt)
        return spec.compile()
    except ValueError as error:
        raise RobotError(f"{bundle.path}: {file}: MuJoCo refuses it: {error}") from None


def _for_mujoco(urdf: bytes) -> str:
    """A URDF with what MuJoCo must know to take it as it is: no links merged, no inertias made up."""
    root = ET.fromstring(urdf)
    ET.SubElement(
        ET.SubElement(root, "mujoco"),
        "compiler",
        strippath="true",
        fusestatic="false",
        discardvisual="true",
        balanceinertia="false",
        inertiafromgeom="false",
    )
    return ET.tostring(root, encoding="unicode")


def _add_world(spec: Any, contract: Contract, physics_dt: float) -> None:
    robot = contract.robot
    option = spec.option
    option.timestep, option.integrator, option.cone = physics_dt, _INTEGRATOR, _CONE
    option.gravity = robot.gravity
    base = spec.body(robot.base_link)
    if robot.floating_base:
        base.add_freejoint()
    for body in spec.bodies[1:]:
        body.gravcomp = float(robot.gravity_compensated)
        for geom in body.geoms:
            # Bit 1 of contype meets bit 1 of conaffinity: links meet the ground, and each other where they may.
            geom.contype, geom.conaffinity = int(robot.self_collision), 1
            geom.friction[0] = 1.0
    for joint in robot.joints:
        made = spec.joint(joint.name)
        made.armature, made.frictionloss = joint.armature, joint.friction
        made.damping = 0.0 * np.asarray(made.damping)  # the motors' loops have their own
        if joint.pos_limits is not None:
            made.limited, made.range = 1, joint.pos_limits
        actuator = spec.add_actuator(name=joint.name, target=joint.name, trntype=mujoco.mjtTrn.mjTRN_JOINT)
        actuator.gaintype, actuator.biastype = mujoco.mjtGain.mjGAIN_FIXED, mujoco.mjtBias.mjBIAS_AFFINE
        actuator.forcelimited, actuator.forcerange = 1, (-1.0, 1.0)  # set when it is configured
    spec.worldbody.add_geom(
        name="ground",
        type=mujoco.mjtGeom.mjGEOM_PLANE,
        size=[0.0, 0.0, 0.05],
        contype=1,
        conaffinity=0,
        rgba=[0.5, 0.5, 0.5, 1.0],
    )
    spec.worldbody.add_light(pos=[0.0, 0.0, 3.0])


def _check_scene(contract: Contract) -> None:
    more = [name for name in contract.task.scene if name != "ground"]
    if more:
        raise RobotError(
            f"{contract.made_by.task} has {', '.join(more)} in its scene; this simulated robot stands on bare ground."
        )
    unseen = [term.name for term in contract.observations if term.kind == "external"]
    if unseen:
        raise RobotError(f"The policy observes {', '.join(unseen)}, for which this simulated robot has no sensor.")


def _physics_dt(control_dt: float, wanted: float | None) -> float:
    if wanted is None:
        return control_dt / math.ceil(control_dt / LONGEST_STEP - 1e-9)
    steps = control_dt / wanted if wanted > 0.0 else 0.0
    if steps < 0.999 or abs(steps - round(steps)) > 1e-6 * steps:
        raise RobotError(f"physics_dt {wanted}: must divide the control period of {control_dt:g} s evenly.")
    return control_dt / round(steps)


def _noises(contract: Contract) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Lower and upper edge of the noise of training, by what it is of; 0 for joints that the policy does not see."""
    noises = {}
    for term in contract.observations:
        if term.noise is None:
            continue
        edges = np.zeros((2, 3 if term.joints is None else len(contract.joint_names)))
        at = slice(None) if term.joints is None else contract.joint_indices(term.joints)
        edges[:, at] = [[term.noise.low], [term.noise.high]]
        noises[term.kind] = (edges[0], edges[1])
    return noises


def _tilted(quat: np.ndarray, noise: Any) -> np.ndarray:
    """Turn a quaternion by a small rotation vector in the base frame, by which the direction of gravity is off."""
    if isinstance(noise, float):
        return quat
    x, y, z, w = quat
    a, b, c = 0.5 * noise
    turned = np.array(
        [x + w * a + y * c - z * b, y + w * b + z * a - x * c, z + w * c + x * b - y * a, w - x * a - y * b - z * c]
    )
    return turned / math.sqrt(float(turned @ turned))


def _open_viewer(model: Any, data: Any) -> Any:
    try:
        import mujoco.viewer

        return mujoco.viewer.launch_passive(model, data)
    except Exception as error:  # whatever GLFW says where there is no display
        raise RobotError(f"MuJoCo's viewer cannot open a window here ({error}); run without it.") from None

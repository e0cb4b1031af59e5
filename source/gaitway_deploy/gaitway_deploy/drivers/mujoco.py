"""A simulated robot in plain MuJoCo, made from a bundle's own URDF and contract: the driver to copy for a real one.

It has sensors with noise and latency, motors that close their loops at the rate of the physics, and a watchdog like a
motor controller's. Nothing of what trained the policy has a part in it.
"""

from __future__ import annotations

import dataclasses
import math
import posixpath
import time as _time
import warnings
import xml.etree.ElementTree as ET
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from numbers import Real
from typing import Any, NamedTuple

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
_XYZW = [1, 2, 3, 0]
"""Where the parts of a quaternion (x, y, z, w) are in MuJoCo's (w, x, y, z)."""
_NO_LIMIT, _NO_FORCE = 1e9, 1e-9
_HARD_STOP = (0.005, 1.0)
"""Time constant and damping of joint limits. With MuJoCo's 20 ms, landing presses a Go2's knees 0.1 rad beyond them."""


@dataclasses.dataclass(frozen=True)
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
    """What the motors gave in the last physics step. Unit: N·m or N."""
    contacts: Mapping[str, float]
    """Net contact force on each link that touches something, in the last physics step. Unit: N."""
    bodies: Mapping[str, tuple[np.ndarray, np.ndarray]]
    """Position and quaternion (x, y, z, w) of each link."""


class _Poses(Mapping[str, "tuple[np.ndarray, np.ndarray]"]):
    """Poses of all links at a time, by name."""

    def __init__(self, places: Mapping[str, int], data: Any):
        self._places, self._pos, self._quat = places, data.xpos.copy(), data.xquat.copy()

    def __getitem__(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        at = self._places[name]
        return self._pos[at], self._quat[at][_XYZW]

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


class _Loops(NamedTuple):
    """The motors' loops: ``stiffness * (position - q) - damping * qd + effort``. Shapes are (joints,)."""

    stiffness: np.ndarray
    damping: np.ndarray
    position: np.ndarray
    effort: np.ndarray
    only_damp: bool
    """Whether they do nothing but damp."""


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
        latency_s: Time that a command takes to the motors, in whole physics steps. Unit: s.
        sensor_latency_s: Age of what the sensors say, in whole physics steps. Unit: s.
        noise: Sensor noise as a multiple of that of training; True is 1, False is 0.
        realtime: Whether simulated time follows the wall clock, from the first reading on; else it passes as fast as it
            can.
        viewer: Whether to open MuJoCo's viewer.
        friction: Coefficient between the robot and the ground.
        added_mass: On the base link, at its centre of mass. Unit: kg.
        payload: At the centre of mass of the link that is to reach a goal; without a goal on a floating base, else on
            the last link. No controller knows of it. Unit: kg.
        motor_strength: Factor of the motors' effort: of what they give and of their limit.
        joint_friction: Dry friction added to each joint. Unit: N·m or N.
        watchdog: Whether the motors stop the robot when no command has come for two control periods.

    Raises:
        RobotError: The scene has more than ground in it, the policy observes what this robot has no sensor for, an
            option is out of its range, or there is no display for the viewer.
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
        for name, switch in (("realtime", realtime), ("viewer", viewer), ("watchdog", watchdog)):
            if not isinstance(switch, bool):
                raise RobotError(f"{name} {switch}: must be true or false.")
        self.physics_dt = _physics_dt(self.contract.control_dt, physics_dt)
        self.model: Any = build_model(bundle, colliders, self.physics_dt)
        self.data: Any = mujoco.MjData(self.model)
        self.clock = SimClock(self)
        self.log: list[tuple[float, str]] = []
        """What went on by itself since the last reset, such as the watchdog's doing: time and cause."""
        self._realtime = realtime
        self._rng = _generator(seed)
        self._sensor_noise = _SensorNoise(self.contract)
        self._patience = round(WATCHDOG_PERIODS * self.contract.control_dt / self.physics_dt) if watchdog else None

        model, robot = self.model, self.contract.robot
        joints = [model.joint(name).id for name in self.contract.joint_names]
        self._qpos = model.jnt_qposadr[joints]
        self._qvel = model.jnt_dofadr[joints]
        self._places = {model.body(i).name: i for i in range(1, model.nbody)}
        self._base = self._places[robot.base_link]
        x, y, z = model.body_ipos[self._base].tolist()
        self._com_arm = np.array([[0.0, z, -y], [-z, 0.0, x], [y, -x, 0.0]])  # times ang_vel is ang_vel × com
        goals = [command.body for command in self.contract.commands if command.body]
        last = robot.base_link if robot.floating_base else list(self._places)[-1]
        self._carrier = self._places[goals[0] if goals else last]
        self._nominal = {
            name: getattr(model, name).copy()
            for name in ("body_mass", "body_gravcomp", "geom_friction", "dof_frictionloss")
        }
        self._limits = np.where(np.isfinite(self.contract.effort_limit), self.contract.effort_limit, _NO_LIMIT)
        self._step = self._heard = 0  # physics steps since the reset; and until the motors last heard of anybody
        self._wall: float | None = None
        self._on_the_way: deque[tuple[int, _Loops]] = deque()
        self._past: deque[RobotState] = deque()
        self._forces: list[tuple[int, int, np.ndarray]] = []
        self._diverged = False
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
        return self._past[0] if self._sensor_delay else self._sense()

    def write(self, command: JointCommand) -> None:
        """Send a command to the motors.

        Raises:
            RobotError: It leaves out a joint, an array is not as long as the names, or a number is not finite.
        """
        self._catch_up()
        # What is sent is sent: the caller may use its arrays again.
        self._on_the_way.append((self._step + self._command_delay, self._loops_of(command)))

    # -- time -----------------------------------------------------------------------------------------

    def now(self) -> float:
        """The robot's time. Unit: s."""
        if not self._realtime:
            return self.data.time
        if self._wall is None:
            self._wall = _time.monotonic()
        return _time.monotonic() - self._wall

    def sleep_until(self, time: float) -> None:
        """Let the physics run until ``time``; in real time, take as long for it."""
        if self._realtime:
            while True:
                self._catch_up()
                left = time - self.now()
                if left <= 0.0:
                    break
                _time.sleep(min(left, self.contract.control_dt))
        else:
            self._advance(math.ceil((time - self.data.time) / self.physics_dt - 1e-6))
        if self._viewer is not None:
            self._viewer.sync()

    def _catch_up(self) -> None:
        if self._realtime:
            self._advance(int((self.now() - self.data.time) / self.physics_dt))

    def _advance(self, steps: int) -> None:
        """Take physics steps, as many at once as nothing happens in between."""
        end = self._step + steps
        while self._step < end:
            while self._on_the_way and self._on_the_way[0][0] <= self._step:
                self._heard, loops = self._on_the_way.popleft()
                self._obey(loops)
            event = end if not self._on_the_way else min(end, self._on_the_way[0][0])
            if self._patience is not None and not self._loops.only_damp:
                runs_out = self._heard + self._patience
                if runs_out <= self._step:
                    silent = (self._step - self._heard) * self.physics_dt
                    self.log.append((self.data.time, f"no command for {silent:.3f} s: the motors damp"))
                    self._obey(self._stop)
                else:
                    event = min(event, runs_out)
            if self._sensor_delay:
                event = self._step + 1
            if self._forces:
                event = min(event, self._press())
            self._move(event - self._step)
            self._step = event
            if self._sensor_delay:
                self._past.append(self._sense())

    def _move(self, steps: int) -> None:
        """Step the physics. Once its state is no number any more, only time goes on: sensors say NaN until a reset."""
        if self._diverged:
            self.data.time += steps * self.physics_dt
            return
        mujoco.mj_step(self.model, self.data, steps)
        if not math.isfinite(self.data.qpos.sum() + self.data.qvel.sum()):
            self._diverged = True
            self.data.qpos[:] = self.data.qvel[:] = math.nan
            self.log.append((self.data.time, "the simulation diverged"))

    def _press(self) -> int:
        """Let the forces act that have not ended; returns the step at which the next one ends."""
        self.data.xfrc_applied[:, :3] = 0.0
        self._forces = [force for force in self._forces if force[0] > self._step]
        for _, body, force in self._forces:
            self.data.xfrc_applied[body, :3] += force
        return min((end for end, _, _ in self._forces), default=self._step + 1)

    # -- sensors and motors ---------------------------------------------------------------------------

    def _sense(self) -> RobotState:
        """What the sensors measure at this moment, in the frames that :class:`RobotState` names."""
        data = self.data
        joint_pos, joint_vel = data.qpos[self._qpos], data.qvel[self._qvel]
        quat, lin_vel, ang_vel = self._base_motion()
        if self.noise > 0.0:
            of_pos, of_vel, of_lin, of_ang, of_gravity = self._sensor_noise.draw(self._rng, self.noise)
            joint_pos += of_pos
            joint_vel += of_vel
            lin_vel += of_lin
            ang_vel += of_ang
            quat = _tilted(quat, of_gravity)
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

    def _base_motion(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Quaternion (x, y, z, w) of the base, velocity of its origin, and angular velocity, both in its own frame.

        From the coordinates themselves: what MuJoCo derives from them is of the beginning of its last step.
        """
        data = self.data
        if not self.contract.robot.floating_base:
            return data.xquat[self._base][_XYZW], np.zeros(3), np.zeros(3)
        lin_vel, inverse = np.empty(3), np.empty(4)
        mujoco.mju_negQuat(inverse, data.qpos[3:7])
        mujoco.mju_rotVecQuat(lin_vel, data.qvel[:3], inverse)
        return data.qpos[3:7][_XYZW], lin_vel, data.qvel[3:6].copy()

    def _loops_of(self, command: JointCommand) -> _Loops:
        """What a command asks of the motors, as strong as they are."""
        order, strength = self._order(command.joint_names), self.motor_strength
        parts = (command.stiffness, command.damping, command.position, command.velocity, command.effort)
        if any(np.shape(part) != (len(command.joint_names),) for part in parts):
            raise RobotError(f"The command names {len(command.joint_names)} joints; one of its arrays is not as long.")
        stiffness, damping, position, velocity, effort = (np.array(part, dtype=float)[order] for part in parts)
        stiffness *= strength
        damping *= strength
        effort = strength * effort + damping * velocity
        if not math.isfinite(stiffness.sum() + position.sum() + effort.sum()):
            raise RobotError("The command holds a number that is not finite; the motors do not take it.")
        return _Loops(stiffness, damping, position, effort, not (stiffness.any() or effort.any()))

    def _obey(self, loops: _Loops) -> None:
        """Set the motors' loops.

        MuJoCo's affine actuators are these loops, limits included. Its integrator takes their damping implicitly, so
        that light links with much damping stay stable at any step. Where motors are at their limits, newer versions of
        MuJoCo leave that damping out, which is nearer to what short steps come to than limits of the joints would be.
        """
        self._loops = loops
        self.model.actuator_gainprm[:, 0] = loops.stiffness
        self.model.actuator_biasprm[:, 0] = loops.effort
        self.model.actuator_biasprm[:, 1] = -loops.stiffness
        self.model.actuator_biasprm[:, 2] = -loops.damping
        self.data.ctrl[:] = loops.position

    def _order(self, names: Sequence[str]) -> Any:
        if names is self.contract.joint_names:
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
            "noise": noise,
        }
        for name, value in given.items():
            least = -0.5 * float(self._nominal["body_mass"][self._base]) if name == "added_mass" else 0.0
            if not (isinstance(value, Real) and math.isfinite(value) and value >= least):
                raise RobotError(f"{name} {value}: must be a number of at least {least:g}.")
        self.motor_strength, self.noise = motor_strength, float(noise)
        self._command_delay = round(latency_s / self.physics_dt)
        self._sensor_delay = round(sensor_latency_s / self.physics_dt)
        self._past = deque(maxlen=self._sensor_delay + 1)
        model = self.model
        for name, values in self._nominal.items():
            getattr(model, name)[:] = values
        model.geom_friction[:, 0] = friction
        model.dof_frictionloss[self._qvel] += joint_friction
        for body, mass in ((self._base, added_mass), (self._carrier, payload)):
            model.body_gravcomp[body] *= model.body_mass[body] / (model.body_mass[body] + mass)
            model.body_mass[body] += mass
        mujoco.mj_setConst(model, self.data)
        limits = motor_strength * self._limits
        model.actuator_forcerange[:] = np.stack([-limits, limits], axis=1)
        self._stop = self._loops_of(ActionDecoder(self.contract).damping())
        self.reset()

    def reset(self, joint_pos: np.ndarray | None = None, yaw: float = 0.0, seed: int | None = None) -> None:
        """Put the robot to rest where an episode begins; its time begins at 0.

        Args:
            joint_pos: In the contract's order; None for the default pose. Unit: rad or m.
            yaw: Heading of a floating base. Unit: rad.
            seed: Of the noise from here on; None to go on.
        """
        if seed is not None:
            self._rng = _generator(seed)
        data, robot = self.data, self.contract.robot
        mujoco.mj_resetData(self.model, data)
        data.qpos[self._qpos] = self.contract.default_pos if joint_pos is None else joint_pos
        if robot.floating_base:
            data.qpos[:3] = robot.initial_base_pos
            data.qpos[3:7] = [math.cos(yaw / 2), 0.0, 0.0, math.sin(yaw / 2)]
        self._step = self._heard = 0
        self._wall = None
        self._on_the_way.clear()
        self._forces.clear()
        self._diverged = False
        self.log.clear()
        self._obey(self._stop)
        mujoco.mj_forward(self.model, data)
        for late in range(self._sensor_delay, -1, -1):  # it has been there for a while
            self._past.append(dataclasses.replace(self._sense(), time=-late * self.physics_dt))

    def push(
        self,
        velocity: Sequence[float] | None = None,
        *,
        force: Sequence[float] | None = None,
        duration: float = 0.0,
        body: str | None = None,
    ) -> None:
        """Change a floating base's velocity all at once, or press on a link for a while.

        Args:
            velocity: Added to that of the base. Shape is (3,), world frame. Unit: m/s.
            force: At the link's centre of mass. Shape is (3,), world frame. Unit: N.
            duration: Of the force, from now on, in whole physics steps. Unit: s.
            body: The link that is pressed; None for the base.

        Raises:
            RobotError: The base stands fast, there is no such link, or the force does not last.
        """
        name = body or self.contract.robot.base_link
        if name not in self._places:
            raise RobotError(f"body {name}: there is no such link; there are {', '.join(self._places)}.")
        if not self.contract.robot.floating_base and (velocity is not None or name == self.contract.robot.base_link):
            raise RobotError("A robot whose base stands fast cannot be pushed; press on another link.")
        if velocity is not None:
            self.data.qvel[:3] += velocity
        if force is not None:
            if not duration > 0.0:
                raise RobotError(f"duration {duration}: a force must act for a while.")
            end = self._step + max(1, round(duration / self.physics_dt))
            self._forces.append((end, self._places[name], np.array(force, dtype=float)))

    def set_joints(self, joint_pos: np.ndarray | None = None, joint_vel: np.ndarray | None = None) -> None:
        """Put the joints somewhere else, as a hand does. Shapes are (joints,), in the contract's order."""
        if joint_pos is not None:
            self.data.qpos[self._qpos] = joint_pos
        if joint_vel is not None:
            self.data.qvel[self._qvel] = joint_vel
        mujoco.mj_forward(self.model, self.data)

    def set_base(self, quat: Sequence[float]) -> None:
        """Turn a floating base, as a fall does. ``quat`` is (x, y, z, w).

        Raises:
            RobotError: The base stands fast.
        """
        if not self.contract.robot.floating_base:
            raise RobotError("A robot whose base stands fast cannot be turned.")
        self.data.qpos[[4, 5, 6, 3]] = np.asarray(quat) / np.linalg.norm(quat)
        mujoco.mj_forward(self.model, self.data)

    # -- what is really the case ----------------------------------------------------------------------

    def truth(self) -> Truth:
        """What is really the case now."""
        model, data = self.model, self.data
        mujoco.mj_kinematics(model, data)  # a step leaves poses of its beginning
        quat, lin_vel, ang_vel = self._base_motion()
        return Truth(
            time=data.time,
            base_pos=data.xpos[self._base].copy(),
            base_quat=quat,
            lin_vel=lin_vel,
            lin_vel_com=lin_vel + self._com_arm @ ang_vel,
            ang_vel=ang_vel,
            joint_pos=data.qpos[self._qpos],
            joint_vel=data.qvel[self._qvel],
            joint_effort=data.qfrc_actuator[self._qvel],
            contacts=self._contacts(),
            bodies=_Poses(self._places, data),
        )

    def _contacts(self) -> dict[str, float]:
        """Net contact force on each link that touches something."""
        if not self.data.ncon:
            return {}
        mujoco.mj_rnePostConstraint(self.model, self.data)
        # Beside contacts, what MuJoCo calls external holds the forces of pushes.
        forces = np.linalg.norm(self.data.cfrc_ext[:, 3:] - self.data.xfrc_applied[:, :3], axis=1).tolist()
        return {name: forces[at] for name, at in self._places.items() if forces[at] > _NO_FORCE}

    def close(self) -> None:
        """Close the viewer, if there is one."""
        if self._viewer is not None:
            self._viewer.close()


class _SensorNoise:
    """The noise of training on what the sensors say; none on what the policy does not see.

    Args:
        contract: The contract.
    """

    def __init__(self, contract: Contract):
        joints = len(contract.joint_names)
        sizes = {"joint_pos": joints, "joint_vel": joints}
        sizes.update(base_lin_vel=3, base_ang_vel=3, projected_gravity=3)
        begins = dict(zip(sizes, np.cumsum([0, *sizes.values()]).tolist()))
        self._low, high = np.zeros(sum(sizes.values())), np.zeros(sum(sizes.values()))
        for term in contract.observations:
            if term.noise is not None and term.kind in sizes:
                own = np.arange(3) if term.joints is None else contract.joint_indices(term.joints)
                self._low[begins[term.kind] + own] = term.noise.low
                high[begins[term.kind] + own] = term.noise.high
        self._span = high - self._low
        self._parts = [slice(begins[kind], begins[kind] + size) for kind, size in sizes.items()]

    def draw(self, rng: np.random.Generator, factor: float) -> list[np.ndarray]:
        """Noise of joint positions and velocities, of the base's velocities, and of the direction of gravity."""
        noise = rng.random(len(self._low))
        noise *= self._span
        noise += self._low
        noise *= factor
        return [noise[part] for part in self._parts]


def _tilted(quat: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Turn a quaternion by a small rotation vector in the base frame, by which the direction of gravity is off."""
    x, y, z, w = quat.tolist()
    a, b, c = (0.5 * noise).tolist()
    turned = np.array(
        [x + w * a + y * c - z * b, y + w * b + z * a - x * c, z + w * c + x * b - y * a, w - x * a - y * b - z * c]
    )
    return turned / math.sqrt(float(turned @ turned))


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
    root = ET.fromstring(bundle.files[file])
    assets = {}
    for i, mesh in enumerate(root.iter("mesh")):  # by names without folders, which MuJoCo strips
        path = posixpath.join(posixpath.dirname(file), mesh.get("filename", ""))
        mesh.set("filename", f"{i}.stl")
        assets[f"{i}.stl"] = bundle.files[path]
    try:
        spec = mujoco.MjSpec.from_string(_for_mujoco(root), assets=assets)
        _add_world(spec, contract, physics_dt)
        _add_mimics(spec, root)
        model = spec.compile()
    except ValueError as error:
        raise RobotError(f"{bundle.path}: {file}: MuJoCo refuses it: {error}") from None
    _check_totals(model, root, contract, f"{bundle.path}: {file}")
    return model


def _check_totals(model: Any, root: ET.Element, contract: Contract, where: str) -> None:
    """See that the robot in MuJoCo weighs what the description says, and moves as freely.

    Raises:
        RobotError: It does not.
    """
    mass = math.fsum(float(element.get("value", "0")) for element in root.findall("link/inertial/mass"))
    if abs(float(model.body_mass.sum()) - mass) > 1e-6 * max(mass, 1.0):
        raise RobotError(f"{where}: MuJoCo makes {model.body_mass.sum():g} kg of its {mass:g} kg.")
    joints = sum(joint.get("type") in ("revolute", "continuous", "prismatic") for joint in root.findall("joint"))
    freedom = joints + 6 * contract.robot.floating_base
    if model.nv != freedom:
        raise RobotError(f"{where}: in MuJoCo it has {model.nv} degrees of freedom, not {freedom}.")


def _for_mujoco(root: ET.Element) -> str:
    """A URDF with what MuJoCo must know to take it as it is: no links merged, no inertias made up."""
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
    # A state that is no number any more is to be seen as such, not to begin anew by itself.
    option.disableflags |= mujoco.mjtDisableBit.mjDSBL_AUTORESET
    base = spec.body(robot.base_link)
    if robot.floating_base:
        base.add_freejoint()
    else:
        base.pos = robot.initial_base_pos
    for body in spec.bodies[1:]:
        body.gravcomp = float(robot.gravity_compensated)
        for geom in body.geoms:
            # Bit 1 of contype meets bit 1 of conaffinity: links meet the ground, and each other where they may.
            geom.contype, geom.conaffinity = int(robot.self_collision), 1
        if body.name != robot.base_link:
            spec.add_exclude(bodyname1=body.parent.name, bodyname2=body.name)  # neighbours overlap at their joint
    for joint in robot.joints:
        made = spec.joint(joint.name)
        made.armature, made.frictionloss = joint.armature, joint.friction
        made.actfrclimited = mujoco.mjtLimited.mjLIMITED_FALSE  # the actuator has the limit, which changes
        if joint.pos_limits is not None:
            made.limited, made.range = mujoco.mjtLimited.mjLIMITED_TRUE, joint.pos_limits
            made.solref_limit = _HARD_STOP
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


def _add_mimics(spec: Any, root: ET.Element) -> None:
    """Couple the joints that the URDF couples, which MuJoCo leaves out: ``q = offset + multiplier * q_of_leader``."""
    for joint in root.findall("joint"):
        mimic = joint.find("mimic")
        if mimic is not None:
            coupling = spec.add_equality(name1=joint.get("name"), name2=mimic.get("joint"))
            coupling.type = mujoco.mjtEq.mjEQ_JOINT
            data = np.zeros_like(np.asarray(coupling.data))
            data[:2] = float(mimic.get("offset", "0")), float(mimic.get("multiplier", "1"))
            coupling.data = data


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
    steps = control_dt / wanted if isinstance(wanted, Real) and wanted > 0.0 else 0.0
    if steps < 0.999 or abs(steps - round(steps)) > 1e-6 * steps:
        raise RobotError(f"physics_dt {wanted}: must divide the control period of {control_dt:g} s evenly.")
    return control_dt / round(steps)


def _generator(seed: Any) -> np.random.Generator:
    try:
        return np.random.default_rng(seed)
    except (TypeError, ValueError):
        raise RobotError(f"seed {seed}: must be a whole number of at least 0.") from None


def _open_viewer(model: Any, data: Any) -> Any:
    try:
        import glfw
        import mujoco.viewer

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if not glfw.init():  # asked first, for MuJoCo ends the whole process where there is no display
                raise RuntimeError("there is no display")
        return mujoco.viewer.launch_passive(model, data)
    except Exception as error:
        raise RobotError(f"MuJoCo's viewer cannot open a window here ({error}); run without it.") from None

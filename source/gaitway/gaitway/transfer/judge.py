"""The judge: the yes or no that a task would give each episode, and figures, from traces alone.

It is one and the same for all engines, and looks at the ground truth, not at what the policy saw.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from gaitway.errors import UsageError

from . import rotations
from .traces import Traces

if TYPE_CHECKING:
    from gaitway_deploy.bundle import Bundle
    from gaitway_deploy.contract import Contract

STAND_STILL = 0.1
"""Distance below which a cost of transport says nothing. Unit: m."""


@dataclass(frozen=True)
class Episodes:
    """What became of each episode. Shapes are (episodes,)."""

    success: np.ndarray
    """Bool."""
    ended: np.ndarray
    """Control steps before it failed, was stopped, or time was up."""
    cause: list[str]
    """Why it ended before its time (``tilt``, ``contact``, ``stopped: RULE`` ...); empty if it did not."""
    errors: dict[str, np.ndarray]
    """Errors by name, with the unit in the name, such as ``error_lin_vel_m_s``."""
    power: np.ndarray
    """Mean of the sum of |effort * velocity| over the joints. Unit: W."""
    peak_effort: np.ndarray
    """Greatest effort that the gains asked for, as a share of the limit of the joint."""
    peak_speed: np.ndarray
    """Greatest velocity of a joint, as a share of its limit."""
    distance: np.ndarray
    """Length of the base's way over the ground. Unit: m."""


@dataclass(frozen=True)
class Verdict:
    """How a bundle did in one engine."""

    engine: str
    episodes: int
    success_rate: float
    success_low: float
    """Lower end of the 95 % interval (Wilson)."""
    success_high: float
    falls: int
    """Episodes that failed by tilt or contact, or that the tilt rule of the runtime ended."""
    stopped: int
    """Episodes that the safety rules ended."""
    errors: dict[str, float]
    """Mean errors; the name holds the unit."""
    power_w: float
    cost_of_transport: float | None
    """Energy by weight and distance; None for what does not walk."""
    peak_effort: float
    """Greatest effort asked for, as a share of the limit."""
    effort_over_limit: float
    """Share of the episodes in which it was above the limit, and so was cut."""
    peak_speed: float
    """Greatest velocity of a joint, as a share of its limit."""
    speed_over_limit: float
    """Share of the episodes in which a joint was faster than its limit."""
    interventions: dict[str, int]
    """How often each safety rule intervened."""
    causes: dict[str, int]
    """Why episodes ended before their time, and how many."""
    wall_s: float
    failed_episodes: list[int] = field(default_factory=list)
    """Numbers of the episodes without success."""

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def judge(contract: Contract, traces: Traces) -> Episodes:
    """Judge every episode.

    Raises:
        UsageError: The contract's success is of a kind that only the task's environment can judge, and it was not
            asked.
    """
    ended, cause = _ends(contract, traces)
    success, errors = _success(contract, traces, ended)
    success &= np.array([not text for text in cause])
    power, peak = _effort(contract, traces, ended)
    speed = _peak_speed(contract, traces, ended)
    return Episodes(success, ended, cause, errors, power, peak, speed, _distance(traces, ended))


def sum_up(bundle: Bundle, traces: Traces, episodes: Episodes) -> Verdict:
    """Sum the episodes of one engine up."""
    from gaitway.runs.judge import wilson_interval  # which brings torch with it

    contract = bundle.contract
    count = len(episodes.success)
    low, high = wilson_interval(int(episodes.success.sum()), count)
    causes: dict[str, int] = {}
    for text in filter(None, episodes.cause):
        causes[text] = causes.get(text, 0) + 1
    rules: dict[str, int] = {}
    for item in (item for one in traces.interventions for item in one):
        rules[item["rule"]] = rules.get(item["rule"], 0) + int(item.get("count", 1))
    return Verdict(
        engine=traces.engine,
        episodes=count,
        success_rate=float(episodes.success.mean()),
        success_low=low,
        success_high=high,
        falls=sum(text in ("tilt", "contact", "stopped: tilt") for text in episodes.cause),
        stopped=sum(text.startswith("stopped") for text in episodes.cause),
        errors={name: float(np.mean(values)) for name, values in episodes.errors.items()},
        power_w=float(episodes.power.mean()),
        cost_of_transport=_cost_of_transport(bundle, contract, traces, episodes),
        peak_effort=float(episodes.peak_effort.max()),
        effort_over_limit=float((episodes.peak_effort > 1.0).mean()),
        peak_speed=float(episodes.peak_speed.max()),
        speed_over_limit=float((episodes.peak_speed > 1.0).mean()),
        interventions=rules,
        causes=causes,
        wall_s=traces.wall_s,
        failed_episodes=[int(i) for i in np.nonzero(~episodes.success)[0]],
    )


# -- when an episode ends ---------------------------------------------------------------------------------------------


def _ends(contract: Contract, traces: Traces) -> tuple[np.ndarray, list[str]]:
    """Steps that count of each episode, and why there are no more of them."""
    steps = traces.steps.copy()
    cause = [_stop_of(traces, i) if steps[i] < traces.num_steps else "" for i in range(traces.num_episodes)]
    for name, failed in _failures(contract, traces):
        # Row t + 1 is the state after step t; the first one is where the episode begins.
        first = np.where(failed[:, 1:].any(axis=1), failed[:, 1:].argmax(axis=1) + 1, np.iinfo(np.int64).max)
        # A runtime that stops in the step in which the robot falls stops it since it falls.
        for i in np.nonzero((first <= traces.steps) & ((first < steps) | ((first == steps) & _open(cause))))[0]:
            steps[i], cause[i] = first[i], name
    return steps, cause


def _open(cause: list[str]) -> np.ndarray:
    return np.array([not text or text.startswith("stopped") for text in cause])


def _stop_of(traces: Traces, episode: int) -> str:
    rules = [item["rule"] for item in traces.interventions[episode] if item["stops"]]
    return f"stopped: {rules[0]}" if rules else "stopped"


def _failures(contract: Contract, traces: Traces) -> list[tuple[str, np.ndarray]]:
    """Failures by name, and where each is true. Shapes are (episodes, T + 1)."""
    found = [("broken", ~np.isfinite(traces.joint_pos).all(axis=-1))]
    for failure in contract.task.failures:
        if failure.kind == "tilt":
            found.append(("tilt", rotations.tilt(traces.quat) > failure.limit))
        elif failure.kind == "contact":
            found.append(("contact", traces.contact > failure.force))
        else:
            found.append(("other", traces.env_failed))
    return found


# -- success ----------------------------------------------------------------------------------------------------------


def _success(contract: Contract, traces: Traces, ended: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    wanted: Any = contract.task.success  # what is not of its kind is None
    if wanted.kind == "kept_velocity":
        linear, angular = velocity_errors(traces, wanted.command, ended)
        success = (linear < wanted.linear) & (angular < wanted.angular)
        return success, {"error_lin_vel_m_s": linear, "error_yaw_rate_rad_s": angular}
    if wanted.kind == "reached":
        distance, angle = pose_errors(traces, wanted.command, ended)
        success = distance < wanted.position
        errors = {"error_position_m": distance}
        if wanted.orientation is not None:
            success &= angle < wanted.orientation
            errors["error_orientation_rad"] = angle
        return success, errors
    return traces.env_success[np.arange(traces.num_episodes), ended].copy(), {}


def velocity_errors(traces: Traces, command: str, ended: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Errors of velocity, averaged over each episode, as :class:`gaitway.mdp.commands.VelocityCommand` has them.

    Args:
        traces: The episodes.
        command: Name of a command (forward, left, yaw rate) in the base frame.
        ended: How many steps count of each. Shape is (episodes,).

    Returns:
        Of the planar velocity of the base link's centre of mass, Unit: m/s, and of the yaw rate, Unit: rad/s, both in
        the base frame. Shapes are (episodes,).
    """
    asked = traces.commands[command]
    error_xy = np.linalg.norm(asked[..., :2] - traces.lin_vel_com[:, 1:, :2], axis=-1)
    error_yaw = np.abs(asked[..., 2] - traces.ang_vel[:, 1:, 2])
    return _mean(error_xy, ended), _mean(error_yaw, ended)


def pose_errors(traces: Traces, command: str, ended: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distance and angle between a link and its commanded pose as each episode ends.

    Args:
        traces: The episodes.
        command: Name of a command (x, y, z, qx, qy, qz, qw) in the base frame.
        ended: How many steps count of each. Shape is (episodes,).

    Returns:
        Distance, Unit: m, and angle, Unit: rad. Shapes are (episodes,).
    """
    rows = np.arange(traces.num_episodes)
    goal = traces.commands[command][rows, np.maximum(ended, 1) - 1].astype(np.float64)
    base_quat = traces.quat[rows, ended].astype(np.float64)
    goal_pos = traces.base_pos[rows, ended] + rotations.rotate(base_quat, goal[:, :3])
    goal_quat = rotations.multiply(base_quat, goal[:, 3:])
    distance = np.linalg.norm(goal_pos - traces.body_pos[rows, ended], axis=-1)
    return distance, rotations.angle_between(goal_quat, traces.body_quat[rows, ended])


def _mean(values: np.ndarray, ended: np.ndarray) -> np.ndarray:
    """Mean over the steps that count. Shape of ``values`` is (episodes, T)."""
    counts = np.arange(values.shape[1]) < ended[:, None]
    return np.where(counts, values, 0.0).sum(axis=1) / np.maximum(ended, 1)


# -- effort -----------------------------------------------------------------------------------------------------------


def _effort(contract: Contract, traces: Traces, ended: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean power and peak effort of each episode, from the gains, as the motors' own loop would have them.

    A target is held while the joint moves towards it: the effort at both ends of a control step is looked at, and the
    power is the mean of both.
    """
    limit = contract.effort_limit
    power, share = 0.0, 0.0
    for end in (slice(None, -1), slice(1, None)):
        velocity = traces.joint_vel[:, end]
        asked = contract.stiffness * (traces.targets - traces.joint_pos[:, end]) - contract.damping * velocity
        share = np.maximum(share, (np.abs(asked) / limit).max(axis=-1))
        power = power + 0.5 * np.abs(np.clip(asked, -limit, limit) * velocity).sum(axis=-1)
    counts = np.arange(traces.num_steps) < ended[:, None]
    return _mean(np.asarray(power), ended), np.where(counts, share, 0.0).max(axis=1)


def _peak_speed(contract: Contract, traces: Traces, ended: np.ndarray) -> np.ndarray:
    """Fastest that a joint was in each episode, as a share of its limit."""
    share = (np.abs(traces.joint_vel[:, 1:]) / contract.vel_limit).max(axis=-1)
    counts = np.arange(traces.num_steps) < ended[:, None]
    return np.where(counts, share, 0.0).max(axis=1)


def _distance(traces: Traces, ended: np.ndarray) -> np.ndarray:
    """Length of the base's way over the ground."""
    speed = np.linalg.norm(traces.lin_vel_com[:, 1:, :2], axis=-1)
    return _mean(speed, ended) * ended * traces.control_dt


def _cost_of_transport(bundle: Bundle, contract: Contract, traces: Traces, episodes: Episodes) -> float | None:
    distance = episodes.distance.sum()
    if not contract.robot.floating_base or distance < STAND_STILL:
        return None
    energy = (episodes.power * episodes.ended).sum() * traces.control_dt
    gravity = float(np.linalg.norm(contract.robot.gravity))
    return float(energy / (total_mass(bundle) * gravity * distance))


def total_mass(bundle: Bundle) -> float:
    """Mass of the robot, from the bundle's URDF. Unit: kg."""
    # The bundle has refused files with entities when it was opened.
    root = ElementTree.fromstring(bundle.files[bundle.contract.robot.urdf])
    masses = [float(mass.get("value", "0")) for mass in root.findall("link/inertial/mass")]
    if not sum(masses) > 0.0:
        raise UsageError(f"{bundle.path}: no link of {bundle.contract.robot.urdf} has a mass; export it anew.")
    return sum(masses)

"""What is said of rewards: ours in their docstrings, Isaac Lab's here."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

GROUPS = ("track", "succeed", "effort", "smooth", "contact", "posture", "shaping")
"""What rewards are for."""


@dataclass(frozen=True)
class Description:
    """What a reward is."""

    name: str
    group: str
    """One of :data:`GROUPS`, or ``task`` for a term that is of one task alone."""
    summary: str
    unit: str
    range: str
    """As an interval, or the values it can have."""
    source: str
    """The paper or the code that it comes from."""


_ANY = "[0, inf)"
_ISAAC_LAB = {
    # name: group, what it is, unit, range
    "track_lin_vel_xy_exp": ("track", "exp(-(error of planar velocity)² / std²), base frame.", "1", "[0, 1]"),
    "track_ang_vel_z_exp": ("track", "exp(-(error of yaw rate)² / std²).", "1", "[0, 1]"),
    "track_lin_vel_xy_yaw_frame_exp": ("track", "The same in a level frame that has the robot's yaw.", "1", "[0, 1]"),
    "track_ang_vel_z_world_exp": ("track", "exp(-(error of yaw rate)² / std²), about the world's z.", "1", "[0, 1]"),
    "position_command_error": ("track", "Distance of a body from its commanded position.", "m", _ANY),
    "position_command_error_tanh": ("track", "1 - tanh(that distance / std).", "1", "[0, 1]"),
    "orientation_command_error": ("track", "Angle of a body from its commanded orientation.", "rad", "[0, π]"),
    "track_pos_l2": ("track", "Distance of an object from its commanded position.", "m", _ANY),
    "track_orientation_inv_l2": (
        "track",
        "1 / (angle of an object from its commanded orientation + ε).",
        "1/rad",
        "[1 / (π + ε), 1 / ε]",
    ),
    "success_bonus": ("succeed", "1 while an object is turned as commanded, within a threshold.", "1", "0 or 1"),
    "is_alive": ("succeed", "1 unless the episode ends for good with this step.", "1", "0 or 1"),
    "is_terminated": ("succeed", "1 if the episode ends for good with this step.", "1", "0 or 1"),
    "is_terminated_term": ("succeed", "The same for some terminations, by name.", "1", "{0, 1, ...}"),
    "joint_torques_l2": ("effort", "Squared efforts of joints, summed.", "N²·m²", _ANY),
    "joint_vel_l1": ("effort", "Speeds of joints, summed.", "rad/s", _ANY),
    "joint_vel_l2": ("effort", "Squared speeds of joints, summed.", "rad²/s²", _ANY),
    "joint_vel_limits": ("effort", "By how much joints exceed a share of their speed limits.", "rad/s", "[0, joints]"),
    "applied_torque_limits": ("effort", "By how much efforts were cut off at their limits, summed.", "N·m", _ANY),
    "action_l2": ("effort", "Squared actions, summed.", "1", _ANY),
    "action_rate_l2": ("smooth", "Squared changes of the actions since the last step, summed.", "1", _ANY),
    "joint_acc_l2": ("smooth", "Squared joint accelerations in the last physics step, summed.", "rad²/s⁴", _ANY),
    "body_lin_acc_l2": ("smooth", "Accelerations of bodies, summed.", "m/s²", _ANY),
    "lin_vel_z_l2": ("smooth", "Squared velocity of the base along its z.", "m²/s²", _ANY),
    "ang_vel_xy_l2": ("smooth", "Squared angular velocity of the base about its x and y.", "rad²/s²", _ANY),
    "undesired_contacts": ("contact", "Number of bodies that touch something harder than a threshold.", "1", _ANY),
    "desired_contacts": ("contact", "1 if none of some bodies touches anything.", "1", "0 or 1"),
    "contact_forces": ("contact", "By how much contact forces exceed a threshold, summed.", "N", _ANY),
    "feet_air_time": ("contact", "Time in the air beyond a threshold, of feet that land in this step.", "s", "any"),
    "feet_air_time_positive_biped": (
        "contact",
        "Time that one foot stands and the other swings, clipped.",
        "s",
        "[0, threshold]",
    ),
    "feet_slide": ("contact", "Planar speeds of feet that touch the ground, summed.", "m/s", _ANY),
    "flat_orientation_l2": ("posture", "Squared horizontal part of gravity in the base frame.", "1", "[0, 1]"),
    "base_height_l2": ("posture", "Squared distance of the base's height from a wanted one.", "m²", _ANY),
    "joint_deviation_l1": ("posture", "Distances of joints from their default positions, summed.", "rad", _ANY),
    "joint_pos_limits": ("posture", "By how much joints exceed their soft limits, summed.", "rad", _ANY),
    "stand_still_joint_deviation_l1": ("posture", "joint_deviation_l1 where the command is to stand.", "rad", _ANY),
}


def describe(term: Callable[..., Any]) -> Description:
    """What a reward is, from its docstring or, if it is Isaac Lab's, from the list here.

    What is not said is an empty string.
    """
    doc = inspect.getdoc(term) or ""
    first = " ".join(doc.partition("\n\n")[0].split())
    summary = re.split(r" (?:Unit: |Shape is |In \[)", re.sub(r":\w+:`~?([^`]*)`", r"``\1``", first))[0]
    name, module = term.__name__, term.__module__
    if not module.startswith("gaitway."):
        group, summary, unit, span = _ISAAC_LAB.get(name, ("task", summary, "", ""))
        return Description(name, group, summary, unit, span, "Isaac Lab")
    group = module.rpartition(".")[2]
    says = " ".join(
        re.split(r"\n(?:Args|Source|Parameters of the term):", doc.partition("Returns:")[2] or first)[0].split()
    )
    found = re.search(r"Unit: ([^.]+?)\.(?: |$)", says)
    span_found = re.search(r"In ([\[(][^\])]*[\])])|\b(0 or 1)\b", says)
    number = "1" if re.search(r"Number of|In [\[(]|0 or 1", says) else ""
    return Description(
        name,
        group if module.startswith(f"{__package__}.") and group in GROUPS else "task",
        summary,
        found[1] if found else number,
        (span_found[1] or span_found[2]) if span_found else "",
        " ".join(doc.partition("Source: ")[2].split()).removesuffix("."),
    )

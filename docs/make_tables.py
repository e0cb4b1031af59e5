"""Write the pages of docs/tasks/ and the tables of docs/tasks.md and docs/robots.md from what they describe.

    uv run python docs/make_tables.py --check     # exit status 1 when a table is stale
    uv run python docs/make_tables.py --write     # rewrite the stale ones

What stands between ``<!-- generated: NAME -->`` and ``<!-- end of generated -->`` belongs to this script, and so do the
pages of docs/tasks/, one a family of tasks. No simulator is started: configs are loaded, and robots are converted where
the cache has none yet. What was learned is in docs/learned.json (benchmarks/learned.py), pictures in docs/images/tasks.

A term is described by the words below where there are some, else by its docstring: what it is, ``Unit: ...`` and
``Shape is (num_envs, ...)``.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import inspect
import json
import math
import os
import pkgutil
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

DOCS = Path(__file__).resolve().parent
BEGIN, END = "<!-- generated: {} -->", "<!-- end of generated -->"


LEARNED = DOCS / "learned.json"
IMAGES = "images/tasks"


class UnknownTermError(Exception):
    """A task uses a term that neither this script nor its docstring has words for."""


# -- words -----------------------------------------------------------------------------------------
# A text may name parameters of its term in braces. `{bodies}` and `{joints}` stand for what the term is about.

JOINTS, BODIES, POINTS, COMMAND, ACTION, SCAN = "joints", "bodies", "points", "command", "action", "scan"


class Observation(NamedTuple):
    """An observation function in words."""

    text: str
    unit: str
    size: int | str
    """A number, or what it is as long as."""


OBSERVATIONS: dict[str, Observation] = {
    "base_lin_vel": Observation("linear velocity of the base, base frame", "m/s", 3),
    "base_ang_vel": Observation("angular velocity of the base, base frame", "rad/s", 3),
    "projected_gravity": Observation("direction of gravity, base frame", "1", 3),
    "base_pos_z": Observation("height of the base, world frame", "m", 1),
    "joint_pos_rel": Observation("position of {joints}, less the default pose", "rad", JOINTS),
    "joint_vel_rel": Observation("velocity of {joints}", "rad/s", JOINTS),
    "generated_commands": Observation("the command `{command_name}`", "see the command", COMMAND),
    "last_action": Observation("the policy's last output", "1", ACTION),
    "object_position_in_robot_root_frame": Observation("position of the object, base frame", "m", 3),
    "object_quat_b": Observation("orientation of the object as (qx, qy, qz, qw), base frame", "1", 4),
    "object_velocity": Observation("linear and angular velocity of the object, base frame", "m/s, rad/s", 6),
    "hand_to_object": Observation(
        "vector to the object from {offset} m before {bodies}, where it grasps, base frame", "m", 3
    ),
    "commanded_position": Observation("the position of the command `{command_name}`", "m", 3),
    "goal_quat_diff": Observation(
        "rotation from the commanded orientation to the object's as (qx, qy, qz, qw)", "1", 4
    ),
    "fingertip_pos": Observation("positions of {bodies}, environment's frame", "m", POINTS),
    "remaining_time_s": Observation("time left in the episode", "s", 1),
    "ee_pose_error": Observation(
        "commanded pose seen from {bodies}: position and rotation vector, base frame", "m, rad", 6
    ),
    "height_scan": Observation("height of the base above the ground, less {offset} m, at points of {grid}", "m", SCAN),
    "body_mass": Observation("mass of {bodies}", "kg", BODIES),
    "joint_stiffness": Observation("stiffness of {joints}", "N·m/rad", JOINTS),
    "joint_damping": Observation("damping of {joints}", "N·m·s/rad", JOINTS),
    "joint_effort_limits": Observation("largest torque of {joints}", "N·m", JOINTS),
    "action_delay": Observation("by how much the action `{action_name}` comes late", "s", 1),
    "ContactFriction": Observation(
        "coefficient of friction of {bodies}; on PhysX the mean over the robot", "1", BODIES
    ),
    "foot_contacts": Observation("1 where one of {bodies} bears more than {threshold} N, else 0", "1", BODIES),
}

REWARDS: dict[str, str] = {
    # function: what it gives; the library knows its unit
    "is_alive": "1 while the episode goes on",
    "is_terminated": "1 in the step that ends an episode before its time",
    "position_command_error": "distance of {bodies} from the commanded position",
    "orientation_command_error": "angle of {bodies} from the commanded orientation",
    "pose_error_tanh": "1 - tanh(distance / {std} m), of {bodies} from the commanded position",
    "object_near_hand": "1 - tanh(distance / {std} m), of the object from {offset} m before {bodies}, where it grasps",
    "box_lifted": "height of the object's lowest corner / {height} m, at most 1",
    "lifted_box_near_goal": "1 - tanh(distance / {std} m), of the object from the commanded position, "
    "times (height of its lowest corner / {height} m, at most 1)",
    "action_rate_l2": "Σ (action - last action)²",
    "joint_vel_l2": "Σ (joint velocity)²",
    "joint_vel_limits": "Σ (abs(joint velocity) - {soft_ratio} · its limit, between 0 and 1)",
    "joint_overspeed": "Σ (abs(joint velocity) - {soft_ratio} · its limit, at least 0)",
    "JointAccL2": "Σ (joint acceleration, mean over the step)²",
    "joint_effort_l2": "Σ (joint torque, at the end of the step)²",
    "joint_power": "Σ abs(joint torque · joint velocity)",
    "track_lin_vel_xy_exp": "exp(-(error of the planar velocity)² / ({std} m/s)²)",
    "track_ang_vel_z_exp": "exp(-(error of the yaw rate)² / ({std} rad/s)²)",
    "lin_vel_z_l2": "(vertical velocity of the base)², base frame",
    "ang_vel_xy_l2": "(roll rate)² + (pitch rate)², base frame",
    "flat_orientation_l2": "sin²(tilt of the base)",
    "base_height_l2": "(height of the base{above} - {target_height} m)²",
    "feet_in_swing": "number of {bodies} in the air for {shortest} to {longest} s, at most half of them; "
    "0 when told to stand",
}

TERMINATIONS: dict[str, str] = {
    "time_out": "the time is up",
    "illegal_contact": "{bodies} touches something with more than {threshold} N",
    "out_of_bound": "the object has left the box of {box} about the base, or its state is not finite",
    "physics_broken": "the engine's state of the environment is not finite, or exploded",
    "terrain_out_of_bounds": "the base is within {distance_buffer} m of the edge of the ground",
    "bad_orientation": "the base is tilted by more than {limit_angle} rad",
}

VERDICTS: dict[str, str] = {
    "reached": "distance below {position} m{and_orientation}, at the end of the episode",
    "object_at_goal": "object within {position} m of the commanded position, at the end of the episode",
    "kept_velocity": "no fall, mean error of the planar velocity below {linear} m/s and of the yaw rate below "
    "{angular} rad/s, over the episode",
}

TERRAINS: dict[str, str] = {
    # function: what a kind of ground is, from the least difficulty to the greatest
    "pyramid_sloped_terrain": "slopes of {slope_range} on all sides",
    "pyramid_stairs_terrain": "steps of {step_height_range} m on all sides",
    "rubble": "random heights within {height_range} m",
    "discrete_obstacles_terrain": "{num_obstacles} blocks and pits of up to {obstacle_height_range} m, "
    "{obstacle_width_range} m wide at any difficulty",
    "waves": "{num_waves} waves a side, of up to ±({amplitude_range}) m",
}

AXES = {"x": "m", "y": "m", "z": "m", "roll": "rad", "pitch": "rad", "yaw": "rad"}

PHYSICS_FIELDS = {"class_type", "launcher_type", "solver_type", "num_substeps"}
"""Fields of an engine's config that are no settings of the simulation, or are said anyway."""


# -- numbers ---------------------------------------------------------------------------------------


def num(value: float) -> str:
    """A number as a person would write it."""
    for divisor, name in ((1, "π"), (2, "π/2")):
        if math.isclose(abs(value), math.pi / divisor, rel_tol=1e-9):
            return f"{'-' if value < 0 else ''}{name}"
    text = f"{float(f'{value:.5g}'):g}"
    return re.sub(r"e([+-])0*(\d)", lambda m: f"e{m[1].replace('+', '')}{m[2]}", text)


def span(limits: Sequence[float], unit: str = "") -> str:
    """A range as a person would write it."""
    low, high = limits
    if math.isclose(low, high, abs_tol=1e-12):
        text = num(low)
    else:
        text = f"±{num(high)}" if math.isclose(-low, high) else f"{num(low)} to {num(high)}"
    return f"{text} {unit}".strip()


def table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


# -- configs ---------------------------------------------------------------------------------------


def sizes(by_agent: Mapping[str, Any]) -> str:
    """Sizes of training runs, the default agent first; agents of one size share a sentence."""
    shared: dict[Any, list[str]] = {}
    for agent, size in by_agent.items():
        shared.setdefault(size, []).append(f"`{agent}`")
    default = next(iter(by_agent))
    parts = [f"{', '.join(a)}: {s.num_envs} environments, {s.iterations} iterations" for s, a in shared.items()]
    return f"`{default}` unless told otherwise; {'; '.join(parts)}"


def terms(group: Any) -> dict[str, Any]:
    """The terms of a manager's config that are on, by name."""
    found = {} if group is None or isinstance(group, dict) else vars(group)
    return {name: term for name, term in found.items() if hasattr(term, "func") or hasattr(term, "class_type")}


def function_name(term: Any) -> str:
    """Name of the function or class behind a term."""
    return term.func.rpartition(":")[2] if isinstance(term.func, str) else term.func.__name__


def arguments(term: Any) -> dict[str, Any]:
    """All arguments of a term, defaults included."""
    function = term.func if not isinstance(term.func, str) else pkgutil.resolve_name(term.func)
    call = function.__call__ if inspect.isclass(function) else function
    given = inspect.signature(call).parameters.items()
    defaults = {name: p.default for name, p in given if p.default is not inspect.Parameter.empty}
    return defaults | term.params


def matching(patterns: str | Sequence[str] | None, names: Sequence[str]) -> list[str]:
    """Names that one of the patterns matches; all where there is no pattern."""
    if patterns is None:
        return list(names)
    patterns = [patterns] if isinstance(patterns, str) else patterns
    return [name for name in names if any(re.fullmatch(pattern, name) for pattern in patterns)]


def short(patterns: str | Sequence[str] | None, everything: str) -> str:
    """Patterns as they stand in the config, or a word for all."""
    patterns = [patterns] if isinstance(patterns, str) else list(patterns or [".*"])
    return everything if patterns == [".*"] else ", ".join(f"`{pattern}`" for pattern in patterns)


class Task:
    """A task's config, and how its terms read."""

    def __init__(self, task_id: str):
        from isaaclab_tasks.utils import resolve_task_config

        from gaitway.tasks import find_task

        self.info = find_task(task_id)
        self.cfg, _ = resolve_task_config(task_id, None, overrides=[])
        self.hard, _ = resolve_task_config(task_id, None, overrides=["presets=hard"])
        self.play, _ = resolve_task_config(f"{task_id}-Play", None, overrides=[])
        robot = self.cfg.scene.robot
        self.joints, self.bodies = list(robot.joint_ordering), list(robot.body_ordering)

    def words(self, term: Any) -> dict[str, str]:
        """What the braces in a text about a term stand for."""
        found = arguments(term)
        entities = [value for value in found.values() if hasattr(value, "body_names")]
        words = {key: num(value) if isinstance(value, int | float) else value for key, value in found.items()}
        words["joints"] = short(next((e.joint_names for e in entities if e.joint_names), None), "all joints")
        words["bodies"] = short(next((e.body_names for e in entities if e.body_names), None), "all links")
        words["box"] = self.along(found.get("in_bound_range") or {}, "")
        words["what"] = "object" if any(e.name == "object" for e in entities) else "base"
        scanner = next((s for s in (getattr(self.cfg.scene, e.name, None) for e in entities) if is_scanner(s)), None)
        words["above"] = " above the mean of the scanned ground" if scanner else ""
        if scanner:
            pattern = scanner.pattern_cfg
            length, width = (num(side) for side in pattern.size)
            turning = {"yaw": ", that turns with the yaw of the base"}.get(scanner.ray_alignment, "")
            words["grid"] = f"a grid of {length} m by {width} m, every {num(pattern.resolution)} m{turning}"
        return words

    # observations, actions, commands

    def observations(self, group: str) -> str:
        """The observations of a group as a table."""
        cfg = getattr(self.cfg.observations, group)
        rows, total = [], 0
        for name, term in terms(cfg).items():
            known = look_up(OBSERVATIONS, term, "OBSERVATIONS")
            history = cfg.history_length if cfg.history_length is not None else term.history_length
            size = self.size(known.size, term) * max(history, 1)
            total += size
            text = known.text.format(**self.words(term)) + (f", the last {history} steps" if history else "")
            text += f", clipped to {span(term.clip)}" if term.clip else ""
            here, there = (self.errors(level, group, name) for level in (self.cfg, self.hard))
            rows.append((name, size, text, self.unit(known.unit, term), here, there))
        header: tuple[str, ...] = ("Term", "Size", "What", "Unit", "Noise and latency", "With `hard`")
        if all(row[4] == row[5] for row in rows):
            header, rows = header[:-1], [row[:-1] for row in rows]
        return f"**Observations of group `{group}`: {total} values.**\n\n{table(header, rows)}"

    def size(self, size: int | str, term: Any) -> int:
        """How many values an observation has."""
        entities = [value for value in term.params.values() if hasattr(value, "body_names")]
        if size == JOINTS:
            entity = next(iter(entities), None)
            joints = getattr(self.cfg.scene, entity.name).joint_ordering if entity else self.joints
            return len(matching(entity.joint_names if entity else None, joints))
        if size == BODIES:
            return len(matching(next((e.body_names for e in entities), None), self.bodies))
        if size == POINTS:
            return 3 * self.size(BODIES, term)
        if size == COMMAND:
            return self.command_size(getattr(self.cfg.commands, term.params["command_name"]))
        if size == SCAN:
            pattern = getattr(self.cfg.scene, term.params["sensor_cfg"].name).pattern_cfg
            return math.prod(round(side / pattern.resolution) + 1 for side in pattern.size)
        if size == ACTION:
            return sum(self.action_size(action) for action in terms(self.cfg.actions).values())
        return int(size)

    def unit(self, unit: str, term: Any) -> str:
        """The unit of an observation: the joints of a gripper slide."""
        sliding = {j for a in terms(self.cfg.actions).values() if is_binary(a) for j in self.action_joints(a)}
        joints = next((e.joint_names for e in term.params.values() if getattr(e, "joint_names", None)), None)
        return unit.replace("rad", "m") if joints and set(matching(joints, self.joints)) <= sliding else unit

    def action_joints(self, action: Any) -> list[str]:
        """Joints that an action moves."""
        return matching(action.joint_names, self.joints)

    def action_size(self, action: Any) -> int:
        """How many numbers an action takes."""
        return 1 if is_binary(action) else len(self.action_joints(action))

    def errors(self, level: Any, group: str, name: str) -> str:
        """Noise and latency of an observation at a level of randomisation."""
        cfg = getattr(level.observations, group)
        term = getattr(cfg, name)
        found = [self.noise(term) if cfg.enable_corruption else ""]
        if term.delay_max_lag:
            steps = "step" if term.delay_max_lag == 1 else "steps"
            found.append(f"{term.delay_min_lag} to {term.delay_max_lag} {steps} late")
        return "; ".join(filter(None, found)) or "none"

    @staticmethod
    def noise(term: Any) -> str:
        """The noise on an observation."""
        if term.noise is None:
            return ""
        if hasattr(term.noise, "n_min"):
            return f"uniform, {span((term.noise.n_min, term.noise.n_max))}"
        return type(term.noise).__name__.removesuffix("Cfg")

    @staticmethod
    def command_size(command: Any) -> int:
        """How many values a command has."""
        ranges = getattr(command, "ranges", None)
        if hasattr(ranges, "lin_vel_x"):
            return 3
        if hasattr(ranges, "pos_x"):
            return 7
        if getattr(command, "element_names", None):
            return len(command.element_names)
        cls = (
            command.class_type if not isinstance(command.class_type, str) else pkgutil.resolve_name(command.class_type)
        )
        size = re.search(r"Shape is \(num_envs, (\d+)\)", inspect.getdoc(cls.command) or "")
        if not size:
            raise UnknownTermError(f"command {cls.__name__}: its property `command` says no 'Shape is (num_envs, N)'")
        return int(size[1])

    def actions(self) -> str:
        """The actions as a table."""
        rows = []
        for name, action in terms(self.cfg.actions).items():
            joints = short(action.joint_names, "all joints")
            if is_binary(action):
                opened, closed = (
                    ", ".join(sorted({num(value) for value in expr.values()}))
                    for expr in (action.open_command_expr, action.close_command_expr)
                )
                rows.append((name, 1, f"position target of {joints}: {closed} where negative, else {opened}"))
                continue
            bases = {
                "JointPositionActionCfg": "default pose + " if action.use_default_offset else "",
                "DelayedJointPositionActionCfg": "default pose + " if action.use_default_offset else "",
                "MeasuredJointPositionActionCfg": "measured position + ",
            }
            if type(action).__name__ not in bases:
                raise UnknownTermError(f"action {type(action).__name__}: say what it does in Task.actions")
            scale = num(action.scale) if isinstance(action.scale, int | float) else str(action.scale)
            base = bases[type(action).__name__]
            text = f"position target of {joints}: {base}{scale} · action"
            if hasattr(action, "delay"):
                hard = getattr(self.hard.actions, name).delay
                text += f", {self.late(action.delay)} late; with `hard` {self.late(hard)}"
            rows.append((name, self.action_size(action), text))
        units = "rad, of fingers in m" if any(map(is_binary, terms(self.cfg.actions).values())) else "rad"
        return f"**Actions.** Targets are in {units}; the actuators' gains turn them into torques.\n\n" + table(
            ("Term", "Size", "What"), rows
        )

    def late(self, delay: tuple[float, float]) -> str:
        """A delay, in physics steps as it is carried out and in milliseconds."""
        steps = [round(seconds / self.cfg.sim.dt) for seconds in delay]
        times = [round(1000 * self.cfg.sim.dt * count, 1) for count in steps]
        return f"{span(steps)} physics steps ({span(times, 'ms')})"

    def commands(self) -> str:
        """The commands as a list."""
        lines = ["**Commands.**", ""]
        if not terms(self.cfg.commands or {}):
            return "**Commands.** None."
        for name, command in terms(self.cfg.commands).items():
            limits = {k: v for k, v in vars(getattr(command, "ranges", None) or SimpleNamespace()).items() if v}
            often = "once an episode"
            if command.resampling_time_range[0] <= self.cfg.episode_length_s:
                often = f"every {span(command.resampling_time_range)} s"
            if not hasattr(command, "ranges") or not {"lin_vel_x", "pos_x"} & set(vars(command.ranges)):
                text = self.other_command(command, often)
            elif hasattr(command.ranges, "lin_vel_x"):
                text = (
                    f"planar velocity x {span(limits['lin_vel_x'])} m/s, y {span(limits['lin_vel_y'])} m/s and "
                    f"yaw rate {span(limits['ang_vel_z'])} rad/s, base frame, drawn {often}."
                )
                if command.heading_command:
                    share = 100 * command.rel_heading_envs
                    text += (
                        f" In {num(share)} % of the environments the yaw rate is "
                        f"{num(command.heading_control_stiffness)}/s times the error of a heading, "
                        f"{span(limits['heading'])} rad, clipped to that range."
                    )
                text += f" {num(100 * command.rel_standing_envs)} % of the environments are told to stand."
            else:
                position = ", ".join(f"{axis} {span(limits[f'pos_{axis}'])} m" for axis in "xyz")
                if getattr(command, "position_only", False):
                    what = "position of the object in the base frame"
                    text = f"{what} as (x, y, z), and an orientation that means nothing, drawn {often}: {position}."
                else:
                    angles = ", ".join(f"{angle} {span(limits[angle])} rad" for angle in ("roll", "pitch", "yaw"))
                    text = (
                        f"pose of `{command.body_name}` in the base frame as (x, y, z, qx, qy, qz, qw), drawn {often}: "
                        f"{position}; {angles}."
                    )
            lines.append(f"- `{name}`: {text}")
        return "\n".join(lines)

    @staticmethod
    def other_command(command: Any, often: str) -> str:
        """A command of a kind of its own, by its docstring and its settings."""
        cls = (
            command.class_type if not isinstance(command.class_type, str) else pkgutil.resolve_name(command.class_type)
        )
        text = plain(" ".join(re.split(r"\n\s*\n", inspect.getdoc(cls) or cls.__name__)[0].split())).rstrip(".")
        names = getattr(command, "element_names", None)
        text += f", as ({', '.join(names)})" if names else ""
        own = {**vars(command), **vars(getattr(command, "ranges", None) or SimpleNamespace())}
        common = {"resampling_time_range", "debug_vis"}
        given = [f"`{k}` {span(v)}" for k, v in own.items() if k not in common and is_span(v)]
        given += [f"`{k}` {num(v)}" for k, v in own.items() if type(v) in (int, float)]
        return f"{text[:1].lower()}{text[1:]}, drawn {often}" + (f": {', '.join(given)}." if given else ".")

    # rewards, ends, success

    def rewards(self) -> str:
        """The rewards as a table."""
        rows = []
        for name, term in terms(self.cfg.rewards).items():
            text = look_up(REWARDS, term, "REWARDS").format(**self.words(term))
            if (std := term.params.get("orientation_std")) is not None:
                text += f", times 1 - tanh(angle / {num(std)} rad)"
            rows.append((name, num(term.weight), text, unit_of_reward(term)))
        header = ("Term", "Weight", "What", "Unit")
        return f"**Rewards.** Each step adds weight · value · {num(self.step)} s.\n\n{table(header, rows)}"

    def terminations(self) -> str:
        """The terminations as a table."""
        rows = []
        for name, term in terms(self.cfg.terminations).items():
            text = look_up(TERMINATIONS, term, "TERMINATIONS").format(**self.words(term))
            rows.append((name, text, "time limit" if term.time_out else "failure"))
        return f"**Ends of an episode.**\n\n{table(('Term', 'When', 'Counts as'), rows)}"

    def verdict(self) -> str:
        """When an episode is a success, as the code has it."""
        params = dict(self.cfg.curriculum.success.params["params"])
        judge = self.cfg.curriculum.success.params["judge"]
        name = f"`{judge.__name__}`: "
        if judge.__name__ not in VERDICTS:
            return name + described(SimpleNamespace(func=judge, params=params))[0].replace("{{", "{").replace("}}", "}")
        angle = params.get("orientation")
        words = {key: num(value) for key, value in params.items() if isinstance(value, int | float)}
        words["and_orientation"] = f" and angle below {num(angle)} rad" if angle is not None else ""
        return name + VERDICTS[judge.__name__].format(**words)

    # events

    def events(self) -> str:
        """The events as a table, by level of randomisation."""
        rows = []
        for name in dict.fromkeys([*terms(self.cfg.events), *terms(self.hard.events)]):
            levels: list[Any] = [getattr(cfg.events, name, None) for cfg in (self.cfg, self.hard, self.play)]
            when = self.when(levels[0] or levels[1])
            texts = ["off" if term is None else self.event(term) for term in levels]
            if levels[0] is not None and self.when(levels[1]) != when:
                texts[1] += f", {self.when(levels[1])}"
            rows.append((name, when, texts[0], *("the same" if text == texts[0] else text for text in texts[1:])))
        header = ("Term", "When", "What", "With `hard`", "With `none`, as in `-Play`")
        return f"**Events.** Distributions are uniform where nothing else is said.\n\n{table(header, rows)}"

    @staticmethod
    def when(term: Any) -> str:
        """When an event happens."""
        if term.mode == "interval":
            return f"every {span(term.interval_range_s)} s"
        return {"startup": "once, at the start", "reset": "each episode"}.get(term.mode, term.mode)

    def event(self, term: Any) -> str:
        """What an event does."""
        found, words = arguments(term), self.words(term)
        how = str(found.get("distribution", "uniform")).replace("_", "-")
        how = "" if how == "uniform" else f", {how}"
        name = function_name(term)
        if name == "randomize_rigid_body_material":
            static, dynamic = span(found["static_friction_range"]), span(found["dynamic_friction_range"])
            friction = f"static {static}, dynamic {dynamic}" if static != dynamic else f"static and dynamic, {static}"
            if found.get("make_consistent"):
                friction += ", dynamic at most static"
            return f"friction of {self.whose(words)}: {friction}; restitution {span(found['restitution_range'])}"
        if name == "randomize_rigid_body_mass":
            return f"mass of {self.whose(words)} {self.change(found, 'mass_distribution_params', 'kg')}{how}"
        if name == "randomize_actuator_gains":
            parts = [
                f"{part} {self.change(found, f'{part}_distribution_params', '')}"
                for part in ("stiffness", "damping")
                if found.get(f"{part}_distribution_params")
            ]
            return f"gains of {words['joints']}: {', '.join(parts)}{how}"
        if name == "RandomizeEffortLimits":
            return f"largest torque of {words['joints']} times {span(found['scale_range'])}"
        if name == "randomize_rigid_body_com":
            return f"centre of mass of {self.whose(words)} moved by {self.along(found['com_range'], '')}"
        if name == "randomize_joint_parameters":
            parts = [
                f"{part} {self.change(found, f'{part}_distribution_params', '')}"
                for part in ("friction", "armature")
                if found.get(f"{part}_distribution_params")
            ]
            # The same number means another thing on each engine.
            note = " (Newton: N·m; PhysX: a coefficient)" if found.get("friction_distribution_params") else ""
            return f"{words['joints']}: {', '.join(parts)}{note}{how}"
        if name == "apply_external_force_torque":
            force, torque = found["force_range"], found["torque_range"]
            parts = [f"force {span(force, 'N')}"] * any(force) + [f"torque {span(torque, 'N·m')}"] * any(torque)
            return f"on {words['bodies']} throughout the episode: {', '.join(parts) or 'nothing'}, along each axis"
        if name == "reset_scene_to_default":
            return "all joints and bodies where the robot's config puts them"
        if name == "reset_root_state_uniform":
            place = self.along(found["pose_range"], "")
            return (
                f"{words['what']} moved by {place or '0'}; velocity {self.along(found['velocity_range'], '/s') or '0'}"
            )
        if name in ("reset_joints_by_offset", "reset_joints_by_scale"):
            joined, unit = ("plus", "rad") if name.endswith("offset") else ("times", "")
            position, velocity = found["position_range"], found["velocity_range"]
            rest = "at rest" if not any(velocity) else f"velocity {joined} {span(velocity)}"
            return f"{words['joints']} at the default pose {joined} {span(position, unit)}, {rest}"
        if name == "push_by_setting_velocity":
            return f"velocity of the base changed by {self.along(found['velocity_range'], '/s')}"
        return described(term)[0].replace("{{", "{").replace("}}", "}")

    @staticmethod
    def whose(words: Mapping[str, str]) -> str:
        """What an event is about."""
        return "the object" if words["what"] == "object" else words["bodies"]

    @staticmethod
    def change(found: Mapping[str, Any], key: str, unit: str) -> str:
        """How an operation changes a value."""
        how = {"scale": "times ", "add": "plus ", "abs": ""}[found.get("operation", "abs")]
        return f"{how}{span(found[key], '' if how == 'times ' else unit)}"

    @staticmethod
    def along(ranges: Mapping[str, Sequence[float]], per: str) -> str:
        """Ranges along and about axes; axes with the same range are named together."""
        items = groupby(ranges.items(), key=lambda item: (tuple(item[1]), AXES[item[0]]))
        parts = [f"{', '.join(k for k, _ in group)} {span(limits, unit + per)}" for (limits, unit), group in items]
        return "; ".join(parts)

    # ground

    def ground(self) -> str:
        """The kinds of generated ground as a table."""
        cfg = self.cfg.scene.terrain.terrain_generator
        whole = sum(sub.proportion for sub in cfg.sub_terrains.values())
        rows = []
        for name, sub in cfg.sub_terrains.items():
            known = TERRAINS.get(sub.function.__name__)
            if known is None:
                raise UnknownTermError(f"ground {sub.function.__name__}: describe it in TERRAINS")
            words = {k: num(v) if isinstance(v, int | float) else span(v) if k.endswith("_range") else v
                     for k, v in vars(sub).items()}  # fmt: skip
            rows.append((name, f"{num(100 * sub.proportion / whole)} %", known.format(**words)))
        half, first = num(cfg.size[0] / 2), self.cfg.scene.terrain.max_init_terrain_level + 1
        return (
            f"**Ground.** {cfg.num_rows} levels of difficulty one after the other, {cfg.num_cols} squares of "
            f"{num(cfg.size[0])} m by {num(cfg.size[1])} m side by side in each, in `-Play` "
            f"{self.play.scene.terrain.terrain_generator.num_rows} levels; cells of {num(cfg.horizontal_scale)} m. "
            f"Newton and MuJoCo collide with a height field, PhysX with a mesh of the same points. An episode begins "
            f"in the middle of a square, in training on one of the first {first} levels. Who gets {half} m away goes "
            f"up a level, and who gets less than half as far as told goes down; in `-Play` all stay on the level that "
            f"they have drawn.\n\n{table(('Kind', 'Share', 'What'), rows)}"
        )

    # the whole

    @property
    def step(self) -> float:
        """Length of a step of the environment. Unit: s."""
        return self.cfg.sim.dt * self.cfg.decimation

    def facts(self) -> str:
        """What a task is, in a table."""
        info, length = self.info, self.cfg.episode_length_s
        agents = ", ".join(f"`{agent}`" for agent in info.agents)
        return table(
            ("", ""),
            [
                ("Robot", info.robot),
                ("Success", info.success),
                ("Judged by", self.verdict()),
                ("Learned from", f"{num(100 * info.threshold)} % of episodes"),
                ("Rates", f"physics {num(1 / self.cfg.sim.dt)} Hz, policy {num(1 / self.step)} Hz"),
                ("Episode", f"{num(length)} s, {num(length / self.step)} steps"),
                ("Agents", agents),
                ("On a CPU", sizes(info.cpu)),
                ("On a GPU", sizes(info.cuda)),
            ],
        )

    def sections(self) -> Iterator[tuple[str, str]]:
        """The sections that another task may share, each with its title."""
        for group in terms_of_groups(self.cfg.observations):
            yield f"observations of group `{group}`", self.observations(group)
        yield "actions", self.actions()
        yield "commands", self.commands()
        yield "rewards", self.rewards()
        yield "ends of an episode", self.terminations()
        yield "events", self.events()
        if hasattr(self.cfg.scene, "terrain"):
            yield "ground", self.ground()


def terms_of_groups(observations: Any) -> list[str]:
    """Names of the groups of observations."""
    return [name for name, group in vars(observations).items() if hasattr(group, "enable_corruption")]


def is_binary(action: Any) -> bool:
    """Whether an action opens or closes a gripper by the sign of one number."""
    return hasattr(action, "open_command_expr")


def is_scanner(sensor: Any) -> bool:
    """Whether a sensor measures the heights of the ground."""
    return hasattr(sensor, "pattern_cfg")


def look_up(known: Mapping[str, Any], term: Any, where: str) -> Any:
    """The words for a term: those of this script, else of its docstring.

    Raises:
        UnknownTermError: There are none, or the docstring lacks the unit or the shape.
    """
    name = function_name(term)
    if name in known:
        return known[name]
    text, unit, size = described(term)
    if where in ("TERMINATIONS", "REWARDS"):
        return text
    if size is None:
        raise UnknownTermError(f"{name}: its docstring says no 'Shape is (num_envs, ...)'; or add it to {where}")
    if unit is None:
        raise UnknownTermError(f"{name}: its docstring says no 'Unit: ...'; or add it to {where}")
    return Observation(text, unit, size)


def unit_of_reward(term: Any) -> str:
    """The unit of a reward, as the library describes it.

    Raises:
        UnknownTermError: It is not said.
    """
    from gaitway.mdp.rewards import describe

    function = term.func if not isinstance(term.func, str) else pkgutil.resolve_name(term.func)
    if not (unit := describe(function).unit):
        raise UnknownTermError(f"{function.__name__}: say its unit, 'Unit: m.', or its range, in the docstring")
    return unit


def described(term: Any) -> tuple[str, str | None, int | str | None]:
    """What a term's docstring says: what it is, its unit and its size.

    Raises:
        UnknownTermError: There is no docstring.
    """
    function = term.func if not isinstance(term.func, str) else pkgutil.resolve_name(term.func)
    whole = inspect.getdoc(function)
    if not whole:
        raise UnknownTermError(f"{function.__name__}: has no docstring to describe it by")
    if inspect.isclass(function):
        whole += "\n\n" + (inspect.getdoc(function.__call__) or "")
    text = " ".join(re.split(r"\n\s*\n", whole)[0].split())
    text = re.split(r"\.? (?:Unit: |Shape is |In \[)", text)[0].rstrip(".")
    text = plain(text)
    flat_doc = " ".join(whole.split())
    unit = re.search(r"Unit: (.+?)(?:[.;](?:\s|$)|,? (?:base|world|body) frame|, (?:if|where|in|of)\b|$)", flat_doc)
    if unit is None and re.search(r"In \[|, bool|\b1 (?:where|if|while)\b", flat_doc):
        unit = re.match("(1)", "1")
    size = re.search(r"Shape is \(num_envs, ?([^)]*)\)", flat_doc)
    given = [f"`{name}` {num(v)}" for name, v in term.params.items() if isinstance(v, int | float)]
    given += [f"`{name}` {span(v)}" for name, v in term.params.items() if is_span(v)]
    text += f" ({', '.join(given)})" if given else ""
    words = {
        "joints": JOINTS,
        "num_joints": JOINTS,
        "bodies": BODIES,
        "num_bodies": BODIES,
        "feet": BODIES,
        "command": COMMAND,
    }
    how_many: int | str | None = None
    if size:
        how_many = int(size[1]) if size[1].isdigit() else words.get(size[1].strip())
    # Braces are for words of this script alone.
    text = text.replace("{", "{{").replace("}", "}}")
    return text[:1].lower() + text[1:] if not text[:2].isupper() else text, unit[1] if unit else None, how_many


def is_span(value: Any) -> bool:
    """Whether a value is a range: two numbers."""
    return isinstance(value, tuple | list) and len(value) == 2 and all(isinstance(v, int | float) for v in value)


def plain(text: str) -> str:
    """Text of a docstring as Markdown."""
    text = re.sub(r":\w+:`[~.]*([^`]*)`", lambda m: f"`{m[1].rpartition('.')[2]}`", text)
    return text.replace("``", "`")


# -- blocks ----------------------------------------------------------------------------------------


def family_of(task_id: str) -> Any:
    """The package that a task is in, such as ``gaitway.tasks.manipulation.reach``."""
    import gymnasium as gym

    module = gym.spec(task_id).kwargs["env_cfg_entry_point"].partition(":")[0]
    return importlib.import_module(".".join(module.split(".")[:4]))


def families() -> dict[str, list[str]]:
    """Ids of tasks by the name of their family, arms and hands first."""
    from gaitway.tasks import task_ids

    found: dict[str, list[str]] = {}
    for task_id in sorted(
        task_ids(), key=lambda name: (family_of(name).__name__.split(".")[2] != "manipulation", name)
    ):
        found.setdefault(family_of(task_id).__name__.rpartition(".")[2], []).append(task_id)
    return found


def page_of(family: str, ids: Sequence[str]) -> str:
    """The page of a family: what its tasks are, what goes in and out, what is rewarded, what was learned."""
    package = family_of(ids[0])
    title = family.replace("_", " ").capitalize()
    parts = [
        f"# {title}",
        plain(" ".join((inspect.getdoc(package) or "").split())),
        f"This page is made by `docs/make_tables.py` from `{package.__name__}`. [All tasks](../tasks.md).",
    ]
    tasks = {task_id: Task(task_id) for task_id in ids}
    seen: dict[str, str] = {}
    for name, task in tasks.items():
        parts += [f"## {name}", task.info.summary]
        if (DOCS / IMAGES / f"{name}.png").exists():
            parts.append(f"![{name}](../{IMAGES}/{name}.png)")
        parts += [task.facts(), learned_section(name, task)]
        same: dict[str, list[str]] = {}
        for heading, text in task.sections():
            first = seen.setdefault(text, name)
            if first == name:
                parts.append(text)
            else:
                same.setdefault(first, []).append(heading)
        for first, titles in same.items():
            parts.append(f"As in [{first}](#{first.lower()}): {', '.join(titles)}.")
    return "\n\n".join(parts) + "\n"


def learned() -> dict[str, list[dict[str, Any]]]:
    """What was learned, by task."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in json.loads(LEARNED.read_text()) if LEARNED.exists() else []:
        found.setdefault(row["task"], []).append(row)
    return found


def share(judged: Mapping[str, Any] | None) -> str:
    """A share of successes with its interval."""
    if judged is None:
        return "-"
    low, high = 100 * judged["success_low"], 100 * judged["success_high"]
    return f"{100 * judged['success_rate']:.0f} % ({low:.0f} to {high:.0f})"


def is_met(judged: Mapping[str, Any], device: str, threshold: float) -> bool:
    """Whether a run, or several together, reached a task's threshold on the engine of their training."""
    return judged["mujoco_cpu" if device == "cpu" else "newton_mjwarp"]["success_rate"] >= threshold


def together(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Verdicts on several runs as one, on the engines that judged all of them."""
    from gaitway.runs.judge import wilson_interval

    found = {}
    for engine in rows[0]["judged"]:
        parts = [row["judged"].get(engine) for row in rows]
        if all(parts):
            episodes = sum(part["episodes"] for part in parts)
            successes = round(sum(part["episodes"] * part["success_rate"] for part in parts))
            low, high = wilson_interval(successes, episodes)
            found[engine] = {"success_rate": successes / episodes, "success_low": low, "success_high": high}
    return found


def learned_now(task: str) -> dict[str, list[dict[str, Any]]]:
    """Runs in a task as it is now, by agent; those in a task that overrides made another are left out."""
    from isaaclab_tasks.utils import resolve_task_config

    from gaitway.export.changes import fingerprint

    now = fingerprint(resolve_task_config(task, None, overrides=["physics=mujoco_cpu"])[0])
    found: dict[str, list[dict[str, Any]]] = {}
    for row in learned().get(task, []):
        if row["task_fingerprint"] == now:
            found.setdefault(row["agent"], []).append(row)
    return found


def is_teacher(task: str, agent: str) -> bool:
    """Whether an agent trains a teacher in a task, who sees what no robot can tell, and not the task's policy."""
    from gaitway.runs.teacher import DISTILLATION
    from gaitway.tasks import find_task

    return not agent.endswith(DISTILLATION) and any(one.endswith(DISTILLATION) for one in find_task(task).agents)


def learned_section(name: str, task: Task) -> str:
    """What runs of a task came to, as a table, and their curves."""
    cuda = next(iter(task.info.cuda))
    command = f"`uv run gaitway train --task {name} --agent {cuda} --device cuda:0`"
    if not (found := learned_now(name)):
        return f"**Learned.** Not trained yet. On a GPU: {command}."
    engines = ("mujoco_cpu", "newton_mjwarp", "ovphysx")
    header = ("Agent", "Seed", "Machine", "Environments", "Steps", "Minutes", "MuJoCo", "Newton", "PhysX", "Threshold")
    lines = []
    met_by = []
    for agent, rows in found.items():
        for row in rows:
            met = is_met(row["judged"], row["device"], task.info.threshold)
            lines.append(
                (
                    f"`{agent}`" + (", the teacher" if is_teacher(name, agent) else ""),
                    row["seed"],
                    machine_of(row),
                    row["num_envs"],
                    f"{row['steps']:,}",
                    num(round(row["minutes"], 1)),
                    *(share(row["judged"].get(engine)) for engine in engines),
                    "met" if met else "not met",
                )
            )
        judged = together(rows)
        met_by.append(not is_teacher(name, agent) and is_met(judged, rows[0]["device"], task.info.threshold))
        if len(rows) > 1:
            mean_steps, mean_minutes = (sum(row[key] for row in rows) / len(rows) for key in ("steps", "minutes"))
            lines.append(
                (
                    f"`{agent}`",
                    f"all {len(rows)}",
                    "",
                    "",
                    f"{round(mean_steps):,}",
                    num(round(mean_minutes, 1)),
                    *(share(judged.get(engine)) for engine in engines),
                    "met" if met_by[-1] else "not met",
                )
            )
    episodes = next(iter(rows[0]["judged"].values()))["episodes"]
    parts = [
        f"**Learned.** Judged in `-Play`, over {episodes} episodes a seed on each engine, with 95 % intervals. "
        "Minutes are of training; other work ran beside most of them, and the machines "
        "differ, so that steps compare better.",
        table(header, lines),
    ]
    if (DOCS / IMAGES / f"{name}-curve.png").exists():
        parts.append(f"![Success over training](../{IMAGES}/{name}-curve.png)")
    if not any(met_by):
        parts.append(f"On a GPU: {command}.")
    return "\n\n".join(parts)


def machine_of(row: dict[str, Any]) -> str:
    """What a run of ``learned.json`` was trained on."""
    if row["gpu"]:
        return row["gpu"]
    instructions = row.get("cpu_instructions")  # not kept at first
    return counted(row["cpu_cores"], "CPU core") + (f", {instructions}" if instructions else "")


def counted(number: int, word: str) -> str:
    """A number of things."""
    return f"{number} {word}" + ("" if number == 1 else "es" if word.endswith("x") else "s")


def learned_in_words(task: str, threshold: float) -> str:
    """Whether a task was learned on a CPU, and by how many seeds."""
    best = "not yet"
    for agent, rows in learned_now(task).items():
        rows = [row for row in rows if row["device"] == "cpu" and not is_teacher(task, agent)]
        met = sum(is_met(row["judged"], "cpu", threshold) for row in rows)
        if rows and is_met(together(rows), "cpu", threshold):
            return f"yes, by {met} of {counted(len(rows), 'seed')}"
        if rows:
            success = together(rows)["mujoco_cpu"]["success_rate"]
            best = f"not yet: {100 * success:.0f} % of {100 * threshold:.0f}"
    return best


def tasks_block() -> str:
    """Every task, in a line."""
    from gaitway.tasks import find_task

    rows = []
    for family, ids in families().items():
        for task_id in ids:
            info = find_task(task_id)
            rows.append(
                (
                    f"[{task_id}](tasks/{family}.md#{task_id.lower()})",
                    info.robot,
                    info.summary,
                    learned_in_words(task_id, info.threshold),
                )
            )
    return table(("Task", "Robot", "What it is to do", "Learned on a CPU"), rows)


def engines_block() -> str:
    """Every engine of every task, with what is set in it."""
    from isaaclab_tasks.utils import resolve_task_config
    from isaaclab_tasks.utils.preset_cli import enumerate_task_presets

    from gaitway.tasks import task_ids

    rows: dict[tuple[str, str], list[str]] = {}
    for task_id in task_ids():
        presets = {target.value: names for target, names in (enumerate_task_presets(task_id) or {}).items()}
        default, _ = resolve_task_config(task_id, None, overrides=[])
        for name in presets["physics"]:
            cfg, _ = resolve_task_config(task_id, None, overrides=[f"physics={name}"])
            mark = " (default)" if type(cfg.sim.physics) is type(default.sim.physics) else ""
            rows.setdefault((f"`{name}`{mark}", settings(cfg.sim.physics)), []).append(task_id)
    ordered = sorted(rows.items(), key=lambda item: ("default" not in item[0][0], item[0][0], item[1]))
    header = ("`physics=`", "Tasks", "What differs from Isaac Lab's defaults")
    return table(header, [(name, ", ".join(ids), text) for (name, text), ids in ordered])


def settings(cfg: Any) -> str:
    """The fields of an engine's config that are not at their defaults."""
    found = []
    for node in (cfg, getattr(cfg, "solver_cfg", None)):
        if node is None:
            continue
        default = type(node)()
        for field in dataclasses.fields(node):
            value = getattr(node, field.name)
            plain = isinstance(value, int | float | str)
            if field.name not in PHYSICS_FIELDS and plain and value != getattr(default, field.name):
                found.append(f"`{field.name}={num(value) if isinstance(value, float) else value}`")
    return ", ".join(found) or "nothing"


def robots() -> list[tuple[str, Any, Any]]:
    """Every robot of ours: name of its config, config, asset."""
    from isaaclab.assets import ArticulationCfg

    from gaitway import robots as package

    found = []
    for module_info in pkgutil.iter_modules(package.__path__, "gaitway.robots."):
        module = importlib.import_module(module_info.name)
        for name, value in vars(module).items():
            if isinstance(value, ArticulationCfg) and getattr(value.spawn, "asset", ""):
                found.append((f"{module_info.name}.{name}", value, pkgutil.resolve_name(value.spawn.asset)))
    return found


def robots_block() -> str:
    """Every robot, and its joints."""
    rows, parts = [], []
    for path, cfg, asset in robots():
        root = asset.load().getroot()
        moving = [j for j in root.findall("joint") if j.get("type") in ("revolute", "continuous", "prismatic")]
        bodies = [link for link in root.findall("link") if link.find("inertial") is not None]
        mass = sum(float(link.find("inertial/mass").get("value")) for link in bodies)
        nv = len(moving) + (6 if asset.floating_base else 0)
        base = "floating" if asset.floating_base else "fixed"
        weight = f"{mass:.2f} kg"
        where = asset.urdf if not Path(asset.urdf).is_absolute() else f"gaitway/robots/data/{Path(asset.urdf).name}"
        rows.append((asset.name, f"`{path}`", f"`{where}`", base, len(moving), nv, len(bodies), weight))
        if moving:
            parts += [f"### {asset.name}", joints_table(cfg, {j.get("name"): j for j in moving})]
    header = ("Robot", "Config", "Description", "Base", "Joints", "nv", "Bodies", "Mass")
    return "\n\n".join([table(header, rows), *parts])


def joints_table(cfg: Any, urdf: Mapping[str, Any]) -> str:
    """What drives each joint; joints with the same numbers share a row."""

    def of(value: Any, name: str) -> float:
        if isinstance(value, Mapping):
            value = next((v for pattern, v in value.items() if re.fullmatch(pattern, name)), None)
        return value or 0.0

    rows: dict[tuple, list[str]] = {}
    for name in cfg.joint_ordering:
        actuator = next(a for a in cfg.actuators.values() if matching(a.joint_names_expr, [name]))
        limit = urdf[name].find("limit")
        line, turn = ("m", "N") if urdf[name].get("type") == "prismatic" else ("rad", "N·m")
        row = (
            f"{num(of(cfg.init_state.joint_pos, name))} {line}",
            span((float(limit.get("lower")), float(limit.get("upper"))), line),
            f"{num(of(actuator.stiffness, name))} {turn}/{line}",
            f"{num(of(actuator.damping, name))} {turn}·s/{line}",
            f"{num(of(actuator.armature, name))} {'kg' if line == 'm' else 'kg·m²'}",
            f"{num(of(actuator.joint_effort_limit, name))} {turn}",
            f"{num(of(actuator.joint_velocity_limit, name))} {line}/s",
        )
        rows.setdefault(row, []).append(name)
    header = ("Joints", "Default", "Limits", "Stiffness", "Damping", "Armature", "Effort limit", "Velocity limit")
    return table(header, [(", ".join(f"`{name}`" for name in names), *row) for row, names in rows.items()])


def dimensions(kind: str, size: Sequence[float]) -> str:
    """The size of a primitive as a person would write it."""
    if kind == "box":
        return " × ".join(  # noqa: RUF001
            f"{2 * half:.0f}" for half in sorted(size, reverse=True)
        )
    length = f", length {2 * (size[0] + size[1]):.0f}" if kind == "capsule" else ""
    return f"radius {size[0]:.1f}{length}"


def primitives_block() -> str:
    """The primitives that stand for each robot's collision meshes, with the errors of their fits."""
    parts = []
    for _, _, asset in robots():
        info = json.loads((asset.usd_path().parent / "asset.json").read_text())
        rows: dict[tuple, list[str]] = {}
        for link, shapes in info["primitives"].items():
            for shape in shapes:
                errors = [
                    shape[f"{which}_{how}_mm"] for which in ("sticks_out", "falls_short") for how in ("max", "rms")
                ]
                row = (
                    shape["kind"],
                    dimensions(shape["kind"], shape["size_mm"]),
                    *(f"{error:.1f}" for error in errors),
                )
                rows.setdefault(row, []).append(link)
        header = ("Links", "Primitive", "Size", "Sticks out: max", "rms", "Falls short: max", "rms")
        lines = [(", ".join(f"`{link}`" for link in links), *row) for row, links in rows.items()]
        parts += [f"**{asset.name}**", *([table(header, lines)] if lines else [])]
        kept, bare = [], []
        for link in asset.load().getroot().findall("link"):
            shapes = [collision.find("geometry")[0].tag for collision in link.findall("collision")]
            if own := Counter(shape for shape in shapes if shape != "mesh"):
                counts = (counted(count, shape) for shape, count in own.items())
                kept.append(f"`{link.get('name')}` ({', '.join(counts)})")
            if not shapes and link.find("inertial") is not None:
                bare.append(f"`{link.get('name')}`")
        if kept:
            parts.append(f"Primitives of the URDF, taken as they are: {', '.join(kept)}.")
        if bare:
            parts.append(f"No collision shape in the URDF, and none here: {', '.join(bare)}.")
    return "\n\n".join(parts)


BLOCKS: dict[str, tuple[str, Callable[[], str]]] = {
    # block: the page it is in, and what makes it
    "tasks": ("tasks.md", tasks_block),
    "engines": ("tasks.md", engines_block),
    "robots": ("robots.md", robots_block),
    "primitives": ("robots.md", primitives_block),
}


def replaced(text: str, name: str, content: str) -> str:
    """A page with one of its blocks replaced.

    Raises:
        ValueError: The page has no such block.
    """
    begin = BEGIN.format(name)
    head, found, rest = text.partition(begin)
    _, closed, tail = rest.partition(END)
    if not found or not closed:
        raise ValueError(f"has no block from '{begin}' to '{END}'")
    return f"{head}{begin}\n\n{content}\n\n{END}{tail}"


def main() -> int:
    """Run the command line; return its exit status."""
    parser = argparse.ArgumentParser(description="Tables of the documentation, from the configs they describe.")
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument("--check", action="store_true", help="exit with status 1 when a table is stale")
    mode.add_argument("--write", action="store_true", help="rewrite the stale tables")
    options = parser.parse_args()

    from gaitway.cli.terminal import library_output_to

    stale = []
    try:
        for name, (page, make) in BLOCKS.items():
            with library_output_to(Path(os.devnull), as_json=False):
                content = make()
            path = DOCS / page
            text = path.read_text(encoding="utf-8")
            new = replaced(text, name, content)
            if new != text:
                stale.append(f"docs/{page}: {name}")
                if options.write:
                    path.write_text(new, encoding="utf-8")
        pages = {}
        with library_output_to(Path(os.devnull), as_json=False):
            for family, ids in families().items():
                pages[DOCS / "tasks" / f"{family}.md"] = page_of(family, ids)
        for path, content in pages.items():
            if not path.exists() or path.read_text(encoding="utf-8") != content:
                stale.append(f"docs/tasks/{path.name}")
                if options.write:
                    path.parent.mkdir(exist_ok=True)
                    path.write_text(content, encoding="utf-8")
        for path in sorted((DOCS / "tasks").glob("*.md")):
            if path not in pages:
                stale.append(f"docs/tasks/{path.name}, which no family has")
                if options.write:
                    path.unlink()
    except (UnknownTermError, ValueError, OSError) as error:
        print(f"make_tables: {error}", file=sys.stderr)
        return 2
    for line in stale:
        print(f"{'written' if options.write else 'stale'}: {line}")
    if stale and options.check:
        print("Run: uv run python docs/make_tables.py --write")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

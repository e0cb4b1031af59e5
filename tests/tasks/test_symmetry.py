"""The mirror of left and right: by hand, and against the physics of a robot that does what its mirror image does."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import gymnasium as gym
import pytest
import torch
from isaaclab.managers import SceneEntityCfg
from isaaclab.sensors import patterns
from tensordict import TensorDict

from gaitway.robots import anymal_c, g1
from gaitway.robots.go2 import JOINT_NAMES
from gaitway.tasks.locomotion.velocity import symmetry
from gaitway.tasks.locomotion.velocity.symmetry import mirror_left_right

FEET = ["base", "FL_foot", "FR_foot", "RL_foot", "RR_foot"]
LEG = torch.tensor([1.0, 2.0, 3.0])
LEGS = torch.cat([LEG, 10.0 * LEG, 100.0 * LEG, 1000.0 * LEG])
# Hip, thigh and calf of the other side, with the hip the other way round.
OTHER_LEGS = torch.tensor(
    [-10.0, 20.0, 30.0, -1.0, 2.0, 3.0, -1000.0, 2000.0, 3000.0, -100.0, 200.0, 300.0],
)
POLICY = {
    # name: before the mirror, in the mirror
    "base_lin_vel": ([1.0, 2.0, 3.0], [1.0, -2.0, 3.0]),
    "base_ang_vel": ([1.0, 2.0, 3.0], [-1.0, 2.0, -3.0]),
    "projected_gravity": ([0.1, 0.2, -0.9], [0.1, -0.2, -0.9]),
    "velocity_commands": ([0.5, 0.6, 0.7], [0.5, -0.6, -0.7]),
    "joint_pos": (LEGS, OTHER_LEGS),
    "joint_vel": (-LEGS, -OTHER_LEGS),
    "actions": (2.0 * LEGS, 2.0 * OTHER_LEGS),
}
CRITIC = {
    **POLICY,
    "base_height": ([0.3], [0.3]),
    "foot_contacts": ([1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0]),
}
TEACHER = {
    **CRITIC,
    "foot_friction": ([0.1, 0.2, 0.3, 0.4], [0.2, 0.1, 0.4, 0.3]),
    "base_mass": ([7.0], [7.0]),
    "motor_stiffness": (LEGS, OTHER_LEGS.abs()),
    "motor_damping": (LEGS, OTHER_LEGS.abs()),
    "motor_strength": (LEGS, OTHER_LEGS.abs()),
    "motor_delay": ([0.01], [0.01]),
}
# Two rows of three rays, first those on the right: y = -0.1 and 0.1, x = -0.1, 0 and 0.1. And the other way round.
SCAN = ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [4.0, 5.0, 6.0, 1.0, 2.0, 3.0])
SCAN_YX = ([1.0, 4.0, 2.0, 5.0, 3.0, 6.0], [4.0, 1.0, 5.0, 2.0, 6.0, 3.0])


def row(terms: dict[str, Any], side: int) -> torch.Tensor:
    """All terms in one row. Shape is (1, elements)."""
    return torch.cat([torch.as_tensor(values[side]) for values in terms.values()])[None]


class FakeEnv:
    """Just enough of an environment to be mirrored."""

    def __init__(
        self,
        groups: dict[str, dict[str, Any]],
        joints: Any = JOINT_NAMES,
        bodies: Any = FEET,
        history: int = 0,
        **scanner: Any,
    ):
        self.device = "cpu"
        feet = list(range(1, len(bodies)))
        params = {
            "foot_contacts": {"sensor_cfg": SceneEntityCfg("contact_forces", body_ids=feet)},
            "height_scan": {"sensor_cfg": SceneEntityCfg("height_scanner")},
            "foot_friction": {"asset_cfg": SceneEntityCfg("robot", body_ids=feet)},
        }
        self.observation_manager = SimpleNamespace(
            active_terms={group: list(terms) for group, terms in groups.items()},
            group_obs_term_dim={group: [(len(v[0]),) for v in terms.values()] for group, terms in groups.items()},
            group_obs_concatenate=dict.fromkeys(groups, True),
            _group_obs_term_cfgs={
                group: [SimpleNamespace(params=params.get(name, {}), history_length=history) for name in terms]
                for group, terms in groups.items()
            },
        )
        self.action_manager = SimpleNamespace(
            active_terms=["joint_pos"], get_term=lambda name: SimpleNamespace(_joint_names=list(joints))
        )
        grid = patterns.GridPatternCfg(resolution=0.1, size=(0.2, 0.1), ordering=scanner.get("ordering", "xy"))
        cfg = SimpleNamespace(
            pattern_cfg=grid,
            offset=SimpleNamespace(pos=scanner.get("offset", (0.3, 0.0, 20.0))),
            ray_alignment=scanner.get("ray_alignment", "yaw"),
        )

        class Scene(dict):
            sensors = {
                "contact_forces": SimpleNamespace(body_names=bodies),
                "height_scanner": SimpleNamespace(cfg=cfg),
            }

        self.scene = Scene(robot=SimpleNamespace(joint_names=list(joints), body_names=bodies))

    @property
    def unwrapped(self) -> FakeEnv:
        return self


# -- by hand ----------------------------------------------------------------------------------------


def test_a_mirror_image_is_that_worked_out_by_hand() -> None:
    rough = {"policy": {**POLICY, "height_scan": SCAN}, "critic": {**CRITIC, "height_scan": SCAN}, "teacher": TEACHER}
    obs = TensorDict({group: row(terms, 0) for group, terms in rough.items()}, batch_size=[1])
    both, actions = mirror_left_right(FakeEnv(rough), obs, LEGS[None])
    assert both is not None
    assert actions is not None
    assert both.batch_size == (2,)
    for group, terms in rough.items():
        torch.testing.assert_close(both[group], torch.cat([row(terms, 0), row(terms, 1)]))
    torch.testing.assert_close(actions, torch.stack([LEGS, OTHER_LEGS]))


def test_each_frame_of_a_history_is_mirrored_by_itself() -> None:
    frames = [torch.as_tensor(POLICY["base_ang_vel"][0]) * k for k in (1.0, 10.0, 100.0)]
    obs = TensorDict({"policy": torch.cat(frames)[None]}, batch_size=[1])
    env = FakeEnv({"policy": {"base_ang_vel": (torch.cat(frames), None)}}, history=3)
    both, _ = mirror_left_right(env, obs, None)
    assert both is not None
    assert both["policy"][1].tolist() == [-1.0, 2.0, -3.0, -10.0, 20.0, -30.0, -100.0, 200.0, -300.0]


def test_rays_may_come_in_another_order() -> None:
    groups = {"policy": {"height_scan": SCAN_YX}}
    obs = TensorDict({"policy": row(groups["policy"], 0)}, batch_size=[1])
    both, _ = mirror_left_right(FakeEnv(groups, ordering="yx"), obs, None)
    assert both is not None
    torch.testing.assert_close(both["policy"][1:], row(groups["policy"], 1))


def test_originals_come_first_and_are_left_alone() -> None:
    env = FakeEnv({"policy": POLICY})
    obs = TensorDict({"policy": torch.randn(5, 48)}, batch_size=[5])
    before, actions = obs.clone(), torch.randn(5, 12)
    both, both_actions = mirror_left_right(env, obs, actions)
    assert both is not None
    assert both_actions is not None
    assert torch.equal(both["policy"][:5], before["policy"])
    assert torch.equal(both_actions[:5], actions)
    assert torch.equal(obs["policy"], before["policy"])
    # Row by row, and not a copy of the originals.
    one, _ = mirror_left_right(env, obs[3:4], None)
    assert one is not None
    assert torch.equal(one["policy"][1], both["policy"][8])
    assert not torch.equal(both["policy"][5:], before["policy"])


def test_what_is_not_given_is_not_made() -> None:
    env = FakeEnv({"policy": POLICY})
    obs = TensorDict({"policy": row(POLICY, 0)}, batch_size=[1])
    assert mirror_left_right(env, obs, None)[1] is None
    assert mirror_left_right(env, None, LEGS[None])[0] is None
    assert mirror_left_right(env, None, None) == (None, None)


def test_it_is_worked_out_once_for_an_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    env = FakeEnv({"policy": POLICY})
    mirror_left_right(env, None, LEGS[None])
    monkeypatch.setattr(symmetry, "_make_mirrors", None)
    mirror_left_right(env, None, LEGS[None])
    with pytest.raises(TypeError):
        mirror_left_right(FakeEnv({"policy": POLICY}), None, LEGS[None])


def test_the_legs_of_anymal_c_are_swapped_as_those_of_go2() -> None:
    feet = ["base", "LF_FOOT", "RF_FOOT", "LH_FOOT", "RH_FOOT"]
    obs = TensorDict({"policy": row(TEACHER, 0)}, batch_size=[1])
    both, actions = mirror_left_right(FakeEnv({"policy": TEACHER}, anymal_c.JOINT_NAMES, feet), obs, LEGS[None])
    assert both is not None
    assert actions is not None
    torch.testing.assert_close(both["policy"][1:], row(TEACHER, 1))
    torch.testing.assert_close(actions[1], OTHER_LEGS)


def test_arms_and_legs_of_g1_are_swapped_and_its_waist_is_turned_round() -> None:
    """Joints are numbered in their order. What turns about x or z is negative in the mirror, what turns about y not."""
    joints = torch.arange(1.0, 30.0)
    # Hip: pitch, roll, yaw; knee; ankle: pitch, roll. Waist: yaw, roll, pitch. Shoulder: pitch, roll, yaw; elbow;
    # wrist: roll, pitch, yaw.
    other = [7.0, -8.0, -9.0, 10.0, 11.0, -12.0, 1.0, -2.0, -3.0, 4.0, 5.0, -6.0, -13.0, -14.0, 15.0]
    other += [23.0, -24.0, -25.0, 26.0, -27.0, 28.0, -29.0, 16.0, -17.0, -18.0, 19.0, -20.0, 21.0, -22.0]
    terms = {
        "joint_vel": (joints, torch.tensor(other)),
        "motor_strength": (joints, torch.tensor(other).abs()),
        # Its feet are on links that are named after a joint about x; a contact has no sign all the same.
        "foot_contacts": ([1.0, 0.0], [0.0, 1.0]),
    }
    env = FakeEnv({"policy": terms}, g1.JOINT_NAMES, ["pelvis", "left_ankle_roll_link", "right_ankle_roll_link"])
    both, actions = mirror_left_right(env, TensorDict({"policy": row(terms, 0)}, batch_size=[1]), joints[None])
    assert both is not None
    assert actions is not None
    torch.testing.assert_close(both["policy"][1:], row(terms, 1))
    assert actions[1].tolist() == other


# -- what has no mirror image -----------------------------------------------------------------------


def refuse(env: FakeEnv, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        mirror_left_right(env, None, LEGS[None])


def test_an_unknown_term_is_refused_by_name() -> None:
    refuse(FakeEnv({"policy": {**POLICY, "gait_phase": ([0.0], [0.0])}}), "'gait_phase'")


def test_a_term_of_another_width_is_refused_by_name() -> None:
    refuse(FakeEnv({"policy": {**POLICY, "base_height": ([0.3] * 4, [0.3] * 4)}}), "'base_height' has 4 elements; 1")


def test_a_leg_with_no_counterpart_is_refused_by_name() -> None:
    refuse(FakeEnv({"policy": {}}, joints=[*JOINT_NAMES, "waist_joint"]), "'joint_pos'.*'waist_joint'")


@pytest.mark.parametrize("scanner", [{"offset": (0.0, 0.05, 20.0)}, {"ray_alignment": "world"}], ids=str)
def test_rays_that_differ_left_and_right_are_refused_by_name(scanner: dict[str, Any]) -> None:
    refuse(FakeEnv({"policy": {"height_scan": SCAN}}, **scanner), "'height_scan'")


def test_a_group_in_pieces_is_refused_by_name() -> None:
    env = FakeEnv({"policy": POLICY})
    env.observation_manager.group_obs_concatenate["policy"] = False
    refuse(env, "'policy'")


# -- with a robot -----------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["Go2", "AnymalC", "G1"])
def env(request, open_env) -> Iterator[gym.Env]:
    with open_env(f"Gaitway-Velocity-Flat-{request.param}-Play", "mujoco_cpu", 2) as made:
        made.reset()
        yield made


def test_twice_in_the_mirror_is_as_before(env: gym.Env) -> None:
    groups = {name: torch.randn(4, *dim) for name, dim in env.unwrapped.observation_manager.group_obs_dim.items()}
    obs, actions = TensorDict(groups, batch_size=[4]), torch.randn(4, env.unwrapped.action_manager.total_action_dim)
    once, once_actions = mirror_left_right(env, obs, actions)
    assert once is not None
    assert once_actions is not None
    twice, twice_actions = mirror_left_right(env, once[4:], once_actions[4:])
    assert twice is not None
    assert twice_actions is not None
    assert set(groups) == {"policy", "critic"}
    assert all(torch.equal(twice[name][4:], values) for name, values in groups.items())
    assert torch.equal(twice_actions[4:], actions)


def test_a_robot_that_does_what_its_mirror_image_does_is_its_mirror_image(env: gym.Env) -> None:
    unwrapped = env.unwrapped
    robot, device = unwrapped.scene["robot"], unwrapped.device
    generator = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> torch.Tensor:
        return (2.0 * torch.rand(*shape, generator=generator) - 1.0).to(device)

    # One robot tilted, in motion and with bent legs; another opposite.
    default = robot.data.default_joint_pos.torch[:1]
    joints, height = default.shape[1], float(robot.data.default_root_pose.torch[0, 2]) - 0.01
    joint_pos = mirror_left_right(env, None, default + 0.2 * draw(1, joints))[1]
    joint_vel = mirror_left_right(env, None, draw(1, joints))[1]
    tilt = torch.tensor([0.1, -0.15, 0.2])
    quat = torch.cat([tilt, (1.0 - tilt.square().sum()).sqrt()[None]]).to(device)
    pose = torch.cat([unwrapped.scene.env_origins, torch.stack([quat, quat])], dim=-1)
    pose[:, 2] += height
    pose[1, [3, 5]] *= -1.0
    velocity = draw(1, 6).repeat(2, 1)
    velocity[1, [1, 3, 5]] *= -1.0
    robot.write_root_link_pose_to_sim_index(root_pose=pose)
    robot.write_root_link_velocity_to_sim_index(root_velocity=velocity)
    robot.write_joint_position_to_sim_index(position=joint_pos)
    robot.write_joint_velocity_to_sim_index(velocity=joint_vel)
    command = unwrapped.command_manager.get_term("base_velocity")
    command.is_heading_env[:] = False
    command.is_standing_env[:] = False
    command.vel_command_b[:] = torch.tensor([[0.5, 0.3, 0.7], [0.5, -0.3, -0.7]], device=device)
    for _ in range(10):
        obs, *_ = env.step(mirror_left_right(env, None, draw(1, joints))[1])
    both, _ = mirror_left_right(env, TensorDict({k: v[:1] for k, v in obs.items()}, batch_size=[1]), None)
    assert both is not None
    assert unwrapped.episode_length_buf.tolist() == [10, 10]
    for name, values in obs.items():
        torch.testing.assert_close(values[1], both[name][1], atol=0.02, rtol=0.02)
        assert (values[0] - values[1]).abs().max() > 1.0

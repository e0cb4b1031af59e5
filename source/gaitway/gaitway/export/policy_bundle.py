"""All files of a bundle, from a policy and the environment it was trained in."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from gaitway.errors import UsageError
from gaitway.robots.assets import RobotAsset
from gaitway.robots.spawn import RobotFileCfg, robot_asset
from gaitway.runs.judge import Verdict, judge
from gaitway.runs.policy import Policy
from gaitway_deploy.contract import canonical_json
from gaitway_deploy.npz import pack_npz

from .card import describe_events, write_card
from .contract import MODEL, describe_contract
from .description import robot_files
from .onnx import export_onnx
from .recording import record_episode


@dataclass(frozen=True)
class Export:
    """A policy on its way out."""

    files: dict[str, bytes]
    """The bundle's files by name."""
    contract: dict[str, Any]
    onnx_difference: float
    """Largest difference of ONNX from torch, relative to the larger of 1 and the action."""
    verdict: Verdict | None
    """How it did; None where it was not judged."""
    recorded_steps: int


def asset_of(env_cfg: Any) -> RobotAsset:
    """The description of an environment's robot, with the colliders that it is simulated with.

    Raises:
        UsageError: The robot does not come from a URDF.
    """
    spawn = env_cfg.scene.robot.spawn
    if not isinstance(spawn, RobotFileCfg):
        raise UsageError(
            f"The robot is spawned by {type(spawn).__name__} and has no URDF that a bundle could carry; describe it "
            "by gaitway.robots.spawn.RobotFileCfg."
        )
    return robot_asset(spawn)


def export_policy(
    env: Any,
    policy: Policy,
    observations: torch.Tensor,
    train_cfg: Any,
    info: Any,
    made_by: dict[str, Any],
    training: dict[str, Any],
    episodes: int = 0,
) -> Export:
    """Make the files of a bundle.

    Args:
        env: The Gymnasium environment of the task's ``-Play`` variant, without randomisation, noise and delay.
        policy: The policy.
        observations: What it saw in training. Shape is (n, observations).
        train_cfg: Config of the environment that it was trained in.
        info: The task as registered.
        made_by: Where it comes from, as the contract has it.
        training: What the model card says of its training; see :func:`~gaitway.export.card.write_card`.
        episodes: How many to judge it over; 0 for none.

    Raises:
        UsageError: The task or the policy cannot be exported; the message says why.
    """
    world = env.unwrapped
    asset = asset_of(world.cfg)
    contract = describe_contract(world, policy, train_cfg, asset, info, made_by)
    acting = copy.deepcopy(policy).to(world.device)
    # Resets in inference mode, too: what was made in it may not be changed outside.
    with torch.inference_mode():
        # First, so that it does not depend on how many episodes are judged.
        episode = record_episode(env, acting, contract)
        verdict = judge(env, acting, episodes) if episodes else None
    model, selftest, difference = export_onnx(policy.cpu(), observations, contract)
    judged = None if verdict is None else {**vars(verdict), "engine": made_by["engine"]}
    card = write_card(contract, describe_events(train_cfg), training, judged, {"onnx": difference})
    files = {
        "contract.json": canonical_json(contract),
        MODEL: model,
        "selftest.npz": pack_npz(selftest),
        "episode.npz": pack_npz(episode),
        "MODEL_CARD.md": card.encode("utf-8"),
        **robot_files(asset),
    }
    return Export(files, contract, difference, verdict, len(np.atleast_1d(episode["time"])))

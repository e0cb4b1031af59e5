"""Whether a bundle's policy answers as it did in training, through the code that runs on the robot."""

from __future__ import annotations

import numpy as np

from .actions import ActionDecoder
from .bundle import EPISODE, SELFTEST, Bundle, Verification
from .errors import BundleError
from .observations import ObservationBuilder
from .policy import Policy

SELFTEST_TOLERANCE = 1e-5
"""Allowed difference of an action in the self-test."""
OBS_TOLERANCE = 1e-4
"""Allowed difference of an observation, relative to the larger of 1 and its size: training computes in float32."""
ACTION_TOLERANCE = 1e-4
"""As that, of an action over the episode, where a memory carries differences from step to step."""
TARGET_TOLERANCE = 1e-5
"""As that, of a joint target."""


def verify_bundle(bundle: Bundle) -> Verification:
    """Run the self-test and the episode of an opened bundle.

    Raises:
        BundleError: An action, an observation or a target is not the recorded one; the message says which and when.
    """
    policy = Policy(bundle)
    selftest = _selftest(policy)
    observations, actions, targets = _episode(policy)
    size = sum(map(len, bundle.files.values()))
    return Verification(len(bundle.files), size, selftest, observations, actions, targets)


def _selftest(policy: Policy) -> float:
    arrays, spec = policy.bundle.npz(SELFTEST), policy.contract.policy
    worst = 0.0
    for i, obs in enumerate(arrays["obs"]):
        actions, state = policy(obs, tuple(arrays[f"in_{item.input}"][i] for item in spec.state))
        found = {"actions": actions, **{f"out_{item.output}": value for item, value in zip(spec.state, state)}}
        for name, value in found.items():
            recorded = arrays[name][i]
            # Numbers of float32, which another processor rounds otherwise.
            difference = float((np.abs(value - recorded) / np.maximum(np.abs(recorded), 1.0)).max())
            if not difference <= SELFTEST_TOLERANCE:
                raise BundleError(
                    f"{SELFTEST}: the policy's answer to observation {i} differs by {difference:.1e} in '{name}' (at "
                    f"most {SELFTEST_TOLERANCE:g} is allowed): {spec.file} is not the one that was exported. "
                    "Export it anew."
                )
            worst = max(worst, difference)
    return worst


def _episode(policy: Policy) -> tuple[float, float, float]:
    contract, episode = policy.contract, policy.bundle.episode()
    builder, decoder, state = ObservationBuilder(contract), ActionDecoder(contract), policy.initial_state()
    worst = [0.0, 0.0, 0.0]
    for step in range(len(episode)):
        built = builder.build(episode.state(step), episode.commands_at(step))
        actions, state = policy(episode.obs[step], state)
        targets = decoder.decode(episode.actions[step], episode.joint_pos[step])
        builder.set_last_action(episode.actions[step])
        pairs = (
            (built, episode.obs[step], OBS_TOLERANCE),
            (actions, episode.actions[step], ACTION_TOLERANCE),
            (targets, episode.targets[step], TARGET_TOLERANCE),
        )
        for i, (found, recorded, tolerance) in enumerate(pairs):
            difference = np.abs(found.astype(np.float64) - recorded)
            relative = difference / np.maximum(np.abs(recorded), 1.0)
            if not relative.max() <= tolerance:
                where = int(np.argmax(relative))
                raise BundleError(
                    f"{EPISODE}: {_place(policy, i, where)} at {episode.time[step]:.3f} s (step {step}) is "
                    f"{found[where]:g}, recorded was {recorded[where]:g}: contract and recording are not of one "
                    "export. Export it anew."
                )
            worst[i] = max(worst[i], float(difference.max()))
    return worst[0], worst[1], worst[2]


def _place(policy: Policy, kind: int, index: int) -> str:
    """What a number of the observation, the action or the targets is."""
    contract = policy.contract
    if kind == 0:
        term = next(term for term in contract.observations if index < term.stop)
        return f"the observation '{term.name}' [{index - term.start}]"
    if kind == 1:
        action = next(action for action in contract.actions if index < action.stop)
        return f"the action '{action.name}' [{index - action.start}]"
    return f"the target of joint '{contract.joint_names[index]}'"

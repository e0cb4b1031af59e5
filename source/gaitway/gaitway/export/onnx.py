"""A policy as ONNX, checked against the torch module it comes from."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gaitway.errors import UsageError
from gaitway.runs.policy import Policy

OPSET = 18
TOLERANCE = 1.0e-5
"""Largest difference of an answer from torch's, relative to the larger of 1 and its size."""
PAIRS = 256
"""Observations and actions of a self-test."""


def export_onnx(
    policy: Policy, obs: torch.Tensor, contract: dict[str, Any]
) -> tuple[bytes, dict[str, np.ndarray], float]:
    """Turn a policy into ONNX and compare it, run by onnxruntime, with the torch module.

    Args:
        policy: The policy, on the CPU.
        obs: Observations from training, on which the two are compared; at least one. Shape is (n, observations).
        contract: Its contract; also goes into the file.

    Returns:
        The file, the arrays of ``selftest.npz`` (:data:`PAIRS` observations and what onnxruntime answered, with what
        it remembered before and after), and the largest difference from torch's answers.

    Raises:
        UsageError: The difference is above :data:`TOLERANCE`, or the observations are of another policy.
    """
    size = sum(term["width"] * term["history"]["length"] for term in contract["observations"])
    if obs.shape[1] != size:
        raise UsageError(
            f"The checkpoint holds observations of {obs.shape[1]} numbers, and the task now has {size}: the task was "
            "changed after training. Train it anew."
        )
    # Repeated where training kept fewer.
    obs = obs[torch.arange(PAIRS) % len(obs)].float().contiguous()
    states = _states(policy, obs)
    model = _convert(policy, obs[:1], [state[0] for state in states], contract)
    arrays = _answers(model, obs, states, contract)
    difference = _difference(policy, obs, states, arrays)
    if not difference <= TOLERANCE:
        raise UsageError(
            f"The exported policy differs from the trained one by {difference:.1e} (at most {TOLERANCE:g} is allowed); "
            "nothing was written. Is the training healthy? Look at the run's curves."
        )
    return model, arrays, difference


def _convert(policy: Policy, obs: torch.Tensor, state: list[torch.Tensor], contract: dict[str, Any]) -> bytes:
    import onnx

    spec = contract["policy"]
    inputs = [spec["input"], *(item["input"] for item in spec["state"])]
    outputs = [spec["output"], *(item["output"] for item in spec["state"])]
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / spec["file"]
        torch.onnx.export(
            policy,
            (obs, *state),
            str(file),
            opset_version=OPSET,
            input_names=inputs,
            output_names=outputs,
            # A memory is of one robot.
            dynamic_axes=None if state else {spec["input"]: {0: "n"}, spec["output"]: {0: "n"}},
            dynamo=False,
        )
        model = onnx.load(file)
    metadata = json.dumps(contract, sort_keys=True, separators=(",", ":"), allow_nan=False)
    onnx.helper.set_model_props(model, {"gaitway.contract": metadata})
    onnx.checker.check_model(model)
    return model.SerializeToString(deterministic=True)


def _states(policy: Policy, obs: torch.Tensor) -> list[torch.Tensor]:
    """What the policy remembers before each observation: nothing at first, then what it saw in the ones before.

    Returns:
        Of each part of its memory, for one robot at a time. Shape is (n, layers, 1, hidden).
    """
    if not policy.state:
        return []
    memory = [torch.zeros(item["shape"]) for item in policy.state]
    before: list[list[torch.Tensor]] = [[] for _ in memory]
    with torch.no_grad():
        for row in obs:
            for kept, now in zip(before, memory, strict=True):
                kept.append(now)
            _, *memory = policy(row[None], *memory)
    return [torch.stack(kept) for kept in before]


def _answers(
    model: bytes, obs: torch.Tensor, states: list[torch.Tensor], contract: dict[str, Any]
) -> dict[str, np.ndarray]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    # As on the robot: one at a time, on one thread.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    spec = contract["policy"]
    outputs = [spec["output"], *(item["output"] for item in spec["state"])]
    rows = []
    for i, row in enumerate(obs.numpy()):
        feeds = {spec["input"]: row[None]}
        feeds |= {item["input"]: state[i].numpy() for item, state in zip(spec["state"], states, strict=True)}
        rows.append(session.run(outputs, feeds))
    actions, *after = (np.stack(column) for column in zip(*rows, strict=True))
    arrays = {"obs": obs.numpy(), "actions": actions[:, 0]}
    for item, state, new in zip(spec["state"], states, after, strict=True):
        arrays[f"in_{item['input']}"] = state.numpy()
        arrays[f"out_{item['output']}"] = new
    return arrays


def _difference(policy: Policy, obs: torch.Tensor, states: list[torch.Tensor], arrays: dict[str, np.ndarray]) -> float:
    with torch.no_grad():
        if states:
            rows = [policy(row[None], *(state[i] for state in states))[0][0] for i, row in enumerate(obs)]
            expected = torch.stack(rows).numpy()
        else:
            expected = policy(obs).numpy()
    return float((np.abs(arrays["actions"] - expected) / np.maximum(np.abs(expected), 1.0)).max())

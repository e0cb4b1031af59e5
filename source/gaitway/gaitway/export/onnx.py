"""A policy as ONNX, checked against the torch module it comes from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from gaitway.errors import UsageError

OPSET = 18
TOLERANCE = 1.0e-5


def export_onnx(
    policy: nn.Module, obs: torch.Tensor, interface: dict[str, Any], path: Path, metadata: dict[str, str]
) -> float:
    """Write a policy and compare it, run by onnxruntime, with the torch module.

    Args:
        policy: From observations (n, observations) to actions (n, actions), on the CPU.
        obs: Observations from training, on which the two are compared. Shape is (n, observations).
        interface: What goes in and comes out; it also goes into the file.
        path: The file to write.
        metadata: More to be read from the file.

    Returns:
        Largest difference of an action over the observations.

    Raises:
        UsageError: The difference is above 1e-5; nothing is left behind.
    """
    import onnx
    import onnxruntime

    torch.onnx.export(
        policy,
        (obs[:1],),
        str(path),
        opset_version=OPSET,
        input_names=["obs"],
        output_names=["actions"],
        dynamic_axes={"obs": {0: "n"}, "actions": {0: "n"}},
        dynamo=False,
    )
    model = onnx.load(path)
    onnx.helper.set_model_props(model, {"gaitway.interface": json.dumps(interface), **metadata})
    onnx.checker.check_model(model)
    onnx.save(model, path)

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    (actions,) = session.run(["actions"], {"obs": obs.numpy()})
    with torch.no_grad():
        expected = policy(obs).numpy()
    difference = float(np.abs(actions - expected).max())
    if not difference <= TOLERANCE:
        path.unlink()
        raise UsageError(
            f"The exported policy differs from the trained one by {difference:.1e} (at most {TOLERANCE:g} is allowed); "
            "nothing was written. Is the training healthy? Look at the run's curves."
        )
    return difference

"""What may be in a policy's ONNX file, and the session that runs it.

onnxruntime loads other files, and libraries, if a model says so. So a model is looked through before it is loaded: it
must hold all its numbers itself, and use the standard operators only. That takes no more than the wire format of
protocol buffers; the field numbers are those of ``onnx.proto``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import onnxruntime

from .contract import Contract
from .errors import BundleError
from .strict_json import parse_json

METADATA_KEY = "gaitway.contract"
"""Under what the contract is in the file's metadata."""
DOMAINS = ("", "ai.onnx", "ai.onnx.ml")
"""Sets of operators that a policy may use."""
_DEEPEST = 100

# Messages that can hold, at any depth, a tensor or an operator: field number -> kind of message.
_INNER: dict[str, dict[int, str]] = {
    "model": {7: "graph", 8: "opset", 20: "training", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
    "opset": {},
}
_DOMAIN = {"node": 7, "opset": 1}
_VERSION = 2
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14


def check_model(data: bytes, opset: int) -> None:
    """Look through a model before onnxruntime sees it.

    Args:
        data: The file.
        opset: Version of the standard operators that it must be of.

    Raises:
        BundleError: It is damaged, keeps numbers in other files, or brings operators of its own.
    """
    try:
        versions = [version for domain, version in _operator_sets(data) if domain in ("", "ai.onnx")]
    except (IndexError, ValueError) as error:
        raise BundleError(
            f"the model is not readable as ONNX ({error}); the file is damaged, fetch it again."
        ) from None
    if versions != [opset]:
        found = ", ".join(map(str, versions)) or "no version"
        raise BundleError(f"the model is of opset {found}; the contract says {opset} in policy.opset.")


def _operator_sets(data: bytes, kind: str = "model", depth: int = 0) -> Iterator[tuple[str, int]]:
    """Look through a message and all within; give the sets of operators that it names, and their versions."""
    if depth > _DEEPEST:
        raise BundleError("the model is nested too deeply; a policy is not.")
    domain, version = "", 0
    for field, value in _fields(data):
        inner = _INNER[kind].get(field)
        if kind == "tensor" and (field == _EXTERNAL_DATA or (field == _DATA_LOCATION and value != 0)):
            raise BundleError("a tensor is kept in another file; export the model with all its numbers inside.")
        if inner in ("training", "function"):
            raise BundleError(f"the model has a {inner} of its own; a policy is made of standard operators only.")
        if kind == "opset" and field == _VERSION and isinstance(value, int):
            version = value
        if isinstance(value, bytes):
            if field == _DOMAIN.get(kind):
                domain = value.decode("utf-8")
            if inner is not None:
                yield from _operator_sets(value, inner, depth + 1)
    if domain not in DOMAINS:
        raise BundleError(f"the model uses operators of '{domain[:60]}'; only the standard ones are allowed.")
    if kind == "opset":
        yield domain, version


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Fields of a message of protocol buffers: number and value, of which those of fixed width are not read."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        wire, field = key & 7, key >> 3
        if field == 0:
            raise ValueError("a field of number 0")
        if wire == 0:
            value, at = _varint(data, at)
            yield field, value
            continue
        if wire == 2:
            length, at = _varint(data, at)
        elif wire in (1, 5):
            length = 8 if wire == 1 else 4
        else:
            raise ValueError(f"a field of type {wire}")
        if at + length > len(data):
            raise ValueError("it ends too early")
        if wire == 2:
            yield field, data[at : at + length]
        else:
            yield field, -1
        at += length


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("a number of more than 10 bytes")


# -- the session --------------------------------------------------------------------------------------


def open_session(data: bytes) -> onnxruntime.InferenceSession:
    """An onnxruntime session for a model that :func:`check_model` has passed: one thread, no waiting in circles.

    Raises:
        BundleError: onnxruntime cannot load it.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 3
    # Never take it for onnxruntime's own format, which was not looked through.
    options.add_session_config_entry("session.load_model_format", "ONNX")
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        # A model that fails here fails again: no second try, and no settings that the model brings.
        return onnxruntime.InferenceSession(
            data, options, providers=["CPUExecutionProvider"], enable_fallback=0, read_config_from_model=0
        )
    except Exception as error:
        raise BundleError(f"onnxruntime cannot load the model ({_first_line(error)}); export it anew.") from None


def check_session(session: onnxruntime.InferenceSession, contract: Contract) -> None:
    """Hold a loaded model against the contract: names, types and sizes of what goes in and out, and its metadata.

    Raises:
        BundleError: They differ.
    """
    policy = contract.policy
    inputs = {policy.input: (1, contract.obs_width), **{item.input: item.shape for item in policy.state}}
    outputs = {policy.output: (1, contract.action_width), **{item.output: item.shape for item in policy.state}}
    _compare_ports("input", session.get_inputs(), inputs)
    _compare_ports("output", session.get_outputs(), outputs)

    try:
        written = session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
    except UnicodeDecodeError as error:
        raise BundleError(f"the model's metadata is not text ({error}); the file is damaged, fetch it again.") from None
    if written is None:
        raise BundleError(f"the model's metadata has no '{METADATA_KEY}'; export it anew.")
    inside = parse_json(written.encode("utf-8"), f"metadata '{METADATA_KEY}'")
    where = first_difference(inside, contract.raw)
    if where is not None:
        raise BundleError(
            f"the contract in the model's metadata differs from contract.json at {where}: "
            "they are not of one export. Export the policy anew."
        )
    try:
        feeds = {name: np.zeros(shape, dtype=np.float32) for name, shape in inputs.items()}
        results = dict(zip(outputs, session.run(list(outputs), feeds)))
    except Exception as error:
        raise BundleError(f"the model fails on zeros ({_first_line(error)}); export it anew.") from None
    for name, shape in outputs.items():
        if results[name].shape != shape or not np.isfinite(results[name]).all():
            raise BundleError(f"the model's output '{name}' on zeros is not {shape} finite numbers; export it anew.")


def _compare_ports(kind: str, ports: Any, wanted: Mapping[str, tuple[int, ...]]) -> None:
    found = {port.name: port for port in ports}
    if set(found) != set(wanted):
        raise BundleError(
            f"the model's {kind}s are {', '.join(sorted(found))}; the contract says {', '.join(sorted(wanted))}."
        )
    for name, shape in wanted.items():
        port = found[name]
        if port.type != "tensor(float)":
            raise BundleError(f"the model's {kind} '{name}' is a {port.type}; it must be a tensor(float).")
        # A size may be left open; an output's rank may be as well.
        given = list(port.shape)
        fits = len(given) == len(shape) and all(not isinstance(g, int) or g == s for g, s in zip(given, shape))
        if not fits and (given or kind == "input"):
            raise BundleError(f"the model's {kind} '{name}' has the shape {given}; the contract says {list(shape)}.")


def first_difference(a: Any, b: Any, path: str = "") -> str | None:
    """Path of the first place where two values of JSON differ, or None."""
    if isinstance(a, dict) and isinstance(b, dict):
        for name in sorted({*a, *b}):
            here = f"{path}.{name}" if path else name
            if name not in a or name not in b:
                return here
            found = first_difference(a[name], b[name], here)
            if found is not None:
                return found
        return None
    if isinstance(a, list) and isinstance(b, list):
        for i, (one, other) in enumerate(zip(a, b)):
            found = first_difference(one, other, f"{path}[{i}]")
            if found is not None:
                return found
        return None if len(a) == len(b) else f"{path}[{min(len(a), len(b))}]"
    return None if isinstance(a, bool) == isinstance(b, bool) and a == b else path or "the whole"


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__

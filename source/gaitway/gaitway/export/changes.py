"""Whether a task is still the one that a run was trained in."""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from pathlib import Path
from typing import Any

import yaml

_NOT_OF_THE_TASK = (
    r"(.*\.)?(prim_path|spawn_path|usd_path|record_folder|record_task|log_dir|num_envs|env_spacing|device)"
    r"|seed|viewer\..*|sim\.default_visualizer_cfg\..*"
    r"|scene\.terrain\.terrain_generator\.sub_terrains\..*\.size"
)
"""Settings that say where and how large a run was, what was shown, or that are filled in as a simulation starts."""


class _Loader(yaml.SafeLoader):
    """Reads Isaac Lab's YAML: tuples as lists, and nothing is made of other Python values than their text."""


def _python_value(loader: yaml.SafeLoader, _tag: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    return node.value


_Loader.add_multi_constructor("tag:yaml.org,2002:python/", _python_value)


def changed_settings(trained: Path, env_cfg: Any) -> list[str]:
    """Settings of a task that are not what they were when a run was trained.

    Args:
        trained: The environment's config as the run keeps it, ``env.yaml``.
        env_cfg: The config as the task has it now.

    Returns:
        Their names, such as ``sim.dt``, sorted. Empty where the run keeps no config.
    """
    if not trained.is_file():
        return []
    before, after = _read(trained), _settings(env_cfg)
    names = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
    return [name for name in names if not re.fullmatch(_NOT_OF_THE_TASK, name)]


def fingerprint(env_cfg: Any) -> str:
    """A short hash of all settings of a task: equal for equal tasks, on any machine.

    Which functions a task uses is in it, what these compute is not.

    Args:
        env_cfg: The environment's config, before a simulation was started with it.
    """
    found = {name: v for name, v in _settings(env_cfg).items() if not re.fullmatch(_NOT_OF_THE_TASK, name)}
    return hashlib.sha256(json.dumps(found, sort_keys=True, default=str).encode()).hexdigest()[:12]


def _settings(env_cfg: Any) -> dict[str, Any]:
    from isaaclab.utils.io import dump_yaml

    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "env.yaml"
        dump_yaml(str(file), env_cfg)
        return _read(file)


def _read(file: Path) -> dict[str, Any]:
    return _flat(yaml.load(file.read_text(encoding="utf-8"), _Loader))


def _flat(value: Any, name: str = "") -> dict[str, Any]:
    """Values by dotted name."""
    if isinstance(value, str) and re.fullmatch(r"[\w.]+:[\w.]+", value):
        value = value.rpartition(":")[2]  # a function or class: the same in whatever module it lies
    if not isinstance(value, dict):
        return {name: value}
    found: dict[str, Any] = {}
    for key, part in value.items():
        found |= _flat(part, f"{name}.{key}" if name else str(key))
    return found

"""The robot's side alone: a fresh environment of an old Python, with numpy and onnxruntime and nothing of Gaitway."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

DISTRIBUTION = Path(__file__).resolve().parents[2] / "source/gaitway_deploy"
OLDEST = (3, 9)


def interpreters() -> dict[tuple[int, int], str]:
    """Python interpreters of this machine by version, this one included."""
    home = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    named = [shutil.which(f"python3.{minor}") for minor in range(OLDEST[1], sys.version_info.minor)]
    found = {}
    for path in [*named, *sorted(home.glob("versions/3.*/bin/python")), sys.executable]:
        if path is None:
            continue
        code = "import sys; print(*sys.version_info[:2])"
        said = subprocess.run([path, "-c", code], capture_output=True, text=True, check=False)
        if said.returncode == 0:  # a shim may have nothing behind it
            major, minor = said.stdout.split()
            found.setdefault((int(major), int(minor)), str(path))
    return found


@pytest.fixture(scope="module")
def alone(tmp_path_factory) -> Path:
    """Python of a fresh environment with gaitway_deploy and its mujoco extra, of the oldest version to be had."""
    folder = tmp_path_factory.mktemp("alone")
    available = interpreters()
    base = available[min(version for version in available if version >= OLDEST)]
    python = folder / "env/bin/python"
    wanted = f"{DISTRIBUTION}[mujoco]"
    uv = os.environ.get("UV") or shutil.which("uv")
    # Outside the repository, whose own pins are for one Python alone.
    run = lambda *words: subprocess.run(words, cwd=folder, check=True, capture_output=True, text=True)  # noqa: E731
    # A shim of pyenv may stand for a uv that this folder has not.
    if uv and subprocess.run([uv, "--version"], cwd=folder, capture_output=True, check=False).returncode == 0:
        run(uv, "--no-config", "venv", "--python", base, folder / "env")
        run(uv, "--no-config", "pip", "install", "--python", python, wanted)
    else:
        run(base, "-m", "venv", folder / "env")
        run(python, "-m", "pip", "install", wanted)
    return python


def ask(python: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run Python without what the environment around the tests would let it find."""
    env = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL_ENV"))}
    return subprocess.run([python, *words], cwd=python.parent, env=env, capture_output=True, text=True, check=False)


def test_a_bundle_runs_in_the_simulated_robot(alone: Path, go2_bundle: Path) -> None:
    nothing = ask(alone, "-c", "import importlib.util as u; print(u.find_spec('gaitway'), u.find_spec('torch'))")
    assert nothing.stdout.split() == ["None", "None"], nothing.stderr
    done = ask(alone, "-m", "gaitway_deploy", "run", str(go2_bundle), "--robot", "mujoco", "--seconds", "4", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout.strip().splitlines()[-1])
    assert report["stop"] is None
    assert (report["periods"], report["steps"]) == (pytest.approx(200, abs=1), pytest.approx(100, abs=2))


def test_a_bundle_is_verified_and_shown(alone: Path, go2_bundle: Path, tmp_path: Path) -> None:
    assert ask(alone, "-m", "gaitway_deploy", "verify", str(go2_bundle)).returncode == 0
    shown = ask(alone, "-m", "gaitway_deploy", "inspect", str(go2_bundle))
    assert "FL_hip_joint" in shown.stdout
    broken = shutil.copytree(go2_bundle, tmp_path / "broken")
    (broken / "policy.onnx").write_bytes(b"not a network")
    refused = ask(alone, "-m", "gaitway_deploy", "verify", str(broken))
    assert refused.returncode == 2
    assert "policy.onnx" in refused.stderr

"""docs/your_robot.md, followed word by word in an empty folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

PAGE = (Path(__file__).resolve().parents[1] / "docs/your_robot.md").read_text(encoding="utf-8")
MOST_LINES = 80


def test_a_robot_of_ones_own_is_trained_judged_and_exported(tmp_path: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert len(code.splitlines()) < MOST_LINES
    name = re.search(r"this into `(\w+\.py)`", PAGE)
    assert name
    (tmp_path / name[1]).write_text(code, encoding="utf-8")
    commands = re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)[0]
    env = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-e", "-c", commands], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=1200
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (run,) = (tmp_path / "runs/Mine-Reach-Z1").iterdir()
    assert '"z1:Mine-Reach-Z1"' in (run / "manifest.json").read_text()
    assert (tmp_path / "z1_bundle/policy.onnx").is_file()
    assert "Success" in done.stdout

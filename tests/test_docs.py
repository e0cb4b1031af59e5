"""The documentation says what is there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def test_generated_tables_are_up_to_date():
    done = subprocess.run([sys.executable, "docs/make_tables.py", "--check"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_links_between_pages_lead_somewhere():
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    for page in pages:
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
            if not target.startswith("http"):
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_task_has_a_picture_of_the_policy_that_ships(monkeypatch):
    from gaitway.tasks import task_ids

    monkeypatch.syspath_prepend(ROOT / "docs")
    import make_pictures

    drawn = {file.stem for file in (ROOT / "docs/images/tasks").glob("*.png")}
    assert {name.removesuffix("-curve") for name in drawn} <= set(task_ids())
    stale = [task for task in task_ids() if not make_pictures.is_current(task)]
    assert stale == [], "uv run python docs/make_pictures.py"


def test_every_knob_of_sac_is_explained():
    from gaitway.tasks.sac_recipe import SacActorCfg, SacAlgorithmCfg, SacCriticCfg, SquashedGaussianCfg

    page = (ROOT / "docs/sac.md").read_text()
    for cfg in (SacAlgorithmCfg, SacActorCfg, SacCriticCfg, SquashedGaussianCfg):
        own = {name for name in vars(cfg()) if not name.startswith("_")}
        # What RSL-RL's own model configs carry for older versions is not ours to explain.
        own -= {"class_name", "stochastic", "init_noise_std", "noise_std_type", "state_dependent_std"}
        for name in own - {"distribution_cfg"}:
            assert re.search(rf"`[^`]*\b{name}\b[^`]*`", page), f"{cfg.__name__}.{name} is not in docs/sac.md"


def test_seeds_are_judged_together_only_on_engines_that_judged_all_of_them(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "docs")
    import make_tables

    def judged(**rates: float) -> dict:
        return {"judged": {engine: {"episodes": 100, "success_rate": rate} for engine, rate in rates.items()}}

    found = make_tables.together([judged(mujoco_cpu=0.99, ovphysx=1.0), judged(mujoco_cpu=0.89)])
    assert set(found) == {"mujoco_cpu"}
    # Wilson's interval for 188 of 200, by statsmodels' proportion_confint.
    assert found["mujoco_cpu"] == pytest.approx(
        {"success_rate": 0.94, "success_low": 0.8981, "success_high": 0.9654}, abs=1e-4
    )
    assert make_tables.is_met(found, "cpu", 0.94)
    assert not make_tables.is_met(found, "cpu", 0.95)


def test_a_teacher_that_learned_is_no_learned_task(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "docs")
    import make_tables

    task = "Gaitway-Velocity-Student-Go2"
    row = {"device": "cpu", "judged": {"mujoco_cpu": {"episodes": 100, "success_rate": 0.97}}}
    found = {"rsl_rl_ppo": [row]}
    monkeypatch.setattr(make_tables, "learned_now", lambda task: found)
    assert make_tables.learned_in_words(task, 0.9) == "not yet"
    assert make_tables.learned_in_words("Gaitway-Velocity-Flat-Go2", 0.9) == "yes, by 1 of 1 seed"
    found["rsl_rl_distillation"] = [row]
    assert make_tables.learned_in_words(task, 0.9) == "yes, by 1 of 1 seed"

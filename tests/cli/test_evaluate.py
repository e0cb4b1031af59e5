"""What a run is judged with."""

from __future__ import annotations

import pytest

from gaitway.cli.evaluate import played_overrides

KEPT = ["physics=ovphysx", "presets=cuda,hard", "env.decimation=2"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        # Not what was left to chance in training, but all else.
        ([], {"physics=ovphysx", "presets=cuda", "env.decimation=2"}),
        (["presets=hard"], {"physics=ovphysx", "presets=hard,cuda", "env.decimation=2"}),
        (["presets=none"], {"physics=ovphysx", "presets=none,cuda", "env.decimation=2"}),
        # Other presets take the place of the run's.
        (["presets=cpu"], {"physics=ovphysx", "presets=cpu", "env.decimation=2"}),
        (["presets=cpu,standard", "physics=mujoco_cpu"], {"physics=mujoco_cpu", "presets=cpu,standard", KEPT[2]}),
        (["env.decimation=4"], {"physics=ovphysx", "presets=cuda", "env.decimation=4"}),
    ],
)
def test_a_run_is_judged_with_its_own_settings_but_those_given_anew(given, expected) -> None:
    assert set(played_overrides(KEPT, given)) == expected


def test_a_run_that_left_all_to_the_default_is_judged_so() -> None:
    assert played_overrides([], []) == []
    assert played_overrides(["presets=hard"], []) == []

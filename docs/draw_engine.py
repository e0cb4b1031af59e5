"""Draw docs/images/mujoco_cpu.png: the way of the data through the native MuJoCo engine.

uv run python docs/draw_engine.py
"""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.patches import FancyBboxPatch

IMAGE = Path(__file__).parent / "images" / "mujoco_cpu.png"
WARM, COOL, GREY = "#fde8d0", "#d9e8f6", "#eeeeee"


def box(axes, x: float, y: float, width: float, height: float, title: str, text: str, color: str) -> None:
    """A box with a title and lines below it."""
    axes.add_patch(
        FancyBboxPatch((x, y), width, height, boxstyle="round,pad=0.02,rounding_size=0.08", fc=color, ec="#555555")
    )
    axes.text(x + width / 2, y + height - 0.14, title, ha="center", va="top", fontsize=10, weight="bold")
    axes.text(x + width / 2, y + height - 0.46, text, ha="center", va="top", fontsize=8.5, linespacing=1.35)


def arrow(axes, start: tuple[float, float], end: tuple[float, float], text: str, side: float = 0.0) -> None:
    """An arrow with words beside it."""
    axes.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": "#333333", "lw": 1.4})
    x, y = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
    if text:
        axes.text(x + side, y, text, ha="left" if side > 0 else "right", va="center", fontsize=8.5, linespacing=1.3)


def main() -> None:
    """Draw it."""
    figure, axes = plt.subplots(figsize=(9.0, 7.4))
    axes.set_xlim(0, 10)
    axes.set_ylim(0, 8.2)
    axes.axis("off")
    box(
        axes, 0.4, 6.9, 9.2, 1.15, "Isaac Lab", "managers, assets and sensors read and write Newton's arrays, "
        "through NewtonMujocoCpuManager;\nmodel changes, resets, wrenches and joint targets arrive here", GREY,
    )  # fmt: skip
    box(
        axes, 0.4, 4.75, 4.2, 1.35, "Newton: State, Control, Model", "joint_q, joint_qd, body_q, body_f, joint_target\n"
        "32-bit floats in host memory,\nzero-copy views for torch and NumPy", WARM,
    )  # fmt: skip
    box(
        axes, 5.4, 4.75, 4.2, 1.35, "Newton: Contacts, sensors", "forces, points, normals by pair of shapes;\n"
        "Newton's contact, IMU and frame sensors\nare updated as on the stock engine", WARM,
    )  # fmt: skip
    box(
        axes, 0.4, 2.65, 4.2, 1.25, "MuJoCo-Warp arrays", "qpos, qvel, ctrl, xfrc_applied ...: a row a world;\n"
        "masses, frictions, gains ...: a row a world,\nkept true by Newton's SolverMuJoCo", WARM,
    )  # fmt: skip
    box(
        axes, 0.4, 0.3, 9.2, 1.45, "step_worlds: one worker a core, the GIL is free", "take the next world  >  load "
        "what differs in its parameters, and its state, into the worker's MjModel and MjData\n>  mj_step x substeps, "
        "native, 64-bit  >  sound? else back to the last sound pose, marked\n>  store state, warm start and "
        "contacts  >  next world, until none is left", COOL,
    )  # fmt: skip
    arrow(axes, (2.5, 6.85), (2.5, 6.15), "")
    arrow(axes, (7.5, 6.15), (7.5, 6.85), "")
    arrow(axes, (1.6, 4.7), (1.6, 3.95), "graph 1: control\nand state to\nMuJoCo's terms", 0.12)
    arrow(axes, (3.6, 3.95), (3.6, 4.7), "graph 2: state\nto Newton, FK", 0.12)
    arrow(axes, (1.6, 2.6), (1.6, 1.8), "rows, widened\nto 64 bits", 0.12)
    arrow(axes, (3.6, 1.8), (3.6, 2.6), "rows", 0.12)
    arrow(axes, (7.5, 1.8), (7.5, 4.7), "contacts by world,\nthen listed in the\norder of worlds\n(graph 2)", 0.12)
    figure.tight_layout(pad=0.3)
    figure.savefig(IMAGE, dpi=110)


if __name__ == "__main__":
    main()

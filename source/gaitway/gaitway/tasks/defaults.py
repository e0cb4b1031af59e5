"""Choices that tasks share: which device, which ground, which recipe base."""

from __future__ import annotations

from pathlib import Path

import isaaclab.sim as sim_utils
import torch
from isaaclab.assets import AssetBaseCfg
from isaaclab.markers import VisualizationMarkersCfg
from isaaclab.utils import configclass
from isaaclab_rl.rsl_rl import RslRlOnPolicyRunnerCfg

DATA_DIR = Path(__file__).parent / "data"
"""Ground and markers that ship with the package; Isaac Lab's own lie on an asset server."""


def auto_device() -> str:
    """``cuda:0`` where there is a GPU that torch can use, else ``cpu``."""
    return "cuda:0" if torch.cuda.is_available() else "cpu"


def ground_cfg(height: float = 0.0, friction: float | None = None) -> AssetBaseCfg:
    """The ground.

    Args:
        height: Its z. Unit: m.
        friction: Its coefficient of friction. The larger of it and that of what touches it counts, on every engine.
            None for 1.0, and for what engines make of two: MuJoCo the larger, PhysX their mean.
    """
    return AssetBaseCfg(
        prim_path="/World/ground",
        spawn=sim_utils.GroundPlaneCfg(
            usd_path=str(DATA_DIR / "ground_plane.usda"),
            color=None,
            physics_material=material_cfg(1.0) if friction is None else material_cfg(friction, combine="max"),
        ),
        init_state=AssetBaseCfg.InitialStateCfg(pos=(0.0, 0.0, height)),
    )


def material_cfg(friction: float, combine: str = "average") -> sim_utils.RigidBodyMaterialCfg:
    """What something is made of.

    Args:
        friction: Its coefficient of friction.
        combine: What PhysX makes of two such: their ``average``, or the ``max``, as MuJoCo does.
    """
    return sim_utils.RigidBodyMaterialCfg(
        static_friction=friction, dynamic_friction=friction, friction_combine_mode=combine
    )


def light_cfg() -> AssetBaseCfg:
    """An even light from everywhere, with no texture."""
    return AssetBaseCfg(prim_path="/World/light", spawn=sim_utils.DomeLightCfg(color=(0.9, 0.9, 0.9), intensity=2000.0))


def frame_marker_cfg(prim_path: str) -> VisualizationMarkersCfg:
    """Three axes, 10 cm long, that show a pose."""
    frame = sim_utils.UsdFileCfg(usd_path=str(DATA_DIR / "frame.usda"), scale=(0.1, 0.1, 0.1))
    return VisualizationMarkersCfg(prim_path=prim_path, markers={"frame": frame})


def goal_marker_cfg(prim_path: str) -> VisualizationMarkersCfg:
    """A frame, or a ball that is red far from a goal and green near it, as Isaac Lab's object commands want them."""
    balls = {
        name: sim_utils.SphereCfg(radius=0.01, visual_material=sim_utils.PreviewSurfaceCfg(diffuse_color=color))
        for name, color in (("position_far", (1.0, 0.0, 0.0)), ("position_near", (0.0, 1.0, 0.0)))
    }
    return VisualizationMarkersCfg(prim_path=prim_path, markers={**frame_marker_cfg(prim_path).markers, **balls})


def arrow_marker_cfg(prim_path: str, color: tuple[float, float, float]) -> VisualizationMarkersCfg:
    """An arrow that shows a velocity."""
    arrow = sim_utils.UsdFileCfg(
        usd_path=str(DATA_DIR / "arrow.usda"),
        scale=(0.5, 0.2, 0.2),
        visual_material=sim_utils.PreviewSurfaceCfg(diffuse_color=color),
    )
    return VisualizationMarkersCfg(prim_path=prim_path, markers={"arrow": arrow})


@configclass
class OnPolicyRecipe(RslRlOnPolicyRunnerCfg):
    """RSL-RL's on-policy runner on whatever device there is."""

    device: str = auto_device()

"""Insert with the Franka Panda: two clearances, and a dense or a sparse reward for each."""

from __future__ import annotations

from isaaclab.utils import configclass, replace

from gaitway.robots.insertion import CLEARANCE, PEG_FRANKA_CFG, socket_cfg
from gaitway.tasks.manipulation.franka import use_franka
from gaitway.tasks.manipulation.insert.insert_env_cfg import InsertEnvCfg, SparseRewardsCfg

ABOVE_THE_SOCKET = {"panda_joint2": 0.0057, "panda_joint4": -2.3606, "panda_joint6": 2.3663, "panda_joint7": 0.7854}
"""A Franka whose peg points down, its end half a metre before its base and 16 cm above the ground. Unit: rad."""


@configclass
class FrankaInsertEnvCfg(InsertEnvCfg):
    """1 mm of clearance."""

    hole = "loose"
    """Which socket, as in :data:`~gaitway.robots.insertion.CLEARANCE`."""

    def __post_init__(self):
        super().__post_init__()
        # A quarter of what is fit for the open: the peg moves at 20 cm/s at most, and pushes with some 40 N.
        use_franka(self, gripper=False, steps=0.25)
        joint_pos = dict.fromkeys([f"panda_joint{i}" for i in range(1, 8)], 0.0) | ABOVE_THE_SOCKET
        fingers = PEG_FRANKA_CFG.init_state.joint_pos["panda_finger_joint.*"]
        self.scene.robot = replace(
            PEG_FRANKA_CFG,
            prim_path="{ENV_REGEX_NS}/Robot",
            init_state=replace(PEG_FRANKA_CFG.init_state, joint_pos={**joint_pos, "panda_finger_joint.*": fingers}),
        )
        self.scene.socket = replace(socket_cfg(self.hole), prim_path="{ENV_REGEX_NS}/Socket")
        self.use_clearance(CLEARANCE[self.hole])


@configclass
class FrankaInsertSparseEnvCfg(FrankaInsertEnvCfg):
    """1 mm of clearance, and nothing but success to learn from."""

    rewards: SparseRewardsCfg = SparseRewardsCfg()


@configclass
class FrankaInsertTightEnvCfg(FrankaInsertEnvCfg):
    """0.2 mm of clearance."""

    hole = "tight"


@configclass
class FrankaInsertTightSparseEnvCfg(FrankaInsertTightEnvCfg):
    """0.2 mm of clearance, and nothing but success to learn from."""

    rewards: SparseRewardsCfg = SparseRewardsCfg()

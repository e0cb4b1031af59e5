"""Native MuJoCo as an engine of Isaac Lab's, for machines without a GPU."""

from .cfg import MujocoCpuSolverCfg

"""A run on disk: what was trained, with what, how it went, and where to go on."""

from .checkpoints import Checkpoint, Checkpoints
from .run import Run, find_run

__all__ = ["Checkpoint", "Checkpoints", "Run", "find_run"]

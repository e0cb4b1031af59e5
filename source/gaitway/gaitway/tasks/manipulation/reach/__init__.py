"""Bring the end of an arm to a commanded pose and hold it there."""

from .config import franka as _franka
from .config import so101 as _so101
from .config import ur10 as _ur10

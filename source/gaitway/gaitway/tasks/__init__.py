"""Tasks. Importing this package registers all of them with Gymnasium; configs load when a task is asked for."""

from .locomotion import velocity as _velocity
from .manipulation import lift as _lift
from .manipulation import reach as _reach
from .registry import TaskInfo, find_task, task_ids

__all__ = ["TaskInfo", "find_task", "task_ids"]

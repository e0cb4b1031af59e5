"""Tasks. Importing this package registers all of them with Gymnasium; configs load when a task is asked for.

Every package ``locomotion/<task>`` and ``manipulation/<task>`` registers what is in it when it is imported.
"""

import importlib
import pkgutil

from . import locomotion, manipulation
from .registry import TaskInfo, find_task, task_ids

__all__ = ["TaskInfo", "find_task", "task_ids"]

for _family in (locomotion, manipulation):
    for _task in pkgutil.iter_modules(_family.__path__, prefix=f"{_family.__name__}."):
        if _task.ispkg:
            importlib.import_module(_task.name)

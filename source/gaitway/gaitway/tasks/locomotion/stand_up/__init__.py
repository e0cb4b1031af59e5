"""Get up from any pose.

The robot is dropped in any orientation, with its legs anyhow, and is to stand at its usual height, in its default pose,
and keep still. It is not told its speed: a robot that lies on its back cannot estimate it.
"""

from .config import go2 as _go2

"""Walk as a velocity command says."""

from .config import go2 as _go2

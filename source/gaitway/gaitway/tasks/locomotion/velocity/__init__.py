"""Walk as a velocity command says."""

from .config import anymal_c as _anymal_c
from .config import g1 as _g1
from .config import go2 as _go2

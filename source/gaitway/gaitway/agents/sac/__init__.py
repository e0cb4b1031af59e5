"""Soft actor-critic for thousands of parallel environments, on RSL-RL's contracts.

Name ``gaitway.agents.sac:SAC`` as the ``class_name`` of the algorithm and RSL-RL's own ``OnPolicyRunner`` trains it.
"""

from .categorical import categorical_mean, project_categorical
from .critic import QCritic
from .replay import Replay
from .reward_scale import RewardScale
from .sac import SAC
from .squashed_gaussian import SquashedGaussian

"""The policy: one ONNX session, called once a control step."""

from __future__ import annotations

import numpy as np

from .bundle import Bundle, PathLike
from .onnx_file import open_session

State = tuple[np.ndarray, ...]
"""What a policy remembers, in the order of the contract; empty for one without memory."""


class Policy:
    """A policy that runs on one thread.

    Args:
        bundle: The bundle that it is in.
    """

    def __init__(self, bundle: Bundle):
        self.bundle = bundle
        self.contract = bundle.contract
        spec = self.contract.policy
        self._session = open_session(bundle.model)
        self._outputs = [spec.output, *(item.output for item in spec.state)]
        self._states = [item.input for item in spec.state]
        self._obs = np.zeros((1, self.contract.obs_width), dtype=np.float32)
        self._feeds = {spec.input: self._obs}

    @classmethod
    def load(cls, source: Bundle | PathLike) -> Policy:
        """Load the policy of a bundle.

        Args:
            source: A bundle, or the path of one.

        Raises:
            BundleError: The bundle is refused; see :meth:`Bundle.open`.
        """
        return cls(source if isinstance(source, Bundle) else Bundle.open(source))

    def initial_state(self) -> State:
        """What the policy remembers before its first step: zeros."""
        return tuple(np.zeros(item.shape, dtype=np.float32) for item in self.contract.policy.state)

    def __call__(self, obs: np.ndarray, state: State = ()) -> tuple[np.ndarray, State]:
        """Act.

        Args:
            obs: Shape is (observations,).
            state: What it remembered; :meth:`initial_state` at first.

        Returns:
            Actions of shape (actions,), float32, and what it remembers now. All are new arrays.
        """
        self._obs[0] = obs
        if not self._states:
            return self._session.run(self._outputs, self._feeds)[0][0], ()
        actions, *remembered = self._session.run(self._outputs, {**self._feeds, **dict(zip(self._states, state))})
        return actions[0], tuple(remembered)

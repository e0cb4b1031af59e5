"""What episodes take place under."""

from __future__ import annotations

from dataclasses import dataclass, fields

PUSH_EVERY = 4.0
"""Time between pushes. Unit: s."""


@dataclass(frozen=True)
class Conditions:
    """What an episode takes place under. The defaults are nominal: what the robot's description says."""

    friction: float = 1.0
    """Coefficient of friction between robot and ground."""
    added_mass: float = 0.0
    """On the base. Unit: kg."""
    motor_strength: float = 1.0
    """Factor of the motors' effort: of what they give, and of their limit."""
    latency: float = 0.0
    """Age of what the policy sees when its answer reaches the motors. Unit: s."""
    noise: float = 1.0
    """Sensor noise, as a multiple of that of training."""
    push: float = 0.0
    """Change of the base's velocity, all at once, in a random horizontal direction, every 4 s. Unit: m/s."""
    payload: float = 0.0
    """On the link that is to reach a goal, which no controller knows of. Unit: kg."""
    joint_friction: float = 0.0
    """Dry friction added to each joint. Unit: N·m or N."""

    def __str__(self) -> str:
        """What is not nominal."""
        nominal = Conditions()
        astray = [
            f"{item.name} {getattr(self, item.name):g}"
            for item in fields(self)
            if getattr(self, item.name) != getattr(nominal, item.name)
        ]
        return ", ".join(astray) or "nominal"

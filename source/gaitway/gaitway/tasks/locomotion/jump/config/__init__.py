"""Jump, robot by robot."""

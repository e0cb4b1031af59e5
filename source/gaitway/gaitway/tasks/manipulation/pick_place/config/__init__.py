"""Pick and place, robot by robot."""

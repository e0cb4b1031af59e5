"""Stand up, robot by robot."""

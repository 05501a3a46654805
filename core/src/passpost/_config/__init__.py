"""Text to config: JSON with comments is read, checked against an attrs class and structured."""

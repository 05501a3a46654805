"""Templates: what emails say, read once, picked by usage and language, filled in with payloads."""

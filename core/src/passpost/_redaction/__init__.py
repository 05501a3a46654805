"""Masking secrets, codes and payloads in whatever is shown."""

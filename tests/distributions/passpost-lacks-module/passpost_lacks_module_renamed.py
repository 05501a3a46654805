"""Its entry point names another module."""

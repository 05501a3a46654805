"""``passpost init``: asks for settings, and writes them."""

"""Commands of `manage.py`, each a file of its name."""

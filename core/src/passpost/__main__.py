"""``python -m passpost``: the command line."""

from __future__ import annotations

import sys
from importlib import import_module

# By name: core itself knows nothing of the command line.
try:
    command_line = import_module("passpost_cli")
except ModuleNotFoundError as error:
    if error.name != "passpost_cli":
        raise
    sys.exit("passpost: the command line is not installed: pip install 'passpost[cli]'")

command_line.main()

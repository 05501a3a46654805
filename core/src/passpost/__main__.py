"""``python -m passpost``: the command line."""

from __future__ import annotations

import sys

try:
    from passpost_cli import main
except ModuleNotFoundError as error:
    if error.name != "passpost_cli":
        raise
    sys.exit("passpost: the command line is not installed: pip install 'passpost[cli]'")

main()

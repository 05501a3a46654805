"""Ends the process when it is imported, as scripts do by mistake."""

import sys

sys.exit("usage: …")

from __future__ import annotations

import sys
from pathlib import Path

# The simulation is a program as well, so its modules are imported as its neighbors.
sys.path.insert(0, str(Path(__file__).parent))

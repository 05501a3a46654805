"""What all tests of the tools share."""

from __future__ import annotations

import hypothesis

# A machine that is busy with other tests takes its time; how much says nothing about the code.
hypothesis.settings.register_profile("passpost", deadline=None)
hypothesis.settings.load_profile("passpost")

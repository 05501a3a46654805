"""The contracts of stores and engines, as tests that their authors subclass.

::

    class TestMyStore(OutboxStoreSuite):
        @pytest.fixture
        def connect(self, tmp_path: Path) -> Callable[[], OutboxStore]:
            return lambda: MyStore(tmp_path)

    class TestMyEngine(OutboxEngineSuite):
        @pytest.fixture
        def setup(self, tmp_path: Path) -> EngineSetup:
            return MySetup(tmp_path)

It requires pytest: ``passpost-outbox[testing]``.
"""

from __future__ import annotations

from passpost_outbox.testing.engines import EngineSetup, MemoryEngine, OutboxEngineSuite
from passpost_outbox.testing.stores import OutboxStoreSuite

__all__ = ["EngineSetup", "MemoryEngine", "OutboxEngineSuite", "OutboxStoreSuite"]

"""Celery as the engine of a passpost outbox: its workers send the emails.

::

    app = Celery("shop", broker="redis://localhost/1")
    engine = passpost_celery.setup(app, open_worker)
    outbox = Outbox(store, keys, secret=secret, engine=engine)
"""

from __future__ import annotations

from passpost_celery.engine import CeleryEngine
from passpost_celery.installation import setup

__version__ = "0.1.0"

__all__ = ["CeleryEngine", "__version__", "setup"]

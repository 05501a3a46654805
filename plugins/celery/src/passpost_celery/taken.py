"""Messages of Redis that leave the queue when a worker takes them, for half of Celery's work."""

from __future__ import annotations

from celery.worker.request import Request
from kombu.asynchronous import get_event_loop


class Taken(Request):  # type: ignore[misc] # Celery carries no types
    """A message that needs no acknowledgment, and gets none.

    Celery would write each into a hash of Redis when it is taken, and delete it from there when it
    is done. What a killed worker leaves there comes back after an hour; the sweeper publishes the
    email again after 15 s.
    """

    acknowledged = True

    def acknowledge(self) -> None:
        """Wake the consumer, which asks for no more messages while all threads are busy."""
        hub = get_event_loop()
        if hub is not None:
            hub.call_soon(_go_on)


def _go_on() -> None:
    """Do nothing."""

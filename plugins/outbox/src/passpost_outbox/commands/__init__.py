"""The commands of the outbox, for those who have `passpost-cli`."""

from passpost_outbox.commands.managing import outbox
from passpost_outbox.commands.serving import worker

__all__ = ["outbox", "worker"]

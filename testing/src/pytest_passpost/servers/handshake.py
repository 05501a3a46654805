"""The handshake of TLS, or what a script has in its place."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_passpost.servers.channel import Channel
    from pytest_passpost.servers.faults import Script


async def secured(channel: Channel, context: ssl.SSLContext, script: Script) -> bool:
    """Bring up TLS.

    Returns:
        Whether it is up; if not, the connection is closed.

    Raises:
        ConnectionError: The client went away.
    """
    if (action := script.strike("tls")) is not None:
        goes_on = await action.run(channel, b"")
        if not (goes_on and action.accepts(b"")):
            # Whatever was said in place of the handshake, nothing sensible can follow.
            await channel.close()
            return False
    try:
        await channel.start_tls(context)
    except ssl.SSLError:
        await channel.close()
        return False
    return True


__all__ = ["secured"]

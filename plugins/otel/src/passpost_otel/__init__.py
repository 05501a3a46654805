"""OpenTelemetry for passpost: a trace and metrics of each send.

::

    import passpost
    from passpost_otel import Telemetry

    host = passpost.Host([Telemetry()])
"""

from passpost_otel.telemetry import Telemetry

__version__ = "0.1.0"

__all__ = ["Telemetry", "__version__"]

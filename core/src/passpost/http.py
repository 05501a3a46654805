"""What connectors over HTTP share: the package `passpost_http`, if that is installed."""

from __future__ import annotations

from passpost._lazy import replace_by

# Type checkers read http.pyi.
replace_by("passpost_http", "the HTTP client", module=__name__, install="passpost[http]")

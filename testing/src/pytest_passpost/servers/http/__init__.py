"""An HTTP server for tests, and the base of stand-ins that are one."""

"""An SMTP server for tests: strict, and scripted to fail."""

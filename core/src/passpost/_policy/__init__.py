"""What comes after an attempt: retry, failover or the end. No I/O, so that it is simulated."""

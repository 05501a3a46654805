"""What connectors over HTTP share; `passpost.http` exports it."""

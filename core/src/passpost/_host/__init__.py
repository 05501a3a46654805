"""The host: installed connectors become configured ones."""

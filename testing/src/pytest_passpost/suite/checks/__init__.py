"""The checks of the connector contract, by subject."""

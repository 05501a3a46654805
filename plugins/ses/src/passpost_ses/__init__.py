"""The connector ``ses`` of passpost: version 2 of Amazon SES's interface."""

__version__ = "0.1.0"

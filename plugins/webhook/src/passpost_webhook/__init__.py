"""The connector ``webhook`` of passpost: hands mails to a service of the operator's own."""

__version__ = "0.1.0"

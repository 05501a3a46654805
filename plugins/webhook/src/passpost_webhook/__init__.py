"""The connector ``webhook`` of passpost: forwards emails to a service of your own."""

__version__ = "0.1.0"

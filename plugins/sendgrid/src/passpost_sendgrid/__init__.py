"""The connector ``sendgrid`` of passpost: SendGrid's v3 interface."""

__version__ = "0.1.0"

"""The connector ``sendgrid`` of passpost: SendGrid's v3 API."""

__version__ = "0.1.0"

"""The connector ``smtp`` of passpost, which sends emails through any SMTP server.

passpost loads `passpost_smtp.hooks`; `passpost_smtp.config.SmtpConfig` defines the settings.
"""

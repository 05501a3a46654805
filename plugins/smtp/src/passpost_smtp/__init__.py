"""The connector ``smtp`` of passpost: mails through any server that speaks SMTP.

`passpost_smtp.hooks` is what the host loads; `passpost_smtp.config.SmtpConfig` has the settings.
"""

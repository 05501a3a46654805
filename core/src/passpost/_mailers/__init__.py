"""What an application holds: `AsyncMailer`, and `Mailer` for code that blocks."""

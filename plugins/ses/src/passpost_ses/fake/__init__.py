"""What the stand-in knows of SES: how requests are signed, and what a mail may hold."""

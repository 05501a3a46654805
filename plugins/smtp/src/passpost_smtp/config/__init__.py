"""The settings of the connector ``smtp``, in both generations."""

from passpost_smtp.config.auth import EncryptedKey, LoginAuth, ServiceAccountAuth, TokenAuth
from passpost_smtp.config.pool import PoolSettings
from passpost_smtp.config.smtp import Login, Security, SmtpConfig
from passpost_smtp.config.tls import TlsSettings

__all__ = [
    "EncryptedKey", "Login", "LoginAuth", "PoolSettings", "Security", "ServiceAccountAuth",
    "SmtpConfig", "TlsSettings", "TokenAuth",
]  # fmt: skip

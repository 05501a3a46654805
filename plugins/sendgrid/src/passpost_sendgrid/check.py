"""Checks the API key without sending an email: it asks SendGrid what the key may do."""

from passpost import Finding, SendError, hookimpl
from passpost.http import Fault, HttpClient
from passpost.phrases import said
from passpost_sendgrid import _
from passpost_sendgrid.config import SendGridConfig

_SUBJECT = _("API key")
# SendGrid has this path for every key.
_ELSEWHERE = Fault("provider", _("Check `endpoint`: this server is not SendGrid's API."))
_LATER = _("Check again in a moment. If the error remains, see https://status.sendgrid.com.")


@hookimpl
async def check_connection(config: SendGridConfig, session: HttpClient) -> list[Finding]:
    """Return the finding on the API key."""
    try:
        headers = {"authorization": f"Bearer {config.api_key.reveal()}"}
        response = await session.get("/v3/scopes", headers)
        if not response.is_success:
            raise response.error("SendGrid", {404: _ELSEWHERE}.get(response.status))
    except SendError as error:
        name = "auth.rejected" if error.scope == "account" else "auth.failed"
        return [Finding(_SUBJECT, "error", said(error), error.hint or _LATER, name)]
    scopes = response.document().get("scopes")
    if isinstance(scopes, list) and "mail.send" not in scopes:
        create = _("Create a key with the permission Mail Send.")
        lacks = _("the key lacks the permission mail.send")
        return [Finding(_SUBJECT, "error", lacks, create, "auth.not-allowed")]
    return [Finding(_SUBJECT, "ok", _("SendGrid accepts it"), id="auth.ok")]

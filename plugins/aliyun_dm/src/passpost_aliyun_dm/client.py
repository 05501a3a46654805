"""Talks to Direct Mail: each request is signed again, and sent once."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from passpost import Receipt, SendError
from passpost.http import HttpClient, Response, identifier
from passpost.wire import texts_in
from passpost_aliyun_dm import _, __version__
from passpost_aliyun_dm.errors import refusal
from passpost_aliyun_dm.parameters import MAX_FORM, parameters
from passpost_aliyun_dm.signature import Credentials, Signed, Stamp, sign

if TYPE_CHECKING:
    from passpost import Mail
    from passpost_aliyun_dm.config import AliyunDmConfig

_USER_AGENT: Final = f"passpost-aliyun-dm/{__version__}"


class DirectMail:
    """A session, shared by all sends.

    Args:
        config: The connector's config.

    Raises:
        SendError: The environment names a proxy or certificates that cannot be used.
    """

    def __init__(self, config: AliyunDmConfig) -> None:
        self._config = config
        self._credentials = Credentials(
            config.access_key_id, config.access_key_secret, config.security_token
        )
        self._client = HttpClient(config, config.base, _USER_AGENT)

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.__aexit__(kind, error, trace)

    async def send(self, mail: Mail) -> Receipt:
        """Send one email, once.

        Raises:
            SendError: It was not accepted, or the outcome is unknown.
        """
        # No local variable holds the parameters: some tools print those beside a traceback.
        signed = self._signed("SingleSendMail", form=parameters(self._config, mail))
        response = await self._post(signed, mail.seconds_left())
        if response.is_success:
            document = response.document()
            if envelope := identifier(document.get("EnvId")):
                request = identifier(document.get("RequestId"))
                return Receipt(provider_id=envelope, response=request and f"RequestId {request}")
        raise refusal(response, (mail.to.address, *texts_in(mail.payload)))

    async def look_up(self, action: str, query: Mapping[str, str]) -> dict[str, Any]:
        """Call an operation that reads, and return its response.

        Raises:
            SendError: It was rejected, or the service cannot be reached.
        """
        response = await self._post(self._signed(action, query=query), None)
        if not response.is_success:
            raise refusal(response)
        return response.document()

    def _signed(self, action: str, **parts: Mapping[str, str]) -> Signed:
        signed = sign(
            self._config.signature_version,
            self._credentials,
            Stamp.fresh(),
            host=self._client.host,
            action=action,
            **parts,
        )
        if len(signed.body) > MAX_FORM:
            raise SendError(
                _(
                    "the email is larger than the {most} MB that Direct Mail accepts",
                    most=MAX_FORM // 1_000_000,
                ),
                outcome="rejected",
                scope="message",
            )
        return signed

    async def _post(self, signed: Signed, seconds_left: float | None) -> Response:
        path = f"/?{signed.query}" if signed.query else "/"
        return await self._client.post(path, signed.body, signed.headers, seconds_left=seconds_left)

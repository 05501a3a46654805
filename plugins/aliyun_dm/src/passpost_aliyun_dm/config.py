"""The settings of the connector ``aliyun-dm``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar, Final

import attrs

from passpost import Address, Problem, Secret
from passpost.config import field, is_placeholder, rule
from passpost.http import Endpoint, HttpConfig
from passpost.wire import ContentType, did_you_mean, nearest
from passpost_aliyun_dm import _
from passpost_aliyun_dm.regions import DEFAULT_REGION, REGIONS, endpoint_of
from passpost_aliyun_dm.signature import SignatureVersion

MAX_SUBJECT: Final = 256
"""Characters in a subject, according to the SDK's reference."""
ADVISED_SUBJECT: Final = 100
"""Characters in a subject, according to the console's pages."""
MAX_ALIAS: Final = 15
"""Characters in the sender's display name, according to one of Direct Mail's pages."""
ADVISED_ALIAS: Final = 14
"""Characters in the sender's display name that all of its pages allow."""

_REGION: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,40}[a-z0-9])?")

# Both go into HTTP headers; a comma would end the key's ID there.
_KEY_ID: Final = re.compile(r"[!-+\--~]{1,128}")
_VISIBLE: Final = re.compile(r"[!-~]+")

_TAG: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")
_VARIABLE_PART: Final = re.compile(r"\{\{.*?\}\}", re.DOTALL)


@attrs.frozen(kw_only=True)
class AliyunDmConfig(HttpConfig):
    """The settings of Direct Mail; each attribute's description is in its metadata."""

    default_content_type: ClassVar[ContentType] = "text/html"

    access_key_id: str = field(
        title={"en": "AccessKey ID", "zh-CN": "AccessKey ID"},
        description={
            "en": "The ID of the access key, from AccessKey Management in the console.",
            "zh-CN": "AccessKey ID，见控制台的 AccessKey 管理。",
        },
        example="LTAI5tExampleExample",
    )
    access_key_secret: Secret = field(
        title={"en": "AccessKey secret", "zh-CN": "AccessKey Secret"},
        description={
            "en": "The key's secret. The permission dm:SingleSendMail of a RAM user is enough.",
            "zh-CN": "AccessKey Secret。RAM 用户只需 dm:SingleSendMail 权限。",
        },
        example="${ALIYUN_ACCESS_KEY_SECRET}",
    )
    account_name: Address = field(
        title={"en": "Sender address", "zh-CN": "发信地址"},
        description={
            "en": "A sender address that was created in the console, in the region below.",
            "zh-CN": "在控制台中创建的发信地址，须与下面的地域一致。",
        },
        example="no-reply@mail.example.com",
    )
    from_alias: str = field(
        default="",
        title={"en": "Sender name", "zh-CN": "发信人昵称"},
        description={
            "en": "The display name of the sender: at most 15 characters; Direct Mail advises 14.",
            "zh-CN": "收件人看到的发信人名称，最多 15 个字符，建议不超过 14 个。",
        },
        example="Example",
    )
    region_id: str = field(
        default=DEFAULT_REGION,
        title={"en": "Region", "zh-CN": "地域"},
        description={
            "en": "The region in which the sender address was created.",
            "zh-CN": "发信地址所在的地域。",
        },
        example="ap-southeast-1",
    )
    endpoint: Endpoint | None = field(
        default=None,
        title={"en": "Endpoint", "zh-CN": "接入地址"},
        description={
            "en": "The endpoint to use instead of the region's public one, such as a VPC endpoint.",
            "zh-CN": "代替地域公网接入地址的主机，例如 VPC 接入地址。",
        },
        example="dm-vpc.cn-hangzhou.aliyuncs.com",
    )
    security_token: Secret | None = field(
        default=None,
        title={"en": "Security token", "zh-CN": "安全令牌"},
        description={
            "en": "The token of temporary credentials (STS). It expires together with their key.",
            "zh-CN": "临时凭证（STS）的令牌，与其密钥一同过期。",
        },
        example="${ALIYUN_SECURITY_TOKEN}",
    )
    signature_version: SignatureVersion = field(
        default="3",
        title={"en": "Signature version", "zh-CN": "签名版本"},
        description={
            "en": "How requests are signed: 3 (ACS3-HMAC-SHA256) or 1.0 (HMAC-SHA1).",
            "zh-CN": "请求的签名方式：3（ACS3-HMAC-SHA256）或 1.0（HMAC-SHA1）。",
        },
    )
    reply_to: Address | None = field(
        default=None,
        title={"en": "Reply-To", "zh-CN": "回信地址"},
        description={
            "en": "The address for replies if a template has none. Default: the sender address.",
            "zh-CN": "模板未指定时的回信地址；不填则回复到发信地址。",
        },
        example="Support <support@example.com>",
    )
    tag_name: str = field(
        default="",
        title={"en": "Tag", "zh-CN": "邮件标签"},
        description={
            "en": "A tag that was created in the console, for statistics.",
            "zh-CN": "在控制台中创建的邮件标签，用于统计。",
        },
        example="verification",
    )
    click_trace: bool = field(
        default=False,
        title={"en": "Track opens and clicks", "zh-CN": "跟踪打开与点击"},
        description={
            "en": "Whether to track opens and clicks, which rewrites links. Requires a tag.",
            "zh-CN": "是否跟踪打开与点击，跟踪时会改写链接；需要同时设置邮件标签。",
        },
    )

    @property
    def sender(self) -> Address:
        """The sender address with its name."""
        return Address(self.account_name.address, self.from_alias)

    @property
    def base(self) -> str:
        """The URL of the endpoint, without a path."""
        return self.url(f"https://{endpoint_of(self.region_id)}")

    @rule("access_key_id")
    def _key_id_fits_a_header(self) -> Iterator[Problem]:
        if not is_placeholder(self.access_key_id) and not _KEY_ID.fullmatch(self.access_key_id):
            yield Problem(
                "accessKeyId",
                _("only visible ASCII characters other than a comma are allowed"),
                _("copy it again from AccessKey Management, without spaces around it"),
                code="aliyun-dm-E1",
            )

    @rule("access_key_secret")
    def _secret_is_visible(self) -> Iterator[Problem]:
        yield from _invisible("accessKeySecret", self.access_key_secret)

    @rule("security_token")
    def _token_is_visible(self) -> Iterator[Problem]:
        if self.security_token is not None:
            yield from _invisible("securityToken", self.security_token)

    @rule("access_key_id", "security_token")
    def _temporary_key_has_its_token(self) -> Iterator[Problem]:
        if self.access_key_id.startswith("STS.") and self.security_token is None:
            yield Problem(
                "accessKeyId",
                _("the ID of temporary credentials requires `securityToken`"),
                _("set `securityToken`, or use a permanent key"),
                "warning",
                code="aliyun-dm-W1",
            )

    @rule("account_name")
    def _one_name(self) -> Iterator[Problem]:
        if self.account_name.name:
            yield Problem(
                "accountName",
                _("contains a display name"),
                _(
                    "set it to `{address}`, and `fromAlias` to the name",
                    address=self.account_name.address,
                ),
                code="aliyun-dm-E2",
            )

    @rule("account_name", "reply_to")
    def _addresses_in_ascii(self) -> Iterator[Problem]:
        for name, address in (("accountName", self.account_name), ("replyTo", self.reply_to)):
            if address is not None and address.needs_smtputf8:
                yield Problem(
                    name,
                    _("non-ASCII characters before the @ are not supported by Direct Mail"),
                    _("use another address"),
                    code="aliyun-dm-E3",
                )

    @rule("from_alias")
    def _alias_is_short(self) -> Iterator[Problem]:
        length = len(self.from_alias)
        if length > ADVISED_ALIAS and not is_placeholder(self.from_alias):
            yield Problem(
                "fromAlias",
                _("{count} characters are too long", count=length),
                _("use at most {most} characters", most=ADVISED_ALIAS),
                "error" if length > MAX_ALIAS else "warning",
                code="aliyun-dm-E4" if length > MAX_ALIAS else "aliyun-dm-W2",
            )

    @rule("region_id")
    def _region_is_an_id(self) -> Iterator[Problem]:
        if not _is_region(self.region_id):
            yield Problem(
                "regionId",
                _("not a valid region ID"),
                _("for example, `cn-hangzhou` or `ap-southeast-1`"),
                code="aliyun-dm-E5",
            )

    @rule("region_id", "endpoint")
    def _region_is_known(self) -> Iterator[Problem]:
        unknown = self.region_id not in REGIONS and self.endpoint is None
        if unknown and _is_region(self.region_id):
            yield Problem(
                "regionId",
                _(
                    "not a known region of Direct Mail; requests go to `{host}`",
                    host=endpoint_of(self.region_id),
                ),
                did_you_mean(nearest(self.region_id, REGIONS), "passpost guide aliyun-dm"),
                "warning",
                code="aliyun-dm-W3",
            )

    @rule("tag_name", "click_trace")
    def _tag_is_valid(self) -> Iterator[Problem]:
        if (
            self.tag_name
            and not is_placeholder(self.tag_name)
            and not _TAG.fullmatch(self.tag_name)
        ):
            yield Problem(
                "tagName",
                _("not a valid tag: only 1 to 128 letters, digits, `_` and `-` are allowed"),
                _("copy it from the console"),
                code="aliyun-dm-E6",
            )
        elif self.click_trace and not self.tag_name:
            yield Problem(
                "clickTrace",
                _("no effect without `tagName`"),
                _("set `tagName`, or remove `clickTrace`"),
                "warning",
                code="aliyun-dm-W4",
            )

    @rule("templates")
    def _subjects_are_short(self) -> Iterator[Problem]:
        for index, template in enumerate(self.templates):
            literal = len(_VARIABLE_PART.sub("", template.subject.source))
            path = f"templates[{index}].subject"
            if literal > MAX_SUBJECT:
                yield Problem(
                    path,
                    _("{count} characters are too long", count=literal),
                    _("use at most {most} characters", most=ADVISED_SUBJECT),
                    code="aliyun-dm-E7",
                )
            elif literal > ADVISED_SUBJECT:
                yield Problem(
                    path,
                    _(
                        "{count} characters may be too long: Direct Mail's console allows "
                        "{advised}, its SDK {most}",
                        count=literal,
                        advised=ADVISED_SUBJECT,
                        most=MAX_SUBJECT,
                    ),
                    _("use at most {most} characters", most=ADVISED_SUBJECT),
                    "warning",
                    code="aliyun-dm-W5",
                )


def _is_region(text: str) -> bool:
    return _REGION.fullmatch(text) is not None


def _invisible(path: str, secret: Secret) -> Iterator[Problem]:
    text = secret.reveal()
    if not is_placeholder(text) and not _VISIBLE.fullmatch(text):
        yield Problem(
            path,
            _("only visible ASCII characters are allowed"),
            _("copy it again, without spaces or line ends around it"),
            code="aliyun-dm-E1",
        )

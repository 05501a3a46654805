"""The settings of the connector ``ses``."""

# No postponed annotations here: the types of settings are looked up at run time.
import re
from collections.abc import Iterator
from typing import Final

import attrs

from passpost import Problem
from passpost.config import field, is_placeholder, rule
from passpost.http import ApiKey, SenderConfig
from passpost.wire import did_you_mean, nearest
from passpost_ses import _

REGIONS: Final = (
    "us-east-1", "us-east-2", "us-west-1", "us-west-2", "af-south-1", "ap-northeast-1",
    "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-south-2", "ap-southeast-1",
    "ap-southeast-2", "ap-southeast-3", "ap-southeast-5", "ca-central-1", "ca-west-1",
    "eu-central-1", "eu-central-2", "eu-north-1", "eu-south-1", "eu-west-1", "eu-west-2",
    "eu-west-3", "il-central-1", "me-central-1", "me-south-1", "sa-east-1", "us-gov-east-1",
    "us-gov-west-1",
)  # fmt: skip
"""Regions with an SES endpoint (AWS General Reference, "Amazon SES endpoints and quotas")."""

_REGION: Final = re.compile(r"[a-z]{2,3}(?:-[a-z]{2,12}){1,3}-[0-9]{1,2}")
_KEY_ID: Final = re.compile(r"[A-Za-z0-9_]{16,128}")
_SET_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


@attrs.frozen(kw_only=True)
class SesConfig(SenderConfig):
    """The settings of SES; each attribute's description is in its metadata."""

    access_key_id: str = field(
        title={"en": "Access key ID", "zh-CN": "访问密钥 ID"},
        description={
            "en": "The ID of an access key of an IAM user that may send.",
            "zh-CN": "有发信权限的 IAM 用户的访问密钥 ID。",
        },
        example="AKIAIOSFODNN7EXAMPLE",
    )
    secret_access_key: ApiKey = field(
        title={"en": "Secret access key", "zh-CN": "秘密访问密钥"},
        description={
            "en": "The secret of the access key. The permission ses:SendEmail is enough.",
            "zh-CN": "秘密访问密钥。对应的 IAM 用户只需 ses:SendEmail 权限。",
        },
        example="${AWS_SECRET_ACCESS_KEY}",
    )
    session_token: ApiKey | None = field(
        default=None,
        title={"en": "Session token", "zh-CN": "会话令牌"},
        description={
            "en": "The token of temporary credentials (STS). It expires together with their key.",
            "zh-CN": "临时凭证（STS）的令牌，与其密钥一同过期。",
        },
        example="${AWS_SESSION_TOKEN}",
    )
    region: str = field(
        title={"en": "Region", "zh-CN": "区域"},
        description={
            "en": "The region in which the sender is verified.",
            "zh-CN": "发件人通过验证的区域。",
        },
        example="us-east-1",
    )
    configuration_set_name: str = field(
        default="",
        title={"en": "Configuration set", "zh-CN": "配置集"},
        description={
            "en": "A configuration set of the same region, for its events, IP pool and rules.",
            "zh-CN": "同一区域的配置集，用于事件、IP 池和规则。",
        },
        example="sign-in-emails",
    )

    @property
    def base(self) -> str:
        """The URL of the endpoint, without a path."""
        return self.url(f"https://email.{self.region}.amazonaws.com")

    @rule("access_key_id")
    def _key_id(self) -> Iterator[Problem]:
        if not is_placeholder(self.access_key_id) and not _KEY_ID.fullmatch(self.access_key_id):
            yield Problem(
                "accessKeyId",
                _("not a valid access key ID"),
                _("copy it again: at least 16 letters and digits, often beginning with `AKIA`"),
                code="ses-E1",
            )

    @rule("access_key_id", "session_token")
    def _temporary_key_has_its_token(self) -> Iterator[Problem]:
        if self.access_key_id.startswith("ASIA") and self.session_token is None:
            yield Problem(
                "accessKeyId",
                _("the ID of temporary credentials requires `sessionToken`"),
                _("set `sessionToken`, or use a permanent key"),
                "warning",
                code="ses-W1",
            )

    @rule("region")
    def _region_is_an_id(self) -> Iterator[Problem]:
        if not is_placeholder(self.region) and not _REGION.fullmatch(self.region):
            yield Problem(
                "region",
                _("not a valid region ID"),
                did_you_mean(nearest(self.region, REGIONS), _("for example, `us-east-1`")),
                code="ses-E2",
            )

    @rule("region", "endpoint")
    def _region_is_known(self) -> Iterator[Problem]:
        unknown = self.region not in REGIONS and self.endpoint is None
        if unknown and _REGION.fullmatch(self.region):
            yield Problem(
                "region",
                _("not a known region of SES"),
                did_you_mean(
                    nearest(self.region, REGIONS), _("choose a region in the AWS console")
                ),
                "warning",
                code="ses-W2",
            )

    @rule("configuration_set_name")
    def _set_name(self) -> Iterator[Problem]:
        name = self.configuration_set_name
        if name and not is_placeholder(name) and not _SET_NAME.fullmatch(name):
            yield Problem(
                "configurationSetName",
                _("not a valid name: only 1 to 64 letters, digits, `_` and `-` are allowed"),
                _("copy it from the console"),
                code="ses-E3",
            )

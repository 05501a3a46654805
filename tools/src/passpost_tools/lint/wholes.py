"""The rules that look at several parts of a file together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from passpost._messages.usages import FLOW_USAGES
from passpost.config import Problem, Settings, is_placeholder
from passpost.phrases import Phrases
from passpost_tools.lint.drafts import Draft

_: Final = Phrases("passpost_tools")

_ACCOUNTS: Final = (("auth", "user"), ("username",), ("user",))
"""Where connectors have the name that they authenticate with."""

_SENDER: Final = ("fromEmail",)


def problems_of_set(drafts: Sequence[Draft]) -> Iterator[Problem]:
    """Return the warnings of languages that lack a usage that others have."""
    usages = list(dict.fromkeys(d.usage for d in drafts if d.usage in FLOW_USAGES))
    languages: dict[str, Draft] = {}
    for draft in drafts:
        if draft.locale:
            languages.setdefault(_language(draft), draft)
    for language, first in languages.items():
        served = {draft.usage for draft in drafts if _language(draft) == language}
        missing = [usage for usage in usages if usage not in served]
        if missing:
            names = [f"`{usage}`" for usage in missing]
            locale = first.text("locale")
            message = _("no template in `{locale}` for {names}", locale=locale, names=names)
            remedy = _("add one: readers get another language, or no email")
            yield first.problem("locale", "W218", message, remedy)


def _language(draft: Draft) -> str:
    return draft.locale.partition("-")[0]


def problems_of_senders(
    settings: Settings, path: tuple[str | int, ...], drafts: Sequence[Draft]
) -> Iterator[Problem]:
    """Return the warnings of senders in another domain than the account.

    Args:
        settings: The whole file.
        path: Where the connector's own settings are.
        drafts: The connector's templates.
    """
    own = settings.sub(*path) if path else settings
    account = next((found for where in _ACCOUNTS if (found := _domain(_at(own, where)))), "")
    if not account:
        return
    senders = [((*path, *_SENDER), _at(own, _SENDER))]
    senders += [((*draft.path, "sendFrom"), draft.text("sendFrom")) for draft in drafts]
    for where, sender in senders:
        domain = _domain(sender)
        if domain and not _related(domain, account):
            message = _("the account is in another domain, {domain}", domain=f"`{account}`")
            remedy = _("use an address of the account, or one that the provider has verified")
            yield settings.problem(where, message, remedy, severity="warning", code="W301")


def _at(own: Mapping[str, Any], path: Sequence[str]) -> Any:
    value: Any = own
    for step in path:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def _domain(address: Any) -> str:
    """Return the domain of an address in lower case; empty where there is none to compare."""
    if not isinstance(address, str) or is_placeholder(address):
        return ""
    before, at, domain = address.strip().removesuffix(">").rpartition("@")
    plain = at and before and "{{" not in domain and "<" not in domain and "." in domain
    return domain.lower() if plain else ""


def _related(one: str, other: str) -> bool:
    return f".{one}".endswith(f".{other}") or f".{other}".endswith(f".{one}")

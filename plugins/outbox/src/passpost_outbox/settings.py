"""The section ``outbox`` of an application's settings file."""

# No postponed annotations here: the types of settings are looked up at run time.
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Final, Protocol

import attrs

from passpost import ConfigError, Finding, Problem, Secret, config
from passpost.phrases import Phrases
from passpost_outbox.checking import check_keys, check_store
from passpost_outbox.keys import SHORTEST_SECRET, Keys
from passpost_outbox.records import GREATEST_PRIORITY, is_priority
from passpost_outbox.store import OutboxStore

_ = Phrases("passpost_outbox")

STORES_GROUP: Final = "passpost.outbox_stores"
"""The entry point group of stores: name = that in settings, value = the class of their settings."""

_REFERENCES: Final = "E05"
"""How the codes of problems with references begin."""

_MAKE_ONE: Final = _("make one with `python -c 'import secrets; print(secrets.token_hex(32))'`")


class StoreSettings(Protocol):
    """The settings of a store, as a package offers them to settings files.

    An attrs class whose fields are the settings, named by an entry point of the group
    ``passpost.outbox_stores``::

        @attrs.frozen(kw_only=True)
        class AcmeSettings:
            url: Secret = config.field(title={"en": "URL"})

            def open_store(self, folder: Path) -> OutboxStore:
                return AcmeStore(self.url)
    """

    def open_store(self, folder: Path) -> OutboxStore:
        """Return the store; it connects to nothing before it is used.

        Args:
            folder: Where relative paths begin: that of the settings file.
        """
        ...


def missing_extra(name: str) -> Problem:
    """Return the problem of a store whose extra of this package is not installed.

    Args:
        name: The name of the store, and of the extra.
    """
    message = _("what the store {name} requires is not installed", name=name)
    remedy = _("install it with `pip install 'passpost-outbox[{name}]'`", name=name)
    return Problem("use", message, remedy, code="E440")


@attrs.frozen(kw_only=True)
class SqliteSettings:
    """A file that the processes of one machine share.

    Attributes:
        path: The file.
    """

    title: ClassVar = {"en": "with `sqlite`", "zh-CN": "使用 `sqlite` 时"}

    path: str = config.field(
        minimum=1,
        example="/var/lib/passpost/outbox.sqlite",
        title={"en": "File", "zh-CN": "文件"},
        description={
            "en": "The SQLite file, on a local disk; a relative path starts at the settings file.",
            "zh-CN": "本地磁盘上的 SQLite 文件；相对路径以配置文件所在目录为起点。",
        },
    )

    def open_store(self, folder: Path) -> OutboxStore:
        """Return the store; see `StoreSettings`."""
        # Here, so that only those who use it import sqlite3.
        from passpost_outbox.sqlite import SqliteStore  # noqa: PLC0415

        return SqliteStore(folder / self.path)


@attrs.frozen(kw_only=True)
class KeysSettings:
    """The keys of the bodies: a folder, or the keys themselves.

    Attributes:
        folder: A folder of keys, which is read again when a key is added or chosen.
        use: The name of the key that encrypts, for keys without a folder.
        values: Keys by their names.
    """

    folder: str | None = config.field(
        default=None,
        minimum=1,
        example="/run/secrets/outbox-keys",
        title={"en": "Folder", "zh-CN": "目录"},
        description={
            "en": "Folder with `NAME.key` and `use`; keys change without a restart.",
            "zh-CN": "包含 `名称.key` 和 `use` 的目录；更换密钥时无需重启进程。",
        },
    )
    use: str | None = config.field(
        default=None,
        minimum=1,
        example="2026-11",
        title={"en": "Key in use", "zh-CN": "当前密钥"},
        description={
            "en": "Name of the key in `values` that encrypts. All of them decrypt.",
            "zh-CN": "`values` 中用于加密的密钥名称；所有密钥均可解密。",
        },
    )
    values: Mapping[str, Secret] = config.field(
        factory=dict,
        title={"en": "Keys", "zh-CN": "密钥"},
        description={
            "en": "Keys by name, each 64 hexadecimal digits. A process reads them when it starts.",
            "zh-CN": "按名称列出的密钥，每个为 64 位十六进制数字；进程在启动时读取。",
        },
    )

    @config.rule("folder", "use", "values")
    def _one_kind(self) -> Iterator[Problem]:
        folder = self.folder is not None
        if folder == bool(self.values):
            message = _("set either `folder` or `values`")
            yield Problem("", message, _('write `"folder": "keys"`'), code="E441")
        elif folder == (self.use is not None):
            message = _("set `use` with `values`, and not with `folder`")
            yield Problem("", message, code="E441")
        elif not folder:
            yield from self._problems_of_values()

    def _problems_of_values(self) -> Iterator[Problem]:
        try:
            self.open_keys(Path())
        except ValueError as error:
            # Its text does not repeat a key.
            yield Problem("", str(error), _MAKE_ONE, code="E441")

    def open_keys(self, folder: Path) -> Keys:
        """Return the keys.

        Args:
            folder: Where relative paths begin: that of the settings file.

        Raises:
            StoreError: The folder of keys cannot be read.
        """
        if self.folder is not None:
            return Keys.from_folder(folder / self.folder)
        # No local variable holds the keys: trackers of errors send those of each frame.
        return Keys(
            {name: secret.reveal() for name, secret in self.values.items()}, use=self.use or ""
        )


@attrs.frozen(kw_only=True)
class OutboxSettings:
    """The section ``outbox``.

    Attributes:
        store: The store: its name in ``use``, and its own settings.
        keys: The keys of the bodies.
        secret: Keys the hashes of recipients and idempotency keys.
        lifetime: Seconds after which an email without a deadline is worth nothing.
        priorities: The priority of each usage; None leaves those of `passpost_outbox.PRIORITIES`.
    """

    store: config.Settings = config.field(
        title={"en": "Store", "zh-CN": "存储"},
        description={
            "en": "`use` names it: `sqlite`, `redis`, `postgres` or an installed package's.",
            "zh-CN": "`use` 为其名称：`sqlite`、`redis`、`postgres` 或其他已安装包提供的名称。",
        },
    )
    keys: KeysSettings = config.field(
        title={"en": "Keys", "zh-CN": "密钥"},
        description={
            "en": "Keys that encrypt the stored emails.",
            "zh-CN": "加密所存邮件的密钥。",
        },
    )
    secret: Secret = config.field(
        example="${file:outbox.secret}",
        title={"en": "Secret", "zh-CN": "哈希密钥"},
        description={
            "en": "Key of the hashes of recipients; the same for all processes, and never changed.",
            "zh-CN": "收件人哈希所用的密钥；所有进程须相同，且不更换。",
        },
    )
    lifetime: float = config.field(
        default=600.0,
        above=0,
        maximum=604_800,
        unit="s",
        title={"en": "Lifetime", "zh-CN": "有效期"},
        description={
            "en": "Time after which an email without a deadline expires.",
            "zh-CN": "没有截止时间的邮件在多久之后过期。",
        },
    )
    priorities: Mapping[str, int] | None = config.field(
        default=None,
        example={"SignIn": 10},
        title={"en": "Priorities", "zh-CN": "优先级"},
        description={
            "en": "Priority of each usage, in place of the default; lower ones are sent first. "
            "From -1000000 to 1000000.",
            "zh-CN": "各用途的优先级，替换默认值；数字小的先发送。取值 -1000000 至 1000000。",
        },
    )

    @staticmethod
    def kinds() -> Mapping[str, Mapping[str, type[Any]]]:
        """Return the classes that the settings within may have, by their key and by ``use``."""
        names = config.names_of_kinds(STORES_GROUP)
        found = {}
        for name in names:
            try:
                found[name] = _kind_of_store(name)
            except config.Invalid:
                # `check` says so to those who use it.
                continue
        return {"store": found}

    @config.rule("secret")
    def _long_enough(self) -> Iterator[Problem]:
        if len(self.secret.reveal()) < SHORTEST_SECRET:
            message = _("shorter than {least} characters", least=SHORTEST_SECRET)
            yield Problem("secret", message, _MAKE_ONE, code="E441")

    @config.rule("priorities")
    def _in_range(self) -> Iterator[Problem]:
        for usage, priority in (self.priorities or {}).items():
            if not is_priority(priority):
                message = _("{number} is out of range", number=priority)
                remedy = _(
                    "use {least} to {greatest}",
                    least=-GREATEST_PRIORITY,
                    greatest=GREATEST_PRIORITY,
                )
                yield Problem(f"priorities.{usage}", message, remedy, code="E442")

    @config.rule("store")
    def _known_store(self) -> Iterator[Problem]:
        try:
            self._store_settings()
        except config.Invalid as error:
            yield Problem("store.use", error.message, error.remedy, code="E440")
        except ConfigError as error:
            for problem in error.problems:
                # Whoever followed the references has reported it, with its place.
                if (problem.code or "").startswith(_REFERENCES):
                    continue
                path = f"store.{problem.path}" if problem.path else "store"
                yield attrs.evolve(problem, path=path)

    def open_store(self, folder: Path) -> OutboxStore:
        """Return the store; it connects to nothing before it is used.

        Args:
            folder: Where relative paths begin: that of the settings file.
        """
        return self._store_settings().open_store(folder)

    async def check(self, folder: Path) -> list[Finding]:
        """Return what `passpost check --connect` says of the store and the keys.

        Args:
            folder: Where relative paths begin: that of the settings file.
        """
        found = await check_store(self.open_store(folder))
        return [*found, check_keys(self.keys, folder)]

    def _store_settings(self) -> StoreSettings:
        own = dict(self.store)
        name = own.pop("use", None)
        if not isinstance(name, str):
            raise config.Invalid(_("required"), _('write `"use": "sqlite"`'))
        # Without places: rules have relative paths.
        settings: StoreSettings = config.parse(_kind_of_store(name), own)
        if unfilled := config.placeholders(settings):
            raise ConfigError(unfilled)
        return settings


def _kind_of_store(name: str) -> type[Any]:
    kind: type[Any] = config.find_kind(STORES_GROUP, name)
    return kind

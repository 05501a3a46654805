"""The names in a connector package, all of which follow from the connector's id."""

from __future__ import annotations

import re
from typing import Final, Self

import attrs

from passpost_cli.language import _

MAX_ID: Final = 30
"""Characters in the id of a new connector: more would break the lines of the code made for it."""

_ID: Final = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_PREFIX: Final = "passpost-"


@attrs.frozen
class Names:
    """The names in a connector package; `Names.of` checks the id.

    Attributes:
        id: What settings call the connector: ``acme-mail``.
    """

    id: str

    @classmethod
    def of(cls, connector: str) -> Self:
        """Return the names that follow from an id.

        Raises:
            ValueError: It is not valid; the text says what is, and does not repeat it.
        """
        if connector.startswith(_PREFIX):
            raise ValueError(
                _("leave {prefix} out: it is put before the name of the package", prefix=_PREFIX)
            )
        if not _ID.fullmatch(connector):
            raise ValueError(
                _(
                    "a name is lower case letters, digits and single hyphens, and begins "
                    "with a letter"
                )
            )
        if len(connector) > MAX_ID:
            raise ValueError(_("a name has at most {max_id} characters", max_id=MAX_ID))
        return cls(connector)

    @property
    def distribution(self) -> str:
        """What is installed: ``passpost-acme-mail``."""
        return _PREFIX + self.id

    @property
    def package(self) -> str:
        """What is imported: ``passpost_acme_mail``."""
        return self.distribution.replace("-", "_")

    @property
    def title(self) -> str:
        """What people read: ``Acme Mail``."""
        return self.id.replace("-", " ").title()

    @property
    def words(self) -> dict[str, str]:
        """What stands for each placeholder of the templates."""
        return {
            "id": self.id,
            "distribution": self.distribution,
            "package": self.package,
            "title": self.title,
            "class": self.title.replace(" ", ""),
            "env": self.id.replace("-", "_").upper(),
        }

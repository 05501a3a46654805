"""A package for an author to start from: what ``passpost new`` writes.

::

    names = Names.of("acme-mail")
    write(files(names), Path(names.distribution))

`extension_files` returns those of an extension.

The files are in the folders of ``templates``: ``connector``, ``extension`` and ``shared``. ``@id@``
and its like stand for the names, in paths too, ``dot-`` at the beginning of a name for a dot, and
``.in`` at its end keeps tools away.

``python -m passpost_cli.scaffold`` rewrites the reference of settings in a package's guides.
"""

from __future__ import annotations

from passpost_cli.scaffold.files import INSTALL, extension_files, files
from passpost_cli.scaffold.folder import write
from passpost_cli.scaffold.names import Names

__all__ = ["INSTALL", "Names", "extension_files", "files", "write"]

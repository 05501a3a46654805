"""One request to one page: who asks, in which language, and how to answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import attrs
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from passpost_console.language import NAMES
from passpost_console.rendering import quoted, render, say
from passpost_tools.setup.questions import is_unset

if TYPE_CHECKING:
    from passpost_console.inbox.service import Inbox
    from passpost_console.workspace import Workspace


@attrs.frozen
class Page:
    """A page of the console; `passpost_console.pages.PAGES` lists them.

    Attributes:
        path: Its path within the console, with Starlette's placeholders: ``/connectors/{name}``.
        answer: Answers a visit; it runs in a thread.
        title: What the navigation calls it; None leaves it out of the navigation.
        posts: Whether it takes forms, too.
    """

    path: str
    answer: Callable[[Visit], Response]
    title: str | None = None
    posts: bool = False


@attrs.frozen(eq=False)
class Visit:
    """One request to one page.

    Attributes:
        request: The request.
        pages: All pages, for the navigation.
        language: The reader's language, as a BCP 47 tag.
        form: The fields of the form that was sent, the latest of each name; empty for a GET.
        name: What the head of each page calls the site.
        settings: The settings file, where there is one.
        inbox: The development inbox, likewise.
        entered: Whether the browser can sign out.
    """

    request: Request
    pages: tuple[Page, ...]
    language: str
    form: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    name: str = attrs.field(default="", kw_only=True)
    settings: Workspace | None = attrs.field(default=None, kw_only=True)
    inbox: Inbox | None = attrs.field(default=None, kw_only=True)
    entered: bool = attrs.field(default=False, kw_only=True)

    @property
    def workspace(self) -> Workspace:
        """The settings file, for pages that are about it."""
        if self.settings is None:
            raise AssertionError("a page about settings on a site without any")
        return self.settings

    @property
    def is_change(self) -> bool:
        """Whether a form was sent."""
        return self.request.method == "POST"

    @property
    def arguments(self) -> Mapping[str, Any]:
        """What the placeholders of the path stand for."""
        return self.request.path_params

    @property
    def query(self) -> Mapping[str, str]:
        """The query of the URL."""
        return self.request.query_params

    @property
    def path(self) -> str:
        """The path within the console, with each character as it is."""
        full, root = str(self.request.scope["path"]), self._root
        return full.removeprefix(root) or "/" if full.startswith(root) else full

    @property
    def here(self) -> str:
        """The path within the console with its query, to come back to."""
        # A launch token that was used up is in no page either.
        asked = [(k, v) for k, v in self.request.query_params.multi_items() if k != "token"]
        return self.path + (f"?{urlencode(asked)}" if asked else "")

    def url(self, path: str, /, **query: str) -> str:
        """Return the URL of a page of the console, wherever the console is mounted.

        Args:
            path: The path within the console, with each character as it is.
            query: The query.
        """
        return quote(self._root + path) + (f"?{urlencode(query)}" if query else "")

    def say(self, text: str) -> str:
        """Return a phrase in the reader's language, and any other text as it is."""
        return say(text, self.language)

    def show(self, template: str, status: int = 200, **values: Any) -> Response:
        """Answer with a page."""
        # Settings may contain half a character, which no response can.
        page = self.rendered(template, **values).encode("utf-8", "replace")
        return HTMLResponse(page, status)

    def rendered(self, template: str, **values: Any) -> str:
        """Return a page, or a part of one, as HTML."""
        return render(
            template,
            self.language,
            visit=self,
            url=self.url,
            quoted=lambda text: quoted(text, self.language),
            is_unset=is_unset,
            languages=NAMES,
            file=self.name,
            **{"entered": self.entered, **values},
        )

    def go(self, path: str, /, **query: str) -> Response:
        """Answer with a redirect to another page of the console."""
        return RedirectResponse(self.url(path, **query), 303)

    @property
    def _root(self) -> str:
        root: str = self.request.scope.get("root_path", "")
        return root.rstrip("/")

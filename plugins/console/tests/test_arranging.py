"""Connectors are moved and removed from the overview, and comments stay."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from console_driving import SECRET, TEXT, Client
from console_forms import form

from passpost import config

ROUTES = TEXT.replace(
    '  "templates": [',
    """  "delivery": {
    // Codes go out fast.
    "routes": {"SignIn": ["backup", "primary"], "*": ["primary"]}, // for now
    "weights": {"primary": 3, "backup": 1}, "rates": {"backup": "9/s"},
  },
  "templates": [""",
)


def changed(client: Client, change: str, name: str, route: str = "") -> httpx.Response:
    """Press a button of the overview."""
    version = form(client.get("/settings"), "/settings")["version"]
    return client.post("/", {"version": version, change: name, "route": route})


def saved(client: Client, response: httpx.Response) -> None:
    assert response.status_code == 200, response.text
    answer = client.post("/save", form(response, "/save"))
    assert answer.headers["location"] == "/?saved=1"
    assert "Saved." in client.get("/?saved=1").text


def test_the_order_is_changed_with_its_comments(client: Client, file: Path) -> None:
    response = changed(client, "down", "primary")
    assert SECRET not in response.text
    assert file.read_text("utf-8") == TEXT
    saved(client, response)
    text = file.read_text("utf-8")
    first, second = TEXT.index("    // The first one."), TEXT.index('    "backup"')
    end = TEXT.index('  },\n  "templates"')
    assert text == TEXT[:first] + TEXT[second:end] + TEXT[first:second] + TEXT[end:]
    saved(client, changed(client, "up", "primary"))
    assert list(config.read(file.read_text("utf-8"))["connectors"]) == ["primary", "backup"]


def test_a_connector_is_removed_and_comments_beside_it_stay(client: Client, file: Path) -> None:
    response = changed(client, "remove", "primary")
    assert SECRET not in response.text
    saved(client, response)
    text = file.read_text("utf-8")
    assert list(config.read(text)["connectors"]) == ["backup"]
    assert text.startswith("// What we send through.\n{\n")
    assert "// The first one.\n" in text
    assert "STARTTLS" not in text


def test_the_only_connector_stays(client: Client, file: Path) -> None:
    saved(client, changed(client, "remove", "primary"))
    before = file.read_bytes()
    page = client.get("/").text
    assert "Remove<" not in page
    assert "Move up" not in page
    response = changed(client, "remove", "backup")
    assert response.status_code == 422
    assert "The last connector cannot be removed" in response.text
    assert file.read_bytes() == before


def test_a_connector_leaves_the_policy_with_itself(client: Client, file: Path) -> None:
    file.write_text(ROUTES, "utf-8")
    saved(client, changed(client, "remove", "backup"))
    delivery = config.read(file.read_text("utf-8"))["delivery"]
    assert delivery["routes"] == {"SignIn": ["primary"], "*": ["primary"]}
    assert delivery["weights"] == {"primary": 3}
    assert delivery["rates"] == {}
    assert "// Codes go out fast." in file.read_text("utf-8")


def test_a_route_is_never_left_empty(client: Client, file: Path) -> None:
    file.write_text(ROUTES, "utf-8")
    response = changed(client, "remove", "primary")
    assert response.status_code == 422
    assert "The route of <code>*</code> has no other connector" in response.text
    response = changed(client, "remove", "primary", "*")
    assert response.status_code == 422
    assert "A route needs at least one connector." in response.text
    assert file.read_text("utf-8") == ROUTES


def test_the_order_of_a_route_is_changed(client: Client, file: Path) -> None:
    file.write_text(ROUTES, "utf-8")
    page = client.get("/").text
    assert "All other usages" in page
    assert "where no route says otherwise" in page
    saved(client, changed(client, "up", "primary", "SignIn"))
    old, new = '["backup", "primary"]', '["primary", "backup"]'
    assert file.read_text("utf-8") == ROUTES.replace(old, new)
    saved(client, changed(client, "remove", "backup", "SignIn"))
    assert file.read_text("utf-8") == ROUTES.replace(old, '["primary"]')


@pytest.mark.parametrize(
    ("change", "name", "route"),
    [
        ("up", "primary", ""), ("down", "backup", ""), ("up", "nobody", ""), ("remove", "", ""),
        ("", "primary", ""), ("up", "primary", "Register"), ("sideways", "primary", ""),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_not_done(
    client: Client, file: Path, change: str, name: str, route: str
) -> None:
    response = changed(client, change, name, route)
    assert response.status_code == 422
    assert "Nothing was saved." in response.text
    assert file.read_text("utf-8") == TEXT


def test_an_order_of_yesterday_is_not_taken(client: Client, file: Path) -> None:
    fields = form(client.get("/"), "/")
    file.write_text(TEXT.replace("587", "465"), "utf-8")
    response = client.post("/", {"version": fields["version"], "down": "primary"})
    assert response.status_code == 409
    assert "the file changed since this page was shown" in response.text


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"connectors": 1}', '{"delivery": 1}'])
def test_a_file_without_connectors_has_nothing_to_arrange(
    client: Client, file: Path, text: str
) -> None:
    version = form(client.get("/"), "/")["version"]
    file.write_text(text, "utf-8")
    assert client.post("/", {"version": version, "up": "primary"}).status_code == 409
    assert 'class="moves"' not in client.get("/").text

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passpost_smtp.mime import dot_stuff

line = st.sampled_from([b"", b".", b"..", b".x", b"x.", b"x", b". ", b"...", b"QUIT"]) | st.binary(
    max_size=8
).map(lambda data: data.replace(b"\r", b"").replace(b"\n", b""))


def unstuffed(sent: bytes) -> bytes:
    """What a server makes of it: RFC 5321 section 4.5.2, line by line."""
    taken: list[bytes] = []
    lines = sent.split(b"\r\n")
    for number, text in enumerate(lines):
        if text == b".":
            assert lines[number + 1 :] == [b""], "something follows the end of the message"
            return b"".join(taken)
        taken.append(text.removeprefix(b".") + b"\r\n")
    raise AssertionError("the message has no end")


@given(st.lists(line))
def test_server_takes_back_the_dots(lines: list[bytes]) -> None:
    data = b"".join(text + b"\r\n" for text in lines)
    assert unstuffed(dot_stuff(data)) == data


@given(st.lists(line, min_size=1), st.sampled_from([b"x", b".", b".x"]))
def test_last_line_is_ended_before_the_final_dot(lines: list[bytes], last: bytes) -> None:
    data = b"".join(text + b"\r\n" for text in lines) + last
    assert unstuffed(dot_stuff(data)) == data + b"\r\n"


@pytest.mark.parametrize(
    ("data", "sent"),
    [
        (b"", b".\r\n"),
        (b"a\r\n", b"a\r\n.\r\n"),
        (b".\r\n", b"..\r\n.\r\n"),
        (b"a\r\n.\r\nRCPT TO:<b@c>\r\n", b"a\r\n..\r\nRCPT TO:<b@c>\r\n.\r\n"),
        (b"a\r\n.\r\n.\r\n", b"a\r\n..\r\n..\r\n.\r\n"),
    ],
)
def test_stuffing(data: bytes, sent: bytes) -> None:
    assert dot_stuff(data) == sent

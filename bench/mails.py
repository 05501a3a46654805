"""The two emails that are sent: a text of some 600 octets, and HTML of 20 KB.

Their lines are at most 76 characters of ASCII, so that every client may send them as they are. Most
would have to encode longer ones, which costs them more than it does passpost.
"""

from __future__ import annotations

from typing import Final

_LINE: Final = "It is good for ten minutes. Nobody of ours will ever ask you for it.\n"

_ROW: Final = (
    '<tr><td style="padding:20px 30px;color:#333333">\n'
    "<p>It is good for ten minutes. Nobody of ours will ask you for it.</p>\n"
    "</td></tr>\n"
)

TEXT: Final = f"Hello,\n\n{{{{code}}}} is your code to sign in.\n\n{_LINE * 8}"

HTML: Final = (
    '<!doctype html>\n<html lang="en"><body><table>\n'
    f"<tr><td><b>{{{{code}}}}</b> is your code to sign in.</td></tr>\n{_ROW * 152}"
    "</table></body></html>\n"
)

KINDS: Final = {"text": TEXT, "HTML": HTML}

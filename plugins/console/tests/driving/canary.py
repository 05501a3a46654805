"""An attacker's HTML, and a server that hears whatever it asks for."""

from __future__ import annotations

import socket
from contextlib import suppress
from threading import Thread
from typing import Final, Self

HOSTILE: Final = """
<!doctype html><html><head>
<base href="CANARY/" target="_top">
<link rel="preconnect" href="CANARY"><link rel="dns-prefetch" href="CANARY">
<LINK rel="stylesheet" href="CANARY/style.css"><link rel="prefetch" href="CANARY/next">
<link rel="icon" href="CANARY/icon"><link rel="modulepreload" href="CANARY/module.js">
<meta http-equiv="refresh" content="0; url=CANARY/refresh">
<meta http-equiv="Content-Security-Policy" content="default-src *">
<meta http-equiv="x-dns-prefetch-control" content="on">
<script type="speculationrules">{"prefetch": [{"urls": ["CANARY/ahead"]}]}</script>
<style>@import url("CANARY/import.css"); @font-face { font-family: x; src: url("CANARY/font"); }
body { background: url("CANARY/background"); font-family: x; cursor: url("CANARY/cursor"), auto; }
</style></head><body onload="fetch('CANARY/onload'); top.location = 'CANARY/top'">
<script>fetch("CANARY/script"); top.document.title = "taken"; location = "CANARY/away"</script>
<script src="CANARY/script.js"></script>
<img src="CANARY/picture" srcset="CANARY/set 2x" onerror="fetch('CANARY/onerror')">
<img src="data:image/svg+xml;base64,SVG"><img src="data:text/html,<script>1</script>">
<picture><source srcset="CANARY/source"><img alt=""></picture>
<video poster="CANARY/poster" src="CANARY/video" autoplay></video>
<audio src="CANARY/audio"></audio>
<iframe src="CANARY/frame"></iframe><iframe src="data:text/html,<img src=CANARY/inner>"></iframe>
<iframe srcdoc="&lt;link rel=preconnect href=CANARY&gt;&lt;script&gt;fetch('CANARY')">
</iframe>
<object data="CANARY/object"></object><embed src="CANARY/embed">
<svg onload="fetch('CANARY/svg')"><image href="CANARY/image"/><use href="CANARY/use#x"/>
<foreignObject><iframe src="CANARY/foreign"></iframe></foreignObject>
<script href="CANARY/svg.js"></script><style>@import "CANARY/svg.css";</style></svg>
<math><mtext><table><mglyph><style><img src="CANARY/math" onerror="fetch('CANARY')"></style></table>
<form id="f" action="CANARY/form" target="_top"><input name="x" autofocus onfocus="f.submit()">
<button id="send">Send</button></form>
<input type="image" src="CANARY/input"><table background="CANARY/table"><tr><td>x</td></tr></table>
<p style="background-image: image-set('CANARY/imageset' 1x); list-style: url(CANARY/list)">x</p>
<a id="top" href="CANARY/link" target="_top" ping="CANARY/ping">top</a>
<a id="own" href="CANARY/own" target="_self">own</a>
<a id="new" href="CANARY/new" target="_blank">new</a>
<a id="run" href="javascript:fetch('CANARY/js')">run</a>
</body></html>
"""
SVG: Final = (
    "PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciIG9ubG9hZD0iZmV0Y2goJy8nKSI+PHNjcmlwdD5"
    "mZXRjaCgnLycpPC9zY3JpcHQ+PC9zdmc+"
)


class Canary:
    """A server that notes each connection, and what comes first on it."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.heard: list[bytes] = []
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = Thread(target=self._listen)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        with socket.create_connection(self._socket.getsockname()) as last:
            last.sendall(b"END")
        self._thread.join(10)
        self._socket.close()

    def _listen(self) -> None:
        while True:
            sock, _ = self._socket.accept()
            with sock:
                sock.settimeout(5)
                said = b""
                # A connection that was opened ahead of time says nothing.
                with suppress(OSError):
                    said = sock.recv(1_000)
            if said == b"END":
                return
            self.heard.append(said)


def hostile(canary: Canary) -> str:
    return HOSTILE.replace("CANARY", canary.url).replace("SVG", SVG)

"""A headless Chromium, driven over its debugging pipe: keys, pointer, pictures, complaints.

No driver is needed: messages of the DevTools protocol are JSON, each ended by a zero byte.
"""

import base64
import fcntl
import json
import os
import shutil
import signal
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_KEYS = {
    "Tab": (9, None),
    "Enter": (13, "\r"),
    " ": (32, " "),
    "Escape": (27, None),
    "ArrowLeft": (37, None),
    "ArrowUp": (38, None),
    "ArrowRight": (39, None),
    "ArrowDown": (40, None),
    "+": (187, "+"),
    "-": (189, "-"),
    "0": (48, "0"),
}


def find():
    """Chromium's program; the test is skipped where there is none."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"no browser: none of {', '.join(NAMES)} is installed")
    return found


class Browser:
    """One browser with one tab."""

    def __init__(self, folder):
        there, self._out = map(_high, os.pipe())
        self._in, back = map(_high, os.pipe())
        words = [find(), "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        words += ["--remote-debugging-pipe", f"--user-data-dir={folder}", "--no-first-run"]
        words += ["--disable-background-networking", "--force-color-profile=srgb", "about:blank"]
        quiet = [(os.POSIX_SPAWN_OPEN, n, os.devnull, os.O_WRONLY, 0) for n in (1, 2)]
        pipes = [(os.POSIX_SPAWN_DUP2, there, 3), (os.POSIX_SPAWN_DUP2, back, 4)]
        self._process = os.posix_spawn(words[0], words, os.environ, file_actions=quiet + pipes)
        os.close(there)
        os.close(back)
        self._buffer = b""
        self._number = 0
        self._session = None
        self.events = []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        found = self.send("Target.attachToTarget", targetId=target, flatten=True)
        self._session = found["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")
        self.send("Emulation.setFocusEmulationEnabled", enabled=True)

    def close(self):
        os.close(self._out)
        os.close(self._in)
        os.kill(self._process, signal.SIGTERM)
        os.waitpid(self._process, 0)

    def send(self, method, **params):
        """Asks and waits for the answer."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            found = self._message()
            if found.get("id") == self._number:
                assert "error" not in found, found["error"]
                return found["result"]

    def open(self, path, width=1200, height=900, media="screen", scheme="light"):
        """Opens a page and waits until it is there."""
        self.events = []
        self.look(width, height, media, scheme)
        self.send("Page.navigate", url=Path(path).as_uri())
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self._message()  # however long it takes where all processors are busy

    def look(self, width=1200, height=900, media="screen", scheme="light"):
        """Size, medium and colour scheme."""
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.send("Emulation.setEmulatedMedia", media=media, features=features)

    def value(self, script):
        """What a script says; its promise is awaited."""
        found = self.send(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def press(self, key, shift=False):
        """A key, down and up."""
        code, text = _KEYS[key]
        facts = {"key": key, "windowsVirtualKeyCode": code, "modifiers": 8 if shift else 0}
        more = {} if text is None else {"text": text}
        self.send("Input.dispatchKeyEvent", type="keyDown", **facts, **more)
        self.send("Input.dispatchKeyEvent", type="keyUp", **facts)

    def mouse(self, kind, x, y, button="none", clicks=0):
        """`Moved`, `Pressed` or `Released`."""
        held = 1 if button == "left" and kind != "Released" else 0
        self.send(
            "Input.dispatchMouseEvent",
            type=f"mouse{kind}",
            x=x,
            y=y,
            button=button,
            buttons=held,
            clickCount=clicks,
        )

    def picture(self, path=None, whole=True):
        """A PNG of the page."""
        data = self.send("Page.captureScreenshot", captureBeyondViewport=whole)["data"]
        return _kept(base64.b64decode(data), path)

    def printed(self, path=None):
        """A PDF of the page."""
        data = self.send("Page.printToPDF", printBackground=False, paperWidth=8.27)["data"]
        return _kept(base64.b64decode(data), path)

    def complaints(self):
        """Console messages, errors, and requests for anything but the page itself."""
        self.value("1")  # what came before has arrived
        found = []
        for event in self.events:
            method, params = event["method"], event["params"]
            if method in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded"):
                found.append(json.dumps(params)[:500])
            elif method == "Network.requestWillBeSent":
                url, document = params["request"]["url"], params["type"] == "Document"
                if not url.startswith("data:") and not (document and url.startswith("file:")):
                    found.append(url)
        return found

    def _message(self):
        while b"\0" not in self._buffer:
            more = os.read(self._in, 1 << 20)
            assert more, "the browser ended"
            self._buffer += more
        line, self._buffer = self._buffer.split(b"\0", 1)
        found = json.loads(line)
        if "method" in found:
            self.events.append(found)
        return found


def _high(descriptor):
    """The same file under a number that the browser's own, 3 and 4, cannot meet."""
    return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 10)


def _kept(data, path):
    if path is not None:
        Path(path).write_bytes(data)
    return data

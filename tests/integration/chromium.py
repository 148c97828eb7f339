"""A real browser: headless Chromium, driven through its DevTools protocol over a pipe.

It is used as a person uses it: things are found by what they are called, clicks and keys go
through the browser's own input, and what is asserted is what the page shows.

Source: https://chromedevtools.github.io/devtools-protocol/
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections import deque
from pathlib import Path
from typing import Any, Self
from unittest import SkipTest

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
TIMEOUT_SECONDS = 30  #: for any one answer of the browser, and for a page to load
WIDTH, HEIGHT = 640, 480
_OPTIONS = (
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-lcd-text",
    "--disable-sync",
    "--hide-scrollbars",
    "--no-proxy-server",
    f"--window-size={WIDTH},{HEIGHT}",
)
#: Finds what is called `name` among elements; the text around a nested field is its label.
_FIND = """
(selector, name) => [...document.querySelectorAll(selector)].find(element => {
    const label = element.labels && element.labels[0];
    const own = element.getAttribute("aria-label");
    const said = own || (label ? label.firstChild.textContent : element.textContent);
    return said.trim() === name;
})
"""


class Chromium:
    """A browser process.  As a context manager it ends with all that it has written.

    :raises SkipTest: none is installed.
    """

    def __init__(self) -> None:
        program = next(filter(None, map(shutil.which, PROGRAMS)), None)
        if program is None:
            raise SkipTest("chromium is not installed")
        self._folder = tempfile.mkdtemp(prefix="pods-chromium-")
        from_browser, its_output = _high_pipe()
        its_input, to_browser = _high_pipe()
        self._reading, self._writing = from_browser, to_browser
        root = ("--no-sandbox",) if os.geteuid() == 0 else ()  # it refuses to run otherwise

        def connect() -> None:
            os.dup2(its_input, 3)
            os.dup2(its_output, 4)

        self._process = subprocess.Popen(
            (program, *_OPTIONS, *root, f"--user-data-dir={self._folder}", "about:blank"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"HOME": self._folder},
            pass_fds=(3, 4),
            preexec_fn=connect,
        )
        os.close(its_input)
        os.close(its_output)
        self._messages: deque[dict[str, Any]] = deque()
        self._unread = b""
        self._last_id = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        os.close(self._writing)  # it ends with its pipe
        try:
            self._process.wait(TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._reading)
        shutil.rmtree(self._folder, ignore_errors=True)

    def visitor(self) -> Visitor:
        """Somebody with cookies of their own."""
        context = self.call("Target.createBrowserContext")["browserContextId"]
        target = self.call("Target.createTarget", url="about:blank", browserContextId=context)
        attached = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        return Visitor(self, attached["sessionId"])

    def call(self, method: str, session: str | None = None, **parameters: Any) -> Any:
        """Have something done; what comes of it.

        :raises AssertionError: the browser says no.
        """
        self._last_id += 1
        message = {"id": self._last_id, "method": method, "params": parameters}
        if session is not None:
            message["sessionId"] = session
        os.write(self._writing, json.dumps(message).encode() + b"\0")
        answer = self._next(lambda received: received.get("id") == message["id"], method)
        if "error" in answer:
            raise AssertionError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def forget(self, session: str) -> None:
        """Forget what has happened on a page until now."""
        kept = (one for one in self._messages if one.get("sessionId") != session)
        self._messages = deque(kept)

    def wait(self, event: str, session: str) -> None:
        """Until this happens on a page, or has happened since :meth:`forget`."""
        self._next(
            lambda received: (
                (received.get("method"), received.get("sessionId")) == (event, session)
            ),
            event,
        )

    def _next(self, wanted: Any, what: str) -> dict[str, Any]:
        """The first message that is wanted; others are kept."""
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while True:
            for message in self._messages:
                if wanted(message):
                    self._messages.remove(message)
                    return message
            self._receive(deadline, what)

    def _receive(self, deadline: float, what: str) -> None:
        readable, _, _ = select.select([self._reading], [], [], deadline - time.monotonic())
        data = os.read(self._reading, 1 << 20) if readable else b""
        if not data:
            raise AssertionError(f"the browser did not answer {what}")
        *messages, self._unread = (self._unread + data).split(b"\0")
        self._messages.extend(map(json.loads, messages))


def _high_pipe() -> tuple[int, int]:
    """A pipe whose ends are not 3 or 4, which are the browser's."""
    ends = os.pipe()
    high = tuple(fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends)
    for end in ends:
        os.close(end)
    return high[0], high[1]


class Visitor:
    """Somebody at a browser's window."""

    def __init__(self, browser: Chromium, session: str) -> None:
        self._browser = browser
        self._session = session
        self._call("Page.enable")
        self._call("Emulation.setFocusEmulationEnabled", enabled=True)

    def _call(self, method: str, **parameters: Any) -> Any:
        return self._browser.call(method, self._session, **parameters)

    # -- looking -------------------------------------------------------------

    def evaluate(self, expression: str) -> Any:
        """What the page's own script would see."""
        answer = self._call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in answer:
            raise AssertionError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    @property
    def at(self) -> str:
        """The path and query of the page."""
        return str(self.evaluate("location.pathname + location.search"))

    @property
    def heading(self) -> str:
        """What the page is headed."""
        return str(self.evaluate("document.querySelector('h1').innerText"))

    @property
    def text(self) -> str:
        """All that the page shows."""
        return str(self.evaluate("document.body.innerText"))

    @property
    def answered_by(self) -> str:
        """The pod and the region that the page names."""
        return str(self.evaluate("document.querySelector('footer').innerText")).strip()

    @property
    def focused(self) -> str:
        """The name, role or text of what has the focus."""
        return str(
            self.evaluate(
                "(e => e.id || e.getAttribute('role') || e.name || e.innerText)"
                "(document.activeElement)"
            )
        )

    def roles(self) -> list[tuple[str, str]]:
        """Role and name of all that a screen reader is told of."""
        nodes = self._call("Accessibility.getFullAXTree")["nodes"]
        return [
            (node["role"]["value"], node.get("name", {}).get("value", ""))
            for node in nodes
            if not node["ignored"]
        ]

    def picture(self, path: Path) -> None:
        """The whole page as a PNG."""
        height = self.evaluate("Math.ceil(document.documentElement.getBoundingClientRect().height)")
        clip = {"x": 0, "y": 0, "width": WIDTH, "height": height, "scale": 1}
        taken = self._call("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(taken["data"]))
        self._drawn(int(self.evaluate("innerWidth")))

    def narrowed(self, width: int) -> int:
        """How wide the page is in a window of that width: more if it must be scrolled."""
        wide = int(self.evaluate("innerWidth"))
        size = {"width": width, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": False}
        self._call("Emulation.setDeviceMetricsOverride", **size)
        found = self.evaluate("document.documentElement.scrollWidth")
        self._call("Emulation.clearDeviceMetricsOverride")
        self._drawn(wide)
        return int(found)

    def _drawn(self, width: int) -> None:
        """Wait until the page has been drawn in a window of that width: clicks go to where things
        were drawn last."""
        drawn = (
            f"new Promise(done => {{ const look = () => innerWidth === {width}"
            " ? requestAnimationFrame(() => requestAnimationFrame(done))"
            " : requestAnimationFrame(look); look(); })"
        )
        self._call("Runtime.evaluate", expression=drawn, awaitPromise=True)

    # -- acting --------------------------------------------------------------

    def go(self, url: str) -> None:
        """Open a URL, and wait until the page is there."""
        self._browser.forget(self._session)
        answer = self._call("Page.navigate", url=url)
        if "errorText" in answer:
            raise AssertionError(f"{url}: {answer['errorText']}")
        self._loaded()

    def click(self, name: str) -> None:
        """Click the link or button of that name, and wait for the page that it leads to."""
        self._browser.forget(self._session)
        self._point("a, button", name)
        self._loaded()

    def fill(self, label: str, text: str) -> None:
        """Write into the field of that name, instead of what is in it."""
        self._point("input", label)
        self.evaluate("document.activeElement.select()")
        self._call("Input.insertText", text=text)

    def mark(self, label: str) -> None:
        """Choose one of several."""
        self._point("label", label)

    def choose(self, label: str, option: str) -> None:
        """Choose from a drop-down list, by typing as one does with a keyboard."""
        found = self.evaluate(
            f"(e => (e.focus(), e.tagName))(({_FIND})('select', {json.dumps(label)}))"
        )
        assert found == "SELECT", label
        for letter in option:
            self._call("Input.dispatchKeyEvent", type="keyDown", key=letter, text=letter)
            self._call("Input.dispatchKeyEvent", type="keyUp", key=letter)
        chosen = self.evaluate("document.activeElement.selectedOptions[0].text")
        assert chosen == option, f"{chosen}, not {option}"

    def send(self) -> None:
        """Press Enter in a form, and wait for the page that it leads to."""
        self._browser.forget(self._session)
        self.press("Enter")
        self._loaded()

    def press(self, key: str) -> None:
        """Press Tab or Enter."""
        code = {"Tab": 9, "Enter": 13}[key]
        text = {"text": "\r"} if key == "Enter" else {}
        common = {"key": key, "code": key, "windowsVirtualKeyCode": code}
        self._call("Input.dispatchKeyEvent", type="keyDown", **common, **text)
        self._call("Input.dispatchKeyEvent", type="keyUp", **common)

    def _point(self, selector: str, name: str) -> None:
        """Click in the middle of what has this name."""
        middle = self.evaluate(
            "(e => { if (!e) return null; e.scrollIntoView({block: 'center'});"
            " const box = e.getBoundingClientRect();"
            " return [box.x + box.width / 2, box.y + box.height / 2]; })"
            f"(({_FIND})({json.dumps(selector)}, {json.dumps(name)}))"
        )
        if middle is None:
            raise AssertionError(f"nothing on {self.at} is called {name!r}")
        where = {"x": middle[0], "y": middle[1], "button": "left", "clickCount": 1}
        self._call("Input.dispatchMouseEvent", type="mousePressed", **where)
        self._call("Input.dispatchMouseEvent", type="mouseReleased", **where)

    def _loaded(self) -> None:
        self._browser.wait("Page.loadEventFired", self._session)

"""A browser, as far as sites without scripts need one."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from http.cookiejar import CookieJar
from random import Random
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, ProxyHandler, Request, build_opener

from tests.integration.support import MIB, PATIENCE_SECONDS, Answer

UPLOAD_BYTES = 100 * MIB
_BOUNDARY = "the-form-ends-here-4b1f"


class Browser:
    """Keeps cookies, follows redirects and fills in forms.

    :param address: host and port of the site.
    """

    def __init__(self, address: tuple[str, int]) -> None:
        self.visit(address)
        self._cookies = CookieJar()
        self._opener = build_opener(ProxyHandler({}), HTTPCookieProcessor(self._cookies))

    def visit(self, address: tuple[str, int]) -> None:
        """Go on at another router or pod; cookies do not know of ports."""
        self.url = f"http://{address[0]}:{address[1]}"

    @property
    def cookie_header(self) -> dict[str, str]:
        """The cookies, for a client that has none of its own."""
        return {"Cookie": "; ".join(f"{c.name}={c.value}" for c in self._cookies)}

    def open(self, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        """What comes back in the end: POST with a body, else GET."""
        request = Request(f"{self.url}{path}", body, {"Origin": self.url, **(headers or {})})
        try:
            response: Any = self._opener.open(request, timeout=PATIENCE_SECONDS)
        except HTTPError as error:
            response = error
        with response:
            names = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status, names, response.read())

    def submit(self, path: str, **fields: str) -> Answer:
        """Fill in the form on a page and send it."""
        fields = {**self.hidden(path), **fields}
        return self.open(path, urlencode(fields).encode())

    def upload(
        self,
        path: str,
        field: str,
        hidden: Mapping[str, str] | None = None,
        size_bytes: int = UPLOAD_BYTES,
    ) -> tuple[Answer, str]:
        """Send a file of random bytes by the form on a page; and the SHA-256 of the file.

        :param hidden: the form's hidden fields, if the page has been looked at before.
        """
        parts = "".join(
            f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in (self.hidden(path) if hidden is None else hidden).items()
        )
        before = (
            f"{parts}--{_BOUNDARY}\r\nContent-Disposition: form-data;"
            f' name="{field}"; filename="large.bin"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        ).encode()
        after = f"\r\n--{_BOUNDARY}--\r\n".encode()
        digest = hashlib.sha256()

        def body() -> Iterator[bytes]:
            yield before
            yield from random_bytes(size_bytes, digest)
            yield after

        headers = {
            "Content-Type": f"multipart/form-data; boundary={_BOUNDARY}",
            "Content-Length": str(len(before) + size_bytes + len(after)),
        }
        return self.open(path, body(), headers), digest.hexdigest()

    def sha256_of(self, path: str) -> str:
        """Of what a path gives, which is not held."""
        with self._opener.open(f"{self.url}{path}", timeout=PATIENCE_SECONDS) as response:
            return hashlib.file_digest(response, "sha256").hexdigest()

    def hidden(self, path: str) -> dict[str, str]:
        """The hidden fields of the form on a page, such as the token against forged forms."""
        page = self.open(path).body.decode()
        inputs = re.findall(r'<input[^>]*type="hidden"[^>]*>', page)
        return {_attribute(tag, "name"): _attribute(tag, "value") for tag in inputs}


def _attribute(tag: str, name: str) -> str:
    found = re.search(rf'\b{name}="([^"]*)"', tag)
    return found[1] if found else ""


def random_bytes(size_bytes: int, digest: Any) -> Iterator[bytes]:
    """So many bytes, never more than 1 MiB at once, that the digest gets as well."""
    random = Random(size_bytes)
    while size_bytes > 0:
        chunk = random.randbytes(min(size_bytes, MIB))
        size_bytes -= len(chunk)
        digest.update(chunk)
        yield chunk

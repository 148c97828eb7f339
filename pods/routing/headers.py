"""A request's headers as strategies and delay policies see them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import final


@final
class Headers:
    """A read-only view of header fields, by name in any case.

    Nothing is copied or decoded before it is asked for.

    :param fields: name and value of each field, in the order of the wire.
    """

    __slots__ = ("_fields",)

    def __init__(self, fields: Sequence[tuple[bytes, bytes]]) -> None:
        self._fields = fields

    def get(self, name: str) -> str | None:
        """The value of the first field of that name, or None."""
        wanted = _key(name)
        for field, value in self._fields:
            if field.lower() == wanted:
                return value.decode("latin-1")
        return None

    def get_all(self, name: str) -> list[str]:
        """The values of all fields of that name, in order."""
        wanted = _key(name)
        return [value.decode("latin-1") for field, value in self._fields if field.lower() == wanted]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Name and value of each field, in order, the name as it was sent."""
        for field, value in self._fields:
            yield field.decode("latin-1"), value.decode("latin-1")

    def __len__(self) -> int:
        return len(self._fields)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and list(self) == list(other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        # Names only: values may be credentials, and a repr ends up in logs.
        return f"<Headers {', '.join(name for name, _ in self)}>"


def _key(name: str) -> bytes:
    # UTF-8, so that a name outside of ASCII finds nothing instead of raising.
    return name.lower().encode("utf-8")

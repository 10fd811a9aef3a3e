"""Failures of rings."""

from __future__ import annotations

__all__ = ["RingError"]


class RingError(Exception):
    """A ring cannot do what was asked, and not for want of room or messages.

    `code` is one of the codes that TypeScript has for the same failure, such as
    `ERR_RING_NOT_FOUND`; match on it. Misuse that never reaches a ring (a text that is too long, a
    message of another struct) is a `TypeError` or `ValueError`, a wait that took too long is a
    `TimeoutError`.
    """

    code: str

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code

    def __str__(self) -> str:
        return f"{self.code}: {self.args[0]}"

    def __reduce__(self) -> tuple[type[RingError], tuple[str, str]]:
        return (type(self), (self.code, self.args[0]))

"""Keeping a key out of everything that is kept."""

import re

REDACTED = b"REDACTED"


class Redaction:
    """Takes a key out of bodies, also where it is percent-encoded or escaped."""

    def __init__(self, key: str) -> None:
        self._key = key.encode()
        # Replacing goes over a body in no time, the pattern does not, and keys of letters and digits need no pattern.
        self._pattern = None if key.isalnum() else _pattern(key)

    def __call__(self, body: bytes) -> bytes:
        """The body, less the key."""
        body = body.replace(self._key, REDACTED)
        body = self._pattern.sub(REDACTED, body) if self._pattern else body
        # An answer that was cut off on the way may end in the middle of the key.
        begun = next((n for n in range(len(self._key) - 1, 3, -1) if body.endswith(self._key[:n])), 0)
        return body[: len(body) - begun] + REDACTED if begun else body


def _pattern(key: str) -> re.Pattern[bytes]:
    """The key as it may stand in an answer: each sign that is no letter or digit plain, percent-encoded or escaped."""

    def sign(char: str) -> str:
        code = f"{ord(char):02x}"
        return rf"(?:\\?{re.escape(char)}|(?i:%(?:25)*{code}|\\u00{code}))"

    return re.compile("".join(char if char.isalnum() else sign(char) for char in key).encode())

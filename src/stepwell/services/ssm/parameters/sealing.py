"""How SecureStrings are kept: sealed before they reach the store, opened only for who asks for decryption."""

from __future__ import annotations

from typing import Protocol

#: the key that AWS takes where a request names none
DEFAULT_KEY = "alias/aws/ssm"


class Sealer(Protocol):
    """Seals text under the server's own key; what was sealed for one purpose opens for no other."""

    def seal(self, text: str, purpose: str) -> str:
        """The sealed text. Not for decisions: sealing takes randomness."""
        ...

    def open(self, sealed: str, purpose: str) -> str:
        """The text. Raises ValueError when it was changed, or sealed by another key."""
        ...

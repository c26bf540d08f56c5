"""How a kiosk and a rendering server prove to each other that they have the same key, without sending it.

    server -> kiosk   {"schema", "nonce"}
    kiosk -> server   {"schema", "kiosk", "nonce", "proof"}
    server -> kiosk   {"proof"}

A proof is an HMAC-SHA256 over the role of who proves, both nonces, the kiosk's name, the schema of the
messages, and the digest of the server's TLS certificate as each side knows it. So what was recorded proves
nothing the second time, one side's proof is not the other's, and who ends the TLS connection in between
with another certificate cannot pass the proofs on.

`Greeting` is the kiosk's side, `Challenge` the server's; both are pure, and used once.
"""

import hmac
import json
import secrets
from typing import Any

from engine.runtime.codec import schema_sha256

NONCE_BYTES = 32
LONGEST_BYTES = 1024  # of each of the three messages
_STRANGER = secrets.token_bytes(32)  # the key of whoever has none: refused as late as a wrong proof


class Refused(Exception):
    """The other side is not who it says, or speaks another language. The text says so in one line."""


class Challenge:
    """The server's side. keys: by the kiosks' names. certificate_sha256: of its own; empty without TLS."""

    def __init__(self, keys: dict[str, bytes], certificate_sha256: str) -> None:
        self._keys, self._certificate = keys, certificate_sha256
        self._nonce = secrets.token_hex(NONCE_BYTES)

    def opening(self) -> str:
        """The first message."""
        return json.dumps({"schema": schema_sha256(), "nonce": self._nonce})

    def answer(self, text: str) -> tuple[str, str]:
        """The kiosk's name and the third message, after the second. Raises Refused."""
        entries = _entries(text, ("schema", "kiosk", "nonce", "proof"))
        if entries["schema"] != schema_sha256():
            raise Refused("The kiosk has another version of this program than the server: update either.")
        name, nonce = entries["kiosk"], entries["nonce"]
        key = self._keys.get(name, _STRANGER)
        expected = _proof(key, "kiosk", name, self._nonce, nonce, self._certificate)
        if not hmac.compare_digest(expected, entries["proof"]):
            raise Refused("The server does not know this kiosk by this name and key.")
        return name, json.dumps({"proof": _proof(key, "server", name, self._nonce, nonce, self._certificate)})


class Greeting:
    """The kiosk's side. certificate_sha256: of the server, as this connection shows it; empty without TLS."""

    def __init__(self, name: str, key: bytes, certificate_sha256: str) -> None:
        self._name, self._key, self._certificate = name, key, certificate_sha256
        self._nonce = secrets.token_hex(NONCE_BYTES)
        self._server_nonce = ""

    def reply(self, opening: str) -> str:
        """The second message, after the first. Raises Refused."""
        entries = _entries(opening, ("schema", "nonce"))
        if entries["schema"] != schema_sha256():
            raise Refused("The server has another version of this program than the kiosk: update either.")
        self._server_nonce = entries["nonce"]
        proof = self._expected("kiosk")
        return json.dumps(
            {"schema": schema_sha256(), "kiosk": self._name, "nonce": self._nonce, "proof": proof}
        )

    def check(self, text: str) -> None:
        """Checks the third message. Raises Refused."""
        if not hmac.compare_digest(self._expected("server"), _entries(text, ("proof",))["proof"]):
            raise Refused("The server does not have this kiosk's key.")

    def _expected(self, role: str) -> str:
        return _proof(self._key, role, self._name, self._server_nonce, self._nonce, self._certificate)


def _proof(key: bytes, role: str, name: str, server_nonce: str, kiosk_nonce: str, certificate: str) -> str:
    said = "\n".join(("doppelganger", role, name, server_nonce, kiosk_nonce, certificate, schema_sha256()))
    return hmac.new(key, said.encode(), "sha256").hexdigest()


def _entries(text: Any, names: tuple[str, ...]) -> dict[str, str]:
    """The entries of a message of the handshake: short lines of ASCII under exactly these names."""
    try:
        entries = json.loads(text) if isinstance(text, str) and len(text) <= LONGEST_BYTES else None
    except (ValueError, RecursionError):
        entries = None
    if not isinstance(entries, dict) or entries.keys() != set(names):
        raise Refused("The other side does not keep to the handshake.")
    if not all(isinstance(each, str) and each.isascii() and each.isprintable() for each in entries.values()):
        raise Refused("The other side does not keep to the handshake.")
    return entries

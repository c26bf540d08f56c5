"""The tables `[engine]`, of a kiosk, and `[server]`, of a rendering server; see docs/server.md."""

import ipaddress
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from installation.settings.section import Section

LOOPBACK = ("127.0.0.1", "::1", "localhost")


class EngineSettings(Section):
    """Where the engine computes: on this machine, or on a rendering server."""

    server: str = Field("", description="a rendering server's wss://host:port; empty: this machine computes")
    keys: Path | None = Field(None, description="the file with this kiosk's name and key for the server")
    certificate: Path | None = Field(
        None, description="the server's own certificate, PEM; none: one that this system trusts"
    )

    @field_validator("server")
    @classmethod
    def _is_encrypted(cls, server: str) -> str:
        parts = urlsplit(server)  # this and .port raise ValueError
        if not server:
            return server
        if (
            parts.scheme not in ("ws", "wss")
            or not parts.hostname
            or parts.port == 0
            or parts.path.strip("/")
        ):
            raise ValueError("give it as wss://host:port")
        if parts.username is not None or parts.query or parts.fragment:
            raise ValueError("give it as wss://host:port, without anything else")
        if parts.scheme == "ws" and parts.hostname not in LOOPBACK:
            raise ValueError("ws:// sends a visitor's face in the clear: give wss://")
        return server

    @model_validator(mode="after")
    def _has_a_key(self) -> Self:
        if self.server and self.keys is None:
            raise ValueError("server needs keys, the file with this kiosk's name and key")
        return self


class ServerSettings(Section):
    """How `kiosk serve` listens, and how many engines it has."""

    address: str = Field("127.0.0.1", description="of this machine; 0.0.0.0 for all its networks")
    port: int = Field(8765, ge=0, le=65_535, description="the only one that it listens at; 0: any")
    certificate: Path | None = Field(None, description="TLS certificate with its chain, PEM")
    key: Path | None = Field(None, description="its private key, PEM")
    keys: Path | None = Field(None, description="the file with the kiosks' names and keys")
    kiosks: int = Field(16, ge=1, le=256, description="connections at once, at most")
    engines: int = Field(1, ge=1, le=64, description="engines; each carries out one visit at a time")
    pool: Literal["processes", "ray"] = Field(
        "processes", description="what starts the engines: this program, or Ray Serve (the extra `server`)"
    )
    gpus_per_engine: float = Field(
        0.0, ge=0, le=8, description="with ray: the share of a GPU that an engine reserves, such as 0.5"
    )

    @field_validator("address")
    @classmethod
    def _is_address(cls, address: str) -> str:
        return str(ipaddress.ip_address(address))

    @model_validator(mode="after")
    def _tls_is_whole(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key belong together")
        if self.certificate is None and self.address not in LOOPBACK:
            raise ValueError(
                f"without certificate and key it listens at 127.0.0.1 only, not at {self.address}"
            )
        return self

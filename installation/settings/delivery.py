"""How phones reach the kiosk: the sections `[delivery]` and `[delivery.wifi]` of the configuration."""

import ipaddress
import re
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, IPvAnyNetwork, field_validator, model_validator

from installation.settings.ports import BLOCKED_PORTS
from installation.settings.section import Section

# A name's labels, or an IPv6 address in brackets; then perhaps a port.
_LABEL = r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?"
HOST = re.compile(rf"({_LABEL}(\.{_LABEL})*\.?|\[[0-9a-f:.]+\])(:[1-9][0-9]*)?", re.IGNORECASE)


def _is_ipv4(name: str) -> bool:
    try:
        ipaddress.IPv4Address(name)
    except ValueError:
        return False
    return True


def _why_no_phone_reaches(address: str) -> str:
    """What is wrong with an IPv4 address that belongs to no single machine; empty where nothing is."""
    known = ipaddress.IPv4Address(address)
    if known.is_multicast or known.is_reserved or known in ipaddress.IPv4Network("0.0.0.0/8"):
        return f"{address} is no machine's address (multicast, broadcast or reserved): give this machine's"
    return ""


class WiFi(Section):
    """The network that phones are asked to join first."""

    name: str = Field(min_length=1, max_length=32, description="its name (SSID), at most 32 bytes in UTF-8")
    password: str = Field("", description="WPA, 8 to 63 signs of ASCII; empty: open to all")
    hidden: bool = Field(False, description="whether it does not announce itself")

    @field_validator("password")
    @classmethod
    def _can_be_typed(cls, password: str) -> str:
        # IEEE 802.11, annex J: a passphrase is made of the characters 32 to 126.
        if password and not re.fullmatch(r"[ -~]{8,63}", password):
            raise ValueError(
                "a WPA passphrase has 8 to 63 characters of ASCII, no umlauts or other letters: change it at "
                "the access point, and write it here"
            )
        return password

    @field_validator("name")
    @classmethod
    def _fits(cls, name: str) -> str:
        if len(name.encode()) > 32 or not name.isprintable():
            raise ValueError("a network's name has at most 32 bytes in UTF-8, and no line break")
        return name


class Delivery(Section):
    """How phones reach the delivery's web server; see docs/network.md."""

    enabled: bool = Field(True, description="whether visitors can fetch anything by phone")
    host: str = Field("auto", description="this machine's IPv4 address that phones can reach, or auto")
    interface: str = Field("", description="with auto: the network interface to use, such as wlan0; any kind")
    port: int = Field(8080, ge=1, le=65535, description="its own, apart from the curators'")
    certificate: Path | None = Field(None, description="TLS certificate with its chain, PEM")
    key: Path | None = Field(None, description="its private key, PEM")
    public_url: str = Field(
        "", pattern=r"^(https?://[^/\s?#]+(/[^\s?#]*)?)?$", description="where a proxy or a name leads here"
    )
    trusted_proxies: list[IPvAnyNetwork] = Field(
        [], description="the gallery's own reverse proxies: whose X-Forwarded-For is believed"
    )
    wifi: WiFi | None = Field(None, description="the guests' network; its code is shown first")

    @field_validator("host")
    @classmethod
    def _can_be_listened_at(cls, host: str) -> str:
        try:
            address = host if host == "auto" else str(ipaddress.IPv4Address(host))
        except ValueError:
            raise ValueError("give an IPv4 address of this machine, or auto") from None
        if address not in ("auto", "0.0.0.0") and (fault := _why_no_phone_reaches(address)):
            raise ValueError(fault)
        return address

    @field_validator("public_url")
    @classmethod
    def _leads_somewhere(cls, public_url: str) -> str:
        # urlsplit and .port raise ValueError, and so does the encoding of names: a UnicodeError is one.
        parts = urlsplit(public_url)
        name = parts.hostname or ""
        if public_url and (not name or parts.port == 0 or parts.username is not None):
            raise ValueError("give it as https://name, https://name:port or https://name/path")
        if not name.isascii():
            raise ValueError("give a name with other letters than a to z as xn--...")
        name.encode("idna")
        # Browsers take a name for an IPv4 address whose last label is a number, hexadecimal too (WHATWG URL).
        numeric = re.fullmatch(r"\d+|0x[0-9a-f]*", name.rstrip(".").rpartition(".")[2]) is not None
        if public_url and (not HOST.fullmatch(parts.netloc) or (numeric and not _is_ipv4(name))):
            raise ValueError(
                "give a name in letters, digits and -, or an IPv4 address; then :port, or nothing"
            )
        if not re.fullmatch(r"(/([\w.~-]|%[0-9A-Fa-f]{2})*)*", parts.path, re.ASCII):
            # Phones cut a link at other characters, even at some that RFC 3986 allows.
            raise ValueError("give its path in letters, digits and . _ ~ - / (others as %XX)")
        if re.search(r"%([01][0-9A-F]|7F)", parts.path, re.IGNORECASE):
            raise ValueError("give its path without control characters (%00 to %1F, %7F)")
        if _is_ipv4(name) and (fault := _why_no_phone_reaches(name)):
            raise ValueError(fault)
        return public_url

    @model_validator(mode="after")
    def _phones_can_reach_it(self) -> Self:
        if self.host == "0.0.0.0" and not self.public_url:
            raise ValueError(f"no phone can reach {self.host}: give this machine's address, or public_url")
        return self

    @model_validator(mode="after")
    def _browsers_open_the_port(self) -> Self:
        port = urlsplit(self.public_url).port if self.public_url else self.port
        if port in BLOCKED_PORTS:
            raise ValueError(f"no browser opens port {port}: it belongs to another protocol; take 8080")
        return self

    @model_validator(mode="after")
    def _tls_is_whole(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key belong together")
        if self.certificate and not self.public_url.startswith("https://"):
            raise ValueError("a certificate is for a name: give public_url as https://name")
        return self

"""Requests that a page from elsewhere has made a browser send to a server of this machine.

Any page may make the browser of whoever reads it send requests here: as its own origin, or under a host name
that it chose and that leads to this machine (DNS rebinding). WebSockets are not bound to one origin.
"""

import ipaddress
import socket

from aiohttp import web


def reason_to_refuse(request: web.Request) -> str:
    """Why this request is refused unread; empty: it is not."""
    name = request.host.rpartition(":")[0] if ":" in request.host else request.host
    if not _is_own_name(name):
        return "unknown name of this machine; use its address"
    origin = request.headers.get("Origin")
    if origin is not None and origin.partition("://")[2] != request.host:
        return "asked for by a page from elsewhere"
    return ""


def _is_own_name(name: str) -> bool:
    """Whether a Host header's name can only be meant for this machine."""
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        own = socket.gethostname().lower()
        return name.lower() in ("localhost", own, f"{own}.local")
    return True

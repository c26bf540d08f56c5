"""Checks that a link works as a phone would: by fetching its URL.

What this shows: the address is this machine's, the port is open to it, the proxy in between leads here, the
certificate is valid for the name. What it cannot show from inside: whether phones are where the address is
(`address.why_doubtful` says what speaks against it), and whether the guests' Wi-Fi or a firewall keeps them
from this machine; docs/network.md says how to try that once, with a phone.
"""

import asyncio
import socket
from urllib.parse import urlsplit

import aiohttp

TIME_LIMIT_S = 4.0


async def why_unreachable(base_url: str, token: str = "") -> str:
    """Fetches the page with `token` below `base_url`. Returns why that fails, in one line; empty if it works.

    Without a token the page's style is asked for, which is always there. The line never holds the token.
    """
    url, expected = (f"{base_url}/D/{token}", token) if token else (f"{base_url}/S/page.css", "@font-face")
    try:
        limit = aiohttp.ClientTimeout(total=TIME_LIMIT_S)
        async with aiohttp.ClientSession(timeout=limit) as session, session.get(url) as answer:
            text = (await answer.read()).decode("utf-8", "replace")
    except TimeoutError:
        return f"{base_url} does not answer within {TIME_LIMIT_S:.0f} s. See docs/network.md."
    # ValueError: a name that cannot be one.
    except (aiohttp.ClientError, ValueError) as error:
        return f"{base_url} cannot be reached ({type(error).__name__}). See docs/network.md."
    if answer.status != 200:
        return f"{base_url} answers with {answer.status}. See docs/network.md."
    return "" if expected in text else f"{base_url} leads to another server. See docs/network.md."


async def addresses_of(base_url: str) -> list[str]:
    """The addresses that the URL's host has for this machine; none where its name is not found in time."""
    host = urlsplit(base_url).hostname
    lookup = asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    try:
        found = await asyncio.wait_for(lookup, TIME_LIMIT_S)
    except (OSError, ValueError):  # TimeoutError is an OSError; ValueError: a name that cannot be one.
        return []
    return [str(address[0]).partition("%")[0] for *_, address in found]

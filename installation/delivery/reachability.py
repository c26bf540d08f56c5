"""Checks that a link works as a phone would: by fetching its URL.

What this shows: the address is this machine's, the port is open to it, the proxy in between leads here, the
certificate is valid for the name. What it cannot show from inside: whether the guests' Wi-Fi keeps phones
from this machine, or a firewall does; docs/network.md says how to try that once, with a phone.
"""

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

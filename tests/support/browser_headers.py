"""What browsers on phones and the proxies of large houses send along with a request.

The browsers' headers are those of a link opened from a camera app over HTTP/1.1, in their order. Cookies and
proxies' headers have the names and the lengths of real ones; their values are made up.
"""

import random
import string

_LETTERS = string.ascii_letters + string.digits + "-_"
Headers = dict[str, str]


def _filler(length: int, seed: int) -> str:
    """As many letters as a token or a consent string of that length has."""
    return "".join(random.Random(seed).choices(_LETTERS, k=length))


BROWSERS: dict[str, Headers] = {
    "Safari on an iPhone": {
        "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "Sec-Fetch-Site": "none",
        "Sec-Fetch-Dest": "document",
        "Accept-Language": "de-CH,de;q=0.9,fr-CH;q=0.8,it-CH;q=0.7,en;q=0.6",
        "Sec-Fetch-Mode": "navigate",
        "User-Agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 "
        "(KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
        "Accept-Encoding": "gzip, deflate",
        "Upgrade-Insecure-Requests": "1",
        "Priority": "u=0, i",
    },
    "Chrome on Android": {
        "Cache-Control": "max-age=0",
        "sec-ch-ua": '"Google Chrome";v="137", "Chromium";v="137", "Not/A)Brand";v="24"',
        "sec-ch-ua-mobile": "?1",
        "sec-ch-ua-platform": '"Android"',
        "Upgrade-Insecure-Requests": "1",
        "User-Agent": "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/137.0.0.0 Mobile Safari/537.36",
        "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,"
        "*/*;q=0.8,application/signed-exchange;v=b3;q=0.7",
        "Purpose": "prefetch",
        "Sec-Purpose": "prefetch;prerender",
        "Save-Data": "on",
        "Accept-Encoding": "gzip, deflate",
        "Accept-Language": "zh-CN,zh;q=0.9,en-US;q=0.8,en;q=0.7",
    },
    "Samsung Internet": {
        "Upgrade-Insecure-Requests": "1",
        "User-Agent": "Mozilla/5.0 (Linux; Android 15; SAMSUNG SM-S931B) AppleWebKit/537.36 "
        "(KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36",
        "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
        "Accept-Encoding": "gzip, deflate",
        "Accept-Language": "ko-KR,ko;q=0.9,en-US;q=0.8,en;q=0.7",
        "X-Requested-With": "com.sec.android.app.sbrowser",
    },
    "Firefox on Android": {
        "User-Agent": "Mozilla/5.0 (Android 15; Mobile; rv:139.0) Gecko/139.0 Firefox/139.0",
        "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "Accept-Language": "en-GB,en;q=0.5",
        "Accept-Encoding": "gzip, deflate",
        "DNT": "1",
        "Sec-GPC": "1",
        "Upgrade-Insecure-Requests": "1",
        "Priority": "u=0, i",
    },
    "Instagram's own browser": {
        "User-Agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 "
        "(KHTML, like Gecko) Mobile/22F76 Instagram 383.0.0.28.84 "
        "(iPhone16,2; iOS 18_5; de_DE; de; scale=3.00; 1290x2796; IABMV/1; 740055617) NW/3 Safari/604.1",
        "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "Referer": "https://l.instagram.com/",
        "Accept-Language": "de-DE,de;q=0.9",
        "Accept-Encoding": "gzip, deflate",
    },
}

# What one museum's web site, shop and sign-in leave in a browser: name -> length.
_COOKIES = {
    "_ga": 27,
    "_ga_4XKQ8ZP1VD": 51,
    "_gcl_au": 25,
    "_fbp": 32,
    "_pk_id.1.1fff": 44,
    "PHPSESSID": 26,
    "OptanonConsent": 1650,
    "eupubconsent-v2": 940,
    "CookieConsent": 310,
    "wordpress_logged_in_0cd19b6f": 170,
    "_shopify_s": 36,
    "access_token": 2200,
    "AspNetCore.CorrelationC1": 1900,
    "AspNetCore.CookiesC1": 4050,
    "AspNetCore.CookiesC2": 4050,
    "ARRAffinity": 64,
}


def cookies(most_bytes: int) -> str:
    """The value of a Cookie header: what such a house sets, again and again until `most_bytes` are full."""
    value, number = "", 0
    while True:
        for name, length in _COOKIES.items():
            number += 1
            one = f"{'; ' if value else ''}{name if number <= len(_COOKIES) else f'{name}_{number}'}="
            room = most_bytes - len(value) - len(one)
            if room <= 0:
                return value
            value += one + _filler(min(length, room), number)


# What the proxies of large houses add: sign-in, the phone's certificate, the way that the request came.
PROXIES: dict[str, Headers] = {
    "authentik": {
        "X-authentik-username": "visitor",
        "X-authentik-groups": "|".join(f"house-group-{number}" for number in range(40)),
        "X-authentik-jwt": _filler(3600, 1),
        "X-authentik-meta-jwks": "https://sign-in.museum.example/application/o/mirror/jwks/",
    },
    "oauth2-proxy": {
        "Authorization": f"Bearer {_filler(5200, 2)}",
        "X-Forwarded-Access-Token": _filler(5200, 3),
        "X-Auth-Request-Groups": ",".join(f"house-group-{number}" for number in range(60)),
    },
    "Azure": {
        "X-MS-CLIENT-PRINCIPAL": _filler(11_000, 4),
        "X-ARR-LOG-ID": _filler(36, 5),
        "X-AppService-Proto": "https",
    },
    "client certificates": {"X-SSL-Client-Cert": _filler(4300, 6)},
    "Cloudflare before two of one's own": {
        "CF-Ray": "8f2d1c0a9b7e6d5c-FRA",
        "CF-IPCountry": "DE",
        "CF-Visitor": '{"scheme":"https"}',
        "CDN-Loop": "cloudflare; loops=1",
        "Via": "1.1 varnish (Varnish/7.5), 1.1 squid.museum.example (squid/6.10)",
        "X-Forwarded-Host": "museum.example",
        "X-Forwarded-Proto": "https",
        "Forwarded": 'for="[2001:db8::17]:4711";proto=https;by=203.0.113.43',
        "X-Request-ID": _filler(36, 7),
        "X-Amzn-Trace-Id": "Root=1-67891233-abcdef012345678912345678",
    },
}

# What messengers and mail programs append to a link that is passed on.
_APPENDED = {"fbclid": 210, "utm_source": 60, "utm_campaign": 120, "mc_eid": 40, "_hsenc": 900}
TRACKING = "&".join(f"{name}={_filler(length, length)}" for name, length in _APPENDED.items())

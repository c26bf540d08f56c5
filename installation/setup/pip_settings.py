"""The environment that pip and every other step of the setup runs in.

A museum's machine may have a mirror, a proxy or a certificate configured for pip, in variables or in files:
that stays. What says where packages go, or which ones (PIP_TARGET, PIP_USER, PIP_NO_DEPS, PIP_CONSTRAINT),
is meant for other installations and would break this one. Standard library only.
"""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence

# Where packages come from and how they are fetched: https://pip.pypa.io/en/stable/cli/pip_install/
KEPT = (
    *("index-url", "extra-index-url", "no-index", "find-links", "trusted-host"),
    *(
        "cert",
        "client-cert",
        "proxy",
        "timeout",
        "default-timeout",
        "retries",
        "resume-retries",
        "keyring-provider",
    ),
    *("cache-dir", "no-cache-dir"),
)
# Sections of pip's files that count for `pip install`; the later one wins.
SECTIONS = ("global", "install")
_LIST_SETTINGS = """
import json, sys
from pip._internal.configuration import Configuration
configuration = Configuration(isolated=False)
try:
    configuration.load()
except Exception as error:
    sys.exit(" ".join(str(error).split()))
print(json.dumps(dict(configuration.items())))
"""


def pip_environment(python: Sequence[str], caller: Mapping[str, str]) -> dict[str, str]:
    """The caller's variables without those that lead pip or Python elsewhere, and with pip's kept settings.

    python: the command that starts a Python that has pip. Raises OSError where pip cannot read its own files.
    """
    clean = {name: text for name, text in caller.items() if not name.startswith(("PIP_", "PYTHON"))}
    settings = _from_files(python, clean, caller.get("PIP_CONFIG_FILE"))
    settings |= {name: text for name in KEPT if (text := caller.get(variable(name)))}
    clean |= {variable(name): text for name, text in settings.items()}
    # With this very value pip reads none of its files.
    return clean | {"PIP_CONFIG_FILE": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}


def variable(name: str) -> str:
    """The environment variable of an option of pip, such as PIP_INDEX_URL."""
    return "PIP_" + name.upper().replace("-", "_")


def _from_files(python: Sequence[str], clean: Mapping[str, str], file: str | None) -> dict[str, str]:
    """The kept settings in pip's configuration files.

    They are asked of pip's own reader, and not of `pip config list`: that command obeys the files that it
    lists, so that `quiet = 1` in one would hide them all.
    """
    environment = dict(clean) | ({"PIP_CONFIG_FILE": file} if file else {})
    done = subprocess.run([*python, "-c", _LIST_SETTINGS], env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        complaint = done.stderr.strip().splitlines()
        raise OSError(f"pip cannot read its settings: {complaint[-1] if complaint else done.returncode}")
    settings: dict[str, str] = json.loads(done.stdout)
    return {
        name: settings[key]
        for section in SECTIONS
        for name in KEPT
        if (key := f"{section}.{name}") in settings
    }

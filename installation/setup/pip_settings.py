"""The environment that pip and every other step of the setup runs in.

A museum's machine may have a mirror, a proxy or a certificate configured for pip, in variables or in files:
that stays. What says where packages go, or which ones (PIP_TARGET, PIP_USER, PIP_NO_DEPS, PIP_CONSTRAINT),
is meant for other installations and would break this one. Standard library only.
"""

import ast
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
    """The kept settings in pip's configuration files."""
    # `pip config` has options of these names itself, and takes them from the files that it is to list.
    environment = dict(clean) | {"PIP_USER": "0", "PIP_GLOBAL": "0", "PIP_SITE": "0"}
    if file:
        environment["PIP_CONFIG_FILE"] = file
    command = [*python, "-m", "pip", "--disable-pip-version-check", "config", "list"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        told = done.stderr.strip().splitlines()
        raise OSError(f"pip cannot read its settings: {told[-1] if told else done.returncode}")
    found: dict[str, dict[str, str]] = {section: {} for section in SECTIONS}
    for line in done.stdout.splitlines():
        key, _, text = line.partition("=")
        section, _, name = key.partition(".")
        if section in found and name in KEPT:
            found[section][name] = str(ast.literal_eval(text))
    return found["global"] | found["install"]

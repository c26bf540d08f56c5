"""A network of its own for a program: loopback alone. Nothing outside reaches it, and it reaches nothing.

That is a network namespace of Linux; local sockets that have a path lead out of it. A user without root gets
it in a user namespace, which some systems do not allow.
"""

import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys

SET_FLAGS, UP = 0x8914, 0x1  # SIOCSIFFLAGS and IFF_UP of netdevice(7)
ADVICE = (
    "install util-linux and allow user namespaces (Ubuntu: sysctl "
    "kernel.apparmor_restrict_unprivileged_userns=0; in a container: --cap-add SYS_ADMIN)"
)


def command(module: str, *arguments: str) -> list[str]:
    """What starts a Python module in a network of its own; the module calls `raise_loopback` first."""
    namespaces = ["--net"] if os.geteuid() == 0 else ["--user", "--map-root-user", "--net"]
    return ["unshare", *namespaces, sys.executable, "-m", module, *arguments]


def raise_loopback() -> None:
    """Switches 127.0.0.1 on. Raises OSError where that is not allowed."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SET_FLAGS, struct.pack("16sH22x", b"lo", UP))


def fault() -> str:
    """Why this machine gives no program a network of its own, in a few words; empty: it does."""
    if shutil.which("unshare") is None:
        return "unshare is missing"
    tried = subprocess.run(command(__name__), capture_output=True, text=True)
    return (tried.stderr.strip().splitlines() or ["it ends"])[-1] if tried.returncode else ""


if __name__ == "__main__":
    raise_loopback()

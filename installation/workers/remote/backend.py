"""The engine on a rendering server, as the client of the engine sees it: one more backend.

What this process talks to is the link (`installation/workers/remote/link.py`), a child process: bytes from
the network are read there, and what comes from it are checked messages in shared memory, which are erased as
those of an engine on this machine.
"""

import ssl
from dataclasses import replace

from engine.common.errors import UsageError
from engine.runtime.messages import JudgeMoved, LocalRequest
from installation.settings.server import EngineSettings
from installation.workers.child_process import ChildProcess
from installation.workers.engine_backend import ChildBackend
from installation.workers.remote.keys import read_keys
from installation.workers.remote.link import Address, run_link


class RemoteBackend(ChildBackend):
    """Sends requests to a rendering server. A photograph crosses once; the camera's stream never does.

    Raises UsageError where the file of keys cannot be used.
    """

    def __init__(self, settings: EngineSettings) -> None:
        super().__init__()
        self._address = address_of(settings)

    def open(self, first_person: int, lock_step: bool) -> ChildProcess:
        return ChildProcess("rendering server's link", run_link, self._address)

    def send(self, request: LocalRequest) -> None:
        # In the meeting only the doppelgänger is judged: no face is sent twice a second.
        if isinstance(request, JudgeMoved) and request.visitor is not None:
            request = replace(request, visitor=None)
        super().send(request)


def address_of(settings: EngineSettings) -> Address:
    """Where the server is, and who this kiosk is. Raises UsageError where a file of it cannot be used."""
    if settings.certificate is not None:
        try:
            ssl.create_default_context(cafile=settings.certificate)
        except (OSError, ssl.SSLError):
            raise UsageError(
                f"engine.certificate: {settings.certificate} is no certificate in PEM. Copy the server's."
            ) from None
    name, key = next(iter(read_keys(settings.keys, "engine.keys").items()))
    return Address(settings.server, name, key, settings.certificate)

"""Messages over a WebSocket that breaks off."""

import asyncio
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from aiohttp import WSMsgType

from engine.runtime.codec import REQUESTS, encode
from engine.runtime.messages import JudgeMoved
from installation.workers.remote import transfer
from installation.workers.remote.transfer import Closed, receive

REAL_OVERWRITE = transfer.overwrite


class BrokenSocket:
    """Gives a message's header and half of its picture, and is then closed."""

    def __init__(self) -> None:
        message = encode(JudgeMoved(1, np.full((8, 8, 3), 9, np.uint8), None), REQUESTS)
        half = message.arrays[0].tobytes()[:96]
        self._frames = iter(
            [(WSMsgType.TEXT, message.header), (WSMsgType.BINARY, half), (WSMsgType.CLOSED, None)]
        )

    async def receive(self, timeout_s: float | None) -> Any:
        kind, data = next(self._frames)
        return SimpleNamespace(type=kind, data=data, extra=None)


def test_what_has_arrived_is_overwritten_where_the_rest_does_not_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    contents: list[bytearray] = []

    def overwrite(content: bytearray) -> None:
        assert content.count(9) == 96
        REAL_OVERWRITE(content)
        contents.append(content)

    monkeypatch.setattr(transfer, "overwrite", overwrite)
    broken: Any = BrokenSocket()
    with pytest.raises(Closed):
        asyncio.run(receive(broken, REQUESTS))
    assert [len(content) for content in contents] == [192] and not any(contents[0])

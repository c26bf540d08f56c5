"""A network between a kiosk and the door that can be slow or gone: a TCP proxy in a thread."""

import asyncio
import threading

CHUNK_BYTES = 16_384


class Network:
    """Passes bytes on to a port of this machine. bytes_per_s: no faster than that; 0: nothing any more."""

    def __init__(self, port: int, bytes_per_s: float = 1e9) -> None:
        self.bytes_per_s = bytes_per_s
        self._to_port, self._started = port, threading.Event()
        self.port = 0

    def __enter__(self) -> "Network":
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self._thread.start()
        self._started.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join()

    async def _run(self) -> None:
        self._loop, self._ended = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._connect, "127.0.0.1", 0, limit=CHUNK_BYTES)
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        await self._ended.wait()
        server.close()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._to_port)
        except OSError:
            writer.transport.abort()
            return
        await asyncio.gather(self._pass(reader, there_writer), self._pass(there_reader, writer))

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while content := await reader.read(CHUNK_BYTES):
                while not self.bytes_per_s:
                    await asyncio.sleep(0.1)
                await asyncio.sleep(len(content) / self.bytes_per_s)
                writer.write(content)
                await writer.drain()
        except OSError:
            pass
        writer.transport.abort()

#!/usr/bin/env python3
"""A TCP proxy that breaks on demand.

Usage: proxy.py [ADDRESS:]PORT HOST:PORT      listens there (127.0.0.1; port 0: any), says "listening on PORT"

Signals:  USR1  cut all connections
          USR2  stall: requests are held, what the server says still passes; once more: go on
"""
import asyncio
import signal
import sys

CHUNK_BYTES = 65536


class Proxy:
    def __init__(self, host, port):
        self.host, self.port = host, port
        self.writers = set()
        self.open = asyncio.Event()
        self.open.set()
        self.flowing = asyncio.Event()
        self.flowing.set()

    async def pump(self, reader, writer, gate):
        try:
            while data := await reader.read(CHUNK_BYTES):
                await gate.wait()
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    async def serve(self, reader, writer):
        self.writers.add(writer)
        try:
            await self.flowing.wait()
            upstream_reader, upstream_writer = await asyncio.open_connection(self.host, self.port)
            await asyncio.gather(self.pump(reader, upstream_writer, self.flowing),
                                 self.pump(upstream_reader, writer, self.open))
        except OSError:
            pass
        finally:
            self.writers.discard(writer)
            writer.close()

    def cut(self):
        for writer in list(self.writers):
            writer.transport.abort()
        print("cut", flush=True)

    def stall(self):
        if self.flowing.is_set():
            self.flowing.clear()
        else:
            self.flowing.set()
        print("flowing" if self.flowing.is_set() else "stalled", flush=True)


async def main():
    host, port = sys.argv[2].rsplit(":", 1)
    proxy = Proxy(host, int(port))
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, proxy.cut)
    loop.add_signal_handler(signal.SIGUSR2, proxy.stall)
    address, _, port = sys.argv[1].rpartition(":")
    server = await asyncio.start_server(proxy.serve, address or "127.0.0.1", int(port))
    print("listening on", server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())

#!/usr/bin/env python3
"""The echo server on Python's asyncio and on uvloop: orrery.cpp, line by line.

    python_echo.py asyncio-streams tcp 4000        python_echo.py uvloop-protocol unix /tmp/echo
"""
import asyncio
import sys

READ_BYTES = 256 * 1024  # those of endpoint.hpp
BACKLOG = 1024


class EchoProtocol(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)

    def pause_writing(self):
        self.transport.pause_reading()

    def resume_writing(self):
        self.transport.resume_reading()


class EchoDatagrams(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, address):
        self.transport.sendto(data, address)


async def echo_stream(reader, writer):
    try:
        while data := await reader.read(READ_BYTES):
            writer.write(data)
            await writer.drain()
    except ConnectionResetError:
        pass
    finally:
        writer.close()


async def main(style, transport, where):
    loop = asyncio.get_running_loop()
    if transport == "udp":
        await loop.create_datagram_endpoint(EchoDatagrams, local_addr=("127.0.0.1", int(where)))
        await loop.create_future()
    elif style == "streams" and transport == "unix":
        server = await asyncio.start_unix_server(echo_stream, where, limit=READ_BYTES, backlog=BACKLOG)
    elif style == "streams":
        server = await asyncio.start_server(
            echo_stream, "127.0.0.1", int(where), limit=READ_BYTES, backlog=BACKLOG
        )
    elif transport == "unix":
        server = await loop.create_unix_server(EchoProtocol, where, backlog=BACKLOG)
    else:
        server = await loop.create_server(EchoProtocol, "127.0.0.1", int(where), backlog=BACKLOG)
    await server.serve_forever()


library, style = sys.argv[1].split("-")
if library == "uvloop":
    import uvloop

    uvloop.install()
asyncio.run(main(style, *sys.argv[2:]))

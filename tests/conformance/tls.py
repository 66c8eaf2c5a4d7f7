"""TLS: how connections begin, and what they are refused for. Rules S228 to S229, S277, S291 to S301."""
import asyncio
import socket
import ssl

from support import say
from tls_support import Ends, Noting, client_context, connected, outcome_of, quiet, server_context


async def what_both_are_told():  # S291, S296, S297
    ends = await connected()
    say(f"{ends.client_outcome} {ends.server_outcome}")
    say(f"{ends.client} {ends.server}")
    ends.client.transport.write(b"hello")
    await quiet()
    ends.server.transport.writelines([b"good ", b"morning"])
    await quiet()
    ends.client.transport.close()
    say(f"{ends.client.transport.is_closing()} {ends.server.transport.is_closing()}")
    await quiet()
    say(ends.client)
    say(ends.server)
    say(f"{ends.client.transport.is_closing()} {ends.server.transport.is_closing()}")


async def what_a_transport_says_of_the_other_side():  # S277
    ends = await connected()
    certificate = ends.client.transport.get_extra_info("peercert")
    say(certificate["subject"][0][0][1])
    say(certificate["issuer"][0][0][1])
    say(" ".join(f"{kind}={name}" for kind, name in certificate["subjectAltName"]))
    say(certificate["version"])
    say(bool(ends.server.transport.get_extra_info("peercert")))
    for end in (ends.client, ends.server):
        name, version, bits = end.transport.get_extra_info("cipher")
        say(f"{name} {version} {bits}")
        say(bool(end.transport.get_extra_info("compression")))
        connection = end.transport.get_extra_info("ssl_object")
        say(f"{connection.version()} {connection.server_side} {connection.session_reused}")
        say(end.transport.get_extra_info("nobody knows this", "no"))
    say(ends.client.transport.get_extra_info("ssl_object").server_hostname)
    ends.client.transport.close()
    await quiet()
    say(ends.client.transport.get_extra_info("cipher")[1])


async def which_context_a_transport_has():  # S277
    ends, of_client, of_server = Ends(), client_context(), server_context()
    await ends.connect(of_client, of_server)
    say(ends.client.transport.get_extra_info("sslcontext") is of_client)
    say(ends.server.transport.get_extra_info("sslcontext") is of_server)


async def a_certificate_that_was_not_checked():  # S277
    ends, of_client = Ends(), client_context()
    of_client.check_hostname = False
    of_client.verify_mode = ssl.CERT_NONE
    await ends.connect(of_client, server_context())
    say(ends.client_outcome)
    say(bool(ends.client.transport.get_extra_info("peercert")))


async def what_is_spoken_inside():  # S277
    async def chosen(of_client, of_server):
        ends, client, server = Ends(), client_context(), server_context()
        if of_client:
            client.set_alpn_protocols(of_client)
        if of_server:
            server.set_alpn_protocols(of_server)
        await ends.connect(client, server)
        both = [end.transport.get_extra_info("ssl_object").selected_alpn_protocol() for end in (ends.client, ends.server)]
        say(f"{both[0] or 'nothing'} {both[1] or 'nothing'}")

    await chosen(["h2", "http/1.1"], ["http/1.1", "h2"])
    await chosen(["h2", "http/1.1"], ["acme-tls/1", "h2"])
    await chosen(["h2"], ["http/1.1"])
    await chosen(["h2"], [])
    await chosen([], ["h2"])


async def the_least_version_of_both():  # S277
    async def agreed(client_maximum, server_minimum):
        ends, client, server = Ends(), client_context(), server_context()
        client.maximum_version = client_maximum
        server.minimum_version = server_minimum
        await ends.connect(client, server)
        say(ends.server_outcome)
        if ends.server_outcome == "ok":
            say(ends.server.transport.get_extra_info("ssl_object").version())

    await agreed(ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2)
    await agreed(ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2)
    await agreed(ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)


# ---- Handshakes that fail ----


async def nobody_trusts_the_certificate():  # S292
    ends = Ends()
    await ends.connect(ssl.create_default_context(cafile=None, cadata=None), server_context())
    await quiet()
    say(ends.client_outcome)
    say(f"{ends.server_outcome != 'ok'} [{ends.client}] [{ends.server}]")


async def a_certificate_for_another_host():  # S229, S292
    for name in ("localhost", "LOCALHOST", "127.0.0.1", "::1", "elsewhere.example", "127.0.0.2", "sub.localhost"):
        ends = Ends()
        await ends.connect(client_context(), server_context(), server_hostname=name)
        await quiet()
        say(f"{name}: {ends.client_outcome} [{ends.client}] [{ends.server}]")


async def no_name_to_look_for():  # S229
    of_client = client_context()
    of_client.check_hostname = False
    for name in ("", "elsewhere.example"):
        ends = Ends()
        await ends.connect(of_client, server_context(), server_hostname=name)
        say(f"{ends.client_outcome} [{ends.client}]")


async def a_client_that_shows_no_certificate():  # S292
    ends, of_server = Ends(), server_context()
    of_server.verify_mode = ssl.CERT_REQUIRED
    await ends.connect(client_context(), of_server)
    await quiet()
    say(ends.server_outcome)
    say(f"[{ends.server}]")


async def a_handshake_that_takes_too_long():  # S292
    loop = asyncio.get_running_loop()
    for keywords in ({"ssl_handshake_timeout": 0.25}, {"ssl_handshake_timeout": 5.0}, {}):
        silent, ours = socket.socketpair()
        noting, begun = Noting(), loop.time()
        connect = loop.create_connection(lambda: noting, sock=ours, ssl=client_context(), server_hostname="h", **keywords)
        say(await outcome_of(connect))
        await quiet()
        say(f"after {round((loop.time() - begun - 1) * 1000)} ms [{noting}]")
        silent.close()


async def a_client_that_says_nothing():  # S292
    silent, ours = socket.socketpair()
    noting, loop = Noting(), asyncio.get_running_loop()
    accept = loop.connect_accepted_socket(lambda: noting, ours, ssl=server_context(), ssl_handshake_timeout=1.5)
    say(await outcome_of(accept))
    await quiet()
    say(f"[{noting}]")
    silent.close()


async def what_is_no_handshake():  # S292
    loop = asyncio.get_running_loop()
    for said in (b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x16\x03\x01\x00\x05hello"):
        other, ours = socket.socketpair()
        noting = Noting()
        other.send(said)
        other.shutdown(socket.SHUT_WR)
        connect = loop.create_connection(lambda: noting, sock=ours, ssl=client_context(), server_hostname="localhost")
        say(await outcome_of(connect))
        await quiet()
        say(f"[{noting}]")
        other.close()


async def a_handshake_that_is_cancelled():  # S292
    silent, ours = socket.socketpair()
    noting, loop = Noting(), asyncio.get_running_loop()
    connect = loop.create_connection(lambda: noting, sock=ours, ssl=client_context(), server_hostname="localhost")
    task = asyncio.create_task(connect)
    await quiet()
    task.cancel()
    await asyncio.wait([task])
    await quiet()
    say(f"{task.cancelled()} [{noting}]")
    silent.close()


# ---- Arguments ----


async def arguments_that_contradict_each_other():  # S228, S229, S300
    loop = asyncio.get_running_loop()
    context, of_server = client_context(), server_context()

    async def connect(**keywords):
        say(await outcome_of(loop.create_connection(asyncio.Protocol, **keywords)))

    await connect(host="localhost", port=1, server_hostname="localhost")
    await connect(host="localhost", port=1, ssl_handshake_timeout=1)
    await connect(host="localhost", port=1, ssl_shutdown_timeout=1)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        await connect(sock=ours, ssl=context)
        await connect(host="localhost", port=1, sock=ours, ssl=context, server_hostname="localhost")
    await connect(ssl=context, server_hostname="localhost")
    for keywords in ({"ssl_handshake_timeout": 0.0}, {"ssl_handshake_timeout": -0.001}, {"ssl_shutdown_timeout": -1.5}):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            await connect(sock=ours, ssl=context, server_hostname="localhost", **keywords)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        await connect(sock=ours, ssl=of_server, server_hostname="localhost")

"""What the pairs about TLS are written with: certificates that are made when they run, and connections without a network.

The two ends of a connection are a pair of sockets, whose bytes arrive at once: a loop whose clock jumps must never find
nothing to do while something is under way.
"""
import asyncio
import functools
import pathlib
import socket
import ssl
import subprocess
import tempfile

CONFIGURATION = """
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[localhost]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
subjectAltName = DNS:localhost,IP:127.0.0.1,IP:::1
"""


@functools.cache
def _folder():
    """An authority, and what it has issued for localhost: authority.pem, localhost.pem and their keys."""
    folder = tempfile.TemporaryDirectory()
    (pathlib.Path(folder.name) / "configuration").write_text(CONFIGURATION)

    def issue(file, name, *how):
        command = ["openssl", "req", "-x509", "-config", "configuration", "-extensions", file, "-days", "2", "-nodes"]
        command += ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-subj", f"/CN={name}"]
        command += ["-keyout", f"{file}.key", "-out", f"{file}.pem", *how]
        subprocess.run(command, cwd=folder.name, check=True, capture_output=True)

    issue("authority", "Orrery test authority")
    issue("localhost", "a server", "-CA", "authority.pem", "-CAkey", "authority.key")
    return folder


def _file(name):
    return f"{_folder().name}/{name}"


def server_context():
    """That of localhost, whose clients need no certificate."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(_file("localhost.pem"), _file("localhost.key"))
    return context


def client_context():
    """Trusts the authority."""
    return ssl.create_default_context(cafile=_file("authority.pem"))


def failure(error):
    """An error of TLS or of the network as these pairs print it."""
    if error is None:
        return "None"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"SSLCertVerificationError: {error.verify_code} {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"SSLError: {error.reason}"
    if isinstance(error, ConnectionResetError):
        return "ConnectionResetError"  # with whatever words the system has for it
    return type(error).__name__ + (f": {error}" if str(error) else "")


class Noting(asyncio.Protocol):
    """Notes what it is told."""

    def __init__(self):
        self.told = []
        self.transport = None
        self.bytes = 0

    def note(self, what):
        self.told.append(what)

    def connection_made(self, transport):
        self.transport = transport
        self.note("made")

    def data_received(self, data):
        self.bytes += len(data)
        self.note(data.decode() if len(data) < 100 else "much")

    def eof_received(self):
        self.note("end")

    def connection_lost(self, error):
        self.note(f"lost: {failure(error)}")

    def pause_writing(self):
        self.note("pause")

    def resume_writing(self):
        self.note("resume")

    def __str__(self):
        return ", ".join(self.told)


async def quiet():
    """Returns when nothing goes on any more. The clock then stands a second later."""
    await asyncio.sleep(1)


async def outcome_of(awaitable):
    """How a handshake ends: "ok", or the error."""
    try:
        await awaitable
        return "ok"
    except Exception as error:
        return failure(error)


class Ends:
    """The two ends of a connection: their protocols, and how their handshakes went."""

    def __init__(self, client=None, server=None):
        self.client = client or Noting()
        self.server = server or Noting()
        self.client_outcome = self.server_outcome = None

    async def connect(self, client_ssl, server_ssl, **keywords):
        """`keywords` are those of the client; no name: it expects localhost."""
        keywords.setdefault("server_hostname", "localhost")
        of_client, of_server = socket.socketpair()
        loop = asyncio.get_running_loop()
        accept = loop.connect_accepted_socket(lambda: self.server, of_server, ssl=server_ssl)
        connect = loop.create_connection(lambda: self.client, sock=of_client, ssl=client_ssl, **keywords)
        accepting = asyncio.create_task(outcome_of(accept))
        self.client_outcome = await outcome_of(connect)
        self.server_outcome = await accepting


async def connected(**protocols):
    """Two ends that have agreed."""
    ends = Ends(**protocols)
    await ends.connect(client_context(), server_context())
    return ends

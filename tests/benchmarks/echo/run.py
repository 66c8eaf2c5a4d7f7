#!/usr/bin/env python3
"""Measures echo servers side by side, prints the tables, and writes docs/performance.md.

    tests/benchmarks/echo/run.py build/release             all of it, in less than ten minutes: what `make bench` does
    tests/benchmarks/echo/run.py --quick build/release     a look in less than a minute; writes nothing
    tests/benchmarks/echo/run.py --check build/release     whether ours still echo, in seconds: a test
    tests/benchmarks/echo/run.py --page build/release      only the page, from docs/performance/echo.json

A round asks every server once under every load, each a fresh process; the next round begins with another server. So
what else the machine does hits them all alike, and a ratio of two servers in one round says more than any absolute
figure. The servers' programs are those of the build folder, by the target `echo_benchmark`; a peer whose library is
not installed is left out and named.

Instructions and system calls are counted in runs of their own, under valgrind and strace. Each is the difference
between a long and a short run, so that starting and connecting cancel out.
"""
import argparse
import collections
import contextlib
import importlib.util
import json
import os
import pathlib
import platform
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent.parent
FIGURES = ROOT / "docs/performance/echo.json"
FLOOR = "raw epoll"

Load = collections.namedtuple("Load", "name transport size connections depth")
LOADS = [
    Load("64 B", "tcp", 64, 64, 1),
    Load("64 B, depth 16", "tcp", 64, 64, 16),
    Load("1 KiB", "tcp", 1024, 64, 1),
    Load("1 KiB, depth 16", "tcp", 1024, 64, 16),
    Load("64 KiB", "tcp", 65536, 64, 1),
    Load("64 KiB, depth 16", "tcp", 65536, 64, 16),
    Load("64 B, 1 connection", "tcp", 64, 1, 1),
    Load("64 B, 1000 connections", "tcp", 64, 1000, 1),
    Load("unix, 64 B", "unix", 64, 64, 1),
    Load("udp, 64 B", "udp", 64, 64, 1),
]
QUICK_LOADS = [LOADS[0], LOADS[4], LOADS[8], LOADS[9]]


class Server:
    """One way to serve: what it is called, and how it is started."""

    def __init__(self, name, command, style, datagrams=False):
        self.name, self.command, self.style, self.datagrams = name, command, style, datagrams
        self.python = command[0] == sys.executable

    def serves(self, load):
        return load.transport != "udp" or self.datagrams


def servers_of(programs):
    """Those that can be started here, the floor first; and the names of those that cannot."""
    python = [sys.executable, "-B", str(HERE / "python_echo.py")]
    wanted = [
        Server(FLOOR, ["echo_epoll"], "level", datagrams=True),
        Server("raw epoll, edge", ["echo_epoll"], "edge"),
        Server("Orrery protocol", ["echo_orrery"], "protocol", datagrams=True),
        Server("Orrery streams", ["echo_orrery"], "streams"),
        Server("libuv", ["echo_libuv"], "callbacks", datagrams=True),
        Server("Asio callbacks", ["echo_asio"], "callbacks", datagrams=True),
        Server("Asio awaitable", ["echo_asio"], "awaitable"),
        Server("Asio spawn", ["echo_asio"], "spawn"),
        Server("uvloop protocol", python, "uvloop-protocol", datagrams=True),
        Server("uvloop streams", python, "uvloop-streams"),
        Server("asyncio protocol", python, "asyncio-protocol", datagrams=True),
        Server("asyncio streams", python, "asyncio-streams"),
    ]
    here, missing = [], []
    for server in wanted:
        if server.python:
            found = "uvloop" not in server.style or importlib.util.find_spec("uvloop") is not None
        else:
            program = programs / server.command[0]
            found, server.command = program.exists(), [str(program)]
        (here if found else missing).append(server)
    return here, [server.name for server in missing]


# ---- Running a server -------------------------------------------------------------------------------


def new_address(transport, folder):
    if transport == "unix":
        return str(folder / f"echo{time.monotonic_ns()}")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return str(taken.getsockname()[1])


def wait_until_it_echoes(transport, where, process):
    """Sends one byte until it comes back: the server is up, and has seen a client leave."""
    family = socket.AF_UNIX if transport == "unix" else socket.AF_INET
    kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
    address = where if transport == "unix" else ("127.0.0.1", int(where))
    end = time.monotonic() + 120  # valgrind takes its time to start a Python
    while time.monotonic() < end and process.poll() is None:
        with socket.socket(family, kind) as client, contextlib.suppress(OSError):
            client.settimeout(0.2 if transport == "udp" else 60)
            client.connect(address)
            client.send(b"?")
            if client.recv(1) == b"?":
                return
        time.sleep(0.01)
    sys.exit(f"echo: this server does not answer: {' '.join(process.args)}")


@contextlib.contextmanager
def running(server, transport, folder, below=(), errors=None):
    """The process, and its address. `below` is the command that runs the command."""
    where = new_address(transport, folder)
    process = subprocess.Popen([*below, *server.command, server.style, transport, where], stderr=errors)
    try:
        wait_until_it_echoes(transport, where, process)
        yield process, where
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def ask(programs, where, load, *options):
    asked = subprocess.run(
        [programs / "echo_load", load.transport, where, "--size", str(load.size), "--depth", str(load.depth),
         "--connections", str(load.connections), *map(str, options)],
        capture_output=True, text=True)
    if asked.returncode != 0:
        sys.exit(f"echo: {load.name}: {asked.stderr}")
    return json.loads(asked.stdout)


# ---- Measuring --------------------------------------------------------------------------------------


def measure(programs, folder, servers, loads, rounds, seconds):
    """For each load and server the list of what echo_load said, a round each."""
    figures = {load.name: {server.name: [] for server in servers if server.serves(load)} for load in loads}
    for number in range(rounds):
        turned = servers[number % len(servers):] + servers[:number % len(servers)]
        for load in loads:
            say(f"round {number + 1} of {rounds}: {load.name}")
            for server in turned:
                if not server.serves(load):
                    continue
                with running(server, load.transport, folder) as (process, where):
                    said = ask(programs, where, load, "--server", process.pid, "--warm", seconds / 4,
                               "--seconds", seconds)
                figures[load.name][server.name].append(said)
    return figures


def difference(count, load, few, many):
    """Of a long and a short run. Requests that come together cost little each: there are the more of them."""
    few, many = few * load.depth, many * load.depth
    return (count(many) - count(few)) / (many - few)


def instructions(programs, folder, server, load):
    """User-space instructions per request, by valgrind's count."""
    def count(requests):
        with tempfile.TemporaryFile("w+") as errors:
            below = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={os.devnull}"]
            with running(server, load.transport, folder, below, errors) as (_, where):
                ask(programs, where, load, "--requests", requests)
            errors.seek(0)
            return int(re.search(r"Collected : (\d+)", errors.read())[1])

    # The start of a process varies by some 300,000 instructions, which so many requests bring below ten each. Python is
    # some hundred times slower, and as many times further from what may disturb the figure.
    return difference(count, load, *((1024, 3072) if server.python else (4096, 65536)))


def profile(programs, folder, server, load):
    """The functions that take the most instructions per request, without what they call."""
    def count(requests):
        below = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder / 'profile'}"]
        with running(server, load.transport, folder, below, subprocess.DEVNULL) as (_, where):
            ask(programs, where, load, "--requests", requests)
        listed = subprocess.run(["callgrind_annotate", "--threshold=100", "--auto=no", folder / "profile"],
                                capture_output=True, text=True, check=True).stdout
        counts = collections.Counter()
        for count, name in re.findall(r"^ *([\d,]+) \([^)]*\)  [^ :]+:(.+?)(?: \[[^]]*\])?$", listed, re.M):
            name = re.sub(r"('\d+|\[abi:\w+\]|\(.*|<.*)", "", name.replace("(anonymous namespace)::", ""))
            counts[name.removeprefix("asyncio::")] += int(count.replace(",", ""))
        return counts

    few, many = 4096, 16384
    counts = count(many)
    counts.subtract(count(few))
    return {name: taken / (many - few) for name, taken in counts.most_common(14)}


def system_calls(programs, folder, server, load):
    """System calls per request, by strace's count."""
    def count(requests):
        table = folder / "calls"
        table.unlink(missing_ok=True)
        # -D: the server is our child, and strace is not between us and it.
        with running(server, load.transport, folder, ["strace", "-D", "-f", "-c", "-o", str(table)]) as (_, where):
            ask(programs, where, load, "--requests", requests)
        for _ in range(500):  # strace writes after the server has gone
            if table.exists() and (total := re.search(r"^100\.00 +\S+ +\d+ +(\d+) .*total$", table.read_text(), re.M)):
                return int(total[1])
            time.sleep(0.01)
        sys.exit("echo: strace has written no table")

    return difference(count, load, 4096, 20480)


def counted(count, tool, programs, folder, servers, loads):
    if not shutil.which(tool):
        say(f"left out, there is no {tool}: what it counts")
        return {}
    figures = {}
    for load in loads:
        for server in servers:
            if server.python and load is not loads[0]:
                continue  # starting a Python below valgrind takes longer than all the rest
            say(f"{tool}: {load.name}, {server.name}")
            figures.setdefault(load.name, {})[server.name] = count(programs, folder, server, load)
    return figures


def machine():
    model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    return {
        "processor": model[1] if model else platform.machine(),
        "processors": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
    }


def ours(servers):
    return [server for server in servers if server.name.startswith("Orrery")]


def check(programs, folder):
    """Ours answer, and what they answer is what was asked; the load generator compares."""
    for server in ours(servers_of(programs)[0]):
        for load in [LOADS[0], LOADS[5], LOADS[8], LOADS[9]]:
            if server.serves(load):
                with running(server, load.transport, folder) as (_, where):
                    said = ask(programs, where, load, "--warm", 0, "--requests", 1000)
                print(f"{server.name}, {load.name}: {said['requests']} requests")
                if said["requests"] == 0:
                    sys.exit("echo: no answer at all")


def say(text):
    print(f"echo: {text}", file=sys.stderr, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path, help="the build folder")
    parser.add_argument("--quick", action="store_true", help="one short round; the page stays as it is")
    parser.add_argument("--check", action="store_true", help="only whether ours still echo")
    parser.add_argument("--page", action="store_true", help="only the page, from the figures of the last run")
    options = parser.parse_args()
    programs = options.build.resolve() / "tests/benchmarks/echo"

    if not options.check and importlib.util.find_spec("matplotlib") is None:
        debians = "/usr/bin/python3"  # the first one on the path may not see Debian's packages
        if os.path.exists(debians) and os.path.realpath(sys.executable) != os.path.realpath(debians):
            os.execv(debians, [debians, "-B", *sys.argv])
    if options.page:
        import report
        return report.write_page(json.loads(FIGURES.read_text()), ROOT)

    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        if options.check:
            return check(programs, folder)
        servers, missing = servers_of(programs)
        if not servers or servers[0].name != FLOOR:
            sys.exit("echo: build the target echo_benchmark first")
        for server in missing:
            say(f"left out, its library is not installed: {server}")
        counting = [server for server in servers if not (options.quick and server.python)]
        loads = QUICK_LOADS if options.quick else LOADS
        rounds, seconds = (1, 0.1) if options.quick else (5, 0.25)
        figures = {
            "machine": machine(), "missing": missing, "rounds": rounds, "seconds": seconds,
            "instructions": counted(instructions, "valgrind", programs, folder, counting, LOADS[:1 if options.quick else 2]),
            "profile": {} if options.quick or not shutil.which("valgrind") else
                       {server.name: profile(programs, folder, server, LOADS[0]) for server in ours(servers)},
            "calls": counted(system_calls, "strace", programs, folder, counting, LOADS[:1 if options.quick else 2]),
            "loads": measure(programs, folder, servers, loads, rounds, seconds),
        }
    import report
    print(report.tables(figures))
    if not options.quick:
        FIGURES.parent.mkdir(exist_ok=True)
        FIGURES.write_text(json.dumps(report.summary(figures), indent=1) + "\n")
        report.write_page(json.loads(FIGURES.read_text()), ROOT)


if __name__ == "__main__":
    main()

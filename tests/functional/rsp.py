# SPDX-License-Identifier: GPL-2.0-or-later
"""A debugger of few words: gdb's remote protocol over a unix socket, packet by packet.

For what gdb itself never does: leave in the middle of something, or send nonsense."""
import re
import select
import socket
import time

from harness import Failure, seconds


class Rsp:
    """One connection, without acknowledgements once it has begun (noack)."""

    def __init__(self, m, path, limit=10, noack=True):
        end = time.monotonic() + seconds(limit)
        self.m, self.bytes = m, b""
        self.sock = socket.socket(socket.AF_UNIX)
        m.bench.onexit.callback(self.sock.close)
        while True:
            try:
                self.sock.connect(str(path))
                break
            except OSError as e:
                if time.monotonic() > end or m.proc.poll() is not None:
                    raise Failure(f"cannot connect to {path}: {e.strerror} ({m.state()})") from e
                time.sleep(0.05)
        self.ask("qSupported:swbreak+;hwbreak+")
        if noack:
            self.ask("QStartNoAckMode")

    def send(self, data):
        """Send a packet (text, or bytes that are escaped already) and wait for nothing."""
        data = data if isinstance(data, bytes) else data.encode()
        self.m.bench.note(b"\n-> " + data)
        self.sock.sendall(b"+$%s#%02x" % (data, sum(data) & 255))

    def reply(self, limit=10):
        """The data of the next packet, text of `monitor` left out."""
        end = time.monotonic() + seconds(limit)
        while True:
            found = re.search(rb"\$([^#]*)#..", self.bytes, re.S)
            if found:
                self.bytes = self.bytes[found.end():]
                self.m.bench.note(b"\n<- " + found.group(1))
                if found.group(1)[:1] != b"O" or found.group(1) == b"OK":
                    return found.group(1).decode("latin1")
                continue
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.sock], [], [], left)[0]:
                raise Failure(f"the debugger's port says nothing ({self.m.state()})")
            more = self.sock.recv(65536)
            if not more:
                raise Failure(f"the debugger's port has closed ({self.m.state()})")
            self.bytes += more

    def ask(self, data, limit=10):
        self.send(data)
        return self.reply(limit)

    def number(self, addr, size):
        """`size` bytes of memory as a little-endian number, or the error as text."""
        got = self.ask(f"m{addr:x},{size:x}")
        return got if got.startswith("E") else int.from_bytes(bytes.fromhex(got), "little")

    def close(self):
        self.sock.close()

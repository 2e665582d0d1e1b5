# SPDX-License-Identifier: GPL-2.0-or-later
"""A viewer of the RFB protocol (VNC): asks for pictures, types and points."""
import socket
import struct
import subprocess

from harness import check, need

RAW, COPY, RESIZE, POINTER_MODE, EXTENDED_KEYS, XVP = 0, 1, -223, -257, -258, -309
NONE, PASSWORD = 1, 2


def encrypt(challenge, password):
    """DES in the protocol's way: the bits of each byte of the password are reversed."""
    key = password.encode()[:8].ljust(8, b"\0")
    key = bytes(int(f"{byte:08b}"[::-1], 2) for byte in key)
    return subprocess.run([need("openssl"), "enc", "-des-ecb", "-provider", "legacy", "-provider", "default", "-K", key.hex(),
                           "-nopad"], input=challenge, stdout=subprocess.PIPE, check=True).stdout


class Refused(Exception):
    """The server does not let us in."""


class Viewer:
    """A connection; `picture` is what it has shown so far, a pixel 4 bytes: blue, green, red, nothing."""

    def __init__(self, address, password=None, encodings=(RAW, RESIZE), shared=True, limit=20):
        self.sock = socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET)
        self.sock.settimeout(limit)
        self.sock.connect(address)
        self.told = set()       # pseudo-encodings that came
        self.copied = self.sent = 0     # pixels that were moved, and that came
        self.xvp = None
        self.cut = None         # the text that was copied last at the server's
        check(self.take(12) == b"RFB 003.008\n", "another version")
        self.sock.sendall(b"RFB 003.008\n")
        kinds = self.take(self.take(1)[0])
        kind = NONE if password is None else PASSWORD
        if kind not in kinds:
            raise Refused(f"security types {list(kinds)}")
        self.sock.sendall(bytes([kind]))
        if kind == PASSWORD:
            self.sock.sendall(encrypt(self.take(16), password))
        if self.number(">I"):
            raise Refused(self.take(self.number(">I")).decode())
        self.sock.sendall(bytes([shared]))
        self.width, self.height = struct.unpack(">HH", self.take(4))
        self.take(16)
        self.name = self.take(self.number(">I")).decode()
        self.picture = bytearray(self.width * self.height * 4)
        if encodings:
            self.choose(encodings)

    def choose(self, encodings):
        """Our form of pixels, and what we understand."""
        self.sock.sendall(struct.pack(">BxxxBBBBHHHBBBxxx", 0, 32, 24, 0, 1, 255, 255, 255, 16, 8, 0) +
                          struct.pack(f">BxH{len(encodings)}i", 2, len(encodings), *encodings))

    def take(self, count):
        data, have = bytearray(count), 0
        while have < count:
            more = self.sock.recv_into(memoryview(data)[have:])
            check(more, "the server has hung up")
            have += more
        return bytes(data)

    def number(self, form):
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def ask(self, incremental=False):
        self.sock.sendall(struct.pack(">BBHHHH", 3, incremental, 0, 0, self.width, self.height))

    def ask_for(self, x, y, width, height):
        """Of a part, if it changes."""
        self.sock.sendall(struct.pack(">BBHHHH", 3, 1, x, y, width, height))

    def rectangle(self):
        x, y, width, height, encoding = struct.unpack(">HHHHi", self.take(12))
        if encoding == RAW:
            self.sent += width * height
            for row in range(y, y + height):
                at = (row * self.width + x) * 4
                self.picture[at:at + 4 * width] = self.take(4 * width)
        elif encoding == COPY:
            self.copied += width * height
            left, top = struct.unpack(">HH", self.take(4))
            before = bytes(self.picture)
            for row in range(height):
                to, at = ((y + row) * self.width + x) * 4, ((top + row) * self.width + left) * 4
                self.picture[to:to + 4 * width] = before[at:at + 4 * width]
        elif encoding == RESIZE:
            self.width, self.height = width, height
            self.picture = bytearray(width * height * 4)
        else:
            self.told.add((encoding, x))

    def update(self):
        """The next update; other messages are passed over."""
        while True:
            kind = self.take(1)[0]
            if kind == 0:
                self.take(1)
                for _ in range(self.number(">H")):
                    self.rectangle()
                return
            if kind == 250:
                self.xvp = self.take(3)[1:]     # version, code
            elif kind == 3:
                self.take(3)
                self.cut = self.take(self.number(">I")).decode("latin-1")
            else:
                check(kind == 2, f"message {kind}")     # a bell

    def shows(self):
        """Width, height and the pixels' bytes as a PPM file has them."""
        p = self.picture
        pixels = bytearray(len(p) // 4 * 3)
        pixels[0::3], pixels[1::3], pixels[2::3] = p[2::4], p[1::4], p[0::4]
        return self.width, self.height, bytes(pixels)

    def until(self, wanted, what):
        """Take updates until the picture is that."""
        self.ask()
        for _ in range(200):
            self.update()
            if self.shows() == wanted():
                return
            self.ask(True)
        check(False, f"the viewer never shows {what}")

    def key(self, sym, down):
        self.sock.sendall(struct.pack(">BBxxI", 4, down, sym))

    def type(self, text):
        """Characters, as programs send them: without Shift."""
        for c in text:
            sym = 0xff0d if c == "\n" else ord(c)
            self.key(sym, True)
            self.key(sym, False)

    def copy(self, text):
        """The user has copied this."""
        self.sock.sendall(struct.pack(">B3xI", 6, len(text)) + text.encode("latin-1"))

    def place(self, number, down):
        """A key by its place."""
        self.sock.sendall(struct.pack(">BBHII", 255, 0, down, 0, number))

    def power(self, code):
        """xvp: 2 shut down, 3 reboot, 4 reset."""
        self.sock.sendall(bytes([250, 0, 1, code]))

    def point(self, buttons, x, y):
        self.sock.sendall(struct.pack(">BBHH", 5, buttons, x, y))

    def close(self):
        self.sock.close()

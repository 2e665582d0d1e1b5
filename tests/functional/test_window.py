# SPDX-License-Identifier: GPL-2.0-or-later
"""The window, on a display server without a screen (Xvfb): every key reaches the guest, the pointer is exact at each scale, the
whole screen, and closing."""
import ctypes
import fcntl
import os
import re
import struct
import subprocess
import tempfile
from pathlib import Path

import rfb
from guests import bare_program
from harness import case, check, need, not_on_peer, until
from test_monitor import Monitor
from test_qmp import Client
from test_screen import Screen, points, read_ppm

# evdev's codes of a board of 105 keys, by rows.  X has them 8 higher.
BOARD = [1, *range(59, 69), 87, 88, 99, 70, 119,
         41, *range(2, 15), 110, 102, 104, 69, 98, 55, 74,
         15, *range(16, 28), 28, 111, 107, 109, 71, 72, 73, 78,
         58, *range(30, 41), 43, 75, 76, 77,
         42, 86, *range(44, 54), 54, 103, 79, 80, 81, 96,
         29, 125, 56, 57, 100, 126, 127, 97, 105, 108, 106, 82, 83]
KEY_A = 30
WIDTH, HEIGHT = 640, 400        # of the guest's screen
# The window manager has one key of its own, by which a window is closed.
RC = """<openbox_config xmlns="http://openbox.org/3.4/rc"><keyboard><keybind key="A-F4"><action name="Close"/></keybind></keyboard>
</openbox_config>"""


def read_xwd(data):
    """Width, height and the pixels' bytes of an X window's dump (X11/XWDFile.h, version 7), 32 bits a pixel."""
    header = struct.unpack(">25I", data[:100])
    size, version, _, _, width, height, _, order = header[:8]
    check(version == 7 and header[11] == 32 and header[14:17] == (0xff0000, 0xff00, 0xff), f"another form of dump: {header}")
    stride, colours = header[12], header[19]
    rows = [data[at:at + 4 * width] for at in range(size + 12 * colours, size + 12 * colours + height * stride, stride)]
    p, pixels = b"".join(rows), bytearray(3 * width * height)
    blue, green, red = (3, 2, 1) if order else (0, 1, 2)
    pixels[0::3], pixels[1::3], pixels[2::3] = p[red::4], p[green::4], p[blue::4]
    return width, height, bytes(pixels)


class XServer:
    """A display server with a window manager, and a window on it."""

    def __init__(self, b):
        ours, theirs = os.pipe()
        # One starts at a time: a server takes the socket of another that is bound and does not listen yet for an old one.
        with open(Path(tempfile.gettempdir()) / "lyrebird-tests-display.lock", "w", encoding="ascii") as turn, os.fdopen(ours) as f:
            fcntl.flock(turn, fcntl.LOCK_EX)
            self.start(b, [need("Xvfb"), "-displayfd", str(theirs), "-screen", "0", "1600x1200x24", "-nolisten", "tcp"], theirs)
            os.close(theirs)
            self.display = b.environment["DISPLAY"] = f":{f.readline().strip()}"
        (b.tmp / "rc.xml").write_text(RC)
        ready = b.tmp / "ready"     # before that it may overlook a window: SDL would wait for it for ever
        ready.unlink(missing_ok=True)       # of another display server of the same case
        self.start(b, [need("openbox"), "--config-file", b.tmp / "rc.xml", "--startup", f"touch {ready}"])
        until("the window manager", ready.exists, 60)
        need("xdotool")

    def find_window(self):
        self.id = until("the window", self.find, 60)

    def start(self, b, argv, fd=None):
        p = subprocess.Popen(argv, pass_fds=[fd] if fd is not None else [], env={**os.environ, **b.environment},
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        b.onexit.callback(lambda: (p.terminate(), p.wait()))

    def x(self, *args):
        return subprocess.run(["xdotool", *map(str, args)], env={**os.environ, "DISPLAY": self.display}, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.decode().strip()

    def find(self):
        return self.x("search", "--onlyvisible", "--name", "Lyrebird").split("\n")[0]

    def title(self):
        return self.x("getwindowname", self.id)

    def size(self):
        w, h = re.findall(r"(?:WIDTH|HEIGHT)=(\d+)", self.x("getwindowgeometry", "--shell", self.id))
        return int(w), int(h)

    def shot(self):
        """What the window shows: see read_xwd."""
        p = subprocess.run([need("xwd"), "-silent", "-id", self.id], env={**os.environ, "DISPLAY": self.display},
                           stdout=subprocess.PIPE, check=True)
        return read_xwd(p.stdout)


class Window(XServer):
    """Debian in a window."""

    def __init__(self, b):
        super().__init__(b)
        self.s = Screen(b, "-device", f"bochs-display,xres={WIDTH},yres={HEIGHT}", "-device", "virtio-keyboard-pci", "-device",
                        "virtio-tablet-pci", "-display", "sdl")
        self.find_window()
        self.x("windowfocus", "--sync", self.id)
        self.x("windowmove", "--sync", self.id, 20, 40)


def keys(w):
    """Each key of the board: pressed, released, once each, by its own code."""
    for first in range(0, len(BOARD), 8):       # the guest's buffer holds 64 events, and a busy host's guest reads them late
        some = BOARD[first:first + 8]
        w.s.listen("Keyboard", 4 * len(some) + 8)
        more = ["key", KEY_A + 8] * 4           # for what lights say among them: the lock keys switch those
        w.x(*(word for code in some for word in ("key", "Escape" if code == 1 else code + 8)), *more)   # 9 is a digit
        want = [event for code in some for event in ((1, code, 1), (1, code, 0))]
        got = [e for e in w.s.heard() if e[0] == 1][:len(want)]
        check(got == want, f"{got[:4]} ... {[e for e in got if e not in want]}, {[e for e in want if e not in got]}")


def pointer(w, scale):
    """The window's pixel, and what the guest should get of it: the middle of its own."""
    size = int(WIDTH * scale), int(HEIGHT * scale)
    w.x("windowsize", w.id, *size)
    until("the window's size", lambda: w.size() == size, 20)
    for x, y in ((0, 0), (1, 1), (size[0] - 1, size[1] - 1), (301, 203), (size[0] // 2, 7)):
        w.x("mousemove", "--window", w.id, (x + 50) % size[0], (y + 50) % size[1])
        w.s.listen("Tablet", 3)
        w.x("mousemove", "--window", w.id, x, y)
        want = points(int(x / scale), int(y / scale), WIDTH, HEIGHT)
        got = w.s.heard()
        check(got == want, f"scale {scale}, {x}, {y}: {got}, not {want}")


@case(quick=False, limit=300)
def test_window(b):
    """every key of a board of 105, the pointer at scales 1, 1.5 and 2, the whole screen, and closing, under Xvfb"""
    w = Window(b)
    keys(w)
    for scale in (1, 1.5, 2):
        pointer(w, scale)
    w.x("key", "ctrl+alt+f")
    until("the whole screen", lambda: w.size() == (1600, 1200), 20)
    w.x("key", "ctrl+alt+f")
    until("the window again", lambda: w.size() == (2 * WIDTH, 2 * HEIGHT), 20)
    w.x("key", "alt+F4")
    until("the title to tell", lambda: "asked to power down" in w.title(), 20)
    check(w.s.m.proc.poll() is None, "the first close has ended it")
    w.x("key", "alt+F4")
    w.s.m.expect_exit(0, 30)
    check("display server has refused" not in stderr(b), "an X error at the end")


def stderr(b):
    return b.log_path.read_text(errors="replace")


class Message(ctypes.Structure):
    """Xlib's XClientMessageEvent, as long as its XEvent."""
    _fields_ = [("type", ctypes.c_int), ("serial", ctypes.c_ulong), ("send_event", ctypes.c_int), ("display", ctypes.c_void_p),
                ("window", ctypes.c_ulong), ("kind", ctypes.c_ulong), ("format", ctypes.c_int), ("data", ctypes.c_long * 5),
                ("rest", ctypes.c_long * 12)]


def drag_over(x, source):
    """Tell the window that something is dragged over it from the window `source`, which it has to answer."""
    xlib = ctypes.CDLL("libX11.so.6")
    xlib.XOpenDisplay.restype, xlib.XInternAtom.restype = ctypes.c_void_p, ctypes.c_ulong
    display = ctypes.c_void_p(xlib.XOpenDisplay(x.display.encode()))
    check(display, "no display")
    m = Message(33, window=int(x.id), format=32, kind=xlib.XInternAtom(display, b"XdndPosition", 0))
    m.data[0] = source
    xlib.XSendEvent(display, ctypes.c_ulong(m.window), 0, ctypes.c_long(0), ctypes.byref(m))
    xlib.XCloseDisplay(display)


@case(limit=120)
def test_window_x_error(b):
    """what the display server refuses is told once, and the machine goes on"""
    not_on_peer("it ends")
    x = XServer(b)
    sock = b.tmp / "mon"
    m = b.machine("-bios", "none", "-kernel", bare_program(b, "ramfb"), "-device", "ramfb", "-monitor",
                  f"unix:{sock},server=on,wait=off", "-display", "sdl")
    x.find_window()
    m.expect("shown")
    for no_window in (0x1fffffff, 0x1ffffffe):
        drag_over(x, no_window)
    until("a line about it", lambda: "display server has refused" in stderr(b))
    m.send("x")
    m.expect("again")
    # Asked for again: the window takes the size of the guest's picture when that comes late.
    until("the window to follow", lambda: x.x("windowsize", x.id, 300, 200) or x.size() == (300, 200))
    Monitor(m, sock).line.send("quit\n")
    m.expect_exit(0)
    check(stderr(b).count("display server has refused") == 1, "it is told more than once")


def mixed(picture, width, height):
    """The picture in that size, as numbers: where a pixel's middle is between four of the picture's, each has its share."""
    w, h, pixels = picture

    def between(to, size, of):
        place = min(max((to + 0.5) * of / size - 0.5, 0), of - 1)
        return int(place), min(int(place) + 1, of - 1), place % 1
    out = []
    for y in range(height):
        above, below, v = between(y, height, h)
        for x in range(width):
            left, right, u = between(x, width, w)
            for c in range(3):
                p = [pixels[3 * (w * row + column) + c] for row in (above, below) for column in (left, right)]
                out.append((1 - v) * ((1 - u) * p[0] + u * p[1]) + v * ((1 - u) * p[2] + u * p[3]))
    return out


def repeated(picture, times):
    w, h, pixels = picture
    rows = [b"".join(pixels[3 * (w * y + x):][:3] * times for x in range(w)) for y in range(h)]
    return w * times, h * times, b"".join(row * times for row in rows)


@case(limit=120)
def test_window_scaled(b):
    """a window twice as large as the guest's picture repeats its pixels, one half as large again mixes them; both follow changes"""
    not_on_peer("another picture")
    x = XServer(b)
    sock, ppm = b.tmp / "mon", b.tmp / "picture.ppm"
    m = b.machine("-bios", "none", "-kernel", bare_program(b, "ramfb"), "-device", "ramfb", "-monitor",
                  f"unix:{sock},server=on,wait=off", "-display", "sdl")
    x.find_window()
    m.expect("shown")
    mon = Monitor(m, sock)

    def picture():
        mon.ask(f"screendump {ppm}")
        return read_ppm(ppm)

    def resize(width, height):
        x.x("windowsize", x.id, width, height)
        until(f"{width} by {height}", lambda: x.size() == (width, height), 40)

    def is_mixed():
        width, height, got = x.shot()
        return (width, height) == (96, 72) and all(abs(a - c) < 3 for a, c in zip(got, mixed(picture(), 96, 72)))
    until("the guest's size, which the window takes", lambda: x.size() == (64, 48), 40)
    resize(128, 96)
    for _ in range(2):
        until("repeated pixels", lambda: x.shot() == repeated(picture(), 2), 40)
        m.send("x")
        m.expect("again")
    resize(96, 72)
    for _ in range(2):
        until("mixed pixels", is_mixed, 40)
        m.send("x")
        m.expect("again")
    until("mixed pixels", is_mixed, 40)


@case(limit=120)
def test_window_shot(b):
    """Ctrl-Alt-P in the window writes what the guest shows to a new file in the user's folder of pictures, each time another"""
    not_on_peer("it has no such key")
    pictures, config = b.tmp / "pictures", b.tmp / "config"
    for folder in (pictures, config):
        folder.mkdir()
    (config / "user-dirs.dirs").write_text(f'XDG_PICTURES_DIR="{pictures}"\n')
    b.environment["XDG_CONFIG_HOME"] = str(config)
    x, path, dump = XServer(b), str(b.tmp / "qmp"), b.tmp / "dump.png"
    m = b.machine("-bios", "none", "-kernel", bare_program(b, "ramfb"), "-device", "ramfb", "-qmp",
                  f"unix:{path},server=on,wait=off", "-display", "sdl", "-name", "a/b")
    x.find_window()
    m.expect("shown")
    until("the guest's size, which the window takes", lambda: x.size() == (64, 48), 40)
    check(Client(path).ask("screendump", filename=str(dump)) == {}, "screendump")
    x.x("windowfocus", "--sync", x.id)
    for count in (1, 2):
        x.x("key", "ctrl+alt+p")
        until("a file", lambda n=count: sum(f.read_bytes() == dump.read_bytes() for f in pictures.iterdir()) == n, 20)
    check(all(f.name.startswith("lyrebird-a_b-") for f in pictures.iterdir()), str(list(pictures.iterdir())))


@case(limit=120)
def test_window_heads(b):
    """a device of two screens has two windows, named by their heads; closing either asks the guest"""
    not_on_peer("other titles")
    x = XServer(b)
    m = b.machine("-bios", "none", "-device", "virtio-gpu-pci,max_outputs=2,id=g", "-display", "sdl", "-S", serial=False)
    until("two windows", lambda: all(x.x("search", "--onlyvisible", "--name", f"head {n}") for n in (0, 1)), 60)
    second = x.x("search", "--onlyvisible", "--name", "head 1")
    x.x("windowfocus", "--sync", second)
    x.x("key", "alt+F4")
    until("both titles to tell", lambda: all("asked to power down" in x.x("getwindowname", x.x("search", "--name", f"head {n}"))
                                            for n in (0, 1)), 40)
    check(m.proc.poll() is None, "the first close has ended it")
    x.x("key", "alt+F4")
    m.expect_exit(0, 30)


def shared(b, name, guest=True):
    """A machine with a window of that name, and a viewer of its other server; it has an agent's line, or not."""
    sock = str(b.tmp / name)
    agent = ["-chardev", "qemu-vdagent,id=c,clipboard=on"] if guest else []
    m = b.machine("-bios", "none", "-kernel", bare_program(b, "ramfb"), "-device", "ramfb", "-display", "sdl", "-name", name,
                  "-vnc", f"unix:{sock}", *agent)
    m.expect("shown")
    return m, rfb.Viewer(sock)


def has(m, viewer, text):
    """Does the viewer get that text?  It is sent a change of the picture, behind which nothing is on its way."""
    m.send("x")
    viewer.ask()
    viewer.update()
    return viewer.cut == text


def focus(x, name):
    """Give the focus to the window of that machine, if it is there."""
    window = x.x("search", "--onlyvisible", "--name", f"\\({name}\\)").split("\n")[0]
    x.x("windowfocus", window)
    return window


@case(limit=120)
def test_window_clipboard(b):
    """what is copied at one machine's viewer comes out at another's, by the display server's clipboard between their windows; a
    machine whose guest has no agent does not look at it"""
    not_on_peer("no such agent")
    x = XServer(b)
    (first, one), (second, two), (third, three) = shared(b, "one"), shared(b, "two"), shared(b, "three", guest=False)
    for text in ("copied \xe4", "copied again"):
        one.copy(text)
        until("the text at the other's", lambda t=text: focus(x, "two") and has(second, two, t), 40)
        check(focus(x, "three") and not has(third, three, text) and three.cut is None, "who has no agent was told")
    two.copy("and back")
    until("the text at the first's", lambda: focus(x, "one") and has(first, one, "and back"), 40)

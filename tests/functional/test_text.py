# SPDX-License-Identifier: GPL-2.0-or-later
"""Text consoles: the monitor and the serial line in a window, at a viewer's, and on a terminal (curses)."""
import contextlib
import fcntl
import os
import pty
import select
import struct
import signal
import subprocess
import termios

import rfb
from guests import bare_program
from harness import EMULATOR, Failure, Line, case, check, not_on_peer, until
from test_screen import read_ppm
from test_window import XServer

CTRL_KEY, ALT_KEY = 0xffe3, 0xffe9
NORMAL = (640, 384)     # 80 by 24 characters


def arguments(b, *more, size=""):
    """A payload that shows a picture of 64 by 48 and says "shown", then "again" for each byte; its line goes to a log, too."""
    return ["-bios", "none", "-kernel", bare_program(b, "ramfb"), "-device", "ramfb", "-chardev",
            f"vc,id=line,logfile={b.tmp / 'line'}{size}", "-serial", "chardev:line", *more]


def said(b):
    path = b.tmp / "line"
    return path.read_bytes().decode() if path.exists() else ""


def enter(x, text):
    x.x("type", "--delay", 20, text)
    x.x("key", "Return")


@case(limit=120)
def test_text_window(b):
    """Ctrl-Alt-2 and -3 show serial line and monitor in the window; what is typed there reaches them, as characters"""
    x = XServer(b)
    picture = b.tmp / "picture.ppm"
    m = b.machine(*arguments(b, "-monitor", "vc", "-display", "sdl"), serial=False)
    x.find_window()
    x.x("windowfocus", "--sync", x.id)
    until("the payload", lambda: "shown" in said(b))
    x.x("key", "ctrl+alt+2")
    until("the line's console", lambda: x.title().endswith("- line") and x.size() == NORMAL)
    x.x("type", "x")
    until("the payload to hear", lambda: "again" in said(b))
    x.x("key", "ctrl+alt+3")
    until("the monitor's console", lambda: x.title().endswith("- compat_monitor0"))
    enter(x, f"screendump {picture}")
    until("a picture", picture.exists)
    until("all of it", lambda: picture.stat().st_size >= 64 * 48 * 3)
    check(read_ppm(picture)[:2] == (64, 48), "the first console's picture has another size")
    x.x("key", "ctrl+alt+1")
    until("the screen", lambda: x.size() == (64, 48) or "compat" not in x.title())
    x.x("key", "ctrl+alt+3")
    until("the monitor's console", lambda: x.title().endswith("- compat_monitor0"))
    enter(x, "quit")
    m.expect_exit(0)


@case()
def test_text_defaults(b):
    """with -display sdl and nothing said about them, monitor and serial line are consoles 2 and 3, as users of QEMU expect"""
    x = XServer(b)
    m = b.machine("-bios", "none", "-kernel", bare_program(b, "ramfb"), "-device", "ramfb", "-display", "sdl", serial=False)
    x.find_window()
    x.x("windowfocus", "--sync", x.id)
    for key, name in ((3, "serial0"), (2, "compat_monitor0")):
        x.x("key", f"ctrl+alt+{key}")
        until(name, lambda: x.title().endswith(f"- {name}"))    # pylint: disable=cell-var-from-loop
    enter(x, "quit")
    m.expect_exit(0)


def choose(v, number):
    for down in (True, False):
        for sym in (CTRL_KEY, ALT_KEY, ord(str(number))):
            v.key(sym, down)


def reading(v, test):
    """A test for until(): a viewer that stops reading is sent away, so take what has come before each look."""
    def look():
        while select.select([v.sock], [], [], 0)[0]:
            v.update()
        return test()
    return look


def await_size(v, size):
    v.ask()
    for _ in range(200):
        v.update()
        if (v.width, v.height) == size:
            return
        v.ask(True)
    check(False, f"the viewer never shows {size}")


@case()
def test_text_vnc(b):
    """a VNC viewer changes the console, and types into it"""
    not_on_peer("the same keys, but other sizes")
    picture = b.tmp / "picture.ppm"
    m = b.machine(*arguments(b, "-monitor", "vc:60Cx4C", "-vnc", f"unix:{b.tmp / 'vnc'}", size=",cols=20,rows=4"), serial=False)
    until("the payload", lambda: "shown" in said(b))
    v = rfb.Viewer(str(b.tmp / "vnc"))
    await_size(v, (64, 48))
    choose(v, 2)
    await_size(v, (160, 64))
    v.type("x")
    until("the payload to hear", reading(v, lambda: "again" in said(b)))
    choose(v, 3)
    await_size(v, (480, 64))
    v.type(f"screendump {picture}\n")
    until("a picture", reading(v, picture.exists))
    choose(v, 1)
    await_size(v, (64, 48))
    choose(v, 3)
    await_size(v, (480, 64))
    v.type("quit")
    v.key(0xff0d, True)
    with contextlib.suppress(Failure, OSError):     # the end hangs up
        while True:
            v.update()
    m.expect_exit(0)


class Terminal:
    """A machine on a terminal of its own, of 100 by 30 characters."""

    def __init__(self, b, *args):
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 30, 100, 0, 0))
        self.before = termios.tcgetattr(theirs)
        self.proc = subprocess.Popen([EMULATOR, "-M", "virt", *map(str, args)], stdin=theirs, stdout=theirs, stderr=b.log,
                                     env={**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}, start_new_session=True)
        b.onexit.callback(lambda: (self.proc.poll() is None and self.proc.kill(), self.proc.wait(), os.close(theirs)))
        self.theirs = theirs
        self.line = Line(ours, ours, b.log, lambda: f"exit code {self.proc.poll()}")

    def settings(self):
        return termios.tcgetattr(self.theirs)


@case()
def test_text_curses(b):
    """-display curses: a picture's size, Alt-2 and -3, typing, another size, and the terminal as it was at the end"""
    t = Terminal(b, *arguments(b, "-monitor", "vc", "-display", "curses"))
    t.line.expect("64 x 48 Graphic mode")
    t.line.send("\x1b2")
    t.line.expect("shown")
    t.line.send("x")
    t.line.expect(r"a(\x1b\(B)?g(\x1b\(B)?a(\x1b\(B)?i(\x1b\(B)?n")     # it may come in pieces
    t.line.send("\x1b3")
    t.line.expect(r"\(qemu\)")
    fcntl.ioctl(t.theirs, termios.TIOCSWINSZ, struct.pack("4H", 20, 60, 0, 0))
    os.kill(t.proc.pid, signal.SIGWINCH)    # the terminal is not its session's
    t.line.expect(r"\(qemu\)")
    check(t.settings() != t.before, "the terminal is not in raw mode")
    t.line.send("quit\r")
    check(t.proc.wait(30) == 0, "exit code")
    check(t.settings() == t.before, "the terminal is not given back")


@case()
def test_text_refused(b):
    """what cannot be is refused, and says what to do"""
    not_on_peer("other messages")
    for args, wanted in ((["-display", "curses"], "no terminal"), (["-display", "curses", "-serial", "stdio"], "has the terminal"),
                         (["-display", "none", "-serial", "vc:1x"], "no size"),
                         (["-display", "none", "-serial", "vc:9000Cx1C"], "512"), (["-display", "none", "-serial", "vc:1Cx4C"], "at least 2"),
                         (["-display", "curses,full-screen=on"], "no window"),
                         (["-display", "none", "-chardev", "vc,id=a,encoding=cp437"], "cp437")):
        code, _, err = b.run("-M", "virt", "-bios", "none", "-device", "ramfb", *args)
        check(code == 1 and wanted in err, f"{args}: {code}, {err}")

# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's desktop in a window, under Xvfb: the picture, typing, pointing, sizes, and the clipboard with the guest's own agent."""
import os
import re
import subprocess
import time

import rfb
from guestlib import apt, desktop, guest
from guestlib.base import GuestError, cache_dir
from guestlib.guest import machine_options
from harness import EMULATOR, TOP, Failure, Skip, case, check, not_on_peer, seconds, until
from test_debian import PROMPT, login
from test_monitor import Monitor
from test_screen import read_ppm
from test_window import XServer

# Of files/desktop: jwmrc and Xresources.
ROOT, TRAY, TERMINAL = b"\x2f\x5d\x62", b"\x33\x33\x33", b"\x10\x14\x18"
INSIDE = 300, 200       # a place in the terminal, for every size of the screen here


def made():
    """The guest with the desktop, if it is made or may be."""
    cache = cache_dir()
    g = desktop.DesktopGuest(EMULATOR, cache, guest.chosen(cache) or apt.SUITES[0])
    if g.fresh():
        return g
    if not os.environ.get("LYREBIRD_DESKTOP"):
        raise Skip("the desktop is not made, which takes many minutes: run scripts/guest make --desktop, or set LYREBIRD_DESKTOP=1")
    try:
        return desktop.ready(EMULATOR)
    except apt.NoSuite as e:
        raise Skip(str(e).replace("\n", " ")) from e
    except GuestError as e:
        raise Failure(str(e)) from e


class Desktop:
    """The machine, its window, a viewer of its other server, a shell on its serial line."""

    def __init__(self, b):
        g, self.b, self.picture = made(), b, b.tmp / "picture.ppm"
        disk, sock = b.tmp / "overlay.qcow2", b.tmp / "mon"
        subprocess.run([TOP / "build" / "img" / "lyrebird-img", "create", "-q", "-f", "qcow2", "-b", g.root.image, "-F", "raw", disk],
                       check=True)
        self.x = XServer(b)
        begun = time.monotonic()
        self.m = b.machine(*machine_options(g.kernel.firmware, g.kernel.image, g.kernel.initrd, disk, "lyrebird.onfail=exit",
                                            disk_format="qcow2"),
                           *desktop.options(["-display", "sdl", "-vnc", f"unix:{b.tmp / 'vnc'}"]), "-smp", "2",
                           "-monitor", f"unix:{sock},server=on,wait=off", cpu_memory=("-m", "1G"))
        self.mon = Monitor(self.m, sock)
        self.x.find_window()
        self.m.expect(r"lyrebird login: ", 300)
        until("the desktop", self.is_there, 300)
        b.note(f"# the desktop is there after {time.monotonic() - begun:.0f} s\n".encode())
        self.viewer = rfb.Viewer(str(b.tmp / "vnc"))
        login(self.m)
        self.x.x("windowmove", self.x.id, 10, 30)
        self.x.x("windowfocus", "--sync", self.x.id)

    def sh(self, text):
        return self.m.command(text, PROMPT, 60).strip()

    def shot(self):
        answer = self.mon.ask(f"screendump {self.picture}")
        check("Error" not in answer, answer)
        return read_ppm(self.picture)

    def is_there(self):
        """Background, bar and terminal, where they should be, and something written in the terminal?"""
        time.sleep(0.2)         # a look at each picture would cost the guest its processor
        width, height, pixels = self.shot()

        def at(x, y):
            return pixels[3 * (y * width + x):][:3]
        line = pixels[3 * 75 * width:3 * 76 * width]
        return (at(width - 8, 8) == ROOT and at(width // 2, height - 13) == TRAY and at(*INSIDE) == TERMINAL
                and any(line[i] > 0xc0 for i in range(3 * 50, 3 * 300)))

    def resize(self, width, height, guest_size=None):
        """Give the window a size, and wait until the guest's screen has the same, or that which is named."""
        self.x.x("windowsize", self.x.id, width, height)
        until("the window's size", lambda: self.x.size() == (width, height), 40)
        until(f"the guest's screen in {guest_size or (width, height)}", lambda: self.shot()[:2] == (guest_size or (width, height)), 60)

    def type(self, line):
        """On the window's keyboard, into the terminal."""
        # Not faster: the guest keeps 64 events for a program that does not come to read them, and its own kernel drops the rest.
        self.x.x("type", "--delay", "100", line)
        self.x.x("key", "Return")

    def click(self, x, y, times=1):
        self.x.x("mousemove", "--window", self.x.id, x, y, "click", "--repeat", times, "--delay", 120, 1)

    def file(self, name, wanted, limit=60):
        """Wait until the guest's file has the text that matches; the match."""
        # A loop in the guest: one command a look would be as slow as the serial line.
        text = self.m.command(f"for i in $(seq {int(seconds(limit))}); do grep -qE '{wanted}' {name} 2>/dev/null && break; sleep 1; "
                              f"done; cat {name}", PROMPT, limit + 10)
        m = re.search(wanted, text)
        check(m, f"{name} has {text!r}, not {wanted}")
        return m

    def there(self, name):
        """Wait until the guest has that file."""
        self.sh(f"until [ -e {name} ]; do sleep 0.2; done")


def same_picture(d):
    """Is what the window shows what the guest has drawn?  Of the terminal: elsewhere is a clock."""
    (width, height, ours), (w, h, theirs) = d.x.shot(), d.shot()
    rows = range(40, min(height, h) - 60)
    return (width, height) == (w, h) and all(ours[3 * width * y:][:1800] == theirs[3 * width * y:][:1800] for y in rows)


HEAR = r"""stty -icanon -echo; printf '\033[?1000h\033[?1006h'; touch /tmp/hearing; cat > /tmp/clicks
printf '\033[?1000l\033[2J\033[H'; stty sane; touch /tmp/heard"""


def cells(d, *places):
    """The cells of the terminal, (column, row), whose program is told of clicks at those places of the window."""
    d.sh("rm -f /tmp/hearing /tmp/heard")
    d.type("sh /tmp/hear")
    d.there("/tmp/hearing")
    found = []
    for n, (x, y) in enumerate(places, 1):
        d.click(x, y)
        m = d.file("/tmp/clicks", rf"(\[<0;[0-9]+;[0-9]+M[^M]*){{{n}}}")
        found.append(tuple(map(int, re.findall(r"<0;(\d+);(\d+)M", m.group(0))[-1])))
    d.sh("pkill -x cat")
    d.there("/tmp/heard")
    return found


def pointing(d):
    """The guest's screen has half the size and keeps it; the window has 1, 1.5 and 2 times that: a click is where it was."""
    d.resize(640, 400)
    d.sh("pkill udevadm")           # what follows the window's size
    at = [(100, 120), (301, 203), (500, 300)]
    wanted = cells(d, *at)
    # A letter is 8 pixels wide: columns are as far apart as places.
    check(all(abs(8 * (b[0] - a[0]) - (q[0] - p[0])) < 8 for a, b, p, q in zip(wanted, wanted[1:], at, at[1:])), f"cells {wanted}")
    for scale in (1.5, 2):
        d.resize(int(640 * scale), int(400 * scale), (640, 400))
        got = cells(d, *((int(x * scale), int(y * scale)) for x, y in at))
        check(got == wanted, f"scale {scale}: cells {got}, not {wanted}")
    return wanted[1]


def clipboard(d, column, row):
    """A word marked in the guest comes out at a viewer; a viewer's text is inserted in the guest."""
    until("the agent", lambda: d.sh("pgrep -x spice-vdagentd") and d.sh("pgrep -x spice-vdagent"), 60)
    d.sh(rf"printf '\033[2J\033[{row};{column - 2}Hmarked\033[H' > /tmp/word")
    d.type("cat /tmp/word; head -n 1 > /tmp/pasted")
    x, y = 2 * INSIDE_CELL[0], 2 * INSIDE_CELL[1]

    def marked():
        d.click(x, y, 2)
        time.sleep(1)
        d.viewer.ask()
        d.viewer.update()
        return d.viewer.cut == "marked"
    until("the marked word at the viewer's", marked, 90)
    d.viewer.copy("from outside")

    def pasted():
        d.x.x("key", "shift+Insert")
        time.sleep(1)
        d.x.x("key", "Return")
        return "from outside" in d.sh("cat /tmp/pasted")
    until("the viewer's text in the guest", pasted, 60)


INSIDE_CELL = 301, 203      # of pointing()


@case(quick=False, limit=500)
def test_desktop(b):
    """Debian's desktop in a window: its picture, typing, clicks at scales 1, 1.5 and 2, sizes that it follows, the clipboard"""
    not_on_peer("it has no such window, nor its title")
    d = Desktop(b)
    until("the guest's picture in the window", lambda: same_picture(d), 60)
    d.click(*INSIDE)
    d.type("echo Typed, 105 KEYS > /tmp/typed")
    d.file("/tmp/typed", "^Typed, 105 KEYS")
    d.sh("cat > /tmp/hear <<'END'\n" + HEAR + "\nEND\nchmod a+r /tmp/hear")
    d.resize(1000, 700)
    until("the guest's picture in the window", lambda: same_picture(d), 60)
    clipboard(d, *pointing(d))
    d.m.send("systemctl poweroff\n")
    d.m.expect_exit(0, 200)

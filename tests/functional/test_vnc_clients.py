# SPDX-License-Identifier: GPL-2.0-or-later
"""VNC with viewers of others, TightVNC's and TigerVNC's, on a display server without a screen: what they show, and what is
typed and pointed at there."""
import re

from guests import bare_program
from harness import case, check, need, until
from test_monitor import Monitor
from test_screen import Screen, points, read_ppm
from test_window import XServer

# Without what loses colours, and without leave to change the guest's size.
VIEWERS = [["xtightvncviewer", "-nojpeg", "-encodings", "tight hextile copyrect"],
           ["xtigervncviewer", "-SecurityTypes", "None", "-NoJPEG", "-AutoSelect=0", "-RemoteResize=0"]]
SERVER = "127.0.0.1:700,to=800"     # the first display that is free


def contains(window, picture):
    """Is the picture in the window, at any place?  A viewer may lay it in a frame."""
    width, height, pixels = window
    w, h, wanted = picture
    rows = [wanted[3 * w * y:3 * w * (y + 1)] for y in range(h)]
    for top in range(height - h + 1):
        first = pixels[3 * width * top:3 * width * (top + 1)]
        left = first.find(rows[0])
        if left >= 0 and left % 3 == 0 and all(
                pixels[3 * width * (top + y) + left:][:3 * w] == rows[y] for y in range(h)):
            return True
    return False


class Viewer:
    """A program that shows what a server has, in a window on a display server of its own."""

    def __init__(self, b, argv, mon):
        self.x = XServer(b)
        self.mon, self.picture = mon, b.tmp / "picture.ppm"
        address, port = re.search(r"Server: ([0-9.]+):(\d+)", mon.ask("info vnc")).groups()
        (b.tmp / "home").mkdir(exist_ok=True)
        b.environment["HOME"] = str(b.tmp / "home")
        self.x.start(b, [need(argv[0]), *argv[1:], f"{address}::{port}"])
        self.x.find_window()

    def dump(self):
        self.mon.ask(f"screendump {self.picture}")
        return read_ppm(self.picture)

    def shows(self):
        return contains(self.x.shot(), self.dump())

    def stop(self):
        """Close the window: the viewer ends."""
        self.x.x("windowclose", self.x.id)
        until("the viewer to go", lambda: "Client:" not in self.mon.ask("info vnc"), 40)


@case(limit=120)
def test_vnc_clients_picture(b):
    """the windows of other programs' viewers have screendump's picture, at first and after changes"""
    for argv in VIEWERS:
        need(argv[0])
    sock = b.tmp / "mon"
    m = b.machine("-bios", "none", "-kernel", bare_program(b, "ramfb"), "-device", "ramfb", "-monitor",
                  f"unix:{sock},server=on,wait=off", "-vnc", SERVER)
    mon = Monitor(m, sock)
    m.expect("shown")
    for argv in VIEWERS:
        viewer = Viewer(b, argv, mon)
        for _ in range(2):
            until(f"the picture in {argv[0]}", viewer.shows, 40)
            before = viewer.dump()
            m.send("x")
            m.expect("again")
            check(viewer.dump() != before, "the guest has drawn nothing new")
        until(f"the last picture in {argv[0]}", viewer.shows, 40)


def types(s, viewer, word):
    """Characters with and without Shift, then a press of Return: xdotool's own \\n is another key."""
    viewer.x.x("windowfocus", "--sync", viewer.x.id)
    viewer.x.x("type", f"echo '{word}: {{~!@#}}' >/dev/ttyS0")
    viewer.x.x("key", "Return")
    s.m.expect(word + r": \{~!@#\}", 60)


def points_exactly(s, viewer):
    """Each of some pixels of the window is that of the guest's."""
    width, height = viewer.x.size()
    check((width, height) == (1280, 800), f"a window of {width} by {height}")
    for x, y in ((5, 5), (1, 2), (width - 2, height - 2), (301, 203)):
        viewer.x.x("mousemove", "--window", viewer.x.id, (x + 50) % width, (y + 50) % height)
        s.listen("Tablet", 3)
        viewer.x.x("mousemove", "--window", viewer.x.id, x, y)
        got = s.heard()
        check(got == points(x, y, width, height), f"{x}, {y}: {got}")


@case(quick=False, limit=300)
def test_vnc_clients_typing(b):
    """what is typed and pointed at in the windows of other programs' viewers reaches Debian, and what Debian answers is seen there"""
    for argv in VIEWERS:
        need(argv[0])
    s = Screen(b, "-device", "virtio-gpu-pci", "-device", "virtio-keyboard-pci", "-device", "virtio-tablet-pci", "-vnc", SERVER)
    for argv in VIEWERS:
        viewer = Viewer(b, argv, s.mon)
        types(s, viewer, "Typed")
        if argv[0] == "xtightvncviewer":    # the other one's window passes on no motion that xdotool makes
            points_exactly(s, viewer)
        until(f"the answer in {argv[0]}", viewer.shows, 40)
        viewer.stop()
    s.m.send("poweroff -f\n")
    s.m.expect_exit(0, 30)

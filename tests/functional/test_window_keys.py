# SPDX-License-Identifier: GPL-2.0-or-later
"""The window's own keys, titles and options, on a display server without a screen: grab, modifiers when the focus goes, dead keys,
grab-mod=, window-close=."""
import subprocess

from harness import accelerators, case, check, need, not_on_peer, until
from test_screen import Screen
from test_window import XServer

MOUSE_MOVE = 2
MODIFIERS = 29, 97, 42, 54, 56, 100, 125, 126     # Ctrl, Shift, Alt and Meta of both sides, evdev's codes

ACUTE, KEY_E, KEY_S, RETURN = 21, 26, 39, 36    # X's numbers; the first one is dead on a German board


class Window(XServer):
    """A machine in a window of its own, which has the focus."""

    def __init__(self, b, start):
        super().__init__(b)
        self.m = start()
        self.find_window()
        self.focus()

    def focus(self):
        self.x("windowactivate", "--sync", self.id)
        self.x("windowfocus", "--sync", self.id)

    def german(self):
        """The host's board has dead keys from now on."""
        subprocess.run([need("setxkbmap"), "-display", self.display, "de"], check=True)

    def title_has(self, *words, no=()):
        until(f"{words} without {no} in the title", lambda: all(w in self.title() for w in words) and
              not any(w in self.title() for w in no))


def bare(b, *options):
    """A machine that stands, with a mouse."""
    return lambda: b.machine("-bios", "none", "-device", "bochs-display", "-device", "virtio-mouse-pci", "-name", "guest", "-S", *options,
                             serial=False)


@case(limit=120)
def test_window_title(b):
    """the title has the guest's name, the accelerator, whether it runs, and how a grab ends"""
    not_on_peer("other titles")
    w = Window(b, bare(b, "-display", "sdl", "-monitor", "stdio"))
    name = "(guest)"
    check(any(f"{name} [{a}]" in w.title() for a in accelerators()), w.title())
    w.title_has("[Stopped]", no=["let the mouse go"])
    w.x("key", "ctrl+alt+g")
    w.title_has("press Ctrl-Alt-G to let the mouse go")
    w.x("key", "ctrl+alt+g")
    w.title_has(name, no=["let the mouse go"])
    w.m.send("cont\n")
    w.title_has(name, no=["[Stopped]"])


@case(limit=120)
def test_window_options(b):
    """grab-mod= chooses the keys of commands; with window-close=off closing does nothing"""
    not_on_peer("other titles")
    for option, chord, says in (("rctrl", "Control_R+g", "Right Ctrl-G"), ("lshift-lctrl-lalt", "shift+ctrl+alt+g", "Ctrl-Alt-Shift-G")):
        w = Window(b, bare(b, "-display", f"sdl,grab-mod={option},window-close=off"))
        for _ in range(2):
            w.x("key", "alt+F4")
        w.x("key", "ctrl+alt+g")        # not these keys
        w.x("key", chord)
        w.title_has(f"press {says} to let", no=["asked to power down"])
        w.x("key", chord)
        w.title_has("guest", no=["let the mouse go"])
        check(w.m.proc.poll() is None, "closing has ended it")
        w.m.stop()


@case(limit=120)
def test_window_close(b):
    """the title says that closing again ends the machine for as long as that is so"""
    not_on_peer("other titles")
    w = Window(b, bare(b, "-display", "sdl"))
    for _ in range(2):
        w.x("key", "alt+F4")
        w.title_has("close again to end it now")
        w.title_has("guest", no=["asked to power down"])
    w.x("key", "alt+F4", "key", "alt+F4")
    w.m.expect_exit(0, 30)


@case(limit=120)
def test_window_dead_keys(b):
    """on a text console a dead key and a letter make one character, as everywhere on the host"""
    not_on_peer("its consoles have no log")
    log = b.tmp / "log"
    b.environment["LC_ALL"] = "C.UTF-8"
    w = Window(b, bare(b, "-display", "sdl", "-chardev", f"vc,id=line,logfile={log}", "-mon", "chardev=line"))
    w.german()
    w.x("key", "ctrl+alt+2")
    w.title_has(" - line")
    w.x("key", ACUTE, KEY_E, KEY_S, RETURN)
    until("the monitor to say what it got", lambda: "unknown command: 'és'" in log.read_text(encoding="utf-8"), 30)


def debian(b, pointer):
    def start():
        w.s = Screen(b, "-device", "bochs-display,xres=640,yres=400", "-device", "virtio-keyboard-pci", "-device", pointer, "-display",
                     "sdl")
        return w.s.m
    w = type("Started", (), {})()
    return w, start


@case(quick=False, limit=240)
def test_window_grab(b):
    """a click grabs a mouse, whose motions then come as they are; Ctrl-Alt-G lets it go, and the guest is told no more of it"""
    not_on_peer("other titles")
    made, start = debian(b, "virtio-mouse-pci")
    w, s = Window(b, start), made.s
    w.x("mousemove", "--window", w.id, 100, 100, "click", 1)
    w.title_has("let the mouse go")
    s.listen("Mouse", 3)
    w.x("mousemove_relative", 7, 5)
    check([e for e in s.heard() if e[0] == MOUSE_MOVE] == [(2, 0, 7), (2, 1, 5)], "another motion")
    s.listen("Mouse", 2)
    w.x("click", 3)             # a button of the guest's now
    check((1, 0x111, 1) in s.heard(), "no right button")
    w.x("key", "ctrl+alt+g")
    w.title_has("Lyrebird", no=["let the mouse go"])
    s.listen("Mouse", 3)
    w.x("mousemove_relative", 50, 50)
    s.mon.ask("mouse_move 3 4")
    check(s.heard() == [(2, 0, 3), (2, 1, 4), (0, 0, 0)], "told of a mouse that is free")


@case(quick=False, limit=240)
def test_window_modifiers(b):
    """a modifier that is down when the window loses the focus is released in the guest, each of them; a dead key of the host's board
    reaches it by its place"""
    made, start = debian(b, "virtio-tablet-pci")
    w, s = Window(b, start), made.s
    other = open_other(w, b)
    for code in MODIFIERS:
        w.focus()
        s.listen("Keyboard", 4)
        w.x("keydown", code + 8)        # by its number: for the name of a right one xdotool presses the left one, too
        w.x("windowfocus", "--sync", other)
        got = [e for e in s.heard() if e[0] == 1]
        w.x("keyup", code + 8)
        check(got == [(1, code, 1), (1, code, 0)], f"{code}: {got}")
    w.german()
    w.focus()
    s.listen("Keyboard", 8)
    w.x("key", ACUTE, KEY_E)
    got = [e[:3] for e in s.heard() if e[0] == 1]
    check(got == [(1, code - 8, down) for code in (ACUTE, KEY_E) for down in (1, 0)], f"a dead key is {got}")


def open_other(w, b):
    """A window of another program's."""
    w.start(b, ["xmessage", "-name", "other", "other"])
    return until("another window", lambda: w.x("search", "--onlyvisible", "--classname", "other").split("\n")[0])

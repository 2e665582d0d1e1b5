#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The maker of the desktop: what is refused before anything is fetched, the files of the image, the run that configures it."""
import io
import os
import subprocess
import sys

from checks import TOP, equal, main
from guestlib import base, desktop, guest
from guestlib.disk import Disk


def refused(tmp, *args):
    """What `scripts/guest` says against that; nothing is made."""
    environment = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    p = subprocess.run([sys.executable, TOP / "scripts/guest", *args], stderr=subprocess.PIPE, text=True, check=False,
                       env={**environment, "XDG_CACHE_HOME": str(tmp / "cache"), "LC_ALL": "C"})
    assert p.returncode and not (tmp / "cache/lyrebird/apt").exists(), p.stderr
    return p.stderr


def test_refused(tmp):
    """no display server, a viewer's address without a desktop, two kinds of guest at once: told, and what to do"""
    text = refused(tmp, "run", "--desktop", "--emulator", "true")
    assert "no window can be opened" in text and "do:  run it in a graphical session, or with --vnc :1" in text, text
    assert "--vnc is for --desktop" in refused(tmp, "run", "--vnc", ":1")
    assert "not allowed with" in refused(tmp, "run", "--desktop", "--initramfs")


def test_files(tmp):
    """each file of files/desktop has its place, the user an account of its own and a home"""
    equal({name for _, name, _ in desktop.PLACES}, {p.name for p in desktop.FILES.iterdir()})
    places = [place for place, _, _ in desktop.PLACES]
    for text in (desktop.FILES.joinpath(n).read_text(encoding="utf-8") for n in ("session", "lyrebird-desktop.service")):
        for word in text.split():
            if word.startswith("/usr/lib/lyrebird/"):
                assert word[1:] in places, word
    for path in ("usr/share/base-passwd", "usr/share/base-files", "usr/lib/sysusers.d"):
        (tmp / path).mkdir(parents=True)
    for kind, line in (("passwd", "root:*:0:0:root:/root:/bin/bash\n"), ("group", "root:*:0:\n")):
        (tmp / f"usr/share/base-passwd/{kind}.master").write_text(line, encoding="ascii")
    desktop.DesktopFiles(tmp).accounts()
    passwd, shadow = ((tmp / "etc" / name).read_text(encoding="ascii").splitlines() for name in ("passwd", "shadow"))
    equal((passwd[1], shadow[1].split(":")[:2]), ("user:x:1000:1000:user:/home/user:/bin/bash", ["user", ""]))


class FakeMachine:
    """A machine that has said this and ended so."""

    def __init__(self, text, code):
        self.stdout, self.code = io.StringIO(text), code

    def wait(self):
        return self.code

    def kill(self):
        self.code = -9


def test_follow(_tmp):
    """the image is made only if its packages were configured and the machine then ended by itself"""
    lines = "".join(f"Setting up package{n} (1.0) ...\n" for n in range(45))
    for text, code, wanted in ((lines + "finish: done\n", 0, True), (lines, 0, False), (lines + "finish: done\n", 1, False), ("", 0, False)):
        log = io.StringIO()
        equal(desktop.follow(FakeMachine(text, code), 45, log), wanted)
        equal(log.getvalue(), text)


def test_disks(tmp):
    """the desktop has an image and a disk of its own beside the plain guest's, and their kernel in common"""
    plain, own = guest.Guest(tmp, "sid"), desktop.DesktopGuest("lyrebird", tmp, "sid")
    assert plain.root.image != own.root.image and Disk(plain).image != Disk(own).image
    equal((plain.kernel.image, own.root.program, own.root.recipe.path.name), (own.kernel.image, "lyrebird", "desktop.ext4"))
    try:
        own.root.program = "false"
        plain.kernel.dir.mkdir(parents=True)
        own.root.finish(1)
    except base.GuestError as e:
        assert "not configured" in str(e) and "desktop.log" in str(e), str(e)
        return
    raise AssertionError("an emulator that fails has made an image")


if __name__ == "__main__":
    sys.exit(main(__name__))

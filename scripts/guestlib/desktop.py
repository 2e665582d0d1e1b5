# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian with a screen: an X session with a window manager, a terminal, a browser and the agent of the clipboard.

Its packages are unpacked as those of the plain root are (root.py).  A desktop that is configured while somebody looks at it
would be slow and change under their hands, so the guest's own dpkg does it when the image is made: the emulator boots the image
with a first program that configures the packages and powers off.
"""
import functools
import pathlib
import subprocess
import threading

from . import guest, rootfiles
from .base import GuestError, run, say
from .kernel import ROOT_MODULES
from .root import PACKAGES, Root

DESKTOP_PACKAGES = """
xserver-xorg-core xserver-xorg-input-libinput xinit x11-xserver-utils libpam-systemd dbus
jwm xterm dillo fonts-dejavu-core spice-vdagent
""".split()
MODULES = ["virtio_gpu", "bochs", "evdev"]
FILES = pathlib.Path(__file__).parent / "files" / "desktop"
# In the image, from files/desktop: (place, file, mode)
PLACES = (("etc/X11/xorg.conf.d/10-lyrebird.conf", "xorg.conf", 0o644),
          ("etc/systemd/system/lyrebird-desktop.service", "lyrebird-desktop.service", 0o644),
          ("etc/udev/rules.d/80-lyrebird-desktop.rules", "udev.rules", 0o644),
          ("etc/default/spice-vdagentd", "spice-vdagentd", 0o644),
          ("usr/lib/lyrebird/session", "session", 0o755),
          ("usr/lib/lyrebird/follow-screen", "follow-screen", 0o755),
          ("usr/lib/lyrebird/finish", "finish", 0o755),
          ("home/user/.jwmrc", "jwmrc", 0o644),
          ("home/user/.Xresources", "Xresources", 0o644))
USER, NUMBER = "user", "1000"
SILENCE = 600       # seconds without a word, after which the machine that configures is given up


class DesktopFiles(rootfiles.RootFiles):
    """What the plain root has, a user, and the session that starts by itself."""

    def accounts(self):
        super().accounts()
        for name, line in (("passwd", f"{USER}:x:{NUMBER}:{NUMBER}:{USER}:/home/{USER}:/bin/bash"),
                           ("group", f"{USER}:x:{NUMBER}:"), ("shadow", f"{USER}::20000:0:99999:7:::")):
            with open(self.root / "etc" / name, "a", encoding="utf-8") as f:
                f.write(line + "\n")

    def pam(self):
        """With the profile "systemd": who logs in at the screen gets its devices."""
        super().pam()
        with open(self.root / "etc/pam.d/common-session", "a", encoding="utf-8") as f:
            f.write("session\toptional\tpam_systemd.so\n")

    def write_all(self, suite, mirror):
        super().write_all(suite, mirror)
        for place, name, mode in PLACES:
            self.write(place, (FILES / name).read_text(encoding="utf-8"), mode)
        base = self.root / "usr/share/base-files"
        for source, dest in (("dot.profile", ".profile"), ("dot.bashrc", ".bashrc")):
            self.write(f"home/{USER}/{dest}", (base / source).read_text(encoding="utf-8"))
        run(["chown", "-R", f"{NUMBER}:{NUMBER}", str(self.root / "home" / USER)], "cannot set an owner",
            "run as root or with fakeroot")


class Desktop(Root):
    """The image with a desktop, its packages configured."""
    name, title = "desktop", "Debian desktop"
    packages, modules = PACKAGES + DESKTOP_PACKAGES, ROOT_MODULES + MODULES
    size, needed = 4096, 2600
    files = DesktopFiles
    makers = (*Root.makers, "desktop.py", *(f"files/desktop/{name}" for _, name, _ in PLACES))
    program = None      # the emulator that configures it

    def finish(self, packages):
        """Boot it once, to configure its packages; GuestError if they are not."""
        say(f"configuring {packages} packages in the guest, which takes some minutes")
        k, words = self.kernel, "init=/usr/lib/lyrebird/finish lyrebird.onfail=exit quiet"
        argv = [self.program, "-M", "virt", "-m", "1G", "-smp", "2", "-display", "none", "-monitor", "none", "-serial", "stdio",
                *guest.machine_options(k.firmware, k.image, k.initrd, self.image, words)]
        log = self.dir / "desktop.log"
        with open(log, "w", encoding="utf-8", buffering=1) as out, subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                errors="replace") as p:
            try:
                done = follow(p, packages, out)
            finally:
                p.kill()
        if not done:
            raise GuestError("the packages of the desktop are not configured",
                             "the guest's last words are: " + " / ".join(log.read_text(encoding="utf-8").splitlines()[-4:]),
                             f"read {log}; if the emulator is at fault name another with --emulator, then run it again")
        log.unlink()


def follow(machine, packages, log):
    """Tell how far the machine is, by its serial line; did it end well?"""
    def arm():
        timer = threading.Timer(SILENCE, machine.kill)
        timer.daemon = True
        timer.start()
        return timer

    begun, done, silence = 0, False, arm()
    for line in machine.stdout:
        silence.cancel()
        silence = arm()
        log.write(line)
        done = done or line.startswith("finish: done")
        if line.startswith("Setting up "):
            begun += 1
            if begun % 20 == 0 or begun == packages:
                say(f"  configured {begun} of {packages} packages")
    silence.cancel()
    return machine.wait() == 0 and done


class DesktopGuest(guest.Guest):
    """The guest of a suite with the desktop as its root; `program` configures it."""
    kind = Desktop

    def __init__(self, program, cache, suite, arch=guest.ARCH):
        super().__init__(cache, suite, arch)
        self.root.program = program


def ready(program, suite=None, again=False):
    """The guest with a desktop, made if need be by means of the emulator `program`."""
    return guest.ready(suite, again=again, kind=functools.partial(DesktopGuest, program))


def options(display):
    """What the machine has beside the plain guest's devices.  display: the option that shows it."""
    return ["-device", "virtio-gpu-pci", "-device", "virtio-keyboard-pci", "-device", "virtio-tablet-pci",
            "-device", "virtio-serial-pci", "-chardev", "qemu-vdagent,id=agent,clipboard=on",
            "-device", "virtserialport,chardev=agent,name=com.redhat.spice.0", *display]

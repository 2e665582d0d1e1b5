# SPDX-License-Identifier: GPL-2.0-or-later
"""The guest of one suite, ready to boot: its files, and the command line that boots them.

Each suite has a folder of its own in the cache, so several can exist.  The default is the suite that was
named last, else the first that verified.
"""
import os
import shutil

from . import apt
from .base import MAKE_ROOM, GuestError, cache_dir, locked
from .kernel import Kernel
from .root import Root

ARCH = "riscv64"
# What `scripts/guest run` starts is what the tests boot.  Without Sv57: programs that keep bits of their own at
# the top of pointers, and refuse to start when addresses leave no room for them (OpenJDK 21), run with Sv48.
CPU = "rv64,sv57=off"
KERNEL_MIB = 600    # of free disk to make a guest, beside what its root needs


class Guest:
    """The finished files of one suite and architecture."""
    kind = Root

    def __init__(self, cache, suite, arch=ARCH):
        self.cache, self.suite, self.arch = cache, suite, arch
        self.kernel = Kernel(cache, suite, arch)
        self.root = self.kind(self.kernel)
        self.paths = {"kernel": self.kernel.image, "kernel-gz": self.kernel.image_gz,
                      "initrd": self.kernel.initrd, "firmware": self.kernel.firmware,
                      self.root.name: self.root.image}

    def fresh(self, root=True):
        return self.kernel.fresh() and (not root or self.root.fresh())

    def make(self, source, root=True):
        """Make what is missing.  Fetching may turn to a newer index in the middle: then all is from that."""
        for _ in range(2):
            self.kernel.make(source)
            if root:
                self.root.make(source)
            if self.fresh(root):
                return

    def describe(self):
        """Suite and packages of the kernel, as `list` prints them."""
        note = self.kernel.dir / "kernel.txt"
        return note.read_text(encoding="utf-8") if note.exists() else ""


def machine_options(firmware, kernel, initrd, disk=None, append="", cpu=CPU, disk_format="raw"):
    """Options that boot a guest with network, random numbers and (else busybox) its root on a disk."""
    argv = ["-cpu", cpu, "-bios", str(firmware), "-kernel", str(kernel), "-initrd", str(initrd),
            "-netdev", "user,id=net0", "-device", "virtio-net-device,netdev=net0",
            "-device", "virtio-rng-device"]
    words = ["console=ttyS0"]
    if disk:
        name = str(disk).replace(",", ",,")
        argv += ["-drive", f"file={name},format={disk_format},if=none,id=disk0", "-device", "virtio-blk-device,drive=disk0"]
        words.append("root=/dev/vda")
    return argv + ["-append", " ".join(words + ([append] if append else []))]


def _choice(cache, arch):
    return cache / "apt" / f"chosen-{arch}"


def chosen(cache, arch=ARCH):
    """The default suite, or None while none was ever used."""
    note = _choice(cache, arch)
    name = note.read_text(encoding="ascii").strip() if note.exists() else ""
    return name if name in apt.SUITES or (cache / "guest" / arch / name / "Image").exists() else None


def choose(cache, suite, arch=ARCH):
    note = _choice(cache, arch)
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text(suite + "\n", encoding="ascii")


def used_mib(folder):
    return sum(os.lstat(os.path.join(d, f)).st_blocks for d, _, files in os.walk(folder) for f in files) >> 11


def check_space(guest, root):
    """Raise if there is no room for the index, the packages, their unpacked files and the image, less what an
    interrupted run has made of them."""
    free = shutil.disk_usage(guest.cache).free >> 20
    fetched = guest.cache / "apt" / f"{guest.suite}-{guest.arch}"
    needed = KERNEL_MIB + (guest.root.needed if root else 0) - used_mib(guest.kernel.dir) - used_mib(fetched)
    if free < needed:
        raise GuestError("no room to make the guest",
                         f"{guest.cache} has {free} MiB free, making it takes up to {needed} MiB", MAKE_ROOM)


def ready(suite=None, root=True, again=False, arch=ARCH, kind=Guest):
    """The guest of the suite, made if need be; of the default one if none is named.  kind: Guest, or one with another root."""
    cache = cache_dir()
    default = chosen(cache, arch)
    guest = kind(cache, suite or default or apt.SUITES[0], arch)
    if (suite or default) and not again and guest.fresh(root):
        return guest
    check_space(guest, root)
    with locked(cache / "lock"):
        names = [suite] if suite else list(dict.fromkeys([default or apt.SUITES[0], *apt.SUITES]))
        source = apt.open_suite(cache, arch, names, again)
        guest = kind(cache, source.suite, arch)
        guest.make(source, root)
        if not suite and not default:
            choose(cache, source.suite, arch)
        return guest


def made(cache, arch=ARCH):
    """The guests that have a kernel here."""
    names = sorted(p.parent.name for p in (cache / "guest" / arch).glob("*/Image"))
    order = [s for s in apt.SUITES if s in names] + [n for n in names if n not in apt.SUITES]
    return [Guest(cache, n, arch) for n in order]


def leftovers(cache, arch=ARCH):
    """What versions of these scripts with one guest for all suites made."""
    old = [p for p in (cache / "guest" / arch).glob("*") if p.is_file() or p.name == "kernel"]
    return sorted(old + list((cache / "run").glob("*.img")))

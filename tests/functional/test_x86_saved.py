# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian on `microvm`, saved at work: snapshots and files, other processes, a thread of the disk's, jobs."""
from harness import case, check, until
from test_linux import PROMPT, network, power_off
from test_qmp import Client
from test_saved import went
from test_snapshots import img, quiet, sound
from test_x86_debian import boot, check_boot, start

# Pieces are written, and read back past the page cache; /tmp/count says how many, /tmp/bad which were not the same.
WORK = ("head -c 1048576 /dev/urandom > /tmp/r; (i=0; while :; do i=$((i+1)); o=$((i%30*16)); dd if=/tmp/r of=/dev/vda bs=64k seek=$o oflag=direct "
        "conv=notrunc 2>/tmp/e && dd if=/dev/vda bs=64k skip=$o count=16 iflag=direct 2>/tmp/e | cmp - /tmp/r || echo $i >> /tmp/bad; "
        "echo $i > /tmp/new; mv /tmp/new /tmp/count; done) & true")


def devices(b, kind, disk, thread=True):
    """Options of a disk, on a thread of its own or not, and a card."""
    # One in the main loop is so slow that requests wait whenever the machine stops.
    slow = "" if thread else f",throttling.bps-total={16 << 20}"
    return ("-drive", f"file={disk},format=qcow2,if=none,id=d{slow}", *(("-object", "iothread,id=io0") if thread else ()), "-device",
            f"virtio-blk-{kind},drive=d" + (",iothread=io0" if thread else ""), "-netdev", "user,id=n", "-device", f"virtio-net-{kind},netdev=n",
            "-qmp", f"unix:{b.tmp / 'qmp'},server=on,wait=off")


def count(m):
    return int(m.command("cat /tmp/count", PROMPT) or 0)


def works(m, what):
    """The disk's writer goes on, and reads what it wrote."""
    m.command("touch /tmp/count /tmp/bad", PROMPT)
    first = count(m)
    until(f"{what}: the disk's work goes on", lambda: count(m) > first + 1, 60)
    bad = m.command("cat /tmp/bad", PROMPT)
    check(not bad.strip(), f"{what}: pieces {bad} are not as they were written")


class Guest:
    """A machine of some shape, its disk, and what both are in after each process."""

    def __init__(self, b, machine, kind, cpus, thread):
        self.b, self.machine, self.cpus, self.disk = b, machine, cpus, b.tmp / "disk.qcow2"
        img("create", "-q", "-f", "qcow2", self.disk, "64M")
        self.args = ("-smp", str(cpus), *devices(b, kind, self.disk, thread))
        self.m = boot(b, *self.args, machine=machine)
        self.c = Client(str(b.tmp / "qmp"))
        self.m.command(WORK, PROMPT)
        works(self.m, "at first")

    def go_on(self, what, *how):
        """In another process, whose arguments say where the state is."""
        self.m = start(self.b, *self.args, *how, machine=self.machine)
        self.c = Client(str(self.b.tmp / "qmp"))
        self.m.send("\n")
        self.m.expect(PROMPT, 60)
        works(self.m, what)

    def quit(self):
        self.c.send('{"execute": "quit"}')
        self.m.expect_exit(0)
        sound(self.disk)


def check_saved(b, machine, kind, cpus, thread):
    """Snapshots while it works, its process killed, others of the snapshot and of a file; each goes on, and sees no harm."""
    g = Guest(b, machine, kind, cpus, thread)
    for n in range(5):
        quiet(g.c, f"savevm s{n}")
        works(g.m, f"after savevm {n}")
    g.m.stop()                  # the plug is pulled
    g.go_on("-loadvm", "-loadvm", "s4")
    quiet(g.c, "loadvm s1")
    g.m.send("\n")
    g.m.expect(PROMPT)
    works(g.m, "after loadvm")
    g.c.ask("migrate", uri=f"file:{b.tmp / 'state'}")
    check(went(g.c) == "completed", "it is not saved")
    g.quit()
    g.go_on("-incoming", "-incoming", f"file:{b.tmp / 'state'}")
    check_boot(g.m, cpus)
    network(g.m, b)
    g.m.command("kill %1; wait", PROMPT)
    power_off(g.m)
    sound(g.disk)


@case(limit=400)
def test_x86_saved_mmio(b):
    """one CPU and slots of MMIO, the disk on a thread of its own"""
    check_saved(b, "microvm", "device", 1, True)


@case(limit=400)
def test_x86_saved_pci(b):
    """four CPUs and PCI Express, the disk on a thread of its own"""
    check_saved(b, "microvm,pcie=on", "pci", 4, True)


@case(limit=400)
def test_x86_saved_main_loop(b):
    """four CPUs and slots of MMIO, the disk in the main loop"""
    check_saved(b, "microvm", "device", 4, False)

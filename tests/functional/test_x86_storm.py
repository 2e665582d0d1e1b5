# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian on `microvm` under storms: pauses, work on its CPUs, resets and ends, at any time; nothing is lost, nothing hangs."""
import random
import signal
import threading
import time

from harness import case, check, until
from test_linux import PROMPT
from test_qmp import Client
from test_snapshots import img
from test_x86_debian import BOOT, boot, start
from test_x86_saved import WORK, devices, works


def options(b):
    """Four CPUs, a disk with a thread, a card, a second control socket."""
    disk = b.tmp / "disk.qcow2"
    img("create", "-q", "-f", "qcow2", disk, "64M")
    return ("-smp", "4", *devices(b, "device", disk), "-qmp", f"unix:{b.tmp / 'second'},server=on,wait=off")


class Storm(threading.Thread):
    """A client that says the same over and over, some number of times; its errors."""

    def __init__(self, path, times, *commands):
        super().__init__()
        self.client, self.times, self.commands, self.errors = Client(str(path)), times, commands, []
        self.start()

    def run(self):
        for _ in range(self.times):
            for name, args in self.commands:
                answer = self.client.ask(name, **args)
                if isinstance(answer, dict) and "class" in answer:
                    self.errors.append(answer)


@case(limit=400)
def test_x86_storm_pauses(b):
    """a thousand pauses, and registers of all CPUs read two thousand times meanwhile: the guest's work and clock go on"""
    m = boot(b, *options(b))
    m.command(WORK, PROMPT)
    works(m, "before")
    storms = [Storm(b.tmp / "qmp", 1000, ("stop", {}), ("cont", {})),
              Storm(b.tmp / "second", 2000, ("human-monitor-command", {"command_line": "info registers -a"}))]
    for s in storms:
        s.join()
        check(not s.errors, f"refused: {s.errors[:1]}")
    works(m, "after them")
    m.command("sleep 1", PROMPT)
    check("stall" not in m.command("dmesg", PROMPT, 60), "a CPU stood")


@case(limit=400)
def test_x86_storm_resets(b):
    """resets at any time of the start, two hundred of them: the machine starts as if there had been none"""
    pick = random.Random(1)
    m = start(b, *options(b))
    c = Client(str(b.tmp / "qmp"))
    c.ask("set-action", reboot="reset")
    for _ in range(200):
        c.ask("system_reset")
        time.sleep(pick.random() ** 4 * 0.5)    # no wait for anything: any time is as good
    until("all are told", lambda: c.ask("query-status")["status"] == "running")
    check(any(e == "RESET" for e, _ in c.events), "none was carried out")
    c.ask("system_reset")
    m.expect(r"Linux version(?:.|\n)*Lyrebird: user space reached \(Linux [^,]*, 4 CPU", BOOT)
    m.expect(PROMPT)


@case(limit=400)
def test_x86_storm_ends(b):
    """SIGTERM at any time of the start ends it with 0, and nothing is left behind; after SIGKILL the next one starts from the same files"""
    pick = random.Random(2)
    more = options(b)
    socket = b.tmp / "qmp"
    for n in range(30):
        stale = socket.exists()                 # of one that was killed
        m = start(b, *more)
        time.sleep(pick.random() ** 2 * 2)      # no wait for anything: any time is as good
        m.proc.send_signal(signal.SIGKILL if n % 3 == 0 else signal.SIGTERM)
        code = m.wait()
        check(code == -signal.SIGKILL if n % 3 == 0 else code in (0, -signal.SIGTERM), f"run {n} ended with {code}")
        untouched = stale and code == -signal.SIGTERM   # it ended before it had come to its sockets
        check(n % 3 == 0 or untouched or not socket.exists(), f"run {n} left its socket")
    m = boot(b, *more)
    m.command(WORK, PROMPT)
    works(m, "after them")

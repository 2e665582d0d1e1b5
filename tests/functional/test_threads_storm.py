# SPDX-License-Identifier: GPL-2.0-or-later
"""A bare program on four processors, under every accelerator, in storms of kicks, pauses, resets and ends: nothing is lost, nothing hangs.
`scripts/dev test --tsan` runs these."""
import random
import signal
import time

from harness import case, check, until
from test_qmp import Client
from test_saved import arguments, engines
from test_x86 import build
from test_x86_storm import Storm

PAUSES, RESETS, ENDS = 150, 60, 12


def options(b, accel, elf):
    return (*arguments(b, accel, elf), "-smp", "4", "-qmp", f"unix:{b.tmp / 'second'},server=on,wait=off")


def start(b, accel, elf):
    return b.machine(*options(b, accel, elf), serial=False, board=(), cpu_memory=())


def goes_on(m):
    m.send("x")
    m.expect("all go on\n", 60)


def ended(m, how, codes):
    m.proc.send_signal(how)
    code = m.wait()
    check(code in codes, f"it ended with {code}")


@case(limit=300)
def test_threads_storm_pauses(b):
    """pauses, and work on all processors meanwhile: each has its ticks, and the others' interrupts"""
    elf = build(b, "storm")
    for accel in engines(b):
        m = start(b, accel, elf)
        m.expect("begun\n", 60)
        storms = [Storm(b.tmp / "qmp", PAUSES, ("stop", {}), ("cont", {})),
                  Storm(b.tmp / "second", 2 * PAUSES, ("human-monitor-command", {"command_line": "info registers -a"}))]
        for s in storms:
            s.join()
            check(not s.errors, f"{accel}: refused: {s.errors[:1]}")
        goes_on(m)
        ended(m, signal.SIGTERM, (0,))


@case(limit=300)
def test_threads_storm_resets(b):
    """resets at any time; the last one is as if there had been none"""
    elf, pick = build(b, "storm"), random.Random(1)
    for accel in engines(b):
        m = start(b, accel, elf)
        c = Client(str(b.tmp / "qmp"))
        for _ in range(RESETS):
            check(c.ask("system_reset") == {}, f"{accel}: refused")
            time.sleep(pick.random() ** 4 * 0.2)    # no wait for anything: any time is as good
        until("all are told", lambda: c.ask("query-status")["status"] == "running")
        goes_on(m)
        ended(m, signal.SIGTERM, (0,))


@case(limit=300)
def test_threads_storm_ends(b):
    """SIGTERM at any time ends it, whatever its processors do"""
    elf, pick = build(b, "storm"), random.Random(2)
    for accel in engines(b):
        for _ in range(ENDS):
            m = start(b, accel, elf)
            time.sleep(pick.random() ** 2)          # no wait for anything: any time is as good
            ended(m, signal.SIGTERM, (0, -signal.SIGTERM))

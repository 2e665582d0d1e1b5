# SPDX-License-Identifier: GPL-2.0-or-later
"""Four harts at work on each other's code and page tables, while the machine is reset, stopped and debugged: nothing hangs.

LYREBIRD_CONTROL=N runs N times the rounds (docs/stress.md)."""
import os
import re

from harness import case, check, until
from rsp import Rsp
from test_litmus import build
from test_monitor import Monitor, symbol

TIMES = int(os.environ.get("LYREBIRD_CONTROL", "1"))
HARTS = 4


class Load:
    """The endless litmus program, a monitor, and debuggers that come and go."""

    def __init__(self, b, program, threads="multi"):
        self.elf = build(b, program, HARTS, 1, endless=True)
        self.path = b.tmp / "gdb"
        self.m = b.machine("-bios", "none", "-kernel", self.elf, "-smp", str(HARTS), "-accel", f"tcg,thread={threads}",
                           "-gdb", f"unix:{self.path},server=on,wait=off", "-serial", "null",
                           "-monitor", f"unix:{b.tmp}/mon,server=on,wait=off", serial=False)
        self.mon = Monitor(self.m, b.tmp / "mon")
        self.meet, self.turn = symbol(b, self.elf, "meet"), symbol(b, self.elf, "turn")

    def turns(self):
        """How often the harts have met since the reset."""
        return int(re.search(r" 0x([0-9a-f]{16})", self.mon.ask(f"xp /1gx {self.turn:#x}", 60))[1], 16)

    def goes_on(self, when):
        was = self.turns()
        until(f"the harts to meet, {when}", lambda: self.turns() != was, 60)


def resets(load):
    for n in range(10 * TIMES):
        load.mon.ask("system_reset")
        if n % 5 == 0:
            load.goes_on(f"reset {n}")


def stops(load):
    for n in range(10 * TIMES):
        load.mon.ask("stop")
        was = load.turns()
        load.mon.ask(("info registers -a", "info jit", "info cpus", "info irq", "x /4i $pc")[n % 5])
        check(load.turns() == was, f"stop {n}: the harts go on")
        load.mon.ask("cont")
        if n % 5 == 0:
            load.goes_on(f"cont {n}")


def debuggers(load):
    for n in range(5 * TIMES):
        gdb, hart = Rsp(load.m, load.path), n % HARTS + 1
        for question in ("?", f"Hg{hart}", "g", f"vCont;s:{hart}", f"vCont;s:{hart};c", f"Z0,{load.meet:x},4"):
            gdb.ask(question, 60)
        stopped = gdb.ask("vCont;c", 60)
        check(stopped.startswith("T05"), f"debugger {n}: no breakpoint, but {stopped}")
        gdb.ask(f"z0,{load.meet:x},4")
        gdb.ask(f"Z2,{load.turn:x},8")
        stopped = gdb.ask("vCont;c", 60)
        check(f"watch:{load.turn:x}" in stopped, f"debugger {n}: no watchpoint, but {stopped}")
        if n % 2:
            gdb.ask(f"z2,{load.turn:x},8")
            gdb.ask("D")
        gdb.close()
        load.goes_on(f"debugger {n}")


def under_control(b, program, threads="multi"):
    load = Load(b, program, threads)
    for f in (stops, resets, debuggers):
        f(load)
    load.mon.ask("stop")
    threads = re.findall(r"thread_id=(\d+)", load.mon.ask("info cpus"))
    names = {os.path.basename(p): open(f"/proc/{load.m.proc.pid}/task/{p}/comm", encoding="ascii").read().strip()
             for p in os.listdir(f"/proc/{load.m.proc.pid}/task")}
    check(all(names[t].startswith("vcpu") for t in threads), f"info cpus shows {threads}; the threads are {names}")
    load.mon.ask("cont")
    load.mon.line.send("quit\n")
    load.m.expect_exit(0)
    return len(set(threads))


@case()
def test_control_code(b):
    """harts that patch code: stop and cont, reset, debuggers that step, break, watch and leave; quit while all run"""
    check(under_control(b, "litmus") == HARTS, "not a thread for each vCPU")


@case()
def test_control_pages(b):
    """harts that change page tables and send fences: the same"""
    check(under_control(b, "litmus-pages") == HARTS, "not a thread for each vCPU")


@case()
def test_control_in_turns(b):
    """harts that share a thread: the same"""
    check(under_control(b, "litmus", "single") == 1, "more than one thread")

# SPDX-License-Identifier: GPL-2.0-or-later
"""A debugger that leaves takes along all that it asked for, however it goes."""
import re
import subprocess
import time

from guests import bare_program
from harness import Failure, case, check, need, seconds
from rsp import Rsp
from test_monitor import Monitor, symbol


class Session:
    """Two harts that count, a monitor, and debuggers that come and go."""

    def __init__(self, b, *more):
        self.bench, self.elf = b, bare_program(b, "harts")
        self.path, mon = b.tmp / "gdb", b.tmp / "mon"
        self.m = b.machine("-bios", "none", "-kernel", self.elf, "-smp", "2", "-gdb", f"unix:{self.path},server=on,wait=off",
                           "-monitor", f"unix:{mon},server=on,wait=off", "-serial", "null", *more, serial=False)
        self.mon = Monitor(self.m, mon)
        self.at = symbol(b, self.elf, "counters")

    def gdb(self):
        return Rsp(self.m, self.path)

    def counts(self):
        words = re.findall(r" 0x([0-9a-f]{16})", self.mon.ask(f"xp /2gx {self.at:#x}"))
        return [int(w, 16) for w in words]

    def both_run(self, when):
        first, end = self.counts(), time.monotonic() + seconds(10)
        while not all(now != was for now, was in zip(self.counts(), first)):
            if time.monotonic() > end:
                raise Failure(f"{when}: of the counters {first} not all move: {self.counts()}; {self.mon.ask('info status')}")

    def stands(self, hart, when):
        """The hart stands still while the other one runs; counters of a moving hart change at each look."""
        first = self.counts()
        end = time.monotonic() + seconds(10)
        while self.counts()[1 - hart] == first[1 - hart]:
            check(time.monotonic() < end, f"{when}: no hart runs")
        check(self.counts()[hart] == first[hart], f"{when}: hart {hart} runs too")

    def status(self):
        return self.mon.ask("info status").strip()


def close(s, r):
    r.close()


def none(s, r):
    s.mon.ask("gdbserver none")
    s.mon.ask(f"gdbserver unix:{s.path}")


@case()
def test_gdb_leave_held(b):
    """after vCont;c:1 and a lost connection or `gdbserver none` both harts run, after a reset too"""
    s = Session(b)
    for how in (close, none, close):
        r = s.gdb()
        r.send("vCont;c:1")
        s.stands(1, "vCont;c:1")
        how(s, r)
        s.both_run(how.__name__)
        s.mon.ask("system_reset")
        s.both_run(f"{how.__name__} and system_reset")


@case()
def test_gdb_leave_step(b):
    """steps whose answer nobody waits for, half a packet, a breakpoint: the machine runs on"""
    s = Session(b)
    step = symbol(b, s.elf, "step")
    for last in ("vCont;s:2", "vCont;s:1;c", "s", f"Z0,{step:x},4", f"Z2,{s.at:x},8", "m80000000,8"):
        for how in (close, none):
            r = s.gdb()
            if last[0] == "Z":
                r.ask(last)
                r.send("c")
            else:
                r.send(last)
            r.sock.sendall(b"$m8000")
            how(s, r)
            s.both_run(f"{last} and {how.__name__}")


@case()
def test_gdb_leave_stop_of_monitor(b):
    """`stop` in the monitor outlasts a debugger, before it comes, while it waits and while it has the machine"""
    s = Session(b)
    r = s.gdb()
    s.mon.ask("stop")
    r.close()
    r = s.gdb()
    check(s.status() == "VM status: paused", f"stop while gdb has the machine: {s.status()}")
    r.close()
    s.mon.ask("info status")
    check(s.status() == "VM status: paused", f"gdb came and went: {s.status()}")
    s.mon.ask("cont")
    s.both_run("cont")
    r = s.gdb()
    r.send("c")
    s.both_run("c")
    s.mon.ask("stop")
    check(r.reply().startswith("T02"), "gdb is not told of `stop`")
    r.close()
    r = s.gdb()
    check(s.status() == "VM status: paused", f"stop while gdb waits: {s.status()}")
    s.mon.ask("cont")
    s.both_run("cont beside gdb")
    check(r.ask("qC").startswith("QC"), "gdb is not answered after cont beside it")
    check("debug" in s.status(), f"a packet stops the machine that runs beside gdb: {s.status()}")
    r.close()
    s.both_run("gdb has left")


@case()
def test_gdb_leave_second(b):
    """a second debugger waits for its turn and finds nothing of the first"""
    s = Session(b)
    first = s.gdb()
    first.ask(f"Z0,{symbol(b, s.elf, 'step'):x},4")
    first.send("vCont;c:1")
    check(first.reply().startswith("T05thread:01;swbreak"), "no breakpoint is hit")
    s.m.bench.note(b"\nthe first leaves")
    first.close()
    second = s.gdb()
    check(second.ask("?").startswith("T05thread:01"), "the second one finds no stopped machine")
    second.send("c")
    s.both_run("c of the second")
    check(second.ask("D") == "OK", "no detach")
    s.both_run("detach")


@case()
def test_gdb_leave_killed(b):
    """gdb is killed while it lets one hart run, and while it steps: both harts run"""
    gdb = need("gdb-multiarch")
    for script in ("set scheduler-locking on\ncontinue\n", "while 1\nstepi\nend\n"):
        s = Session(b, "-S")
        with subprocess.Popen([gdb, "-nx", "-q", "-ex", "set pagination off", "-ex", "set confirm off",
                               "-ex", f"target remote {s.m.socket(s.path)}", str(s.elf)], stdin=subprocess.PIPE,
                              stdout=b.log, stderr=b.log, text=True) as p:
            p.stdin.write(script)
            p.stdin.flush()
            end = time.monotonic() + seconds(30)
            while not any(s.counts()):
                check(time.monotonic() < end, "gdb does not run the machine")
            p.kill()
        s.both_run(f"gdb was killed in {script.split()[0]!r}")
        s.m.stop()

# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's gdb-multiarch against the machine's debugger port, over a unix socket."""
import re
import socket
import subprocess

from guests import bare_program
from harness import Failure, case, check, need, seconds
from rsp import Rsp


def run_gdb(b, gdb, elf, path, commands):
    argv = [gdb, "-nx", "-q", "-batch", "-ex", "set pagination off", "-ex", "set confirm off",
            "-ex", "set remotetimeout 20", "-ex", f"target remote {path}"]
    for c in commands:
        argv += ["-ex", c]
    b.note(b"\n$ " + " ".join(argv).encode() + b"\n")
    try:
        p = subprocess.run([*argv, str(elf)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                           stderr=subprocess.STDOUT, timeout=seconds(60), check=False, errors="replace")
    except subprocess.TimeoutExpired as e:
        b.note(e.stdout or b"")
        raise Failure("gdb did not end within its time") from e
    b.note(p.stdout.encode())
    return p.stdout


def wanted(text, *patterns):
    for p in patterns:
        check(re.search(p, text, re.M), f"gdb does not show {p!r}; it said:\n" + "\n".join(text.splitlines()[-15:]))


def start(b, *more, program="debug"):
    """A stopped machine and a function that runs gdb on it."""
    gdb, elf, path = need("gdb-multiarch"), bare_program(b, program), b.tmp / "gdb"
    m = b.machine("-bios", "none", "-kernel", elf, "-S", "-gdb", f"unix:{path},server=on,wait=off", *more)
    m.socket(path)
    return m, lambda *commands: run_gdb(b, gdb, elf, path, commands)


@case()
def test_gdb_break_step(b):
    """breakpoint, registers, memory, single step, finish"""
    _, gdb = start(b)
    out = gdb("break step", "continue", "print/x $s0", "print $pc == &step", "x/gd &counter", "stepi", "stepi",
              "print $t1", "delete", "finish", "x/gd &counter", "info registers ra")
    out += gdb("info registers pc")
    wanted(out, r"Breakpoint 1, step", r"= 0x1234", r"= 1$", r"<counter>:\s+100", r"= 101", r"^ra ", r"^pc ")


@case()
def test_gdb_watch(b):
    """gdb shows the value before and after each store, and each load"""
    _, gdb = start(b)
    out = gdb("watch *(long*)&counter", "continue", "print $pc - (long)&step", "continue", "delete",
              "rwatch *(long*)&counter", "continue")
    wanted(out, r"[Ww]atchpoint 1: \*\(long", r"Old value = 100\s+New value = 101", r"Old value = 101\s+New value = 102",
           r"Value = 102")


@case()
def test_gdb_watch_far(b):
    """a watchpoint on a cell that is not touched for 400 million instructions: the guest is not stepped"""
    _, gdb = start(b, program="watch")
    out = gdb("watch *(long*)&cell", "continue", "print (long)$pc - (long)&access", "delete",
              "awatch *(long*)&cell", "continue", "print (long)$pc - (long)&access")
    wanted(out, r"Old value = 1\s+New value = 7", r"\$1 = 4$", r"Value = 7", r"\$2 = 8$")  # gdb steps over the access


@case()
def test_gdb_write(b):
    """registers and memory can be written, and the guest goes on with the new values"""
    _, gdb = start(b)
    out = gdb("break step", "continue", "set *(long*)&counter = 5000", "continue", "x/gd &counter",
              "set $t3 = 77", "stepi", "print $t3", "print/x $mstatus", "print $fa0")
    wanted(out, r"<counter>:\s+5001", r"= 77")


@case()
def test_gdb_step_from_breakpoint(b):
    """a step goes over the breakpoint that it begins at, which gdb takes away before; `continue` stops there"""
    m, gdb = start(b)
    at = int(re.search(r"= (0x\w+)", gdb("print/x (long)&step", "disconnect"))[1], 16)
    r = Rsp(m, b.tmp / "gdb")
    for kind in "01":
        check(r.ask(f"Z{kind},{at:x},4") == "OK", "a breakpoint was refused")
        r.ask("vCont;c")
        r.ask("vCont;c")
        pcs = [r.ask("p20")]
        for step in ("s", "vCont;s:1"):
            r.ask(step)
            pcs.append(r.ask("p20"))
        pcs = [int.from_bytes(bytes.fromhex(pc), "little") - at for pc in pcs]
        check(pcs == [0, 4, 6], f"Z{kind}: the steps from `step` went to {pcs}")
        r.ask(f"z{kind},{at:x},4")


@case()
def test_gdb_threads(b):
    """-smp 3: each CPU is a thread, and one may be chosen"""
    _, gdb = start(b, "-smp", "3")
    out = gdb("break step", "continue", "info threads", "thread 2", "print $mhartid", "thread 3", "print $mhartid")
    wanted(out, r"\* ?1 +Thread", r"2 +Thread", r"3 +Thread", r"= 1$", r"= 2$")


@case()
def test_gdb_interrupt(b):
    """detach lets the guest run, a second session finds it running, kill ends the emulator"""
    m, gdb = start(b)
    out = gdb("x/gd &counter", "detach")
    wanted(out, r"<counter>:\s+100")
    out = gdb("x/gd &counter", "kill")
    value = int(re.search(r"<counter>:\s+(\d+)", out).group(1))
    check(value > 100, f"the guest did not run while detached: {value}")
    m.wait(20)


@case()
def test_gdb_tcp(b):
    """-gdb tcp::PORT listens on TCP"""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    gdb, elf = need("gdb-multiarch"), bare_program(b, "debug")
    m = b.machine("-bios", "none", "-kernel", elf, "-S", "-gdb", f"tcp::{port}")
    for _ in range(100):
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                break
        m.console.drain(0.05)
    wanted(run_gdb(b, gdb, elf, f"localhost:{port}", ["break step", "continue", "print/x $s0"]), r"= 0x1234")

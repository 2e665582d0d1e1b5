# SPDX-License-Identifier: GPL-2.0-or-later
"""Device registers by address, from the debugger and from the monitor."""
import re
import time

from guests import bare_program
from harness import case, check, need, seconds
from rsp import Rsp
from test_gdb import run_gdb, wanted
from test_monitor import Monitor

UART, MAGIC, PLIC_PRIORITY = 0x10000000, 0x74726976, 0x0C000028
HIGH = 0xFFFFFFC000000000  # where paged.S has the devices


def start(b, program, *more):
    """A machine with a monitor and a debugger's port; the program runs."""
    gdb, mon = b.tmp / "gdb", b.tmp / "mon"
    m = b.machine("-bios", "none", "-kernel", bare_program(b, program), "-gdb", f"unix:{gdb},server=on,wait=off",
                  "-monitor", f"unix:{mon},server=on,wait=off", "-serial", "stdio", *more, serial=False)
    return m, Monitor(m, mon), m.socket(gdb)


def same(what, got, want):
    text = hex(got) if isinstance(got, int) else got
    check(got == want, f"{what}: {text}, expected {want if isinstance(want, str) else hex(want)}")


def registers(r, base):
    """Reads and writes that every debugger does, devices at `base`."""
    for offset, size, want in ((0x10001000, 4, MAGIC), (0x10001000, 12, MAGIC | 2 << 32), (0x10000005, 1, 0x60),
                               (PLIC_PRIORITY, 4, 0), (PLIC_PRIORITY, 2, 0)):
        same(f"{size} bytes at {base + offset:#x}", r.number(base + offset, size), want)
    same("write of a PLIC priority", r.ask(f"M{base + PLIC_PRIORITY:x},4:05000000"), "OK")
    same("the priority", r.number(base + PLIC_PRIORITY, 4), 5)
    same("binary write of it", r.ask(f"X{base + PLIC_PRIORITY:x},4:".encode() + b"\x00\x00\x00\x00"), "OK")
    same("the priority again", r.number(base + PLIC_PRIORITY, 4), 0)
    same("a hole", r.number(base + 0x18000000, 4), "E14")


@case()
def test_gdb_registers(b):
    """registers are read and written by their addresses; holes are errors"""
    m, _, path = start(b, "harts", "-global", "virtio-mmio.force-legacy=off")
    r = Rsp(m, path)
    registers(r, 0)
    same("a byte to the UART", r.ask(f"M{UART:x},1:41"), "OK")
    m.expect("A")
    same("RAM that runs into a hole", r.number(0x80000000 + (512 << 20) - 4, 8), "E14")
    same("its last word", r.number(0x80000000 + (512 << 20) - 4, 4), 0)


@case()
def test_gdb_registers_once(b):
    """a register that changes when it is read is read once, and not at all for an error"""
    m, _, path = start(b, "harts", "-S")
    r = Rsp(m, path)
    m.send("xy")
    for letter in "xy":
        end = time.monotonic() + seconds(10)
        while r.number(UART + 5, 1) == 0x60:
            check(time.monotonic() < end, f"the UART does not receive {letter!r}")
        same("receiver's status", r.number(UART + 5, 1), 0x61)
        same("the UART with a hole behind it", r.number(UART, 0x200), "E14")
        same("the byte", r.number(UART, 1), ord(letter))


@case()
def test_gdb_registers_paged(b):
    """under Sv39 devices are where the page table has them, and nowhere else"""
    m, mon, path = start(b, "paged", "-global", "virtio-mmio.force-legacy=off")
    m.expect("S")
    r = Rsp(m, path)
    registers(r, HIGH)
    same("the physical address", r.number(0x10001000, 4), "E14")
    same("a write there", r.ask("M10000000,1:41"), "E14")
    same("the kind of addresses", r.ask("qqemu.PhyMemMode"), "0")
    same("physical ones", r.ask("Qqemu.PhyMemMode:1"), "OK")
    same("the kind of addresses", r.ask("qqemu.PhyMemMode"), "1")
    registers(r, 0)
    same("neither", r.ask("Qqemu.PhyMemMode:2"), "E22")
    same("virtual ones", r.ask("Qqemu.PhyMemMode:0"), "OK")
    same("the physical address again", r.number(0x10001000, 4), "E14")
    text = mon.ask(f"x /2xw {HIGH + 0x10001000:#x}")
    check(f"{MAGIC:#x} 0x00000002" in text, f"x shows {text!r}")
    text = mon.ask("x /1xw 0x10001000")
    check("Cannot access memory" in text, f"x of an unmapped page shows {text!r}")
    text = mon.ask("xp /2xw 0x10001000")
    check(f"{MAGIC:#x} 0x00000002" in text, f"xp shows {text!r}")


@case()
def test_gdb_registers_gdb(b):
    """Debian's gdb: structures, words and bytes of devices, set and printed"""
    _, _, path = start(b, "harts", "-S", "-global", "virtio-mmio.force-legacy=off")
    out = run_gdb(b, need("gdb-multiarch"), bare_program(b, "harts"), path,
                  ["x/2xw 0x10001000","output/x *(unsigned int (*)[3])0x10001000", "x/xb 0x10000005", f"set *(unsigned int *){PLIC_PRIORITY:#x} = 3",
                   f"print *(unsigned int *){PLIC_PRIORITY:#x}", "x/xw 0x18000000"])
    wanted(out, r"0x10001000:\s+0x74726976\s+0x00000002", r"\{0x74726976, 0x2, 0x0\}", r"0x10000005:\s+0x60",
           r"= 3$", r"Cannot access memory at address 0x18000000")


@case()
def test_monitor_registers(b):
    """xp reads a register of a running machine by accesses of the size that was asked"""
    _, mon, _ = start(b, "harts", "-global", "virtio-mmio.force-legacy=off")
    for command, want in (("xp /1xw 0x10001000", "0x74726976"), ("xp /2xw 0x10001000", "0x74726976 0x00000002"),
                          ("xp /1xb 0x10000005", "0x60"),
                          ("xp /1xw 0x18000000", "Cannot access memory")):
        text = mon.ask(command)
        check(re.search(re.escape(want), text), f"{command} shows {text!r}")

# SPDX-License-Identifier: GPL-2.0-or-later
"""Nonsense and bad manners on the debugger's port: errors, and the machine goes on."""
import random
import re
import select
import time

from harness import case, check, seconds
from rsp import Rsp
from test_gdb_registers import same, start

PC = "20"


@case()
def test_gdb_hostile_numbers(b):
    """lengths, addresses and counts that cannot be: an error each"""
    m, mon, path = start(b, "harts", "-smp", "2")
    r = Rsp(m, path)
    big = "f" * 16
    for packet in (f"m0,{big}", f"m{big},{big}", f"m{big},2", "m80000000,2001", f"m{big}0,1", "m,", "m80000000", "m80000000,",
                   f"M80000000,{big}:00", "M80000000,2000:00", "M80000000,2:0", "M80000000,1:zz", "M80000000,1:0000", "M80000000,1",
                   f"X80000000,{big}:a", "X80000000,2:a", "X80000000,1", "Z0", "Z0,", "Z0,0", f"Z2,{big},2", "Z2,80000000,0",
                   f"Z4,1,{big}0", "z2,80000000", "vCont;s:9", "vCont;c:-2", "vCont;q", "vCont;", "vCont;c:p1.1",
                   f"vCont;s:{big}{big}", "Hg9", "Hz1", "H", "T0", "T9", f"p{big}", "pffff", "P", f"P{PC}", f"P{PC}=zz",
                   f"P{PC}=00", "G00", "qXfer:features:read:target.xml:ffffff,10", f"qXfer:features:read:target.xml:{big}0,1",
                   "qXfer:features:read:other:0,10", "qThreadExtraInfo,77", "qRcmd,6", "qRcmd,zz", "M80000000,4:" + "0" * 16390):
        got = r.ask(packet)
        check(got.startswith("E"), f"{packet[:60]}: {got!r}")
    for packet in ("vMustReplyEmpty", "Z9,0,1", "vAttach;1", "qXfer:memory-map:read::0,100", "\x01", "~"):
        same(packet, r.ask(packet), "")
    check(r.ask(f"qXfer:features:read:target.xml:0,{big}").startswith(("m<", "l<")), "a long read of the description")
    same("a write of nothing", r.ask("X80000000,0:"), "OK")
    same("an odd pc", r.ask(f"P{PC}=ffffff9f00000000"), "OK")
    same("it", r.ask(f"p{PC}"), "feffff9f00000000")
    check(r.ask("s9fffffff").startswith("T05"), "a step at the end of RAM")
    check(r.ask("?").startswith("T05"), "no answer after all that")
    r.close()
    end = time.monotonic() + seconds(10)
    while "running" not in mon.ask("info status"):
        check(time.monotonic() < end, "the machine does not go on")


@case()
def test_gdb_hostile_framing(b):
    """a packet that is cut short, one with a wrong sum, one too many resends"""
    m, _, path = start(b, "harts")
    r = Rsp(m, path)
    r.sock.sendall(b"$m80000000,$qC#b4")
    same("a packet after half a one", r.reply(), "QC01")
    r.close()
    r = Rsp(m, path, noack=False)
    r.bytes = b""
    r.sock.sendall(b"+$qC#00")
    check(r.sock.recv(1) == b"-", "a wrong sum is taken")
    r.sock.sendall(b"-" * 5000 + b"+$qAttached#8f")
    data = b""
    while b"$1#31" not in data:
        more = r.sock.recv(65536)
        check(more, "the connection has closed")
        data += more
    check(data.count(b"$") < 20, f"{data.count(b'$')} packets for 5000 times '-'")


@case()
def test_gdb_hostile_reader(b):
    """answers to a debugger that does not read wait for it, all of them, and nothing else waits"""
    m, mon, path = start(b, "harts")
    r = Rsp(m, path)
    sent = got = 0
    count, packet = 400, b"$m80000000,1ff0#ec"
    end, left, text = time.monotonic() + seconds(30), packet * count, b""
    r.sock.setblocking(False)
    while left and select.select([], [r.sock], [], 0.5)[1]:  # until the port takes no more
        sent = r.sock.send(left)
        left = left[sent:]
    for _ in range(3):  # the port has had its turns meanwhile
        check(mon.ask("info version"), "the monitor waits too")
    while got < count:
        check(time.monotonic() < end, f"{got} answers of {count}")
        ready = select.select([r.sock], [r.sock] if left else [], [], 1)
        if ready[1]:
            left = left[r.sock.send(left):]
        if ready[0]:
            text += r.sock.recv(1 << 20)
            got = text.count(b"#")
    check(len(set(re.findall(rb"\$[^$]*", text))) == 1, "the answers differ")


@case()
def test_gdb_hostile_devices(b):
    """random accesses to all devices, through a machine that runs in between"""
    m, mon, path = start(b, "harts", "-global", "virtio-mmio.force-legacy=off", "-device", "virtio-rng-device",
                         "-device", "virtio-net-pci", "-device", "virtio-balloon-device")
    r = Rsp(m, path)
    rng = random.Random(5)
    areas = ((0x1000, 0xF000), (0x101000, 0x1000), (0x2000000, 0x10000), (0xC000000, 0x600000), (0x10000000, 0x100),
             (0x10001000, 0x8000), (0x10100000, 0x18), (0x20000000, 0x4000000), (0x30000000, 0x10000), (0x40000000, 0x100000))
    for i in range(3000):
        base, size = rng.choice(areas)
        at, n = base + rng.randrange(size) & -rng.choice((1, 2, 4, 8)), rng.choice((1, 2, 4, 8, 64))
        if i % 3:
            got = r.ask(f"M{at:x},{n:x}:" + rng.randbytes(n).hex())
            check(got in ("OK", "E14"), f"write of {n} at {at:#x}: {got}")
        else:
            got = r.ask(f"m{at:x},{n:x}")
            check(got == "E14" or len(got) == 2 * n, f"read of {n} at {at:#x}: {got}")
        if i % 300 == 299:
            r.send("c")
            r.sock.sendall(b"\x03")
            check(r.reply()[:1] == "T", "no stop")
    mon.ask("system_reset")
    check("VM status" in mon.ask("info status"), "the monitor does not answer")

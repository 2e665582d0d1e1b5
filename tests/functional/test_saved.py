# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine's state in a file, and a machine that goes on from it, whichever accelerator runs it."""
import itertools
import random
import re

from guests import bare_program
from harness import Skip, accelerators, case, check, not_on_peer
from test_kvm import need_kvm
from test_qmp import Client
from test_x86 import build, compare, expected


def engines(b):
    """Values of -accel."""
    names = accelerators()
    try:
        need_kvm(b)
    except Skip:
        return names
    return [*(n for n in names if n != "kvm"), "kvm,kernel-irqchip=off"]


def arguments(b, accel, elf, board="bare"):
    return ("-arch", "x86_64", "-M", board, "-accel", accel, "-m", "64M", "-serial", "stdio", "-display", "none", "-monitor", "none",
            "-device", "isa-debug-exit,iobase=0x501", "-kernel", elf, "-qmp", f"unix:{b.tmp / 'qmp'},server=on,wait=off")


def start(b, accel, elf, *more, board="bare"):
    m = b.machine(*arguments(b, accel, elf, board), *more, serial=False, board=(), cpu_memory=())
    return m, Client(str(b.tmp / "qmp"))


def went(c):
    """How a migration that was begun has ended."""
    return c.event("MIGRATION", lambda data: data["status"] in ("completed", "failed", "cancelled"))["status"]


def save(b, m, c, name="state"):
    path = b.tmp / name
    check(c.ask("migrate", uri=f"file:{path}") == {}, "it is refused")
    check(went(c) == "completed" and c.ask("query-migrate")["status"] == "completed", "query-migrate")
    check(c.ask("query-status")["status"] == "postmigrate", "it does not stand")
    c.send('{"execute": "quit"}')
    m.expect_exit(0)
    return path


def host_rate(b, elf):
    """-cpu with the host's time stamp counter, where KVM runs and cannot scale it: a state that it loads must have that."""
    _, _, err = b.run("-arch", "x86_64", "-accel", "kvm", "-M", "bare", "-display", "none", "-S", "-kernel", elf, "-cpu", "max,tsc-frequency=1234567000")
    found = re.search(r"which runs at (\d+) kHz", err)
    return ("-cpu", f"max,tsc-frequency={found[1]}000") if found else ()


@case(limit=300)
def test_saved_accelerators(b):
    """saved under one accelerator, it goes on under another, from every one to every one"""
    not_on_peer("its files are its own")
    elf, lines = build(b, "saved"), expected("saved")
    all_of, rate = engines(b), host_rate(b, elf)
    for first, second in itertools.product(all_of, all_of):
        m, c = start(b, first, elf, *rate)
        m.expect(lines[0])
        path = save(b, m, c)
        m, c = start(b, second, elf, "-incoming", f"file:{path}")
        m.send("x")
        m.expect(lines[1], 30)
        m.expect(lines[2], 30)
        path = save(b, m, c)
        m, c = start(b, first, elf, "-incoming", f"file:{path}")
        m.send("x")
        m.expect(lines[3], 30)
        m.expect_exit(1)
    if rate:
        m, c = start(b, "interp", elf)
        m.expect(lines[0])
        path = save(b, m, c)
        code, _, err = b.run(*arguments(b, all_of[-1], elf), "-incoming", f"file:{path}")
        check(code == 1 and "counter runs at 1000000 kHz, and this host's at" in err, err)


@case(limit=120)
def test_saved_kernel_controllers(b):
    """interrupt controllers in the host's kernel are saved for KVM; another machine's are refused"""
    need_kvm(b)
    elf, lines = build(b, "saved"), expected("saved")
    for board, chips in (("bare", "on"), ("bare", "split"), ("microvm", "on"), ("microvm", "split")):
        kvm = f"kvm,kernel-irqchip={chips}"
        m, c = start(b, kvm, elf, board=board)
        m.expect(lines[0])
        path = save(b, m, c)
        for accel in ("kvm,kernel-irqchip=off", "interp"):
            code, _, err = b.run(*arguments(b, accel, elf, board), "-cpu", "max", "-incoming", f"file:{path}")
            check(code == 1 and ("interrupt controllers of 'kvm'" in err or "counter runs at" in err), err)
        m, c = start(b, kvm, elf, "-incoming", f"file:{path}", board=board)
        m.send("x")
        m.expect(lines[2], 30)
        path = save(b, m, c)
        m, c = start(b, kvm, elf, "-incoming", f"file:{path}", board=board)
        m.send("x")
        m.expect(lines[3], 30)
        m.expect_exit(1)


@case()
def test_saved_riscv(b):
    """a riscv machine, between the interpreter and the translator"""
    not_on_peer("its files are its own")
    elf = bare_program(b, "echo")
    names = [n for n in accelerators() if n != "kvm"]
    for first, second in itertools.product(names, names):
        args = ("-bios", "none", "-kernel", elf, "-serial", "stdio", "-monitor", "none", "-qmp", f"unix:{b.tmp / 'qmp'},server=on,wait=off")
        m = b.machine(*args, "-accel", first, serial=False)
        m.expect("ready\n")
        m.send("a")
        m.expect("b")
        path = save(b, m, Client(str(b.tmp / "qmp")))
        m = b.machine(*args, "-accel", second, "-incoming", f"file:{path}", serial=False)
        m.send("c")
        m.expect("d")
        m.stop()


@case()
def test_saved_deferred(b):
    """-incoming defer: the machine waits for migrate-incoming; what cannot be is refused, and what cont and stop said counts then"""
    not_on_peer("its files are its own")
    elf, lines = build(b, "saved"), expected("saved")
    m, c = start(b, "interp", elf)
    m.expect(lines[0])
    path, empty = save(b, m, c), b.tmp / "empty"
    empty.write_bytes(b"")
    for word, status in (("cont", "running"), ("stop", "paused"), (None, "running")):
        m, c = start(b, "interp", elf, "-incoming", "defer")
        check(c.ask("query-status") == {"running": False, "status": "inmigrate"}, "it does not wait")
        for name, args in (("migrate", {"uri": f"file:{empty}2"}), ("human-monitor-command", {"command_line": "loadvm a"})):
            check("waits for a state" in str(c.ask(name, **args)), f"{name} is not refused")
        c.fails("migrate-incoming", "GenericError", "ends too early", uri=f"file:{empty}")
        c.fails("migrate-incoming", "GenericError", "is no place of", uri="rdma:true")
        c.ask("system_reset")
        check(not word or c.ask(word) == {}, word)
        check(c.ask("migrate-incoming", uri=f"file:{path}") == {} and c.ask("query-migrate") == {"status": "completed"}, "it is refused")
        check(c.ask("query-status")["status"] == status, f"{word}: {c.ask('query-status')}")
        c.fails("migrate-incoming", "GenericError", "has its state already", uri=f"file:{path}")
        c.ask("cont")
        m.send("x")
        m.expect(lines[1], 30)
        m.stop()
    m, c = start(b, "interp", elf, "-S", "-incoming", "defer")
    check("" == c.ask("human-monitor-command", command_line=f"migrate_incoming file:{path}"), "the human monitor's")
    check(c.ask("query-status")["status"] == "paused", "-S")


@case()
def test_saved_hostile(b):
    """a file that is cut, changed, of another machine, or none is refused with the reason; no crash, no hang"""
    not_on_peer("its files are its own")
    elf = build(b, "saved")
    m, c = start(b, "interp", elf)
    m.expect(expected("saved")[0])
    for uri, why in (("rdma:localhost:1", "is no place of"), (f"file:{b.tmp}/none/state", "Could not open")):
        c.fails("migrate", "GenericError", why, uri=uri)
    path = save(b, m, c)
    data, other = path.read_bytes(), b.tmp / "other"
    pick = random.Random(1)

    def refused(content, why, accel="interp", board="bare", *more):
        other.write_bytes(content)
        code, _, err = b.run(*arguments(b, accel, elf, board), *more, "-incoming", f"file:{other}")
        check(code == 1 and why in err, f"{why}: exit code {code}, {err}")
    refused(b"", "ends too early")
    refused(b"not a state" * 10, "is not a saved machine")
    refused(data[:-1], "ends too early")
    refused(data[:8] + b"\x09" + data[9:], "is of version 9")
    refused(data, "has 1 vCPUs, and this machine has 2; see -smp", "interp", "bare", "-smp", "2")
    refused(data, "where this machine has the machine 'microvm/x86_64'", "interp", "microvm")
    refused(data, "and this machine's 33554432; see -m", "interp", "bare", "-m", "32M")
    for _ in range(20):
        at = pick.randrange(12, len(data))
        refused(data[:at] + bytes([data[at] ^ 1 << pick.randrange(8)]) + data[at + 1:], "-incoming")
        refused(data[:at], "-incoming")
    code, _, err = b.run(*arguments(b, "interp", elf), "-incoming", "rdma:true")
    check(code == 1 and "is no place of" in err, err)

# SPDX-License-Identifier: GPL-2.0-or-later
"""x86 machines under KVM, where /dev/kvm can be used: what the JIT runs, runs there; and the messages where it cannot."""
import os
import pwd
import random
import re
import signal
import time
from pathlib import Path

from harness import EMULATOR, Skip, check, case, need, not_on_peer, until
from test_qmp import Client
from test_x86 import build, build64, compare, engines, expected

BOARDS = [(board, chips) for board in ("bare", "microvm") for chips in ("on", "split", "off")]
QUIET = ("-display", "none", "-monitor", "none", "-device", "isa-debug-exit,iobase=0x501")


def need_kvm(b):
    """Skip with the program's own reason where KVM does not open."""
    not_on_peer("its messages are its own")
    _, out, _ = b.run("-accel", "help")
    if "kvm" not in out.split():
        raise Skip("the program was built for a host without KVM")
    _, _, err = b.run("-arch", "x86_64", "-M", "none", "-accel", "kvm", "-display", "none", "-trace", "help")
    if "-accel kvm" in err:
        raise Skip(err.splitlines()[0].partition("-accel kvm: ")[2])


def kvm_engines(b):
    """Values of -accel for each place of the controllers; none where KVM does not open."""
    try:
        need_kvm(b)
    except Skip:
        return []
    return [f"kvm,kernel-irqchip={chips}" for chips in ("on", "split", "off")]


@case()
def test_kvm_payload(b):
    """a payload says the same as under the JIT, on both boards, with interrupt controllers in the kernel and here"""
    need_kvm(b)
    elf = build(b, "hello")
    for board, chips in BOARDS:
        args = ("-arch", "x86_64", "-M", board, "-accel", f"kvm,kernel-irqchip={chips}", "-m", "64M", "-serial", "stdio")
        code, out, _ = b.run(*args, *QUIET, "-kernel", elf, "-append", "hello one=1")
        compare("hello", f"{board}, irqchip {chips}", out)
        check(code == 1, f"{board}, irqchip {chips}: exit code {code}")


@case()
def test_kvm_interrupts(b):
    """interrupts and messages arrive the same, wherever the controllers are; under the JIT, too"""
    not_on_peer("it has no such payload")
    elf = build64(b, "irqs")
    args = ("-arch", "x86_64", "-M", "microvm,pcie=on", "-m", "64M", "-smp", "2", "-serial", "stdio", *QUIET, "-device",
            "virtio-rng-pci,addr=1", "-no-reboot", "-kernel", elf)
    for accel in engines() + kvm_engines(b):
        code, out, _ = b.run(*args, "-accel", accel)
        compare("irqs", accel, out)
        check(code == 1, f"{accel}: exit code {code}")


@case(limit=300)
def test_kvm_disk_thread(b):
    """a disk on an iothread: each request's interrupt comes wherever the controllers are, under the JIT, too; stop, cont and the end change nothing"""
    not_on_peer("it has no such payload")
    elf, image, path = build64(b, "disk"), b.tmp / "disk.img", str(b.tmp / "qmp")
    lines = expected("disk")
    for accel in engines() + kvm_engines(b):
        image.write_bytes(bytes(1 << 20))
        m = b.machine("-arch", "x86_64", "-M", "microvm,ioapic2=off", "-m", "64M", "-serial", "stdio", *QUIET, "-no-reboot", "-kernel", elf,
                      "-accel", accel, "-global", "virtio-mmio.force-legacy=false", "-object", "iothread,id=io0", "-drive",
                      f"file={image},format=raw,if=none,id=d", "-device", "virtio-blk-device,drive=d,iothread=io0", "-qmp",
                      f"unix:{path},server=on,wait=off", serial=False, board=(), cpu_memory=())
        c = Client(path)
        (thread,) = c.ask("query-iothreads")
        name = Path(f"/proc/{m.proc.pid}/task/{thread['thread-id']}/comm").read_text(encoding="ascii")
        check(thread["id"] == "io0" and name == "IO io0\n", f"{thread}, whose name is {name!r}")
        c.fails("object-del", "GenericError", "in use", id="io0")
        for line in lines[:3]:
            m.expect(re.escape(line), 60)
        for _ in range(10):
            c.ask("stop")
            before = writes(c)
            check(writes(c) == before, "a disk of a machine that stands was written")
            c.ask("cont")
            until("it goes on", lambda: writes(c) > before)
        m.send("x")
        for line in lines[3:]:
            m.expect(re.escape(line), 60)
        m.expect_exit(1)


def writes(c):
    """How many a machine's disk has ended."""
    return c.ask("query-blockstats")[0]["stats"]["wr_operations"]


@case()
def test_kvm_spellings(b):
    """-enable-kvm, accel=kvm:tcg, kernel_irqchip=, and -accel twice choose KVM"""
    need_kvm(b)
    elf = build(b, "hello")
    for words in (("-M", "bare", "-enable-kvm"), ("-M", "bare,accel=kvm:tcg"), ("-M", "bare,accel=kvm,kernel_irqchip=off"),
                  ("-M", "bare", "-accel", "kvm", "-accel", "tcg")):
        path = str(b.tmp / "qmp")
        m = b.machine("-arch", "x86_64", *words, "-S", "-kernel", elf, "-qmp", f"unix:{path},server=on,wait=off", *QUIET,
                  serial=False, board=())
        c = Client(path)
        check(c.ask("query-kvm") == {"enabled": True, "present": True}, f"{words}: query-kvm")
        check(c.ask("query-accelerators")["enabled"] == "kvm", f"{words}: query-accelerators")
        c.send('{"execute": "quit"}')
        m.expect_exit(0)
    for words, why in ((("microvm,ioapic2=on",), "the host's kernel has one I/O APIC"),
                       (("bare", "-kernel", elf, "-cpu", "max,tsc-frequency=1234567000"), "does not scale the guest's counter")):
        code, _, err = b.run("-arch", "x86_64", "-accel", "kvm", *QUIET, "-S", "-M", *words)
        check(code == 1 and why in err, f"{words}: {err}")


@case()
def test_kvm_other_guests(b):
    """a riscv machine goes on with the JIT by kvm:tcg, and is refused by kvm, with the reason"""
    need_kvm(b)
    code, _, err = b.run("-arch", "riscv64", "-M", "virt", "-accel", "kvm", "-display", "none")
    check(code == 1 and "it runs guests of x86_64, i386, and this is riscv64" in err, err)
    path = str(b.tmp / "qmp")
    b.machine("-accel", "kvm", "-accel", "tcg", "-S", "-bios", "none", "-qmp", f"unix:{path},server=on,wait=off", serial=False)
    c = Client(path)
    check(c.ask("query-kvm")["enabled"] is False, "query-kvm")


@case()
def test_kvm_no_right(b):
    """who may not open /dev/kvm is told the group, or that there is none, and what to do; kvm:tcg goes on"""
    need_kvm(b)
    if os.geteuid() != 0 or os.stat("/dev/kvm").st_mode & 0o006:
        raise Skip("root alone can try it, where not all users may open /dev/kvm")
    nobody = pwd.getpwnam("nobody")
    elf = build(b, "hello")
    os.chmod(b.tmp, 0o755)
    args = ["-arch", "x86_64", "-M", "bare", "-m", "64M", "-serial", "stdio", *QUIET, "-kernel", str(elf), "-append", "hello one=1"]
    drop = ("--reuid", str(nobody.pw_uid), "--regid", str(nobody.pw_gid), "--clear-groups", EMULATOR)
    code, _, err = b.run(*drop, *args, "-accel", "kvm", program="setpriv")
    check(code == 1 and "cannot open /dev/kvm: permission denied" in err and "do:  sudo " in err, err)
    code, out, err = b.run(*drop, *args, "-accel", "kvm", "-accel", "tcg", program="setpriv")
    check(code == 1, f"exit code {code}: {err}")
    compare("hello", "kvm, tcg", out)


@case()
def test_kvm_internal_error(b):
    """what KVM cannot carry out stops the machine: internal-error, with the instruction; a reset mends it"""
    need_kvm(b)
    elf = build(b, "faults")
    path = str(b.tmp / "qmp")
    m = b.machine("-arch", "x86_64", "-M", "bare", "-accel", "kvm", "-m", "64M", "-serial", "stdio", "-kernel", elf, *QUIET,
                  "-qmp", f"unix:{path},server=on,wait=off", serial=False, board=())
    c = Client(path)
    m.expect("divide: vector 0", 20)
    end = time.monotonic() + 5
    while c.ask("query-status")["status"] == "running" and m.proc.poll() is None and time.monotonic() < end:
        time.sleep(0.05)
    if m.proc.poll() is not None or c.ask("query-status")["status"] == "running":
        raise Skip("this host's processor runs all of it")
    check(c.ask("query-status")["status"] == "internal-error", "query-status")
    log = b.log_path.read_text(encoding="utf-8", errors="replace")
    check("stops: KVM cannot carry out an instruction" in log and "32-bit protected mode" in log, "the message")
    c.ask("system_reset")
    c.ask("cont")
    m.expect("divide: vector 0", 20)


@case()
def test_kvm_sigterm(b):
    """a signal ends it at any time of its start and run"""
    need_kvm(b)
    elf = build(b, "hello")
    for n in range(20):
        m = b.machine("-arch", "x86_64", "-M", "microvm", "-accel", "kvm", "-smp", "2", "-m", "64M", "-kernel", elf, board=(), cpu_memory=())
        time.sleep(random.Random(n).random() * 0.1)
        m.proc.send_signal(signal.SIGTERM)
        code = m.wait(10)
        check(code in (0, -signal.SIGTERM), f"after SIGTERM the exit code is {code}")


@case()
def test_kvm_gdb(b):
    """gdb under KVM: breakpoints and steps in level 0, registers and memory read and written, a guest that goes on"""
    need_kvm(b)
    elf, port = build(b, "hello"), b.tmp / "gdb"
    for chips in ("on", "off"):
        m = b.machine("-arch", "i386", "-M", "bare", "-accel", f"kvm,kernel-irqchip={chips}", "-m", "64M", "-serial", "stdio", *QUIET,
                      "-kernel", elf, "-append", "hello one=1", "-S", "-gdb", f"unix:{port},server=on,wait=off",
                      serial=False, board=())
        m.socket(port)
        script = ["set pagination off", f"target remote {port}", "print $eip == _start", "hbreak *main", "continue", "print $eip == main",
                  "print/x *(unsigned *)($esp + 4)", "set $ecx = 0x1234", "print/x $ecx", "stepi", "print $eip - (unsigned)main > 0",
                  "set var *(unsigned *)0x300000 = 0xcafe", "print/x *(unsigned *)0x300000", "delete", "break print", "continue",
                  "print $eip == print", "delete", "detach"]
        _, out, err = b.run("-batch", "-nx", *(x for line in script for x in ("-ex", line)), elf, program=need("gdb"), limit=60)
        got = re.findall(r"^\$\d+ = (.*)$", out, re.M)
        check(got == ["1", "1", "0x2badb002", "0x1234", "1", "0xcafe", "1"], f"irqchip {chips}: {got}; {out}{err}")
        m.expect("done", 20)
        m.expect_exit(1)
        port.unlink(missing_ok=True)

# SPDX-License-Identifier: GPL-2.0-or-later
"""The monitor on a unix socket, and on the console through Ctrl-A."""
import os
import re
import signal

from guests import bare_program
from harness import case, check, is_peer, not_on_peer

PROMPT = r"\((?:qemu|lyrebird)\) $"


class Monitor:
    """A monitor on a socket: ask a command, get its answer."""

    def __init__(self, m, path):
        self.line = m.connect(path)
        self.line.expect(PROMPT)

    def ask(self, command, limit=10):
        """The answer, without the echo (which redraws the line) and the prompt."""
        self.line.send(command + "\n")
        m = self.line.expect(r"((?:.|\n)*?)(?:^|\n)\((?:qemu|lyrebird)\) $", limit)
        text = re.sub(r"\x1b\[[0-9;]*[A-Za-z]|\r", "", m.group(1))
        return text.partition("\n")[2] if command in text or "\n" in text else text


def start(b, program="debug", *more):
    path = b.tmp / "mon"
    elf = bare_program(b, program)
    m = b.machine("-bios", "none", "-kernel", elf, "-serial", "stdio", "-monitor",
                  f"unix:{path},server=on,wait=off", *more, serial=False)
    return m, Monitor(m, path), elf


@case()
def test_monitor_info(b):
    """help and the info commands answer"""
    _, mon, _ = start(b)
    help_text = mon.ask("help")
    for word in ("quit", "system_reset", "system_powerdown", "stop", "cont", "info", "x", "xp", "p"):
        check(re.search(rf"^{word}\b|\|{word}\b", help_text, re.M), f"help does not list {word}")
    for what, wanted in (("registers", r"pc\s+[0-9a-f]{8,16}"), ("mem", r"."), ("mtree", r"0+80000000"),
                         ("qtree", r"virtio-mmio"), ("jit", r"."), ("irq", r".")):
        text = mon.ask("info " + what)
        check(re.search(wanted, text) or is_peer(), f"info {what} answers {text!r}")


@case()
def test_monitor_stop_cont(b):
    """stop halts the guest, cont goes on, memory and registers can be examined"""
    _, mon, elf = start(b)
    counter = symbol(b, elf, "counter")
    mon.ask("stop")

    def value(how="x"):
        text = mon.ask(f"{how} /1gx {counter:#x}")
        return int(re.search(r": (0x[0-9a-f]+)", text).group(1), 16)
    first = value()
    check(first >= 100, f"the counter is {first}")
    check(value() == first == value("xp"), "memory changes while the guest is stopped")
    check("1234" in mon.ask("p /x $s0") or is_peer(), "p does not know a register")
    check(re.search(r"\b(addiw?|ld|sd|jal|j|call|auipc|ret|csrr\w?|bne|lui)\b", mon.ask("x /4i 0x80000000")) or is_peer(),
          "x /i does not disassemble")
    mon.ask("cont")
    for _ in range(50):
        if value() > first:
            break
    check(value() > first, "the guest does not go on after cont")


def symbol(b, elf, name):
    code, out, _ = b.run(elf, program="riscv64-linux-gnu-nm")
    check(code == 0, "nm failed")
    return int(re.search(rf"^([0-9a-f]+) \w {name}$", out, re.M).group(1), 16)


@case()
def test_monitor_reset_quit(b):
    """system_reset starts the program again, quit ends with 0"""
    m, mon, _ = start(b, "echo")
    m.expect("ready\n")
    mon.ask("system_reset")
    m.expect("ready\n")
    mon.line.send("quit\n")
    m.expect_exit(0)


@case()
def test_monitor_unknown(b):
    """an unknown command is named, and the monitor goes on"""
    _, mon, _ = start(b)
    text = mon.ask("frobnicate")
    check("frobnicate" in text, f"the answer is {text!r}")
    check("running" in mon.ask("info status"), "info status does not say running")


@case()
def test_start_stopped(b):
    """-S starts nothing until cont"""
    m, mon, _ = start(b, "exit", "-S")
    check(re.search("paused|prelaunch", mon.ask("info status")), "the machine is not paused")
    check(m.console.pending == "", "the guest ran")
    mon.line.send("cont\n")
    m.expect("bare metal speaks\n")
    m.expect_exit(42)


@case()
def test_monitor_network(b):
    """cards have names without id=; info network lists them with their netdevs, set_link takes either name"""
    argv = []
    for i, card in enumerate(("virtio-net-pci", "virtio-net-device", "virtio-net-pci,id=mine")):
        argv += ["-netdev", f"user,id=n{i}", "-device", f"{card},netdev=n{i}" + (",romfile=" if is_peer() and "pci" in card else "")]
    _, mon, _ = start(b, "echo", *argv)
    lines = [x.rstrip() for x in mon.ask("info network").split("\n")]
    wanted = []
    for i, (name, model) in enumerate((("virtio-net-pci.0", "virtio-net-pci"), ("virtio-net-device.0", "virtio-net-device"),
                                       ("mine", "virtio-net-pci"))):
        wanted += [f"{name}: index=0,type=nic,model={model},macaddr=52:54:00:12:34:{0x56 + i:x}",
                   f" \\ n{i}: index=0,type=user,net=10.0.2.0,restrict=off"]
    check([x for x in lines if x] == wanted, f"info network says {lines}")
    for name in ("virtio-net-pci.0", "n1", "mine"):
        for state in ("off", "on", " off"):
            text = mon.ask(f"set_link {name} {state}").strip()
            check(not text, f"set_link {name} {state} says {text!r}")
    check("not found" in mon.ask("set_link virtio-net-pci.1 off"), "a card that is not there is found")


@case()
def test_mux(b):
    """-nographic: Ctrl-A h helps, c changes to the monitor and back, x ends"""
    m = b.machine("-nographic", "-bios", "none", "-kernel", bare_program(b, "echo"), serial=False)
    m.expect("ready\n")
    m.send("\x01h")
    m.expect(r"(?i)C-a x")
    m.send("\x01c")
    m.send("\n")
    m.expect(PROMPT)
    m.send("info status\n")
    m.expect("running")
    m.send("\x01c")
    m.send("A")
    m.expect("B")
    m.send("\x01x")
    m.expect_exit(0)


@case()
def test_mux_newest(b):
    """a virtconsole that shares serial port 0's terminal has the keys, Ctrl-A c goes on to monitor and port"""
    m = b.machine("-nographic", "-bios", "none", "-kernel", bare_program(b, "echo"), "-device", "virtio-serial-device",
                  "-device", "virtconsole,chardev=serial0", serial=False)
    m.expect("ready\n")
    m.send("A")  # the guest has no driver: it waits there
    m.send("\x01c\n")
    check("B" not in m.expect(r"((?:.|\n)*)\(\w+\) ").group(1), "the key went to the port")
    m.send("\x01c")
    m.send("A")
    m.expect("B")
    m.send("\x01x")
    m.expect_exit(0)


@case()
def test_power_button(b):
    """system_powerdown asks the guest, and does not end a guest that ignores it"""
    m, mon, _ = start(b, "echo")
    m.expect("ready\n")
    mon.ask("system_powerdown")
    m.send("A")
    m.expect("B")


@case()
def test_pidfile_daemonize(b):
    """-pidfile and -daemonize: the parent returns when the machine runs, the file names the process"""
    pid_file, sock = b.tmp / "pid", b.tmp / "mon"
    code, _, err = b.run("-M", "virt", "-display", "none", "-bios", "none", "-kernel", bare_program(b, "echo"),
                         "-daemonize", "-pidfile", pid_file, "-serial", "null",
                         "-monitor", f"unix:{sock},server=on,wait=off")
    check(code == 0, f"exit code {code}: {err}")
    pid = int(pid_file.read_text(encoding="ascii"))
    try:
        check("lyrebird" in os.readlink(f"/proc/{pid}/exe") or is_peer(), "the pid is not the emulator's")
        check(sock.exists(), "the monitor's socket is missing")
    finally:
        os.kill(pid, signal.SIGTERM)


@case()
def test_monitor_vcpus(b):
    """info cpus lists every CPU of -smp 4"""
    not_on_peer("checked on our own form of the list")
    _, mon, _ = start(b, "debug", "-smp", "4")
    text = mon.ask("info registers -a")
    check(len(re.findall(r"CPU#?\s*\d", text)) >= 4, f"registers of four CPUs expected: {text[:300]!r}")

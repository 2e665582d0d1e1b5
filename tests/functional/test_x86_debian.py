# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's cloud kernel with our initramfs on `microvm`, without firmware: virtio over MMIO and PCI Express, one and four CPUs."""
import re

from guests import pc_kernel
from harness import case, check, need_jit, not_on_peer
from test_linux import PROMPT, disk, network, power_off

BOOT = 240      # under a host's load of several times its processors


def boot(b, *more, machine="microvm", append=""):
    """Start it and wait for the shell."""
    not_on_peer("where the peer cannot measure its clock in time it hangs")
    need_jit()
    k = pc_kernel()
    m = b.machine("-arch", "x86_64", "-M", machine, "-kernel", k.image, "-initrd", k.initrd, "-append",
                  ("console=ttyS0 panic=-1 " + append).strip(), "-no-reboot", *more, board=(), cpu_memory=("-m", "512M"))
    m.expect(r"Lyrebird: user space reached", BOOT)
    m.expect(PROMPT)
    m.command("dmesg -n 1", PROMPT)
    return m


def devices(b, kind):
    """Options of a disk, on a thread of its own, and a card."""
    image = b.tmp / "disk.img"
    image.write_bytes(bytes(8 << 20))
    return ("-drive", f"file={image},format=raw,if=none,id=d", "-object", "iothread,id=io0", "-device",
            f"virtio-blk-{kind},drive=d,iothread=io0",
            "-netdev", "user,id=n", "-device", f"virtio-net-{kind},netdev=n")


def check_boot(m, cpus):
    """All processors work, the kernel complains of none of the board's devices, and does not tick while it is idle."""
    check(m.command("nproc", PROMPT).strip() == str(cpus), "not all processors came up")
    log = m.command("dmesg", PROMPT, 60)
    clock = m.command("cat /sys/devices/system/clocksource/clocksource0/current_clocksource", PROMPT).strip()
    check(clock in ("tsc", "kvm-clock"), f"its clock is {clock!r}")
    check(not re.search(r"calibration (?:failed|is off)|unstable|Unable to calibrate", log), "its counter's rate was not found")
    bad = [line for line in log.splitlines() if re.search(r"BUG:|WARNING:|firmware bug|irq \d+: nobody cared|rcu:.*stall", line, re.I)]
    check(not bad, f"the kernel complains: {bad}")
    m.command("until grep -q hrtimer_interrupt /proc/timer_list; do sleep 0.1; done", PROMPT, 60)


@case(limit=400)
def test_x86_debian_mmio(b):
    """microvm's virtio-mmio slots by ACPI: a disk and a card on one CPU, power off by ACPI"""
    m = boot(b, *devices(b, "device"))
    check_boot(m, 1)
    check("virtio-mmio" in m.command("ls /sys/bus/platform/drivers", PROMPT), "the slots have no driver")
    disk(m, "/dev/vda")
    network(m, b)
    power_off(m)


@case(limit=400)
def test_x86_debian_pci(b):
    """four CPUs, a disk and a card on PCI Express, whose interrupts are messages: each queue's arrive"""
    m = boot(b, "-smp", "4", *devices(b, "pci"), machine="microvm,pcie=on")
    check_boot(m, 4)
    disk(m, "/dev/vda")
    network(m, b)
    table = m.command("cat /proc/interrupts", PROMPT)
    for queue in ("virtio0-req.0", "virtio1-input.0"):
        counts = re.findall(rf"^ *\d+:((?: +\d+)+) +PCI-MSI\S* .*{re.escape(queue)}", table.replace("\r", ""), re.M)
        check(counts and any(int(n) for n in counts[0].split()), f"no message came for {queue}: {table}")
    power_off(m)


@case(limit=400)
def test_x86_debian_no_acpi(b):
    """acpi=off: the kernel finds the slots by its command line; a reboot ends the machine"""
    m = boot(b, *devices(b, "device"), machine="microvm,acpi=off")
    check_boot(m, 1)
    disk(m, "/dev/vda")
    m.send("reboot -f\n")
    m.expect_exit(0, 60)

# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's kernels (the cloud's, and 686-pae) with our initramfs on `microvm`, without firmware: virtio over MMIO and
PCI Express, one and several CPUs."""
import re
import subprocess

from guests import pc_kernel
from harness import case, check, need_jit, not_on_peer
from test_linux import PROMPT, disk, network, power_off
from test_qmp import Client

BOOT = 240      # under a host's load of several times its processors


def start(b, *more, machine="microvm", append="", arch="x86_64"):
    """The machine, which begins."""
    not_on_peer("where the peer cannot measure its clock in time it hangs")
    need_jit()
    k = pc_kernel("i386" if arch == "i386" else "amd64")
    return b.machine("-arch", arch, "-M", machine, "-kernel", k.image, "-initrd", k.initrd, "-append",
                     ("console=ttyS0 panic=-1 " + append).strip(), "-no-reboot", *more, board=(), cpu_memory=("-m", "512M"))


def boot(b, *more, **how):
    """Start it and wait for the shell."""
    m = start(b, *more, **how)
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


def check_quiet(m):
    """The kernel does not tick while it is idle."""
    m.command("until grep -q hrtimer_interrupt /proc/timer_list; do sleep 0.1; done", PROMPT, 60)


def check_boot(m, cpus, deadline=True):
    """All processors work, and the kernel complains of none of the board's devices.  One without the APIC's deadline mode measures its timer
    by counting ticks, loses some on a busy host, and takes the PM timer's word, which it says."""
    check(m.command("nproc", PROMPT).strip() == str(cpus), "not all processors came up")
    log = m.command("dmesg", PROMPT, 60)
    clock = m.command("cat /sys/devices/system/clocksource/clocksource0/current_clocksource", PROMPT).strip()
    check(clock in ("tsc", "kvm-clock"), f"its clock is {clock!r}")
    complaints = re.findall(r".*(?:calibration (?:failed|is off|not consistent)|unstable|Unable to calibrate).*", log)
    complaints = [c for c in complaints if deadline or "not consistent with PM-Timer" not in c]
    check(not complaints, f"its counters' rates were not found: {complaints}")
    bad = [line for line in log.splitlines() if re.search(r"BUG:|WARNING:|firmware bug|irq \d+: nobody cared|rcu:.*stall", line, re.I)]
    check(not bad, f"the kernel complains: {bad}")


@case(limit=400)
def test_x86_debian_mmio(b):
    """microvm's virtio-mmio slots by ACPI: a disk and a card on one CPU, power off by ACPI"""
    m = boot(b, *devices(b, "device"))
    check_boot(m, 1)
    check_quiet(m)
    check("virtio-mmio" in m.command("ls /sys/bus/platform/drivers", PROMPT), "the slots have no driver")
    disk(m, "/dev/vda")
    network(m, b)
    power_off(m)


@case(limit=400)
def test_x86_debian_pci(b):
    """four CPUs, a disk and a card on PCI Express, whose interrupts are messages: each queue's arrive"""
    m = boot(b, "-smp", "4", *devices(b, "pci"), machine="microvm,pcie=on")
    check_boot(m, 4)
    check_quiet(m)
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
    check_quiet(m)
    disk(m, "/dev/vda")
    m.send("reboot -f\n")
    m.expect_exit(0, 60)


@case(quick=False, limit=800)
def test_x86_debian_load(b):
    """beside eight busy processes: the clocks are found, one CPU and four, disk and network work"""
    for _ in range(8):
        p = subprocess.Popen(["sh", "-c", "while :; do :; done"])   # pylint: disable=consider-using-with
        b.onexit.callback(p.wait)
        b.onexit.callback(p.kill)
    for cpus in (1, 4):
        m = boot(b, "-smp", str(cpus), *devices(b, "device"))
        check_boot(m, cpus)
        disk(m, "/dev/vda")
        network(m, b)
        power_off(m)


def wakes(c, m):
    """How often vCPUs left the code cache for what is outside; interrupts that they had, and those of their timers."""
    returns = int(re.search(r"returns to the loop +(\d+)", c.ask("human-monitor-command", command_line="info jit"))[1])
    rows = [re.match(r" *(\S+):((?: +\d+)*)", line) for line in m.command("cat /proc/interrupts", PROMPT).splitlines()[1:]]
    counts = {row[1]: sum(int(n) for n in row[2].split()) for row in rows}
    return returns, sum(counts.values()), counts["LOC"]


@case(limit=400)
def test_x86_debian_idle(b):
    """an idle guest's CPUs run for the guest's own interrupts alone: nothing else wakes them, and its timers are quiet"""
    for cpus in (1, 4):
        m = boot(b, "-smp", str(cpus), *devices(b, "device"), "-qmp", f"unix:{b.tmp / 'qmp'},server=on,wait=off")
        c = Client(str(b.tmp / "qmp"))
        m.command("until grep -q hrtimer_interrupt /proc/timer_list; do sleep 0.1; done; sleep 5", PROMPT, 60)
        before = wakes(c, m)
        m.command("sleep 10", PROMPT, 60)
        woken, had, timers = (after - first for after, first in zip(wakes(c, m), before))
        check(timers < 10 * 100 * cpus, f"{timers} interrupts of timers in 10 s: the guest ticks, 250 times a second")
        check(woken < 2 * had + 100, f"{woken} wakes for {had} interrupts")
        m.stop()


@case(limit=400)
def test_x86_debian_virtme(b):
    """virtme-ng's line for microvm, but for what is not built (NUMA, a shared folder): the console is virtio's, -machine is said twice"""
    k = pc_kernel()
    need_jit()
    text = b.tmp / "console"
    m = b.machine("-name", "virtme", "-m", "512M", "-object", "memory-backend-memfd,id=mem,size=512M,share=on", "-machine", "accel=kvm:tcg",
                  "-M", "microvm,accel=tcg,pcie=on,rtc=on,memory-backend=mem", "-arch", "x86_64", "-cpu", "max,topoext=on", "-parallel", "none",
                  "-net", "none", "-echr", "1", "-chardev", f"file,path={text},id=dmesg", "-device", "virtio-serial-device",
                  "-device", "virtconsole,chardev=dmesg", "-chardev", "stdio,id=console,signal=off,mux=on", "-serial", "chardev:console",
                  "-mon", "chardev=console", "-vga", "none", "-smp", "2", "-kernel", k.image, "-initrd", k.initrd, "-append",
                  "console=hvc0 earlyprintk=serial,ttyS0,115200 console=ttyS0 panic=-1", "-no-reboot", serial=False, board=(), cpu_memory=())
    m.expect(r"Lyrebird: user space reached", BOOT)
    m.expect(PROMPT)
    m.command("dmesg -n 1", PROMPT)
    check_boot(m, 2)
    m.command("echo to-the-console > /dev/hvc0", PROMPT)
    power_off(m)
    check("to-the-console" in text.read_text(), "nothing came through virtio's console")
    for more, why in (("-numa", "NUMA"), ("-device", "vhost-user-fs-device")):
        code, _, err = b.run("-arch", "x86_64", "-M", "microvm", "-kernel", k.image, more, "node,memdev=mem" if more == "-numa" else why)
        check(code == 1 and why in err, err)


@case(limit=400)
def test_x86_debian_i386(b):
    """the 32-bit kernel with PAE: two CPUs, a disk and a card on virtio-mmio, power off by ACPI"""
    m = boot(b, "-cpu", "kvm32", "-smp", "2", *devices(b, "device"), arch="i386")
    check_boot(m, 2, deadline=False)
    check("i686" in m.command("uname -m", PROMPT), "it is not a 32-bit kernel")
    disk(m, "/dev/vda")
    network(m, b)
    power_off(m)

# SPDX-License-Identifier: GPL-2.0-or-later
"""Firmware on `microvm` that asks fw_cfg for a kernel: qboot, and SeaBIOS with its ROM (Debian's qemu-system-data and seabios)."""
from pathlib import Path

from guests import pc_kernel
from harness import Skip, case, check, need_jit, not_on_peer
from test_linux import PROMPT, disk, network, power_off
from test_qmp import Client
from test_x86_debian import BOOT, devices
from test_x86_linux_boot import bzimage, start

QBOOT, SEABIOS, ROMS = "/usr/share/qemu/qboot.rom", "/usr/share/seabios/bios-microvm.bin", "/usr/share/qemu/linuxboot_dma.bin"


def need_files(*names):
    """Skip where a package is missing."""
    missing = [name for name in names if not Path(name).exists()]
    if missing:
        raise Skip(f"not installed: {', '.join(missing)}")


def boot(b, firmware, machine, *more):
    """Linux by its 16-bit entry, to the shell."""
    not_on_peer("where the peer cannot measure its clock in time it hangs")
    need_jit()
    k = pc_kernel()
    m = b.machine("-arch", "x86_64", "-M", machine, "-bios", firmware, "-kernel", k.image, "-initrd", k.initrd, "-append",
                  "console=ttyS0 panic=-1", "-no-reboot", *more, board=(), cpu_memory=("-m", "512M"))
    m.expect(r"Lyrebird: user space reached", BOOT)
    m.expect(PROMPT)
    m.command("dmesg -n 1", PROMPT)
    return m


@case(limit=400)
def test_x86_firmware_qboot(b):
    """qboot starts Linux, which finds the ACPI tables that it has placed: processors, disk, card, power off"""
    need_files(QBOOT)
    m = boot(b, QBOOT, "microvm,pcie=on", "-smp", "2", *devices(b, "device"))
    check(m.command("nproc", PROMPT).strip() == "2", "a processor is missing")
    log = m.command("dmesg", PROMPT, 60)
    for table in ("RSDP", "XSDT", "FACP", "DSDT", "APIC", "MCFG"):
        check(f"ACPI: {table} " in log, f"Linux has no {table}")
    check("checksum" not in log.replace("checksum verification disabled", ""), "a checksum is wrong")
    disk(m, "/dev/vda")
    network(m, b)
    power_off(m)


@case(limit=400)
def test_x86_firmware_no_acpi(b):
    """without ACPI: the slots are on the command line that qboot brings; after a reset it is as new"""
    need_files(QBOOT)
    path = str(b.tmp / "qmp")
    m = boot(b, QBOOT, "microvm,acpi=off", *devices(b, "device"), "-qmp", f"unix:{path},server=on,wait=off")
    c = Client(path)
    c.ask("set-action", reboot="reset")
    c.ask("system_reset")
    m.expect(r"Lyrebird: user space reached", BOOT)
    m.expect(PROMPT)
    check("virtio_mmio.device=" in m.command("cat /proc/cmdline", PROMPT), "the command line has no slots")
    disk(m, "/dev/vda")
    c.ask("set-action", reboot="shutdown")
    m.send("reboot -f\n")
    m.expect_exit(0, 60)


@case(limit=400)
def test_x86_firmware_seabios(b):
    """SeaBIOS runs the ROM that starts Linux"""
    need_files(SEABIOS, ROMS)
    m = boot(b, SEABIOS, "microvm,x-option-roms=on", "-L", str(Path(ROMS).parent))
    power_off(m)


@case()
def test_x86_firmware_refused(b):
    """what firmware could not do is refused"""
    not_on_peer("its messages are its own")
    image, elf, flat = bzimage(b), b.tmp / "elf", b.tmp / "flat"
    flat.write_bytes(bytes(0x10000))
    elf.write_bytes(b"\x7fELF" + bytes(4096))
    big = b.tmp / "big"
    big.write_bytes(bytes(80 << 20))
    for args, machine, text in ((("-bios", flat, "-kernel", elf), "microvm", "behind -bios a kernel is a bzImage"),
                                (("-bios", flat, "-kernel", image, "-initrd", big), "microvm", "does not fit in memory"),
                                (("-bios", flat, "-kernel", image, "-append", "x" * 70000), "microvm", "does not fit in low memory"),
                                (("-kernel", image), "microvm,x-option-roms=on", "give -bios and -kernel"),
                                (("-bios", flat), "microvm,x-option-roms=on", "give -bios and -kernel")):
        out = start(b, *args, machine=machine)
        check(text in out, f"{machine} {args[:4]}: {out!r}")
    folder = b.tmp / "firmware"
    folder.mkdir()
    (folder / "here.rom").write_bytes(bytes(0x10000))
    args = "-bios", "here.rom", "-kernel", image, "-initrd", big
    check("does not fit in memory" in start(b, *args, "-L", folder), "a bare name is not looked for in the directory of -L")
    check("-bios: " in start(b, *args) and "here.rom" in start(b, *args), "a file that is nowhere is not named")

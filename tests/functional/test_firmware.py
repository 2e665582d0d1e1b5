# SPDX-License-Identifier: GPL-2.0-or-later
"""Firmware: OpenSBI, and Debian's U-Boot as kernel, as firmware and from flash."""
import pathlib
import re

from guests import flash_image
from harness import case, check, is_peer, need_file

UBOOT = "/usr/lib/u-boot/{}/u-boot.bin"
PROMPT = r"\n=> $"


def to_prompt(m, limit=60):
    """Through U-Boot's autoboot to its prompt; a command works there."""
    m.expect(r"U-Boot \d{4}", limit)
    m.expect(r"Hit any key", limit)
    m.send("\n")
    m.expect(PROMPT, limit)
    m.send("echo answer $board_name; fdt addr ${fdtcontroladdr}; fdt print /cpus timebase-frequency\n")
    m.expect(r"answer qemu-riscv", limit)
    m.expect(r"timebase-frequency = <0x00989680>", limit)
    m.expect(PROMPT, limit)


def off(m):
    m.send("poweroff\n")
    m.expect_exit(0)


@case()
def test_opensbi(b):
    """OpenSBI is the default firmware and names the machine"""
    m = b.machine("-smp", "2")
    m.expect(r"OpenSBI v\d")
    m.expect(r"Platform Name +: riscv-virtio,(qemu|lyrebird)")
    m.expect(r"Platform HART Count +: 2")


@case()
def test_uboot_kernel(b):
    """U-Boot for S-mode as -kernel reaches its prompt"""
    m = b.machine("-kernel", need_file(UBOOT.format("qemu-riscv64_smode")))
    to_prompt(m)
    off(m)


@case()
def test_uboot_bios(b):
    """U-Boot for M-mode as -bios reaches its prompt"""
    to_prompt(b.machine("-bios", need_file(UBOOT.format("qemu-riscv64"))))


@case()
def test_uboot_pflash(b):
    """U-Boot for S-mode from the first flash bank reaches its prompt; the second bank can be written"""
    code = flash_image(b, "smode", pathlib.Path(need_file(UBOOT.format("qemu-riscv64_smode"))), 0x80200000)
    vars_ = b.tmp / "vars"
    with open(vars_, "wb") as f:
        f.write(b"\xff" * (32 << 20))
    old = is_peer() and re.search(r"version 7\.", b.run("-version")[1])
    if old:     # there the second bank is the one that OpenSBI enters
        m = b.machine("-drive", f"if=pflash,unit=1,format=raw,file={code},readonly=on")
    else:
        m = b.machine("-drive", f"if=pflash,unit=0,format=raw,file={code},readonly=on",
                      "-drive", f"if=pflash,unit=1,format=raw,file={vars_}")
    to_prompt(m)
    if not old:
        m.send("protect off all; erase 0x22000000 0x2203ffff; mw.l 0x81000000 0xcafe1234; "
               "cp.b 0x81000000 0x22000000 4; md.l 0x22000000 1\n")
        m.expect(r"22000000: cafe1234", 60)
        m.expect(PROMPT)
        off(m)
        check(vars_.read_bytes()[:4] == b"\x34\x12\xfe\xca", "the flash file does not have what the guest wrote")


@case()
def test_uboot_pflash_mmode(b):
    """M-mode code starts from the first flash bank under -bios none"""
    code = flash_image(b, "mmode", pathlib.Path(need_file(UBOOT.format("qemu-riscv64"))), 0x80000000)
    to_prompt(b.machine("-bios", "none", "-drive", f"if=pflash,unit=0,format=raw,file={code},readonly=on"))


@case()
def test_uboot_disk(b):
    """U-Boot sees a virtio disk and reads from it"""
    disk = b.tmp / "disk.img"
    disk.write_bytes(b"boot sector text".ljust(1 << 20, b"\0"))
    m = b.machine("-kernel", need_file(UBOOT.format("qemu-riscv64_smode")),
                  "-drive", f"file={disk},format=raw,if=none,id=d", "-device", "virtio-blk-device,drive=d")
    to_prompt(m)
    m.send("virtio scan; virtio read 0x81000000 0 1; md.b 0x81000000 10\n")
    m.expect(r"boot sector text", 30)
    m.expect(PROMPT)
    off(m)

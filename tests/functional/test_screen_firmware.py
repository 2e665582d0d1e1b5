# SPDX-License-Identifier: GPL-2.0-or-later
"""Screens of firmware: Debian's EDK2 and U-Boot for riscv64 with their own drivers of ramfb, virtio-gpu, bochs-display and VGA."""
import os
import shutil

from guestlib import apt
from guestlib.base import cache_dir
from guestlib.guest import ARCH
from guestlib.kernel import unpack
from harness import Skip, case, check, until
from test_monitor import Monitor
from test_screen import read_ppm

EDK2, UBOOT = "usr/share/qemu-efi-riscv64/RISCV_VIRT_{}.fd", "usr/lib/u-boot/qemu-riscv64_smode/u-boot.bin"
YELLOW, LIT = bytes.fromhex("ffff00"), 0x80
TEXT = 800, 600         # of EDK2: letters of 8 by 19, in the middle of the screen


def firmware(b, package):
    """A folder with what is in the package; it comes from the first suite whose firmware has drivers of screens."""
    if os.environ.get("LYREBIRD_NO_FETCH"):
        raise Skip("LYREBIRD_NO_FETCH forbids to fetch the firmware")
    try:
        debs = apt.open_suite(cache_dir(), ARCH, ["trixie", "sid"]).fetch_single([package])
    except apt.NoSuite as e:
        raise Skip(str(e).replace("\n", " ")) from e
    folder = b.tmp / package
    unpack(debs, folder)
    return folder


class Shown:
    """A machine with a device, and what that shows."""

    def __init__(self, b, device, *args):
        self.file, sock = b.tmp / "picture.ppm", b.tmp / f"mon-{device}"
        self.m = b.machine(*args, "-device", device, "-monitor", f"unix:{sock},server=on,wait=off")
        self.mon = Monitor(self.m, sock)

    def shot(self):
        check("Error" not in self.mon.ask(f"screendump {self.file}"), "screendump")
        return read_ppm(self.file)

    def text(self):
        """The rows of what is in the middle: six letters of each, behind which a cursor blinks."""
        width, height, pixels = self.shot()
        if width < TEXT[0] or height < TEXT[1]:
            return None
        left, top = (width - TEXT[0]) // 2, (height - TEXT[1]) // 2
        return [pixels[3 * (y * width + left):][:3 * 6 * 8] for y in range(top, top + TEXT[1])]


@case(quick=False, limit=300)
def test_screen_edk2(b):
    """EDK2's shell on ramfb, virtio-gpu and bochs-display, each by its own driver of EDK2's: the same letters"""
    folder, texts = firmware(b, "qemu-efi-riscv64"), []
    for device in ("ramfb", "virtio-gpu-pci", "bochs-display"):
        files = [b.tmp / f"{device}-{part}" for part in ("CODE", "VARS")]
        for part, file in zip(("CODE", "VARS"), files):
            shutil.copyfile(folder / EDK2.format(part), file)
        s = Shown(b, device, "-M", "virt,pflash0=c,pflash1=v",
                  *(word for name, file in zip("cv", files) for word in ("-blockdev", f"driver=file,node-name={name},filename={file}")))
        s.m.expect("Shell> ", 90)
        until("the prompt on the screen", lambda: any(YELLOW in row for row in s.text() or ()), 30)     # pylint: disable=cell-var-from-loop
        texts.append(s.text())
        s.m.stop()
    check(any(any(row) for row in texts[0]) and texts[0] == texts[1] == texts[2], "other letters on another device")


def lit(pixels):
    """How many pixels are lit."""
    return sum(p > LIT for p in pixels[1::3])


@case(quick=False, limit=300)
def test_screen_uboot(b):
    """U-Boot's console on bochs-display and on a VGA: the same letters; a line that is typed comes to it"""
    kernel, pictures = firmware(b, "u-boot-qemu") / UBOOT, []
    for device in ("bochs-display", "VGA"):
        s = Shown(b, device, "-kernel", kernel)
        s.m.expect("Hit any key", 60)
        s.m.send("\n")
        s.m.expect(r"\n=> $", 60)
        s.m.send("cls\n")
        s.m.expect(r"=> $", 30)
        s.m.send("echo letters\n")
        s.m.expect(r"\nletters\r*\n=> $", 30)
        until("letters on the screen", lambda: lit(s.shot()[2]) > 200, 30)      # pylint: disable=cell-var-from-loop
        pictures.append(s)
    until("the same picture of both", lambda: pictures[0].shot() == pictures[1].shot(), 30)
    s.m.send("echo\n")
    until("another picture", lambda: pictures[0].shot() != pictures[1].shot(), 30)

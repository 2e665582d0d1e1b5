# SPDX-License-Identifier: GPL-2.0-or-later
"""Linux's boot protocol, and the board `microvm`."""
import subprocess

from harness import TOP, accelerators, case, check, need, not_on_peer, until
from test_qmp import Client

SOURCE = TOP / "tests" / "functional" / "x86" / "bzimage.S"


def bzimage(b):
    """A file that says how it was started."""
    image, objects = b.tmp / "bzimage", b.tmp / "bzimage.o"
    subprocess.run([need("gcc"), "-c", "-o", objects, SOURCE], check=True)
    subprocess.run([need("objcopy"), "-O", "binary", "-j", ".text", objects, image], check=True)
    return image


def start(b, *args, arch="x86_64", machine="microvm"):
    """What it prints."""
    _, out, err = b.run("-arch", arch, "-M", machine, "-m", "64M", "-display", "none", "-serial", "stdio", "-monitor", "none",
                        "-device", "isa-debug-exit", "-no-reboot", *args)
    return out.replace("\r", "") + err


def told(width, line):
    """Selectors, two pieces of RAM of which the second is 63 MiB, a ramdisk of four bytes."""
    return f"{width} 00000010 00000018 00000018 00000002 03f00000 00000004 64636261 {line}\n"


@case()
def test_x86_bzimage(b):
    """a bzImage starts in 64-bit mode, or in 32-bit mode where the processor has no other, and finds its zero page"""
    not_on_peer("it runs the 16-bit code by firmware")
    image, ramdisk = bzimage(b), b.tmp / "ramdisk"
    ramdisk.write_bytes(b"abcd")
    common = ["-kernel", image, "-initrd", ramdisk, "-append", "one two"]
    for accel in accelerators():
        for machine in ("bare", "microvm"):
            out = start(b, *common, "-accel", accel, machine=machine)
            check(out == told(64, "one two"), f"{machine}, {accel}: {out!r}")
        out = start(b, *common, "-accel", accel, machine="microvm,pcie=on")
        check(out == told(64, "one two").replace("00000002", "00000003"), f"the configuration space is not reserved: {out!r}")
        for args in ({"arch": "i386"}, {}):
            out = start(b, *common, "-accel", accel, "-cpu", "pentium3", **args)
            check(out == told(32, "one two"), f"pentium3, {args}: {out!r}")


@case()
def test_x86_microvm_command_line(b):
    """without ACPI the virtio slots that are in use are named on the command line, unless it is told not to"""
    not_on_peer("it names the slots only for its own firmware")
    image, ramdisk = bzimage(b), b.tmp / "ramdisk"
    ramdisk.write_bytes(b"abcd")
    common = ["-kernel", image, "-initrd", ramdisk, "-append", "x", "-device", "virtio-rng-device"]
    out = start(b, *common, machine="microvm,acpi=off")
    check(out == told(64, "x virtio_mmio.device=512@0xfeb00e00:13"), repr(out))
    for machine in ("microvm", "microvm,acpi=off,auto-kernel-cmdline=off"):
        out = start(b, *common, machine=machine)
        check(out == told(64, "x"), f"{machine}: {out!r}")


@case()
def test_x86_bzimage_refused(b):
    """a bzImage that cannot be is refused with the reason"""
    not_on_peer("texts are ours")
    image = bzimage(b).read_bytes()
    def text(contents, *args):
        file = b.tmp / "broken"
        file.write_bytes(contents)
        code, _, err = b.run("-arch", "x86_64", "-M", "microvm", "-display", "none", "-kernel", file, *args)
        check(code == 1, f"exit code {code}: {err}")
        return err
    for why, contents in (("neither", image[:0x202] + b"XXXX" + image[0x206:]), ("zImage", image[:0x211] + b"\0" + image[0x212:]),
                          ("before the kernel begins", image[:0x400]), ("2.6.20", image[:0x206] + b"\5\2" + image[0x208:])):
        err = text(contents)
        check(why.replace("neither", "it is no multiboot kernel") in err, err)
    check("needs 18 MiB of memory" in text(image, "-m", "8M"), "too little memory")
    check("at most 2047 bytes" in text(image, "-append", "x" * 2048), "a long command line")


@case()
def test_x86_pvpanic(b):
    """a guest that says that it has panicked ends the program with the status that -action asks for, and managers hear of it"""
    not_on_peer("it runs the 16-bit code by firmware")
    image, ramdisk = bzimage(b), b.tmp / "ramdisk"
    ramdisk.write_bytes(b"abcd")
    common = ["-arch", "x86_64", "-M", "microvm", "-m", "64M", "-display", "none", "-monitor", "none", "-device", "pvpanic",
              "-kernel", image, "-initrd", ramdisk, "-append", "!"]
    for action, status in (("shutdown", 0), ("exit-failure", 1)):
        code, _, err = b.run(*common, "-serial", "null", "-action", f"panic={action}")
        check(code == status, f"{action}: exit code {code}: {err}")
    path = str(b.tmp / "qmp")
    b.machine(*common, "-serial", "null", "-action", "panic=pause", "-S", "-qmp", f"unix:{path},server=on,wait=off",
              serial=False, board=(), cpu_memory=())
    c = Client(path)
    c.ask("cont")
    until("the panic", lambda: c.ask("query-status")["status"] == "guest-panicked")
    check(("GUEST_PANICKED", {"action": "pause"}) in c.events and c.events[-1] == ("STOP", None), f"the events are {c.events}")

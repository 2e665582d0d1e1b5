# SPDX-License-Identifier: GPL-2.0-or-later
"""Screens and keys: Debian's console on each display device, typing that reaches it."""
import functools
import os
import pathlib
import re
import select
import tempfile

from guestlib import initramfs
from guests import bare_program, debian_kernel
from harness import accelerators, case, check, not_on_peer, seconds, until
from test_monitor import Monitor
from test_qmp import Client
from test_x86 import build

PROMPT = r"initramfs# "
DRIVERS = ["bochs", "virtio_gpu", "virtio_input", "evdev"]
EVENTS = r"(?:[0-9a-f]{4} ){8}([0-9a-f]{4}) ([0-9a-f]{4}) ([0-9a-f]{4}) ([0-9a-f]{4})"
RED, BLUE = b"\xaa\0\0", b"\0\0\xaa"    # of Linux' console


def screen_initrd(b):
    """Our initramfs, and one behind it with the drivers of screens and keys."""
    kernel, path = debian_kernel(), b.tmp / "initrd"
    tree, cpio = kernel.modules(), initramfs.Cpio()
    order = tree.index.load_order(DRIVERS)
    with tempfile.TemporaryDirectory() as tmp:
        base = tree.install(DRIVERS, pathlib.Path(tmp))
        for m in order:
            cpio.file(f"screen/{tree.place(m)}", (base / tree.place(m)).read_bytes())
    cpio.file("screen/order", "".join(f"/screen/{tree.place(m)}\n" for m in order))
    path.write_bytes(kernel.initrd.read_bytes() + cpio.finish())
    return path


def read_ppm(path):
    """Width, height and the pixels' bytes."""
    magic, size, _, pixels = path.read_bytes().split(b"\n", 3)
    check(magic == b"P6", "no PPM")
    width, height = map(int, size.split())
    return width, height, pixels


class Screen:
    """A guest with a shell on its screen, a serial line and a monitor."""

    def __init__(self, b, *more):
        kernel, sock = debian_kernel(), b.tmp / "mon"
        self.picture = b.tmp / "picture.ppm"
        self.m = b.machine("-bios", kernel.firmware, "-kernel", kernel.image, "-initrd", screen_initrd(b), "-append",
                           "console=ttyS0", "-monitor", f"unix:{sock},server=on,wait=off", *more)
        self.m.expect(PROMPT, 120)
        self.m.command("dmesg -n 1", PROMPT)
        self.m.command("for m in $(cat /screen/order); do insmod $m; done", PROMPT, 60)
        self.m.command("(setsid sh </dev/tty1 >/dev/tty1 2>&1 &)", PROMPT)
        self.mon = Monitor(self.m, sock)

    def shot(self):
        """Width, height and the pixels' bytes of what the screen shows."""
        answer = self.mon.ask(f"screendump {self.picture}")
        check("Error" not in answer, answer)
        return read_ppm(self.picture)

    def paint(self, number):
        """Fill the screen with a colour of the console's."""
        self.m.command(f"printf '\\033[4{number}m\\033[2J\\033[H' >/dev/tty1", PROMPT)

    def shows(self, colour, size=(1280, 800)):
        """Is all of it of that colour, but for the first line, where the cursor is?"""
        width, height, pixels = self.shot()
        below = pixels[width * 3 * 32:]
        return (width, height) == size and below == colour * (len(below) // 3)

    def listen(self, name, count):
        """Have the guest print so many events of the device of that name."""
        self.m.command(f"e=$(for e in /sys/class/input/event*; do grep -q {name} $e/device/name && echo ${{e##*/}}; done)", PROMPT)
        self.m.send(f'exec 3</dev/input/$e; echo "op"en; dd bs=24 count={count} <&3 2>/dev/null | od -An -v -w24 -tx2; echo "do"ne\n')
        self.m.expect("open")

    def heard(self):
        """(type, code, value) of each."""
        text = self.m.expect(r"((?:.|\n)*?)done", 60).group(1)
        self.m.expect(PROMPT)
        return [(int(t, 16), int(c, 16), int(h + l, 16)) for t, c, l, h in re.findall(EVENTS, text)]

    def keys(self, names):
        for name in names.split():
            check("Error" not in self.mon.ask(f"sendkey {name} 20"), f"sendkey {name}")


def points(x, y, width, height):
    """The events of a tablet that points there, on a screen of that size."""
    return [(3, axis, (at * 32767 + (most - 1) // 2) // (most - 1)) for axis, at, most in ((0, x, width), (1, y, height))] + [(0, 0, 0)]


def typed(s):
    """A line that is typed on the keyboard arrives in the shell of the screen, which answers on the serial line."""
    s.keys("e c h o spc shift-k e y s spc shift-dot slash d e v slash t t y shift-s 0 ret")
    s.m.expect(r"Keys\r?\n", 60)


def whole_screen(b, device, *keyboard, says=None):
    """says: a line of the kernel about it."""
    s = Screen(b, "-device", device, *keyboard)
    if says:
        log = s.m.command("dmesg | grep drm", PROMPT)
        check(re.search(says, log), log)
    # Painted again: the shell of the screen begins when it likes, and says so there.
    until("a red screen", lambda: s.paint(1) or s.shows(RED), 60)
    s.paint(4)
    until("a blue screen", lambda: s.shows(BLUE), 60)
    typed(s)
    s.m.send("poweroff -f\n")
    s.m.expect_exit(0, 30)


@case(limit=240)
def test_screen_virtio_gpu(b):
    """Debian's console on virtio-gpu: its colours in screendump, and sendkey reaches its shell"""
    whole_screen(b, "virtio-gpu-pci", "-device", "virtio-keyboard-pci")


@case(limit=240)
def test_screen_blob(b):
    """the same where the kernel's pictures are its own memory, and nothing is transferred"""
    not_on_peer("Debian's, of x86 hosts, takes blobs with a memory backend alone")
    whole_screen(b, "virtio-gpu-pci,blob=on", "-device", "virtio-keyboard-pci", says=r"\+resource_blob")


@case(limit=240)
def test_screen_bochs(b):
    """the same on bochs-display, with a keyboard on virtio-mmio"""
    whole_screen(b, "bochs-display", "-device", "virtio-keyboard-device", "-global", "virtio-mmio.force-legacy=off")


@case(limit=240)
def test_screen_vga(b):
    """the same on a standard VGA"""
    whole_screen(b, "VGA", "-device", "virtio-keyboard-pci")


@case()
def test_screen_ramfb(b):
    """a guest tells of its screen by fw_cfg, and what it draws there is shown pixel by pixel"""
    sock, picture = b.tmp / "mon", b.tmp / "picture.ppm"
    m = b.machine("-bios", "none", "-kernel", bare_program(b, "ramfb"), "-device", "ramfb", "-monitor",
                  f"unix:{sock},server=on,wait=off")
    mon = Monitor(m, sock)
    m.expect("shown")
    for added in range(3):
        mon.ask(f"screendump {picture}")
        want = b"".join((n * 0x010203 + added & 0xffffff).to_bytes(3, "big") for n in range(64 * 48))
        check(read_ppm(picture) == (64, 48, want), f"another picture after {added} changes")
        m.send("x")
        m.expect("again")


def vga_colours():
    """The colour table that the payload sets, 8 bits a part."""
    return [bytes(v << 2 | v >> 4 for v in (n & 63, n >> 2, n >> 6)) for n in range(256)]


def vga_text(x, y):
    """The colour of a dot of the payload's text."""
    cell, row = y // 16 * 80 + x // 8, y % 16
    code, attribute = cell & 255, cell // 80 * 7 & 255
    glyph = (code ^ 17 * row) & 255
    return attribute & 15 if glyph >> (7 - x % 8) & 1 else attribute >> 4


VGA_STEPS = (("256 colours", 640, 400, lambda x, y: (x // 2 ^ y // 2) & 255),
             ("planes", 640, 400, lambda x, y: 3 * (x // 2) + y // 2 & 255),
             ("text", 640, 400, vga_text))


@functools.cache
def vga_picture(width, height, dot):
    """The bytes of a step's picture."""
    colours = vga_colours()
    return b"".join(colours[dot(x, y)] for y in range(height) for x in range(width))


def vga_card(b, board, accel):
    """Run the payload on a board, compare each of its pictures."""
    picture = b.tmp / "vga.ppm"
    sock = b.tmp / f"mon-{board[-1]}-{accel}"
    m = b.machine("-kernel", build(b, "vga"), "-monitor", f"unix:{sock},server=on,wait=off", "-no-reboot", "-accel", accel,
                  "-device", "isa-debug-exit,iobase=0x501", board=("-arch", "x86_64", *board), cpu_memory=("-m", "64M"))
    mon = Monitor(m, sock)
    for name, width, height, dot in VGA_STEPS:
        m.expect(name)
        mon.ask(f"screendump {picture}")
        check(read_ppm(picture) == (width, height, vga_picture(width, height, dot)), f"{accel}: another picture of {name}")
        m.send("x")
    m.expect("linear")
    mon.ask(f"screendump {picture}")
    want = b"".join((n * 0x010203 & 0xffffff).to_bytes(3, "big") for n in range(64 * 48))
    check(read_ppm(picture) == (64, 48, want), f"{accel}: another picture of the linear mode")
    m.send("x")
    m.expect_exit(1)


@case()
def test_screen_vga_by_ports(b):
    """a VGA by a PC's ports and window, on the ISA bus and on PCI: 256 colours, planes, text, a linear mode"""
    not_on_peer("it has no such board")
    for accel in accelerators():
        vga_card(b, ("-M", "bare", "-device", "isa-vga"), accel)
        vga_card(b, ("-M", "microvm,pcie=on", "-device", "VGA"), accel)


@case()
def test_screen_dump_waits(b):
    """a picture that nobody takes holds up who has asked for it, and nobody else; its reply comes when it is written, in order"""
    not_on_peer("its machine waits")
    path, file, fifo = str(b.tmp / "qmp"), b.tmp / "picture.ppm", b.tmp / "pipe"
    m = b.machine("-bios", "none", "-kernel", bare_program(b, "drawing"), "-device", "bochs-display,addr=1", "-qmp",
                  f"unix:{path},server=on,wait=off")
    m.expect("shown")
    waits, other = Client(path), Client(path)
    os.mkfifo(fifo)
    pipe = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)   # there is somebody to read

    def begins(name):
        waits.send(f'{{"execute": "screendump", "arguments": {{"filename": "{fifo}"}}, "id": {name}}}')
        check(select.select([pipe], [], [], seconds(20))[0], "nothing is written")

    def ends():
        os.set_blocking(pipe, True)
        data = bytearray()
        while more := os.read(pipe, 1 << 16):
            data += more
        os.set_blocking(pipe, False)
        check(data == file.read_bytes(), "the pictures differ")

    begins(1)                           # of 3 MB, which a pipe does not take
    waits.send('{"execute": "query-name", "id": 2}')
    check(other.ask("query-status")["running"], "the machine stands")
    check(other.ask("screendump", filename=str(file)) == {}, "a second picture fails")
    ends()
    check([waits.reply().get("id") for _ in range(2)] == [1, 2], "the replies come in another order")
    begins(3)                           # and who goes before leaves nothing behind
    waits.file.close()
    waits.sock.close()
    check(other.ask("query-status")["running"], "the machine stands")
    ends()

    def leaves():
        """Another client asks for it and goes; is there still room for a picture?"""
        one = Client(path)
        one.send(f'{{"execute": "screendump", "arguments": {{"filename": "{fifo}"}}}}')
        one.file.close()
        one.sock.close()
        other.send(f'{{"execute": "screendump", "arguments": {{"filename": "{file}"}}}}')
        return other.reply()
    answers = [leaves() for _ in range(40)]
    check("return" in answers[0] and "try again later" in answers[-1]["error"]["desc"], f"{answers[0]}, {answers[-1]}")
    check(file.stat().st_size >= 3 * 1280 * 800, "what is refused has emptied a file")
    os.set_blocking(pipe, True)
    while os.read(pipe, 1 << 16):       # all of them write, and end
        pass
    os.set_blocking(pipe, False)
    until("room", lambda: other.ask("screendump", filename=str(file)) == {}, 20)
    waits = Client(path)
    begins(4)                           # nobody takes this one: the machine ends all the same
    other.ask("quit")
    m.expect_exit(0)
    os.close(pipe)

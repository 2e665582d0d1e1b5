# SPDX-License-Identifier: GPL-2.0-or-later
"""Disks and flash: what the guest was told is written is there, whatever happens to the host or the process."""
import re
import signal
import struct
import subprocess
import time

from guests import CC
from harness import TOP, Skip, case, check, need, seconds, until
from test_monitor import Monitor

BLOCK, SLOTS, FLASH_STEP, FLASH_WORDS = 16384, 256, 4096, 8192
SERIAL = "-global", "virtio-mmio.force-legacy=false"


def program(b, **defines):
    """bare/store.c: it writes, and says what was acknowledged."""
    elf = b.tmp / ("store-" + "-".join(f"{k}{v}" for k, v in defines.items()) + ".elf")
    subprocess.run([need(CC), "-nostdlib", "-static", "-O2", "-ffreestanding", "-fno-pic", "-mcmodel=medany",
                    "-march=rv64imac_zicsr_zifencei", "-mabi=lp64", "-fno-stack-protector",
                    "-Wl,-Ttext=0x80000000,--build-id=none,-no-pie,--section-start=.text.first=0x80000000",
                    *(f"-D{k}={v}" for k, v in defines.items()), "-o", elf,
                    TOP / "tests/functional/bare/store.c"], check=True)
    return elf


def sparse(path, size):
    with open(path, "wb") as f:
        f.truncate(size)
    return path


def small_disk(b, size):
    """A host file system with room for `size`, or Skip; room(size) changes it."""
    place = b.tmp / "small"
    place.mkdir()
    p = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", place],
                       stderr=subprocess.PIPE, text=True, check=False)
    if p.returncode:
        raise Skip(f"no small file system can be mounted here: {p.stderr.strip()}")
    b.onexit.callback(subprocess.run, ["umount", "-l", place], check=False)

    def room(size):
        # Smaller than what a process has that ended just now is refused until the kernel has closed its io_uring.
        until(f"room for {size}", lambda: subprocess.run(["mount", "-o", f"remount,size={size}", place], check=False,
                                                         stderr=subprocess.DEVNULL).returncode == 0)
    return place, room


def acknowledged(text, what):
    """Numbers of the whole lines "WHAT N"."""
    return [int(n) for n in re.findall(rf"^{what} (\d+)\r?\n", text, re.M)]


def check_disk(path, numbers):
    """Each number is in its slot, or a later one that took its place."""
    with open(path, "rb") as f:
        for n in numbers:
            f.seek(n % SLOTS * BLOCK)
            words = set(struct.unpack(f"<{BLOCK // 8}Q", f.read(BLOCK)))
            check(all(w >= n and (w - n) % SLOTS == 0 for w in words),
                  f"block {n} was acknowledged, and the disk has {sorted(words)[:4]} there")


def check_flash(path, numbers):
    with open(path, "rb") as f:
        for n in numbers:
            f.seek(n % FLASH_WORDS * FLASH_STEP)
            word = struct.unpack("<I", f.read(4))[0]
            check(word >= n and (word - n) % FLASH_WORDS == 0,
                  f"word {n} of the flash was acknowledged, and the image has {word} there")


def run(b, elf, drive, *more):
    return b.machine("-bios", "none", "-kernel", elf, *SERIAL, "-serial", "stdio", "-drive", f"{drive},format=raw,if=none,id=d0",
                     "-device", "virtio-blk-device,drive=d0", *more, serial=False, cpu_memory=("-m", "64M"))


def start(b, elf, drive, *more):
    """The machine and its monitor, of a program that does not end by itself."""
    mon = b.tmp / f"mon{time.monotonic_ns()}"
    m = run(b, elf, drive, "-monitor", f"unix:{mon},server=on,wait=off", *more)
    return m, Monitor(m, mon)


def wait_for_pause(mon, limit=20):
    end = time.monotonic() + seconds(limit)
    while "running" in (text := mon.ask("info status")):
        check(time.monotonic() < end, "the machine does not pause")
    check("paused (io-error)" in text, f"info status answers {text!r}")


def messages(b):
    return re.findall(r"[\w.-]+: drive 'd0': writing .* failed: No space left on device; the machine is paused, nothing is lost.*",
                      b.log_path.read_text(errors="replace"))


def everything(m, count):
    """Read the console to the end of the program; all was acknowledged and nothing else was said."""
    m.expect(rf"f {count}\r?\n", refuse=r"(?m)^e |failed|WARNING")
    m.expect_exit(0)


@case()
def test_disk_full(b):
    """a full host disk pauses the machine, cont goes on after room was made, nothing is lost"""
    place, room = small_disk(b, "1m")
    elf = program(b, COUNT=128)
    for round_, option in enumerate(("", ",aio=threads", ",cache=writethrough")):
        room("1m")
        disk = sparse(place / "disk", 8 << 20)
        m, mon = start(b, elf, f"file={disk}{option}")
        wait_for_pause(mon)
        check("nospace" in mon.ask("info block"), "info block says nothing of it")
        check(len(messages(b)) == 1 + 2 * round_, f"{messages(b)} on standard error")
        mon.ask("cont")         # still full
        wait_for_pause(mon)
        mon.ask("stop")
        room("16m")
        mon.ask("cont")
        everything(m, 128)
        check_disk(disk, range(1, 129))
        disk.unlink()


@case()
def test_disk_full_snapshot(b):
    """the same for snapshot=on, whose temporary file meets the full disk; the image is unchanged"""
    place, room = small_disk(b, "1m")
    disk = sparse(b.tmp / "disk", 8 << 20)
    b.environment = {"TMPDIR": str(place)}
    m, mon = start(b, program(b, COUNT=128), f"file={disk},snapshot=on")
    wait_for_pause(mon)
    check(len(messages(b)) == 1, f"{messages(b)} on standard error")
    room("16m")
    mon.ask("cont")
    everything(m, 128)
    check(not any(disk.read_bytes()), "the image was written")


@case()
def test_disk_full_report(b):
    """werror=report tells the guest, the device's word counts more than the drive's; a reset drops what waits"""
    place, _ = small_disk(b, "1m")
    elf = program(b, COUNT=128)
    m = run(b, elf, f"file={sparse(place / 'disk', 8 << 20)},werror=report", "-monitor", "none")
    m.expect(r"e w \d+ 1\r?\n")
    m.expect_exit(0)
    m, mon = start(b, elf, f"file={sparse(place / 'disk', 8 << 20)},werror=report", "-global", "virtio-blk-device.werror=stop")
    wait_for_pause(mon)
    mon.ask("system_reset")
    check("prelaunch" in mon.ask("info status"), "reset leaves the error")
    mon.line.send("quit\n")
    m.expect_exit(0)


@case()
def test_disk_kill(b):
    """SIGKILL at any time: what was acknowledged is in the image and the flash"""
    elf = program(b, FLASH=1)
    disk, flash = sparse(b.tmp / "disk", 8 << 20), sparse(b.tmp / "flash", 32 << 20)
    kill_cycles(b, elf, disk, flash, 8)


def kill_cycles(b, elf, disk, flash, count):
    for i in range(count):
        option = ("", ",aio=threads", ",cache=writethrough")[i % 3]
        m, _ = start(b, elf, f"file={disk}{option}", "-drive", f"file={flash},if=pflash,unit=1,format=raw")
        said = m.expect(rf"(?:.|\n)*?f {4 * (3 + 7 * i % 40)}\r?\n").group(0)
        m.proc.send_signal(signal.SIGKILL)
        m.proc.wait()
        m.console.drain(20)
        said += m.console.pending
        check(not re.search(r"^e ", said, re.M), f"an error: {said[-200:]!r}")
        written = acknowledged(said, "w")
        check_disk(disk, written[-SLOTS:])
        check_flash(flash, acknowledged(said, "p"))
        sparse(disk, 8 << 20)
        sparse(flash, 32 << 20)

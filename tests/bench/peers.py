# SPDX-License-Identifier: GPL-2.0-or-later
"""The emulators that are compared, and what is measured of one run from outside."""
import os
import pathlib
import re
import resource
import select
import subprocess
import time

TICK = 1 / os.sysconf("SC_CLK_TCK")
PAGE_KIB = resource.getpagesize() // 1024


class BenchError(Exception):
    """The bench cannot go on; the text says why and what to do."""


class Emulator:
    """A program with QEMU's command line; board: the options that name the machine."""

    def __init__(self, name, path, board=("-M", "virt"), memory="512M"):
        self.name, self.path, self.board, self.memory = name, str(path), list(board), memory
        self.version = self._ask_version()

    def _ask_version(self):
        try:
            p = subprocess.run([self.path, "-version"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               stdin=subprocess.DEVNULL, text=True, timeout=20, check=False)
        except (OSError, subprocess.TimeoutExpired) as e:
            raise BenchError(f"cannot run {self.path}: {e}\n  do:  name another with --ours or --peer") from e
        m = re.search(r"version (\S+)", p.stdout)
        return m.group(1) if m else "?"

    def command(self, *args):
        return [self.path, *self.board, "-m", self.memory, "-display", "none", "-serial", "stdio",
                "-monitor", "none", "-no-reboot", *[str(a) for a in args]]


def cpu_seconds(pid):
    """User and system time of a process so far, all its threads, from the scheduler's clock."""
    total = 0
    try:
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            total += int((task / "schedstat").read_text(encoding="ascii").split()[0])
        return total / 1e9
    except (OSError, ValueError, IndexError):
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * TICK


def peak_rss_kib(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(re.search(r"VmHWM:\s+(\d+)", text).group(1))


class Run:
    """One run of an emulator whose guest speaks on the serial line."""

    def __init__(self, emulator, *args, limit=300):
        self.start = time.monotonic()
        self.end = self.start + limit
        self.proc = subprocess.Popen(emulator.command(*args), stdin=subprocess.DEVNULL,
                                     stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.text, self.name = "", emulator.name

    def lines(self):
        """(host time, host CPU time, line) of each complete line as it comes."""
        fd, rest = self.proc.stdout.fileno(), b""
        while True:
            left = self.end - time.monotonic()
            if left <= 0:
                self.kill()
                raise BenchError(f"{self.name}: the guest did not end in time; it said:\n{self.tail()}")
            if not select.select([fd], [], [], left)[0]:
                continue
            data = os.read(fd, 65536)
            if not data:
                return
            when, cpu = time.monotonic(), self._cpu()
            *whole, rest = (rest + data).split(b"\n")
            for raw in whole:
                line = raw.decode("utf-8", "replace").rstrip("\r")
                self.text += line + "\n"
                yield when, cpu, line

    def _cpu(self):
        try:
            return cpu_seconds(self.proc.pid)
        except OSError:
            return 0.0

    def tail(self):
        return "\n".join(self.text.splitlines()[-15:])

    def finish(self):
        """Wait for the end: (exit code, CPU seconds in all)."""
        _, status, usage = os.wait4(self.proc.pid, 0)
        self.proc.returncode = os.waitstatus_to_exitcode(status)
        self.proc.stdout.close()
        return self.proc.returncode, usage.ru_utime + usage.ru_stime

    def kill(self):
        self.proc.kill()
        self.proc.wait()

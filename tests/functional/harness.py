# SPDX-License-Identifier: GPL-2.0-or-later
"""Drives an emulator with a serial console: start, expect, send, wait, log.

A case is a function marked with @case; it gets a Bench and raises Skip (with the
reason) or Failure, or simply returns.  Every wait has a time limit, which is longer
on a busy host and with LYREBIRD_TIME_FACTOR (sanitizer builds); everything that a guest
says is kept in a log beside the build, and its end is shown when the case fails.
"""
import contextlib
import os
import pathlib
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "scripts"))
EMULATOR = os.environ.get("LYREBIRD") or str(TOP / "build" / "lyrebird")
FACTOR = float(os.environ.get("LYREBIRD_TIME_FACTOR", "1"))
CASES = []

# What a guest says when it will get no further.  (A lockup that Linux reports may be the host's load.)
FATAL = (r"Kernel panic[^\n]*|Oops \[#[^\n]*|BUG: (?!soft lockup|workqueue lockup)[^\n]*|Unable to mount root[^\n]*"
         r"|init: FAILED: [^\n]*|You are in emergency mode|Give root password for maintenance|Freezing execution"
         r"|sbi_trap_error|init_coldboot: [^\n]*failed|### ERROR ###[^\n]*|Unhandled exception: [^\n]*")
# Prompts: a guest that shows one waits for its user, so nothing else will come by itself.
PROMPTS = {
    "a login prompt": r"[\w-]+ login: $",
    "a password prompt": r"Password: $",
    "a shell as root": r"root@[\w-]+:[^\n]*# $",
    "the shell of the initramfs": r"initramfs# $",
    "the rescue shell of the initramfs": r"rescue# $",
    "busybox's emergency shell": r"\(initramfs\) $",
    "a bare shell": r"(?:~|/|sh-[\d.]+|bash-[\d.]+)? ?# $",
    "U-Boot's prompt": r"=> $",
}
SETTLED = 2     # seconds of silence after which a prompt is the guest's last word
AFTERWORDS = 1  # seconds that a guest has to explain a failure, for the log


class Skip(Exception):
    """The case cannot run here; the text says why."""


class Failure(Exception):
    """The case failed; the text says how."""


def case(quick=True, limit=60):
    """Mark a function as a test case; `quick` ones run in the short set."""
    def mark(f):
        f.quick, f.limit = quick, limit
        CASES.append(f)
        return f
    return mark


def seconds(limit):
    """A time limit on this host: stretched by LYREBIRD_TIME_FACTOR, and by what else wants its processors."""
    return limit * FACTOR * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def need(program):
    """The path of a host program, or Skip."""
    path = shutil.which(program)
    if not path:
        raise Skip(f"{program} is not installed (scripts/setup installs it)")
    return path


def need_file(path):
    """The path of a host file, or Skip."""
    if not os.path.exists(path):
        raise Skip(f"{path} is missing (scripts/setup installs it)")
    return str(path)


def is_peer():
    """True if the program under test is QEMU, the stand-in that cases are checked against."""
    if not shutil.which(EMULATOR):
        return False        # not built: run.py says so
    out = subprocess.run([EMULATOR, "-version"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         text=True, check=False, stdin=subprocess.DEVNULL).stdout
    return out.startswith("QEMU")


def not_on_peer(why):
    """Skip the case when the program under test is QEMU."""
    if is_peer():
        raise Skip(why)


def accelerators():
    """Those that the program under test can use: without a back end for its host, the interpreter alone."""
    out = subprocess.run([EMULATOR, "-accel", "help"], stdout=subprocess.PIPE, text=True, check=True,
                         stdin=subprocess.DEVNULL).stdout
    names = [line for line in out.splitlines() if line in ("tcg", "interp")]
    check(names, f"-accel help names none: {out}")
    return names


def need_jit():
    """Skip the case when the program under test makes no host code."""
    if "tcg" not in accelerators():
        raise Skip("built without a back end for this host")


def check(condition, text):
    if not condition:
        raise Failure(text)


def until(what, test, limit=20):
    """Wait until `test()` is true; its value."""
    end = time.monotonic() + seconds(limit)
    while not (value := test()):
        check(time.monotonic() < end, f"timed out waiting for {what}")
        time.sleep(0.001)
    return value


def listens(path):
    """Whether somebody listens at a unix socket: its file is there a moment earlier."""
    ACCEPTS = 0x10000       # SO_ACCEPTCON, proc(5)
    with open("/proc/net/unix", encoding="utf-8", errors="replace") as f:
        sockets = [line.rstrip("\n").split(maxsplit=7) for line in f][1:]
    return any(int(s[3], 16) & ACCEPTS and s[7:] == [str(path)] for s in sockets)


def plain(text):
    """Terminal output without its control sequences."""
    return re.sub(r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b\[[0-9;?!]*[A-Za-z]|\r", "", text)


class Line:
    """A byte stream of a guest or monitor: expect a pattern, send text."""

    def __init__(self, read_fd, write_fd, log, alive):
        self.rfd, self.wfd, self.log, self.alive = read_fd, write_fd, log, alive
        self.pending = ""

    def _fill(self, wait):
        """Read what there is within `wait` seconds; False at the end of the stream."""
        if not select.select([self.rfd], [], [], max(0.0, wait))[0]:
            return True
        try:
            data = os.read(self.rfd, 65536)
        except (ConnectionError, OSError):
            return False
        self.log.write(data)
        self.log.flush()
        self.pending += data.decode("utf-8", "replace")
        return bool(data)

    def last_line(self):
        lines = [s for s in plain(self.pending).split("\n") if s.strip()]
        return lines[-1] if lines else ""

    def prompt(self):
        """The name of the prompt that the guest's output ends with, or None."""
        line = plain(self.pending[-300:]).rpartition("\n")[2]
        return next((name for name, p in PROMPTS.items() if re.match(p, line)), None)

    def _refuse(self, refuse, waited):
        if refuse and re.search(refuse, self.pending):
            self.drain(AFTERWORDS)
            bad = re.search(refuse, self.pending)
            raise Failure(f"the guest said {bad.group(0).strip()!r} while waiting for {waited}")

    def expect(self, pattern, limit=30, refuse=FATAL):
        """Wait for a pattern; its match.  Fails early when the guest says one of `refuse`, or stands at a
        prompt, which is another one than that waited for."""
        allowed = seconds(limit)
        end = time.monotonic() + allowed
        while True:
            m = re.search(pattern, self.pending)
            if m:
                self.pending = self.pending[m.end():]
                return m
            self._refuse(refuse, repr(pattern))
            left, size, prompt = end - time.monotonic(), len(self.pending), self.prompt()
            if left <= 0:
                raise Failure(f"no {pattern!r} within {allowed:.0f} s; the last line was {self.last_line()!r}")
            if not self._fill(min(left, seconds(SETTLED))):
                raise Failure(f"the emulator ended ({self.alive()}) while waiting for {pattern!r}; "
                              f"the last line was {self.last_line()!r}")
            if prompt and len(self.pending) == size and left > seconds(SETTLED):
                raise Failure(f"the guest stands at {prompt} ({self.last_line()!r}) while waiting for {pattern!r}")

    def until_end(self, limit):
        """Read until the stream ends; False if it does not within `limit` seconds."""
        end = time.monotonic() + limit
        while time.monotonic() < end:
            if not self._fill(end - time.monotonic()):
                return True
            self._refuse(FATAL, "the end of the emulator")
        return False

    def drain(self, limit):
        """Read until the stream ends or `limit` seconds have passed."""
        end = time.monotonic() + limit
        while time.monotonic() < end and self._fill(end - time.monotonic()):
            pass

    def send(self, text):
        os.write(self.wfd, text.encode())


class Machine:
    """One run of the emulator, its first serial line on a pipe."""

    def __init__(self, bench, argv, fds=()):
        self.bench = bench
        self.serial = 0
        bench.note(b"\n$ " + " ".join(argv).encode() + b"\n")
        try:
            self.proc = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         stderr=bench.log, start_new_session=True, pass_fds=fds,
                                         env={**os.environ, **bench.environment})
        except OSError as e:
            raise Failure(f"cannot start {argv[0]}: {e.strerror}") from e
        self.console = Line(self.proc.stdout.fileno(), self.proc.stdin.fileno(), bench.log, self.state)
        self.expect, self.send = self.console.expect, self.console.send

    def state(self):
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.proc.wait(2)
        code = self.proc.returncode
        return "still running" if code is None else f"exit code {code}"

    def command(self, text, prompt=r"# $", limit=30):
        """Type a command at a shell prompt; its output, without the echo of the command."""
        self.serial += 1
        n = self.serial
        self.send(f'echo "b""{n}"; {text}; echo "e""{n}"\n')
        m = self.expect(rf"b{n}\r*\n((?:.|\n)*?)e{n}\r*\n", limit)
        self.expect(prompt, limit)
        return plain(m.group(1))

    def wait(self, limit=30):
        """Wait until the emulator ends by itself; its exit code."""
        allowed = seconds(limit)
        self.console.until_end(allowed)
        try:
            return self.proc.wait(seconds(2))
        except subprocess.TimeoutExpired as e:
            raise Failure(f"the emulator did not end within {allowed:.0f} s; "
                          f"the last line was {self.console.last_line()!r}") from e

    def expect_exit(self, code=0, limit=30):
        got = self.wait(limit)
        check(got == code, f"exit code {got}, expected {code}")

    def connect(self, path, limit=10):
        """Connect to a unix socket that the emulator serves; a Line."""
        end = time.monotonic() + seconds(limit)
        s = socket.socket(socket.AF_UNIX)
        while True:
            try:
                s.connect(str(path))
                break
            except OSError as e:
                if time.monotonic() > end or self.proc.poll() is not None:
                    raise Failure(f"cannot connect to {path}: {e.strerror} ({self.state()})") from e
                time.sleep(0.05)
        self.bench.onexit.callback(s.close)
        return Line(s.fileno(), s.fileno(), self.bench.log, self.state)

    def socket(self, path, limit=10):
        """Wait until the emulator listens at a unix socket, for a program that would not wait; its path."""
        until(f"the socket {path}", lambda: listens(path) or self.proc.poll() is not None, limit)
        check(listens(path), f"nobody listens at {path} ({self.state()})")
        return path

    def stop(self):
        """End the process, whatever its state; a crash is reported by the case's own waits."""
        if self.proc.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.proc.pid, signal.SIGKILL)
        self.proc.wait()
        self.proc.stdin.close()
        self.proc.stdout.close()


class Bench:
    """What a case works with: a scratch folder, a log, machines that are cleaned away."""
    live = set()        # those of the running cases, for a runner that is interrupted

    def __init__(self, name, logs):
        Bench.live.add(self)
        self.onexit = contextlib.ExitStack()
        self.environment = {}       # of machines, besides ours
        self.tmp = pathlib.Path(self.onexit.enter_context(tempfile.TemporaryDirectory(prefix="lyrebird-")))
        logs.mkdir(parents=True, exist_ok=True)
        self.log_path = logs / f"{name}.log"
        self.log = self.onexit.enter_context(open(self.log_path, "wb"))

    def note(self, data):
        self.log.write(data)
        self.log.flush()

    def machine(self, *args, cpu_memory=("-m", "512M"), serial=True, board=("-M", "virt"), fds=()):
        """Start `lyrebird -M virt ...`, which inherits `fds`, with the console on its standard input and output."""
        argv = [EMULATOR, *board, *cpu_memory, "-display", "none"]
        argv += ["-serial", "stdio", "-monitor", "none"] if serial else []
        m = Machine(self, argv + [str(a) for a in args], fds)
        self.onexit.callback(m.stop)
        return m

    def run(self, *args, limit=20, program=None, fds=()):
        """Run a program, which inherits `fds`, to its end: (exit code, standard output, standard error)."""
        allowed = seconds(limit)
        argv = [program or EMULATOR, *[str(a) for a in args]]
        self.note(b"\n$ " + " ".join(argv).encode() + b"\n")
        try:
            p = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, timeout=allowed, check=False, pass_fds=fds)
        except subprocess.TimeoutExpired as e:
            self.note((e.stdout or b"") + (e.stderr or b""))
            raise Failure(f"{argv[0]} did not end within {allowed:.0f} s") from e
        except OSError as e:
            raise Failure(f"cannot start {argv[0]}: {e.strerror}") from e
        self.note(p.stdout + p.stderr)
        return p.returncode, p.stdout.decode("utf-8", "replace"), p.stderr.decode("utf-8", "replace")

    def close(self):
        self.onexit.close()
        Bench.live.discard(self)

# SPDX-License-Identifier: GPL-2.0-or-later
"""The end of the process: always in time, whatever hangs; nothing left behind; and ends that are errors."""
import contextlib
import fcntl
import os
import pathlib
import resource
import signal
import socket
import stat
import struct
import subprocess
import termios
import time

from guests import bare_program
from harness import EMULATOR, Failure, Line, accelerators, case, check, not_on_peer, seconds, until

IDLE = ["-M", "virt", "-bios", "none", "-display", "none", "-nodefaults", "-S"]
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def start(b, *args, **kw):
    """A process in the scratch folder that ends with the case."""
    program = os.path.abspath(EMULATOR) if "/" in EMULATOR else EMULATOR
    argv = [program, *[str(a) for a in args]]
    b.note(b"\n$ " + " ".join(argv).encode() + b"\n")
    p = subprocess.Popen(argv, cwd=b.tmp, stdin=subprocess.DEVNULL,
                         **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **kw})

    def end():
        if p.poll() is None:
            p.kill()
        p.communicate()
    b.onexit.callback(end)
    return p


def ended(b, p, limit=20):
    """Its exit code (a signal: negative) and what it said."""
    try:
        _, err = p.communicate(timeout=seconds(limit))
    except subprocess.TimeoutExpired as e:
        raise Failure(f"still running after {seconds(limit):.0f} s") from e
    b.note(err or b"")
    return p.returncode, (err or b"").decode("utf-8", "replace")


def monitor(b, p, name):
    """A line to the monitor at a socket of the scratch folder, its first prompt read."""
    def attempt():
        s = socket.socket(socket.AF_UNIX)
        try:
            s.connect(str(b.tmp / name))
            return s
        except OSError:
            s.close()
            check(p.poll() is None, f"ended with {p.returncode} before its monitor listened")
            return None
    s = until("the monitor", attempt)
    b.onexit.callback(s.close)
    line = Line(s.fileno(), s.fileno(), b.log, p.poll)
    line.hang_up = s.close
    line.expect(r"\(\w+\) $")
    return line


@case()
def test_signals_at_start(b):
    """SIGTERM, SIGINT and SIGHUP at any time of a start leave no socket, link or pid file"""
    not_on_peer("QEMU leaves them")
    made = ("pid", "sock", "link", "mon")
    for trigger in (*made, 0, 3, 6, 9, 12, 20):
        for sig in SIGNALS:
            p = start(b, *IDLE, "-pidfile", "pid", "-chardev", "socket,id=s,path=sock,server=on,wait=off",
                      "-chardev", "pty,id=p,path=link", "-monitor", "unix:mon,server=on,wait=off")
            if isinstance(trigger, str):
                until(trigger, lambda t=trigger, q=p: os.path.lexists(b.tmp / t) or q.poll() is not None)
            else:
                time.sleep(trigger / 1000)  # no event: anywhere on the way
            p.send_signal(sig)
            code, err = ended(b, p)
            left = [f for f in made if os.path.lexists(b.tmp / f)]
            check(code in (0, -sig), f"{sig.name} at {trigger}: exit code {code}, {err!r}")
            check(not left, f"{sig.name} at {trigger} leaves {left}")


@case()
def test_signals_at_daemonize(b):
    """a signal for the parent of -daemonize ends the start; later the daemon's own files go with it"""
    not_on_peer("QEMU's child goes on")
    p = start(b, *IDLE, "-daemonize", "-pidfile", "pid", "-monitor", "unix:mon,server=on,wait=on")
    until("the socket", lambda: os.path.lexists(b.tmp / "mon"))  # and now it waits for a client
    p.send_signal(signal.SIGTERM)
    code, err = ended(b, p)
    check(code == 1, f"exit code {code}, {err!r}")
    until("the child's end", lambda: not os.path.lexists(b.tmp / "pid") and not os.path.lexists(b.tmp / "mon"))
    p = start(b, *IDLE, "-daemonize", "-pidfile", "pid", "-monitor", "unix:mon,server=on,wait=off",
              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # paths from before its chdir("/")
    check(p.wait(seconds(20)) == 0, f"exit code {p.returncode}")
    os.kill(int((b.tmp / "pid").read_text()), signal.SIGTERM)
    until("the daemon's end", lambda: not os.path.lexists(b.tmp / "pid") and not os.path.lexists(b.tmp / "mon"))


def vcpu_hangs(p, fd):
    """The log's pipe has no room for a page, and its writer, who never sleeps otherwise, does."""
    have = struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, bytes(4)))[0]
    if have <= fcntl.fcntl(fd, 1032) - 4096:  # F_GETPIPE_SZ
        return False
    for _ in range(5):
        for task in pathlib.Path(f"/proc/{p.pid}/task").iterdir():
            name, state = (task / "stat").read_text().split("(", 1)[1].rsplit(") ", 1)
            if name == "vcpu" and state[0] != "S":
                return False
        time.sleep(0.01)
    return True


def end_of_a_hanging_one(b, elf, how, before):
    """How long `how` took to end an emulator whose vCPU hangs, and whose main loop does, too, after `before`."""
    reader = os.open(b.tmp / "log", os.O_RDONLY | os.O_NONBLOCK)  # a log whose pipe has no reader is refused
    p = start(b, "-M", "virt", "-bios", "none", "-display", "none", "-serial", "null", "-kernel", elf,
              "-accel", f"{accelerators()[0]},one-insn-per-tb=on", "-d", "exec", "-D", "log", "-pidfile", "pid",
              "-monitor", "unix:mon,server=on,wait=off")
    line = monitor(b, p, "mon")
    until("a vCPU that hangs", lambda: vcpu_hangs(p, reader))
    if before:
        line.send(before + "\n")
        line.expect(before + r"\r*\n")
    begin = time.monotonic()
    if how == "SIGTERM":
        p.terminate()
    else:
        line.send("quit\n")
    code, err = ended(b, p)
    took = time.monotonic() - begin
    check(code == 0, f"{how}: exit code {code}")
    check(f"{how}: the end has not come in time; no longer waiting for" in err, f"{how}: said {err!r}")
    check(not os.path.lexists(b.tmp / "mon") and not os.path.lexists(b.tmp / "pid"), f"{how}: files are left")
    os.close(reader)  # the last one: what was in the pipe is gone
    return took


@case()
def test_deadline(b):
    """SIGTERM and quit end it within 2 seconds though its vCPU hangs (in a log that nobody reads)"""
    not_on_peer("QEMU waits for ever")
    elf = bare_program(b, "echo")
    os.mkfifo(b.tmp / "log")
    for how, before in (("SIGTERM", None), ("SIGTERM", "info registers"), ("SIGTERM", "stop"), ("quit", None)):
        took = []
        while not took or took[-1] >= 2:  # the promise is the program's: a host that stands still is forgiven
            check(len(took) < 5, f"{how}: took {', '.join(f'{t:.1f}' for t in took)} s")
            took.append(end_of_a_hanging_one(b, elf, how, before))


def limited(n):
    return {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (n, n))}


@case()
def test_few_descriptors(b):
    """a start with too few file descriptors is a message and exit code 1, never a signal or a hang"""
    not_on_peer("QEMU ends by a signal at some limits")
    elf, disk = bare_program(b, "pass"), b.tmp / "disk"
    disk.write_bytes(bytes(1 << 20))
    base = ["-M", "virt", "-bios", "none", "-display", "none", "-kernel", elf]
    lines = {
        "many": ["-netdev", "user,id=n,hostfwd=tcp:127.0.0.1:0-:80", "-device", "virtio-net-device,netdev=n", "-drive",
                 f"file={disk},if=virtio,format=raw,snapshot=on", "-monitor", "unix:mon,server=on,wait=off",
                 "-gdb", "tcp:127.0.0.1:0"],
        "ptys": ["-serial", "pty", "-monitor", "pty", "-chardev", "pty,id=p,path=link"],
        "daemon": ["-daemonize", "-pidfile", "pid", "-serial", "file:out", "-monitor", "none"],
    }
    for name, more in lines.items():
        started = 0
        for n in range(4, 41):
            p = start(b, *base, *more, stdout=subprocess.DEVNULL, **limited(n))
            code, err = ended(b, p)
            check(code in (0, 1, 127), f"{name}, {n} descriptors: exit code {code}")  # 127: no room for libraries
            check(code == 0 or err, f"{name}, {n} descriptors: exit code {code} and no message")
            check("cannot be read any more" not in err, f"{name}, {n} descriptors: half a start")
            started += code == 0
            until("the daemon's end", lambda: not os.path.lexists(b.tmp / "pid"))
        check(started > 5, f"{name}: only {started} starts up to 40 descriptors")


@case()
def test_small_files(b):
    """where files may not grow (ulimit -f) a machine starts, and one whose RAM is a file is a message and exit code 1, not a signal"""
    not_on_peer("QEMU ends by SIGXFSZ")
    shared = ("-object", "memory-backend-memfd,id=m,size=128M", "-machine", "memory-backend=m")
    for size in (0, 1 << 20):
        for args in ((), shared):
            p = start(b, "-M", "virt", "-bios", "none", "-display", "none", "-kernel", bare_program(b, "pass"), *args,
                      preexec_fn=lambda n=size: resource.setrlimit(resource.RLIMIT_FSIZE, (n, n)))
            code, err = ended(b, p)
            check((code == 1 and "File too large; try share=off" in err) if args else (code == 0 and not err),
                  f"{size} bytes, {args}: exit code {code}, {err!r}")


@case()
def test_descriptors_in_reserve(b):
    """connections to a forwarded port take all descriptors but those of the monitor and the debugger"""
    not_on_peer("QEMU has no reserve")
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    p = start(b, "-M", "virt", "-bios", "none", "-display", "none", "-nodefaults", "-kernel", bare_program(b, "echo"),
              "-netdev", f"user,id=n,hostfwd=tcp:127.0.0.1:{port}-:80", "-device", "virtio-net-device,netdev=n",
              "-monitor", "unix:mon,server=on,wait=off", "-gdb", "unix:gdb,server=on,wait=off", **limited(64))
    first = monitor(b, p, "mon")
    held = []
    b.onexit.callback(lambda: [c.close() for c in held])

    def refused():
        with contextlib.suppress(OSError):
            c = socket.create_connection(("127.0.0.1", port), timeout=seconds(5))
            held.append(c)
            c.settimeout(0.05)
            try:
                return c.recv(1) == b""
            except ConnectionResetError:
                return True
        return False
    until("a connection that is refused", refused, limit=60)
    check(len(held) > 10, f"refused after {len(held)} connections")
    s = socket.socket(socket.AF_UNIX)
    b.onexit.callback(s.close)
    s.connect(str(b.tmp / "gdb"))
    s.sendall(b"$qSupported#37")
    Line(s.fileno(), s.fileno(), b.log, p.poll).expect("PacketSize", limit=10)
    first.hang_up()  # the next client's descriptor is held again
    line = monitor(b, p, "mon")
    line.send("info status\n")
    line.expect(r"VM status[^\n]*\n\(\w+\) $")
    line.send(f"logfile {b.tmp / 'log'}\n")
    line.expect(r"\(\w+\) $")
    check((b.tmp / "log").exists(), "no descriptor for a monitor command")
    p.terminate()
    code, err = ended(b, p)
    check(code == 0 and "no file descriptor is left" in err, f"exit code {code}, {err!r}")


@case()
def test_dumpdtb(b):
    """dumpdtb= writes into a pipe, a link or a device, and says when the device is full"""
    not_on_peer("QEMU replaces what is there")
    fifo, link, target = b.tmp / "fifo", b.tmp / "link", b.tmp / "target"
    os.mkfifo(fifo)
    target.write_bytes(b"x" * 100000)
    link.symlink_to("target")

    def dump(path):
        return start(b, "-M", f"virt,dumpdtb={path}", "-display", "none")

    def is_tree(data):  # its header, and its length
        return data[:4] == b"\xd0\x0d\xfe\xed" and len(data) == int.from_bytes(data[4:8], "big")
    p = dump(fifo)
    got = fifo.read_bytes()
    check(ended(b, p)[0] == 0 and is_tree(got), f"the pipe got {got[:8]!r}")
    check(stat.S_ISFIFO(fifo.lstat().st_mode), "the pipe is none any more")
    check(ended(b, dump(link))[0] == 0 and is_tree(target.read_bytes()) and link.is_symlink(), "the link")
    check(ended(b, dump(b.tmp / "new"))[0] == 0 and is_tree((b.tmp / "new").read_bytes()), "a new file")
    p = dump("/dev/stdout")
    out = p.stdout.read()
    check(ended(b, p)[0] == 0 and is_tree(out), f"standard output got {out[:8]!r}")
    for path, why in (("/dev/full", "No space left"), ("/nonexistent/x", "No such file"), (b.tmp, "directory")):
        code, err = ended(b, dump(path))
        check(code == 1 and why in err and str(path) in err, f"{path}: exit code {code}, {err!r}")
    check(stat.S_ISCHR(os.stat("/dev/full").st_mode), "/dev/full is no device any more")


@case()
def test_help_that_is_lost(b):
    """help and lists that do not arrive (full device, closed pipe, no output) are an error"""
    not_on_peer("QEMU does not look")
    for args in (["-help"], ["-version"], *[[x, "help"] for x in (
            "-M", "-cpu", "-accel", "-device", "-netdev", "-chardev", "-object", "-d", "-trace", "-smp", "-display",
            "-drive", "-L", "-nic")], ["-M", "virt,help"], ["-device", "virtio-blk-pci,help"]):
        with open("/dev/full", "wb") as full:
            code, err = ended(b, start(b, *args, stdout=full))
        check(code == 1 and "No space left" in err, f"{args} > /dev/full: exit code {code}, {err!r}")
        r, w = os.pipe()
        os.close(r)
        code, err = ended(b, start(b, *args, stdout=w))
        os.close(w)
        check(code == 1 and "Broken pipe" in err, f"{args} to a closed pipe: exit code {code}, {err!r}")
        code, err = ended(b, start(b, *args, stdout=None, preexec_fn=lambda: os.close(1)))
        check(code == 1 and "Bad file" in err, f"{args} without output: exit code {code}, {err!r}")


@case()
def test_output_to_a_full_disk(b):
    """output and log of a console that meet a full disk are a message on standard error, not in the log of -D"""
    not_on_peer("QEMU says nothing")
    for chardev, what in (("file,id=c,path=/dev/full", "output is lost from here on"),
                          ("null,id=c,logfile=/dev/full", "its log file takes no more")):
        p = start(b, *IDLE[:-1], "-kernel", bare_program(b, "echo"), "-chardev", chardev, "-serial", "chardev:c",
                  "-D", "log")
        said = p.stderr.readline().decode()
        check(f": chardev 'c': {what}: No space left on device; " in said, f"{chardev}: said {said!r}")
        p.terminate()
        check(ended(b, p)[0] == 0, f"{chardev}: exit code {p.returncode}")


@case()
def test_closed_standard_files(b):
    """without standard input, output and error no image or log takes their numbers"""
    not_on_peer("QEMU opens files there")
    log = b.tmp / "log"

    def shut():
        for fd in (0, 1, 2):
            os.close(fd)
    p = start(b, "-M", "virt", "-bios", "none", "-display", "none", "-nodefaults", "-S", "-chardev", "pty,id=p",
              "-chardev", f"file,id=f,path={log}", "-monitor", "unix:mon,server=on,wait=off",
              stdout=None, stderr=None, preexec_fn=shut)
    line = monitor(b, p, "mon")
    names = [pathlib.Path(f"/proc/{p.pid}/fd/{n}").readlink() for n in range(3)]
    check(all(str(n) == "/dev/null" for n in names), f"standard files are {names}")
    line.send("quit\n")
    check(p.wait(seconds(10)) == 0 and log.read_bytes() == b"", f"the log got {log.read_bytes()!r}")


@case()
def test_info_mem_without_end(b):
    """info mem on a page table that points to itself comes back and says that it is cut short"""
    not_on_peer("QEMU walks for ever")
    p = start(b, "-M", "virt", "-cpu", "max", "-bios", "none", "-display", "none", "-serial", "file:out", "-kernel",
              bare_program(b, "selfmap"), "-monitor", "unix:mon,server=on,wait=off")
    line = monitor(b, p, "mon")
    until("the guest", lambda: (b.tmp / "out").read_text() == "ready\n")
    for state in ("cont", "stop"):
        line.send(f"{state}\ninfo mem\n")
        line.expect(r"more than \d+ page tables: the rest is left out\)\s+\(\w+\) $", limit=10)
    p.terminate()
    check(ended(b, p)[0] == 0, f"exit code {p.returncode}")


@case()
def test_endless_strings(b):
    """x/65536s of one long string comes back"""
    text = b.tmp / "text"
    text.write_bytes(b"a" * (16 << 20))
    p = start(b, *IDLE, "-device", f"loader,file={text},addr=0x81000000,force-raw=on", "-monitor",
              "unix:mon,server=on,wait=off")
    line = monitor(b, p, "mon")
    line.send("xp/65536s 0x81000000\n")
    line.expect(r"the rest is left out", limit=10)
    p.terminate()
    check(ended(b, p)[0] == 0, f"exit code {p.returncode}")

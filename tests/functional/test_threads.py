# SPDX-License-Identifier: GPL-2.0-or-later
"""Everything at once: a guest at work on all its devices, while its host ends come, ask, stop it and leave.

`scripts/dev test --tsan` runs these: a report of the thread sanitizer makes the exit code 66, and stands in the
case's log."""
import concurrent.futures
import contextlib
import os
import re
import socket

from harness import case, check, not_on_peer
from rsp import Rsp
from test_linux import BOOT, PROMPT, Download, boot
from test_monitor import Monitor

ROUNDS = 3
READS = 5
# The guest's side: each line is a shell in the background, for good.
WORK = (
    "cat /dev/vda > /dev/null; echo 3 > /proc/sys/vm/drop_caches",
    "dd if=/dev/zero of=/dev/vda bs=64k count=16 2>/dev/null; sync",
    "dd if=/dev/urandom of=/dev/vdb bs=4k count=64 2>/dev/null; sync",
    "wget -q -T 5 -O /dev/null {url}",
    "head -c 4096 /dev/hwrng > /dev/null",
    "cat /proc/interrupts > /dev/hvc0",
    "cat /proc/cpuinfo > /dev/vport{port}",
    "head -n 1 < /dev/hvc0 > /dev/null",
)
QUESTIONS = ("info registers -a", "info mtree -f", "info qtree", "info irq", "info jit", "info chardev", "info network",
             "info usernet", "info block", "info blockstats", "info iothreads", "info cpus", "info mem", "info balloon", "x /8i $pc", "xp /16gx 0x80200000",
             "ringbuf_read rb 1000")


def guest_with_everything(b):
    """Four CPUs, disks by every way to the host, cards and lines on both transports; all busy."""
    for name in ("a", "b"):
        with open(b.tmp / name, "wb") as f:
            f.truncate(4 << 20)
    m = boot(b, "-smp", "4", "-chardev", "stdio,id=con,mux=on", "-serial", "chardev:con", "-mon", "chardev=con",
             "-monitor", f"unix:{b.tmp}/mon,server=on,wait=off", "-gdb", f"unix:{b.tmp}/gdb,server=on,wait=off",
             "-d", "guest_errors,unimp", "-D", b.tmp / "log",
             "-drive", f"file={b.tmp}/a,format=raw,if=none,id=da,snapshot=on", "-device", "virtio-blk-pci,drive=da,iothread=io0",
             "-object", "iothread,id=io0",
             "-drive", f"file={b.tmp}/b,format=raw,if=none,id=db,aio=threads", "-device", "virtio-blk-device,drive=db,iothread=io0",
             "-netdev", "user,id=n0", "-device", "virtio-net-pci,netdev=n0",
             "-netdev", "user,id=n1", "-device", "virtio-net-device,netdev=n1",
             "-device", "virtio-rng-device", "-device", "virtio-balloon-pci", "-device", "virtio-serial-pci,id=vs",
             "-chardev", "pty,id=pty", "-device", "virtconsole,bus=vs.0,chardev=pty",
             "-chardev", f"socket,id=sock,path={b.tmp}/port,server=on,wait=off",
             "-device", "virtserialport,bus=vs.0,chardev=sock,name=port",
             "-chardev", "ringbuf,id=rb,size=4096", "-device", "virtserialport,bus=vs.0,chardev=rb,name=ring", serial=False)
    url = Download(b, 200000).url
    m.command("udhcpc -q -i eth0", PROMPT, 120)
    port = m.command("cd /sys/class/virtio-ports; grep -l ^port */name; cd /", PROMPT).partition("/")[0][len("vport"):]
    for line in WORK:
        m.command(f"(while :; do {line.format(url=url, port=port)}; done) 2>/dev/null & true", PROMPT)
    return m


def monitor_asks(b, mon):
    """Every question, stop and cont, forwarded ports, links; connections to a port that comes and goes."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        host = "tcp:127.0.0.1:%d" % s.getsockname()[1]
    for n in range(ROUNDS):
        for q in QUESTIONS:
            mon.ask(q)
            mon.ask(f"cpu {n % 4}")
        mon.ask("stop")
        mon.ask("info registers -a")
        mon.ask(f"balloon {400 + n}")
        mon.ask("cont")
        text = mon.ask(f"hostfwd_add n0 {host}-:80")
        check(not text.strip(), f"hostfwd_add says {text!r}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", int(host.rpartition(":")[2])), 5) as s:
            s.sendall(b"GET / HTTP/1.0\r\n\r\n")
        mon.ask("set_link n1 off")
        mon.ask(f"hostfwd_remove n0 {host}")
        mon.ask("set_link n1 on")
        mon.ask(f"logfile {b.tmp}/log{n}")


def debugger_comes(b, m):
    """A debugger that looks around, steps, has breakpoints and leaves, again and again."""
    for n in range(ROUNDS):
        gdb = Rsp(m, b.tmp / "gdb")
        for question in ("?", "g", f"Hg{n % 4 + 1}", "g", "m80200000,100", "qfThreadInfo", f"vCont;s:{n % 4 + 1}", "g",
                         "Z0,80200000,4", "Z2,80200100,8", "z0,80200000,4", "z2,80200100,8"):
            gdb.ask(question)
        gdb.send("vCont;c")
        gdb.sock.sendall(b"\x03")
        gdb.reply()
        gdb.ask("D")
        gdb.close()


def line_is_used(fd):
    """Read what comes, and type into it."""
    for _ in range(READS):
        os.read(fd, 4096)
        os.write(fd, b"a line for the guest\n")


def pty_comes(path):
    for _ in range(ROUNDS):
        fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
        line_is_used(fd)
        os.close(fd)


def socket_comes(b):
    for _ in range(ROUNDS):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(str(b.tmp / "port"))
            line_is_used(s.fileno())


def console_is_used(m):
    """The shell, and the monitor behind Ctrl-A c."""
    for _ in range(ROUNDS):
        m.command("wc -l < /proc/interrupts", PROMPT, 60)
        m.send("\x01cinfo status\n")
        m.expect(r"VM status: ")
        m.expect(r"\(\w+\) ")
        m.send("\x01c\n")
        m.expect(PROMPT, 60)


@case(quick=False)
def test_threads_linux(b):
    """four busy CPUs; monitor, mux, debugger, pty, sockets, forwarded ports at once; reset in the midst of it"""
    not_on_peer("the case looks for faults of ours")
    m = guest_with_everything(b)
    mon = Monitor(m, b.tmp / "mon")
    path = re.search(r"pty: filename=pty:(\S+)", mon.ask("info chardev")).group(1)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        for done in [pool.submit(f, *args) for f, *args in (
                (monitor_asks, b, mon), (debugger_comes, b, m), (pty_comes, path), (socket_comes, b),
                (console_is_used, m))]:
            done.result()
    mon.line.send("system_reset\n")
    m.expect(r"Lyrebird: user space reached", BOOT)
    m.expect(PROMPT)
    mon.line.send("quit\n")
    m.expect_exit(0)

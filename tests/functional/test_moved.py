# SPDX-License-Identifier: GPL-2.0-or-later
"""Machines that move while they run: memory first, from one process to another."""
import os
import random
import socket

from harness import case, check, not_on_peer, until
from test_qmp import Client
from test_sandbox import is_sanitized
from test_saved import arguments, save, start, went
from test_x86 import build, expected


def receiver(b, accel, elf, where, *more, **kwargs):
    m = b.machine(*(str(a).replace("/qmp,", "/qmp2,") for a in arguments(b, accel, elf)), "-incoming", where, *more, serial=False, board=(),
                  cpu_memory=(), **kwargs)
    return m, Client(str(b.tmp / "qmp2"))


def programs():
    """What lets a machine start them."""
    return () if is_sanitized() else ("-sandbox", "on,spawn=allow")


def patient(c):
    """However slowly this host sends what the guest writes, the rest is small enough."""
    check(c.ask("migrate-set-parameters", max_bandwidth=0, downtime_limit=60000) == {}, "the limits are refused")


def is_well(m):
    m.send("x")
    m.expect("no page is wrong\n", 60)


def send_fd(c, name, fd):
    socket.send_fds(c.sock, [f'{{"execute": "getfd", "arguments": {{"fdname": "{name}"}}, "id": 7}}'.encode()], [fd])
    check(c.reply() == {"return": {}, "id": 7}, "getfd")


@case(limit=200)
def test_moved_places(b):
    """a machine that writes memory without a pause moves by socket, pipe, command and file; it goes on there, and has lost nothing"""
    not_on_peer("its streams are its own")
    elf = build(b, "moved")
    ours, theirs = socket.socketpair()
    for accel, to, by in (("tcg", f"unix:{b.tmp}/s", None), ("tcg", f"exec:cat > {b.tmp}/e", f"exec:cat {b.tmp}/e"), ("tcg", "fd:it", None),
                          ("interp", f"file:{b.tmp}/f", f"file:{b.tmp}/f"), ("tcg", "tcp:127.0.0.1:0", None)):
        m, c = start(b, accel, elf, *programs())
        m.expect("begun\n")
        patient(c)
        target = None
        if not by:
            if to.startswith("tcp:"):
                with socket.socket() as s:
                    s.bind(("127.0.0.1", 0))
                    to = f"tcp:127.0.0.1:{s.getsockname()[1]}"
            more = {"fds": (theirs.fileno(),)} if to.startswith("fd:") else {}
            target, d = receiver(b, accel, elf, f"fd:{theirs.fileno()}" if more else to, **more)
            check(d.ask("query-status")["status"] == "inmigrate", "it does not wait")
        if to.startswith("fd:"):
            send_fd(c, "it", ours.fileno())
        check(c.ask("migrate", uri=to) == {}, f"{to} is refused")
        check(went(c) == "completed", f"{to}: {c.ask('query-migrate')}")
        info = c.ask("query-migrate")
        check(info["ram"]["normal"] >= 4096 and info["ram"]["remaining"] == 0 and info["downtime"] <= info["total-time"], info)
        check(c.ask("query-status")["status"] == "postmigrate", "the source does not stand")
        if by:
            target, d = receiver(b, accel, elf, by)
        until("the machine", lambda: d.ask("query-status")["status"] == "running")
        check(d.ask("query-migrate") == {"status": "completed"}, d.ask("query-migrate"))
        is_well(target)
        target.stop()
        c.ask("cont")       # a user who says so has it twice
        is_well(m)
        m.stop()


@case(limit=120)
def test_moved_inherited(b):
    """as libvirt restores: -incoming defer, then migrate-incoming with the number of a descriptor that the process was started with"""
    not_on_peer("its streams are its own")
    elf = build(b, "moved")
    m, c = start(b, "interp", elf)
    m.expect("begun\n")
    ours, theirs = socket.socketpair()
    target, d = receiver(b, "interp", elf, "defer", fds=(theirs.fileno(),))
    for number in (0, 3, 99999, 1 << 32):           # 3: one of its own
        d.fails("migrate-incoming", "GenericError", "was not started with", uri=f"fd:{number}")
    check(d.ask("migrate-incoming", uri=f"fd:{theirs.fileno()}") == {}, "its own descriptor is refused")
    patient(c)
    send_fd(c, "it", ours.fileno())
    c.fails("migrate", "GenericError", "resume", uri="fd:it", resume=True)
    check(c.ask("migrate", uri="fd:it", detach=True, resume=False) == {}, "as libvirt asks")
    check(went(c) == "completed", c.ask("query-migrate"))
    until("the machine", lambda: d.ask("query-status")["status"] == "running")
    is_well(target)


@case(limit=120)
def test_moved_passes(b):
    """memory that is written faster than it goes is sent again and again, until the limits are raised; a limit of speed is kept"""
    not_on_peer("its streams are its own")
    elf = build(b, "moved")
    m, c = start(b, "tcg", elf, *programs())
    m.expect("begun\n")
    check(c.ask("query-migrate-parameters") == {"max-bandwidth": 128 << 20, "downtime-limit": 300}, "the limits")
    c.fails("migrate-set-parameters", "GenericError", "range of 0 to", downtime_limit=-1)
    c.fails("migrate-set-parameters", "GenericError", "from 0 on", max_bandwidth=-1)
    c.ask("migrate-set-parameters", max_bandwidth=32 << 20, downtime_limit=1)
    check(c.ask("migrate", uri=f"exec:cat > {b.tmp}/s") == {}, "it is refused")
    until("three passes", lambda: c.ask("query-migrate")["ram"]["dirty-sync-count"] >= 3)
    info = c.ask("query-migrate")
    check(info["status"] == "active" and info["expected-downtime"] == 1 and c.ask("query-status")["running"], info)
    rate = info["ram"]["transferred"] / max(info["total-time"], 1) * 1000
    check(rate < 40 << 20, f"{rate} bytes a second, where 32 MiB are allowed")
    for name, args, text in (("migrate", {"uri": "exec:true"}, "in progress"), ("device_add", {"driver": "x"}, "in progress"),
                             ("human-monitor-command", {"command_line": "loadvm a"}, "in progress")):
        check(text in str(c.ask(name, **args)), f"{name}: {c.ask(name, **args)}")
    text = c.ask("human-monitor-command", command_line="info migrate")
    check("Status: \t\tactive" in text and "exp_down=1" in text, text)
    c.ask("human-monitor-command", command_line="migrate_set_parameter max-bandwidth 1G")
    c.ask("human-monitor-command", command_line="migrate_set_parameter downtime-limit 60000")
    check(went(c) == "completed", c.ask("query-migrate"))
    m.stop()
    m, d = receiver(b, "interp", elf, f"exec:cat {b.tmp}/s", "-S")
    until("the state", lambda: d.ask("query-status")["status"] == "paused")
    d.ask("cont")
    is_well(m)


@case()
def test_moved_cancelled(b):
    """cancelled at any time, or failed: the machine goes on as before, and can be moved then"""
    not_on_peer("its streams are its own")
    elf = build(b, "moved")
    m, c = start(b, "tcg", elf, *programs())
    m.expect("begun\n")
    c.ask("migrate_cancel")
    check(c.ask("query-migrate") == {}, "there is none")
    c.ask("migrate-set-parameters", max_bandwidth=1 << 20)
    for stopped in (False, True):
        # Into a pipe that nobody reads, and slowly.
        for uri in ("exec:sleep 1000", "exec:cat > /dev/null"):
            c.ask("stop" if stopped else "cont")
            check(c.ask("migrate", uri=uri) == {}, "it is refused")
            until("bytes", lambda: "sleep" in uri or c.ask("query-migrate")["ram"]["transferred"] > 0)
            c.ask("migrate_cancel")
            check(went(c) == "cancelled" and c.ask("query-migrate")["status"] == "cancelled", c.ask("query-migrate"))
            check(c.ask("query-status")["running"] != stopped, "it is not as before")
    c.ask("cont")
    is_well(m)
    patient(c)
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(b.tmp / "closes"))
        s.listen()
        for uri, why in ((f"unix:{b.tmp}/nobody", "Could not connect"), ("exec:exit 3", ""), (f"unix:{b.tmp}/closes", "Broken pipe"),
                         ("tcp:127.0.0.1:1", "Could not connect"), ("exec:cat > /dev/full", "")):
            check(c.ask("migrate", uri=uri) == {}, "it is refused")
            if uri.endswith("closes"):
                peer, _ = s.accept()
                peer.recv(100)
                peer.close()
            check(went(c) == "failed" and why in c.ask("query-migrate")["error-desc"], f"{uri}: {c.ask('query-migrate')}")
            check(c.ask("query-status") == {"running": True, "status": "running"}, "it is not as before")
            is_well(m)
    for uri, why in (("fd:none", "not found"), ("fd:", "not found"), ("unix:", "is no place"), ("tcp:localhost", "say tcp:HOST:PORT"),
                     (f"file:{b.tmp}/no/file", "Could not open"), (f"unix:{'x' * 200}", "too long")):
        c.fails("migrate", "GenericError", why, uri=uri)
    save(b, m, c)


@case()
def test_moved_hostile(b):
    """a stream that is cut or changed is refused, with the reason: the process ends, or the machine of -incoming defer waits for another"""
    not_on_peer("its streams are its own")
    elf = build(b, "moved")
    m, c = start(b, "tcg", elf)
    m.expect("begun\n")
    patient(c)
    if programs():
        c.fails("migrate", "GenericError", "-sandbox on,spawn=allow", uri="exec:true")
    path = save(b, m, c)
    data, pick = path.read_bytes(), random.Random(2)
    bad = [b"", b"x" * 100, data[:-1], data[:12], data[:12] + bytes([9]) + data[13:]]
    bad += [data[:at] + bytes([data[at] ^ 1 << pick.randrange(8)]) + data[at + 1:] for at in (pick.randrange(len(data)) for _ in range(10))]
    m, d = receiver(b, "interp", elf, "defer", *programs())
    for content in bad:
        check(d.ask("migrate-incoming", uri=f"unix:{b.tmp}/in") == {}, "it is refused")
        d.fails("migrate-incoming", "GenericError", "in progress", uri=f"unix:{b.tmp}/in2")
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(str(b.tmp / "in"))
            try:
                s.sendall(content)
            except OSError:
                pass        # it has seen enough
        check(went(d) == "failed" and "cannot be loaded" in d.ask("query-migrate")["error-desc"], d.ask("query-migrate"))
        check(d.ask("query-status")["status"] == "inmigrate" and not os.path.exists(b.tmp / "in"), "it does not wait")
    check(d.ask("migrate-incoming", uri=f"unix:{b.tmp}/in") == {}, "it is refused")
    d.ask("migrate_cancel")
    check(went(d) == "cancelled", "it waits for a peer still")
    # A reset meanwhile is of a machine that this one replaces.
    check(d.ask("migrate-incoming", uri=f"exec:cat {path}") == {} and d.ask("system_reset") == {} and went(d) == "completed", d.ask("query-migrate"))
    is_well(m)
    m.stop()
    code, _, err = b.run(*arguments(b, "interp", elf), "-incoming", "exec:echo this is no state")
    check(code == 1 and "is not a saved machine" in err, err)
    m, d = receiver(b, "interp", elf, f"unix:{b.tmp}/waits")     # for ever, unless it is ended
    d.send('{"execute": "quit"}')
    m.expect_exit(0)

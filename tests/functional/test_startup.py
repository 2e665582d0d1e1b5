# SPDX-License-Identifier: GPL-2.0-or-later
"""The start and the end as programs rely on them: when -daemonize returns, what -action means, which texts they look for."""
import os
import signal
import socket

from guests import bare_program
from harness import case, check, until
from test_qmp import Client, start

IDLE = ["-M", "virt", "-S", "-bios", "none", "-display", "none", "-nodefaults"]


def is_listening(path):
    """At once: without a second try."""
    with socket.socket(socket.AF_UNIX) as s:
        try:
            s.connect(str(path))
        except OSError:
            return False
        return True


@case()
def test_start_daemon(b):
    """when -daemonize returns all monitors, the debugger's server and the chardevs listen; else it says why, and leaves nothing"""
    names = ["qmp", "qmp2", "mon", "gdb", "chr"]
    sockets = {n: b.tmp / n for n in names}
    args = ["-daemonize", "-pidfile", b.tmp / "pid", "-qmp", f"unix:{sockets['qmp']},server=on,wait=off",
            "-chardev", f"socket,id=m,path={sockets['qmp2']},server=on,wait=off", "-mon", "chardev=m,mode=control",
            "-gdb", f"unix:{sockets['gdb']},server=on,wait=off", "-chardev", f"socket,id=c,path={sockets['chr']},server=on,wait=off",
            "-serial", "chardev:c", "-monitor", f"unix:{sockets['mon']},server=on,wait=off"]
    code, out, err = b.run(*IDLE, *args)
    deaf = [n for n in names if not is_listening(sockets[n])]
    pid = int((b.tmp / "pid").read_text())
    check(code == 0 and not out and not err and not deaf, f"exit code {code}: {out}{err}; not listening: {deaf}")
    c = Client(str(sockets["qmp"]))
    check(c.ask("query-status")["status"] == "prelaunch", "query-status")
    os.kill(pid, signal.SIGTERM)
    check(c.read()["event"] == "SHUTDOWN" and c.read() is None, "SIGTERM")
    until("the end of the daemon's files", lambda: not (b.tmp / "pid").exists())  # the connection ends before them
    code, _, err = b.run(*IDLE, *args, "-qmp", f"unix:{b.tmp}/none/qmp,server=on,wait=off")
    check(code == 1 and "No such file or directory" in err, f"a monitor that cannot listen: exit code {code}: {err}")
    left = [n for n in [*names, "pid"] if (b.tmp / n).exists()]
    check(not left, f"{left} are left behind")


def wait_for(c, wanted):
    """Events up to the one that is waited for: its data, and the names of all."""
    names = []
    while True:
        message = c.read()
        check(message and "event" in message, f"{message} comes where the event {wanted} should, after {names}")
        names.append(message["event"])
        if message["event"] == wanted:
            return message.get("data"), names


@case()
def test_start_actions(b):
    """-action reboot=shutdown is -no-reboot, shutdown=pause is -no-shutdown; later options win; -preconfig is refused"""
    for options in (["-no-reboot"], ["-action", "reboot=shutdown"], ["-action", "reboot=reset", "-action", "reboot=shutdown"]):
        m, path = start(b, "reset", "-S", *options)
        c = Client(path)
        c.ask("cont")
        data, _ = wait_for(c, "SHUTDOWN")
        check(data == {"guest": True, "reason": "guest-reset"}, f"{options}: told as {data}")
        m.expect_exit(0)
    for options in (["-no-shutdown"], ["-action", "shutdown=pause"]):
        m, path = start(b, "exit", "-S", *options)
        c = Client(path)
        c.ask("cont")
        wait_for(c, "STOP")
        check(c.ask("query-status") == {"running": False, "status": "shutdown"}, f"{options}: the status")
        c.send('{"execute": "quit"}')
        check(wait_for(c, "SHUTDOWN")[0] == {"guest": False, "reason": "host-qmp-quit"}, f"{options}: quit")
        m.expect_exit(0)
    code, _, err = b.run(*IDLE, "-preconfig")
    check(code == 1 and "-preconfig" in err, f"-preconfig: exit code {code}: {err}")


@case()
def test_start_texts(b):
    """what programs look for in messages: locks, addresses in use, signals"""
    image = b.tmp / "disk"
    image.write_bytes(bytes(1 << 20))
    drive = ["-drive", f"if=none,id=d,format=raw,file={image}", "-device", "virtio-blk-device,drive=d"]
    m = b.machine("-bios", "none", "-kernel", bare_program(b, "echo"), *drive)
    m.expect("ready")
    code, _, err = b.run(*IDLE, *drive)
    check(code == 1 and f'Failed to get "write" lock\nIs another process using the image [{image}]?' in err, f"{code}: {err}")
    drive[1] += ",readonly=on"
    code, _, err = b.run(*IDLE, *drive)
    check(code == 1 and 'Failed to get shared "write" lock\nIs another process using the image' in err, f"{code}: {err}")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for args, text in ((["-netdev", f"user,id=n,hostfwd=tcp:127.0.0.1:{port}-:22"], "Could not set up host forwarding rule"),
                           (["-qmp", f"tcp:127.0.0.1:{port},server=on,wait=off"], "Address already in use"),
                           (["-gdb", f"tcp:127.0.0.1:{port}"], "Address already in use")):
            code, _, err = b.run(*IDLE, *args)
            check(code == 1 and text in err, f"{args}: exit code {code}: {err}")
    for number, name in ((signal.SIGTERM, "15"), (signal.SIGINT, "2"), (signal.SIGHUP, "1")):
        m = b.machine("-bios", "none", "-kernel", bare_program(b, "echo"))
        m.expect("ready")
        m.proc.send_signal(number)
        m.expect_exit(0)
        said = b.log_path.read_text(errors="replace")
        check(f"terminating on signal {name} from pid {os.getpid()} (" in said, f"signal {name} is not told so: {said[-300:]}")

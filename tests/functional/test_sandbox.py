# SPDX-License-Identifier: GPL-2.0-or-later
"""What a machine gives up once it is made: system calls, files, the user, the root; and what clears up behind it.

That all else works in the sandbox is shown by all other cases: it is on by default."""
import os
import pathlib
import signal
import subprocess

from guests import bare_program
from harness import EMULATOR, Skip, case, check, need, not_on_peer, until
from test_monitor import Monitor

NOBODY = 65534


def status(pid, thread=None):
    """/proc/PID/status as a dictionary."""
    path = f"/proc/{pid}/task/{thread}/status" if thread else f"/proc/{pid}/status"
    with open(path, encoding="utf-8") as f:
        return {k: v.strip() for k, v in (line.split(":", 1) for line in f)}


def start(b, *args, monitor=None):
    """A machine that echoes (the next character); it has printed "ready"."""
    more = f"unix:{monitor},server=on,wait=off" if monitor else "none"
    m = b.machine("-bios", "none", "-kernel", bare_program(b, "echo"), "-serial", "stdio", "-monitor", more, *args,
                  serial=False)
    m.expect("ready\n")
    return m


def is_sanitized():
    with open(EMULATOR, "rb") as f:
        return b"__asan_init" in f.read()


def need_sandbox():
    not_on_peer("the sandbox is ours")
    if is_sanitized():
        raise Skip("sanitizers look into other threads at the end, which the sandbox forbids")


def need_root():
    if os.geteuid() != 0:
        raise Skip("only root may become another user")


@case()
def test_sandbox_default(b):
    """on by default, for all threads; off when told so; and what -daemonize leaves behind"""
    need_sandbox()
    m = start(b)
    for thread in os.listdir(f"/proc/{m.proc.pid}/task"):
        s = status(m.proc.pid, thread)
        check(s["Seccomp"] == "2" and s["NoNewPrivs"] == "1", f"thread {thread} ({s['Name']}) is free: {s}")
    inside, outside = status(m.proc.pid), status(start(b, "-sandbox", "off").proc.pid)
    check(outside["Seccomp"] == "0" and outside["NoNewPrivs"] == "0", "-sandbox off")
    for key in ("Speculation_Store_Bypass", "SpeculationIndirectBranch"):
        check(inside.get(key) == outside.get(key), f"{key}: {inside[key]}, without {outside[key]}")
    pidfile = b.tmp / "pid"
    code, _, err = b.run("-M", "virt", "-display", "none", "-bios", "none", "-S", "-daemonize", "-pidfile", pidfile,
                         "-monitor", f"unix:{b.tmp}/mon2,server=on,wait=off")
    check(code == 0, f"-daemonize: {err}")
    pid = int(pidfile.read_text(encoding="utf-8"))
    check(status(pid)["Seccomp"] == "2", "the daemon is free")
    os.kill(pid, signal.SIGTERM)
    until("the end of the daemon, and of its pid file", lambda: not pidfile.exists() and not (b.tmp / "mon2").exists())


@case()
def test_sandbox_call(b):
    """a call that is not in the list, made by a debugger in the machine's stead: its name is told, the files are removed"""
    need_sandbox()
    for count, thread in enumerate(("lyrebird", "vcpu"), 1):
        forbidden_call(b, thread)
        said = b.log_path.read_text(encoding="utf-8", errors="replace").count("lyrebird: the system call personality (")
        check(said == count, f"{thread}: the call's name is told {said} times, not {count}")


def forbidden_call(b, thread):
    m = start(b, monitor=b.tmp / "mon")
    select = f"python [(t.switch(), print('now', t.name)) for t in gdb.selected_inferior().threads() if t.name.startswith('{thread}')]"
    gdb = [need("gdb-multiarch"), "-nx", "-batch", "-p", str(m.proc.pid), "-ex", "handle SIGSYS nostop noprint pass", "-ex", select,
           "-ex", "call (int)((int (*)(long))personality)(0xffffffff)"]
    said = subprocess.run(gdb, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False).stdout
    if "ptrace" in said:
        raise Skip("this host lets no debugger in (ptrace)")
    check(f"now {thread}" in said, f"there is no thread {thread}: {said}")
    check(m.wait() == -signal.SIGSYS, f"{thread}: it ends with {m.proc.returncode}; gdb: {said}")
    check(not (b.tmp / "mon").exists(), "its socket stays")


@case()
def test_sandbox_files(b):
    """files of named folders alone; the default depends on whether a monitor may ask for more"""
    need_sandbox()
    folder = b.tmp / "named"
    folder.mkdir()
    m = start(b, "-sandbox", f"dir={folder}", "-pidfile", b.tmp / "pid", monitor=b.tmp / "mon")
    mon = Monitor(m, b.tmp / "mon")
    check("Permission denied" in (said := mon.ask(f"logfile {b.tmp}/outside")), f"outside: {said}")
    check("Permission denied" not in (said := mon.ask(f"logfile {folder}/inside")), f"inside: {said}")
    check((folder / "inside").exists() and not (b.tmp / "outside").exists(), "the files are not as they should be")
    m.proc.send_signal(signal.SIGTERM)
    m.expect_exit(0)
    check(not (b.tmp / "pid").exists() and not (b.tmp / "mon").exists(), "the end removes nothing")
    m = start(b, monitor=b.tmp / "mon")
    said = Monitor(m, b.tmp / "mon").ask(f"logfile {b.tmp}/outside")
    check((b.tmp / "outside").exists(), f"with a monitor any file may be asked for: {said}")
    code, _, err = b.run("-M", "virt", "-bios", "none", "-display", "none", "-sandbox", "dir=/nothing/here")
    check(code == 1 and "cannot allow '/nothing/here'" in err, f"a folder that is not there: {code} {err}")
    code, _, err = b.run("-M", "virt", "-bios", "none", "-display", "none", "-sandbox", f"off,dir={folder}")
    check(code == 1 and "which is off; say on" in err, f"a folder of what is off: {code} {err}")


@case()
def test_sandbox_programs(b):
    """guestfwd= that starts programs: refused where the sandbox forbids it, else without, or with spawn=allow"""
    need_sandbox()
    forward = ("-netdev", "user,id=n,guestfwd=tcp:10.0.2.100:1-cmd:cat")
    code, _, err = b.run("-M", "virt", "-display", "none", *forward, "-sandbox", "on")
    check(code == 1 and "spawn=allow" in err, f"-sandbox on: {code} {err}")
    code, _, err = b.run("-M", "virt", "-display", "none", *forward, "-sandbox", "files=named")
    check(code == 1 and "spawn=allow" in err, f"-sandbox files=named: {code} {err}")
    check(status(start(b, *forward).proc.pid)["Seccomp"] == "0", "the program of the command line could not run")
    for more in ("spawn=allow", "spawn=allow,elevateprivileges=children,obsolete=allow,resourcecontrol=allow"):
        check(status(start(b, *forward, "-sandbox", f"on,{more}").proc.pid)["Seccomp"] == "2", more)
    more = "on,elevateprivileges=allow,obsolete=allow,resourcecontrol=allow"
    check(status(start(b, "-sandbox", more).proc.pid)["Seccomp"] == "2", more)


@case()
def test_runas(b):
    """another user and his groups, for all threads; a name; only root may"""
    need_sandbox()
    need_root()
    for option in (("-runas", f"{NOBODY}:{NOBODY}"), ("-run-with", f"user={NOBODY}:{NOBODY}"), ("-runas", "nobody")):
        m = start(b, *option, "-drive", f"file={disk(b)},if=none,format=raw,id=d", "-device", "virtio-blk-device,drive=d")
        for thread in os.listdir(f"/proc/{m.proc.pid}/task"):
            s = status(m.proc.pid, thread)
            check(set(s["Uid"].split() + s["Gid"].split()) == {str(NOBODY)}, f"{option}: {s['Name']} is {s['Uid']} {s['Gid']}")
            check(s["Groups"] in ("", str(NOBODY)), f"{option}: groups {s['Groups']}")
            check(int(s["CapEff"], 16) == int(s["CapPrm"], 16) == 0, f"{option}: capabilities {s['CapEff']}")
        m.send("x")
        m.expect("y")
        m.stop()
    for option, value in (("-runas", "0:0"), ("-run-with", f"chroot={b.tmp}"), ("-chroot", str(b.tmp))):
        p = subprocess.run([EMULATOR, "-M", "virt", "-display", "none", option, value], user=NOBODY, group=NOBODY,
                           extra_groups=[], capture_output=True, text=True, check=False)
        check(p.returncode == 1 and "only root may change" in p.stderr, f"{option} as nobody: {p.returncode} {p.stderr}")
    code, _, err = b.run("-M", "virt", "-display", "none", "-runas", "1:1", "-run-with", "user=2:2")
    check(code == 1 and "give one of them" in err, f"two users: {code} {err}")


def disk(b):
    path = b.tmp / "disk"
    path.write_bytes(bytes(1 << 20))
    return path


@case()
def test_chroot(b):
    """another root, with another user; the files of the end are removed where they can be reached"""
    need_sandbox()
    need_root()
    jail = b.tmp / "jail"
    jail.mkdir(mode=0o755)
    os.chown(jail, NOBODY, NOBODY)
    os.chmod(b.tmp, 0o755)
    m = start(b, "-run-with", f"chroot={jail},user={NOBODY}:{NOBODY}", "-pidfile", jail / "pid", "-qmp",
              f"unix:{b.tmp}/outside,server=on,wait=off", monitor=b.tmp / "mon")
    check(os.readlink(f"/proc/{m.proc.pid}/root") == str(jail), "the root")
    check(os.readlink(f"/proc/{m.proc.pid}/cwd") == str(jail), "the folder")
    mon = Monitor(m, b.tmp / "mon")
    mon.ask("logfile /log")
    check((jail / "log").stat().st_uid == NOBODY, "a file that is opened later")
    m.proc.send_signal(signal.SIGTERM)
    m.expect_exit(0)
    check(not (jail / "pid").exists() and (b.tmp / "outside").exists(), "what the end removes")
    m = start(b, "-chroot", jail, "-drive", f"file={disk(b)},if=none,format=raw,id=d", "-device", "virtio-blk-device,drive=d")
    check(os.readlink(f"/proc/{m.proc.pid}/root") == str(jail), "the root, without monitors, so with limited files")
    check(status(m.proc.pid)["Seccomp"] == "2", "a root without /proc")
    code, _, err = b.run("-M", "virt", "-display", "none", "-chroot", b.tmp / "none")
    check(code == 1 and "No such file" in err, f"no such folder: {code} {err}")


def named(name):
    """The processes of this name."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/comm"):
        try:
            if path.read_text(encoding="utf-8").strip() == name:
                found.append(int(path.parts[2]))
        except OSError:     # it has just ended
            pass
    return found


@case()
def test_async_teardown(b):
    """the process that frees the memory: it has nothing else, the same sandbox, and ends with the machine"""
    need_sandbox()
    m = start(b, "-run-with", "async-teardown=on")
    name = f"cleanup/{m.proc.pid}"
    pids = named(name)
    check(len(pids) == 1, f"{len(pids)} processes are called {name}")
    until("its descriptors to be closed", lambda: len(os.listdir(f"/proc/{pids[0]}/fd")) == 1)
    until("the same memory", lambda: status(pids[0])["VmRSS"] == status(m.proc.pid)["VmRSS"])
    check(status(pids[0])["Seccomp"] == "2", "it is free")
    m.proc.kill()
    until("the end of the process that clears up", lambda: not named(name))


@case()
def test_exit_with_parent(b):
    """a machine ends with who started it"""
    need_sandbox()
    pidfile = b.tmp / "pid"
    line = [EMULATOR, "-M", "virt", "-display", "none", "-bios", "none", "-S", "-pidfile", str(pidfile), "-qmp",
            f"unix:{b.tmp}/qmp,server=on,wait=off", "-run-with", "exit-with-parent=on"]
    parent = subprocess.Popen(["sh", "-c", '"$@" & wait', "sh", *line], stdin=subprocess.DEVNULL, stderr=b.log)
    pid = int(until("the pid file", lambda: pidfile.exists() and pidfile.read_text(encoding="utf-8")))
    until("the sandbox", lambda: status(pid)["Seccomp"] == "2")
    parent.kill()
    parent.wait()
    until("the end of the machine", lambda: not pidfile.exists())
    code, _, err = b.run("-M", "virt", "-display", "none", "-daemonize", "-run-with", "exit-with-parent=on")
    check(code == 1 and "give one of them" in err, f"with -daemonize: {code} {err}")

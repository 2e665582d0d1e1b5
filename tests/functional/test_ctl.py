# SPDX-License-Identifier: GPL-2.0-or-later
"""`lyrebird ctl`: what people read, types from the schema, advice, exit codes, events, completion; hostile peers."""
import contextlib
import json
import os
import pathlib
import select
import signal
import socket
import subprocess
import threading

from guests import bare_program
from harness import EMULATOR, TOP, check, case, need, not_on_peer, seconds, until


def machine(b, *more):
    """A machine that stands still, with a card and a bus; its socket."""
    not_on_peer("the client is ours")
    path = b.tmp / "qmp"
    m = b.machine("-bios", "none", "-kernel", bare_program(b, "echo"), "-S", "-smp", "2", "-netdev", "user,id=net", "-device",
                  "virtio-net-pci,netdev=net,id=card", "-device", "virtio-serial-pci,id=bus", "-serial", "null", "-qmp",
                  f"unix:{path},server=on,wait=off", *more, serial=False)
    until("the socket", lambda: ctl(b, path, "query-name")[0] == 0)
    return m, path


def ctl(b, *words):
    code, out, err = b.run("ctl", *words)
    return code, out, err


def says(b, *words, out="", err="", code=0):
    """Run it; the parts of its output and messages, and its status."""
    got = ctl(b, *words)
    check(got[0] == code and out in got[1] and err in got[2], f"ctl {words}: {got}, not {(code, out, err)}")
    return got[1]


@case()
def test_ctl_output(b):
    """objects, tables, lists, texts; JSON as it came"""
    _, path = machine(b)
    check(says(b, path, "query-status") == "running: false\nstatus:  prelaunch\n", "an object")
    table = says(b, path, "query-cpus-fast").splitlines()
    check(table[0].startswith("CPU-INDEX  QOM-TYPE") and table[2].startswith("1          rv64-riscv-cpu"), f"a table: {table}")
    check("STOP\n" in says(b, path, "query-events"), "a list")
    says(b, path, "query-version", out="qemu:\n  major: ")
    check(says(b, path, "stop") == "", "nothing comes of nothing")
    check(says(b, path, "human-monitor-command", "command-line=info status") == "VM status: paused (prelaunch)\n", "a text")
    check(json.loads(says(b, "--json", path, "query-status")) == {"running": False, "status": "prelaunch"}, "--json")
    error = json.loads(says(b, "--json", path, "set_link", "name=x", "up=on", code=1))
    check(error == {"class": "DeviceNotFound", "desc": "Device 'x' not found"}, f"--json of an error: {error}")


@case()
def test_ctl_arguments(b):
    """values have the types of the schema, nested keys have dots; what is wrong is told, with what was meant"""
    _, path = machine(b)
    says(b, path, "set_link", "name=card", "up=off")
    says(b, path, "human-monitor-command", "command-line=info network", out="link=down")
    says(b, path, "netdev_add", "hostfwd=tcp::0-:22", "hostfwd=udp::0-:53", "id=more", "type=user")
    usernet = says(b, path, "human-monitor-command", "command-line=info usernet")
    check("TCP[HOST_FORWARD]" in usernet and "UDP[HOST_FORWARD]" in usernet, f"a list of two: {usernet}")
    says(b, path, "netdev_add", '{"type": "user", "id": "json"}')
    says(b, path, "device_add", "driver=virtserialport", "id=port", "nr=0x3", "bus=bus.0")
    says(b, path, "device_add", "driver=virtserialport", "nrr=4", code=2, err="did you mean 'nr'?")
    says(b, path, "set_lnk", code=2, err="did you mean 'set_link'?")
    says(b, path, "set_link", "name=card", "upp=on", code=2, err="did you mean 'up'?")
    says(b, path, "set_link", "name=card", "up=maybe", code=2, err="'maybe' is no value of 'up', which is: on|off")
    says(b, path, "set_link", "name=card", "name=card", code=2, err="given twice")
    says(b, path, "set_link", "name.x=card", code=2, err="'name' has no members")
    says(b, path, "set_link", "card", code=2, err="write KEY=VALUE")
    says(b, path, "netdev_add", "type=usr", "id=x", code=2, err="did you mean 'user'?")
    says(b, path, "balloon", "value=much", code=2, err="integer")
    says(b, path, "balloon", "value=64M", code=1, err="DeviceNotActive")
    says(b, path, "set_link", "name=card", code=1, err="Parameter 'up' is missing")


@case()
def test_ctl_help(b):
    """the list of commands, one command, usage, no connection, a socket of something else"""
    _, path = machine(b, "-monitor", f"unix:{b.tmp}/hmp,server=on,wait=off")
    says(b, path, out="\nset_link ")
    check(says(b, path) == says(b, path, "help"), "help without a name")
    text = says(b, path, "help", "set_link", out="up=on|off")
    check("name=string" in text and "(required)" in text and "gives nothing" in text, f"help of a command: {text}")
    says(b, path, "help", "query-cpus-fast", out="gives: list of object with cpu-index,")
    says(b, path, "help", "netdev_add", out="hostfwd=list of string")
    says(b, path, "help", "chardev-add", out="    with backend.type=file:\n      backend.data=object             (required)\n"
         "        backend.data.out=string         file that is written  (required)\n")
    says(b, path, "help", "send-key", out="keys.0.type=number|qcode")
    says(b, path, "help", "nope", code=2, err="no command of this name")
    says(b, path, "--json", code=2, err="options stand before the socket")
    says(b, path, "stop", "now=1", code=2, err="there is no argument 'now'. None is known here")
    says(b, "--help", out="usage: ")
    says(b, code=2, err="usage: ")
    says(b, "--jsn", path, code=2, err="usage: ")
    says(b, b.tmp / "none", "stop", code=2, err="No such file or directory; start the machine with -qmp")
    says(b, b.tmp / "hmp", "stop", code=2, err="it is no control socket (QMP)")
    says(b, "tcp:127.0.0.1:1", "stop", code=2, err="cannot connect to 'tcp:127.0.0.1:1'")
    link = b.tmp / "qemu-system-riscv64"
    link.symlink_to(pathlib.Path(EMULATOR).resolve())
    code, _, err = b.run("ctl", program=str(link))
    check(code == 1 and "usage" not in err, f"under QEMU's name it is a disk: {code} {err}")


def follow(b, path, *words, option=()):
    """A client that prints events, once it has told of one."""
    p = subprocess.Popen([EMULATOR, "ctl", *option, path, "events", *words], stdout=subprocess.PIPE, text=True)
    b.onexit.callback(p.kill)

    def happens():
        says(b, path, "cont")
        says(b, path, "stop")
        return select.select([p.stdout], [], [], 0)[0]
    until("the first event", happens)
    return p


@case()
def test_ctl_events(b):
    """events, all or some, until the machine ends; their names are checked"""
    m, path = machine(b)
    some, every, raw = (follow(b, path, "RESUME", "SHUTDOWN"), follow(b, path), follow(b, path, option=["--json"]))
    says(b, path, "events", "STP", code=2, err="did you mean 'STOP'?")
    says(b, path, "quit")
    rest = some.stdout.read()
    check(" RESUME\n" in rest and "STOP" not in rest, f"some are {rest}")
    check(rest.endswith("SHUTDOWN guest=false reason=host-qmp-quit\n"), f"the last is {rest}")
    check(" STOP\n" in every.stdout.read(), "all of them")
    check({json.loads(line)["event"] for line in raw.stdout} >= {"STOP", "SHUTDOWN"}, "--json")
    check([p.wait(seconds(10)) for p in (some, every, raw)] == [0, 0, 0], "the end of the machine is the end")
    m.expect_exit(0)
    says(b, path, "events", code=2, err="cannot connect")


@case()
def test_ctl_interrupted(b):
    """Ctrl-C ends it"""
    _, path = machine(b)
    p = follow(b, path)
    p.send_signal(signal.SIGINT)
    check(p.wait(seconds(10)) == -signal.SIGINT, f"it ends with {p.returncode}")


@case()
def test_ctl_completion(b):
    """bash completes commands, arguments and their words by asking the socket"""
    _, path = machine(b)
    bash = need("bash")
    script = TOP / "scripts" / "bash-completion" / "lyrebird"
    for line, wanted in (("set_", {"set_link"}), ("set_link n", {"name="}), ("set_link up=", {"on", "off"}),
                         ("set_link up=of", {"off"}), ("netdev_add type=user ipv", {"ipv4=", "ipv6=", "ipv6-prefix=", "ipv6-prefixlen=",
                                                                                    "ipv6-host=", "ipv6-dns="}),
                         ("events STO", {"STOP"}), ("help set_", {"set_link"}), ("eve", {"events"})):
        whole = f"{EMULATOR} ctl {path} {line}"
        text = (f'compopt() {{ :; }}; source {script}; COMP_LINE="{whole}"; COMP_POINT=${{#COMP_LINE}}; _lyrebird; '
                'printf "%s\\n" "${COMPREPLY[@]}"')
        got = subprocess.run([bash, "-c", text], capture_output=True, text=True, check=True).stdout.split()
        check(set(got) & wanted == wanted, f"'{line}' is completed by {got}")
        check(all(x.startswith(tuple(wanted)) or line in ("set_", "help set_") for x in got), f"'{line}': too much: {got}")


@contextlib.contextmanager
def peer(b, answers):
    """A socket that sends `answers`, whatever is asked: its path."""
    path = str(b.tmp / "fake")
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen()

    def serve():
        with contextlib.suppress(OSError):
            s, _ = server.accept()
            for text in answers:
                s.sendall(text if isinstance(text, bytes) else json.dumps(text).encode() + b"\n")
            s.shutdown(socket.SHUT_WR)
            while s.recv(65536):
                pass
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield path
    server.close()
    os.unlink(path)


@case()
def test_ctl_hostile(b):
    """a peer that sends what it likes: no crash, no hang, no control characters"""
    not_on_peer("the client is ours")
    hello, ok = {"QMP": {}}, {"return": {}}
    types = [{"name": "go", "meta-type": "command", "arg-type": "a", "ret-type": "l"}, {"name": "str", "meta-type": "builtin"},
             {"name": "a", "meta-type": "object", "members": [{"name": "x", "type": "y"}, {"name": "l", "type": "l"}, 5, {"name": 1}]},
             {"name": "y", "meta-type": "alternate", "members": [{"type": "y"}, {"type": "a"}]},
             {"name": "l", "meta-type": "array", "element-type": "l"}, {"name": 3, "meta-type": "object"}, 7, None,
             {"name": "e", "meta-type": "enum", "members": 5, "values": [1, None]}, {"name": "o", "meta-type": []}]
    within = {"name": "w", "meta-type": "object", "members": [{"name": f"m{i}", "type": "w"} for i in range(100)]}  # in itself, 100 times
    types += [within, {"name": "deep", "meta-type": "command", "arg-type": "w"}]
    schema = {"return": types}
    escapes = {"return": [{"name": "go\x1b", "meta-type": "command", "arg-type": "a\x07", "ret-type": "a\x07"},
                          {"name": "go", "meta-type": "command", "arg-type": "a\x07", "ret-type": "a\x07"},
                          {"name": "a\x07", "meta-type": "object", "members": [{"name": "m\x1b", "type": "e\x1b"}]},
                          {"name": "e\x1b", "meta-type": "enum", "values": ["v\x1b"]}]}
    for answers, words, code in (
            ([b"\xff\xfe garbage\n"], ["go"], 2), ([b""], ["go"], 2), ([b"[" * 5000], ["go"], 2), ([[1]], ["go"], 2),
            ([{"QMP": 5}, {"event": "X"}, 5], ["go"], 2), ([hello, ok, ok], ["go"], 2), ([hello, ok, schema], ["go"], 2),
            ([hello, ok, {"return": 5}], ["go"], 2), ([hello, ok, {"return": {}}], [], 0),
            ([hello, ok, schema, {"error": {"class": "\x1b[2J", "desc": "x"}}], ["go"], 1), ([hello, ok, escapes], [], 0),
            ([hello, ok, escapes], ["help", "go"], 0), ([hello, ok, escapes], ["go_"], 2), ([hello, ok, escapes], ["go", "m_=1"], 2),
            ([hello, ok, escapes], ["go", "m\x1b=1"], 2), ([hello, ok, schema, {"error": 5}], ["go"], 1), ([hello, ok, schema, {"error": {"desc": "\x1b[2Jx\x07"}}], ["go"], 1),
            ([hello, ok, schema, {"return": "\x1b]0;x\x07 y"}], ["go"], 0), ([hello, ok, schema, {"return": [[[]], {}, None]}], ["go"], 0),
            ([hello, ok, schema, {"return": [{"a\x1b": "b\x1b"}, {"c": [{}]}]}], ["go"], 0),
            ([hello, ok, schema, {}], ["go"], 0), ([hello, ok, schema], ["help", "go"], 0), ([hello, ok, schema], [], 0),
            ([hello, ok, schema], ["help", "deep"], 0),
            ([hello, ok, schema], ["go", "x=1", "l=2"], 2), ([hello, ok, schema], ["go", "x.x.x.l.0.x=1"], 2),
            ([hello, ok, schema, {"event": "E\x1b", "timestamp": 5, "data": {"x\x1b": 1}}, {"event": "E", "data": 5}], ["events"], 0)):
        with peer(b, answers) as path:
            got = ctl(b, path, *words)
        check(got[0] == code, f"{answers} {words}: {got}")
        check("\x1b" not in got[1] + got[2] and "\x07" not in got[1] + got[2], f"control characters: {got}")

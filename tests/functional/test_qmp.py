# SPDX-License-Identifier: GPL-2.0-or-later
"""The control socket (QMP): greeting, negotiation, requests, events, descriptors, several clients, the end."""
import array
import json
import os
import signal
import socket

from guests import bare_program
from harness import case, check, seconds, until


class Client:
    """One connection; speaks when it is told to.  path: of a socket, (host, port), or a socket that is connected."""

    def __init__(self, path, negotiate=True):
        if isinstance(path, socket.socket):
            self.sock = path
        else:
            self.sock = socket.socket(socket.AF_UNIX if isinstance(path, str) else socket.AF_INET)
            until("the monitor", lambda: self._connect(path))
        self.sock.settimeout(seconds(20))
        self.file = self.sock.makefile("rb")
        self.greeting = self.read()
        self.events = []
        if negotiate:
            check(self.ask("qmp_capabilities") == {}, "the negotiation fails")

    def _connect(self, path):
        try:
            self.sock.connect(path)
            return True
        except OSError:
            return False

    def read(self):
        line = self.file.readline()
        return json.loads(line) if line else None

    def send(self, text):
        self.sock.sendall(text if isinstance(text, bytes) else text.encode())

    def reply(self):
        """The next message that is no event; events before it are kept."""
        while "event" in (message := self.read() or {"end": True}):
            self.events.append((message["event"], message.get("data")))
        return message

    def event(self, name, wanted=lambda data: True):
        """The data of the next event of this name that is wanted; those before it are forgotten."""
        while True:
            while self.events:
                got, data = self.events.pop(0)
                if got == name and wanted(data):
                    return data
            message = self.read()
            check(message and "event" in message, f"{message} comes where {name} should")
            self.events.append((message["event"], message.get("data")))

    def ask(self, name, /, **args):
        self.send(json.dumps({"execute": name, "arguments": {k.replace("_", "-"): v for k, v in args.items()}, "id": 7}))
        message = self.reply()
        check(message.get("id") == 7, f"{name} is answered by {message}")
        return message["return"] if "return" in message else message["error"]

    def fails(self, name, kind, text, /, **args):
        error = self.ask(name, **args)
        check(error.get("class") == kind and text in error["desc"], f"{name} is answered by {error}")


def start(b, program="debug", *more):
    path = str(b.tmp / "qmp")
    m = b.machine("-bios", "none", "-kernel", bare_program(b, program), "-serial", "stdio", "-qmp",
                  f"unix:{path},server=on,wait=off", *more, serial=False)
    return m, path


@case()
def test_qmp_wire(b):
    """values and not lines, ids of any kind, errors once a line, a control byte begins afresh"""
    _, path = start(b)
    c = Client(path, negotiate=False)
    check(c.greeting["QMP"]["capabilities"] == ["oob"], f"the greeting is {c.greeting}")
    c.send('{"execute": "query-status"}\n')
    check(c.reply()["error"]["desc"].startswith("Expecting capabilities negotiation"), "a command before the negotiation")
    c.send("{\n 'execute':\n'qmp_capabilities'}")
    check(c.reply() == {"return": {}}, "single quotes and lines")
    for value in (1, -1.5e3, "x\u20ac\U0001f600", None, True, [1, {"a": []}], 18446744073709551615):
        c.send(json.dumps({"execute": "query-name", "id": value}))
        check(c.reply().get("id", 0) == value, f"the id {value!r} does not come back")
    c.send('{"execute": "query-name"}{"execute": "query-name", "id": 2}{]}}}}}\n{"a": "b\x01{"execute": "query-name"}')
    for wanted in ("return", "return", "error", "error", "return"):
        check(wanted in (message := c.reply()), f"{message} comes where a {wanted} should")
    for text, wanted in (("[]", "must be a JSON object"), ('{"id": 1}', "lacks member 'execute'"),
                         ('{"execute": 1}', "must be a string"), ('{"execute": "stop", "x": 1}', "'x' is unexpected"),
                         ('{"execute": "stop", "arguments": []}', "must be an object"),
                         ('{"execute": "stop", "execute": "cont"}', "duplicate key 'execute'"),
                         ('{"exec-oob": "quit"}', "'exec-oob' is unexpected"),
                         ('{"execute": "stop", "arguments": {"y": 1}}', "Parameter 'y' is unexpected"),
                         ('{"execute": "set_link", "arguments": {"name": "a"}}', "Parameter 'up' is missing"),
                         ('{"execute": "set_link", "arguments": {"name": 1, "up": true}}', "expected: string")):
        c.send(text + "\n")
        desc = c.reply()["error"]["desc"]
        check(wanted in desc, f"{text} is answered by {desc}")
    c.fails("nope", "CommandNotFound", "The command nope has not been found. query-commands lists")
    c.fails("query-statos", "CommandNotFound", "The command query-statos has not been found. Did you mean 'query-stats'?")
    c.fails("qmp_capabilities", "CommandNotFound", "already complete")


@case()
def test_qmp_order(b):
    """what a command causes is told before its reply, to all who have negotiated; quit ends with the end of file"""
    m, path = start(b, "echo")
    c, other, silent = Client(path), Client(path), Client(path, negotiate=False)
    m.expect("ready\n")
    for command, events in (("stop", ["STOP"]), ("stop", []), ("cont", ["RESUME"]), ("cont", []),
                            ("system_reset", ["RESET"]), ("system_powerdown", ["POWERDOWN"])):
        c.events.clear()
        check(c.ask(command) == {}, f"{command} fails")
        check([name for name, _ in c.events] == events, f"{command} is told as {c.events}")
    check(c.ask("human-monitor-command", command_line="info status") == "VM status: running\r\n", "info status")
    check(c.ask("human-monitor-command", command_line="foo") == "unknown command: 'foo'\r\n", "an unknown one")
    other.ask("query-name")
    check([e for e, _ in other.events] == ["STOP", "RESUME", "RESET", "POWERDOWN"], f"the other saw {other.events}")
    c.events.clear()
    c.send('{"execute": "quit"}\n\n')
    check(c.reply() == {"return": {}} and c.events == [("SHUTDOWN", {"guest": False, "reason": "host-qmp-quit"})],
          f"quit is told as {c.events}")
    check(c.read() is None, "something comes behind the reply to quit")
    check(silent.read() is None, "who has not negotiated is told something")
    m.expect_exit(0)


@case()
def test_qmp_ends(b):
    """the guest's power-off, a signal, and -no-shutdown"""
    m, path = start(b, "exit", "-S", "-no-shutdown")
    c = Client(path)
    check(c.ask("query-status") == {"running": False, "status": "prelaunch"}, "-S")
    c.ask("cont")
    while len(c.events) < 3:
        message = c.read()
        c.events.append((message["event"], message.get("data")))
    check(c.events == [("RESUME", None), ("SHUTDOWN", {"guest": True, "reason": "guest-shutdown"}), ("STOP", None)],
          f"the end is told as {c.events}")
    check(c.ask("query-status")["status"] == "shutdown", "the status")
    c.fails("cont", "GenericError", "Resetting the Virtual Machine is required")
    c.ask("system_reset")
    check(c.ask("query-status")["status"] == "prelaunch", "a reset leads out of it")
    c.events.clear()
    m.proc.send_signal(signal.SIGTERM)
    message = c.read()
    check(message["data"] == {"guest": False, "reason": "host-signal"}, f"the signal is told as {message}")
    check(c.read() is None, "no end of file")
    m.expect_exit(0)


@case()
def test_qmp_descriptors(b):
    """getfd, closefd, add-fd; what a command does not take is closed"""
    _, path = start(b)
    c = Client(path)

    def ask_with_fd(name, **args):
        reader, writer = os.pipe()
        text = json.dumps({"execute": name, "arguments": {k.replace("_", "-"): v for k, v in args.items()}, "id": 7})
        c.sock.sendmsg([text.encode()], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [writer]))])
        os.close(writer)
        message = c.reply()
        return message.get("return", message.get("error")), reader

    _, first = ask_with_fd("getfd", fdname="a")
    _, second = ask_with_fd("getfd", fdname="a")
    check(os.read(first, 1) == b"", "the same name again does not replace the first")
    check(c.ask("closefd", fdname="a") == {} and os.read(second, 1) == b"", "closefd closes nothing")
    c.fails("closefd", "GenericError", "File descriptor named 'a' not found", fdname="a")
    _, reader = ask_with_fd("query-name")
    check(os.read(reader, 1) == b"", "a descriptor that nobody takes stays open")
    c.fails("add-fd", "GenericError", "No file descriptor supplied via SCM_RIGHTS")
    added, reader = ask_with_fd("add-fd", opaque="x")
    check(added["fdset-id"] == 0, f"add-fd answers {added}")
    check(c.ask("query-fdsets") == [{"fdset-id": 0, "fds": [{"fd": added["fd"], "opaque": "x"}]}], "query-fdsets")
    check(c.ask("remove-fd", fdset_id=0) == {} and os.read(reader, 1) == b"", "remove-fd closes nothing")


@case()
def test_qmp_next_client(b):
    """of a monitor that calls its clients, the next one finds nothing of the one before"""
    listener, path = socket.socket(socket.AF_UNIX), str(b.tmp / "caller")
    listener.bind(path)
    listener.listen()
    listener.settimeout(seconds(20))
    start(b, "debug", "-chardev", f"socket,id=caller,path={path},reconnect-ms=1", "-mon", "caller,mode=control")
    c = Client(listener.accept()[0])
    reader, writer = os.pipe()
    socket.send_fds(c.sock, [b'{"execute": "getfd", "arguments": {"fdname": "a"}}'], [writer])
    os.close(writer)
    check(c.reply() == {"return": {}}, "getfd")
    c.file.close()
    c.sock.close()
    c = Client(listener.accept()[0])
    c.fails("closefd", "GenericError", "File descriptor named 'a' not found", fdname="a")
    check(os.read(reader, 1) == b"", "the descriptor stays open")


@case()
def test_qmp_slow_reader(b):
    """a client that does not read is disconnected, and the others and the machine go on"""
    m, path = start(b)
    c, slow = Client(path), Client(path)
    for _ in range(8000):
        c.send('{"execute": "stop"}{"execute": "cont"}')
        c.reply()
        c.reply()
        c.events.clear()
        if "disconnected" in m.console.pending:
            break
    check(c.ask("query-status")["running"], "the machine does not run")
    slow.sock.settimeout(seconds(20))
    size = 0
    while data := slow.sock.recv(1 << 20):
        size += len(data)
    check(size < 4 << 20, f"{size} bytes were kept")


@case()
def test_qmp_schema(b):
    """every reply and event is what query-qmp-schema says"""
    _, path = start(b, "debug", "-device", "virtio-serial-pci", "-netdev", "user,id=n0", "-device", "virtio-net-pci,netdev=n0,id=net0")
    c = Client(path)
    schema = {e["name"]: e for e in c.ask("query-qmp-schema")}
    check({e["name"] for e in c.ask("query-commands")} == {n for n, e in schema.items() if e["meta-type"] == "command"},
          "query-commands and the schema differ")
    asked = 0
    for name, entry in schema.items():
        if entry["meta-type"] == "command" and name.startswith(("query-", "x-query-")):
            needs = [m for m in schema[entry["arg-type"]]["members"] if "default" not in m]
            result = None if needs else c.ask(name)
            if result is not None and not (isinstance(result, dict) and "class" in result):
                fits(schema, name, entry["ret-type"], result)
                asked += 1
    check(asked > 20, f"only {asked} commands were looked at")
    for name, args in (("qom-list", {"path": "/machine/peripheral"}), ("qom-list-types", {}),
                       ("device-list-properties", {"typename": "virtio-net-pci"}), ("qom-list", {"path": "net0"})):
        fits(schema, name, schema[name]["ret-type"], c.ask(name, **args))
    check(c.ask("qom-get", path="/machine/peripheral/net0", property="mac") == "52:54:00:12:34:56", "qom-get")
    c.fails("qom-get", "DeviceNotFound", "Device '/machine/peripheral/x' not found", path="/machine/peripheral/x", property="y")


def fits(schema, where, name, value):
    """Is `value` of the type `name`?"""
    t = schema[name]
    kinds = {"string": str, "int": int, "number": (int, float), "boolean": bool, "value": object}
    if t["meta-type"] == "builtin":
        check(isinstance(value, kinds[t["json-type"]]), f"{where}: {value!r} is no {t['json-type']}")
    elif t["meta-type"] == "enum":
        check(value in t["values"], f"{where}: {value!r} is none of {t['values']}")
    elif t["meta-type"] == "array":
        check(isinstance(value, list), f"{where}: {value!r} is no list")
        for one in value:
            fits(schema, where + "[]", t["element-type"], one)
    else:
        members = {m["name"]: m for m in t["members"]}
        if "tag" in t:
            arm = next(v["type"] for v in t["variants"] if v["case"] == value[t["tag"]])
            members.update({m["name"]: m for m in schema[arm]["members"]})
        for key in value:
            check(key in members, f"{where}: {key} is not in the schema")
            if value[key] is not None:
                fits(schema, f"{where}.{key}", members[key]["type"], value[key])
        for key, m in members.items():
            check(key in value or "default" in m, f"{where}: {key} is missing")


@case()
def test_qmp_options(b):
    """a second monitor over several lines, and what is no place for one"""
    pretty = str(b.tmp / "pretty")
    m, path = start(b, "debug", "-chardev", f"socket,id=p,path={pretty},server=on,wait=off", "-mon",
                    "chardev=p,mode=control,pretty=on")
    sock = socket.socket(socket.AF_UNIX)
    Client(path)
    sock.connect(m.socket(pretty))
    sock.settimeout(seconds(20))
    text = b""
    while not text.endswith(b"\r\n}\r\n"):
        text += sock.recv(4096)
    check(text.startswith(b'{\r\n    "QMP": {\r\n        "version": {\r\n'), f"the greeting is {text}")
    sock.sendall(b'{"execute": "qmp_capabilities"}')
    check(sock.recv(4096) == b'{\r\n    "return": {\r\n    }\r\n}\r\n', "an empty object is not broken over two lines")
    for argv, wanted in ((("-qmp", "none"), "no place for a monitor"),
                         (("-chardev", "null,id=n", "-mon", "chardev=n,pretty=on"), "add mode=control"),
                         (("-chardev", "null,id=n,mux=on", "-mon", "chardev=n,mode=control"), "mux=on"),
                         (("-chardev", "null,id=n", "-mon", "chardev=n,mode=control", "-mon", "chardev=n,mode=control"), "in use"),
                         (("-mon", "chardev=x,mode=control"), "not found")):
        code, _, err = b.run("-M", "virt", "-display", "none", "-nodefaults", *argv)
        check(code == 1 and wanted in err, f"{argv} ends with {code}: {err}")

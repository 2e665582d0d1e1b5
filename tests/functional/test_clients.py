# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs that drive a machine: the lines that they pass, and what they then say and ask."""
import array
import json
import os
import random
import signal
import socket

from client_lines import INCUS_CONFIG, LINES, MISSING
from guests import bare_program, debian_kernel
from harness import EMULATOR, Machine, case, check, not_on_peer, until
from test_qmp import Client, start


def free_port():
    """A port that nobody listens on; another program may take it meanwhile, as it may from the real ones."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Line:
    """A program's command line, filled in, and the machine that it starts."""

    def __init__(self, b, name, linux=False):
        self.b, self.name, self.tmp = b, name, b.tmp
        self.port, self.port2 = free_port(), free_port()
        for file, size in (("disk", 1 << 20), ("iso", 1 << 16)):
            (b.tmp / file).write_bytes(bytes(size))
        (b.tmp / "ign").write_text('{"ignition": {"version": "3.2.0"}}')
        (b.tmp / "qemu.conf").write_text(INCUS_CONFIG.format(tmp=b.tmp))
        self.words = {"tmp": b.tmp, "disk": b.tmp / "disk", "port": self.port, "port2": self.port2}
        if linux:
            kernel = debian_kernel()
            self.words |= {"kernel": kernel.image, "initrd": kernel.initrd, "firmware": kernel.firmware, "append": "console=ttyS0 quiet"}
        else:
            self.words["bare"] = bare_program(b, "echo")

    def args(self):
        return [word.format(**self.words) for word in LINES[self.name].split(" ") if word]

    def start(self, *more):
        """In the program's own folder, for names that are relative."""
        m = Machine(self.b, ["sh", "-c", 'cd "$0" && exec "$@"', str(self.tmp), os.path.abspath(EMULATOR), *self.args(), *more])
        self.b.onexit.callback(m.stop)
        return m

    def run(self):
        """What puts itself into the background, or ends."""
        result = self.b.run(*self.args())
        self.b.onexit.callback(self.end_daemon)
        return result

    def end_daemon(self):
        pid = self.tmp / "pid"
        if pid.exists():
            os.kill(int(pid.read_text()), signal.SIGKILL)

    def qmp(self):
        return Client(str(self.tmp / "qmp"))


def hmp(c, line, **more):
    text = c.ask("human-monitor-command", command_line=line, **more)
    check(isinstance(text, str), f"{line}: {text}")
    return text


def ends(c, m):
    c.send('{"execute": "quit"}')
    check(c.reply() == {"return": {}} and c.read() is None, "quit")
    m.expect_exit(0)


@case(quick=False, limit=120)
def test_client_lima(b):
    """Lima: boots, asks for VNC and snapshots, presses the power button"""
    line = Line(b, "lima", linux=True)
    m = line.start()
    c = line.qmp()
    until("user space", lambda: b"user space reached" in (b.tmp / "serial.log").read_bytes(), 60)
    check(int((b.tmp / "pid").read_text()) == m.proc.pid, "the pid file")
    check(c.ask("query-vnc") == {"enabled": False}, "query-vnc")
    c.fails("change-vnc-password", "GenericError", "no VNC server", password="x")
    for command in ("savevm s", "loadvm s", "delvm s", "info snapshots"):
        check("snapshot" in hmp(c, command), f"{command} does not say that no disk here keeps one")
    check(c.ask("system_powerdown") == {} and c.events[-1] == ("POWERDOWN", None), f"system_powerdown: {c.events}")
    with socket.socket() as s:
        s.connect(("127.0.0.1", line.port))
    ends(c, m)
    check(not (b.tmp / "pid").exists() and not (b.tmp / "serial.sock").exists(), "files are left behind")


@case()
def test_client_lima_probes(b):
    """Lima, Incus and others before they start: versions and lists"""
    link = b.tmp / "qemu-system-riscv64"
    link.symlink_to(os.path.abspath(EMULATOR))
    for args, wanted in ((["--version"], "QEMU emulator version "), (["-M", "none", "-accel", "help"], "tcg"), (["-machine", "help"], "virt "),
                         (["-M", "none", "-netdev", "help"], "user"), (["-cpu", "help", "-machine", "virt"], "rv64"),
                         (["--help"], "\n-gdb "), (["--help"], "\n-display "), (["-device", "help"], 'name "virtio-net-pci", bus PCI')):
        code, out, err = b.run(*args, program=str(link))
        check(code == 0 and wanted in out, f"{args}: exit code {code}: {err}: {out[:200]!r}")
    out = b.run("--version", program=str(link))[1].split()
    check(all(x.isdigit() for x in out[3].split(".")) and len(out[3].split(".")) == 3, f"the version is {out[3]}")


@case()
def test_client_podman(b):
    """podman machine: a status, the power button, and no answer after the end"""
    line = Line(b, "podman")
    m = line.start()
    c = line.qmp()
    check(c.ask("query-status") == {"running": True, "status": "running"}, "query-status")
    check(c.ask("system_powerdown") == {} and c.ask("query-status")["status"] == "running", "system_powerdown")
    ends(c, m)


@case()
def test_client_packer(b):
    """Packer: options in any order; the card's address by the tree of objects"""
    line = Line(b, "packer")
    args, options = line.args(), []
    for word in args:
        options.append([word]) if word.startswith("-") else options[-1].append(word)
    random.Random(8).shuffle(options)
    m = Machine(b, [EMULATOR, *[x for o in options for x in o]])
    b.onexit.callback(m.stop)
    c = line.qmp()
    nic = [x["name"] for x in c.ask("qom-list", path="/machine/peripheral-anon") if x["type"] == "child<virtio-net-pci>"]
    place = f"/machine/peripheral-anon/{nic[0]}"
    check("mac" in [x["name"] for x in c.ask("qom-list", path=place)], f"{place} has no mac")
    check(c.ask("qom-get", path=place, property="mac") == "52:54:00:12:34:56", "the address")
    check(c.ask("qom-list", path="/machine/peripheral") == [{"name": "type", "type": "string"}], "names nobody gave")
    c.fails("qom-get", "DeviceNotFound", "not found", path="/machine/peripheral/none", property="mac")
    c.fails("qom-list", "DeviceNotFound", "not found", path="/machine/peripheral/none")
    ends(c, m)


@case()
def test_client_multipass(b):
    """Multipass: JSON of many lines over the terminal's descriptors, a card that has no name, states by events"""
    m = Line(b, "multipass").start()

    def ask(command, **args):
        m.send(json.dumps({"execute": command, "arguments": args}, indent=4) + "\n")

    m.expect('"QMP"')
    ask("qmp_capabilities")
    m.expect(r'"return": \{\}')
    for up in (False, True):
        ask("set_link", name="virtio-net-pci.0", up=up)
        m.expect(r'"return": \{\}')
    ask("stop")
    m.expect('"STOP"')
    ask("human-monitor-command", **{"command-line": "savevm suspend"})
    m.expect('"return": "Error: [^"]*snapshot')
    ask("cont")
    m.expect('"RESUME"')
    ask("system_powerdown")
    m.expect('"POWERDOWN"')
    ask("quit")
    m.expect('"host-qmp-quit"')
    m.expect_exit(0)


@case(quick=False, limit=120)
def test_client_syzkaller(b):
    """syzkaller: registers of each CPU over TCP; texts of failures; a port that is in use"""
    line = Line(b, "syzkaller", linux=True)
    m = line.start()
    c = Client(("127.0.0.1", line.port2))
    m.expect("user space reached", 60)
    for cpu in (0, 1):
        check(" pc " in hmp(c, "info registers", cpu_index=cpu), "no pc among the registers")
    c.fails("human-monitor-command", "GenericError", "expects a CPU number", command_line="info registers", cpu_index=2)
    check(hmp(c, "nosuchcommand", cpu_index=0) == "unknown command: 'nosuchcommand'\r\n", "an unknown command")
    for command in ("savevm syz", "loadvm syz", "migrate_set_capability x-ignore-shared on"):
        check(hmp(c, command, cpu_index=0).startswith(("Error: ", "unknown command: ")), f"{command} is no failure")
    code, _, err = b.run(*line.args())
    check(code == 1 and ("Address already in use" in err), f"the monitor's port is in use: exit code {code}: {err}")
    line.words["port2"] = free_port()
    code, _, err = b.run(*line.args())
    check(code == 1 and "ould not set up host forwarding rule" in err, f"the guest's port is in use: exit code {code}: {err}")
    m.send("reboot -f\n")
    m.expect_exit(0, 60)


@case(quick=False, limit=120)
def test_client_yocto(b):
    """runqemu: two monitors by relative names, the first is waited for; a serial line over TCP; cont"""
    line = Line(b, "yocto", linux=True)
    with socket.create_server(("127.0.0.1", line.port2)) as server:
        m = line.start()
        c = Client(str(b.tmp / ".x"))
        other = Client(str(b.tmp / ".y"))
        serial = server.accept()[0]
    check(c.ask("query-status")["status"] == "prelaunch" and other.ask("query-status")["status"] == "prelaunch", "-S")
    check(c.ask("cont") == {}, "cont")
    text = b""
    while b"user space reached" not in text:
        data = serial.recv(4096)
        check(data, f"the serial line ends: {text}")
        text += data
    check(other.read()["event"] == "RESUME", "the other monitor hears nothing")
    m.proc.send_signal(signal.SIGTERM)
    check(c.read()["data"] == {"guest": False, "reason": "host-signal"}, "the signal")
    m.expect_exit(0)


@case()
def test_client_virtme_ng(b):
    """virtme-ng: console and monitor share the terminal, QMP over TCP tells the threads of the CPUs"""
    line = Line(b, "virtme-ng")
    m = line.start()
    m.expect("ready")
    c = Client(("127.0.0.1", line.port2))
    threads = [x["thread-id"] for x in c.ask("query-cpus-fast")]
    check(len(set(threads)) == 2 and all(os.path.exists(f"/proc/{m.proc.pid}/task/{t}") for t in threads), f"threads {threads}")
    with socket.socket() as s:
        s.connect(("127.0.0.1", line.port))
    ends(c, m)


def send_fd(c, command, fd, **args):
    text = json.dumps({"execute": command, "arguments": args})
    c.sock.sendmsg([text.encode()], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))])
    return c.reply()["return"]


@case()
def test_client_incus(b):
    """Incus: options from a file, in the background; descriptors, plugs and unplugs, the console from a ring buffer"""
    line = Line(b, "incus")
    code, _, err = line.run()
    check(code == 0, f"exit code {code}: {err}")
    c = line.qmp()
    check(c.ask("query-status")["status"] == "prelaunch", "-S")
    with open(b.tmp / "disk", "rb") as f:
        check(send_fd(c, "add-fd", f.fileno(), **{"fdset-id": 3})["fdset-id"] == 3, "add-fd")
        check(send_fd(c, "getfd", f.fileno(), fdname="tap") == {}, "getfd")
    check(c.ask("closefd", fdname="tap") == {} and c.ask("remove-fd", fdset_id=3) == {}, "descriptors")
    check(c.ask("query-memory-size-summary")["base-memory"] == 256 << 20, "query-memory-size-summary")
    check(len(c.ask("query-cpus-fast")) == 2, "query-cpus-fast")
    c.fails("query-hotpluggable-cpus", "GenericError", "hot-plugging CPUs")
    check(c.ask("set-action", shutdown="pause") == {}, "set-action")
    check(c.ask("netdev_add", type="user", id="net1") == {} and c.ask("netdev_del", id="net1") == {}, "networks")
    check(c.ask("object-add", qom_type="rng-builtin", id="r1") == {} and c.ask("object-del", id="r1") == {}, "objects")
    check(c.ask("device_add", driver="virtserialport", id="port1", bus="dev-qemu_serial.0") == {}, "device_add")
    c.events.clear()
    check(c.ask("device_del", id="port1") == {}, "device_del")
    check(("DEVICE_DELETED", {"device": "port1", "path": "/machine/peripheral/port1"}) in c.events, f"device_del is told as {c.events}")
    c.fails("device_add", "GenericError", "does not support hotplugging", driver="virtio-net-pci", id="n1", bus="pcie.0")
    c.fails("device_del", "DeviceNotFound", "not found", id="port1")
    check(c.ask("cont") == {}, "cont")
    said = ""
    while "ready" not in said:
        said += c.ask("ringbuf-read", device="console", size=4096)
    c.send('{"execute": "quit"}')
    c.reply()
    check(c.read() is None, "quit")
    until("the pid file to go", lambda: not (b.tmp / "pid").exists())


@case()
def test_client_kata(b):
    """Kata: the socket by path= and as a descriptor; objects, properties"""
    line = Line(b, "kata")
    m = line.start()
    c = line.qmp()
    check(c.ask("query-status")["running"] and c.ask("query-qmp-schema"), "it runs")
    check(c.ask("qom-list", path="/machine/peripheral")[0] == {"name": "type", "type": "string"}, "qom-list")
    check(c.ask("object-add", qom_type="memory-backend-ram", id="dimm1", size=1 << 20) == {}, "object-add")
    check(c.ask("object-del", id="dimm1") == {}, "object-del")
    ends(c, m)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(b.tmp / "handed"))
        listener.listen()
        args = [x.replace(f"unix:path={b.tmp}/qmp", f"unix:fd={listener.fileno()}") for x in line.args()]
        code, _, err = b.run(*args, "-daemonize", fds=(listener.fileno(),))
    check(code == 0, f"exit code {code}: {err}")
    b.onexit.callback(line.end_daemon)
    c = Client(str(b.tmp / "handed"))
    c.send('{"execute": "quit"}')
    check(c.reply() == {"return": {}}, "quit")
    until("the pid file to go", lambda: not (b.tmp / "pid").exists())


@case()
def test_client_probe(b):
    """libvirt's probe: when -daemonize returns the monitor listens and the pid file is written; what it asks is answered"""
    line = Line(b, "libvirt-probe")
    code, _, err = line.run()
    check(code == 0 and not err, f"exit code {code}: {err}")
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(str(b.tmp / "qmp"))        # at once
    sock.close()
    check(os.path.exists(f"/proc/{int((b.tmp / 'pid').read_text())}"), "the pid file")
    c = line.qmp()
    check(c.ask("query-target") == {"arch": "riscv64"}, "query-target")
    types = {x["name"] for x in c.ask("qom-list-types")}
    check({"memory-backend-file", "memory-backend-memfd", "rng-random", "tcg-accel", "virtio-blk-device"} <= types, f"types: {types}")
    for name in ("memory-backend-file", "memory-backend-memfd", "virt-machine", "none-machine"):
        check(c.ask("qom-list-properties", typename=name), f"properties of {name}")
    for name in ("virtio-blk-pci", "virtio-net-pci", "virtio-balloon-pci", "virtio-gpu-pci", "scsi-hd"):
        found = c.ask("device-list-properties", typename=name)
        check(isinstance(found, list) or found["class"] == "DeviceNotFound", f"properties of {name}: {found}")
    virt, = [x for x in c.ask("query-machines") if x["name"] == "virt"]
    check(virt["default-ram-id"] == "riscv_virt_board.ram", f"virt: {virt}")
    for name in ("query-kvm", "query-accelerators", "query-cpu-definitions", "query-command-line-options", "query-migrate-capabilities",
                 "query-tpm-models", "query-tpm-types", "query-commands", "query-qmp-schema"):
        check("class" not in c.ask(name), f"{name} fails")


@case()
def test_client_missing(b):
    """what programs pass and is not there is refused by its name"""
    not_on_peer("it has these")
    for program, options in MISSING.items():
        for text, named in options.items():
            code, _, err = b.run("-machine", "virt", "-display", "none", "-nodefaults", "-bios", "none", "-S", *text.split(" "))
            check(code == 1 and named in err, f"{program}: {text}: exit code {code}: {err}")


@case()
def test_ram_in_file(b):
    """memory-backend-file: RAM is the file with share=on, and a private copy of it without"""
    program = bare_program(b, "exit")
    for share, changed in (("on", True), ("off", False)):
        path = b.tmp / f"ram-{share}"
        path.write_bytes(bytes(64 << 20))
        m = b.machine("-bios", "none", "-kernel", program, "-object",
                      f"memory-backend-file,id=mem,size=64M,mem-path={path},share={share}", "-machine", "memory-backend=mem",
                      cpu_memory=())
        m.wait()
        check(any(path.read_bytes()[:4096]) == changed, f"share={share}: the file is {'not ' if changed else ''}changed")


@case()
def test_client_block_nodes(b):
    """disks as libvirt gives them: found by the names of their nodes and the place of their device"""
    image = b.tmp / "disk"
    image.write_bytes(bytes(1 << 20))
    nodes = [{"driver": "file", "filename": str(image), "node-name": "storage", "auto-read-only": True, "discard": "unmap"},
             {"node-name": "format", "read-only": False, "driver": "raw", "file": "storage"}]
    for device, place in (("virtio-blk-device", "/machine/peripheral/disk0/virtio-backend"),
                          ("virtio-blk-pci", "/machine/peripheral/disk0/virtio-backend")):
        _, path = start(b, "debug", *[x for n in nodes for x in ("-blockdev", json.dumps(n))], "-device",
                        json.dumps({"driver": device, "drive": "format", "id": "disk0", "bootindex": 1}))
        c = Client(path)
        drive, = c.ask("query-block")
        check(drive["device"] == "" and drive["qdev"] == place and drive["inserted"]["node-name"] == "format", f"query-block: {drive}")
        found = {n["node-name"]: n for n in c.ask("query-named-block-nodes", flat=True)}
        check(sorted(found) == ["format", "storage"] and found["storage"]["drv"] == "file", f"nodes: {found}")
        check(found["format"]["image"]["actual-size"] >= 0, f"the image: {found['format']}")
        counted = c.ask("query-blockstats", query_nodes=True)
        check(sorted(n["node-name"] for n in counted) == ["format", "storage"], f"query-blockstats: {counted}")
        check(c.ask("qom-get", path=place, property="drive") == "format", f"{place} leads nowhere")
        c.ask("quit")


@case()
def test_client_channel_open(b):
    """a channel is open when the guest has opened it, a console always: managers wait for agents by that"""
    _, path = start(b, "debug", "-device", "virtio-serial-device", "-chardev", "null,id=agent", "-device",
                    "virtserialport,chardev=agent,name=org.qemu.guest_agent.0", "-chardev", "null,id=console", "-device",
                    "virtconsole,chardev=console", "-chardev", "null,id=unused")
    found = {x["label"]: x["frontend-open"] for x in Client(path).ask("query-chardev")}
    check(not found["agent"] and not found["unused"] and found["console"], f"open: {found}")

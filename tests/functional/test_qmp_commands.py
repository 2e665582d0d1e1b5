# SPDX-License-Identifier: GPL-2.0-or-later
"""What commands of the control socket (QMP) do: drives, PCI, cards, objects, chardevs, memory, the tree of objects."""
import base64
import os
import socket
import stat

from guests import bare_program
from harness import case, check, not_on_peer, seconds, until
from test_linux import PROMPT, boot, power_off
from test_qmp import Client, fits, start


def ask_typed(c, name, /, **args):
    """The answer, which must be what the schema says."""
    c.schema = getattr(c, "schema", None) or {e["name"]: e for e in c.ask("query-qmp-schema")}
    answer = c.ask(name, **args)
    check(not (isinstance(answer, dict) and "class" in answer), f"{name} fails: {answer}")
    fits(c.schema, name, c.schema[name]["ret-type"], answer)
    return answer


@case()
def test_qmp_devices(b):
    """drives, PCI functions and cards by name, and the same for people"""
    image = b.tmp / "disk"
    image.write_bytes(bytes(1 << 20))
    _, path = start(b, "debug", "-drive", f"if=none,id=d0,format=raw,file={image}", "-device", "virtio-blk-pci,drive=d0,id=disk0",
                    "-netdev", "user,id=n0", "-netdev", "user,id=n1", "-device", "virtio-net-pci,netdev=n0,id=net0", "-smp", "2")
    c = Client(path)
    drive, = ask_typed(c, "query-blockstats")
    check((drive["device"], drive["qdev"]) == ("d0", "/machine/peripheral/disk0/virtio-backend"), f"the drive is {drive}")
    check(drive["stats"]["rd_operations"] == 0 and "idle_time_ns" not in drive["stats"], f"the counts are {drive}")
    node, = ask_typed(c, "query-blockstats", query_nodes=True)
    check("device" not in node and node["node-name"] == drive["node-name"], f"the node is {node}")
    check(c.ask("query-block")[0]["qdev"] == drive["qdev"], "query-block names another device")
    text = c.ask("human-monitor-command", command_line="info blockstats")
    check(text.startswith("d0: rd_bytes=0 wr_bytes=0 rd_operations=0 "), f"info blockstats prints {text}")
    bus, = ask_typed(c, "query-pci")
    found = {d["qdev_id"]: (d["class_info"]["class"], d["id"]["device"], [r["bar"] for r in d["regions"]]) for d in bus["devices"]}
    check(found == {"": (0x600, 8, []), "disk0": (0x100, 0x1042, [4]), "net0": (0x200, 0x1041, [4])}, f"query-pci finds {found}")
    text = c.ask("human-monitor-command", command_line="info pci")
    check("  Bus  0, device   2, function 0:\r\n    Ethernet controller: PCI device 1af4:1041\r\n" in text, f"info pci prints {text}")
    card, = ask_typed(c, "query-rx-filter", name="net0")
    check((card["promiscuous"], card["vlan"], card["main-mac"]) == (True, "all", "52:54:00:12:34:56"), f"the card is {card}")
    c.fails("query-rx-filter", "GenericError", "net client(n0) isn't a NIC", name="n0")
    c.fails("query-rx-filter", "GenericError", "invalid net client name: x", name="x")
    c.fails("netdev_del", "GenericError", "in use", id="n0")
    check(c.ask("netdev_del", id="n1") == {}, "netdev_del")
    c.fails("netdev_del", "DeviceNotFound", "Device 'n1' not found", id="n1")
    check(c.ask("netdev_add", type="user", id="n1") == {}, "the name is not free again")


@case()
def test_qmp_nodes(b):
    """images as nodes by name: on the command line as managers write it, and at run time"""
    images = [b.tmp / name for name in ("one", "two")]
    for image in images:
        image.write_bytes(bytes(1 << 20))
    storage = f'{{"driver":"file","filename":"{images[0]}","node-name":"storage","auto-read-only":true,"discard":"unmap"}}'
    _, path = start(b, "debug", "-blockdev", storage, "-blockdev", '{"node-name":"format","read-only":false,"driver":"raw","file":"storage"}',
                    "-blockdev", f"raw,node-name=dotted,read-only=on,file.driver=file,file.filename={images[1]}", "-device",
                    '{"driver":"virtio-blk-pci","drive":"format","id":"disk0","bootindex":1,"write-cache":"on"}')
    c = Client(path)
    drive, = ask_typed(c, "query-block")
    check((drive["device"], drive["inserted"]["node-name"], drive["inserted"]["drv"]) == ("", "format", "raw"), f"the drive is {drive}")
    nodes = {n["node-name"]: (n["drv"], n["ro"], [i["node-name"] for i in n["children"]]) for n in ask_typed(c, "query-named-block-nodes")}
    check(nodes == {"storage": ("file", False, []), "format": ("raw", False, ["storage"]), "#block0": ("file", True, []),
                    "dotted": ("raw", True, ["#block0"])}, f"the nodes are {nodes}")
    check([s["node-name"] for s in ask_typed(c, "query-blockstats")] == ["format"], "what no device uses has statistics")
    check(len(ask_typed(c, "query-blockstats", query_nodes=True)) == 4, "query-nodes")
    text = c.ask("human-monitor-command", command_line="info block")
    check(text.startswith(f"format: {images[0]} (raw)") and "storage" not in text, f"info block prints {text}")

    def add(**options):
        return c.ask("blockdev-add", **options).get("desc", "")

    for options, error in (({"driver": "nope"}, "'driver' does not accept value 'nope'"), ({"driver": "qed"}, "It is not built"),
                           ({"driver": "file", "filename": "/nonexistent/x"}, "Could not open '/nonexistent/x': No such file"),
                           ({"driver": "file"}, "Parameter 'filename' is missing"), ({"driver": "raw"}, "Parameter 'file' is missing"),
                           ({"driver": "raw", "file": "nope"}, "node-name='nope'"), ({"driver": "raw", "file": 5}, "'file', expected: object"),
                           ({"driver": "raw", "file": ["storage"]}, "'file', expected: object"),
                           ({"driver": "raw", "file": "storage"}, "already in use"),
                           ({"driver": "raw", "file": {"driver": "file"}}, "Parameter 'file.filename' is missing")):
        check(error in (answer := add(node_name="new", **options)), f"{options} is answered by {answer!r}")
    check("must be specified" in add(driver="file", filename=str(images[1])), "a node without a name")
    check("Duplicate nodes with node-name='format'" in add(driver="file", node_name="format", filename=str(images[1])), "a name twice")
    for name in ("", "1a", "a b", "#block7", "a" * 32):
        check("Invalid node-name" in (answer := add(driver="file", node_name=name, filename=str(images[1]))), f"{name!r} is answered by {answer!r}")
    for name in ("format", "storage"):
        c.fails("blockdev-del", "GenericError", "is in use", node_name=name)
    check(c.ask("blockdev-del", node_name="dotted") == {}, "blockdev-del")
    c.fails("blockdev-del", "GenericError", "Failed to find node with node-name='#block0'", node_name="#block0")
    check(add(driver="file", node_name="new", filename=str(images[1])) == "", "the file is not free again")
    check("say it at node 'new'" in add(driver="raw", node_name="dotted", file="new", cache={"direct": True}), "cache.direct of another's file")
    check(add(driver="raw", node_name="dotted", file="new", discard="unmap") == "", "the name is not free again")


@case()
def test_qmp_file_in_place(b):
    """a file that stands in place of its name is opened as the node on top says, unless it says otherwise"""
    image = b.tmp / "image"
    image.write_bytes(bytes(1 << 20))
    _, path = start(b, "debug")
    c = Client(path)
    file = {"driver": "file", "filename": str(image), "node-name": "file"}

    def opened(top, below):
        check(c.ask("blockdev-add", driver="raw", node_name="top", file=file | below, **top) == {}, f"{top} on {below} is refused")
        node, = (n for n in c.ask("query-named-block-nodes") if n["node-name"] == "file")
        c.ask("blockdev-del", node_name="top")
        return node["ro"], node["cache"]["no-flush"]

    for top, below, wanted in (({}, {}, (False, False)), ({"read_only": True}, {}, (True, False)),
                               ({"read_only": True}, {"read-only": False}, (False, False)),
                               ({"cache": {"no-flush": True}}, {}, (False, True)),
                               ({"cache": {"no-flush": True}}, {"cache": {"no-flush": False}}, (False, False))):
        check((got := opened(top, below)) == wanted, f"{top} on {below}: the file is {got}")
    for name in ("one", "two"):
        check(c.ask("blockdev-add", driver="raw", node_name=name, read_only=True, file=file | {"node-name": f"file-{name}"}) == {},
              "two readers of an image")


@case()
def test_qmp_reopen(b):
    """nodes get other options, all of a list or none"""
    image = b.tmp / "image"
    image.write_bytes(bytes(1 << 20))
    _, path = start(b, "debug")
    c = Client(path)
    file = {"driver": "file", "filename": str(image), "node-name": "file"}
    raw = {"driver": "raw", "file": "file", "node-name": "top"}
    check(c.ask("blockdev-add", **file) == {} and c.ask("blockdev-add", **raw) == {}, "blockdev-add")

    def readonly():
        return [n["ro"] for n in c.ask("query-named-block-nodes") if n["node-name"] in ("file", "top")]

    check(c.ask("blockdev-reopen", options=[raw | {"read-only": True}, file | {"read-only": True}]) == {} and readonly() == [True, True], "read-only")
    c.fails("blockdev-reopen", "GenericError", "what is below is read-only", options=[raw])
    c.fails("blockdev-reopen", "GenericError", "'filename'", options=[raw, file | {"filename": "/dev/null"}])
    check(readonly() == [True, True] and c.ask("blockdev-reopen", options=[raw, file]) == {} and readonly() == [False, False], "writable again")
    c.fails("blockdev-reopen", "GenericError", "'options' is missing")


@case()
def test_qmp_trace(b):
    """events are traced from now on, and no longer"""
    log = b.tmp / "log"
    _, path = start(b, "echo", "-D", str(log))
    c = Client(path)
    states = {e["name"]: e["state"] for e in ask_typed(c, "trace-event-get-state", name="*serial*")}
    check("serial-mm.0" in states and set(states.values()) == {"disabled"}, f"the events are {states}")
    for name in ("nope", "serial-mm.0/nope"):
        c.fails("trace-event-get-state", "GenericError", f'unknown event "{name}"', name=name)
        c.fails("trace-event-set-state", "GenericError", f'unknown event "{name}"', name=name, enable=True)
    check(ask_typed(c, "trace-event-get-state", name="nope*") == [], "a pattern that fits nothing")
    check(c.ask("trace-event-set-state", name="serial-mm.0", enable=True) == {}, "trace-event-set-state")
    until("an access", lambda: log.exists() and "serial-mm.0: read lsr" in log.read_text())
    check(ask_typed(c, "trace-event-get-state", name="serial-mm.0")[0]["state"] == "enabled", "the state")
    text = c.ask("human-monitor-command", command_line="info trace-events serial-mm.0")
    check(text == "serial-mm.0 : state 1\r\n", f"info trace-events prints {text!r}")
    check(c.ask("human-monitor-command", command_line="trace-event * off") == "", "trace-event")
    check({e["state"] for e in c.ask("trace-event-get-state", name="*")} == {"disabled"}, "events are still traced")


@case()
def test_qmp_threads_of_cpus(b):
    """each vCPU is at a thread of the host's, whether it runs or stands, or shares one"""
    for options, count in (((), 2), (("-accel", "tcg,thread=single"), 1)):
        m, path = start(b, "debug", "-smp", "2", "-S", *options)
        c = Client(path)
        before = [cpu["thread-id"] for cpu in ask_typed(c, "query-cpus-fast")]
        c.ask("cont")
        ids = [cpu["thread-id"] for cpu in ask_typed(c, "query-cpus-fast")]
        check(before == ids and len(set(ids)) == count, f"{options}: the threads are {before}, then {ids}")
        check(all(os.path.exists(f"/proc/{m.proc.pid}/task/{i}") for i in ids), f"{ids} are not all threads of the process")
        text = c.ask("human-monitor-command", command_line="info cpus")
        check(all(f"thread_id={i}" in text for i in ids), f"info cpus prints {text}")
        c.ask("quit")
        m.expect_exit(0)
        os.path.exists(path) and os.unlink(path)


@case()
def test_qmp_objects(b):
    """objects come and go unless something has them; the tree of objects; what may be set"""
    _, path = start(b, "debug", "-object", "rng-random,id=r0,filename=/dev/zero", "-device", "virtio-rng-pci,rng=r0", "-device",
                    "virtio-balloon-pci,id=balloon0", "-object", "memory-backend-memfd,id=ram,size=512M", "-machine",
                    "memory-backend=ram", "-netdev", "user,id=n0", "-device", "virtio-net-pci,netdev=n0,id=net0")
    c = Client(path)
    c.fails("object-del", "GenericError", "object 'r0' is in use", id="r0")
    c.fails("object-del", "GenericError", "object 'ram' is in use", id="ram")
    check(c.ask("object-add", qom_type="rng-builtin", id="r1") == {}, "object-add")
    names = [p["name"] for p in ask_typed(c, "qom-list", path="/objects")]
    check(names == ["type", "r0", "ram", "r1"], f"/objects has {names}")
    check(c.ask("object-del", id="r1") == {}, "object-del")
    c.fails("object-del", "GenericError", "object 'r1' not found", id="r1")
    c.ask("object-add", qom_type="memory-backend-ram", id="alone", size=4096)
    found = [(d["id"], d["size"], d["share"]) for d in ask_typed(c, "query-memdev")]
    check(found == [("ram", 512 << 20, True), ("alone", 4096, False)], f"query-memdev has {found}")
    check(c.ask("object-del", id="alone") == {}, "object-del")
    for place, types in (("/machine/peripheral", {"balloon0": "virtio-balloon-pci", "net0": "virtio-net-pci"}),
                         ("/machine/peripheral-anon", {"device[0]": "virtio-rng-pci"})):
        found = {p["name"]: p["type"] for p in ask_typed(c, "qom-list", path=place) if p["name"] != "type"}
        check(found == {n: f"child<{t}>" for n, t in types.items()}, f"{place} has {found}")
    check(any(p["type"] == "child<goldfish_rtc>" for p in c.ask("qom-list", path="/machine/unattached")), "the board's devices")
    inner, = ask_typed(c, "qom-list-get", paths=["/machine/peripheral/net0/virtio-backend"])
    values = {p["name"]: p.get("value") for p in inner["properties"]}
    check((values["type"], values["netdev"], values["mac"]) == ("virtio-net-device", "n0", "52:54:00:12:34:56"), f"net0: {values}")
    c.fails("qom-list-get", "GenericError", "at most 1024 paths", paths=["/machine"] * 1025)
    balloon, interval = "/machine/peripheral/balloon0", "guest-stats-polling-interval"
    stats = c.ask("qom-get", path=balloon, property="guest-stats")
    check(stats["last-update"] == 0 and stats["stats"]["stat-free-memory"] == 2**64 - 1, f"guest-stats: {stats}")
    check(c.ask("qom-set", path=balloon, property=interval, value=2) == {}, "qom-set")
    check(c.ask("qom-get", path=balloon, property=interval) == 2, "the value is not kept")
    for name, value, error in ((interval, -1, "takes seconds"), (interval, "2", "takes seconds"), ("guest-stats", 0, "is not writable"),
                               ("type", "x", "is not writable"), ("deflate-on-oom", True, "after it was realized"),
                               ("nothing", 0, "Property 'virtio-balloon-pci.nothing' not found")):
        c.fails("qom-set", "GenericError", error, path=balloon, property=name, value=value)
    c.fails("qom-set", "DeviceNotFound", "Device '/machine/x' not found", path="/machine/x", property="y", value=0)
    for name in ("virtio-net-pci", "chardev-socket", "rng-random", "virt-machine"):
        check(ask_typed(c, "qom-list-properties", typename=name), f"{name} has no properties")


@case()
def test_qmp_chardevs(b):
    """chardevs of each kind are added and removed; descriptors by name; ring buffers both ways"""
    _, path = start(b, "debug", "-chardev", "ringbuf,id=rb,size=16")
    c = Client(path)

    def add(name, kind, **data):
        return c.ask("chardev-add", id=name, backend={"type": kind, "data": data})

    for name, kind, data in (("c-null", "null", {}), ("c-ring", "ringbuf", {"size": 4096}), ("c-file", "file", {"out": str(b.tmp / "out")}),
                             ("c-unix", "socket", {"addr": {"type": "unix", "data": {"path": str(b.tmp / "s")}}, "wait": False}),
                             ("c-inet", "socket", {"addr": {"type": "inet", "data": {"host": "127.0.0.1", "port": "0"}}}),
                             ("c-back", "socket", {"addr": {"type": "unix", "data": {"path": str(b.tmp / "none")}}, "server": False,
                                                   "reconnect-ms": 1000})):
        check(add(name, kind, **data) == {}, f"{kind} cannot be added")
    terminal = add("c-pty", "pty")["pty"]
    os.mkfifo(b.tmp / "fifo")
    check(stat.S_ISCHR(os.stat(terminal).st_mode), f"{terminal} is no terminal")
    check("already exists" in add("c-null", "null")["desc"], "a name twice")
    labels = {chr["label"]: chr["filename"] for chr in ask_typed(c, "query-chardev")}
    check(labels["c-unix"] == f"disconnected:unix:{b.tmp / 's'},server=on", f"the chardevs are {labels}")
    for kind, data, error in (("udp", {}, "'backend.type' does not accept value 'udp'"), ("file", {}, "'backend.data.out' is missing"),
                              ("file", {"out": "/nonexistent/x"}, "Could not open '/nonexistent/x'"), ("ringbuf", {"size": 3}, "power of two"),
                              ("socket", {"addr": {"type": "unix", "data": {"path": "x"}}, "wait": True}, "does not wait"),
                              ("null", {"logfile": str(b.tmp / "fifo")}, "start what reads it first"),
                              ("socket", {"addr": {"type": "inet", "data": {"host": "example.org", "port": "1"}}}, "looked up"),
                              ("socket", {"addr": {"type": "inet", "data": {"host": "::1", "port": "1"}}, "server": False}, "reconnect-ms"),
                              ("socket", {"addr": {"type": "fd", "data": {"str": "1"}}}, "File descriptor named '1' not found")):
        check(error in (answer := add("bad", kind, **data)).get("desc", ""), f"{kind} {data} is answered by {answer}")
    ours, theirs = socket.socketpair()
    socket.send_fds(c.sock, [b'{"execute": "getfd", "arguments": {"fdname": "pair"}}'], [theirs.fileno()])
    theirs.close()
    check(c.reply() == {"return": {}}, "getfd")
    check(add("c-fd", "socket", addr={"type": "fd", "data": {"str": "pair"}}, server=False) == {}, "a descriptor by name")
    c.fails("closefd", "GenericError", "not found", fdname="pair")
    for name in [chr["label"] for chr in c.ask("query-chardev") if chr["label"].startswith("c-")]:
        check(c.ask("chardev-remove", id=name) == {}, f"{name} cannot be removed")
    ours.settimeout(seconds(20))
    check(ours.recv(1) == b"", "the descriptor stays open")
    check("rb" in {chr["label"] for chr in c.ask("query-chardev")}, "the others are gone")
    for data, form in (("abc", "utf8"), (base64.b64encode(b"\xe2\x82\xac").decode(), "base64")):
        check(c.ask("ringbuf-write", device="rb", data=data, format=form) == {}, f"ringbuf-write {form}")
    check(c.ask("ringbuf-read", device="rb", size=100) == "abc\u20ac", "what was written is not read")
    c.ask("ringbuf-write", device="rb", data="0123456789" * 5)
    check(c.ask("ringbuf-read", device="rb", size=100) == "4567890123456789", "the newest are not kept")
    c.fails("ringbuf-write", "GenericError", "expects base64", device="rb", data="a", format="base64")
    c.fails("ringbuf-write", "GenericError", "Device 'x' not found", device="x", data="a")


@case()
def test_qmp_chardev_change(b):
    """the serial line goes from a ring buffer to a socket and back while the guest uses it"""
    path, line = str(b.tmp / "qmp"), str(b.tmp / "line")
    b.machine("-bios", "none", "-kernel", bare_program(b, "echo"), "-chardev", "ringbuf,id=ser,size=64", "-serial", "chardev:ser", "-qmp",
              f"unix:{path},server=on,wait=off", serial=False)
    c, text = Client(path), ""

    def kept():
        nonlocal text
        text += c.ask("ringbuf-read", device="ser", size=100)
        return text

    until("the guest", lambda: kept() == "ready\n")
    backend = {"type": "socket", "data": {"addr": {"type": "unix", "data": {"path": line}}, "server": True, "wait": False}}
    for _ in range(2):
        check(c.ask("chardev-change", id="ser", backend=backend) == {}, "chardev-change")
        check({x["label"]: x["filename"] for x in c.ask("query-chardev")}["ser"] == f"disconnected:unix:{line},server=on", "query-chardev")
        c.fails("ringbuf-read", "GenericError", "is not a ring buffer", device="ser", size=1)
        with socket.socket(socket.AF_UNIX) as peer:
            peer.connect(line)
            peer.settimeout(seconds(20))
            answer = b""
            for n in range(1, 11):  # few bytes at a time: the guest does not look whether there is room for its answers
                peer.sendall(b"HAL" * 50)
                while len(answer) < n * 150:
                    answer += peer.recv(4096)
            check(answer == b"IBM" * 500, f"the guest answers {answer[:60]}")
            check(c.ask("chardev-change", id="ser", backend={"type": "ringbuf", "data": {"size": 16}}) == {}, "back")
            check(peer.recv(1) == b"", "the peer is not disconnected")
        check(not os.path.exists(line), "the socket's file is left")
    check(c.ask("ringbuf-write", device="ser", data="abc") == {}, "ringbuf-write")
    check(c.ask("ringbuf-read", device="ser", size=100) == "abc", "ringbuf-read")
    bad = {"type": "file", "data": {"out": "/nonexistent/x"}}
    c.fails("chardev-change", "GenericError", "Could not open", id="ser", backend=bad)
    c.fails("chardev-change", "GenericError", "Chardev 'x' does not exist", id="x", backend=bad)
    c.fails("chardev-change", "GenericError", "is a monitor's", id="compat_monitor0", backend={"type": "null", "data": {}})
    check(c.ask("ringbuf-read", device="ser", size=1) == "", "what fails changes something")


@case()
def test_qmp_waits_for_nobody(b):
    """a machine that runs does not wait for a pipe without another end, and no conversation loses its host end"""
    pipe, gdb = str(b.tmp / "pipe"), str(b.tmp / "gdb")
    for name in ("pipe", "pipe.in", "pipe.out"):
        os.mkfifo(b.tmp / name)
    _, path = start(b, "debug", "-chardev", f"pipe,id=other,path={pipe}", "-mon", "chardev=other,mode=control",
                    "-chardev", f"socket,id=dbg,path={gdb},server=on,wait=off", "-gdb", "chardev:dbg")
    c = Client(path)
    c.fails("object-add", "GenericError", "waits for nobody", qom_type="secret", id="s", file=pipe)
    c.fails("object-add", "GenericError", "waits for nobody", qom_type="secret", id="s", file="/dev/zero")
    c.fails("chardev-add", "GenericError", "could not open the log file", id="x", backend={"type": "null", "data": {"logfile": pipe}})
    c.fails("chardev-add", "GenericError", "Could not open", id="x", backend={"type": "file", "data": {"out": pipe}})
    c.fails("blockdev-add", "GenericError", "regular file", driver="file", node_name="x", filename=pipe)
    for name in ("other", "dbg"):
        c.fails("chardev-change", "GenericError", "is a monitor's or a debugger's", id=name, backend={"type": "null", "data": {}})
    check(c.ask("query-status")["running"], "the machine does not run")


@case()
def test_qmp_memory(b):
    """memory goes to files; what cannot be written is an error and waits for nobody"""
    m, path = start(b, "debug", "-S")
    c, out = Client(path), b.tmp / "memory"
    code = c.ask("human-monitor-command", command_line="xp /1wx 0x80000000").split()[1]
    for command in ("memsave", "pmemsave"):
        check(c.ask(command, val=0x80000000, size=(1 << 20) + 4, filename=str(out)) == {}, command)
        data = out.read_bytes()
        check(len(data) == (1 << 20) + 4 and int.from_bytes(data[:4], "little") == int(code, 16), f"{command} writes {data[:8]}")
        c.fails(command, "GenericError", "Could not open '/nonexistent/x': No such file", val=0, size=1, filename="/nonexistent/x")
        c.fails(command, "GenericError", "Invalid addr", val=0x40, size=4, filename=str(out))
        c.fails(command, "GenericError", "at most", val=0, size=-1, filename=str(out))
    c.fails("memsave", "GenericError", "expects a CPU number", val=0x80000000, size=1, filename=str(out), cpu_index=1)
    ecam = 0x30000000
    for command in ("memsave", "pmemsave"):
        c.fails(command, "GenericError", "bytes of device registers", val=ecam, size=256 << 20, filename=str(out))
    check(c.ask("pmemsave", val=ecam, size=8192, filename=str(out)) == {} and len(out.read_bytes()) == 8192, "registers")
    fifo = b.tmp / "fifo"
    os.mkfifo(fifo)
    c.fails("pmemsave", "GenericError", "Could not open", val=0x80000000, size=1, filename=str(fifo))
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    c.fails("pmemsave", "GenericError", "An IO error has occurred", val=0x80000000, size=1 << 20, filename=str(fifo))
    os.close(reader)
    check(m.proc.poll() is None, "the machine has ended")


@case()
def test_qmp_clock_event(b):
    """the guest sets its clock three times at once: one or two events, of the last setting in any case"""
    _, path = start(b, "rtc", "-S")
    c = Client(path)
    places = {f"/machine/unattached/{p['name']}": p["type"] for p in c.ask("qom-list", path="/machine/unattached")}
    c.ask("cont")
    until("the last setting", lambda: c.ask("query-name") is not None and c.events[-1][1] and c.events[-1][1]["offset"] == 206)
    check(c.events.pop(0)[0] == "RESUME", "no RESUME")
    check({name for name, _ in c.events} == {"RTC_CHANGE"} and len(c.events) <= 2, f"the events are {c.events}")
    check(c.events[0][1]["offset"] in (68, 137, 206), f"the events are {c.events}")
    check(all(places[data["qom-path"]] == "child<goldfish_rtc>" for _, data in c.events), f"the paths are {c.events}")


@case()
def test_qmp_nmi(b):
    """a PC has an NMI button, for programs and for people"""
    not_on_peer("it has no such board")
    path, image = str(b.tmp / "qmp"), b.tmp / "bios"
    image.write_bytes(bytes(0x10000))
    b.machine("-arch", "x86_64", "-M", "microvm", "-bios", image, "-S", "-smp", "2", "-qmp", f"unix:{path},server=on,wait=off",
              serial=False, board=(), cpu_memory=())
    c = Client(path)
    check(c.ask("inject-nmi") == {}, "inject-nmi")
    check(c.ask("human-monitor-command", command_line="nmi") == "", "nmi")


@case()
def test_qmp_absent(b):
    """what there is not is answered as by a machine without it"""
    _, path = start(b)
    c = Client(path)
    for name in ("query-block-jobs", "query-mice", "query-audiodevs", "query-jobs", "query-tpm", "query-yank",
                 "query-block-exports", "query-pr-managers", "query-memory-devices"):
        check(ask_typed(c, name) == [], f"{name} is not empty")
    check(ask_typed(c, "query-display-options") == {"type": "none"}, "the display")
    check(ask_typed(c, "query-replay") == {"mode": "none", "icount": 0}, "the replay")
    for name, text, args in (("screendump", "There is no console to take a screendump from", {"filename": "x"}),
                             ("inject-nmi", "machine does not provide NMIs", {}), ("query-gic-capabilities", "not available", {}),
                             ("system_wakeup", "wake-up from suspend is not supported by this guest", {}),
                             ("query-vm-generation-id", "device not found", {}),
                             ("send-key", "Parameter 'keys[0].data' does not accept value 'nokey'",
                              {"keys": [{"type": "qcode", "data": "nokey"}]}),
                             ("send-key", "There is no keyboard",
                              {"keys": [{"type": "qcode", "data": "ctrl"}, {"type": "number", "data": 30}]})):
        c.fails(name, "GenericError", text, **args)


@case()
def test_qmp_send_event_room(b):
    """a command of more events than the backlog has room for is refused whole; motions that follow each other are one"""
    not_on_peer("it has no such bound")
    path = str(b.tmp / "qmp")
    b.machine("-bios", "none", "-S", "-device", "virtio-keyboard-device", "-device", "virtio-mouse-device", "-qmp",
              f"unix:{path},server=on,wait=off", serial=False)
    c = Client(path)
    key = [{"type": "key", "data": {"down": down, "key": {"type": "qcode", "data": "a"}}} for down in (True, False)]
    move = {"type": "rel", "data": {"axis": "x", "value": 1}}
    c.fails("input-send-event", "GenericError", "room for 4096 events, and not for 4098", events=[key[0], move, key[1], move, key[0], move] * 683)
    c.ask("input-send-event", events=[key[0], move, key[1], move] * 1024)
    c.ask("input-send-event", events=[move] * 5000)


@case(limit=180)
def test_qmp_linux(b):
    """what Linux does is counted and told: a disk's traffic, a card's filter"""
    image, path = b.tmp / "disk", str(b.tmp / "qmp")
    image.write_bytes(os.urandom(1 << 20))
    m = boot(b, "-blockdev", f"file,node-name=disk,filename={image}", "-device", "virtio-blk-device,drive=disk,id=d0", "-netdev",
             "user,id=n0", "-device", "virtio-net-device,netdev=n0,id=net0", "-qmp", f"unix:{path},server=on,wait=off")
    c = Client(path)
    before = ask_typed(c, "query-blockstats")[0]["stats"]
    m.command("dd if=/dev/vda of=/dev/null bs=64k count=16", PROMPT)
    m.command("dd if=/dev/zero of=/dev/vda bs=4k count=3 conv=fsync", PROMPT)
    after = ask_typed(c, "query-blockstats")[0]["stats"]
    read, written = (after[k] - before[k] for k in ("rd_bytes", "wr_bytes"))
    check(written == 3 * 4096 and after["wr_highest_offset"] == 3 * 4096 and read + before["rd_bytes"] >= 1 << 20, f"the counts are {after}")
    check(after["flush_operations"] > before["flush_operations"] and after["wr_total_time_ns"] > 0, f"the counts are {after}")
    c.events.clear()
    m.command("ip link set eth0 up; ip link set eth0 promisc on; ip link set eth0 promisc off", PROMPT)
    until("the filter's change", lambda: c.ask("query-name") is not None and c.events)
    check(c.events == [("NIC_RX_FILTER_CHANGED", {"name": "net0", "path": "/machine/peripheral/net0"})], f"the events are {c.events}")
    check(not ask_typed(c, "query-rx-filter")[0]["promiscuous"], "the card takes all")
    power_off(m)


@case()
def test_qmp_kernel_rewritten(b):
    """a kernel's file that was written since the start is reported when the machine is reset"""
    not_on_peer("it keeps what was in the file")
    kernel, path = b.tmp / "kernel", str(b.tmp / "qmp")
    kernel.write_bytes(bytes.fromhex("6f000000") * 4)       # a jump to itself
    b.machine("-bios", "none", "-kernel", kernel, "-serial", "none", "-qmp", f"unix:{path},server=on,wait=off", serial=False)
    c = Client(path)
    said = lambda: b.log_path.read_text(errors="replace").count("has been written since")
    c.ask("system_reset")
    c.event("RESET")
    check(said() == 0, "a report of a file that nobody wrote")
    os.utime(kernel, (1, 1))
    c.ask("system_reset")
    c.event("RESET")
    until("the report", lambda: said() == 1)

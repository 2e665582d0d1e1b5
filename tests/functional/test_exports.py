# SPDX-License-Identifier: GPL-2.0-or-later
"""NBD exports of a running machine's disks."""
import contextlib
import os
import shutil
import socket
import subprocess

from harness import TOP, case, check, until
from test_bitmaps import bitmaps
from test_block_jobs import Jobs
from test_snapshots import end, hmp, img, quiet, start

MIB = 1 << 20
IO = str(TOP / "build" / "img" / "lyrebird-io")


def until_deleted(c, name):
    while ("BLOCK_EXPORT_DELETED", {"id": name}) not in c.events:
        message = c.read()
        check(message is not None and "event" in message, f"no event, but {message}")
        c.events.append((message["event"], message.get("data")))


def serve(c, path, **more):
    check(c.ask("nbd-server-start", addr={"type": "unix", "data": {"path": str(path)}}, **more) == {}, "nbd-server-start")


def uri(path, name):
    return f"nbd+unix:///{name}?socket={path}"


def io(*commands, readonly=False):
    p = subprocess.run([IO, "-f", "raw", *(["-r"] if readonly else []), *(x for c in commands[1:] for x in ("-c", c)), commands[0]], stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, text=True, check=False)
    check(p.returncode == 0, f"lyrebird-io {commands}: {p.returncode}, {p.stdout}")
    return p.stdout


class Held:
    """A client that stays connected until it is let go."""

    def __init__(self, name, command, answer):
        self.p = subprocess.Popen([IO, "-f", "raw", name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.p.stdin.write(command + "\n")
        self.p.stdin.flush()
        said = []
        while answer not in (line := self.p.stdout.readline()):
            check(line, f"the client ended: {said}")
            said.append(line)

    def end(self):
        with contextlib.suppress(OSError):
            self.p.stdin.close()
        self.p.stdout.close()
        self.p.wait()


@case()
def test_exports(b):
    """clients read and write a disk of the machine by bytes, and see its bitmaps; exports end safely, or hard; what would harm them is refused"""
    disk, socket_path = b.tmp / "disk.qcow2", b.tmp / "nbd"
    img("create", "-q", "-f", "qcow2", disk, "4M")
    m, c = start(b, [f"file={disk},format=qcow2,if=virtio,id=disk"])
    c.fails("block-export-add", "GenericError", "NBD server not running", type="nbd", id="e", node_name="disk")
    where = {"type": "unix", "data": {"path": str(socket_path)}}
    check(c.ask("nbd-server-start", addr=where) == {}, "nbd-server-start")
    c.fails("nbd-server-start", "GenericError", "NBD server already running", addr=where)
    c.fails("block-export-add", "GenericError", "Cannot find", type="nbd", id="e", node_name="nope")
    c.fails("block-export-add", "GenericError", "not built", type="vhost-user-blk", id="e", node_name="disk")
    check(c.ask("block-dirty-bitmap-add", node="disk", name="b", granularity=65536) == {}, "block-dirty-bitmap-add")
    c.fails("block-export-add", "GenericError", "incompatible with readonly export", type="nbd", id="e", node_name="disk", bitmaps=["b"])
    check(c.ask("query-block-exports") == [], "one that failed is there")
    check(c.ask("block-export-add", type="nbd", id="e", node_name="disk", name="x", writable=True, bitmaps=["b"]) == {}, "block-export-add")
    check(c.ask("nbd-server-add", device="disk", name="second") == {}, "nbd-server-add")
    told = c.ask("query-block-exports")
    check([(e["id"], e["type"], e["shutting-down"]) for e in told] == [("e", "nbd", False), ("second", "nbd", False)], told)
    client = Held(uri(socket_path, "x"), "write -P 9 1048577 3", "wrote")
    check(bitmaps(c, f"{told[0]['node-name']}")["b"]["count"] == 65536, "the write is not marked")
    c.fails("block-export-del", "GenericError", "export 'x' still in use", id="e")
    c.fails("block_resize", "GenericError", "in use by the export", device="disk", size=8 * MIB)
    c.fails("drive-backup", "GenericError", "in use by the export", device="disk", target=str(b.tmp / "copy"), sync="full")
    c.fails("block-dirty-bitmap-remove", "GenericError", "in use by another operation", node="disk", name="b")
    check(c.ask("block-export-del", id="e", mode="hard") == {}, "block-export-del")
    until_deleted(c, "e")
    client.end()
    check(c.ask("block-dirty-bitmap-remove", node="disk", name="b") == {}, "the export still has the bitmap")
    check(c.ask("nbd-server-remove", name="second") == {}, "nbd-server-remove")
    until_deleted(c, "second")
    check(c.ask("block-export-add", type="nbd", id="last", node_name="disk") == {}, "another one")
    check(c.ask("nbd-server-stop") == {} and not socket_path.exists(), "nbd-server-stop")
    check(c.ask("query-block-exports") == [], "it is still there")
    c.fails("nbd-server-stop", "GenericError", "NBD server not running")
    check(c.ask("nbd-server-start", addr=where) == {} and c.ask("nbd-server-add", device="disk") == {}, "again, until the machine ends")
    end(m, c)
    check(not socket_path.exists(), "the socket is left")
    raw = b.tmp / "raw"
    img("convert", "-f", "qcow2", "-O", "raw", disk, raw)
    check(raw.read_bytes() == bytes(MIB + 1) + b"\t\t\t" + bytes(3 * MIB - 4), "what the client wrote differs")
    check("No errors were found" in img("check", disk), "the disk is not sound")


@case()
def test_exports_clients(b):
    """clients that are killed in the middle of a write, that say nothing, or take no replies, hold up nobody: neither others nor the machine"""
    disk, path = b.tmp / "disk.raw", b.tmp / "nbd"
    disk.write_bytes(bytes(64 * MIB))
    m, c = start(b, [f"file={disk},format=raw,if=virtio,id=disk"])
    m.expect("ready\n")
    serve(c, path, max_connections=2, handshake_max_seconds=1)
    check(c.ask("block-export-add", type="nbd", id="e", node_name="disk", name="x", writable=True) == {}, "block-export-add")
    silent = [socket.socket(socket.AF_UNIX) for _ in range(2)]
    for s in silent:
        s.connect(str(path))
        check(len(s.recv(18, socket.MSG_WAITALL)) == 18, "no greeting")
    check("wrote 512" in io(uri(path, "x"), "write -P 3 0 512"), "a third client")  # waits until one of the silent ones is cut off
    for s in silent:
        check(s.recv(1) == b"", "a silent client is not cut off")
        s.close()
    for _ in range(3):
        client = Held(uri(path, "x"), "read 0 512\naio_write -P 5 1M 32M\naio_write -P 6 33M 31M", "read 512")
        client.p.kill()
        client.end()
    greedy = socket.socket(socket.AF_UNIX)
    greedy.connect(str(path))
    greedy.sendall(bytes.fromhex("00000003") + b"IHAVEOPT" + bytes.fromhex("00000007 00000007 00000001 78 0000"))
    for i in range(16):  # 16 MiB each, which nobody takes
        greedy.sendall(bytes.fromhex("25609513 0000 0000") + i.to_bytes(8, "big") + bytes(8) + (16 * MIB).to_bytes(4, "big"))
    check("wrote 512" in io(uri(path, "x"), "write -P 4 512 512"), "another client beside one that takes no replies")
    m.send("a")
    m.expect("b")
    check(c.ask("query-status")["status"] == "running", "the machine stands still")
    c.fails("block-export-del", "GenericError", "still in use", id="e")
    check(c.ask("block-export-del", id="e", mode="hard") == {}, "block-export-del")
    until_deleted(c, "e")
    check(c.ask("nbd-server-stop") == {}, "nbd-server-stop")
    serve(c, path)
    check(c.ask("block-export-add", type="nbd", id="e", node_name="disk", name="x", writable=True) == {}, "block-export-add again")
    check("read 512" in io(uri(path, "x"), "read -P 3 0 512", "read -P 4 512 512"), "what was written")
    late = Held(uri(path, "x"), "read 0 512", "read 512")
    end(m, c)  # with a client that is connected
    late.end()
    greedy.close()


@case()
def test_exports_others(b):
    """qemu-img, qemu-io and nbdinfo, where they are installed, read, write and list exports as they do others'; two clients at once"""
    disk, path, raw = b.tmp / "disk.qcow2", b.tmp / "nbd", b.tmp / "raw"
    raw.write_bytes(os.urandom(4 * MIB))
    img("convert", "-f", "raw", "-O", "qcow2", raw, disk)
    m, c = start(b, [f"file={disk},format=qcow2,if=virtio,id=disk"])
    serve(c, path)
    check(c.ask("block-export-add", type="nbd", id="e", node_name="disk", name="x", writable=True, writethrough=True, description="words") == {}, "add")
    name = uri(path, "x")
    for program in ["qemu-img"] if shutil.which("qemu-img") else []:
        subprocess.run([program, "compare", "-q", "-f", "raw", "-F", "raw", raw, name], check=True)
        subprocess.run(["qemu-io", "-f", "raw", "-c", "write -P 7 1000 5000", "-c", "flush", name], check=True, stdout=subprocess.DEVNULL)
        said = subprocess.run(["qemu-nbd", "-L", "-k", path], check=True, stdout=subprocess.PIPE, text=True).stdout
        check("description: words" in said and "'x'" in said and "4194304" in said, said)
    if shutil.which("nbdinfo"):
        said = subprocess.run(["nbdinfo", name], check=True, stdout=subprocess.PIPE, text=True).stdout
        check("export-size: 4194304" in said, said)
    io(name, "write -P 7 1000 5000")
    check("identical" not in img("compare", "-f", "raw", "-F", "raw", raw, name, status=1), "the write is not there")
    with open(raw, "r+b") as f:
        f.seek(1000)
        f.write(b"\7" * 5000)
    check("identical" in img("compare", "-f", "raw", "-F", "raw", raw, name), "it differs")
    end(m, c)
    check("identical" in img("compare", "-f", "raw", "-F", "qcow2", raw, disk), "the image differs")


@case()
def test_exports_monitor(b):
    """nbd_server_start, -add, -remove and -stop of the human monitor; with files=named sockets are made in the folders that are named alone"""
    disk, path, inside = b.tmp / "disk.raw", b.tmp / "nbd", b.tmp / "in"
    inside.mkdir()
    disk.write_bytes(bytes(MIB))
    m, c = start(b, [f"file={disk},format=raw,if=virtio,id=disk"], "-sandbox", f"on,dir={inside}")
    check("HOST:PORT" in hmp(c, "nbd_server_start 10809"), "no host")
    check("-w only valid together with -a" in hmp(c, "nbd_server_start -w 127.0.0.1:0"), "-w alone")
    with socket.socket() as s:  # a port that is free
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    quiet(c, f"nbd_server_start -a -w 127.0.0.1:{port}")
    check("wrote 5" in io(f"nbd://127.0.0.1:{port}/disk", "write -P 1 10 5"), "a client over TCP")
    quiet(c, "nbd_server_add disk second")
    check("already in use" in hmp(c, "nbd_server_add disk second"), "twice")
    check("read-only" in img("bench", "-w", "-c", "1", "-f", "raw", f"nbd://127.0.0.1:{port}/second", status=1), "one that is read-only")
    quiet(c, "nbd_server_remove -f second")
    check("not found" in hmp(c, "nbd_server_remove nope"), "one that is not there")
    quiet(c, "nbd_server_stop")
    where = {"type": "unix", "data": {"path": str(path)}}
    c.fails("nbd-server-start", "GenericError", "Permission denied", addr=where)
    serve(c, inside / "nbd")
    check(c.ask("nbd-server-add", device="disk") == {}, "nbd-server-add")
    check("read 5" in io(uri(inside / "nbd", "disk"), "read -P 1 10 5", readonly=True), "a client of the socket")
    end(m, c)


@case()
def test_exports_pull(b):
    """a copy of one moment, read by a client with the bitmap of what had changed until then, while the disk is written"""
    disk, scratch, path, raw = b.tmp / "disk.qcow2", b.tmp / "scratch.qcow2", b.tmp / "nbd", b.tmp / "raw"
    raw.write_bytes(b"\1" * 4 * MIB)
    img("convert", "-f", "raw", "-O", "qcow2", raw, disk)
    m, c = start(b, [f"file={disk},format=qcow2,if=virtio,id=disk"])
    img("create", "-q", "-f", "qcow2", scratch, "4M")
    check(c.ask("blockdev-add", driver="qcow2", node_name="scratch", file={"driver": "file", "filename": str(scratch)}) == {}, "blockdev-add")
    check(c.ask("block-dirty-bitmap-add", node="disk", name="b", granularity=65536) == {}, "block-dirty-bitmap-add")
    serve(c, path)
    check(c.ask("block-export-add", type="nbd", id="w", node_name="disk", name="w", writable=True) == {}, "block-export-add")
    io(uri(path, "w"), "write -P 2 1M 64k")
    check(c.ask("block-dirty-bitmap-disable", node="disk", name="b") == {}, "block-dirty-bitmap-disable")
    c.fails("blockdev-backup", "GenericError", "in use by the export", job_id="j", device="disk", target="scratch", sync="none")
    check(c.ask("block-export-add", type="nbd", id="p", node_name="disk", name="p", bitmaps=[{"node": "disk", "name": "b"}]) == {}, "by node and name")
    c.fails("block-export-add", "GenericError", "in use by another operation", type="nbd", id="r", node_name="disk", bitmaps=["b"])
    check(c.ask("block-export-del", id="p") == {}, "block-export-del")
    until_deleted(c, "p")
    check(c.ask("block-export-add", type="nbd", id="r", node_name="disk", name="r", bitmaps=["b"]) == {}, "block-export-add")
    c.fails("block-export-add", "GenericError", "not of a node in the chain", type="nbd", id="q", node_name="scratch", bitmaps=[{"node": "disk", "name": "b"}])
    c.fails("block-export-add", "GenericError", "not found", type="nbd", id="q", node_name="disk", bitmaps=["nope"])
    if shutil.which("qemu-img"):
        options = f"driver=nbd,server.type=unix,server.path={path},export=r,x-dirty-bitmap=qemu:dirty-bitmap:b"
        said = subprocess.run(["qemu-img", "map", "--output=json", "--image-opts", options], check=True, stdout=subprocess.PIPE, text=True).stdout
        check('"start": 1048576, "length": 65536' in said, said)
    end(m, c)


@case()
def test_exports_migrate(b):
    """a disk moves to another machine while the guest has it: mirror to a node of the other's NBD export, ready, complete"""
    source, target, path = b.tmp / "source.qcow2", b.tmp / "target.qcow2", b.tmp / "nbd"
    raw = b.tmp / "raw"
    raw.write_bytes(os.urandom(8 * MIB))
    img("convert", "-f", "raw", "-O", "qcow2", raw, source)
    img("create", "-q", "-f", "qcow2", target, "8M")
    m2, c2 = start(b, [f"file={target},format=qcow2,if=virtio,id=disk"], "-S", qmp="there")
    serve(c2, path)
    check(c2.ask("block-export-add", type="nbd", id="e", node_name="disk", name="disk", writable=True) == {}, "block-export-add")
    m, c = start(b, [f"file={source},format=qcow2,if=virtio,id=disk"])
    m.expect("ready\n")
    jobs = Jobs(c)
    server = {"type": "unix", "path": str(path)}
    check(c.ask("blockdev-add", driver="nbd", node_name="away", server=server, export="disk", reconnect_delay=5) == {}, "blockdev-add")
    check(c.ask("blockdev-mirror", job_id="m", device="disk", target="away", sync="full", auto_dismiss=False) == {}, "blockdev-mirror")
    jobs.until("m", "ready")
    m.send("a")
    m.expect("b")
    check(c.ask("job-complete", id="m") == {}, "job-complete")
    jobs.until("m", "concluded")
    state = c.ask("query-jobs")[0]
    check("error" not in state and state["current-progress"] == 8 * MIB, state)
    check(c.ask("query-block")[0]["inserted"]["node-name"] == "away", "the disk is not there yet")
    end(m, c)
    until("the client to go", lambda: c2.ask("block-export-del", id="e") == {})
    end(m2, c2)
    check("identical" in img("compare", "-f", "raw", "-F", "qcow2", raw, target), "the copy differs")
    check("No errors were found" in img("check", target), "the copy is not sound")


@case()
def test_exports_tls(b):
    """a machine in its sandbox serves a disk over TLS to who has the key, and to nobody else; another one has that disk; credentials that come late are refused with the way out"""
    keys, disk, path = b.tmp / "keys", b.tmp / "disk.raw", b.tmp / "nbd"
    keys.mkdir()
    (keys / "keys.psk").write_text("guest:" + "0123456789abcdef" * 4 + "\n", encoding="ascii")
    disk.write_bytes(bytes(4 * MIB))
    server, client = (f"tls-creds-psk,id={end},endpoint={end},dir={keys}" for end in ("server", "client"))
    m, c = start(b, [f"file={disk},format=raw,if=virtio,id=disk"], "-object", server, "-sandbox", "on")
    where = {"type": "unix", "data": {"path": str(path)}}
    c.fails("nbd-server-start", "GenericError", "No TLS credentials with id 'nope'", addr=where, tls_creds="nope")
    c.fails("nbd-server-start", "GenericError", "lists of clients are not built", addr=where, tls_creds="server", tls_authz="a")
    check(c.ask("object-add", qom_type="tls-creds-psk", id="late", endpoint="client", dir=str(keys), username="guest") == {}, "object-add, with the library there")
    c.fails("nbd-server-start", "GenericError", "Expected TLS credentials for a server endpoint", addr=where, tls_creds="late")
    check(c.ask("object-del", id="late") == {}, "object-del")
    c.fails("nbd-server-start", "GenericError", "No TLS credentials with id 'late'", addr=where, tls_creds="late")
    serve(c, path, tls_creds="server")
    check(c.ask("nbd-server-add", device="disk", name="x", writable=True) == {}, "nbd-server-add")
    p = subprocess.run([IO, "-f", "raw", uri(path, "x")], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    check(p.returncode == 1 and "wants TLS" in p.stdout, p.stdout)
    tls = f"driver=raw,file.driver=nbd,file.path={path},file.export=x,file.tls-creds=client"
    p = subprocess.run([IO, "--object", client + ",username=guest", "-c", "write -P 7 1M 64k", "-c", "read -P 7 1M 64k", "--image-opts", tls], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       text=True, check=False)
    check(p.returncode == 0 and "read 65536" in p.stdout, p.stdout)
    check(disk.read_bytes()[MIB:MIB + 65536] == b"\7" * 65536, "what was written differs")
    node = f"driver=nbd,node-name=far,server.type=unix,server.path={path},export=x,tls-creds=client"
    other, d = start(b, [], "-sandbox", "on", "-object", client + ",username=guest", "-blockdev", node, qmp="other")
    check(d.ask("blockdev-del", node_name="far") == {}, "blockdev-del")
    check(d.ask("blockdev-add", **{"driver": "nbd", "node-name": "far", "server": {"type": "unix", "path": str(path)}, "export": "x", "tls-creds": "client"}) == {}, "blockdev-add")
    end(other, d)
    end(m, c)
    m, c = start(b, [f"file={disk},format=raw,if=virtio,id=disk"], "-sandbox", "on")
    c.fails("object-add", "GenericError", "give it the credentials on its command line", qom_type="tls-creds-psk", id="t", endpoint="client", dir=str(keys), username="guest")
    end(m, c)

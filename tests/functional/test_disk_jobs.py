# SPDX-License-Identifier: GPL-2.0-or-later
"""Disks of a running guest while their process is killed in a job, or the host's disk is full: what was flushed is there, whatever was under way."""
import re
import signal
import subprocess

from harness import case, check, until
from test_block_jobs import Jobs
from test_disk import SERIAL, acknowledged, check_disk, program, small_disk
from test_qmp import Client
from test_snapshots import IMG, hmp, img, quiet

SIZE, HALF = 8 << 20, 4 << 20   # the guest writes the first half


class Disk:
    """A guest that writes a disk (bare/store.c), what it said, and the control socket."""

    def __init__(self, b, drive, *more):
        path = b.tmp / "qmp"
        self.m = b.machine("-bios", "none", "-kernel", program(b), *SERIAL, "-serial", "stdio", "-monitor", "none", *drive,
                           "-device", "virtio-blk-device,drive=d", "-qmp", f"unix:{path},server=on,wait=off", *more, serial=False, cpu_memory=("-m", "64M"))
        self.c = Client(str(path))
        self.jobs, self.said = Jobs(self.c), ""
        path.unlink()

    def flushed(self, more):
        """It goes on for so many blocks."""
        first = max(acknowledged(self.said, "f"), default=0)
        while max(acknowledged(self.said, "f"), default=0) < first + more:
            self.said += self.m.expect(r"(?:.|\n)*?f \d+\r?\n", refuse=r"(?m)^e |WARNING").group(0)

    def kill(self):
        self.m.proc.send_signal(signal.SIGKILL)
        self.m.proc.wait()
        self.m.console.drain(20)
        self.said += self.m.console.pending

    def quit(self):
        self.c.send('{"execute": "quit"}')
        self.m.expect_exit(0)
        self.said += self.m.console.pending

    def progress(self, job, bytes_done):
        until(f"progress of {job}", lambda: self.c.ask("query-jobs")[0]["current-progress"] >= bytes_done)

    def check(self, b, path, byte):
        """The image has what was flushed, and beside it what it had."""
        check(not re.search(r"^e ", self.said, re.M), f"an error: {self.said[-200:]!r}")
        raw = b.tmp / "raw"
        img("convert", "-O", "raw", path, raw)
        check_disk(raw, range(max(1, acknowledged(self.said, "f")[-1] - 255), acknowledged(self.said, "f")[-1] + 1))
        check(raw.read_bytes()[HALF:] == bytes([byte]) * HALF, f"{path}: what the guest did not write is not as it was")


def usable(path):
    """Whole, or with leaks at most."""
    for tool in IMG, "qemu-img":
        p = subprocess.run([tool, "check", path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        check(p.returncode in (0, 3), f"{tool} check {path}: {p.returncode}, {p.stdout}")


def chain(b):
    """base <- middle <- top, of which base has all; the target of copies."""
    base, middle, top, copy = (b.tmp / f"{n}.qcow2" for n in ("base", "middle", "top", "copy"))
    for path in (base, middle, top, copy):
        path.unlink(missing_ok=True)
    raw = b.tmp / "raw"
    raw.write_bytes(bytes([9]) * SIZE)
    img("convert", "-f", "raw", "-O", "qcow2", raw, base)
    img("create", "-q", "-f", "qcow2", "-b", base, "-F", "qcow2", middle)
    subprocess.run([IMG.parent / "lyrebird-io", "-c", "write -q -P 9 5M 1M", middle], check=True)
    img("create", "-q", "-f", "qcow2", "-b", middle, "-F", "qcow2", top)
    img("create", "-q", "-f", "qcow2", copy, str(SIZE))
    return base, middle, top, copy


def node(name, path, backing=None):
    return ["-blockdev", f"driver=qcow2,node-name={name},file.driver=file,file.filename={path}" + (f",backing={backing},read-only=off" if backing else "")]


JOBS = {
    "mirror": ("blockdev-mirror", {"device": "d", "target": "copy", "sync": "full"}),
    "backup": ("blockdev-backup", {"device": "d", "target": "copy", "sync": "full"}),
    "commit": ("block-commit", {"device": "d", "top_node": "middle", "base_node": "base"}),
    "active": ("block-commit", {"device": "d", "base_node": "middle"}),
    "stream": ("block-stream", {"device": "d"}),
}


def kill_in(b, name, point):
    base, middle, top, copy = chain(b)
    nodes = [*node("copy", copy), *("-blockdev", f"driver=qcow2,node-name=base,read-only=on,file.driver=file,file.filename={base}"),
             *("-blockdev", f"driver=qcow2,node-name=middle,backing=base,read-only=on,file.driver=file,file.filename={middle}"), *node("d", top, "middle")]
    d = Disk(b, nodes)
    d.flushed(40)
    command, options = JOBS[name]
    slow = {"speed": 1 << 20} if point == "running" else {}
    check(d.c.ask(command, job_id="j", auto_dismiss=False, auto_finalize=point != "pending", **options, **slow) == {}, command)
    if point == "running":
        d.progress("j", 1 << 20)
    else:
        if point in ("completed", "ready") and name in ("mirror", "active"):
            d.jobs.until("j", "ready")
        if point == "completed" and name in ("mirror", "active"):
            d.flushed(40)
            check(d.c.ask("job-complete", id="j") == {}, "job-complete")
        if point != "ready":
            d.jobs.until("j", {"completed": "concluded"}.get(point, point))
    d.flushed(40)
    d.kill()
    for path in (base, middle, top, copy):
        usable(path)
    moved = point == "completed" and {"mirror": copy, "active": middle}.get(name)
    d.check(b, moved or top, 9)


@case(limit=240)
def test_disk_jobs_kill(b):
    """SIGKILL in mirror, backup, commit and stream, in the middle, at their ends and behind them: images are sound, what the guest flushed is there"""
    for name, point in (("mirror", "running"), ("mirror", "ready"), ("mirror", "completed"), ("backup", "running"), ("backup", "completed"),
                        ("commit", "running"), ("commit", "pending"), ("commit", "completed"), ("active", "running"), ("active", "ready"),
                        ("active", "completed"), ("stream", "running"), ("stream", "pending"), ("stream", "completed")):
        b.note(f"# {name} {point}\n".encode())
        kill_in(b, name, point)


def fill_up(place):
    """Until nothing more has room there."""
    filler = place / "filler"
    with open(filler, "wb", buffering=0) as f:
        try:
            while True:
                f.write(bytes(4096))
        except OSError:
            pass
    return filler


@case(limit=120)
def test_disk_full_savevm(b):
    """savevm on a full host disk is an error, the guest goes on; with room it is saved, and loaded after SIGKILL"""
    place, _ = small_disk(b, "32m")
    disk = place / "disk.qcow2"
    img("create", "-q", "-f", "qcow2", disk, str(SIZE))
    d = Disk(b, ["-drive", f"file={disk},format=qcow2,if=none,id=d"])
    d.flushed(300)                      # all that it writes has a place
    filler = fill_up(place)
    said = hmp(d.c, "savevm here")
    check("No space left on device" in said, f"savevm says {said!r}")
    check(d.c.ask("query-status")["status"] == "running", "the machine stands")
    d.flushed(300)
    check("There is no snapshot" in hmp(d.c, "info snapshots"), hmp(d.c, "info snapshots"))
    filler.unlink()
    quiet(d.c, "savevm here")
    d.flushed(300)
    d.kill()
    usable(disk)
    d = Disk(b, ["-drive", f"file={disk},format=qcow2,if=none,id=d"], "-loadvm", "here")
    d.flushed(300)
    d.quit()
    usable(disk)
    d.check(b, disk, 0)


@case(limit=120)
def test_disk_full_mirror(b):
    """a mirror onto a full host disk ends with an error, the guest goes on; with room it is mirrored, and moves to the copy"""
    place, room = small_disk(b, "1m")
    disk, copy = b.tmp / "disk.qcow2", place / "copy.qcow2"
    raw = b.tmp / "raw"
    raw.write_bytes(bytes([9]) * SIZE)
    img("convert", "-f", "raw", "-O", "qcow2", raw, disk)
    img("create", "-q", "-f", "qcow2", copy, str(SIZE))
    d = Disk(b, [*node("copy", copy), *node("d", disk)])
    d.flushed(40)
    check(d.c.ask("blockdev-mirror", job_id="j", device="d", target="copy", sync="full", auto_dismiss=False) == {}, "blockdev-mirror")
    d.jobs.until("j", "concluded")
    error = d.c.ask("query-jobs")[0]["error"]
    check("No space left on device" in error, error)
    check(d.c.ask("job-dismiss", id="j") == {}, "job-dismiss")
    d.flushed(40)
    d.jobs.take()
    room("32m")
    check(d.c.ask("blockdev-mirror", job_id="j", device="d", target="copy", sync="full") == {}, "blockdev-mirror")
    d.jobs.until("j", "ready")
    check(d.c.ask("job-complete", id="j") == {}, "job-complete")
    d.jobs.until("j", "null")
    d.flushed(40)
    d.quit()
    for path in (disk, copy):
        usable(path)
    d.check(b, copy, 9)


@case(limit=120)
def test_disk_full_pause(b):
    """mirror and backup that are to pause on errors do so on a full host disk, say it, and go on after room was made"""
    place, room = small_disk(b, "1m")
    for command, policy in (("blockdev-mirror", "enospc"), ("blockdev-backup", "stop")):
        room("1m")
        disk, copy, raw = b.tmp / "disk.qcow2", place / "copy.qcow2", b.tmp / "raw"
        raw.write_bytes(bytes([9]) * SIZE)
        img("convert", "-f", "raw", "-O", "qcow2", raw, disk)
        img("create", "-q", "-f", "qcow2", copy, str(SIZE))
        d = Disk(b, [*node("copy", copy), *node("d", disk)])
        if command == "blockdev-mirror":
            d.flushed(40)
        else:
            d.c.ask("stop")             # a write of the guest could not wait for room
        check(d.c.ask(command, job_id="j", device="d", target="copy", sync="full", on_target_error=policy) == {}, command)
        d.jobs.until("j", "paused")
        state = d.c.ask("query-block-jobs")[0]
        check(state["io-status"] == "nospace" and state["paused"], state)
        errors = [x for e, x in d.c.events if e == "BLOCK_JOB_ERROR"]
        check(errors == [{"device": "j", "operation": "write", "action": "stop"}], errors)
        if command == "blockdev-mirror":
            d.flushed(40)
        d.jobs.take()
        check(d.c.ask("block-job-resume", device="j") == {}, "block-job-resume")     # still full
        d.jobs.until("j", "paused")
        room("32m")
        d.jobs.take()
        check(d.c.ask("job-resume", id="j") == {}, "job-resume")
        if command == "blockdev-mirror":
            d.jobs.until("j", "ready")
            check(d.c.ask("query-block-jobs")[0]["io-status"] == "ok", "io-status afterwards")
            check(d.c.ask("job-complete", id="j") == {}, "job-complete")
        d.jobs.until("j", "null")
        check("BLOCK_JOB_ERROR" not in d.jobs.take(), "an error with room")
        if command == "blockdev-mirror":
            d.flushed(40)
            d.quit()
            d.check(b, copy, 9)
        else:
            d.quit()
            check("identical" in img("compare", disk, copy), "the backup differs")
        for path in (disk, copy):
            usable(path)
        copy.unlink()

# SPDX-License-Identifier: GPL-2.0-or-later
"""Jobs on disks, external snapshots and sizes of a running machine, over the control socket and the monitor."""
from harness import case, check, not_on_peer
from test_snapshots import end, hmp, img, quiet, start

COPIES = ("created", "running", "ready", "waiting", "pending", "concluded", "null")


def fill(b, path, byte, fmt="qcow2", size=4 << 20):
    raw = b.tmp / "raw"
    raw.write_bytes(bytes([byte]) * size)
    img("convert", "-f", "raw", "-O", fmt, raw, path)


def content(b, path, fmt):
    raw = b.tmp / "raw"
    img("convert", "-f", fmt, "-O", "raw", path, raw)
    return raw.read_bytes()


class Jobs:
    """What is told of jobs, in its order."""

    def __init__(self, c):
        self.c = c

    def until(self, job, status):
        """Reads events until the job has the status."""
        while ("JOB_STATUS_CHANGE", {"id": job, "status": status}) not in self.c.events:
            message = self.c.read()
            check(message is not None and "event" in message, f"no event, but {message}")
            self.c.events.append((message["event"], message.get("data")))

    def take(self):
        """(name or status, ...) so far."""
        told = [d["status"] if e == "JOB_STATUS_CHANGE" else e for e, d in self.c.events]
        self.c.events.clear()
        return told


@case()
def test_jobs_mirror(b):
    """blockdev-mirror and drive-mirror: states, events, pivot; what is left is the copy"""
    source, copy, other = b.tmp / "source.qcow2", b.tmp / "copy.qcow2", b.tmp / "other.raw"
    fill(b, source, 1)
    img("create", "-q", "-f", "qcow2", copy, "4M")
    m, c = start(b, [f"file={source},format=qcow2,if=virtio,id=disk"])
    jobs = Jobs(c)
    check(c.ask("blockdev-add", driver="qcow2", node_name="copy", file={"driver": "file", "filename": str(copy)}) == {}, "blockdev-add")
    c.fails("blockdev-mirror", "GenericError", "Cannot find device='nope' nor node-name='nope'", device="nope", target="copy", sync="full")
    c.fails("block-job-cancel", "DeviceNotActive", "Block job 'm' not found", device="m")
    c.fails("job-cancel", "GenericError", "Job not found", id="m")
    check(c.ask("query-jobs") == [] and c.ask("query-block-jobs") == [], "jobs before there is one")
    check(c.ask("blockdev-mirror", job_id="m", device="disk", target="copy", sync="full", auto_dismiss=False) == {}, "blockdev-mirror")
    jobs.until("m", "ready")
    check(hmp(c, "info block-jobs").startswith("Type mirror, device m: Completed 4194304 of 4194304 bytes, speed limit 0 bytes/s"), hmp(c, "info block-jobs"))
    c.fails("blockdev-del", "GenericError", "is busy", node_name="copy")
    c.fails("job-dismiss", "GenericError", "Job 'm' in state 'ready' cannot accept command verb 'dismiss'", id="m")
    state = c.ask("query-block-jobs")[0]
    check(state["ready"] and state["device"] == "m" and state["len"] == state["offset"] == 4 << 20 and state["status"] == "ready", state)
    check(c.ask("job-complete", id="m") == {}, "job-complete")
    jobs.until("m", "concluded")
    check(c.ask("query-jobs") == [{"id": "m", "type": "mirror", "status": "concluded", "current-progress": 4 << 20, "total-progress": 4 << 20}],
          "a job that is concluded")
    check(c.ask("job-dismiss", id="m") == {}, "job-dismiss")
    told = jobs.take()
    check(told == ["created", "running", "ready", "BLOCK_JOB_READY", "waiting", "pending", "BLOCK_JOB_COMPLETED", "concluded", "null"], told)
    inserted = c.ask("query-block")[0]["inserted"]
    check(inserted["file"] == str(copy) and inserted["node-name"] == "copy", inserted)
    check("Error" not in hmp(c, f"drive_mirror -f disk {other} raw"), "drive_mirror")
    jobs.until("disk", "ready")
    check(hmp(c, "block_job_complete disk") == "", "block_job_complete")
    jobs.until("disk", "null")
    check(c.ask("query-block")[0]["inserted"]["file"] == str(other), "drive_mirror does not move to the target")
    end(m, c)
    check(content(b, copy, "qcow2") == content(b, other, "raw") == b"\1" * (4 << 20), "a copy differs")


@case()
def test_jobs_chain(b):
    """blockdev-snapshot-sync, blockdev-snapshot, block-commit, block-stream: chains as libvirt makes them grow and shrink"""
    base, over, third = b.tmp / "base.qcow2", b.tmp / "over.qcow2", b.tmp / "third.qcow2"
    fill(b, base, 3)
    img("create", "-q", "-f", "qcow2", "-b", base, "-F", "qcow2", third)
    m, c = start(b, [], "-blockdev", f"driver=qcow2,node-name=base,file.driver=file,file.filename={base}", "-device", "virtio-blk-device,drive=base")
    jobs = Jobs(c)
    check(c.ask("blockdev-snapshot-sync", node_name="base", snapshot_file=str(over), snapshot_node_name="over") == {}, "blockdev-snapshot-sync")
    check(c.ask("blockdev-add", driver="qcow2", node_name="third", file={"driver": "file", "filename": str(third)}, backing=None) == {}, "backing: null")
    c.fails("blockdev-snapshot", "GenericError", "already in use", node="third", overlay="over")
    check(c.ask("blockdev-snapshot", node="over", overlay="third") == {}, "blockdev-snapshot")

    def chain():
        info = c.ask("query-block")[0]["inserted"]
        files, image = [], info["image"]
        while image:
            files.append(image["filename"])
            image = image.get("backing-image")
        check(info["backing_file_depth"] == len(files) - 1, info)
        return files
    check(chain() == [str(third), str(over), str(base)], chain())
    check(c.ask("change-backing-file", device="third", image_node_name="third", backing_file=str(over)) == {}, "change-backing-file")
    c.fails("blockdev-del", "GenericError", "in use", node_name="over")
    c.fails("block-commit", "GenericError", "An explicit job ID is required for this node", device="third", top_node="over")
    check(c.ask("block-commit", job_id="c", device="third", top_node="over", base_node="base") == {}, "block-commit")
    jobs.until("c", "null")
    told = jobs.take()
    check(told == ["created", "running", "waiting", "pending", "BLOCK_JOB_COMPLETED", "concluded", "null"], told)
    check(chain() == [str(third), str(base)] and c.ask("blockdev-del", node_name="over") == {}, "after the commit")
    check(c.ask("block-stream", job_id="s", device="third", auto_finalize=False) == {}, "block-stream")
    jobs.until("s", "pending")
    check(chain() == [str(third), str(base)] and c.ask("job-finalize", id="s") == {}, "before the stream is finalized")
    jobs.until("s", "null")
    told = jobs.take()
    check(told == ["created", "running", "waiting", "pending", "BLOCK_JOB_PENDING", "BLOCK_JOB_COMPLETED", "concluded", "null"], told)
    check(chain() == [str(third)] and c.ask("blockdev-del", node_name="base") == {}, "after the stream")
    end(m, c)
    check(content(b, third, "qcow2") == b"\3" * (4 << 20), "what was streamed differs")
    check("backing file" not in img("info", third), "it names a backing file")


@case()
def test_jobs_backup(b):
    """drive-backup with pause, speed and cancel; active commit is cancelled; block_resize; the end of the machine ends jobs"""
    base, copy, other = b.tmp / "base.qcow2", b.tmp / "copy.qcow2", b.tmp / "over.qcow2"
    fill(b, base, 5)
    m, c = start(b, [f"file={base},format=qcow2,if=virtio,id=disk"])
    jobs = Jobs(c)
    check(c.ask("drive-backup", device="disk", target=str(copy), sync="full", speed=1) == {}, "drive-backup")
    check(c.ask("block-job-pause", device="disk") == {}, "block-job-pause")
    jobs.until("disk", "paused")
    c.fails("block_resize", "GenericError", "is busy", device="disk", size=8 << 20)
    c.fails("drive-backup", "GenericError", "already in use", device="disk", target=str(other), sync="full")
    check(c.ask("block-job-resume", device="disk") == {} and c.ask("block-job-set-speed", device="disk", speed=0) == {}, "it goes on")
    jobs.until("disk", "null")
    check("BLOCK_JOB_COMPLETED" in jobs.take(), "no event of the end")
    quiet(c, f"snapshot_blkdev disk {other}")
    check(c.ask("block-commit", device="disk", speed=1) == {}, "block-commit")
    check(c.ask("block-job-cancel", device="disk", force=True) == {}, "block-job-cancel")
    jobs.until("disk", "null")
    told = jobs.take()
    check(told[-4:] == ["aborting", "BLOCK_JOB_CANCELLED", "concluded", "null"], told)
    quiet(c, "block_resize disk 8M")
    check(c.ask("query-block")[0]["inserted"]["image"]["virtual-size"] == 8 << 20, "block_resize")
    check(c.ask("block-stream", device="disk", speed=1) == {}, "block-stream")
    c.send('{"execute": "quit"}')
    m.expect_exit(0)
    check(content(b, copy, "qcow2") == b"\5" * (4 << 20), "the backup differs")
    check(content(b, other, "qcow2") == b"\5" * (4 << 20) + bytes(4 << 20), "the disk differs")
    for path in (base, copy, other):
        check("No errors were found" in img("check", path), f"{path} is not sound")


@case()
def test_jobs_snapshots(b):
    """snapshot-save, -load, -delete: jobs that wait for job-dismiss, with the error if there is one"""
    not_on_peer("its states are its own")
    disk = b.tmp / "disk.qcow2"
    fill(b, disk, 7)
    m, c = start(b, [f"file={disk},format=qcow2,if=virtio,id=disk"])
    m.expect("ready\n")
    jobs, node = Jobs(c), c.ask("query-block")[0]["inserted"]["node-name"]
    where = {"vmstate": node, "devices": [node]}

    def run(command, error=None, **args):
        check(c.ask(command, job_id="j", tag="here", **args) == {}, command)
        jobs.until("j", "concluded")
        state = c.ask("query-jobs")[0]
        check(state["type"] == command and (error in state["error"] if error else "error" not in state), state)
        check(c.ask("job-dismiss", id="j") == {}, "job-dismiss")
        c.events.clear()
    run("snapshot-load", "does not exist in one or more devices", **where)
    run("snapshot-save", **where)
    run("snapshot-save", "already exists in one or more devices", **where)
    check("here" in hmp(c, "info snapshots"), "it is not listed")
    run("snapshot-load", **where)
    m.send("a")
    m.expect("b")
    run("snapshot-delete", devices=[node])
    run("snapshot-save", "No block device node 'nope'", vmstate="nope", devices=["nope"])
    end(m, c)
    check(img("snapshot", "-l", disk) == "", "it is still there")


@case()
def test_transaction(b):
    """overlays on two disks at one moment; when one fails, neither gets one, and both can be written"""
    disks = [b.tmp / f"disk{i}.qcow2" for i in range(2)]
    for i, d in enumerate(disks):
        fill(b, d, i + 1)
    m, c = start(b, [f"file={d},format=qcow2,if=virtio,id=disk{i}" for i, d in enumerate(disks)])

    def take(name, *more):
        return [{"type": "blockdev-snapshot-sync", "data": {"device": f"disk{i}", "snapshot-file": str(b.tmp / f"{name}{i}")}} for i in range(2)] + list(more)
    c.fails("transaction", "GenericError", "Transaction aborted using Abort action", actions=take("no", {"type": "abort", "data": {}}))
    c.fails("transaction", "GenericError", "two overlays", actions=take("no") + take("again"))
    files = [d["inserted"]["file"] for d in c.ask("query-block")]
    check(files == [str(d) for d in disks], files)
    quiet(c, "savevm both")         # both are written
    check(c.ask("transaction", actions=take("yes")) == {}, "transaction")
    files = [d["inserted"]["file"] for d in c.ask("query-block")]
    check(files == [str(b.tmp / f"yes{i}") for i in range(2)], files)
    check([d["inserted"]["backing_file"] for d in c.ask("query-block")] == [str(d) for d in disks], "backing files")
    end(m, c)
    for i, d in enumerate(disks):
        check(content(b, b.tmp / f"yes{i}", "qcow2") == bytes([i + 1]) * (4 << 20), "the content differs")
        check("No errors were found" in img("check", d), f"{d} is not sound")


@case()
def test_blockdev_amend(b):
    """a password of an encrypted node is added and another one erased by jobs; what cannot be is the job's error, and the last one stays"""
    secrets = [f"--object=secret,id={name},data={name * 8}" for name in "ab"]
    disks = {"luks": b.tmp / "disk.luks", "qcow2": b.tmp / "disk.qcow2"}
    img("create", "-q", *secrets, "-f", "luks", "-o", "key-secret=a,iter-time=1", disks["luks"], "1M")
    img("create", "-q", *secrets, "-f", "qcow2", "-o", "encrypt.format=luks,encrypt.key-secret=a,encrypt.iter-time=1", disks["qcow2"], "1M")
    key = {"luks": "key-secret=a", "qcow2": "encrypt.format=luks,encrypt.key-secret=a"}
    m, c = start(b, [], *(w for name in "ab" for w in ("-object", f"secret,id={name},data={name * 8}")),
                 *(w for d in disks for w in ("-blockdev", f"driver={d},node-name={d},file.driver=file,file.filename={disks[d]},{key[d]}")))
    jobs = Jobs(c)

    def amend(driver, error=None, force=False, **change):
        options = change if driver == "luks" else {"encrypt": change | {"format": "luks"}}
        check(c.ask("x-blockdev-amend", job_id="amend", node_name=driver, force=force, options=options | {"driver": driver}) == {}, "x-blockdev-amend")
        jobs.until("amend", "concluded")
        state = c.ask("query-jobs")[0]
        check(state["type"] == "amend" and (error in state["error"] if error else "error" not in state), state)
        check(c.ask("job-dismiss", id="amend") == {}, "job-dismiss")
        c.events.clear()

    for driver in disks:
        amend(driver, "No secret with id 'none'", state="active", **{"new-secret": "none"})
        amend(driver, "Refusing to overwrite active keyslot 0", state="active", keyslot=0, **{"new-secret": "b"})
        amend(driver, "only password", state="inactive", **{"old-secret": "a"})
        amend(driver, state="active", **{"new-secret": "b", "iter-time": 1})
        amend(driver, state="inactive", **{"old-secret": "a"})
        c.fails("x-blockdev-amend", "GenericError", "changing the block driver", job_id="x", node_name=driver,
                options={"driver": "luks" if driver == "qcow2" else "qcow2"})
    c.fails("x-blockdev-amend", "GenericError", "node-name='none'", job_id="x", node_name="none", options={"driver": "luks", "state": "inactive"})
    end(m, c)
    for driver, disk in disks.items():
        for name, status in ("a", 1), ("b", 0):
            key = f"key-secret={name}" if driver == "luks" else f"encrypt.format=luks,encrypt.key-secret={name}"
            said = img("convert", *secrets, "--image-opts", "-O", "raw", f"driver={driver},file.filename={disk},{key}", b.tmp / "raw", status=status)
            check("Invalid password" in said if status else said == "", said)


@case()
def test_blockdev_create(b):
    """a file and an image in it are made by jobs, added, and used as an overlay; what cannot be made is the job's error"""
    base, new = b.tmp / "base.qcow2", b.tmp / "new.qcow2"
    fill(b, base, 6)
    m, c = start(b, [f"file={base},format=qcow2,if=virtio,id=disk"])
    jobs = Jobs(c)

    def create(error=None, **options):
        check(c.ask("blockdev-create", job_id="create", options=options) == {}, "blockdev-create")
        jobs.until("create", "concluded")
        state = c.ask("query-jobs")[0]
        check(state["type"] == "create" and (error in state["error"] if error else "error" not in state), state)
        check(c.ask("job-dismiss", id="create") == {}, "job-dismiss")
        c.events.clear()
    create(error="No such file", driver="file", filename=str(b.tmp / "none" / "file"), size=0)
    create(error="Cannot find", driver="qcow2", file="nope", size=1 << 20)
    create(driver="file", filename=str(new), size=0)
    check(c.ask("blockdev-add", driver="file", node_name="f", filename=str(new)) == {}, "blockdev-add of the file")
    create(driver="qcow2", file="f", size=4 << 20, **{"backing-file": str(base), "backing-fmt": "qcow2", "cluster-size": 4096})
    check(c.ask("blockdev-add", driver="qcow2", node_name="new", file="f", backing=None) == {}, "blockdev-add of the image")
    node = c.ask("query-block")[0]["inserted"]["node-name"]
    check(c.ask("blockdev-snapshot", node=node, overlay="new") == {}, "blockdev-snapshot")
    end(m, c)
    text = img("info", new)
    check("cluster_size: 4096" in text and f"backing file: {base}" in text, text)
    check(content(b, new, "qcow2") == b"\6" * (4 << 20), "the content differs")

# SPDX-License-Identifier: GPL-2.0-or-later
"""Dirty bitmaps of a running machine's nodes, and backups of what they have marked, over the control socket."""
import json

from harness import case, check
from test_block_jobs import Jobs, content
from test_snapshots import end, img, start

MIB = 1 << 20


def node(name, path):
    return {"driver": "qcow2", "node_name": name, "file": {"driver": "file", "filename": str(path)}}


def bitmaps(c, name):
    for n in c.ask("query-named-block-nodes"):
        if n["node-name"] == name:
            return {b["name"]: b for b in n.get("dirty-bitmaps", [])}
    return None


@case()
def test_bitmaps_backup(b):
    """what a job writes to a node is marked; incremental backups copy that, and a failed one keeps it; the image keeps the bitmap"""
    raw, paths = b.tmp / "raw", {n: b.tmp / f"{n}.qcow2" for n in "abcd"}
    raw.write_bytes(b"\7" * MIB + bytes(3 * MIB))
    img("convert", "-f", "raw", "-O", "qcow2", raw, paths["a"])
    for n in "bcd":
        img("create", "-q", "-f", "qcow2", paths[n], "4M")
    m, c = start(b, [])
    jobs = Jobs(c)
    for n in "abcd":
        check(c.ask("blockdev-add", **node(n, paths[n])) == {}, "blockdev-add")
    check(c.ask("block-dirty-bitmap-add", node="b", name="kept", persistent=True) == {}, "block-dirty-bitmap-add")
    check(c.ask("block-dirty-bitmap-add", node="b", name="off", disabled=True, granularity=4096) == {}, "block-dirty-bitmap-add")
    c.fails("block-dirty-bitmap-add", "GenericError", "Bitmap already exists: kept", node="b", name="kept")
    c.fails("block-dirty-bitmap-clear", "GenericError", "Dirty bitmap 'nope' not found", node="b", name="nope")

    def backup(device, target, sync, ended="null", **more):
        check(c.ask("blockdev-backup", job_id="j", device=device, target=target, sync=sync, **more) == {}, f"backup to {target}")
        jobs.until("j", ended)
        return jobs.take()
    backup("a", "b", "top")
    told = bitmaps(c, "b")
    check(told["kept"] == {"name": "kept", "count": MIB, "granularity": 65536, "recording": True, "busy": False, "persistent": True}, told)
    check(told["off"]["count"] == 0 and not told["off"]["recording"], told)
    c.fails("blockdev-backup", "GenericError", "must provide a valid bitmap name", job_id="j", device="b", target="c", sync="incremental")
    c.fails("blockdev-backup", "GenericError", "Bitmap sync mode must be 'on-success'", job_id="j", device="b", target="c", sync="incremental",
            bitmap="kept", bitmap_mode="never")
    check(c.ask("blockdev-backup", job_id="j", device="b", target="c", sync="incremental", bitmap="kept", speed=1) == {}, "a slow one")
    check(bitmaps(c, "b")["kept"]["busy"], "nobody has it")
    c.fails("block-dirty-bitmap-remove", "GenericError", "in use by another operation", node="b", name="kept")
    check(c.ask("block-job-cancel", device="j", force=True) == {}, "block-job-cancel")
    jobs.until("j", "null")
    jobs.take()
    check(bitmaps(c, "b")["kept"]["count"] == MIB and not bitmaps(c, "b")["kept"]["busy"], bitmaps(c, "b"))
    backup("b", "c", "bitmap", bitmap="kept", bitmap_mode="never")
    check(bitmaps(c, "b")["kept"]["count"] == MIB, "it has forgotten")
    check("BLOCK_JOB_COMPLETED" in backup("b", "d", "incremental", bitmap="kept"), "no event of the end")
    check(bitmaps(c, "b")["kept"]["count"] == 0, "it has not forgotten")
    backup("c", "b", "top")
    check(bitmaps(c, "b")["kept"]["count"] == MIB, "what was written since")
    end(m, c)
    for n in "bcd":
        check(content(b, paths[n], "qcow2") == b"\7" * MIB + bytes(3 * MIB), f"{n} differs")
        check("No errors were found" in img("check", paths[n]), f"{n} is not sound")
    data = json.loads(img("info", "--output=json", paths["b"]))["format-specific"]["data"]
    check(data["bitmaps"] == [{"flags": ["auto"], "name": "kept", "granularity": 65536}], data)
    m, c = start(b, [])
    check(c.ask("blockdev-add", **node("b", paths["b"])) == {}, "blockdev-add")
    check(bitmaps(c, "b")["kept"]["count"] == MIB, "the image has not kept what was marked")
    end(m, c)


@case()
def test_bitmaps_transaction(b):
    """bitmaps and a backup change at one moment, or nothing does"""
    raw, paths = b.tmp / "raw", {n: b.tmp / f"{n}.qcow2" for n in "ab"}
    raw.write_bytes(b"\3" * (4 * MIB))
    img("convert", "-f", "raw", "-O", "qcow2", raw, paths["a"])
    img("create", "-q", "-f", "qcow2", paths["b"], "4M")
    m, c = start(b, [])
    jobs = Jobs(c)
    for n in "ab":
        check(c.ask("blockdev-add", **node(n, paths[n])) == {}, "blockdev-add")
    check(c.ask("block-dirty-bitmap-add", node="b", name="old") == {}, "block-dirty-bitmap-add")
    backup = {"type": "blockdev-backup", "data": {"job-id": "j", "device": "a", "target": "b", "sync": "full"}}
    check(c.ask("transaction", actions=[backup]) == {}, "a backup")
    jobs.until("j", "null")
    jobs.take()
    before = bitmaps(c, "b")
    check(before["old"]["count"] == 4 * MIB, before)

    def one(action, **data):
        return {"type": f"block-dirty-bitmap-{action}", "data": {"node": "b", **data}}
    all_of = [one("add", name="new"), one("merge", target="new", bitmaps=["old"]), one("disable", name="new"), one("clear", name="old"),
              one("remove", name="old")]
    c.fails("transaction", "GenericError", "Transaction aborted", actions=[*all_of, backup, {"type": "abort", "data": {}}])
    jobs.until("j", "null")
    check("BLOCK_JOB_CANCELLED" in jobs.take() and bitmaps(c, "b") == before, bitmaps(c, "b"))
    c.fails("transaction", "GenericError", "in use by another operation", actions=[one("remove", name="old"), one("clear", name="old")])
    check(bitmaps(c, "b") == before, bitmaps(c, "b"))
    check(c.ask("transaction", actions=all_of) == {}, "transaction")
    after = bitmaps(c, "b")
    check(list(after) == ["new"] and after["new"]["count"] == 4 * MIB and not after["new"]["recording"], after)
    end(m, c)

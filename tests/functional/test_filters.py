# SPDX-License-Identifier: GPL-2.0-or-later
"""Limits on disks of a running machine, over the control socket and the monitor."""
import json

from harness import case, check
from test_snapshots import end, hmp, img, start

NONE = dict.fromkeys(("bps", "bps_rd", "bps_wr", "iops", "iops_rd", "iops_wr"), 0)


@case()
def test_throttle(b):
    """limits of -drive, block_set_io_throttle, throttle groups as objects and nodes"""
    disk = b.tmp / "disk.raw"
    img("create", "-q", "-f", "raw", disk, "1M")
    m, c = start(b, [f"file={disk},format=raw,if=virtio,id=disk,bps=1000,bps_max=2000,bps_max_length=3,group=foo"])

    def set_limits(**values):
        c.send(json.dumps({"execute": "block_set_io_throttle", "arguments": NONE | values}))
        return c.reply()

    def refused(kind, text, **values):
        error = set_limits(**values)["error"]
        check(error["class"] == kind and text in error["desc"], f"{values} is answered by {error}")

    def inserted():
        return c.ask("query-block")[0]["inserted"]

    got = inserted()
    check((got["bps"], got["bps_max"], got["bps_max_length"], got["group"], got["iops"]) == (1000, 2000, 3, "foo", 0), f"{got}")
    check("I/O throttling:   bps=1000 bps_max=2000" in hmp(c, "info block"), "info block")
    refused("GenericError", "at the same time", device="disk", iops=3, iops_rd=1)
    refused("DeviceNotFound", "Device 'nope' not found", device="nope")
    refused("GenericError", "exactly one of 'device' and 'id'")
    check("return" in set_limits(device="disk", iops=7, iops_size=4096), "block_set_io_throttle")
    got = inserted()
    check((got["bps"], got["iops"], got["iops_size"], got["group"]) == (0, 7, 4096, "foo") and "bps_max" not in got, f"{got}")
    check(hmp(c, "block_set_io_throttle disk 0 0 0 0 0 0") == "" and "group" not in inserted(), "without limits")
    check("return" in set_limits(device="disk", iops=7) and inserted()["group"] == "disk", "a group of its own")
    check(c.ask("object-add", qom_type="throttle-group", id="g", limits={"iops-total": 5}) == {}, "object-add")
    check(c.ask("blockdev-add", driver="throttle", node_name="t", throttle_group="g", file={"driver": "null-co"}) == {}, "blockdev-add")
    node, = (n for n in c.ask("query-named-block-nodes") if n["node-name"] == "t")
    check((node["iops"], node["group"], node["drv"]) == (5, "g", "throttle"), f"{node}")
    c.fails("object-del", "GenericError", "in use", id="g")
    check(c.ask("blockdev-del", node_name="t") == {} and c.ask("object-del", id="g") == {}, "object-del")
    end(m, c)

# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs that drive a machine: the lines that they pass, and what they then say and ask."""
import json

from guests import bare_program
from harness import case, check
from test_qmp import Client, start


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

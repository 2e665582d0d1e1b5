# SPDX-License-Identifier: GPL-2.0-or-later
"""Values that other programs pass and that are so anyway are taken; their opposites are refused with the reason.

Who passes them: libvirt, Lima, Kata and others, to whatever is called qemu-system-*.
"""
from harness import case, check, not_on_peer

DISK = ["-drive", "file={disk},if=none,id=d,format=raw"]
BLK = "virtio-blk-pci,drive=d"

# options, what they are taken with, what is refused with which words
MACHINE = [
    ("usb", ["off"], {"on": "USB is not built"}), ("graphics", ["off"], {"on": "screen"}),
    ("dump-guest-core", ["on", "off"], {"x": "'on' or 'off'"}), ("mem-merge", ["off"], {"on": "merge pages"}),
    ("hmat", ["off"], {"on": "NUMA"}),
    ("kernel-irqchip", ["off"], {"on": "KVM"}), ("iommu-sys", ["off", "auto"], {"on": "no RISC-V IOMMU"}),
    ("suppress-vmdesc", ["off"], {"on": "no description"}), ("acpi", ["off", "auto"], {"on": "ACPI"}),
]
OPTIONS = [
    ("-overcommit", ["mem-lock=off", "cpu-pm=off", "mem-lock=off,cpu-pm=off"],
     {"mem-lock=on": "not built", "cpu-pm=on": "not built", "x=1": "mem-lock"}),
    ("-rtc", ["driftfix=slew", "driftfix=none", "clock=host", "clock=rt", "clock=vm", "base=utc,driftfix=slew"], {"driftfix=fast": "slew", "clock=x": "host, rt, vm"}),
    ("-boot", ["c", "order=cdn", "order=c,menu=on", "once=d,menu=off", "menu=off,strict=on", "strict=on", "splash-time=0,menu=on",
               "reboot-timeout=-1"],
     {"order=z": "Invalid boot device 'z'", "order=cc": "given twice", "once=z": "Invalid boot device 'z'", "splash=x": "display",
      "splash-time=65536": "65535", "reboot-timeout=-2": "65535", "menu=maybe": "menu", "menue=on": "did you mean 'menu'"}),
    ("-cpu", ["rv64,pmu-num=0", "rv64,pmu-mask=0", "rv64,mvendorid=0,marchid=0,mimpid=0,resetvec=0x1000",
              "rv64,v=off,vext_spec=v1.0,priv_spec=v1.12.0,short-isa-string=off"],
     {"rv64,mvendorid=1": "no vendor", "rv64,vlen=256": "'v' is not built", "rv64,priv_spec=v1.10.0": "'priv_spec=v1.12.0' is all",
      "rv64,misa-w=on": "not built", "rv64,pmu-num=16": "'pmu-num=0' is all", "rv64,pmu-mask=8": "'pmu-mask=0' is all"}),
    ("-msg", ["timestamp=on", "timestamp=off", "guest-name=on,timestamp=on"], {"timestamp=2": "timestamp", "x=on": "timestamp"}),
    ("-accel", ["kvm:tcg"], {"kvm": "it runs guests of x86_64, i386", "hvf": "not built", "tgc": "tcg"}),
    ("-device", ["virtio-rng-pci,nomultifunction,nopacked", "virtio-rng-pci,multifunction"],
     {"virtio-rng-pci,nosuch": "not found", "virtio-rng-pci,packed": "packed queues"}),
    ("-device", ["virtio-rng-pci,romfile=,vectors=0,rombar=0,ioeventfd=off,packed=off,iommu_platform=off",
                 "virtio-rng-device,packed=off,queue_reset=off",
                 '{"driver":"virtio-rng-pci","romfile":"","packed":false}',
                 "virtio-net-pci,mq=off,csum=off,gso=off,guest_tso4=off,host_tso6=off,bootindex=2",
                 "virtio-net-device,mq=off,bootindex=0", "virtio-balloon-pci,page-poison=off",
                 "virtio-serial-pci,vectors=0"],
     {"virtio-rng-pci,romfile=x.rom": "expansion ROMs", "virtio-rng-pci,vectors=3": "message-signalled",
      "virtio-rng-pci,packed=on": "packed", "virtio-rng-device,bootindex=1": "not found",
      "virtio-net-pci,mq=on": "several queues", "virtio-net-pci,csum=on": "offloads",
      "virtio-net-pci,bootindex=-2": "bootindex", "virtio-net-pci,mq=maybe": "'on' or 'off'", "virtio-vga": "lists them"}),
    ("-device", ["loader,addr=0x80000000,data=1,data-len=4,cpu-num=0", "loader,addr=0x80000000,cpu-num=0"],
     {"loader,addr=0x80000000,file={disk},data-be=on": "both file and data", "loader,cpu-num=0": "valid arguments",
      "loader,addr=0x80000000,data=1,data-len=4,force-raw=on": "force-raw is for a file"}),
    ("-netdev", ['{"type":"user","id":"n","hostfwd":[{"str":"tcp::0-:22"},{"str":"udp::0-:53"}]}'],
     {"user,id=n,hostfwd=": "Invalid host forwarding rule", '{"type":"user","id":"n","hostfwd":[{"str":"x"}]}': "forwarding rule 'x'"}),
    ("-audiodev", ["none,id=a", '{"id":"a","driver":"none"}'], {"alsa,id=a": "no sound", "id=a": "no sound"}),
    ("-object", ["memory-backend-ram,id=m,size=64M,merge=off,dump=off,prealloc=off,reserve=off,share=on,policy=default",
                 "memory-backend-memfd,id=m,size=64M,dump=on,hugetlb=off,seal=off"],
     {"memory-backend-ram,id=m,size=64M,merge=on": "'merge=off' is all", "memory-backend-ram,id=m,size=64M,reserve=on": "reserve",
      "memory-backend-ram,id=m,size=64M,policy=bind": "NUMA", "memory-backend-ram,id=m,size=64M,dump=x": "'on' or 'off'"}),
    ("-object", ["memory-backend-file,id=m,size=1M,mem-path={disk}", "memory-backend-file,id=m,size=64M,mem-path=/dev/shm,share=on,pmem=off"],
     {"memory-backend-file,id=m,size=2M,mem-path={disk}": "smaller than size=", "memory-backend-file,id=m,size=1M": "'mem-path' is missing",
      "memory-backend-file,id=m,size=1M,mem-path=/dev/null": "no regular file", "memory-backend-file,id=m,size=1M,mem-path=/nonexistent/x": "No such file",
      "memory-backend-file,id=m,size=1M,mem-path={disk},readonly=on": "RAM is written"}),
    ("-object", ["iothread,id=t", "iothread,id=t,poll-max-ns=0,aio-max-batch=0,thread-pool-min=0", '{"qom-type":"iothread","id":"t"}'],
     {"iothread,id=t,poll-max-ns=32768": "polling is not built", "iothread,id=t,thread-pool-max=8": "one pool", "iothread": "'id' is missing"}),
    ("-object", ["secret,id=s,data=a", "secret,id=s,format=raw,file={disk}", "secret,id=s,data=YWI=,format=base64"],
     {"secret,id=s": "Must provide 'file' or 'data'", "secret,id=s,data=a,file={disk}": "mutually exclusive", "secret,id=s,data=a,format=base64": "base64",
      "secret,id=s,data=a,keyid=t": "No secret with id 't'", "secret,id=s,data=a,iv=AAAA": "add keyid=", "secret,id=s,file=/nonexistent/x": "No such file"}),
    ("-drive", ["file={disk},if=none,id=d,format=raw,bps=0,iops_rd=0,throttling.bps-total=0,copy-on-read=off,force-share=off",
                "file={disk},if=none,id=d,format=raw,bps=10,bps_max=20,bps_max_length=3,iops_rd=5,iops_size=4096,group=g"],
     {"file={disk},if=none,id=d,format=raw,force-share=on": "file.locking=off",
      "file={disk},if=none,id=d,format=raw,bps=10,bps_rd=5": "at the same time"}),
    ("-object", ["throttle-group,id=g,x-bps-total=5,x-bps-total-max=9", "throttle-group,id=g,limits.iops-read=5",
                 '{"qom-type":"throttle-group","id":"g","limits":{"bps-total":5}}'],
     {"throttle-group,id=g,x-bps-total-max=9": "require corresponding", "throttle-group,id=g,limits.bps-total=1,x-bps-total=1": "say the same"}),
    ("-drive", ["file={disk},if=none,id=d,format=raw,offset=0"],
     {"file={disk},if=none,id=d,format=raw,offset=512": "from its start", "file={disk},if=none,offset=x": "expects a size"}),
    ("-display", ["none,gl=off", "none,gl=off,full-screen=off"],
     {"none,gl=on": "'gl=off' is all", "none,x=1": "gl", "gtk": "not built", "": "'type' is missing", "gl=off": "'type' is missing"}),
    ("-device", ["virtio-net-pci,tx=bh,speed=-1,duplex=,guest_rsc_ext=off,rsc_interval=300000"],
     {"virtio-net-device,tx=timer": "'tx=bh' is all there is", "virtio-net-device,speed=1000": "'speed=-1' is all there is",
      "virtio-net-device,duplex=full": "no speed", "virtio-net-device,guest_rsc_ext=on": "offloads"}),
    ("-watchdog-action", ["reset"], {"pause": "no watchdog"}),
    ("-sandbox", ["off", "enable=off", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
                  "on,elevateprivileges=children,spawn=allow,resourcecontrol=allow,obsolete=allow", "on,files=any", "dir=/"],
     {"on,spawn=maybe": "does not accept value 'maybe'", "x": "'on' or 'off'", "on,files=any,dir=/": "needs no dir=",
      "on,spawn=allow,files=named": "is not known", "on,spwn=deny": "did you mean 'spawn'"}),
    ("-run-with", ["async-teardown=off", "exit-with-parent=off"],
     {"user=nobody-here": "doesn't exist", "chroot=/none": "No such file", "teardown=on": "async-teardown",
      "exit-with-parent=x": "'on' or 'off'"}),
    ("-runas", [], {"nobody-here": "doesn't exist", "1:x": "doesn't exist"}),
    ("-vnc", ["none", "none,key-delay-ms=0,connections=1,share=ignore,websocket=off,reverse=off,lossy=on,non-adaptive=on,sasl=off,"
              "lock-key-sync=off,acl=off,power-control=on"],
     {":0,websocket=on": "websockify", ":0,websocket": "websockify", ":0,websocket=5700": "websockify",
      ":0,tls-creds=t": "through SSH", ":0,tls-authz=t": "through SSH", ":0,sasl=on": "password-secret",
      ":0,sasl-authz=z": "password-secret", ":0,acl": "password-secret", ":0,reverse": "to viewers", ":0,non-adaptive=off": "all else",
      ":0,audiodev=a": "no sound", ":0,lock-key-sync=on": "locks", ":0,connections=0": "from 1 to 32", ":0,connections=33": "from 1",
      ":0,key-delay-ms=1001": "from 0 to 1000", ":0,to=70000": "to"}), ("-semihosting-config", ["enable=off"], {"enable=on": "not built"}),
    ("-action", ["panic=shutdown,watchdog=reset,reboot=reset"], {"panic=x": "pause", "watchdog=none": "watchdog"}),
    ("-global", ["virtio-net-pci.mq=off", "virtio-blk-pci.num-queues=1"], {"virtio-net-pci.mq=on": "several queues"}),
]
# JSON: what is taken; what is refused, with the type that is expected
JSON = [
    ("-device", ['{"driver":"virtio-net-pci","bootindex":1,"mq":false,"mac":"52:54:00:12:34:56","addr":"3"}',
                 '{"driver":"virtio-rng-device","id":"r"}', '{"driver":"virtio-net-pci","addr":24}',
                 '{"driver":"loader","addr":2147483648,"data":1,"data-len":4}'],
     {'{"driver":"virtio-net-pci","bootindex":"1"}': "integer", '{"driver":"virtio-net-pci","bootindex":true}': "integer",
      '{"driver":"virtio-net-pci","bootindex":1.5}': "integer", '{"driver":"virtio-net-pci","bootindex":{"a":1}}': "integer",
      '{"driver":"virtio-net-pci","bootindex":[1]}': "integer", '{"driver":"virtio-net-pci","bootindex":null}': "integer",
      '{"driver":"virtio-net-pci","mac":5}': "string", '{"driver":"virtio-net-pci","mq":"off"}': "boolean",
      '{"driver":"virtio-net-pci","mq":0}': "boolean", '{"driver":5}': "string", '{"driver":"virtio-net-pci","id":5}': "string",
      '{"driver":"virtio-net-pci","addr":true}': "string", '{"driver":"virtio-net-pci","addr":256}': "a slot and function",
      '{"driver":"loader","addr":"0x80000000","data":1,"data-len":4}': "integer", "{" * 100: "JSON",
      '{"driver":' + "[" * 1000 + "]" * 1000 + "}": "nest", '{"driver":"%s"}' % ("x" * 100000): "not a valid device"}),
    ("-object", ['{"qom-type":"memory-backend-ram","id":"m","size":67108864,"share":true}'],
     {'{"qom-type":"memory-backend-ram","id":"m","size":"64M"}': "integer",
      '{"qom-type":"memory-backend-ram","id":"m","size":true}': "integer",
      '{"qom-type":"memory-backend-ram","id":"m","size":67108864,"share":1}': "boolean",
      '{"qom-type":"memory-backend-ram","id":"m","size":67108864,"share":"on"}': "boolean",
      '{"qom-type":"rng-random","id":"r","filename":5}': "string", '{"qom-type":"rng-random","id":1}': "string",
      '{"qom-type":["rng-random"],"id":"r"}': "string", '{"qom-type":"rng-random","id":"r"} x': "JSON"}),
    ("-netdev", ['{"type":"user","id":"n","restrict":false,"ipv6-prefixlen":64,"hostfwd":[]}'],
     {'{"type":"user","id":"n","restrict":"on"}': "boolean", '{"type":"user","id":"n","hostname":1}': "string",
      '{"type":"user","id":"n","hostfwd":"tcp::0-:22"}': "array", '{"type":"user","id":1}': "string",
      '{"type":"user","id":"n","ipv6-prefixlen":"64"}': "integer", '{"type":1,"id":"n"}': "string"}),
]
DISKS = ([f"{BLK},bootindex=1", f"{BLK},num-queues=4,scsi=off,share-rw=off", f"{BLK},logical_block_size=512",
          f"{BLK},vectors=0,romfile=", f"{BLK},write-cache=on,seg-max-adjust=on", f"{BLK},write-cache=auto",
          f"{BLK},discard_granularity=512,max-discard-sectors=4194303"],
         {f"{BLK},write-cache=off": "cache=writethrough", f"{BLK},iothread=io0": "nothing with the id 'io0'",
          f"{BLK},num-queues=0": "num-queues", f"{BLK},logical_block_size=4096": "512", f"{BLK},bootindex=x": "bootindex"})


def end_of(b, *args):
    """Make the machine, with no guest: its status and messages."""
    code, _, err = b.run("-display", "none", "-bios", "none", "-nodefaults", *args)
    return code, err


def taken(b, *args, machine="virt"):
    """All is checked and built when the device tree has been written."""
    code, err = end_of(b, "-M", f"{machine},dumpdtb=/dev/null", *args)
    check(code == 0, f"{machine} {args}: exit code {code}: {err}")


def refused(b, why, *args, machine="virt"):
    """Refused: status 1, one message with these words."""
    code, err = end_of(b, "-M", f"{machine},dumpdtb=/dev/null", *args)
    check(code == 1 and why in err, f"{machine} {args}: exit code {code}, no '{why}' in {err!r}")


def skip_peer():
    """QEMU takes more: it has what is refused here."""
    not_on_peer("the values are ours")


@case()
def test_values_machine(b):
    """-machine: what is so already is taken, the opposite refused"""
    skip_peer()
    for key, good, bad in MACHINE:
        for value in good:
            taken(b, machine=f"virt,{key}={value}")
        for value, why in bad.items():
            refused(b, why, machine=f"virt,{key}={value}")
    code, out, _ = b.run("-M", "virt,help")
    check(code == 0 and all(f"  {key}=<" in out for key, _, _ in MACHINE), f"not all are listed: {out}")


@case()
def test_values_options(b):
    """the same of other options, devices among them"""
    skip_peer()
    disk = b.tmp / "disk"
    disk.write_bytes(bytes(1 << 20))
    for option, good, bad in OPTIONS:
        for value in good:
            taken(b, option, value.replace("{disk}", str(disk)))
        for value, why in bad.items():
            refused(b, why, option, value.replace("{disk}", str(disk)))


@case()
def test_values_json(b):
    """JSON: a value of another type than its key has is refused, and what is no JSON object"""
    skip_peer()
    for option, good, bad in JSON:
        for value in good:
            taken(b, option, value)
        for value, why in bad.items():
            refused(b, why, option, value)


@case()
def test_values_disks(b):
    """the same of disks; two devices cannot have one place in the boot order"""
    skip_peer()
    disk = b.tmp / "disk"
    disk.write_bytes(bytes(1 << 20))
    drive = [x.format(disk=disk) for x in DISK]
    for value in DISKS[0]:
        taken(b, *drive, "-device", value)
    for value, why in DISKS[1].items():
        refused(b, why, *drive, "-device", value)
    refused(b, "already been used", *drive, "-device", f"{BLK},bootindex=1", "-device", "virtio-net-pci,bootindex=1")


@case()
def test_values_daemon(b):
    """-daemonize refuses -nographic, which needs the terminal, unless nothing is left for it"""
    for args in ([], ["-serial", "null"], ["-serial", "null", "-monitor", "none"]):
        code, _, err = b.run("-M", "virt", "-bios", "none", "-S", "-daemonize", "-nographic", *args)
        check(code == 1 and "-nographic cannot be used with -daemonize" in err, f"{args}: exit code {code}: {err!r}")
    code, _, err = b.run("-M", f"virt,dumpdtb={b.tmp / 'x'}", "-bios", "none", "-nodefaults", "-nographic", "-daemonize")
    check(code == 0, f"with -nodefaults: exit code {code}: {err!r}")


@case()
def test_values_display(b):
    """-display: what is about a window is refused without one, and a window without a screen"""
    skip_peer()
    for value, reason in (("none,full-screen=on", "no window"), ("none,show-cursor=on", "no window"),
                          ("none,window-close=off", "no window"), ("curses,window-close=off", "no window"), ("sdl", "no screen")):
        code, _, err = b.run("-M", "virt", "-bios", "none", "-nodefaults", "-S", "-display", value)
        check(code == 1 and reason in err, f"-display {value}: exit code {code}: {err!r}")


@case()
def test_hints(b):
    """a hint is what may be meant: none for what is known elsewhere, or only looks like it"""
    skip_peer()
    for args, hint in ((["-foo"], None), (["-nographc"], "-nographic"), (["-device", "virtio-vga"], None),
                       (["-device", "virtio-bkl-pci"], "virtio-blk-pci"), (["-device", "virtio-scsi-pci"], None)):
        code, err = end_of(b, "-M", "virt", *args)
        check(code == 1 and ("did you mean" in err) == bool(hint) and (hint or "") in err, f"{args}: {err!r}")
    for option in ("-perfmap", "-jitdump"):
        refused(b, "-accel tcg,perfmap=on", option)


@case()
def test_message_times(b):
    """-msg timestamp=on puts the time in front of messages, guest-name=on the name"""
    code, _, err = b.run("-M", "virt", "-display", "none", "-msg", "timestamp=on", "-kernel", "/nonexistent")
    stamp = "0000-00-00T00:00:00.000000Z "
    shape = "".join("0" if c.isdigit() else c for c in err[:len(stamp)])
    check(code == 1 and shape == stamp, f"exit code {code}: {err!r}")
    code, _, err = b.run("-M", "virt", "-display", "none", "-name", "me", "-msg", "guest-name=on", "-kernel", "/nonexistent")
    check(code == 1 and err.splitlines()[-1].startswith("me "), f"exit code {code}: {err!r}")

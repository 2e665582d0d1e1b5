# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's kernel with our initramfs: every way to load it, every transport, several CPUs."""
import hashlib
import http.server
import os
import socket
import threading

from guests import debian_kernel
from harness import Failure, case, check, is_peer, need, not_on_peer, seconds

PROMPT = r"initramfs# "
BOOT = 120


def boot(b, *more, kernel=None, append="", memory="512M", serial=True):
    """Start the kernel with the initramfs and wait for its shell; no message of the kernel's comes into answers."""
    k = debian_kernel()
    m = b.machine("-bios", k.firmware, "-kernel", kernel or k.image, "-initrd", k.initrd,
                  "-append", ("console=ttyS0 " + append).strip(), *more, cpu_memory=("-m", memory), serial=serial)
    m.expect(r"Lyrebird: user space reached", BOOT)
    m.expect(PROMPT)
    m.command("dmesg -n 1", PROMPT)
    return m


def power_off(m):
    m.send("poweroff -f\n")
    m.expect_exit(0, 30)


class Download:
    """An HTTP server on the host's loopback that offers one file: these bytes, or so many random ones."""

    def __init__(self, bench, size=0, data=None):
        self.data = data = data or os.urandom(size)

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://10.0.2.2:{self.server.server_address[1]}/file"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        bench.onexit.callback(self.server.shutdown)


@case()
def test_initramfs(b):
    """kernel and initramfs reach user space, a shell works, power off ends with 0"""
    m = boot(b)
    check("riscv64" in m.command("uname -m", PROMPT), "uname does not say riscv64")
    check("20000" in m.command("i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; echo $i", PROMPT),
          "the shell cannot count")
    power_off(m)


@case()
def test_gzip_kernel(b):
    """a gzip-compressed Image boots"""
    not_on_peer("the stand-in of this Debian does not unpack a kernel")
    power_off(boot(b, kernel=debian_kernel().image_gz))


@case()
def test_smp(b):
    """-smp 4: four CPUs come up and work"""
    m = boot(b, "-smp", "4")
    check(m.command("nproc", PROMPT).strip() == "4", "not four CPUs")
    out = m.command("for c in 0 1 2 3; do taskset $((1<<c)) sh -c 'cut -d\" \" -f39 /proc/self/stat' ; done", PROMPT)
    check(out.split() == ["0", "1", "2", "3"], f"processes ran on CPUs {out.split()}")
    power_off(m)


@case()
def test_device_tree(b):
    """-machine dumpdtb writes a sound tree, and that tree boots with -dtb"""
    dtb = b.tmp / "virt.dtb"
    code, _, err = b.run("-M", f"virt,dumpdtb={dtb}", "-m", "512M", "-display", "none")
    check(code == 0 and dtb.exists(), f"exit code {code}: {err}")
    check(dtb.read_bytes()[:4] == b"\xd0\x0d\xfe\xed", "no device tree magic")
    code, dts, err = b.run("-I", "dtb", "-O", "dts", dtb, program=need("dtc"))
    check(code == 0 and "riscv-virtio" in dts, f"dtc: {code} {err}")
    power_off(boot(b, "-dtb", dtb))


@case()
def test_reboot(b):
    """reboot starts the guest again; with -no-reboot it ends the emulator"""
    m = boot(b)
    m.send("reboot -f\n")
    m.expect(r"Lyrebird: user space reached", BOOT)
    m.stop()
    m = boot(b, "-no-reboot")
    m.send("reboot -f\n")
    m.expect_exit(0)


def network(m, b):
    """Get an address, load a file from the host's loopback, compare its digest."""
    m.command("udhcpc -q -i eth0", PROMPT, 60)
    d = Download(b, 3 << 20)
    out = m.command(f"wget -q -O /tmp/f {d.url}; sha256sum /tmp/f", PROMPT, 60)
    check(hashlib.sha256(d.data).hexdigest() in out, f"the download's digest differs: {out}")


def disk(m, name):
    """Write random data to a raw disk, drop the caches, read it back."""
    out = m.command(f"dd if=/dev/urandom of=/tmp/r bs=64k count=48 2>/dev/null; cp /tmp/r {name}; sync; "
                    f"echo 3 > /proc/sys/vm/drop_caches; dd if={name} bs=64k count=48 2>/dev/null | cmp - /tmp/r "
                    f"&& echo disk-is-good", PROMPT, 60)
    check("disk-is-good" in out, f"disk differs: {out}")


def devices(b, suffix, *more):
    img = b.tmp / "disk.img"
    with open(img, "wb") as f:
        f.truncate(8 << 20)
    no_rom = ",romfile=" if is_peer() and suffix == "pci" else ""
    m = boot(b, "-drive", f"file={img},format=raw,if=none,id=d0", "-device", f"virtio-blk-{suffix},drive=d0",
             "-netdev", "user,id=n0", "-device", f"virtio-net-{suffix},netdev=n0" + no_rom,
             "-device", f"virtio-rng-{suffix}", *more)
    network(m, b)
    disk(m, "/dev/vda")
    check("virtio" in m.command("cat /sys/class/misc/hw_random/rng_available", PROMPT), "no virtio rng")
    power_off(m)


@case()
def test_virtio_mmio(b):
    """virtio-mmio disk, network (checksum of a download) and random numbers"""
    devices(b, "device")


@case()
def test_virtio_mmio_modern(b):
    """the same with version 2 of the registers"""
    devices(b, "device", "-global", "virtio-mmio.force-legacy=false")


@case()
def test_virtio_pci(b):
    """virtio-pci disk, network and random numbers"""
    devices(b, "pci")


@case()
def test_hostfwd(b):
    """hostfwd: a connection to the host reaches a server in the guest"""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    m = boot(b, "-netdev", f"user,id=n0,hostfwd=tcp:127.0.0.1:{port}-:80", "-device", "virtio-net-device,netdev=n0")
    m.command("udhcpc -q -i eth0", PROMPT, 60)
    m.command("(echo 'from the guest' | nc -l -p 80) & while ! netstat -tln | grep -q ':80 '; do sleep 0.1; done",
              PROMPT, 60)
    with socket.create_connection(("127.0.0.1", port), 10) as s:
        s.settimeout(seconds(30))
        try:
            got = s.recv(100)
        except OSError as e:
            raise Failure(f"the host read nothing: {e}") from e
    if got != b"from the guest\n":
        raise Failure(f"the host read {got!r}")
    m.stop()


@case()
def test_virtio_console(b):
    """virtio-serial: a second console on a chardev of its own"""
    path = b.tmp / "hvc"
    m = boot(b, "-device", "virtio-serial-device", "-chardev", f"socket,id=c1,path={path},server=on,wait=off",
             "-device", "virtconsole,chardev=c1")
    line = m.connect(path)
    m.send("echo over the virtio line > /dev/hvc0\n")
    line.expect("over the virtio line", 20)
    power_off(m)


@case()
def test_linux_virtconsole_mux(b):
    """a virtconsole on serial port 0's terminal has the keys at once, typed ahead too; Ctrl-A c leads to the others"""
    k = debian_kernel()
    m = b.machine("-nographic", "-bios", k.firmware, "-kernel", k.image, "-initrd", k.initrd, "-append", "console=hvc0",
                  "-device", "virtio-serial-pci", "-device", "virtconsole,chardev=serial0", serial=False)
    m.expect("OpenSBI", BOOT)
    m.send("echo typed ah''ead\n")
    m.expect("typed ahead", BOOT)
    m.send("\x01c\n")
    m.expect(r"\(qemu\) ")
    m.send("\x01c\x01c")
    m.send("echo once m''ore\n")
    m.expect("once more")
    power_off(m)


@case()
def test_virtio_channel(b):
    """virtserialport on PCI: the guest finds the channel by name and speaks both ways"""
    path = b.tmp / "channel"
    m = boot(b, "-device", "virtio-serial-pci,id=vs", "-chardev", f"socket,id=c1,path={path},server=on,wait=off",
             "-device", "virtserialport,bus=vs.0,chardev=c1,name=org.lyrebird.test")
    line = m.connect(path)
    check("org.lyrebird.test" in m.command("cat /sys/class/virtio-ports/vport0p1/name", PROMPT), "the port has no name")
    m.command("stty -F /dev/vport0p1 raw 2>/dev/null; exec 3<>/dev/vport0p1; echo from the guest >&3", PROMPT)
    line.expect("from the guest", 20)
    line.send("from the host\n")
    check("from the host" in m.command("head -n 1 <&3", PROMPT), "the guest heard nothing")
    power_off(m)


@case()
def test_restrict(b):
    """restrict=on: the guest reaches nothing outside"""
    m = boot(b, "-netdev", "user,id=n0,restrict=on", "-device", "virtio-net-device,netdev=n0")
    m.command("udhcpc -q -i eth0", PROMPT, 60)
    d = Download(b, 1000)
    out = m.command(f"wget -T 3 -q -O /tmp/f {d.url} && echo reached || echo refused", PROMPT, 60)
    check("refused" in out, "the guest reached the host")
    power_off(m)


@case(quick=False)
def test_interpreted_linux(b):
    """the interpreter boots the same kernel"""
    not_on_peer("QEMU has no accelerator of that name")
    k = debian_kernel()
    m = b.machine("-accel", "interp", "-bios", k.firmware, "-kernel", k.image, "-initrd", k.initrd, "-append", "console=ttyS0")
    m.expect(r"Lyrebird: user space reached", 900)
    m.expect(PROMPT, 60)
    m.send("poweroff -f\n")
    m.expect_exit(0, 120)


@case(quick=False)
def test_memory_sizes(b):
    """256 MiB and 3 GiB of memory are seen by the guest"""
    for size, low, high in (("256M", 150, 256), ("3G", 2700, 3072)):
        m = boot(b, memory=size)
        kib = int(m.command("awk '/MemTotal/{print $2}' /proc/meminfo", PROMPT).split()[-1])
        check(low <= kib >> 10 <= high, f"-m {size}: the guest sees {kib >> 10} MiB")
        power_off(m)
        m.stop()

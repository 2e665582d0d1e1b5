# SPDX-License-Identifier: GPL-2.0-or-later
"""Command lines as programs pass them, with the guest's architecture, the accelerator and the images of this host put in.

From the programs' own sources and tests, 2026: Lima, Packer, podman machine, Multipass, syzkaller, runqemu and oeqa of
Yocto, virtme-ng, Incus, Kata Containers, libvirt.  A line is written as a program writes it; blanks separate arguments
({append} is one, and has blanks).  Names in braces are filled by the case:

    tmp     its folder          kernel, initrd, firmware, append    of the guest
    disk    a raw image         port, port2                         free ports of the host
"""

LINES = {
    "lima": "-m 512 -cpu rv64 -machine virt,acpi=off,accel=tcg -smp 2,sockets=1,cores=2,threads=1 -bios {firmware} "
            "-drive file={disk},if=none,discard=on,id=boot-disk,format=raw -device virtio-blk-pci,drive=boot-disk,bootindex=1 "
            "-boot order=c,splash-time=0,menu=on -kernel {kernel} -append {append} -initrd {initrd} "
            "-netdev user,id=net0,net=192.168.5.0/24,dhcpstart=192.168.5.15,hostfwd=tcp:127.0.0.1:{port}-:22 "
            "-device virtio-net-pci,netdev=net0,mac=52:55:55:00:00:01 -device virtio-rng-pci -display none -vga none -parallel none "
            "-chardev socket,id=char-serial,path={tmp}/serial.sock,server=on,wait=off,logfile={tmp}/serial.log "
            "-serial chardev:char-serial -device virtio-serial-pci,id=virtio-serial0,max_ports=1 "
            "-chardev socket,id=char-serial-virtio,path={tmp}/serialv.sock,server=on,wait=off,logfile={tmp}/serialv.log "
            "-device virtconsole,chardev=char-serial-virtio,id=console0 "
            "-chardev socket,id=char-qmp,path={tmp}/qmp,server=on,wait=off -qmp chardev:char-qmp -device virtio-serial "
            "-chardev socket,path={tmp}/ga.sock,server=on,wait=off,id=qga0 "
            "-device virtserialport,chardev=qga0,name=io.lima-vm.guest_agent.0 -name lima-default -pidfile {tmp}/pid",
    "podman": "-accel tcg -cpu rv64 -M virt,memory-backend=mem -drive if=virtio,file={disk},format=raw "
              "-object memory-backend-memfd,id=mem,size=256M,share=on -m 256 -smp 2 "
              "-fw_cfg name=opt/com.coreos/config,file={tmp}/ign -qmp unix:{tmp}/qmp,server=on,wait=off "
              "-netdev user,id=vlan -device virtio-net-pci,netdev=vlan,mac=5a:94:ef:e4:0c:ee -device virtio-serial "
              "-chardev socket,path={tmp}/ready.sock,server=on,wait=off,id=adefault_ready "
              "-device virtserialport,chardev=adefault_ready,name=org.fedoraproject.port.0 -pidfile {tmp}/pid -display none "
              "-bios none -kernel {bare}",
    "packer": "-name packer-vm -machine type=virt,accel=tcg -m 256M -smp cpus=2,sockets=2 "
              "-netdev user,id=user.0,hostfwd=tcp::{port}-:22 -device virtio-net,netdev=user.0 "
              "-drive file={disk},if=virtio,cache=writeback,discard=ignore,format=raw -drive file={tmp}/iso,media=cdrom,format=raw "
              "-display none -qmp unix:{tmp}/qmp,server,nowait -bios none -kernel {bare}",
    "multipass": "-L {tmp} -machine virt -cpu rv64 -nic user,model=virtio-net-pci,mac=52:54:00:11:22:33 "
                 "-drive file={disk},if=none,format=raw,discard=unmap,id=hda -device virtio-blk-pci,drive=hda -smp 1 -m 256M "
                 "-qmp stdio -chardev null,id=char0 -serial chardev:char0 -nographic -uuid 5b1f6c52-7a0d-4a53-9f0e-0c0000000001 "
                 "-bios none -kernel {bare}",
    "syzkaller": "-m 512 -smp 2 -chardev socket,id=SOCKSYZ,server=on,wait=off,host=localhost,port={port2} "
                 "-mon chardev=SOCKSYZ,mode=control -display none -serial stdio -no-reboot -name VM-0 -device virtio-rng-pci "
                 "-machine virt -cpu rv64,sv48=on -device virtio-net-pci,netdev=net0 "
                 "-netdev user,id=net0,restrict=on,hostfwd=tcp:127.0.0.1:{port}-:22 -device virtio-blk-device,drive=hd0 "
                 "-drive file={disk},if=none,format=raw,id=hd0 -snapshot -bios {firmware} -kernel {kernel} -initrd {initrd} "
                 "-append {append}",
    "yocto": "-device virtio-net-device,netdev=net0,mac=52:54:00:12:34:02 "
             "-netdev user,id=net0,hostfwd=tcp:127.0.0.1:{port}-:22,tftp={tmp} -object rng-random,filename=/dev/urandom,id=rng0 "
             "-device virtio-rng-pci,rng=rng0 -drive id=disk0,file={disk},if=none,format=raw "
             "-device virtio-blk-device,drive=disk0 -machine virt -cpu rv64 -smp 4 -m 256 -serial tcp:127.0.0.1:{port2},nodelay=on "
             "-nographic -pidfile {tmp}/pid -S -qmp unix:./.x,server,wait -qmp unix:./.y,server,nowait -bios {firmware} "
             "-kernel {kernel} -initrd {initrd} -append {append}",
    "virtme-ng": "-name virtme -m 256M -machine virt -bios none -parallel none -net none -echr 1 "
                 "-chardev file,path=/proc/self/fd/2,id=dmesg -device virtio-serial-device -device virtconsole,chardev=dmesg "
                 "-chardev stdio,id=console,signal=off,mux=on -serial chardev:console -mon chardev=console -vga none "
                 "-display none -smp 2 -gdb tcp:localhost:{port} -qmp tcp:localhost:{port2},server,nowait -kernel {bare}",
    "incus": "-S -name vm -uuid 5b1f6c52-7a0d-4a53-9f0e-0c0000000001 -daemonize -cpu max -nographic -serial chardev:console "
             "-qmp chardev:monitor -nodefaults -no-user-config -readconfig {tmp}/qemu.conf -pidfile {tmp}/pid -D {tmp}/log "
             "-bios none -kernel {bare}",
    "kata": "-name sandbox-1 -uuid 5b1f6c52-7a0d-4a53-9f0e-0c0000000001 -machine virt,accel=tcg -cpu rv64 "
            "-qmp unix:path={tmp}/qmp,server=on,wait=off -m 256M -device virtio-serial-pci,id=serial0 "
            "-chardev socket,id=charconsole0,path={tmp}/console.sock,server=on,wait=off "
            "-device virtconsole,chardev=charconsole0,id=console0 -object rng-random,id=rng0,filename=/dev/urandom "
            "-device virtio-rng-pci,rng=rng0 -rtc base=utc,driftfix=slew,clock=host -vga none -no-user-config -nodefaults "
            "-nographic --no-reboot -overcommit mem-lock=off -bios none -kernel {bare} -pidfile {tmp}/pid "
            "-smp 1,cores=1,threads=1,sockets=1,maxcpus=1",
    "libvirt-probe": "-S -no-user-config -nodefaults -nographic -machine none,accel=kvm:tcg "
                     "-qmp unix:{tmp}/qmp,server=on,wait=off -pidfile {tmp}/pid -daemonize",
}

# What the same programs pass, too, and what is not there: the message names it.
MISSING = {
    "lima": {"-device qemu-xhci,id=usb-bus": "qemu-xhci", "-device virtio-scsi,id=scsi0": "virtio-scsi",
             "-netdev stream,id=net1,server=off,addr.type=unix,addr.path=/x,reconnect-ms=500": "stream",
             "-virtfs local,mount_tag=m,path=/,security_model=none": "-virtfs", "-numa node,memdev=m": "-numa",
             "-display vnc=127.0.0.1:0,to=9,password=on": "no screen"},
    "podman": {"-netdev stream,id=v2,server=off,addr.type=unix,addr.path=/x": "stream",
               "-chardev null,id=v -device vhost-user-fs-pci,queue-size=1024,chardev=v,tag=t": "vhost-user-fs-pci", "-accel kvm": "it runs guests of x86_64, i386"},
    "packer": {"-vnc 127.0.0.1:5": "-vnc", "-fda /x": "floppy", "-display gtk": "display", "-tpmdev emulator,id=t,chardev=c": "TPM"},
    "multipass": {"--enable-kvm": "it runs guests of x86_64, i386", "-device virtio-scsi-pci,id=scsi0": "virtio-scsi-pci", "-cdrom /x": "-cdrom", "-loadvm suspend": "-loadvm",
                  "-nic tap,ifname=t,script=no,downscript=no,model=virtio-net-pci": "tap", "-dump-vmstate /x": "-dump-vmstate"},
    "syzkaller": {"-enable-kvm": "it runs guests", "-device e1000,netdev=net0": "e1000",
                  "-device ivshmem-doorbell,vectors=1": "ivshmem-doorbell"},
    "yocto": {"-usb": "USB", "-device usb-tablet": "usb-tablet", "-netdev tap,id=t,ifname=tap0,script=no,downscript=no": "tap",
              "-device virtio-vga-gl": "virtio-vga-gl", "-display sdl,gl=on,show-cursor=on": "display", "-cpu rva23s64": "rva23s64"},
    "virtme-ng": {"-chardev null,id=c -device vhost-user-fs-device,chardev=c,tag=ROOTFS": "vhost-user-fs-device", "-device i6300esb": "i6300esb",
                  "-fsdev local,id=f,path=/,security_model=none,readonly=on": "-fsdev", "-device scsi-hd": "scsi-hd"},
    "kata": {"-device vhost-vsock-pci,guest-cid=3": "vhost-vsock-pci", "-device nvdimm,id=nv0": "nvdimm", "-device pcie-root-port,id=rp1": "pcie-root-port",
             "-m 256M,slots=10,maxmem=1G": "slots", "-overcommit mem-lock=on": "mem-lock"},
    "incus": {"-spice unix=on,addr=/x": "-spice", "-smbios type=2,manufacturer=LinuxContainers": "SMBIOS", "-device virtio-vga": "virtio-vga"},
}

# qemu.conf of Incus, but for devices that are not there.
INCUS_CONFIG = """# Machine
[machine]
graphics = "off"
type = "virt"
accel = "tcg"
usb = "off"

[global]
driver = "virtio-mmio"
property = "force-legacy"
value = "off"

[boot-opts]
strict = "on"

# Console
[chardev "console"]
backend = "ringbuf"
size = "4096"

[chardev "monitor"]
backend = "socket"
path = "{tmp}/qmp"
server = "on"
wait = "off"

[memory]
size = "256M"

[smp-opts]
cpus = "2"
sockets = "1"
cores = "2"
threads = "1"

[device "qemu_balloon"]
driver = "virtio-balloon-pci"
bus = "pcie.0"
addr = "02.0"
multifunction = "on"

[object "qemu_rng"]
qom-type = "rng-random"
filename = "/dev/urandom"

[device "dev-qemu_rng"]
driver = "virtio-rng-pci"
bus = "pcie.0"
addr = "02.1"
rng = "qemu_rng"

[device "dev-qemu_serial"]
driver = "virtio-serial-pci"

[chardev "qemu_serial-chardev"]
backend = "ringbuf"
size = "16B"

[device "qemu_serial"]
driver = "virtserialport"
name = "com.canonical.lxd"
chardev = "qemu_serial-chardev"
bus = "dev-qemu_serial.0"
"""

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of options: names, arguments, help, and for options that other programs
 * know but that are not built, why they are refused and what to use.
 *
 * -help, the nearest name of a misspelt option and docs/ come from this table.
 * Rows with `arg` NULL are not shown in -help (second spellings, refusals). */
#include "block/block.h"
#include "chardev/chardev.h"
#include "hw/object.h"
#include "net/net.h"
#include "ui/display.h"
#include "ui/vnc.h"
#include "system/cmdline.h"

#define NO_DISPLAY "it is not built; use -display sdl, or -display none with screendump"
#define NO_SOUND "no sound device is built"
#define NO_FS "sharing host folders is not built; use a disk image or the network"

/* clang-format off */
const Option cmdline_options[] = {
    { "h", OPT_HELP, SHAPE_FLAG, .section = "Standard options" },
    { "help", OPT_HELP, SHAPE_FLAG, .arg = "", .help = "show this text and exit (also -h)" },
    { "version", OPT_VERSION, SHAPE_FLAG, .arg = "", .help = "show the version and exit" },
    { "M", OPT_MACHINE, SHAPE_KEYS, .takes = &cmdline_machine_shape, .implied = "type" },
    { "machine", OPT_MACHINE, SHAPE_KEYS, .takes = &cmdline_machine_shape, .implied = "type", .arg = "[type=]name[,prop[=value]...]",
      .help = "select the machine ('-machine help' for a list, 'NAME,help' for its properties); also -M\n"
              "repeated options are merged\n"
              "accel=accel1[:accel2...] selects the accelerator\n"
              "memory-backend=id takes RAM's size from a memory backend object\n"
              "pflash0=id, pflash1=id put drives into the flash banks\n"
              "dumpdtb=file writes the device tree and exits" },
    { "arch", OPT_ARCH, SHAPE_TEXT, .arg = "name",
      .help = "guest architecture (default: from the program's name, else riscv64)" },
    { "cpu", OPT_CPU, SHAPE_TEXT, .arg = "model[,feature=on|off...]",
      .help = "select the CPU ('-cpu help' for a list)" },
    { "accel", OPT_ACCEL, SHAPE_KEYS, .implied = "accel", .arg = "[accel=]name[,prop=value...]",
      .help = "select the accelerator ('-accel help' for a list); 'a:b', or the option again,\n"
              "means the first that works" },
    { "enable-kvm", OPT_ENABLE_KVM, SHAPE_FLAG, .arg = "", .help = "short for -machine accel=kvm" },
    { "smp", OPT_SMP, SHAPE_KEYS, .takes = &cmdline_smp_shape, .implied = "cpus",
      .arg = "[cpus=]n[,maxcpus=n][,sockets=n][,cores=n][,threads=n]",
      .help = "number of CPUs (default 1) and their topology" },
    { "m", OPT_MEMORY, SHAPE_KEYS, .takes = &cmdline_memory_shape, .implied = "size", .arg = "[size=]megs",
      .help = "size of RAM; a suffix k, M, G, T may follow (default unit: MiB)" },
    { "bios", OPT_BIOS, SHAPE_TEXT, .arg = "file|none|default", .help = "firmware" },
    { "pflash", OPT_PFLASH, SHAPE_TEXT, .arg = "file", .help = "raw image for the next flash bank" },
    { "L", OPT_DATADIR, SHAPE_TEXT, .arg = "path", .help = "look for firmware there first ('-L help' for all places)" },
    { "boot", OPT_BOOT, SHAPE_KEYS, .takes = &cmdline_boot_shape, .implied = "order",
      .arg = "[order=drives][,menu=on|off][,strict=on|off]\n       [,splash-time=ms][,reboot-timeout=ms]",
      .help = "what firmware may read of the boot order (fw_cfg), with bootindex= of devices;\n"
              "'drives' are for boards with drive letters, no riscv board reads them" },
    { "name", OPT_NAME, SHAPE_KEYS, .takes = &cmdline_name_shape, .implied = "guest", .arg = "[guest=]string[,process=string][,debug-threads=on|off]",
      .help = "name of the guest, and of the process; threads have names either way" },
    { "uuid", OPT_UUID, SHAPE_TEXT, .arg = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx", .help = "UUID of the machine" },
    { "rtc", OPT_RTC, SHAPE_KEYS, .takes = &cmdline_rtc_shape, .implied = "base",
      .arg = "[base=utc|localtime|datetime][,clock=host|rt|vm][,driftfix=none|slew]",
      .help = "time at start, and the clock that drives the real-time clock" },
    { "fw_cfg", OPT_FW_CFG, SHAPE_KEYS, .takes = &cmdline_fw_cfg_shape, .implied = "name", .arg = "[name=]name,file=file|string=text",
      .help = "add a firmware configuration entry (opt/...)" },

    { "kernel", OPT_KERNEL, SHAPE_TEXT, .section = "Linux boot", .arg = "file", .help = "kernel (Image, gzip, ELF, raw; x86: bzImage, PVH, multiboot)" },
    { "append", OPT_APPEND, SHAPE_TEXT, .arg = "cmdline", .help = "command line of the kernel" },
    { "initrd", OPT_INITRD, SHAPE_TEXT, .arg = "file", .help = "initial RAM disk" },
    { "dtb", OPT_DTB, SHAPE_TEXT, .arg = "file", .help = "device tree to use instead of the generated one" },

    { "device", OPT_DEVICE, SHAPE_KEYS, .takes = &device_shape, .implied = "driver", .json = true, .section = "Devices",
      .arg = "driver[,prop[=value]...]",
      .help = "add a device ('-device help' for a list, 'driver,help' for its properties);\n"
              "also as JSON" },
    { "global", OPT_GLOBAL, SHAPE_KEYS, .arg = "driver.prop=value",
      .help = "default of a property for all devices of a kind" },
    { "object", OPT_OBJECT, SHAPE_KEYS, .takes = &object_shape, .implied = "qom-type", .json = true, .arg = "type[,prop=value...]",
      .help = "create an object ('-object help' for a list); also as JSON" },

    { "drive", OPT_DRIVE, SHAPE_KEYS, .takes = &drive_shape, .implied = "file", .section = "Disks",
      .arg = "[file=f][,if=virtio|none|pflash][,id=name][,format=raw|qcow2|...][,index=i][,unit=i]\n"
             "       [,readonly=on|off][,snapshot=on|off][,cache=...][,aio=...][,discard=...]",
      .help = "use 'file' as a drive; without if= it becomes a virtio disk unless a -device uses it" },
    { "blockdev", OPT_BLOCKDEV, SHAPE_KEYS, .takes = &blockdev_shape, .implied = "driver", .json = true,
      .arg = "[driver=]file|nbd|http|raw|qcow2|...,node-name=name[,filename=f][,file=node][,read-only=on|off][,...]",
      .help = "open an image as a node, which a -device or another node chooses by its name; also as JSON" },
    { "hda", OPT_HDA, SHAPE_TEXT, .arg = "file", .help = "use 'file' as disk 0 (also -hdb, -hdc, -hdd)" },
    { "hdb", OPT_HDA, SHAPE_TEXT }, { "hdc", OPT_HDA, SHAPE_TEXT }, { "hdd", OPT_HDA, SHAPE_TEXT },
    { "snapshot", OPT_SNAPSHOT, SHAPE_FLAG, .arg = "", .help = "writes go to temporary files, images stay as they are" },

    { "netdev", OPT_NETDEV, SHAPE_KEYS, .takes = &netdev_shape, .implied = "type", .json = true, .section = "Network",
      .arg = "user,id=name[,prop=value...]", .help = "host end of a network ('-netdev help' for types)" },
    { "nic", OPT_NIC, SHAPE_KEYS, .implied = "type", .arg = "user|none[,model=name][,mac=address][,prop=value...]",
      .help = "a network card and its host end in one" },
    { "net", OPT_NET, SHAPE_KEYS, .implied = "type", .arg = "nic|user|none[,model=name][,macaddr=address]...",
      .help = "the same in two (old form)" },

    { "chardev", OPT_CHARDEV, SHAPE_KEYS, .takes = &chardev_shape, .implied = "backend", .section = "Serial lines and monitors",
      .arg = "backend,id=name[,mux=on|off][,prop=value...]", .help = "host end of a serial line ('-chardev help' for backends)" },
    { "serial", OPT_SERIAL, SHAPE_TEXT, .arg = "dev", .help = "connect the next serial port: stdio, mon:stdio, pty, file:F, pipe:F,\ntcp:HOST:PORT[,server=on], unix:PATH[,server=on], chardev:ID, null, none" },
    { "monitor", OPT_MONITOR, SHAPE_TEXT, .arg = "dev", .help = "put the monitor there" },
    { "mon", OPT_MON, SHAPE_KEYS, .takes = &cmdline_mon_shape, .implied = "chardev", .arg = "[chardev=]name[,mode=readline|control][,pretty=on|off]", .help = "put a monitor on a chardev" },
    { "qmp", OPT_QMP, SHAPE_TEXT, .arg = "dev", .help = "put a monitor for programs (QMP, JSON) there" },
    { "qmp-pretty", OPT_QMP_PRETTY, SHAPE_TEXT, .arg = "dev", .help = "the same, its JSON over several lines" },
    { "parallel", OPT_PARALLEL, SHAPE_TEXT, .arg = "none|null", .help = "boards here have no parallel port" },
    { "nographic", OPT_NOGRAPHIC, SHAPE_FLAG, .arg = "", .help = "serial line and monitor on the terminal (Ctrl-A h for keys)" },
    { "display", OPT_DISPLAY, SHAPE_KEYS, .takes = &display_shape, .implied = "type", .json = true,
      .arg = "none|sdl[,full-screen=on|off][,window-close=on|off]\n"
             "       [,show-cursor=on|off][,grab-mod=keys]\n"
             "-display curses\n"
             "-display vnc=display[,...]",
      .help = "what shows the screens: sdl, a window for each (default where there is a display\n"
              "server and a screen); curses, text consoles on the terminal; vnc, as -vnc; none",
      .list = "Available display backend types:\nnone\nsdl\ncurses\n" },
    { "vnc", OPT_VNC, SHAPE_KEYS, .takes = &vnc_shape, .implied = "vnc",
      .arg = "none|[host]:n|unix:path[,to=n][,password=on|off][,password-secret=id]\n"
             "       [,share=...][,connections=n][,key-delay-ms=n][,lossy=on|off]\n"
             "       [,power-control=on|off][,display=device][,head=n]",
      .help = "show a screen over the network, to VNC viewers, at port 5900 + n" },
    { "vga", OPT_VGA, SHAPE_TEXT, .arg = "none", .help = "no display adapter",
      .list = "none                 no graphic card (default)\n" },
    { "echr", OPT_ECHR, SHAPE_TEXT, .arg = "chr", .help = "escape character of the terminal as a number (default 1, Ctrl-A)" },

    { "S", OPT_PAUSED, SHAPE_FLAG, .section = "Running and debugging", .arg = "", .help = "do not start the CPUs ('c' in the monitor or gdb starts them)" },
    { "incoming", OPT_INCOMING, SHAPE_TEXT, .arg = "file:PATH|tcp:HOST:PORT|unix:PATH|exec:COMMAND|fd:N|defer", .help = "go on from a state that the monitor's 'migrate' sends or has saved; all other options as there; defer: migrate-incoming of a monitor says from where" },
    { "loadvm", OPT_LOADVM, SHAPE_TEXT, .arg = "TAG", .help = "go on from a snapshot that the monitor's 'savevm TAG' took; all other options as then" },
    { "no-reboot", OPT_NO_REBOOT, SHAPE_FLAG, .arg = "", .help = "exit instead of rebooting" },
    { "no-shutdown", OPT_NO_SHUTDOWN, SHAPE_FLAG, .arg = "", .help = "stop, but do not exit, when the guest powers off" },
    { "action", OPT_ACTION, SHAPE_KEYS, .takes = &run_actions_shape, .implied = NULL, .arg = "[reboot=reset|shutdown][,shutdown=poweroff|pause][,panic=...]", .help = "what -no-reboot and -no-shutdown say, in one" },
    { "s", OPT_GDB_SHORT, SHAPE_FLAG, .arg = "", .help = "shorthand for -gdb tcp::1234" },
    { "gdb", OPT_GDB, SHAPE_TEXT, .arg = "dev", .help = "wait for gdb on 'dev': tcp::PORT, tcp:HOST:PORT, unix:PATH, chardev:ID" },
    { "d", OPT_LOG, SHAPE_TEXT, .arg = "item1,...", .help = "log these items ('-d help' for a list)" },
    { "D", OPT_LOG_FILE, SHAPE_TEXT, .arg = "file", .help = "write the log there (default: standard error)" },
    { "trace", OPT_TRACE, SHAPE_KEYS, .takes = &cmdline_trace_shape, .implied = "enable", .arg = "[[enable=]pattern][,events=file]",
      .help = "log register accesses of the devices whose name fits ('-trace virtio*');\n"
              "'-pattern' takes back, events=file has a pattern a line;\n"
              "'-machine ... -trace help' lists the names" },
    { "add-fd", OPT_ADD_FD, SHAPE_KEYS, .takes = &cmdline_add_fd_shape, .arg = "fd=fd,set=set[,opaque=text]",
      .help = "put an inherited descriptor into a set; /dev/fdset/SET opens the member of it\n"
              "that fits, where a file is named" },
    { "pidfile", OPT_PIDFILE, SHAPE_TEXT, .arg = "file", .help = "write the process id there" },
    { "msg", OPT_MSG, SHAPE_KEYS, .takes = &cmdline_msg_shape, .arg = "[timestamp=on|off][,guest-name=on|off]",
      .help = "put the time, and the name of -name, in front of messages" },
    { "overcommit", OPT_OVERCOMMIT, SHAPE_KEYS, .takes = &cmdline_overcommit_shape, .arg = "[mem-lock=off][,cpu-pm=off]",
      .help = "nothing but these defaults" },
    { "daemonize", OPT_DAEMONIZE, SHAPE_FLAG, .arg = "", .help = "run in the background once everything listens" },
    { "sandbox", OPT_SANDBOX, SHAPE_KEYS, .takes = &cmdline_sandbox_shape, .implied = "enable",
      .arg = "on|off[,obsolete=allow|deny][,elevateprivileges=allow|deny|children]\n"
             "       [,spawn=allow|deny][,resourcecontrol=allow|deny][,files=any|named][,dir=folder]",
      .help = "give up, once the machine is made, what it does not need (default: on, where the\n"
              "kernel can): system calls but for a list; with files=named, files outside of dir=" },
    { "runas", OPT_RUNAS, SHAPE_TEXT, .arg = "user|uid:gid", .help = "become this user once the machine is made" },
    { "run-with", OPT_RUN_WITH, SHAPE_KEYS, .takes = &cmdline_run_with_shape,
      .arg = "[async-teardown=on|off][,chroot=dir][,exit-with-parent=on|off]\n       [,user=user|uid:gid]",
      .help = "become this user in this root once the machine is made; free its memory in\n"
              "another process; end with who started it" },
    { "chroot", OPT_CHROOT, SHAPE_TEXT },
    { "nodefaults", OPT_NODEFAULTS, SHAPE_FLAG, .arg = "", .help = "no default devices, serial lines and monitors" },
    { "readconfig", OPT_READCONFIG, SHAPE_TEXT, .arg = "file",
      .help = "read options from a file: [device \"id\"] and lines of key = \"value\"" },
    { "no-user-config", .already = "", .refused = "there are no configuration files",
      .arg = "", .help = "read no configuration files (there are none)" },
    { "nodefconfig", .already = "", .refused = "there are no configuration files" },

    /* ---- known to other programs, not built here ---- */
    { "cdrom", .shape = SHAPE_TEXT, .refused = "no CD drive is built; use -drive file=FILE,readonly=on" },
    { "fda", .shape = SHAPE_TEXT, .refused = "no floppy drive is built" },
    { "fdb", .shape = SHAPE_TEXT, .refused = "no floppy drive is built" },
    { "mtdblock", .shape = SHAPE_TEXT, .refused = "boards here have no raw flash; use -pflash" },
    { "sd", .shape = SHAPE_TEXT, .refused = "boards here have no SD card slot; use -drive if=virtio" },
    { "singlestep", .refused = "it is called -accel tcg,one-insn-per-tb=on" },
    { "icount", .shape = SHAPE_TEXT, .refused = "counting instructions for time is not built" },
    { "numa", .shape = SHAPE_TEXT, .refused = "NUMA nodes are not built" },
    { "mem-path", .shape = SHAPE_TEXT, .refused = "say -object memory-backend-file,id=m,size=SIZE,mem-path=FILE -machine memory-backend=m" },
    { "mem-prealloc", .refused = "preallocating RAM is not built" },
    { "spice", .shape = SHAPE_TEXT, .refused = NO_DISPLAY },
    { "full-screen", .refused = "say -display sdl,full-screen=on" }, { "g", .shape = SHAPE_TEXT, .refused = NO_DISPLAY },
    { "k", .shape = SHAPE_TEXT, .refused = "keys go by their places: the guest's layout decides; leave it out" },
    { "audio", .shape = SHAPE_TEXT, .implied = "driver", .already = "none", .refused = NO_SOUND,
      .list = "Available audio drivers:\nnone\n" },
    { "audiodev", .shape = SHAPE_TEXT, .implied = "driver", .already = "none", .refused = NO_SOUND,
      .list = "Available audio drivers:\nnone\n" },
    { "usb", .refused = "USB is not built" }, { "usbdevice", .shape = SHAPE_TEXT, .refused = "USB is not built" },
    { "fsdev", .shape = SHAPE_TEXT, .refused = NO_FS }, { "virtfs", .shape = SHAPE_TEXT, .refused = NO_FS },
    { "iscsi", .shape = SHAPE_TEXT, .refused = "iSCSI is not built; attach the disk on the host" },
    { "tpmdev", .shape = SHAPE_TEXT, .refused = "TPM devices are not built" },
    { "smbios", .shape = SHAPE_TEXT, .refused = "SMBIOS tables are not built" },
    { "acpitable", .shape = SHAPE_TEXT, .refused = "ACPI tables of the user's own are not built" },
    { "dump-vmstate", .shape = SHAPE_TEXT, .refused = "descriptions of saved states are not built" },
    { "only-migratable", .refused = "it is not built; leave it out" },
    { "semihosting", .refused = "semihosting is not built; use the test finisher or a serial line" },
    { "semihosting-config", .shape = SHAPE_TEXT, .implied = "enable", .already = "off",
      .refused = "semihosting is not built; use the test finisher or a serial line" },
    { "watchdog-action", .shape = SHAPE_TEXT, .implied = "action", .already = "reset",
      .refused = "no watchdog is built; leave it out" },
    { "set", .shape = SHAPE_TEXT, .refused = "give the key in the option itself" },
    { "writeconfig", .shape = SHAPE_TEXT, .refused = "configuration files are read, not written" },
    { "plugin", .shape = SHAPE_TEXT, .refused = "plugins are not built" },
    { "option-rom", .shape = SHAPE_TEXT, .refused = "boards here have no option ROMs" },
    { "prom-env", .shape = SHAPE_TEXT, .refused = "boards here have no OpenBIOS variables" },
    { "compat", .shape = SHAPE_TEXT, .refused = "policies for old commands are not built; leave it out" },
    { "preconfig", .refused = "configuring a machine by QMP before it is made is not built; give the options here" },
    { "seed", .shape = SHAPE_TEXT, .refused = "repeatable random numbers are not built" },
    { "dfilter", .shape = SHAPE_TEXT, .refused = "filtering the log by address is not built" },
    { "debugcon", .shape = SHAPE_TEXT, .refused = "say -chardev BACKEND,id=c -device isa-debugcon,chardev=c (x86 boards)" },
    { "shim", .shape = SHAPE_TEXT, .refused = "it belongs to EFI boot on x86" },
    { "jitdump", .refused = "dumps of host code for perf are not built; use -accel tcg,perfmap=on" },
    { "perfmap", .refused = "it is an option of the accelerator here: use -accel tcg,perfmap=on" },
    { "xen-domid", .shape = SHAPE_TEXT, .refused = "Xen is not built" }, { "xen-attach", .refused = "Xen is not built" },
    { "no-acpi", .refused = "say -machine acpi=off" },
    { "no-hpet", .already = "", .refused = "boards here have no HPET" },
    { NULL },
};
/* clang-format on */

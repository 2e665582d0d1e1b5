/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The list of system calls that a running machine makes, and why it does.
 *
 * libc, GLib and the other libraries decide which of a family they call, and newer ones decide anew; so a row has the
 * whole family where one member may do no more than another.  Calls that are new and may fail are told to (an `error`):
 * the libraries then use the older one. */
#include "base/sandbox.h"
#include "base/sandbox_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#define WORD UINT32_MAX /* of arguments that the kernel takes as 32 bits */

/* clang-format off */
const SandboxRow sandbox_rows[] = {
    /* ---- memory ---- */
    { "brk munmap mremap madvise msync mincore membarrier mseal map_shadow_stack", "malloc, RAM, threads' stacks" },
    { "mmap mmap2", "the same", .arg = 3, .mask = PROT_EXEC },
    { "mprotect", "the same", .arg = 3, .mask = PROT_EXEC },
    { "mmap mmap2 mprotect", "no new host code: the cache of translated code is mapped at the start; a library that would "
      "be loaded is done without", .error = EACCES, .arg = 3, .mask = PROT_EXEC, .value = PROT_EXEC },
    { "memfd_create", "memory backends with share=on that a monitor adds" },

    /* ---- threads, signals, time ---- */
    { "clone", "threads of vCPUs and disks", .arg = 1, .mask = CLONE_THREAD, .value = CLONE_THREAD },
    { "clone3", "its arguments are in memory, where they cannot be looked at: libc then calls clone", .error = ENOSYS },
    { "exit exit_group futex futex_time64 futex_waitv futex_wait futex_wake set_robust_list get_robust_list rseq "
      "set_tid_address sched_yield gettid getpid getppid restart_syscall", "threads, locks and conditions" },
    { "sched_getaffinity sched_getparam sched_getscheduler sched_getattr getcpu sysinfo getrusage times uname",
      "how many processors there are, how much memory, what has been used" },
    { "rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigtimedwait rt_sigsuspend sigaltstack sigreturn",
      "signals that end, wake and time" },
    { "tgkill kill", "abort(), and a signal that is passed on to the main thread", .arg = 1, .mask = WORD, .own = true },
    { "prctl", "a thread's name", .arg = 1, .mask = WORD, .value = PR_SET_NAME },
    { "prctl", "a thread's name", .arg = 1, .mask = WORD, .value = PR_GET_NAME },
    { "prctl", "names of mappings, for which newer libcs ask: done without", .error = EINVAL, .arg = 1, .mask = WORD,
      .value = 0x53564d41 /* PR_SET_VMA */ },
    { "clock_gettime clock_gettime64 clock_getres clock_getres_time64 clock_nanosleep clock_nanosleep_time64 nanosleep "
      "gettimeofday time timer_create timer_settime timer_settime64 timer_gettime timer_gettime64 timer_getoverrun "
      "timer_delete timerfd_create timerfd_settime timerfd_settime64 timerfd_gettime timerfd_gettime64", "clocks and timers" },
    { "riscv_flush_icache riscv_hwprobe cacheflush arch_prctl", "translated code and threads on hosts that ask the kernel for it" },
    { "getrandom", "random numbers: rng objects, hash tables" },
    { "getuid geteuid getgid getegid getresuid getresgid getgroups getpgrp getpgid getsid", "who this is" },
    { "getrlimit ugetrlimit", "how many descriptors there may be" },
    { "prlimit64", "the same", .arg = 3, .mask = UINT64_MAX },

    /* ---- waiting ---- */
    { "poll ppoll ppoll_time64 select _newselect pselect6 pselect6_time64 epoll_create epoll_create1 epoll_ctl epoll_wait "
      "epoll_pwait epoll_pwait2 eventfd eventfd2 pipe pipe2", "the main loop" },

    /* ---- files, terminals, pipes ---- */
    { "read readv pread64 preadv preadv2 write writev pwrite64 pwritev pwritev2 lseek _llseek close close_range fsync "
      "fdatasync sync_file_range fallocate ftruncate ftruncate64 fadvise64 fadvise64_64 flock copy_file_range "
      "sendfile sendfile64",
      "disks, chardevs, the log" },
    { "dup dup2 dup3 fstat fstat64 fstatfs fstatfs64", "descriptors" },
    { "fcntl fcntl64", "descriptors, but no signals of theirs (F_SETOWN), which may go to other processes", .arg = 2, .mask = WORD, .value = F_DUPFD },
    { "fcntl fcntl64", "the same", .arg = 2, .mask = WORD, .value = F_DUPFD_CLOEXEC },
    { "fcntl fcntl64", "the same", .arg = 2, .mask = WORD, .value = F_GETFD },
    { "fcntl fcntl64", "the same", .arg = 2, .mask = WORD, .value = F_SETFD },
    { "fcntl fcntl64", "the same", .arg = 2, .mask = WORD, .value = F_GETFL },
    { "fcntl fcntl64", "the same", .arg = 2, .mask = WORD, .value = F_SETFL },
    { "fcntl fcntl64", "locks of images and of the pid file", .arg = 2, .mask = WORD, .value = F_GETLK },
    { "fcntl fcntl64", "the same", .arg = 2, .mask = WORD, .value = F_SETLK },
    { "fcntl fcntl64", "the same", .arg = 2, .mask = WORD, .value = F_SETLKW },
    { "fcntl fcntl64", "the same, on hosts where they differ", .arg = 2, .mask = WORD, .value = F_GETLK64 },
    { "fcntl fcntl64", "the same", .arg = 2, .mask = WORD, .value = F_SETLK64 },
    { "fcntl fcntl64", "the same", .arg = 2, .mask = WORD, .value = F_SETLKW64 },
    { "fcntl fcntl64", "locks of images", .arg = 2, .mask = WORD, .value = F_OFD_GETLK },
    { "fcntl fcntl64", "the same", .arg = 2, .mask = WORD, .value = F_OFD_SETLK },
    { "fcntl fcntl64", "the same", .arg = 2, .mask = WORD, .value = F_OFD_SETLKW },
    { "fcntl fcntl64", "are two descriptors one: newer libraries ask, and do without", .error = EINVAL, .arg = 2, .mask = WORD,
      .value = 1027 /* F_DUPFD_QUERY */ },
    { "open openat openat2 stat stat64 lstat lstat64 newfstatat fstatat64 statx access faccessat faccessat2 readlink "
      "readlinkat getdents getdents64 getcwd statfs statfs64 umask", "what a monitor adds, folders of TFTP; Landlock says which" },
    { "unlink unlinkat symlink symlinkat", "sockets, links of ptys, the pid file, temporary images" },
    { "ioctl", "a terminal's settings", .arg = 2, .mask = WORD, .value = TCGETS },
    { "ioctl", "the same", .arg = 2, .mask = WORD, .value = TCSETS },
    { "ioctl", "the same", .arg = 2, .mask = WORD, .value = TCSETSW },
    { "ioctl", "the same", .arg = 2, .mask = WORD, .value = TCSETSF },
    { "ioctl", "the same, as newer libcs ask", .arg = 2, .mask = WORD, .value = 0x802c542a /* TCGETS2 */ },
    { "ioctl", "the same", .arg = 2, .mask = WORD, .value = 0x402c542b /* TCSETS2 */ },
    { "ioctl", "the same", .arg = 2, .mask = WORD, .value = 0x402c542c /* TCSETSW2 */ },
    { "ioctl", "the same", .arg = 2, .mask = WORD, .value = 0x402c542d /* TCSETSF2 */ },
    { "ioctl", "its size", .arg = 2, .mask = WORD, .value = TIOCGWINSZ },
    { "ioctl", "who is in its foreground", .arg = 2, .mask = WORD, .value = TIOCGPGRP },
    { "ioctl", "a new pty", .arg = 2, .mask = WORD, .value = TIOCGPTN },
    { "ioctl", "the same", .arg = 2, .mask = WORD, .value = TIOCSPTLCK },
    { "ioctl", "how much can be read", .arg = 2, .mask = WORD, .value = FIONREAD },
    { "ioctl", "waiting or not", .arg = 2, .mask = WORD, .value = FIONBIO },
    { "ioctl", "disks that are devices of the host: size", .arg = 2, .mask = WORD, .value = BLKGETSIZE64 },
    { "ioctl", "the same: sectors", .arg = 2, .mask = WORD, .value = BLKSSZGET },
    { "ioctl", "the same: what is no longer needed", .arg = 2, .mask = WORD, .value = BLKDISCARD },
    { "ioctl", "a virtual machine of the kernel's: 0xae is in the number of all of them, and /dev/kvm is closed", SANDBOX_KVM, .arg = 2,
      .mask = 0xff00, .value = 0xae00 },
    { "io_uring_enter", "requests of disks (of a ring that takes nothing else)" },
    { "io_uring_setup io_uring_register", "a ring could do what is not in this list: drives that come later use threads",
      .error = EPERM },

    /* ---- network ---- */
    { "socket socketpair", "chardevs and monitors", .arg = 1, .mask = WORD, .value = AF_UNIX },
    { "socket", "user networks, chardevs", .arg = 1, .mask = WORD, .value = AF_INET },
    { "socket", "the same", .arg = 1, .mask = WORD, .value = AF_INET6 },
    { "socket", "libc looks so which addresses this host has", .arg = 1, .mask = WORD, .value = AF_NETLINK },
    { "ioctl", "names of interfaces, in addresses of IPv6", .arg = 2, .mask = WORD, .value = SIOCGIFINDEX },
    { "ioctl", "the same", .arg = 2, .mask = WORD, .value = SIOCGIFNAME },
    { "bind listen accept accept4 connect shutdown getsockname getpeername getsockopt setsockopt send sendto sendmsg "
      "sendmmsg recv recvfrom recvmsg recvmmsg recvmmsg_time64", "user networks, chardevs, monitors, gdb" },

    /* ---- what -sandbox may allow ---- */
    { "setuid setuid32 setgid setgid32 setreuid setreuid32 setregid setregid32 setresuid setresuid32 setresgid setresgid32 "
      "setgroups setgroups32 setfsuid setfsuid32 setfsgid setfsgid32", "another user", SANDBOX_PRIVILEGES },
    { "setpriority sched_setparam sched_setscheduler sched_setaffinity sched_setattr setrlimit prlimit64 ioprio_set mbind "
      "set_mempolicy migrate_pages move_pages", "priorities and limits", SANDBOX_RESOURCES },
    { "shmget shmat shmdt shmctl", "a window's picture, which the X server reads", SANDBOX_WINDOW },
    { "_sysctl afs_syscall bdflush create_module get_kernel_syms getpmsg nfsservctl oldfstat oldlstat oldolduname oldstat "
      "olduname putpmsg query_module readdir sgetmask ssetmask stime sysfs uselib ustat", "programs of long ago",
      SANDBOX_OBSOLETE },

    /* ---- what no program may that a machine starts (SANDBOX_SPAWN allows all others) ---- */
    { "ptrace process_vm_readv process_vm_writev process_madvise pidfd_getfd kcmp", "other processes", SANDBOX_NEVER, EPERM },
    { "init_module finit_module delete_module kexec_load kexec_file_load reboot bpf perf_event_open iopl ioperm "
      "userfaultfd io_uring_setup", "the kernel", SANDBOX_NEVER, EPERM },
    { "mount umount umount2 pivot_root chroot open_tree move_mount fsopen fsconfig fsmount fspick mount_setattr setns "
      "unshare swapon swapoff quotactl quotactl_fd acct open_by_handle_at", "the system's files", SANDBOX_NEVER, EPERM },
    { "settimeofday clock_settime clock_settime64 clock_adjtime clock_adjtime64 adjtimex sethostname setdomainname vhangup "
      "add_key request_key keyctl syslog", "the system's clock, names and keys", SANDBOX_NEVER, EPERM },
    { NULL },
};
/* clang-format on */

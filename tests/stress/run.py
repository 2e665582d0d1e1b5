#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""By hand: Debian's stress-ng and compiles in a guest (docs/stress.md).

  tests/stress/run.py [--smp 4] [--seconds 10] stress-ng      methods that several CPUs share, with --verify
  tests/stress/run.py [--smp 4] [--times 10] compile          gcc -j of zlib, again and again: all results equal
  tests/stress/run.py --smp 1 [--times 3] speed               seconds of a compiler, alone, and of a shell's loop
  tests/stress/run.py --smp 2 [--times 3] busy                throughput of 1 to SMP busy vCPUs
  ... -- -accel tcg,tb-size=1                                 more options for the emulator

The disk is made once, from packages, in ${XDG_CACHE_HOME:-~/.cache}/lyrebird/stress; what a run writes is dropped.
LYREBIRD names the program (default build/lyrebird); a QEMU takes the same options."""
import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "scripts"))
from guestlib import apt, base, guest, root  # noqa: E402  (needs the path above)

PACKAGES = "bash dash coreutils grep sed mawk mount util-linux hostname procps stress-ng gcc make libc6-dev".split()
SOURCE = "zlib"
METHODS = ("atomic", "futex", "mutex", "membarrier", "icache", "spinmem", "lockbus", "cacheline", "sem", "switch", "fork",
           "mmapfork", "shm", "tlb-shootdown", "madvise", "vm", "pthread", "prefetch", "mcontend", "cache")
INIT = r"""#!/bin/bash
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C
mount -t proc proc /proc 2>/dev/null; mount -t sysfs sys /sys 2>/dev/null; mount -t tmpfs tmp /tmp
mkdir -p /dev/shm; mount -t tmpfs shm /dev/shm; mount -o remount,rw /
source /stress/job
echo "stress: status $status"
sync; echo o > /proc/sysrq-trigger; sleep 60
"""
STRESS_NG = r"""
status=0
for method in {methods}; do
    timeout -s KILL {limit} stress-ng --$method {instances} --verify --metrics-brief -t {seconds}s --temp-path /tmp 2>&1 ||
        {{ status=1; echo "stress: $method failed"; }}
done
"""
COMPILE = r"""
cd /tmp; status=0
for n in $(seq {times}); do
    rm -rf z; mkdir z; cp -r /stress/source/* z/; cd z; start=$SECONDS
    ./configure > log 2>&1 && make -j{jobs} >> log 2>&1 && make -j{jobs} test >> log 2>&1 || {{ tail -20 log; status=1; }}
    sum=$(cat *.o *.lo libz.a libz.so.1.* example minigzip | sha256sum); cd ..
    echo "compile $n: $((SECONDS - start)) s, $sum"
    [ -z "$first" ] && first=$sum; [ "$sum" = "$first" ] || {{ status=1; echo "stress: another result"; }}
done
"""
SPEED = r"""
cd /stress/source; status=0 TIMEFORMAT="%R s, of it user %U, system %S"
cc1=$(gcc -print-prog-name=cc1)
for f in [a-f]*.c [i-z]*.c; do gcc -E $f -o /tmp/${{f%.c}}.i; done
echo "speed: cc1 for $(cat /tmp/*.i | wc -c) bytes, a shell with pipes, a shell alone"
for n in $(seq {times}); do
    echo -n "speed cc1 $n: "; time for f in /tmp/*.i; do $cc1 -quiet -fpreprocessed -O2 $f -o /tmp/out.s || status=1; done
    echo -n "speed shell $n: "; time for ((i = 0; i < 150; i++)); do v=$(echo $i | sed s/1/2/); [ -n "$v" ] || status=1; done
    echo -n "speed loop $n: "; time for ((i = 0, v = 0; i < 200000; i++)); do ((v += i)); done
done
"""
# awk's doubles and a shell's integers.  The median of the rounds: a busy host disturbs single ones both ways.
BUSY = r"""
status=0
work() {{ mawk 'BEGIN {{ for (i = 0; i < 2000000; i++) v += i % 7 * 0.5 }}'; for ((i = 0; i < 100000; i++)); do ((v += i)); done; }}
took() {{
    local start=${{EPOCHREALTIME/./}} n
    for n in $(seq $1); do taskset -c $((n - 1)) bash -c "$(declare -f work); work" & done
    wait; echo $(((${{EPOCHREALTIME/./}} - start) / 1000)) >> /tmp/took.$1
}}
median() {{ sort -n /tmp/took.$1 | sed -n $((({times} + 1) / 2))p; }}
for n in $(seq {times}); do for k in $(seq {jobs}); do took $k; done; echo "busy: round $n of {times}"; done
for k in $(seq {jobs}); do
    echo "busy: $k at once:" $(sort -n /tmp/took.$k) "ms, throughput $(($(median 1) * k * 100 / $(median $k))) %"
done
"""


def fetch_source(where, suite):
    """The upstream tar file of SOURCE, verified by apt."""
    a = apt.Apt(where, suite, guest.ARCH)
    a.update()
    sources = a.dir / "etc/sources.list"
    sources.write_text(sources.read_text(encoding="utf-8").replace("deb [", "deb-src [", 1), encoding="utf-8")
    argv = [*a._options()]  # pylint: disable=protected-access  # the one use of source packages
    base.run(["apt-get", *argv, "-q", "update"], "there is no index of sources", "check the network", cwd=a.dir)
    base.run(["apt-get", *argv, "-q", "source", "--download-only", "--tar-only", SOURCE], f"cannot fetch the source of {SOURCE}",
             "check the network", cwd=a.dir)
    return next(a.dir.glob(f"{SOURCE}_*.orig.tar.*z"))


def unpack_source(tar, to):
    with tarfile.open(tar) as t:
        t.extractall(to.parent / "unpacked", filter="data")
    shutil.move(next((to.parent / "unpacked").iterdir()), to)
    (to.parent / "unpacked").rmdir()


def make_disk(g, where):
    image = where / f"{g.suite}.ext4"
    if image.exists():
        return image
    a = apt.open_suite(g.cache, guest.ARCH, [g.suite])
    tree = where / "tree"
    shutil.rmtree(tree, ignore_errors=True)
    (tree / "stress").mkdir(parents=True)
    unpack_source(fetch_source(where, g.suite), tree / "stress/source")
    root.unpack_all(a.fetch_closure(PACKAGES), tree)
    (tree / "stress/init").write_text(INIT, encoding="ascii")
    (tree / "stress/init").chmod(0o755)
    root.make_image(tree, image)
    shutil.rmtree(tree)
    return image


def job_disk(image, job, where):
    """A private copy with the job in it."""
    copy, text = where / f"run-{os.getpid()}.ext4", where / f"job-{os.getpid()}"
    text.write_text(job, encoding="ascii")
    subprocess.run(["cp", "--reflink=auto", "--sparse=always", image, copy], check=True)
    subprocess.run(["debugfs", "-w", "-R", f"write {text} stress/job", copy], check=True, stderr=subprocess.DEVNULL,
                   env={**os.environ, "PATH": os.environ["PATH"] + ":/sbin:/usr/sbin"}, stdout=subprocess.DEVNULL)
    text.unlink()
    return copy


def job_of(args):
    if args.job == "compile":
        return COMPILE.format(times=args.times, jobs=args.smp)
    if args.job == "busy":
        return BUSY.format(times=args.times, jobs=args.smp)
    if args.job == "speed":
        return SPEED.format(times=args.times)
    return STRESS_NG.format(methods=" ".join(args.methods.split(",") if args.methods else METHODS), seconds=args.seconds,
                            instances=args.smp, limit=20 * args.seconds + 60)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--smp", type=int, default=4)
    p.add_argument("--seconds", type=int, default=10, help="of each method (default 10)")
    p.add_argument("--methods", help="of stress-ng, with commas")
    p.add_argument("--times", type=int, default=10, help="compiles, or rounds of speed (default 10)")
    p.add_argument("job", choices=("stress-ng", "compile", "speed", "busy"))
    p.add_argument("rest", nargs="*", help="more options for the emulator, after --")
    args = p.parse_args()
    g = guest.ready("trixie", root=False)
    where = g.cache / "stress"
    where.mkdir(parents=True, exist_ok=True)
    disk = job_disk(make_disk(g, where), job_of(args), where)
    program = os.environ.get("LYREBIRD") or TOP / "build/lyrebird"
    try:
        argv = [program, "-M", "virt", "-m", "1500M", "-smp", str(args.smp), "-nographic",
                *guest.machine_options(g.kernel.firmware, g.kernel.image, g.kernel.initrd, disk, "init=/stress/init"), *args.rest]
        with subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                              errors="replace") as m:
            good = False
            for line in m.stdout:
                print(line, end="", flush=True)
                good |= line.strip() == "stress: status 0"
        return 0 if good and m.returncode == 0 else 1
    finally:
        disk.unlink()


if __name__ == "__main__":
    sys.exit(main())

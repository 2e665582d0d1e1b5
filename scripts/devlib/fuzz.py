# SPDX-License-Identifier: GPL-2.0-or-later
"""scripts/dev fuzz: run every fuzz target for a while under ASan and UBSan.

A target is a program of the build-fuzz flavour (clang, libFuzzer) whose name
starts with "fuzz-".  Seeds are read from tests/fuzz/corpus/NAME; what is found
is kept in build-fuzz/corpus/NAME, an input that crashes in build-fuzz/crash-*.
"""
import json
import subprocess

from . import build as b
from .tap import Tally


def targets(folder):
    """{name: program} of the fuzz targets that the build made."""
    out = subprocess.run(["meson", "introspect", "--targets", str(folder)], cwd=b.TOP, check=True,
                         stdout=subprocess.PIPE, text=True).stdout
    rows = [t for t in json.loads(out) if t["type"] == "executable" and t["name"].startswith("fuzz-")]
    return {t["name"]: t["filename"][0] for t in rows}


def main(args):
    """Fuzz the named targets, or all, for --seconds each."""
    folder = b.build("build-fuzz")
    found = targets(folder)
    chosen = args.names or sorted(found)
    unknown = [n for n in chosen if n not in found]
    if unknown:
        raise b.Failed(f"no fuzz target {unknown[0]}\n  do:  choose from: {', '.join(sorted(found))}")
    tally = Tally()
    for name in chosen:
        print(f"== {name}, {args.seconds} s", flush=True)
        keep = folder / "corpus" / name
        keep.mkdir(parents=True, exist_ok=True)
        seeds = b.TOP / "tests" / "fuzz" / "corpus" / name
        # Inputs of any length from the start: libFuzzer would begin with four bytes, which are no access of a
        # device and no change of a stream, and come to more after minutes only.
        argv = [found[name], f"-max_total_time={args.seconds}", "-len_control=0", "-timeout=20", "-rss_limit_mb=4096",
                "-print_final_stats=1", f"-artifact_prefix={folder}/crash-{name}-", str(keep)]
        argv += [str(seeds)] if seeds.is_dir() else []
        p = subprocess.run(argv, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, text=True, errors="replace")
        tail = p.stdout.splitlines()
        print("\n".join(tail[-60 if p.returncode else -8:]), flush=True)
        if p.returncode:
            tally.failed.append(f"{name}: run it on the input: {found[name]} {folder}/crash-{name}-*")
        else:
            tally.passed += 1
    if not chosen:
        tally.skipped.append(("fuzz", "this tree has no fuzz target"))
    return tally.close() if chosen else 0

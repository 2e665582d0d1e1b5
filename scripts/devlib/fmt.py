# SPDX-License-Identifier: GPL-2.0-or-later
"""scripts/dev fmt: clang-format on the C files that differ from main."""
import re
import shutil
import subprocess

from . import build as b


def git(*args):
    try:
        p = subprocess.run(["git", *args], cwd=b.TOP, check=False, stdout=subprocess.PIPE, text=True)
    except FileNotFoundError as e:
        raise b.Failed("git is not installed\n  do:  run scripts/setup") from e
    return p.stdout.split("\n")


def changed_files(everything):
    """C files of the tree, or only those that this branch or worktree changed."""
    if everything:
        names = git("ls-files", "*.c", "*.h")
    else:
        base = git("merge-base", "HEAD", "main")[0] or "HEAD"
        if base == git("rev-parse", "HEAD")[0]:
            base = git("rev-parse", "--verify", "-q", "HEAD~1")[0] or base
        names = git("diff", "--name-only", "--diff-filter=d", base, "--", "*.c", "*.h")
        names += git("ls-files", "--others", "--exclude-standard", "*.c", "*.h")
    return sorted({n for n in names if n})


def formatter():
    """clang-format 16 by name (Debian 12), or what the system calls clang-format, if that is new enough."""
    name = shutil.which("clang-format-16") or shutil.which("clang-format")
    if not name:
        raise b.Failed("clang-format is not installed\n  do:  run scripts/setup")
    said = subprocess.run([name, "--version"], check=False, stdout=subprocess.PIPE, text=True).stdout
    version = re.search(r"version (\d+)", said)
    if not version or int(version[1]) < 16:
        raise b.Failed(f"{name} cannot format in house style\n  why: 16 or newer is needed; it says: {said.strip()}\n"
                       "  do:  run scripts/setup")
    return name


def main(args):
    """Rewrite the files, or with --check list those that are not in shape."""
    names = changed_files(args.all)
    if not names:
        print("fmt: no C file changed")
        return 0
    tool = formatter()
    if not args.check:
        b.call([tool, "-i", *names], "read the error above")
        print(f"fmt: {len(names)} files in house shape")
        return 0
    said = subprocess.run([tool, "--dry-run", *names], cwd=b.TOP, check=True,
                          stderr=subprocess.PIPE, text=True).stderr
    bad = [n for n in names if re.search(f"^{re.escape(n)}:[0-9]", said, re.M)]
    for n in bad:
        print(f"fmt: {n} is not in house shape")
    print(f"fmt: {len(names) - len(bad)} of {len(names)} files in house shape"
          + ("; `scripts/dev fmt` mends the others" if bad else ""))
    return 1 if bad else 0

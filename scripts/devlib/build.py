# SPDX-License-Identifier: GPL-2.0-or-later
"""Configuring and building with meson and ninja."""
import os
import pathlib
import shutil
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
FLAVOURS = {
    "build": ([], {}),
    "build-asan": (["-Db_sanitize=address,undefined", "-Db_lundef=false"], {}),
    "build-fuzz": (["-Dfuzz=true", "-Db_sanitize=address,undefined", "-Db_lundef=false"],
                   {"CC": "clang"}),
}


class Failed(Exception):
    """A step of scripts/dev failed; its message says what to do."""


def call(argv, todo, env=None):
    """Run a step in the top folder with its output shown."""
    try:
        code = subprocess.run(argv, cwd=TOP, env={**os.environ, **(env or {})}, check=False).returncode
    except FileNotFoundError as e:
        raise Failed(f"{argv[0]} is not installed\n  do:  run scripts/setup") from e
    if code != 0:
        raise Failed(f"`{' '.join(map(str, argv))}` ended with {code}\n  do:  {todo}")


def build(flavour="build", jobs=None):
    """Configure (once) and build one flavour; the build folder."""
    options, env = FLAVOURS[flavour]
    folder = TOP / flavour
    if not shutil.which("meson") or not shutil.which("ninja"):
        raise Failed("meson and ninja are not installed\n  do:  run scripts/setup")
    if not (folder / "build.ninja").exists():
        call(["meson", "setup", *options, flavour], f"read the error above; "
             f"`rm -r {flavour}` starts anew, scripts/setup installs what is missing", env)
    call(["ninja", "-C", flavour, *([f"-j{jobs}"] if jobs else [])], "mend the error shown above")
    return folder


def emulator(flavour="build"):
    """The emulator under test: LYREBIRD, else the built one (may not exist)."""
    return pathlib.Path(os.environ.get("LYREBIRD") or TOP / flavour / "lyrebird")


def warn(text):
    print(text, file=sys.stderr, flush=True)

# SPDX-License-Identifier: GPL-2.0-or-later
"""Configuring and building with meson and ninja."""
import json
import os
import pathlib
import shutil
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
FLAVOURS = {
    "build": ([], {}),
    "build-asan": (["-Db_sanitize=address,undefined", "-Db_lundef=false"], {}),
    "build-tsan": (["-Db_sanitize=thread", "-Db_lundef=false"], {}),
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


def option_text(value):
    """A value of meson's as its command line has it: newer ones keep b_sanitize as a list."""
    return ",".join(value) if isinstance(value, list) else str(value).lower()


def strangeness(folder, options):
    """Why a build folder must be configured anew: it came from elsewhere, or from other options; or None."""
    try:
        info = json.loads((folder / "meson-info" / "meson-info.json").read_text(encoding="utf-8"))
        rows = json.loads((folder / "meson-info" / "intro-buildoptions.json").read_text(encoding="utf-8"))
        source = info["directories"]["source"]
        values = {row["name"]: option_text(row["value"]) for row in rows}
    except (OSError, ValueError, KeyError):
        return "it is incomplete"
    if pathlib.Path(source) != TOP:
        return f"it was made for {source}"
    wrong = [o for o in options if values.get(o[2:].split("=")[0]) != o.split("=")[1]]
    return f"it was made without {' '.join(wrong)}" if wrong else None


def build(flavour="build", jobs=None):
    """Configure (once) and build one flavour; the build folder."""
    options, env = FLAVOURS[flavour]
    folder = TOP / flavour
    if not shutil.which("meson") or not shutil.which("ninja"):
        raise Failed("meson and ninja are not installed\n  do:  run scripts/setup")
    anew = f"`rm -r {flavour}` starts anew"
    why = strangeness(folder, options) if (folder / "build.ninja").exists() else None
    if why:
        warn(f"scripts/dev: {flavour} is configured anew: {why}")
    if why or not (folder / "build.ninja").exists():
        call(["meson", "setup", *(["--wipe"] if why else []), *options, flavour],
             f"read the error above; {anew}, scripts/setup installs what is missing", env)
    call(["ninja", "-C", flavour, *([f"-j{jobs}"] if jobs else [])],
         f"mend the error shown above; {anew}, if it is about the folder itself")
    return folder


def emulator(flavour="build"):
    """The emulator under test: LYREBIRD, else the built one (may not exist)."""
    return pathlib.Path(os.environ.get("LYREBIRD") or TOP / flavour / "lyrebird")


def warn(text):
    print(text, file=sys.stderr, flush=True)

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The functional tests' harness: a wait that cannot succeed ends at once and names what was seen."""
import os
import re
import signal
import subprocess
import sys
import time

from checks import TOP, equal, main
import harness
import run as runner

harness.SETTLED, harness.AFTERWORDS = 0.05, 0.1


class Guest:
    """A line whose far end is the test."""

    def __init__(self, tmp):
        self.read, self.write = os.pipe()
        self.log = open(tmp / "log", "wb")
        self.line = harness.Line(self.read, self.write, self.log, lambda: "exit code 0")

    def says(self, text):
        os.write(self.write, text.encode())


def fails(call, *said):
    """The wait fails within seconds, and its message holds each of the words."""
    start = time.monotonic()
    try:
        call()
    except harness.Failure as e:
        for words in said:
            assert words in str(e), f"{words!r} is not in: {e}"
        assert time.monotonic() - start < 20, "it took too long"
        return
    raise AssertionError("the wait did not fail")


def test_found(tmp):
    """what comes is found, across several reads, prompts included"""
    g = Guest(tmp)
    g.says("boot\r\nlyrebird log")
    g.line.expect("boot", 300)
    g.says("in: ")
    equal(g.line.expect(r"(\w+) login: ", 300).group(1), "lyrebird")


def test_wrong_prompt(tmp):
    """a prompt of another kind is a failure at once, for each kind"""
    for text, name in (("\n(initramfs) ", "busybox's emergency shell"), ("\r\n\x1b[1minitramfs# \x1b[6n", "the initramfs"),
                       ("rescue# ", "rescue shell"), ("U-Boot\n=> ", "U-Boot's prompt"), ("\n~ # ", "a bare shell"),
                       ("sh-5.2# ", "a bare shell"), ("/ # ", "a bare shell"), ("\nroot@lyrebird:~# ", "a shell as root")):
        g = Guest(tmp)
        g.says(text)
        fails(lambda g=g: g.line.expect("lyrebird login: ", 300), name, "login: ")
    g = Guest(tmp)
    g.says("Debian\nlyrebird login: ")
    fails(lambda: g.line.expect(r"initramfs# $", 300), "a login prompt")


def test_passing_prompt(tmp):
    """a prompt that more follows, or that only looks like one, is none"""
    for text in ("initramfs# [  1.0] late word of the kernel\n", "see /etc/issue => \n", "disk size # \n"):
        g = Guest(tmp)
        g.says(text)
        os.close(g.write)
        fails(lambda g=g: g.line.expect("login: ", 300), "the emulator ended (exit code 0)", repr(text.strip("\n")))


def test_fatal_words(tmp):
    """what a guest says when it gives up is a failure at once, and is quoted"""
    for text in ("Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)", "Oops [#1]",
                 "BUG: unable to handle page fault", "init: FAILED: cannot mount /dev/vda as ext4",
                 "You are in emergency mode. After logging in", "### ERROR ### Please RESET the board ###",
                 "Unhandled exception: Illegal instruction"):
        g = Guest(tmp)
        g.says(f"\n[    1.0] {text}\n")
        fails(lambda g=g: g.line.expect("login: ", 300), text[:8])
        g = Guest(tmp)
        g.says(f"\n[    1.0] {text}\n")
        fails(lambda g=g: g.line.until_end(300), text[:8])


def test_host_load(tmp):
    """a lockup that Linux sees on a loaded host is not the guest's end"""
    g = Guest(tmp)
    g.says("watchdog: BUG: soft lockup - CPU#0 stuck for 23s!\nlyrebird login: ")
    g.line.expect("login: ", 300)


def test_time_limit(tmp):
    """a wait that lasts too long names the last line"""
    g = Guest(tmp)
    g.says("Reached target Basic System\n")
    fails(lambda: g.line.expect("login: ", 0.2), "within ", "Reached target Basic System")


def run(program, *args, **kw):
    """What the runner prints, with a stand-in for the emulator."""
    return subprocess.run([sys.executable, TOP / "tests/functional/run.py", *args], stdout=subprocess.PIPE, text=True,
                          env={**os.environ, "LYREBIRD": str(program), "LYREBIRD_LOGS": f"{program}.logs"}, check=False,
                          **kw).stdout


def test_not_built(tmp):
    """without an emulator the cases are listed, and fail for that reason"""
    assert "debian_trixie" in run(tmp / "lyrebird", "--list")
    assert f"not ok 1 - version: {tmp}/lyrebird is not built" in run(tmp / "lyrebird", "version")


def test_no_such_case(tmp):
    """a pattern that names no case is an error, not a run without failures"""
    p = subprocess.run([sys.executable, TOP / "tests/functional/run.py", "nosuch"], stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, text=True, env={**os.environ, "LYREBIRD": str(tmp)}, check=False)
    assert p.returncode == 1 and "none has nosuch in its name" in p.stderr, p


def test_mistake(tmp):
    """a mistake in a case is its failure, with the place, and not the end of the run"""
    def test_wrong(_):
        """a case"""
        return {}["nothing"]
    runner.LOGS = tmp
    ok, text = runner.run_case(1, test_wrong)
    assert not ok and text.startswith("not ok 1 - wrong: a case") and "KeyError: 'nothing'" in text, text


STUCK = """
import os, pathlib, sys
sys.path.insert(0, sys.argv[1])
import run
def test_stuck(b):
    b.onexit.callback(lambda: print("# machines are ended", flush=True))
    os.read(os.pipe()[0], 1)
test_stuck.limit = 0.01
run.LOGS = pathlib.Path(sys.argv[2])
run.run_cases([test_stuck, test_stuck], 1)
"""


def test_hang(tmp):
    """a case that waits for ever ends the run as a failure that names the place, and takes its machines along"""
    p = subprocess.run([sys.executable, "-c", STUCK, TOP / "tests/functional", tmp], stdout=subprocess.PIPE, text=True,
                       timeout=60, check=False)
    assert p.returncode == 1 and "not ok 1 - stuck: hangs" in p.stdout and "in test_stuck" in p.stdout, p
    assert "# machines are ended" in p.stdout, p


def ignore():
    for s in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(s, signal.SIG_IGN)


def test_in_background(tmp):
    """machines ignore no signal, though the runner, as a command in the background, was started so"""
    program = tmp / "lyrebird"
    program.write_text("#!/bin/sh\ngrep SigIgn /proc/$$/status\n", encoding="ascii")
    program.chmod(0o755)
    masks = re.findall(r"SigIgn:\W+t?([0-9a-f]{16})", run(program, "version", preexec_fn=ignore))
    assert masks and not any(int(m, 16) & 7 for m in masks), masks


if __name__ == "__main__":
    sys.exit(main(__name__))

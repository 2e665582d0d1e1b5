# SPDX-License-Identifier: GPL-2.0-or-later
"""Counting test cases from TAP (Test Anything Protocol 13) and meson's log.

One line "ok" or "not ok" is one case.  A program that dies, ends with an error
while all its cases passed, or runs fewer cases than its plan is one more
failure: a crash never looks like a pass.
"""
import json
import re

CASE = re.compile(r"(?P<not>not )?ok\b\s*\d*\s*(?:- )?(?P<name>[^#]*?)\s*"
                  r"(?:#\s*(?P<word>\w+)\s*(?P<why>.*))?$", re.I)


class Tally:
    """Passed, failed and skipped cases."""

    def __init__(self):
        self.passed = 0
        self.failed = []
        self.skipped = []

    def add(self, program, text, code):
        """Count one TAP program's output; returns False if anything failed."""
        before, seen, plan = len(self.failed), 0, None
        for line in text.splitlines():
            m = re.match(r"1\.\.(\d+)", line)
            if m:
                plan = int(m.group(1))
                if plan == 0:
                    self.skipped.append((program, line.partition("#")[2].strip() or "no cases"))
                continue
            if re.match(r"Bail out!", line):
                self.failed.append(f"{program}: {line}")
            m = CASE.match(line)
            if not m:
                continue
            seen += 1
            self._case(f"{program}: {m['name'].strip()}", m)
        if len(self.failed) == before and plan is not None and seen != plan:
            self.failed.append(f"{program}: ran {seen} of {plan} cases (exit {code})")
        if len(self.failed) == before and code != 0:
            self.failed.append(f"{program}: ended with {code}")
        return len(self.failed) == before

    def _case(self, name, m):
        if m["word"] and m["word"].upper() == "SKIP":
            self.skipped.append((name, m["why"] or "no reason given"))
        elif m["not"]:
            self.failed.append(name)
        else:
            self.passed += 1

    def add_meson_log(self, path):
        """Count a meson testlog.json: TAP programs by case, others as one."""
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            row = json.loads(line)
            name, out, code = row["name"].split(" / ")[-1], row.get("stdout") or "", row.get("returncode", 0)
            result = row["result"].lower()
            if re.search(r"^(1\.\.\d+|(not )?ok\b)", out, re.M):
                good = self.add(name, out, code)
                if good and result in ("fail", "error", "timeout", "interrupt"):
                    self.failed.append(f"{name}: {result}")
            elif result in ("ok", "expectedfail"):
                self.passed += 1
            elif result == "skip":
                self.skipped.append((name, "the program asked to be skipped"))
            else:
                self.failed.append(f"{name}: {result} (exit {code})")

    def close(self, seconds=None):
        """Print skips with reasons, failures, and the closing line; the exit code."""
        for name, why in self.skipped:
            print(f"skipped: {name}: {why}")
        for name in self.failed:
            print(f"FAILED: {name}")
        if seconds is not None:
            print(f"tests took {seconds:.0f} s")
        print(f"{self.passed} passed, {len(self.failed)} failed, {len(self.skipped)} skipped", flush=True)
        return 1 if self.failed or not self.passed else 0

# SPDX-License-Identifier: GPL-2.0-or-later
"""The cases of a test program beside another program's, in TAP: its functions test_NAME, each in a folder of its own."""
import os
import shutil
import subprocess
import tempfile


def run(*words, fails=None):
    """Its output; it succeeds, or it fails and says so."""
    p = subprocess.run([str(w) for w in words], capture_output=True, text=True, timeout=120)
    for _ in range(20):  # what qemu-img says of its own clock, on a busy host
        if "Unable to get accurate CPU usage" not in p.stderr:
            break
        p = subprocess.run([str(w) for w in words], capture_output=True, text=True, timeout=120)
    if fails is None:
        assert p.returncode == 0, f"{words}: {p.stdout}{p.stderr}"
    else:
        assert p.returncode != 0 and fails in p.stdout + p.stderr, f"{words}: {p.returncode} {p.stdout}{p.stderr}"
    return p.stdout


def run_cases(space, wanted, seed, peer, prepare=lambda: None):
    """space: globals() of the program; wanted: names of cases, none: all; peer: the program that must be there."""
    if not shutil.which(peer):
        print(f'1..0 # SKIP {peer} is not installed (package qemu-utils)')
        return
    tests = [(k[5:], v) for k, v in sorted(space.items()) if k.startswith('test_') and (not wanted or k[5:] in wanted)]
    print(f'# seed {seed}: LYREBIRD_IMAGE_SEED\n1..{len(tests)}')
    for n, (name, test) in enumerate(tests, 1):
        with tempfile.TemporaryDirectory(dir='/var/tmp') as folder:
            os.chdir(folder)
            prepare()
            try:
                test()
                print(f'ok {n} {name}', flush=True)
            except AssertionError as e:
                print('# ' + str(e).replace('\n', '\n# ') + f'\nnot ok {n} {name}', flush=True)
            os.chdir('/')

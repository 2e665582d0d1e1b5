# SPDX-License-Identifier: GPL-2.0-or-later
"""The cases of a test program beside another program's, in TAP: its functions test_NAME, each in a folder of its own."""
import json
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


def ran(program, *argv, status=0):
    """What it says, on both streams; it ends with the status (None: with any, which is said, too)."""
    p = subprocess.run([program, *argv], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False)
    assert status in (None, p.returncode), f"{program} {' '.join(argv)}: status {p.returncode}, not {status}: {p.stdout}"
    return p.stdout + (f'status {p.returncode}' if status is None else '')


def qmp(program, *argv, commands):
    """Answers of a machine that runs none of its guest, until it has done what it was asked."""
    lines = '\n'.join(json.dumps(c) for c in [{'execute': 'qmp_capabilities'}, *commands, {'execute': 'quit'}]) + '\n'
    p = subprocess.run([program, '-M', 'virt', '-display', 'none', '-S', '-qmp', 'stdio', '-bios', 'none', *argv], input=lines,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120, check=False)
    assert p.returncode == 0, p.stderr
    return [x for x in map(json.loads, p.stdout.splitlines()) if 'return' in x or 'error' in x]


def settle(path):
    """Until it is on the disk, a file system may count other blocks for it from one moment to the next."""
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)


def same_as_peer(ours, peer, *argv, status=0):
    """Both programs say the same; status None: and end the same."""
    if argv[0] == 'info':
        settle(argv[-1])
    said = ran(ours, *argv, status=status).replace(os.path.basename(ours) + ':', peer + ':')
    theirs = ran(peer, *argv, status=status)
    assert said == theirs, f"{' '.join(argv)}:\n{said}--- not\n{theirs}"


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
            except Exception as e:  # pylint: disable=broad-except
                print(f'# {type(e).__name__}: {e}'.replace('\n', '\n# ') + f'\nnot ok {n} {name}', flush=True)
            os.chdir('/')

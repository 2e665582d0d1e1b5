#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""lyrebird-io beside qemu-io: the same commands on the same images say the same, end the same, and leave the same.

  test-io.py LYREBIRD-IO"""
import os
import random
import re
import shutil
import subprocess
import sys

from cases import run_cases

IO = os.path.abspath(sys.argv[1])
SEED = int(os.environ.get('LYREBIRD_IMAGE_SEED', random.randrange(1 << 30)))
SIZE = 4 << 20
CASES = ['write -P 5 0 64k', 'read -v 65520 32', 'read -P 5 0 128k', 'read -q 0 64k', 'read -P 5 -s 1k -l 1k 0 4k', 'read -P 0x5 -s 0 -l 64k 0 128k',
         'write -c 64k 64k', 'write -c 64k 1k', 'write -z 100 10', 'alloc 0 1M', 'alloc 0 1', 'alloc', 'map', 'length', 'l', 'truncate 5M', 'length',
         'flush', 'f', 'discard 0 64k', 'discard -q 0 64k', 'discard -C 0 64k', 'read 0 100M', 'write 5M 1k', 'foo', 'write', 'write -P 300 0 1',
         'write -P x 0 1', 'write 0 x', 'write x 1', 'write -z -P 1 0 1', 'write -u 0 1', 'write -f 0 512', 'w 1000 3000', 'aio_write -P 7 0 64k',
         'aio_read -P 7 0 64k', 'aio_read -v 65530 6', 'aio_flush', 'close', 'open disk', 'q', 'read -C 0 1k', 'readv -P 0 3k 1k 2k', 'writev -P 3 0 1k 2k', 'sleep 1',
         'read -p 0 512', 'write -s /dev/null 0 1k', 'write -s pattern 0 1k', 'read -v 0 64', 'open', '']


def run(program, *argv, text=None):
    p = subprocess.run([program, *argv], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False, input=text)
    said = p.stdout.replace(os.path.basename(IO) + ':', 'qemu-io:')
    # Not how long it took.
    said = re.sub(r'(?m)ops; [\d:.]+ (sec )?\(.*\)$', 'ops', said)
    return re.sub(r'(?m)^(\d+,1),0:00:[\d.,:]+$', r'\1', said) + f'status {p.returncode}'


def same(*argv, text=None):
    """On a copy each."""
    shutil.copy('disk', 'theirs')
    theirs = run('qemu-io', *argv, 'disk', text=text)
    os.rename('disk', 'after')
    os.rename('theirs', 'disk')
    ours = run(IO, *argv, 'disk', text=text)
    assert ours == theirs, f"{' '.join(argv)}:\n{ours}\n--- not\n{theirs}"
    subprocess.run(['qemu-img', 'compare', '-q', 'disk', 'after'], check=True)


def make(fmt):
    subprocess.run(['qemu-img', 'create', '-q', '-f', fmt, 'disk', str(SIZE)], check=True)
    with open('pattern', 'wb') as f:
        f.write(b'lyrebird')


def test_read_only_options():
    """What the options of a node say of writing counts."""
    make('raw')
    options = 'driver=raw,file.filename=disk,read-only=on'
    for argv in (['--image-opts', '-c', 'write -P 9 0 512', options], ['-c', f'open -o {options}', '-c', 'write -P 9 0 512']):
        assert 'read-only' in run(IO, *argv), argv
    with open('disk', 'rb') as f:
        assert f.read(512) == bytes(512)


def test_texts():
    make('qcow2')
    for case in CASES:
        same('-f', 'qcow2', '-c', case, *(['-c', 'aio_flush', '-c', 'length'] if case else []))     # what runs beside it ends when it likes
    same('-f', 'qcow2', text='length\n\nread 0 1k\nfoo\nq\nlength\n')
    for argv in (['-c', 'length', 'nope'], ['-c', 'length'], ['-c', 'open disk', '-c', 'length', '-c', 'close', '-c', 'length'], ['-c', 'open -r disk', '-c', 'map']):
        texts = [sorted(run(p, *argv).split('\n')) for p in (IO, 'qemu-io')]  # that one does not flush before its errors
        assert texts[0] == texts[1] or 'nope' in argv, texts
    for options in ('driver=qcow2 disk', 'driver=qcow2,file.filename=disk', 'driver=raw disk', 'driver=raw,offset=64k,size=64k disk'):
        texts = [run(p, '-c', f'open -o {options}', '-c', 'length', '-c', 'read -P 0 0 1k') for p in (IO, 'qemu-io')]
        assert texts[0] == texts[1], texts
    assert run(IO, '-c', 'length', 'nope').startswith("qemu-io: can't open device nope: Could not open 'nope': No such file")
    assert 'read-only' in run(IO, '-f', 'qcow2', '-r', '-c', 'write 0 1k', 'disk').lower()


def test_reopen():
    """Another access, another cache; what is refused leaves it as it was."""
    make('qcow2')
    write, seen = ['-c', 'write -q -P 9 0 1k'], ['-c', 'read -P 9 -q 0 1k', '-c', 'length']
    for case in (['-c', 'reopen'], ['-c', 'reopen -r'], ['-c', 'reopen -r', '-c', 'reopen -w'], ['-c', 'reopen -r -w'], ['-c', 'reopen -w -r'], ['-c', 'reopen -r -r'],
                 ['-c', 'reopen -c none'], ['-c', 'reopen -c directsync'], ['-c', 'reopen -c foo'], ['-c', 'reopen -o discard=unmap'], ['-c', 'reopen -o cache.direct=on'],
                 ['-c', 'reopen -r -o read-only=off'], ['-c', 'reopen -c none -o cache.direct=off'], ['-c', 'reopen -o driver=raw'], ['-c', 'reopen -o file.locking=off'],
                 ['-c', 'reopen -x'], ['-c', 'reopen foo'], ['-r', '-c', 'reopen -w'], ['-r'], ['-r', '-c', 'discard 0 64k', '-c', 'truncate 1M', '-c', 'write 0', '-c', 'aio_write 0 1k']):
        same('-f', 'qcow2', *case, *write, *seen)
    make('raw')
    for case in ('reopen -o size=512k', 'reopen -o offset=64k', 'reopen -r -o offset=64k,size=1k'):
        same('-f', 'raw', '-c', case, *write, *seen)
    p = run(IO, '--image-opts', '-c', 'reopen -r', '-c', 'write 0 1k', '-c', 'reopen -w', '-c', 'write -q -P 4 0 1k', 'driver=raw,file.filename=disk,read-only=off')
    assert p == 'qemu-io: Block node is read-only\nstatus 1', p
    assert run('qemu-io', '-f', 'raw', '-c', 'read -q -P 4 0 1k', 'disk') == 'status 0'


def test_place():
    """truncate -m: what is new has a place, or the image stays as it was."""
    for fmt in ('qcow2', 'raw'):
        for mode in ('off', 'metadata', 'falloc', 'full', 'foo', 'full -x'):
            for size in ('6M', '1M') if fmt == 'qcow2' else ('6M',):
                make(fmt)
                same('-f', fmt, '-c', f'truncate -m {mode} {size}', '-c', 'length', '-c', 'map')


def test_fast_zeroes():
    """write -z -n writes no zeroes as data: it is refused then, and nothing has changed."""
    for fmt in ('qcow2', 'raw'):
        make(fmt)
        for case in ('write -n 0 4k', 'write -zn 0 4k', 'write -zn 0 64k', 'write -zn 100 100k', 'write -zun 0 1M', 'write -znq 1M 1k', 'write -zn -P 1 0 1k'):
            same('-f', fmt, '-c', 'write -q -P 3 0 192k', '-c', case, '-c', 'aio_flush', '-c', 'read -v 0 16')
    for fmt in ('vdi', 'vmdk', 'vpc', 'vhdx', 'parallels', 'qcow'):
        make(fmt)
        same('-f', fmt, '-c', 'write -q -P 3 0 192k', '-c', 'write -zn 0 64k', '-c', 'read -P 3 -q 0 64k')


def test_random():
    rng = random.Random(SEED)
    for fmt in ('raw', 'qcow2', 'vdi'):
        make(fmt)
        for _ in range(15):
            work = []
            for _ in range(8):
                at = rng.randrange(SIZE)
                n = min(rng.choice([1, 511, 4096, 65536, rng.randrange(1, 200000)]), SIZE - at)
                work += ['-c', rng.choice([f'write -P {rng.randrange(256)} {at} {n}', f'write -z {at} {n}', f'read -P 0 {at} {n}', f'read -v {at} 40' if at + 40 <= SIZE else 'length'])]
            same('-f', fmt, *work)


def test_beside():
    """Requests that run at a time all end, and none is lost."""
    make('qcow2')
    work = [x for i in range(40) for x in ('-c', f'aio_write -q -P {i + 1} {i * 90000} 90000')]
    assert run(IO, '-f', 'qcow2', *work, '-c', 'aio_flush', 'disk') == 'status 0'
    check = [x for i in range(40) for x in ('-c', f'read -q -P {i + 1} {i * 90000} 90000')]
    assert run('qemu-io', '-f', 'qcow2', *check, 'disk') == 'status 0'


run_cases(globals(), sys.argv[2:], SEED, 'qemu-io')

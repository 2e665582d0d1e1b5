#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Random work of this program and of qemu-io in turns, on images that qemu-img made (those of one thread) and that lyrebird-img
made (those of four): the other program's check and compare judge each turn.

  test-images.py IMAGE-OPS LYREBIRD-IMG [NAME...]

LYREBIRD_IMAGE_SEED chooses the seed (it is printed), LYREBIRD_IMAGE_OPERATIONS how many operations each turn has: two are of this
program, one is of qemu-io."""
import os
import random
import shutil
import subprocess
import sys
import tempfile

OPS, IMG = (os.path.abspath(p) for p in sys.argv[1:3])
SEED = int(os.environ.get('LYREBIRD_IMAGE_SEED', random.randrange(1 << 30)))
COUNT = int(os.environ.get('LYREBIRD_IMAGE_OPERATIONS', 80))
SIZE = 6 << 20

# Format, options of qemu-img create; backing: on an image with content; fill: content of its own first.
QCOW2 = [
    ('v2', 'compat=0.10', ''),
    ('v2-backing', 'compat=0.10', 'backing'),
    ('v3', '', ''),
    ('v3-fill', '', 'fill'),
    ('v3-backing', '', 'backing'),
    ('v3-short-backing', '', 'short'),
    ('lazy', 'lazy_refcounts=on', ''),
    ('cluster-512', 'cluster_size=512', 'backing'),
    ('cluster-4k', 'cluster_size=4k', 'fill'),
    ('cluster-2M', 'cluster_size=2M', 'backing'),
    *[(f'refcount-{bits}', f'refcount_bits={bits}', 'fill') for bits in (1, 2, 4, 8, 32, 64)],
    ('refcount-64-cluster-512', 'refcount_bits=64,cluster_size=512', ''),
    ('extended', 'extended_l2=on', ''),
    ('extended-backing', 'extended_l2=on,cluster_size=128k', 'backing'),
    ('extended-16k', 'extended_l2=on,cluster_size=16k', 'backing'),
    ('packed', '', 'packed'),
    ('packed-v2', 'compat=0.10', 'packed'),
    ('packed-512', 'cluster_size=512', 'packed'),
    ('packed-2M', 'cluster_size=2M', 'packed'),
    ('packed-zstd', 'compression_type=zstd', 'packed'),
    ('packed-extended', 'extended_l2=on', 'packed'),
    ('metadata', 'preallocation=metadata', ''),
    ('falloc', 'preallocation=falloc', ''),
    ('data-file', 'data_file=DATA', ''),
    ('data-file-raw', 'data_file=DATA,data_file_raw=on', ''),
    ('data-file-backing', 'data_file=DATA', 'backing'),
    ('snapshot', '', 'snapshot'),
    ('snapshot-extended', 'extended_l2=on', 'snapshot'),
]
IMAGES = [*[('qcow2', *row) for row in QCOW2],
          ('raw', 'raw', '', ''),
          *[(f, f'{f}-{kind}' if kind else f, options, kind) for f, options in (('vdi', ''), ('vpc', 'force_size=on'),
                                                              ('parallels', 'cluster_size=63k'), ('qcow', ''), ('vmdk', ''), ('vhdx', 'block_size=1M'))
            for kind in ('', 'fill')],
          ('qcow', 'qcow-backing', '', 'backing'),
          ('qcow', 'qcow-packed', '', 'packed'),
          ('vhdx', 'vhdx-fixed', 'subformat=fixed,block_size=2M', ''),
          ('vhdx', 'vhdx-absent', 'block_state_zero=off,block_size=1M', ''),
          ('vmdk', 'vmdk-zeroed-grain', 'zeroed_grain=on', ''),
          *[('vmdk', f'vmdk-{s}', f'subformat={s}', '')
            for s in ('monolithicFlat', 'twoGbMaxExtentSparse', 'twoGbMaxExtentFlat')],
          ('vdi', 'vdi-static', 'static=on', ''),
          ('vpc', 'vpc-fixed', 'subformat=fixed,force_size=on', '')]
CHECKED = ('qcow2', 'vdi', 'parallels', 'vmdk', 'vhdx')  # by qemu-img check
CHECKED_HERE = (*CHECKED, 'vpc', 'qcow')


def run(*argv, failures=(), text=None):
    p = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=120, input=text)
    if p.returncode and p.returncode not in failures:
        raise AssertionError(f"{' '.join(argv)}: status {p.returncode}: {p.stdout[-2000:]}")
    return p.stdout


def content(rng, path, size):
    """Runs of zeroes, of text that packs well, and of noise."""
    with open(path, 'wb') as f:
        while f.tell() < size:
            n = min(rng.randrange(1, 200) * 512, size - f.tell())
            f.write([bytes(n), (b'lyrebird %d ' % n * n)[:n], rng.randbytes(n)][rng.randrange(3)])


def make(maker, folder, fmt, options, kind, rng):
    image, raw = folder + '/image', folder + '/raw'
    data = folder + '/data'
    with open(raw, 'wb') as f:
        f.truncate(SIZE)
    options = options.replace('DATA', data)
    create = [maker, 'create', '-q', '-f', fmt, *(['-o', options] if options else [])]
    if kind in ('backing', 'short'):
        size = SIZE if kind == 'backing' else SIZE // 2 + 512
        content(rng, folder + '/base.raw', size)
        run(maker, 'convert', '-O', 'qcow2', '-c', folder + '/base.raw', folder + '/base')
        run(*create, '-b', folder + '/base', '-F', 'qcow2', image, str(SIZE))
        shutil.copy(folder + '/base.raw', raw)
        os.truncate(raw, SIZE)
    elif kind in ('fill', 'packed'):
        content(rng, raw, SIZE)
        more = ['-c'] if kind == 'packed' else []
        run(maker, 'convert', '-O', fmt, *more, *(['-o', options] if options else []), raw, image,
            failures=(1,) if fmt == 'qcow' else ())  # it says so of all compressed ones, which are sound
    else:
        run(*create, image, str(SIZE))
    if kind == 'snapshot':
        run(OPS, image, 'qcow2', raw, str(SEED + 1), '60', '1')
        shutil.copy(raw, folder + '/snapshot.raw')
        run('qemu-img', 'snapshot', '-c', 'one', image)
    return image, raw


def work_of_peer(fmt, image, raw, rng):
    """qemu-io changes the image; what is then to be read from it goes to the file raw."""
    with open(raw, 'rb') as f:
        model = bytearray(f.read())
    lines = []
    for _ in range(COUNT):
        at = rng.randrange(SIZE // 512) * 512
        n = min(rng.choice([512, 4096, 65536, rng.randrange(1, 600) * 512]), SIZE - at)
        byte = rng.randrange(256)
        how = rng.randrange(16)
        if how == 0:                # what a discard leaves is anything
            lines.append(f'discard {at} {n}')
        if how < 4:
            lines.append(f"write -z {'-u ' if byte % 2 else ''}{at} {n}")
            byte = 0
        else:
            lines.append(f'write -P {byte} {at} {n}')
        if how == 15:
            lines.append('flush')
        model[at:at + n] = bytes([byte]) * n
    text = run('qemu-io', '-f', fmt, image, text='\n'.join(lines) + '\n')
    assert text.count('wrote ') == COUNT, text[-2000:]
    with open(raw, 'wb') as f:
        f.write(model)


def judge(by, formats, fmt, image, raw, data):
    """By the program that did not do the work."""
    if fmt in formats:
        text = run(by, 'check', '-f', fmt, image, failures=(63,) if fmt == 'vpc' else ())
        assert 'No errors were found' in text or 'does not support checks' in text, text     # a fixed vpc is no table
    run(by, 'compare', '-f', fmt, '-F', 'raw', image, raw)
    if data:
        run(by, 'compare', '-f', 'raw', '-F', 'raw', data, raw)


def one(folder, fmt, name, options, kind, threads):
    rng = random.Random(f'{SEED} {name}')
    made_here = threads > 1 and (fmt, kind) != ('qcow', 'packed')
    image, raw = make(IMG if made_here else 'qemu-img', folder, fmt, options, kind, rng)
    data = folder + '/data' if 'data_file_raw' in options else None
    for turn in range(2):
        run(OPS, image, fmt, raw, str(SEED + turn), str(COUNT), str(threads))
        judge('qemu-img', CHECKED, fmt, image, raw, data)
        if turn == 0:
            work_of_peer(fmt, image, raw, rng)
            judge(IMG, CHECKED_HERE, fmt, image, raw, data)
    if kind == 'snapshot':
        run('qemu-img', 'snapshot', '-a', 'one', image)
        run('qemu-img', 'compare', '-f', fmt, '-F', 'raw', image, folder + '/snapshot.raw')
        run('qemu-img', 'snapshot', '-d', 'one', image)
        assert 'No errors were found' in run('qemu-img', 'check', '-f', fmt, image)


def main():
    rows = [row for row in IMAGES if not sys.argv[3:] or row[1] in sys.argv[3:]]
    if not shutil.which('qemu-img'):
        print('1..0 # SKIP qemu-img is not installed (package qemu-utils)')
        return
    print(f'# seed {SEED}: LYREBIRD_IMAGE_SEED\n1..{2 * len(rows)}')
    n = 0
    for fmt, name, options, kind in rows:
        for threads in (1, 4):
            n += 1
            with tempfile.TemporaryDirectory(dir='/var/tmp') as folder:
                try:
                    one(folder, fmt, name, options, kind, threads)
                    print(f'ok {n} {name} with {threads} threads', flush=True)
                except AssertionError as e:
                    print('# ' + str(e).replace('\n', '\n# '))
                    print(f'not ok {n} {name} with {threads} threads', flush=True)


main()

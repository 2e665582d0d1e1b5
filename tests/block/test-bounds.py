#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Images that are made to cost: whatever they say, lyrebird-img ends in little time and memory (docs/images.md, "What an image may
cost").

  test-bounds.py LYREBIRD-IMG"""
import os
import random
import resource
import struct
import subprocess
import sys

from cases import run_cases

IMG = os.path.abspath(sys.argv[1])
SEED = int(os.environ.get('LYREBIRD_IMAGE_SEED', random.randrange(1 << 30)))
SLOW = 8 if os.environ.get('ASAN_OPTIONS') or os.environ.get('UBSAN_OPTIONS') else 1  # a build with sanitizers, as CI runs it
SECONDS, MIB = 20 * SLOW, 256 * SLOW    # of processor time; resident, the program itself among them
CLUSTER = 65536


def run(*argv):
    """Its status and the last it says; within the bounds."""
    with open('said', 'w+b') as said:
        p = subprocess.Popen([IMG, *argv], stdout=said, stderr=said, stdin=subprocess.DEVNULL,
                             preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS)))
        _, status, usage = os.wait4(p.pid, 0)
        p.returncode = os.waitstatus_to_exitcode(status)
        said.seek(max(said.tell() - 3000, 0) if said.seek(0, os.SEEK_END) else 0)
        text = said.read().decode(errors='replace')
    assert p.returncode >= 0, f"{' '.join(argv)}: signal {-p.returncode}: {text}"
    assert usage.ru_maxrss < MIB << 10, f"{' '.join(argv)}: {usage.ru_maxrss} KiB"
    return p.returncode, text


def qcow2(path, size, l1, l1_entries, version=2, cluster_bits=16, snapshots=(0, 0), more=b''):
    """An image whose counts are in cluster 1 (table) and 2 (the block); l1: offset of its L1 table."""
    head = struct.pack('>4sIQIIQIIQQIIQ', b'QFI\xfb', version, 0, 0, cluster_bits, size, 0, l1_entries, l1, 1 << cluster_bits, 1, *snapshots)
    with open(path, 'wb') as f:
        f.write(head + more)
        f.seek(1 << cluster_bits)
        f.write(struct.pack('>Q', 2 << cluster_bits))
        f.truncate(64 << 20)
    return path


def put(path, at, data):
    with open(path, 'r+b') as f:
        f.seek(at)
        f.write(data)


def content(path, clusters):
    with open(path, 'rb') as f:
        return f.read(clusters * CLUSTER)


def test_qcow2_one_table_for_all():
    """An L1 table whose entries all name one L2 table, full of references."""
    entries = 1 << 20
    qcow2('disk', entries * 8192 * CLUSTER, 4 * CLUSTER, entries)
    put('disk', 4 * CLUSTER, struct.pack('>Q', 3 * CLUSTER) * entries)
    put('disk', 3 * CLUSTER, struct.pack('>Q', 3 * CLUSTER) * 8192)
    status, text = run('check', '-q', 'disk')
    assert status == 2, text
    before = content('disk', 8)
    status, text = run('check', '-r', 'all', 'disk')    # data that both have would be counted once
    assert status == 2 and content('disk', 8) == before, text
    for argv in (('info', 'disk'), ('snapshot', '-l', 'disk'), ('measure', '--size', '1G')):
        run(*argv)


def test_qcow2_snapshots_share_a_table():
    entries, count = 1 << 16, 60000
    qcow2('disk', 1 << 30, 4 * CLUSTER, 2, snapshots=(count, 32 << 20))
    put('disk', 16 << 20, struct.pack('>Q', 3 * CLUSTER) * entries)
    put('disk', 3 * CLUSTER, struct.pack('>Q', 3 * CLUSTER) * 8192)
    put('disk', 32 << 20, b''.join(struct.pack('>QIHHIIQII6sxx', 16 << 20, entries, 6, 0, 0, 0, 0, 0, 0, b'%06d' % i) for i in range(count)))
    status, text = run('check', '-q', 'disk')
    assert status == 2, text
    status, text = run('snapshot', '-l', 'disk')
    assert status == 0 and '059999' in text, text


def test_qcow2_snapshots_share_an_l2_table():
    """Each has an L1 table of its own, and all have the same L2 table: it is walked for all together, and each counts."""
    count, data = 60000, 8191
    qcow2('disk', 1 << 30, 4 * CLUSTER, 2, snapshots=(count, 32 << 20))
    with open('disk', 'r+b') as f:
        f.truncate(count * CLUSTER + (64 << 20))
        for i in range(count):
            f.seek((64 << 20) + i * CLUSTER)
            f.write(struct.pack('>Q', 3 * CLUSTER))
    put('disk', 3 * CLUSTER, struct.pack('>Q', 5 * CLUSTER) + struct.pack('>Q', 6 * CLUSTER) * data)
    put('disk', 32 << 20, b''.join(struct.pack('>QIHHIIQII6sxx', (64 << 20) + i * CLUSTER, 1, 6, 0, 0, 0, 0, 0, 0, b'%06d' % i) for i in range(count)))
    status, text = run('check', 'disk')
    assert status == 2, text
    with open('said', encoding='utf-8') as f:
        said = f.read()
    for cluster, times in ((3, count), (5, count), (6, count * data), (1024 + 7, 1)):
        assert f'ERROR cluster {cluster} refcount=0 reference={times}\n' in said, said[:3000]


def test_qcow2_bitmaps():
    """A directory of bitmaps with all bits set, which take no room in the file: there are too many bits."""
    size, count, entries = 1 << 43, 64, 1 << 11
    tail = struct.pack('>QQQII', 0, 0, 1, 4, 104)                            # autoclear: bitmaps; counts of 16 bits
    directory = b''.join(struct.pack('>QIIBBHI6sxx', (16 << 20) + (i << 16), entries, 2, 1, 13, 6, 0, b'%06d' % i) for i in range(count))
    tail += struct.pack('>IIIIQQ', 0x23852875, 24, count, 0, len(directory), 8 * CLUSTER) + bytes(8)
    qcow2('disk', size, 4 * CLUSTER, 1 << 14, version=3, more=tail)
    put('disk', 8 * CLUSTER, directory)
    put('disk', 16 << 20, struct.pack('>Q', 1) * (entries * 4 * count))
    for argv in (('info', 'disk'), ('check', '-q', 'disk')):
        status, text = run(*argv)
    assert status and 'they have too many bits' in text, text


def test_qcow2_backing_itself():
    qcow2('disk', 1 << 20, 4 * CLUSTER, 1)
    put('disk', 8, struct.pack('>QI', 200, 4))
    put('disk', 200, b'disk')
    status, text = run('convert', '-O', 'raw', 'disk', 'out')
    assert status == 1 and 'chain' in text, text


def test_vdi_all_blocks_at_one_place():
    blocks, table = 1 << 23, 512
    data = table + blocks * 4
    with open('disk', 'wb') as f:
        head = bytearray(512)
        struct.pack_into('<III', head, 64, 0xbeda107f, 0x10001, 0x190)
        struct.pack_into('<I', head, 76, 1)
        struct.pack_into('<IIIIIIIQIII', head, 340, table, data, 0, 0, 0, 512, 0, blocks << 20, 1 << 20, 0, blocks)
        f.write(head)
        f.truncate(data + (4 << 20))
    status, text = run('check', '-q', 'disk')
    assert status == 2, text
    run('info', 'disk')


def test_qcow_one_table_for_all():
    entries, l2_bits = 1 << 18, 13
    with open('disk', 'wb') as f:
        f.write(struct.pack('>4sIQIIQBBxxIQ', b'QFI\xfb', 1, 0, 0, 0, entries << (l2_bits + 9), 9, l2_bits, 0, 65536))
        f.truncate(16 << 20)
    put('disk', 65536, struct.pack('>Q', 8 << 20) * entries)
    status, text = run('check', '-q', 'disk')
    assert status == 2, text
    run('info', 'disk')


def test_vmdk_one_table_for_all():
    tables = 1 << 20
    head = struct.pack('<4sIIQQQQIQQQB4sH', b'KDMV', 1, 3, tables * 512 * 128, 128, 0, 0, 512, 0, 8, 65536, 0, b'\n \r\n', 0)
    with open('disk', 'wb') as f:
        f.write(head)
        f.truncate(64 << 20)
    put('disk', 8 * 512, struct.pack('<I', 40000) * tables)
    put('disk', 40000 * 512, struct.pack('<I', 70000) * 512)
    status, text = run('check', '-q', 'disk')
    assert status == 2, text
    run('info', 'disk')


MADE = [('qcow2', '', 0), ('qcow2', 'compat=0.10', 0), ('vdi', '', 0), ('vpc', '', 0), ('parallels', '', 0), ('qcow', '', 0), ('vmdk', '', 0), ('vhdx', '', 1 << 16)]


def test_headers_that_lie():
    """Any field of a header is as large as can be: info and check say what they like, within the bounds."""
    rng = random.Random(SEED)
    with open('raw', 'wb') as f:
        f.write(rng.randbytes(300000))
        f.truncate(4 << 20)
    for fmt, options, at in MADE:
        subprocess.run([IMG, 'convert', '-O', fmt, *(['-o', options] if options else []), 'raw', 'good'], check=True)
        with open('good', 'rb') as f:
            good = f.read()
        for _ in range(10):
            field = at + rng.randrange(0, 640, 4)
            value = rng.choice([b'\xff' * 4, b'\x7f\xff\xff\xff', b'\xff\xff\xff\x7f', b'\0\x40\0\0', b'\0\0\x40\0', b'\x40\0\0\0', b'\xff' * 8])
            with open('disk', 'wb') as f:
                f.write(good[:field] + value + good[field + len(value):])
            for argv in (('info', '-f', fmt), ('check', '-q', '-f', fmt), ('compare', '-f', fmt, '-F', 'raw', 'raw')):
                try:
                    run(*argv, 'disk')
                except AssertionError as e:
                    raise AssertionError(f'{fmt}, {options}, {value!r} at {field}: {e}') from e


run_cases(globals(), sys.argv[2:], SEED, 'true')

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Every command and option of qemu-img's manual, given to both programs in folders that are alike: what they say, how they end, and which
images are there then are the same.

  test-table.py LYREBIRD-IMG"""
import hashlib
import json
import os
import random
import re
import shlex
import shutil
import subprocess
import sys

from cases import run_cases

IMG = os.path.abspath(sys.argv[1])
SEED = int(os.environ.get('LYREBIRD_IMAGE_SEED', random.randrange(1 << 30)))
FILES = 'driver=qcow2,file.driver=file,file.filename='

# What this program refuses, or does better: its exit status, and what it says.
OURS = {
    'amend -o refcount_bits=8 base': (1, 'other widths are not built'),
    'amend -o encrypt.format=luks base': (1, 'encryption not present'),
    'check -q leaky': (3, ''),                              # nothing is said, as -q asks
    'check bad': (2, '2 errors were found'),                # in another order
    'check --output=json bad': (2, '"corruptions": 2'),
    'check -r leaks bad': (2, 'ERROR cluster 9 refcount=0 reference=1'),     # it goes on to say how the image is
    'check -r all bad': (0, 'No errors were found'),        # entries are mended, not all of the table made anew
    'check -q -r all bad': (0, ''),
    'check -r leaks leaky': (0, '1 leaked clusters'),       # the file keeps its length
    'check -r all leaky': (0, '1 leaked clusters'),
    'check -r leaks --output=json leaky': (0, '"leaks-fixed": 1'),
    'convert -O qcow2 -B base -F qcow2 -n top base2': (1, 'keeps the old one'),
    'convert -t nope -O raw base new': (1, 'Invalid cache option: nope'),    # and makes no file
    'convert --bitmaps -O raw marked new': (1, 'does not support bitmaps'),
    'create -f vmdk -o adapter_type=lsilogic new 1M': (0, 'adapter_type=lsilogic'),
    'rebase -b base2 top': (1, 'backing format must be specified'),          # before anything is copied
    'snapshot snap': (0, 'Snapshot list:'),                 # -l is what is meant
}
ROWS = {
    'create': ['new 1M', '-f qcow2 new 1M', '-q -f qcow2 new 1M', '-f qcow2 new', '-f qcow2 -b base -F qcow2 new', '-f qcow2 -b base -F qcow2 new 4M', '-f qcow2 -u -b nowhere -F qcow2 new 1M',
               '-f qcow2 -b nowhere -F qcow2 new', '-f qcow2 -b base new', '-f qcow2 -u -b base -F qcow2 new', '-f qcow2 -o size=2M new', '-f qcow2 -o size=1M new 1M', '-f qcow2 -o size=1M new 2M',
               '-f qcow2 -o backing_file=base,backing_fmt=qcow2 new', '-f qcow2 -o backing_file=base -b base -F qcow2 new', '-f qcow2 -o cluster_size=4k,lazy_refcounts=on -o refcount_bits=8 new 1M',
               '-f qcow2 -o cluster_size=3 new 1M', '-f qcow2 -o nope=1 new 1M', '-f nope new 1M', '-f qcow2 new 1X', '-f qcow2 new -1M', '-f raw -o preallocation=full new 1M', '-f raw -b base -F qcow2 new',
               '-f qcow2 -o compat=0.10,extended_l2=on new 1M', '-f qcow2 -o compat=0.10 new 1M', '-f qcow2 -o compat=2 new 1M', '-f vmdk -o adapter_type=lsilogic new 1M', '-f vdi -o static=on new 1M',
               '-f vpc -o force_size=on new 1M', '-f vhdx new 1M', '-f parallels new 1M', '-f qcow new 1M', '-f qcow2 -F qcow2 new 1M', '-f qcow2 new 0', '-f qcow2 new 1025', '-f raw new 1025',
               '-f qcow2 base/new 1M', '-f qcow2 new 1M 2M', '-f qcow2 -o encrypt.format=luks new 1M', '-f qcow2 -b base -F raw new', '-f qcow2 -b raw -F raw new',
               '--object secret,id=s,data=x -f qcow2 -o encrypt.format=luks,encrypt.key-secret=t new 1M', '-f qcow2 new 1.5M', '-f qcow2 new 1b', '-f qcow2 new 9E'],
    'info': ['base', '--output=json base', '--output=human base', '-f qcow2 base', '-f raw base', '-f nope base', '--backing-chain top', '--backing-chain --output=json top', '-U base', 'snap', '--output=json snap',
             'nowhere', '--output=xml base', f'--image-opts {FILES}base', '', 'base top', '--image-opts -f qcow2 base'],
    'check': ['base', '-q base', '--output=json base', '-f qcow2 base', '-r leaks base', '-r all base', '-r nope base', '-T none base', '-T nope base', '-U base', '-f raw raw', 'raw', 'nowhere', '',
              f'--image-opts {FILES}base', 'leaky', '-r leaks leaky', '-r all leaky', '--output=json leaky', '-r leaks --output=json leaky', '-q leaky', 'bad', '-r leaks bad', '-r all bad', '-q -r all bad',
              '--output=json bad'],
    'compare': ['base base2', 'base raw', '-f qcow2 -F raw base raw', '-s base base2', '-p base base2', '-q base raw', '-T none base base2', '-T nope base base2', '-U base base2', 'base nowhere', 'nowhere base', 'base', 'base base2 raw',
                'top base', '-s top base', f'--image-opts {FILES}base {FILES}base2', 'small base', '-s small base', '-f nope base base2', '-F nope base base2'],
    'convert': ['-O qcow2 base new', '-f qcow2 -O raw base new', '-O raw -p base new', '-q -O raw base new', '-c -O qcow2 base new', '-c -O raw base new', '-O qcow2 -o cluster_size=4k base new', '-O nope base new', '-f nope -O raw base new',
                '-O qcow2 -B base -F qcow2 top new', '-O qcow2 -B base top new', '-O qcow2 -B base -F qcow2 -n top base2', '-O qcow2 -o backing_file=base,backing_fmt=qcow2 top new',
                '-n -O qcow2 base base2', '-n --target-is-zero -O qcow2 base empty', '--target-is-zero -O raw base new', '-n -O qcow2 base nowhere', '-n -O qcow2 base small', '-n -o size=1M -O qcow2 base base2', '-S 4k -O raw base new', '-S 0 -O raw base new',
                '-S 3 -O raw base new', '-S 99M -O raw base new', '-m 1 -O raw base new', '-m 16 -O raw base new', '-m 0 -O raw base new', '-m 17 -O raw base new', '-W -O raw base new', '-r 1G -O raw base new', '-r 0 -O raw base new', '-r x -O raw base new',
                '-t none -O raw base new', '-t nope -O raw base new', '-T none -O raw base new', '-T nope -O raw base new', '-U -O raw base new', '-l one -O raw snap new', '-l snapshot.name=two -O raw snap new', '-l snapshot.id=1 -O raw snap new',
                '-l nope -O raw snap new', '-l one -O raw snap snap new', '--salvage -O raw base new', '--bitmaps -O qcow2 marked new', '--bitmaps -O raw marked new', '--bitmaps --skip-broken-bitmaps -O qcow2 marked new',
                '--skip-broken-bitmaps -O qcow2 marked new', '--bitmaps -O qcow2 raw new', '-C -O raw base new', '-C -O qcow2 raw new', '-O raw base raw new', '-O raw base', '-O raw nowhere new', f'--image-opts -O raw {FILES}base new',
                f'--target-image-opts -n -O qcow2 base {FILES}base2', f'--target-image-opts -n base {FILES}base2', f'--target-image-opts base {FILES}new', '-O vmdk base new', '-O vdi base new', '-O qcow2 -o preallocation=full base new',
                '-O qcow2 -c -o preallocation=full base new', '-O qcow2 -o compression_type=zstd -c base new', '-O raw top new', '-O qcow2 base base'],
    'dd': ['if=base of=new', '-f qcow2 -O raw if=base of=new', '-O qcow2 if=raw of=new', 'if=raw of=new bs=4k', 'if=raw of=new bs=4k count=3', 'if=raw of=new bs=4k skip=3', 'if=raw of=new bs=4k skip=1 count=2', 'if=raw of=new bs=0', 'if=raw of=new bs=x',
           'if=raw of=new count=x', 'if=raw', 'of=new', 'if=raw of=new foo=1', 'if=raw of=new skip=9999', '-O nope if=raw of=new', '-U -f raw if=raw of=new', 'if=nowhere of=new'],
    'map': ['base', '--output=json base', 'top', '--output=json top', '-f raw raw', '-s 64k -l 128k base', '--start-offset=64k --max-length=128k --output=json base', '-U base', f'--image-opts {FILES}base', '--output=nope base', 'nowhere', '', '-s x base',
            '-l x base', '-s 9M base'],
    'measure': ['--size 1G', '-O qcow2 --size 1G', '-O qcow2 --size 1G --output=json', '-O qcow2 base', '-O raw base', '-O qcow2 -o cluster_size=4k base', '-O qcow2 -o extended_l2=on --size 1G', '-O luks --size 1G', '-O vmdk --size 1G', '-O nope --size 1G',
                '-O qcow2 -f qcow2 base', '-O qcow2 -l one snap', '-O qcow2 -l nope snap', '--size x', '--size 1G base', '', '-U -O raw base', f'--image-opts -O qcow2 {FILES}base', '-O qcow2 --output=nope base', '-O qcow2 marked', '-O qcow2 top',
                '--size 1G -l one', '-f qcow2 --size 1G'],
    'snapshot': ['-l snap', 'snap', '-c new snap', '-a one snap', '-d one snap', '-a nope snap', '-d nope snap', '-q -c new snap', '-c one snap', '-l raw', '-c new raw', '-U -l snap', '-U -c x snap', f'--image-opts -l {FILES}snap', '-l -c x snap', '-a 1 snap', '-d 2 snap',
                 '', '-l nowhere'],
    'rebase': ['-b base2 -F qcow2 top', '-u -b base2 -F qcow2 top', '-b  "" top', '-u -b "" top', '-b nowhere -F qcow2 top', '-u -b nowhere -F qcow2 top', '-p -b base2 -F qcow2 top', '-q -b base2 -F qcow2 top', '-t none -b base2 -F qcow2 top', '-t nope -b base2 top',
               '-T none -b base2 -F qcow2 top', '-T nope -b base2 -F qcow2 top', '-f qcow2 -b base2 -F qcow2 top', '-F nope -b base2 top', '-b base2 top', 'top', '-b base raw', '-b small -F qcow2 top', '-U -b base2 -F qcow2 top', '-b raw -F raw top', '-b base -F qcow2 base2', '-b top -F qcow2 top',
               f'--image-opts -b base2 -F qcow2 {FILES}top', '-u -b base2 top'],
    'commit': ['top', '-q top', '-f qcow2 top', '-b base top', '-b base2 top', '-b nowhere top', '-d top', '-p top', '-t none top', '-t nope top', '-r 1G top', '-r x top', 'base', 'raw', 'over', '-b base over', '-b top over', '-d -b base over', f'--image-opts {FILES}top',
               f'--image-opts -b base {FILES}over', 'nowhere', '', '-r 0 top'],
    'resize': ['base 4M', 'base +1M', '-q base +1M', 'base 1M', '--shrink base 1M', '--shrink base -1M', 'base -1M', '-f qcow2 base 4M', '-f raw raw 4M', 'raw 4M', '--preallocation=full base 4M', '--preallocation=metadata base 4M', '--preallocation=falloc -f raw raw 4M',
               '--preallocation=nope base 4M', '--preallocation=full --shrink base 1M', '--preallocation=metadata -f raw raw 4M', 'base x', 'base', 'base +0', 'nowhere 1M', 'snap 8M', 'snap16 8M', '-f vmdk vm 8M', f'--image-opts {FILES}base 4M', 'base 2M', 'base -9M', '--shrink base -9M'],
    'amend': ['-o compat=1.1 old', '-o compat=0.10 base', '-o compat=0.10 old', '-o lazy_refcounts=on base', '-o lazy_refcounts=on old', '-o size=4M base', '-q -o size=4M base', '-p -o size=4M base', '-f qcow2 -o size=4M base', '-o nope=1 base', '-o cluster_size=4k base',
              '-o refcount_bits=8 base', '-o size=1M base', '-t none -o size=4M base', '-t nope -o size=4M base', 'base', '-o size=4M raw', '-o backing_file=base,backing_fmt=qcow2 base2', '-o compat=0.10 lazy', '-o compat=1.1 base', '-o size=4M', '-o preallocation=off base',
              '-o encrypt.format=luks base', '-o extended_l2=on base', '-o compression_type=zstd base', f'--image-opts -o size=4M {FILES}base', '-o compat=0.10,size=4M base', '-o data_file=x base', '-o data_file_raw=on base', '--force -o size=4M base', '-o lazy_refcounts=off lazy',
              '-o compat=2 base'],
    'bitmap': ['--add base m', '--add -g 4k base m', '--add -g 3 base m', '--add marked a', '--remove marked a', '--remove marked nope', '--clear marked a', '--enable marked a', '--disable marked a', '--merge a marked b', '--add --merge a marked c', '--merge nope marked a',
               '--add --disable base m', '--add --merge a -b marked -F qcow2 base m', '--merge a -b nowhere marked b', '--add raw m', 'base m', '--add base', '--add -f qcow2 base m', f'--image-opts --add {FILES}base m', '-g 4k --remove marked a', '-b marked --add base m', '--add --remove base m',
               '-F qcow2 --add base m'],
    'bench': ['-c 10 base', '-c 10 -d 2 base', '-c x base', '-d x base', '-q -c 10 base', '-c 10 -s 8k base', '-c 10 -s x base', '-c 10 -o 64k base', '-c 10 -S 4k base', '-c 10 -t none base', '-c 10 -t nope base', '-c 4 -w base', '-c 4 -w --pattern=9 base', '-c 4 -w --pattern=999 base', '-c 4 -w --flush-interval=2 base',
              '-c 4 -w -d 4 --flush-interval=2 --no-drain base', '-c 4 --flush-interval=2 base', '-c 4 -w --no-drain base', '-c 4 -i threads base', '-c 4 -i nope base', '-U -c 4 base', 'nowhere', '-c 4 -f qcow2 base', f'--image-opts -c 4 {FILES}base', '-c 4 -w -d 8 --flush-interval=2 base'],
}


def run(program, *argv):
    return subprocess.run([program, *argv], check=True, capture_output=True, text=True).stdout


def prepare():
    """The images that the rows name."""
    os.mkdir('start')
    os.chdir('start')
    rng = random.Random(SEED)

    def write(name, *commands):
        run('qemu-io', *(w for c in commands for w in ('-c', c)), name)
    with open('raw', 'wb') as f:
        f.write(bytes(256 << 10) + rng.randbytes(128 << 10) + bytes(640 << 10))
    for name, size, *options in (('base', '2M'), ('base2', '2M'), ('small', '512k'), ('empty', '2M'), ('marked', '2M'), ('snap', '2M'), ('leaky', '2M'), ('bad', '2M'), ('old', '2M', '-o', 'compat=0.10'),
                                 ('snap16', '2M', '-o', 'compat=0.10'), ('lazy', '2M', '-o', 'lazy_refcounts=on')):
        run('qemu-img', 'create', '-q', '-f', 'qcow2', *options, name, size)
        if name not in ('small', 'empty'):
            write(name, 'write -P 5 64k 200k', 'write -z 1M 64k', 'write -P 6 1536k 64k')
    write('base2', 'write -P 8 640k 64k')
    run('qemu-img', 'create', '-q', '-f', 'vmdk', 'vm', '2M')
    for name, below in (('top', 'base'), ('over', 'top')):
        run('qemu-img', 'create', '-q', '-f', 'qcow2', '-b', below, '-F', 'qcow2', name)
    write('top', 'write -P 7 128k 64k')
    write('over', 'write -P 8 192k 64k')
    for name in ('snap', 'snap16'):
        run('qemu-img', 'snapshot', '-c', 'one', name)
        write(name, 'write -P 9 0 300k')
        run('qemu-img', 'snapshot', '-c', 'two', name)
    for name in 'ab':
        run('qemu-img', 'bitmap', '--add', 'marked', name)
    write('marked', 'write -P 3 512k 64k')
    with open('leaky', 'r+b') as f:     # clusters that nobody has
        f.truncate(os.path.getsize('leaky') + 65536)
        f.seek(48)
        table = int.from_bytes(f.read(8), 'big')
        f.seek(table)
        block = int.from_bytes(f.read(8), 'big')
        f.seek(block + 2 * (os.path.getsize('leaky') // 65536 - 1))
        f.write(b'\0\1')
    with open('bad', 'r+b') as f:       # one that is in use counts as free
        f.seek(48)
        f.seek(int.from_bytes(f.read(8), 'big'))
        f.seek(int.from_bytes(f.read(8), 'big') + 2 * (os.path.getsize('bad') // 65536 - 1))
        f.write(b'\0\0')
    os.chdir('..')


def digest(path):
    with open(path, 'rb') as f:
        return hashlib.sha256(f.read()).hexdigest()


def image(path):
    """What the other program says of an image, and its content."""
    info = subprocess.run(['qemu-img', 'info', '-U', '--output=json', path], capture_output=True, text=True, check=False)
    said = json.loads(info.stdout) if info.returncode == 0 else {'error': info.returncode}
    said.pop('actual-size', None)
    for s in said.get('snapshots', []):
        for key in ('date-sec', 'date-nsec'):
            s.pop(key)
    said.get('format-specific', {}).get('data', {}).pop('cid', None)
    if said.get('format') == 'raw':
        return said, digest(path)
    check = subprocess.run(['qemu-img', 'check', '-q', path], capture_output=True, text=True, check=False).returncode
    if subprocess.run(['qemu-img', 'convert', '-U', '-O', 'raw', path, '../content'], capture_output=True, check=False).returncode == 0:
        return said, check, digest('../content')
    return said, check


def do(program, command, row, before, folder):
    """(text, status, the images that are new or changed, with their digests)."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree('start', folder)
    os.chdir(folder)
    p = subprocess.run([program, command, *shlex.split(row)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False)
    after = {n: digest(n) for n in os.listdir()}
    os.chdir('..')
    changed = {n: after.get(n) for n in before.keys() | after.keys() if before.get(n) != after.get(n)}
    return p.stdout, p.returncode, changed


def state(names, folder):
    os.chdir(folder)
    found = {n: image(n) if os.path.exists(n) else None for n in sorted(names)}
    os.chdir('..')
    return found


def plain(text):
    """Without times, places on the host, what the newer program says beside this one, and what was on the way."""
    text = text.replace(os.path.basename(IMG) + ':', 'qemu-img:').replace(', "compressed": false', '')
    text = re.sub(r'(?m)^WARNING: Image format was not specified.*\n +Automatically.*\n +Specify.*\n', '', text)
    text = re.sub(r'(?m)^disk size: .*$', 'disk size', text)
    text = re.sub(r'(?m)^.*/100%\)\r *', '', text)
    text = re.sub(r'(?m)^ *\([\d.]+/100%\) *\n', '', text)
    text = re.sub(r'Run completed in [\d.]+ seconds', 'Run completed', text)
    text = re.sub(r'(?m)^ID .*ICOUNT$', 'ID', text)
    text = re.sub(r'(?m)^(\d+) +(\w+) +0 B .*$', r'\1 \2', text)
    return text.strip()


def same_text(line, said, theirs):
    """Errors are told in words of each program's own; what an image is, is told alike."""
    if '--output=json' in line and theirs.lstrip()[:1] in '[{':
        found = [json.loads(t) for t in (said, theirs)]
        for one in found:
            for part in one if isinstance(one, list) else [one]:
                for key in ('actual-size', 'compressed'):
                    part.pop(key, None)
        return found[0] == found[1]
    said, theirs = plain(said), plain(theirs)
    return said == theirs or (re.search('(?m)^qemu-img: ', theirs) and re.search('(?m)^(qemu-img|usage): ', said))


def compare(command):
    faults = []
    before = {n: digest(f'start/{n}') for n in os.listdir('start')}
    for row in ROWS[command]:
        line = f'{command} {row}'
        said, status, left = do(IMG, command, row, before, 'ours')
        if line in OURS:
            if OURS[line][0] != status or OURS[line][1] not in said:
                faults.append(f'{line}: status {status}, {said}')
            continue
        theirs, their_status, their_left = do('qemu-img', command, row, before, 'theirs')
        if status != their_status:
            faults.append(f'{line}: status {status}, not {their_status}\n  {said}  -- not\n  {theirs}')
        elif not same_text(line, said, theirs):
            faults.append(f'{line}: says\n  {plain(said)}\n  -- not\n  {plain(theirs)}')
        if left != their_left:  # other bytes may be the same image
            states = [state(left.keys() | their_left.keys(), folder) for folder in ('ours', 'theirs')]
            if states[0] != states[1]:
                faults.append(f'{line}: leaves\n  {states[0]}\n  -- not\n  {states[1]}')
    assert not faults, '\n'.join(faults)


for name in ROWS:
    globals()[f'test_{name}'] = lambda name=name: compare(name)

run_cases(globals(), sys.argv[2:], SEED, 'qemu-img', prepare)

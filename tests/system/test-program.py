#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The program from outside: what other programs parse and wait for (TAP).

usage: test-program.py PATH-OF-LYREBIRD
Every process runs under a time limit, in a folder of its own.
"""
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

LYREBIRD = os.path.abspath(sys.argv[1])
LIMIT = 60  # tells a hang from a busy host
DIR = tempfile.mkdtemp(prefix='lyrebird-test-')
NAMES = {}
for name in ('qemu-system-riscv64', 'qemu-system-riscv32', 'qemu-system-x86_64', 'qemu-system-s390x', 'lyrebird'):
    NAMES[name] = os.path.join(DIR, name)
    os.symlink(LYREBIRD, NAMES[name])
QEMU = NAMES['qemu-system-riscv64']
# A machine that needs no firmware and does nothing.
IDLE = ['-M', 'virt', '-bios', 'none', '-display', 'none', '-nodefaults', '-S']


def run(*args, program=QEMU):
    r = subprocess.run([program, *args], cwd=DIR, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                       timeout=LIMIT, check=False)
    return r.returncode, r.stdout, r.stderr


def until(what, test):
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        value = test()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f'timed out waiting for {what}')


def connect(path):
    def attempt():
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(LIMIT)
        try:
            s.connect(path)
            return s
        except OSError:
            s.close()
            return None
    return until(path, attempt)


def read_to(s, end):
    got = b''
    while not got.endswith(end):
        part = s.recv(4096)
        if not part:
            raise AssertionError(f'connection closed after {got!r}')
        got += part
    return got.decode()


class Guest:
    """A running machine with a monitor on a socket."""

    def __init__(self, *args, program=QEMU):
        self.path = os.path.join(DIR, f'mon{time.monotonic_ns()}')
        self.process = subprocess.Popen(
            [program, *args, '-monitor', f'unix:{self.path},server=on,wait=off'], cwd=DIR,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.monitor = connect(self.path)
        self.banner = read_to(self.monitor, b'(qemu) ')

    def command(self, line):
        self.monitor.sendall(line.encode() + b'\n')
        text = read_to(self.monitor, b'(qemu) ')
        return text[text.index('\n') + 1:-len('(qemu) ')].replace('\r', '')

    def wait(self):
        out, err = self.process.communicate(timeout=LIMIT)
        return self.process.returncode, out, err

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.monitor.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()


def expect(text, pattern):
    assert re.search(pattern, text, re.S | re.M), f'{pattern!r} not in {text!r}'


def fails(pattern, *args, **kw):
    code, out, err = run(*args, **kw)
    assert code == 1, (args, code, out, err)
    assert not out, out
    expect(err, pattern)
    expect(err, r'\A[\w-]+: ')


def test_version():
    code, out, _ = run('--version')
    assert code == 0
    expect(out, r'\AQEMU emulator version \d+\.\d+\.\d+ ')
    assert out.split()[3][0].isdigit()
    expect(run('-version', program=NAMES['lyrebird'])[1], r'\ALyrebird ')


def test_help():
    code, out, _ = run('-help')
    assert code == 0
    expect(out, r'^-gdb')
    expect(run('-M', 'help')[1], r'\ASupported machines are:\n(.*\n)*virt +RISC-V')
    expect(run('-M', 'none', '-accel', 'help')[1], r'^tcg$')
    expect(run('-cpu', 'help')[1], r'rv64')
    expect(run('-M', 'virt,help')[1], r'^virt-machine options:')
    out = run('-device', 'help')[1]
    expect(out, r'^name "virtio-blk-device", bus virtio-bus')
    expect(run('-device', 'virtio-blk-device,help')[1], r'^  drive=<str>')
    for option in ('-chardev', '-netdev', '-object', '-display', '-d', '-smp', '-mon', '-global'):
        code, out, err = run(option, 'help')
        assert code == 0 and out and not err, (option, code, out, err)


def test_firmware_places():
    code, out, err = run('-L', 'mine', '-L', 'help', '-L', 'yours', '-L', 'mine')
    assert code == 0 and not err, (code, err)
    assert out.splitlines()[:2] == ['mine', 'yours'] and len(set(out.split())) == len(out.split()), out
    expect(out, r'^/usr/lib/riscv64-linux-gnu/opensbi/generic$')
    expect(run('-L', 'help', program=NAMES['qemu-system-riscv32'])[1],
           r'^/usr/lib/riscv32-linux-gnu/opensbi/generic$')
    fails(r'"fw_nosuch\.bin": it is neither here nor in mine, yours, .*; install the package opensbi, .*-L DIR',
          '-M', 'virt', '-display', 'none', '-L', 'mine', '-L', 'yours', '-bios', 'fw_nosuch.bin')


def test_errors():
    fails(r'-nographc: invalid option; did you mean -nographic\?', '-nographc')
    fails('No machine specified, and there is no default\nUse -machine help', '-nographic')
    fails("'vitr' is not a valid machine type.*did you mean 'virt'", '-M', 'vitr')
    fails("Property 'virt-machine.foo' not found", '-M', 'virt,foo=1')
    fails("-cpu|CPU model 'foo'", '-M', 'virt', '-cpu', 'foo')
    fails("'foo' is not a valid device model name", '-M', 'virt', '-device', 'foo')
    fails("can't find value 'x'|'x'", '-M', 'virt', '-device', 'virtio-blk-device,drive=x')
    fails('accelerator.*foo|foo.*accelerator', '-M', 'virt', '-accel', 'foo')
    fails("-m x: Parameter 'size'", '-M', 'virt', '-m', 'x')
    fails('The max CPUs supported by machine', '-M', 'virt', '-smp', '1000')
    fails('Invalid CPU topology', '-M', 'virt', '-smp', 'cpus=2,sockets=3')
    fails("dies > 1 not supported by this machine's CPU topology", '-M', 'virt', '-smp', '4,dies=2')
    fails(r'sockets \(1\) \* dies \(2\) \* cores \(3\) \* threads \(1\) != maxcpus \(4\)', '-M', 'bare', '-smp', '4,sockets=1,dies=2,cores=3',
          program=NAMES['qemu-system-x86_64'])
    fails("Parameter 'foo' is unexpected", '-M', 'virt', '-smp', 'foo=1')
    fails('failed to parse UUID', '-M', 'virt', '-uuid', 'xx')
    fails('invalid datetime format', '-M', 'virt', '-rtc', 'base=foo')
    fails('-kernel option', '-M', 'virt', '-append', 'x')
    fails('Could not open|No such file', '-M', 'virt', '-display', 'none', '-drive', 'file=/nonexistent,format=raw')
    fails("Parameter 'type' does not accept value 'gtk'. It is not built", '-M', 'virt', '-display', 'gtk')
    fails('the machine has no screen to show; add one', *IDLE, '-display', 'sdl')
    fails('-display sdl: there is no display server|built without sdl', *IDLE, '-display', 'sdl', '-device', 'bochs-display')
    fails('-qmp none: .*no place for a monitor', '-M', 'virt', '-qmp', 'none')
    fails('cannot create PID file', '-M', 'virt', '-display', 'none', '-pidfile', '/nonexistent/x')
    fails("'q35' is not a valid machine type.*valid: bare", '-M', 'q35', program=NAMES['qemu-system-x86_64'])
    fails("/nonexistent/kernel", '-M', 'microvm', '-cpu', 'max', '-display', 'none', '-kernel', '/nonexistent/kernel',
          program=NAMES['lyrebird'])
    fails("'s390x' is not a valid guest architecture", '-M', 'none', program=NAMES['qemu-system-s390x'])
    fails('-global', '-M', 'virt', '-display', 'none', '-global', 'virtio-mmio.nope=1')
    small = os.path.join(DIR, 'small.img')
    with open(small, 'wb') as f:
        f.truncate(1 << 20)
    fails('device requires', '-M', 'virt', '-display', 'none', '-drive', f'file={small},if=pflash,format=raw,readonly=on')
    fails('cannot use stdio', '-M', 'virt', '-daemonize', '-serial', 'stdio')


def test_monitor():
    with Guest(*IDLE, '-name', 'n1', '-uuid', '01234567-89ab-cdef-0123-456789abcdef') as g:
        expect(g.banner, r"\AQEMU \d+\.\d+\.\d+ monitor - type 'help' for more information\r\n\(qemu\) \Z")
        assert g.command('info status') == 'VM status: paused (prelaunch)\n'
        assert g.command('info name') == 'n1\n'
        assert g.command('info uuid') == '01234567-89ab-cdef-0123-456789abcdef\n'
        expect(g.command('info mtree -f'), r'0000000080000000-0000000087ffffff \(prio 0, ram\)')
        expect(g.command('info cpus'), r'\* CPU #0: thread_id=\d+')
        expect(g.command('info registers'), r'pc\s')
        expect(g.command('xp /4xw 0x1000'), r'\A0000000000001000: 0x')
        assert g.command('nonsense') == "unknown command: 'nonsense'\n"
        assert g.command('c') == ''
        assert g.command('info status') == 'VM status: running\n'
        assert g.command('system_reset') == ''
        assert g.command('stop') == ''
        assert g.command('info status') == 'VM status: paused\n'
        g.monitor.sendall(b'quit\n')
        code, out, err = g.wait()
        assert (code, out, err) == (0, '', ''), (code, out, err)


def test_signal():
    pidfile = os.path.join(DIR, 'pid')
    with Guest(*IDLE, '-pidfile', pidfile) as g:
        with open(pidfile, encoding='ascii') as f:
            assert int(f.read()) == g.process.pid
        os.kill(g.process.pid, signal.SIGTERM)
        code, _, err = g.wait()
        assert code == 0, code
        expect(err, rf'terminating on signal 15 from pid {os.getpid()} \(.+\)')
        assert not os.path.exists(pidfile)


def test_daemonize():
    path, pidfile = os.path.join(DIR, 'daemon-mon'), os.path.join(DIR, 'daemon-pid')
    code, out, err = run(*IDLE, '-daemonize', '-pidfile', pidfile, '-monitor', f'unix:{path},server=on,wait=off')
    assert (code, out, err) == (0, '', ''), (code, out, err)
    s = socket.socket(socket.AF_UNIX)  # it listens by now: no waiting
    s.settimeout(LIMIT)
    s.connect(path)
    read_to(s, b'(qemu) ')
    with open(pidfile, encoding='ascii') as f:
        pid = int(f.read())
    assert pid != os.getpid()
    s.sendall(b'quit\n')
    s.close()
    until('the end of the daemon', lambda: not os.path.exists(pidfile))
    code, _, err = run(*IDLE, '-daemonize', '-monitor', 'unix:/nonexistent/x,server=on,wait=off')
    assert code == 1 and err, (code, err)


def test_finisher():
    """A guest of two instructions: the exit status is the one it writes to the finisher."""
    # lui t0,0x100; lui t1,...: store (7 << 16 | 0x3333) to 0x100000
    words = [0x001002b7, 0x00073337, 0x33330313, 0x0062a023, 0x0000006f]
    image = os.path.join(DIR, 'exit7.bin')
    with open(image, 'wb') as f:
        for w in words:
            f.write(w.to_bytes(4, 'little'))
    code, out, err = run('-M', 'virt', '-display', 'none', '-nodefaults', '-bios', image)
    assert code == 7, (code, out, err)


def test_gdb():
    path = os.path.join(DIR, 'gdb')
    with Guest(*IDLE, '-gdb', f'unix:{path}', '-smp', '2') as g:
        s = connect(path)

        def ask(data):
            s.sendall(b'$%s#%02x' % (data, sum(data) & 255))
            got = b''
            while not re.search(rb'#[0-9a-f]{2}', got):
                part = s.recv(65536)
                assert part, f'connection closed after {got!r}'
                got += part
            s.sendall(b'+')
            return re.search(rb'\$(.*)#', got, re.S).group(1)
        expect(ask(b'qSupported').decode(), 'qXfer:features:read')
        expect(ask(b'qXfer:features:read:target.xml:0,1000').decode(), 'riscv:rv64')
        assert ask(b'?') == b'T05thread:01;'
        assert ask(b'qfThreadInfo') == b'm01,02'
        assert ask(b'p20') == b'0010000000000000'  # pc at the reset vector
        assert ask(b's') == b'T05thread:01;'
        assert ask(b'p20') == b'0410000000000000'
        assert ask(b'Z0,1008,4') == b'OK'
        assert ask(b'c') in (b'T05thread:01;', b'T05thread:02;')  # whichever came first
        assert ask(b'p20') == b'0810000000000000'
        assert ask(b'D') == b'OK'
        assert g.command('info status') == 'VM status: running\n'


def main():
    tests = [(n, f) for n, f in sorted(globals().items()) if n.startswith('test_')]
    print(f'1..{len(tests)}', flush=True)
    failed = 0
    for i, (name, fn) in enumerate(tests, 1):
        try:
            fn()
            print(f'ok {i} {name[5:]}', flush=True)
        except Exception as e:  # pylint: disable=broad-except
            failed += 1
            print(f'not ok {i} {name[5:]}', flush=True)
            for line in f'{type(e).__name__}: {e}'.splitlines():
                print(f'# {line}', flush=True)
    subprocess.run(['rm', '-rf', DIR], check=False)
    return failed > 0


sys.exit(main())

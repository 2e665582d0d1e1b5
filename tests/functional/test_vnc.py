# SPDX-License-Identifier: GPL-2.0-or-later
"""VNC: pictures equal to screendump's, passwords, typing and pointing from a viewer of our own."""
import os
import socket
import struct

import rfb
from guests import bare_program
from harness import Failure, case, check, not_on_peer, until
from test_monitor import Monitor
from test_qmp import Client
from test_screen import PROMPT, Screen, read_ppm


class Served:
    """The payload that shows a picture by ramfb, a monitor, a server."""

    def __init__(self, b, *more, vnc=""):
        mon, self.sock, self.file = b.tmp / "mon", str(b.tmp / "vnc"), b.tmp / "picture.ppm"
        self.m = b.machine("-bios", "none", "-kernel", bare_program(b, "ramfb"), "-device", "ramfb", "-monitor",
                           f"unix:{mon},server=on,wait=off", "-vnc", f"unix:{self.sock}{vnc}", *more)
        self.mon = Monitor(self.m, mon)
        self.m.expect("shown")

    def dump(self):
        self.mon.ask(f"screendump {self.file}")
        return read_ppm(self.file)

    def change(self):
        self.m.send("x")
        self.m.expect("again")


@case()
def test_vnc_picture(b):
    """what a viewer shows is what screendump has, at first and after changes; several viewers, one of which hangs"""
    s = Served(b)
    first, second, sleeper = (rfb.Viewer(s.sock) for _ in range(3))
    check(first.name.startswith("Lyrebird"), first.name)
    sleeper.ask()               # and never reads
    for _ in range(3):
        first.until(s.dump, "the picture")
        second.until(s.dump, "the picture")
        s.change()
    first.close()
    second.until(s.dump, "the last picture")


def is_let_in(s, password):
    try:
        rfb.Viewer(s.sock, password=password).close()
        return True
    except rfb.Refused:
        return False


@case()
def test_vnc_password(b):
    """nobody is let in before there is a password, with another one, or when it has ended; info vnc and query-vnc"""
    not_on_peer("other messages")
    s = Served(b, vnc=",password=on")
    check(not is_let_in(s, "") and not is_let_in(s, "secret") and not is_let_in(s, None), "let in without a password")
    check(s.mon.ask("change vnc password secret") == "", "change vnc password")
    check(is_let_in(s, "secret") and not is_let_in(s, "Secret") and not is_let_in(s, "secre") and not is_let_in(s, None),
          "the password does not decide")
    s.mon.ask("set_password vnc longerthaneight keep")
    check(is_let_in(s, "longerth") and not is_let_in(s, "secret"), "eight bytes do not count")
    viewer = rfb.Viewer(s.sock, password="longerth")
    s.mon.ask("expire_password vnc now")
    check(not is_let_in(s, "longerth"), "let in with a password that has ended")
    s.mon.ask("expire_password vnc +1000")
    check(is_let_in(s, "longerth"), "not let in")
    viewer.until(s.dump, "the picture")     # who was there has stayed
    text = s.mon.ask("info vnc")
    check(f"default:\n  Server: :{s.sock} (unix)\n    Auth: vnc (Sub: none)\n  Client: : (unix)\n    x509_dname: none\n    sasl_username: none" in text.replace("\r", ""), text)
    check(s.mon.ask("set_password vnc other -d default keep") == "" and is_let_in(s, "other"), "-d default")
    check(s.mon.ask("expire_password vnc now -d default") == "" and not is_let_in(s, "other"), "-d default")
    for line, said in (("set_password vnc x -d no", "there is no VNC server 'no'"), ("expire_password vnc now -d", "expire_password vnc TIME"),
                       ("set_password spice x", "SPICE is not in use"), ("set_password vnc x fail", "Invalid parameter 'connected'"),
                       ("expire_password vnc soon", "is no time"), ("change cd x", "write change vnc password")):
        check(said in s.mon.ask(line), line)
    s.m.stop()
    s = Served(b, "-object", "secret,id=word,data=from-a-secret", vnc=",password-secret=word")
    check(is_let_in(s, "from-a-s") and not is_let_in(s, "") and not is_let_in(s, None), "the secret is not the password")
    code, _, said = b.run("-M", "virt", "-device", "ramfb", "-vnc", "unix:no,password-secret=none")
    check(code == 1 and "none" in said, f"{code} {said}")


@case()
def test_vnc_size(b):
    """a size that comes between what a viewer is told at first and its list of encodings is told again; who follows no changes has
    the size of now at first"""
    not_on_peer("another size at first")
    sock, mon = str(b.tmp / "vnc"), b.tmp / "mon"
    m = b.machine("-bios", "none", "-kernel", bare_program(b, "ramfb"), "-device", "ramfb", "-S", "-monitor",
                  f"unix:{mon},server=on,wait=off", "-vnc", f"unix:{sock}")
    monitor = Monitor(m, mon)
    early = rfb.Viewer(sock, encodings=())
    check((early.width, early.height) == (640, 480), "a size before there is a picture")
    monitor.ask("cont")
    m.expect("shown")
    late = rfb.Viewer(sock, encodings=(rfb.RAW,))       # it is let in: so the server has seen the new size
    check((late.width, late.height) == (64, 48), f"{late.width} by {late.height}")
    early.choose((rfb.RAW, rfb.RESIZE))
    early.ask(True)
    early.update()
    check((early.width, early.height) == (64, 48), f"told {early.width} by {early.height}")


@case()
def test_vnc_hostile(b):
    """viewers that send rubbish, half a message or too much are sent away, and the others stay"""
    s = Served(b)
    good = rfb.Viewer(s.sock)
    for rubbish in (b"\xff" * 64, b"\xff\x07" + bytes(30), bytes([2, 0]) + b"\xff\xff" + bytes(100), b"\x06\0\0\0\x7f\xff\xff\xff",
                    struct.pack(">BBHHHH", 3, 0, 65535, 65535, 65535, 65535), bytes([251, 0]) + b"\xff" * 6, bytes([200])):
        bad = rfb.Viewer(s.sock)
        bad.sock.sendall(rubbish)
        bad.close()
    good.until(s.dump, "the picture")


@case()
def test_vnc_encodings(b):
    """viewers of all encodings get an update, ask for another size, see changes, and go in the middle"""
    s = Served(b)
    good = rfb.Viewer(s.sock)
    for encoding in (2, 4, 5, 6, 7, 8, 9, 10, 15, 16, 17):
        v = rfb.Viewer(s.sock, encodings=(encoding, 1, 0, -32, -223, -224, -232, -239, -240, -250, -257, -258, -308, -261))
        v.sock.sendall(struct.pack(">BxHHBxIHHHHI", 251, 800, 600, 1, 7, 0, 0, 800, 600, 0))
        v.ask()
        check(v.take(4)[0] == 0, f"encoding {encoding}: no update")
        s.change()
        v.ask(True)
        v.close()
    good.until(s.dump, "the picture")


def follow(v, wanted):
    """Take changes only, until the picture is that."""
    for _ in range(200):
        if v.shows() == wanted():
            return
        v.update()
        v.ask(True)
    check(False, "the viewer never shows what has scrolled")


def drawing(b):
    """A machine that draws what it is told, the socket of its server, and what takes its picture."""
    mon, sock, file = b.tmp / "mon", str(b.tmp / "vnc"), b.tmp / "picture.ppm"
    m = b.machine("-bios", "none", "-kernel", bare_program(b, "drawing"), "-device", "bochs-display,addr=1", "-monitor",
                  f"unix:{mon},server=on,wait=off", "-vnc", f"unix:{sock}")
    monitor = Monitor(m, mon)
    m.expect("shown")

    def dump():
        check("Error" not in monitor.ask(f"screendump {file}"), "screendump")
        return read_ppm(file)

    return m, sock, dump


@case(limit=240)
def test_vnc_scroll(b):
    """to a viewer that takes copies less is sent of what scrolls by; it shows screendump's picture, as one that takes none does"""
    m, sock, dump = drawing(b)
    plain, copies = rfb.Viewer(sock), rfb.Viewer(sock, encodings=(rfb.RAW, rfb.COPY, rfb.RESIZE))
    for v in (plain, copies):
        v.until(dump, "the picture")
        v.ask(True)
    before = {v: v.sent for v in (plain, copies)}
    for _ in range(5):
        for byte in "s.":               # scrolls at least once, and then stands still (drawing.S)
            m.send(byte)
            m.expect("!")
        for v in (copies, plain):
            follow(v, dump)
    check(copies.copied > 0 and plain.copied == 0, f"{copies.copied} and {plain.copied} pixels copied")
    shreds = rfb.Viewer(sock, encodings=(rfb.RAW, rfb.COPY, rfb.RESIZE))
    shreds.until(dump, "the picture")
    for n in range(4000):               # asks for more pieces than the library has room for copies of
        shreds.ask_for(n % 80 * 4, n // 80 * 4, 2, 2)
    shreds.ask(True)
    for byte in "s.":
        m.send(byte)
        m.expect("!")
    for v in (shreds, plain):
        follow(v, dump)
    check(copies.sent - before[copies] < plain.sent - before[plain], "copies save nothing")


@case(limit=120)
def test_vnc_storm(b):
    """sizes that change by the hundred, viewers that leave in a picture or never read, dumps: who stays has the last picture"""
    not_on_peer("its viewers are told late of another size")
    m, sock, dump = drawing(b)
    def say(byte):
        m.send(byte)
        m.expect("!")

    stays, copies = rfb.Viewer(sock), rfb.Viewer(sock, encodings=(rfb.RAW, rfb.COPY, rfb.RESIZE))
    deaf = [rfb.Viewer(sock) for _ in range(3)]
    for v in deaf:
        v.ask(True)
    sizes = set()
    for n in range(30):
        say("zvs"[n % 3])
        sizes.add(dump()[:2])
        leaves = rfb.Viewer(sock, encodings=(rfb.RAW, rfb.COPY, rfb.RESIZE))
        leaves.ask(True)
        leaves.take(16 + n)             # some of it
        leaves.close()
        for v in (stays, copies):
            v.ask(n % 2)
            v.update()
    check(len(sizes) > 5, f"sizes {sizes}")
    say(".")
    for v in (stays, copies):
        v.until(dump, "the picture")
    deaf[0].until(dump, "the picture of who begins to read")


@case()
def test_vnc_both_ways(b):
    """a viewer that types without reading, in the middle of 64 MB of a large text console, is not dropped, and holds up nobody"""
    not_on_peer("other consoles")
    sock = str(b.tmp / "vnc")
    b.machine("-monitor", "vc:512Cx256C", "-vnc", f"unix:{sock}", "-S", serial=False).socket(sock)
    typist = rfb.Viewer(sock)
    typist.ask()
    typist.update()
    typist.ask(True)
    until_size(typist, (4096, 4096))
    typist.ask()
    for _ in range(3):                  # more than the sockets between them hold
        typist.type("help" * 500)
    other = rfb.Viewer(sock)            # meanwhile: its own picture, all of it
    until_size(other, (4096, 4096))
    other.type("\n")
    typist.update()
    check((typist.width, typist.height) == (4096, 4096), "another size")
    typist.type("info status\n")
    typist.ask(True)
    typist.update()


def until_size(v, size):
    v.ask()
    while (v.width, v.height) != size:
        v.update()
        v.ask(True)


@case()
def test_vnc_events(b):
    """programs are told who has connected, was let in and has gone, and see who is there"""
    not_on_peer("other messages")
    qmp = b.tmp / "qmp"
    s = Served(b, "-qmp", f"unix:{qmp},server=on,wait=off", vnc=",password=on")
    c = Client(str(qmp))
    c.ask("change-vnc-password", password="secret")
    server = {"host": "", "service": s.sock, "family": "unix", "websocket": False, "auth": "vnc"}
    client = {"host": "", "service": "", "family": "unix", "websocket": False}

    def told(*names):
        while len(c.events) < len(names):
            c.ask("query-status")
        check(c.events == [(name, {"server": server, "client": client}) for name in names], f"told {c.events}")
        c.events.clear()
    check(not is_let_in(s, "wrong"), "let in")
    told("VNC_CONNECTED", "VNC_DISCONNECTED")
    v = rfb.Viewer(s.sock, password="secret")
    told("VNC_CONNECTED", "VNC_INITIALIZED")
    check(c.ask("query-vnc-servers") == [{"id": "default", "server": [server], "clients": [client], "auth": "vnc"}], "who is there")
    v.close()
    told("VNC_DISCONNECTED")
    check(c.ask("query-vnc")["clients"] == [], "somebody is there")


def hung_up(v):
    """Does the server end the connection?  What it still sends is read."""
    try:
        while v.sock.recv(65536):
            pass
        return True
    except (TimeoutError, ConnectionError) as e:
        return isinstance(e, ConnectionError)


@case()
def test_vnc_share(b):
    """who asks to be alone sends the others away, unless share= says otherwise; connections= is the most that there are"""
    for share, alone in (("allow-exclusive", True), ("force-shared", False), ("ignore", False)):
        s = Served(b, vnc=f",share={share}")
        first = rfb.Viewer(s.sock)
        second = rfb.Viewer(s.sock, shared=False)
        second.until(s.dump, "the picture")
        if alone:
            check(hung_up(first), "the first viewer is not sent away")
        else:
            first.until(s.dump, "the picture")
        s.m.stop()
        os.unlink(s.sock)
    not_on_peer("other messages")
    s = Served(b, vnc=",connections=2")
    first, second = rfb.Viewer(s.sock), rfb.Viewer(s.sock)
    with socket.socket(socket.AF_UNIX) as third:
        third.settimeout(20)
        third.connect(s.sock)
        check(third.recv(1) == b"", "a third viewer is let in")
    first.close()

    def let_in():
        try:
            rfb.Viewer(s.sock).close()
            return True
        except (Failure, ConnectionError):      # the server has not seen yet that the first one has gone
            return False
    until("room for another", let_in)
    second.until(s.dump, "the picture")


def tight_kinds(v):
    """Whether the next update has rectangles in JPEG: by the first one, which is all of a small picture."""
    kind = first_encoding(v)
    check(kind == 7, f"encoding {kind}")
    return v.take(1)[0] >> 4 == 9


def first_encoding(v):
    """Of the next update's first rectangle."""
    v.ask()
    check(v.take(1)[0] == 0 and v.take(3), "no update")
    return struct.unpack(">HHHHi", v.take(12))[4]


@case()
def test_vnc_lossy(b):
    """a viewer that asks for JPEG or wavelets gets them with lossy=on only"""
    for option, jpeg in (("", False), (",lossy=off", False), (",lossy=on", True)):
        sock = str(b.tmp / "vnc")
        m = b.machine("-bios", "none", "-kernel", bare_program(b, "drawing"), "-device", "bochs-display,addr=1", "-vnc",
                      f"unix:{sock}{option}")
        m.expect("shown")
        m.send("v")
        m.expect("!")
        v = rfb.Viewer(sock, encodings=(7, -32))
        check(tight_kinds(v) == jpeg, f"{option}: JPEG is {'not ' if jpeg else ''}sent")
        check(first_encoding(rfb.Viewer(sock, encodings=(17, 16))) == (17 if jpeg else 16), f"{option}: another encoding")
        m.stop()
        os.unlink(sock)


@case()
def test_vnc_power(b):
    """with power-control=on a viewer presses the power button and resets the machine; else it is not told that it may, and may not"""
    not_on_peer("other messages")
    for option in ("", ",power-control=on"):
        qmp = str(b.tmp / "qmp")
        s = Served(b, "-qmp", f"unix:{qmp},server=on,wait=off", vnc=option)
        c = Client(qmp)
        v = rfb.Viewer(s.sock, encodings=(rfb.RAW, rfb.XVP))
        v.until(s.dump, "the picture")
        if option:
            check(v.xvp == bytes([1, 1]), f"told {v.xvp}")
            v.power(3)
            v.ask()
            v.update()
            check(v.xvp == bytes([1, 0]), f"a reboot is answered by {v.xvp}")
            v.power(2)
            c.event("POWERDOWN")
            v.power(4)
            check(c.event("RESET")["guest"] is False, "who has reset it?")
            s.m.expect("shown")
        else:
            check(v.xvp is None, "told of what may not be")
            v.power(4)
            rfb.Viewer(s.sock).until(s.dump, "the picture")
            c.ask("query-status")
            check(not [e for e in c.events if e[0] in ("RESET", "POWERDOWN")], f"events {c.events}")
        s.m.stop()
        os.unlink(s.sock)
        os.unlink(qmp)


def answers(port):
    """Does a server of this protocol listen there?"""
    try:
        with socket.create_connection(("127.0.0.1", port), 5) as s:
            return s.recv(4) == b"RFB "
    except OSError:
        return False


@case()
def test_vnc_tcp(b):
    """TCP on the next display that is free, and messages for what cannot be"""
    not_on_peer("other messages")
    m = b.machine("-bios", "none", "-kernel", bare_program(b, "ramfb"), "-device", "ramfb", "-vnc",
                  "127.0.0.1:700,to=800")
    m.expect("shown")
    port = next(n for n in range(6600, 6701) if answers(n))
    rfb.Viewer(("127.0.0.1", port)).close()
    sock = str(b.tmp / "as-display")
    m = b.machine("-bios", "none", "-kernel", bare_program(b, "ramfb"), "-device", "ramfb", "-display",
                  f"vnc=unix:{sock},share=ignore")
    m.expect("shown")
    rfb.Viewer(sock).close()
    for value, said in (("vnc", "requires a display argument"), ("vnc=:0,foo=1", "foo")):
        code, _, err = b.run("-M", "virt", "-bios", "none", "-device", "ramfb", "-display", value)
        check(code == 1 and said in err, f"-display {value}: {err}")
    for value, said in (("x", "no vnc port specified"), (":99999", "number"), (":0,foo=1", "foo"), (":3,to=2", "to=2"),
                        (":0,display=nosuch", "nosuch"), (":0,share=x", "share")):
        code, _, err = b.run("-M", "virt", "-bios", "none", "-display", "none", "-device", "ramfb", "-vnc", value)
        check(code == 1 and said in err, f"-vnc {value}: {err}")


@case(limit=240)
def test_vnc_typing(b):
    """characters, keys by place and the pointer of a viewer reach Debian"""
    s = Screen(b, "-device", "virtio-gpu-pci", "-device", "virtio-keyboard-pci", "-device", "virtio-tablet-pci", "-vnc",
               f"unix:{b.tmp / 'vnc'}")
    v = rfb.Viewer(str(b.tmp / "vnc"), encodings=(rfb.RAW, rfb.RESIZE, rfb.EXTENDED_KEYS, rfb.POINTER_MODE))
    v.type("echo 'Typed: {~!@#}' >/dev/ttyS0\n")
    s.m.expect(r"Typed: \{~!@#\}", 60)
    v.key(0xffe1, True)         # a viewer that sends Shift, too
    v.type("ECHO")
    v.key(0xffe1, False)
    v.type(" || echo Held >/dev/ttyS0\n")
    s.m.expect("Held", 60)
    for number in (0x12, 0x2e, 0x23, 0x18, 0x39, 0x02, 0x03, 0x39):     # "echo 12 "
        v.place(number, True)
        v.place(number, False)
    v.type(">/dev/ttyS0\n")
    s.m.expect(r"\n12\r?\n", 60)
    v.ask()
    for _ in range(3):          # two that say what the server knows, and a picture
        v.update()
    check((rfb.EXTENDED_KEYS, 0) in v.told and (rfb.POINTER_MODE, 1) in v.told, f"told {v.told}")
    s.m.command("e=$(for e in /sys/class/input/event*; do grep -q Tablet $e/device/name && echo ${e##*/}; done)", PROMPT)
    s.m.send('exec 3</dev/input/$e; echo "op"en; dd bs=24 count=3 <&3 2>/dev/null | od -An -tx2 | tr -s " \\n" " "\n')
    s.m.expect("open")
    v.point(0, v.width - 1, v.height // 2)
    s.m.expect(r"0003 0000 7fff 0000 .*0003 0001 4[0-9a-f]{3} 0000", 60)
    s.m.send("poweroff -f\n")
    s.m.expect_exit(0, 30)


@case(limit=240)
def test_vnc_flood(b):
    """500 characters at once reach Debian, all and in order, whether it runs or stands meanwhile; of a flood that it does not read
    no key stays pressed, memory has a bound, and the viewer that sent it sees what comes behind"""
    not_on_peer("it keeps 1024 events")
    sock, qmp = str(b.tmp / "vnc"), b.tmp / "qmp"
    s = Screen(b, "-device", "virtio-gpu-pci,id=screen", "-device", "virtio-keyboard-pci", "-qmp", f"unix:{qmp},server=on,wait=off", "-vnc",
               f"unix:{sock},key-delay-ms=0")
    c, v = Client(str(qmp)), rfb.Viewer(sock)
    text = "".join(chr(ord("a") + n * n % 26) + str(n % 10) for n in range(250))
    for stands in (False, True):
        if stands:
            c.ask("stop")
        v.type(f"echo {text} >/dev/ttyS0\n")
        if stands:
            sync(v)
            c.ask("cont")
        s.m.expect(text, 60)
    c.ask("stop")
    before = resident(s.m)
    v.type("x" * 100000)
    sync(v)
    check(resident(s.m) - before < 8 << 20, f"{resident(s.m) - before} bytes for a flood")
    press = {"type": "key", "data": {"down": True, "key": {"type": "qcode", "data": "y"}}}
    c.fails("input-send-event", "GenericError", "the guest has not read those that came before", device="screen", events=[press, press])
    c.ask("cont")
    until("the shell on the screen reads again", lambda: shell_answers(s, v), 120)
    s.m.send("poweroff -f\n")
    s.m.expect_exit(0, 30)


def shell_answers(s, v):
    """Ctrl-C, for it is in a line of the flood; then a command whose work is seen."""
    v.key(0xffe3, True)
    v.type("c")
    v.key(0xffe3, False)
    v.type("\necho >/tmp/alive\n")
    return "alive" in s.m.command("sleep 1; ls /tmp", PROMPT)


def sync(v):
    """The server has read all that the viewer has sent: it answers."""
    v.ask()
    v.update()


def resident(m):
    """Bytes of memory that the emulator has."""
    with open(f"/proc/{m.proc.pid}/statm", encoding="ascii") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

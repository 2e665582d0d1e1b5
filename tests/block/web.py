# SPDX-License-Identifier: GPL-2.0-or-later
"""A web server on loopback for tests of disks: with ranges, and with every fault that a test asks for."""
import base64
import contextlib
import http.server
import re
import ssl
import subprocess
import threading

DATE = 'Mon, 01 Jan 2024 00:00:00 GMT'


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, *args):
        pass

    def do_HEAD(self):
        self.answer(body=False)

    def do_GET(self):
        self.answer(body=True)

    def say(self, status, headers, data=b''):
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != 'HEAD':      # what has no place there, a client may take for the next answer, or not, as it comes
            self.wfile.write(data)

    def answer(self, body):
        web, wanted = self.server.web, self.headers.get('Range')
        with web.lock:
            web.requests.append((self.command, self.path, wanted, dict(self.headers)))
            fault = web.fault
        if fault:
            self.close_connection = fault(self, wanted) != 'go on'
            if self.close_connection:
                return
        self.plain(wanted, body)

    def plain(self, wanted, body=True, **more):
        """As it should be; more: headers that are other than that."""
        data = self.server.web.files.get(self.path.split('?')[0])
        if data is None:
            self.say(404, {'Content-Length': '0'})
            return
        headers, status = {'Accept-Ranges': 'bytes', 'Last-Modified': DATE}, 200
        m = re.fullmatch(r'bytes=(\d+)-(\d+)', wanted or '')
        if m:
            first, last = int(m[1]), min(int(m[2]), len(data) - 1)
            if first >= len(data):
                self.say(416, {'Content-Range': f'bytes */{len(data)}', 'Content-Length': '0'})
                return
            headers['Content-Range'] = f'bytes {first}-{last}/{len(data)}'
            data, status = data[first:last + 1], 206
        headers['Content-Length'] = str(len(data))
        headers.update({name.replace('_', '-'): value for name, value in more.items()})
        self.say(status, {n: v for n, v in headers.items() if v is not None}, data if body else b'')


class Web:
    """files: bytes by path; fault: called with the handler and the range before an answer: 'go on', or it has answered."""

    def __init__(self, tls=None):
        self.files, self.fault, self.requests, self.lock = {}, None, [], threading.Lock()
        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.server.daemon_threads = True
        self.server.web = self
        self.server.handle_error = lambda *args: None  # a client that goes away
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"{'https' if tls else 'http'}://localhost:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def ranges(self):
        with self.lock:
            return [r for _, _, r, _ in self.requests if r]

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@contextlib.contextmanager
def web(**files):
    w = Web(files.pop('tls', None))
    w.files = {'/' + name: data for name, data in files.items()}
    try:
        yield w
    finally:
        w.close()


def certificate(name, host='localhost'):
    """(certificate, key), signed by itself; made now."""
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-keyout', f'{name}.key', '-out', f'{name}.crt',
                    '-subj', f'/CN={host}', '-addext', f'subjectAltName=DNS:{host}'], check=True, capture_output=True)
    return f'{name}.crt', f'{name}.key'


def basic(user, password):
    return 'Basic ' + base64.b64encode(f'{user}:{password}'.encode()).decode()

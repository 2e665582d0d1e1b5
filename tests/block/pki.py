# SPDX-License-Identifier: GPL-2.0-or-later
"""Certificates and keys for tests of TLS, made by certtool (package gnutls-bin)."""
import datetime
import os
import shutil
import subprocess


def tool(*argv, **more):
    p = subprocess.run([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=120, **more)
    assert p.returncode == 0, f'{argv}: {p.stdout}'


def private_key(path):
    tool('certtool', '--generate-privkey', '--key-type=ecdsa', '--no-text', '--outfile', path)


class Authority:
    """One that vouches for others, in a folder of its own."""

    def __init__(self, folder, name='Test authority', lines=()):
        os.mkdir(folder)
        self.folder, self.made = folder, 0
        private_key(f'{folder}/ca-key.pem')
        with open(f'{folder}/ca.info', 'w', encoding='ascii') as f:
            f.write('\n'.join([f'cn = {name}', 'ca', 'cert_signing_key', 'crl_signing_key', 'expiration_days = 30', *lines]))
        tool('certtool', '--generate-self-signed', '--load-privkey', f'{folder}/ca-key.pem', '--template', f'{folder}/ca.info', '--outfile', f'{folder}/ca-cert.pem')

    def vouch(self, to, who, *lines, name='localhost', days=None):
        """WHO-cert.pem and WHO-key.pem in the folder `to`, with ca-cert.pem; days: (from, until) from today."""
        self.made += 1
        os.makedirs(to, exist_ok=True)
        shutil.copy(f'{self.folder}/ca-cert.pem', to)
        private_key(f'{to}/{who}-key.pem')
        info = f'{self.folder}/{self.made}.info'
        now = datetime.datetime.now()
        times = ['expiration_days = 30'] if days is None else [
            f'{key}_date = "{now + datetime.timedelta(days=d):%Y-%m-%d %H:%M:%S}"' for key, d in zip(('activation', 'expiration'), days)]
        with open(info, 'w', encoding='ascii') as f:
            f.write('\n'.join([f'cn = {name}', 'signing_key', *times, *lines]))
        tool('certtool', '--generate-certificate', '--load-ca-certificate', f'{self.folder}/ca-cert.pem', '--load-ca-privkey', f'{self.folder}/ca-key.pem',
             '--load-privkey', f'{to}/{who}-key.pem', '--template', info, '--outfile', f'{to}/{who}-cert.pem')

    def revoke(self, cert, crl):
        info = f'{self.folder}/crl.info'
        with open(info, 'w', encoding='ascii') as f:
            f.write('crl_next_update = 30\ncrl_number = 1\n')
        tool('certtool', '--generate-crl', '--load-ca-privkey', f'{self.folder}/ca-key.pem', '--load-ca-certificate', f'{self.folder}/ca-cert.pem',
             '--load-certificate', cert, '--template', info, '--outfile', crl)


SERVER = ('tls_www_server', 'dns_name = localhost', 'ip_address = 127.0.0.1')
CLIENT = ('tls_www_client',)

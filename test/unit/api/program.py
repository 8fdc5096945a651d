"""program.py: an altod of its own folder and port, and requests to it."""
import http.client
import json
import os
import shutil
import signal
import ssl
import subprocess
import tempfile
import urllib.parse

ALTOD = None  # set by the test


class Altod:
    def __init__(self, *options, data=None, listen="127.0.0.1:0", expect_ready=True):
        self.folder = data or tempfile.mkdtemp(prefix="alto-altod-")
        self.own = data is None
        read, write = os.pipe()
        self.process = subprocess.Popen(
            [ALTOD, "--data", self.folder, "--listen", listen, "--ready-fd", str(write), *options], pass_fds=[write],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd="/")
        os.close(write)
        with os.fdopen(read) as ready:
            line = ready.readline()
        self.url = line.removeprefix("ready ").strip()
        self.out = self.err = ""
        if expect_ready and not line.startswith("ready http"):
            self.wait()
            raise AssertionError("altod does not start: " + self.err)

    def wait(self, seconds=15):
        out, err = self.process.communicate(timeout=seconds)
        self.out, self.err = self.out + out.decode(), self.err + err.decode()
        return self.process.returncode

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        status = self.wait()
        if self.own:
            shutil.rmtree(self.folder)
        return status

    def __enter__(self):
        return self

    def __exit__(self, *why):
        if self.process.poll() is None:
            self.process.kill()
            self.wait()
        if self.own:
            shutil.rmtree(self.folder, ignore_errors=True)

    def connect(self, timeout=15):
        u = urllib.parse.urlsplit(self.url)
        if u.scheme == "https":
            context = ssl.create_default_context(cafile=os.path.join(self.folder, "tls", "cert.pem"))
            return http.client.HTTPSConnection(u.hostname, u.port, timeout=timeout, context=context)
        return http.client.HTTPConnection(u.hostname, u.port, timeout=timeout)

    def ask(self, method, path, body=None, token=None, headers=None):
        """Status, headers, and the JSON (or None) of the answer."""
        headers = dict(headers or {})
        if token:
            headers["Authorization"] = "Bearer " + token
        if isinstance(body, (dict, list)):
            body, headers["Content-Type"] = json.dumps(body), "application/json"
        connection = self.connect()
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            text = answer.read()
            kind = answer.headers.get("Content-Type", "")
            return answer.status, answer.headers, json.loads(text) if "json" in kind else text
        finally:
            connection.close()

    def log_in(self, name, password):
        status, headers, session = self.ask("POST", "/api/v1/session", {"name": name, "password": password})
        assert status == 200, session
        return session["token"]


def with_password(*options, **named):
    """A first start; the operator's password comes from its file."""
    folder = tempfile.mkdtemp(prefix="alto-password-")
    path = os.path.join(folder, "password")
    try:
        altod = Altod("--password-file", path, *options, **named)
        with open(path) as f:
            return altod, f.read().strip()
    finally:
        shutil.rmtree(folder)

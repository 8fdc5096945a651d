#!/usr/bin/python3
"""altod as a program: options, data folder, first password, TLS, stopping. Its path is the first argument."""
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time

import program
from program import Altod, with_password
from tap import run_all

program.ALTOD = os.path.abspath(sys.argv[1])


def usage(*options):
    done = subprocess.run([program.ALTOD, *options], capture_output=True, text=True, timeout=15)
    return done.returncode, done.stdout, done.stderr


def test_help_and_version_go_to_standard_output():
    code, out, err = usage("--help")
    assert code == 0 and "--tls-self-signed" in out and err == ""
    code, out, err = usage("--version")
    assert code == 0 and out.startswith("altod ") and err == ""


def test_wrong_usage_ends_with_2_and_a_sentence():
    for options, word in [((), "--data"), (("--data",), "needs a value"), (("--nothing", "x"), "no option"),
                          (("--data", "/tmp/x", "--listen", "localhost:1"), "numeric"), (("--data", "/tmp/x", "--listen", "1.2.3.4"), "address"),
                          (("--data", "/tmp/x", "--listen", "127.0.0.1:99999"), "address"), (("--data", "/tmp/x", "--workers", "0"), "1 to 64"),
                          (("--data", "/tmp/x", "--log-level", "loud"), "debug"), (("--help=1",), "no value"),
                          (("--data", "/tmp/x", "--tls-cert", "c"), "belong together"),
                          (("--data", "/tmp/x", "--tls-cert", "c", "--tls-key", "k", "--tls-self-signed"), "either")]:
        code, out, err = usage(*options)
        assert code == 2 and word in err and out == "", (options, code, err)


def test_an_address_that_others_reach_needs_tls():
    for address in ("0.0.0.0:0", "[::]:0", ":0", "192.0.2.1:8420", "[2001:db8::1]:8420"):
        with tempfile.TemporaryDirectory() as folder:
            code, out, err = usage("--data", folder + "/d", "--listen", address)
            assert code == 2 and "--tls-self-signed" in err and out == "", (address, code, err)
            assert not os.path.exists(folder + "/d")
    with Altod(listen="[::1]:0") if has_v6() else Altod() as altod:
        assert altod.ask("GET", "/api/v1/health")[0] == 200
    with Altod("--tls-self-signed", listen="0.0.0.0:0") as altod:
        assert altod.url.startswith("https://0.0.0.0:")


def has_v6():
    try:
        with socket.socket(socket.AF_INET6) as s:
            s.bind(("::1", 0))
        return True
    except OSError:
        return False


def test_the_first_start_prints_a_password_once():
    with tempfile.TemporaryDirectory() as folder:
        with Altod(data=folder + "/d") as altod:
            assert altod.stop() == 0
            password = [line.strip() for line in altod.out.splitlines() if line.startswith("    ")]
            assert len(password) == 1 and len(password[0]) >= 20, altod.out
            assert password[0] not in altod.err
        with Altod(data=folder + "/d") as altod:
            assert altod.log_in("admin", password[0])
            assert altod.stop() == 0 and altod.out == ""


def test_the_password_file_is_private_and_never_replaces_one():
    with tempfile.TemporaryDirectory() as folder:
        with Altod("--password-file", folder + "/p", data=folder + "/d") as altod:
            assert os.stat(folder + "/p").st_mode & 0o777 == 0o600
            with open(folder + "/p") as f:
                password = f.read().strip()
            assert altod.log_in("admin", password)
            assert altod.stop() == 0 and altod.out == "" and password not in altod.err
        with Altod("--password-file", folder + "/p", data=folder + "/e") as altod:
            altod.stop()
            with open(folder + "/p") as f:
                assert f.read().strip() == password
            assert "First start" in altod.out and "cannot write" in altod.err


def test_the_data_folder_is_made_private():
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(folder + "/d", 0o755)
        with Altod(data=folder + "/d") as altod:
            altod.stop()
        assert os.stat(folder + "/d").st_mode & 0o777 == 0o700
        for name in ("alto.db", "seal.key"):
            assert os.stat(os.path.join(folder, "d", name)).st_mode & 0o077 == 0, name


def test_two_altod_do_not_share_a_folder():
    with Altod() as first:
        with Altod(data=first.folder, expect_ready=False) as second:
            assert second.wait() == 1 and "another altod" in second.err, second.err
        assert first.ask("GET", "/api/v1/health")[0] == 200


def test_a_taken_port_does_not_use_up_the_first_password():
    with Altod() as first, tempfile.TemporaryDirectory() as folder:
        address = first.url.removeprefix("http://")
        with Altod(data=folder + "/d", listen=address, expect_ready=False) as second:
            assert second.wait() == 1 and "listen" in second.err and second.out == ""
        with Altod(data=folder + "/d") as third:
            third.stop()
            assert "First start" in third.out


def test_its_own_certificate_serves_and_is_kept():
    with tempfile.TemporaryDirectory() as folder:
        with Altod("--tls-self-signed", data=folder) as altod:
            status, headers, body = altod.ask("GET", "/api/v1/health")
            assert status == 200 and headers["Strict-Transport-Security"] == "max-age=31536000"
            for name in ("key.pem", "cert.pem"):
                assert os.stat(os.path.join(folder, "tls", name)).st_mode & 0o077 == 0
            altod.stop()
            password = [line.strip() for line in altod.out.splitlines() if line.startswith("    ")][0]
        with open(folder + "/tls/cert.pem") as f:
            cert = f.read()
        with Altod("--tls-self-signed", data=folder) as altod:
            with open(folder + "/tls/cert.pem") as f:
                assert f.read() == cert
            status, headers, body = altod.ask("POST", "/api/v1/session", {"name": "admin", "password": password})
            assert status == 200 and "; Secure" in headers["Set-Cookie"] and "HttpOnly" in headers["Set-Cookie"]
            host, port = altod.url.removeprefix("https://").rsplit(":", 1)
            with socket.create_connection((host, int(port)), 5) as plain:
                plain.sendall(b"GET /api/v1/health HTTP/1.1\r\nHost: x\r\n\r\n")
                try:
                    assert not plain.recv(100).startswith(b"HTTP/1.1 200")
                except ConnectionError:
                    pass
            old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
            old.set_ciphers("ALL:@SECLEVEL=0")
            old.minimum_version = ssl.TLSVersion.TLSv1
            old.maximum_version = ssl.TLSVersion.TLSv1_1
            try:
                with socket.create_connection((host, int(port)), 5) as s, old.wrap_socket(s):
                    raise AssertionError("TLS 1.1 is taken")
            except (ssl.SSLError, ConnectionError):
                pass


def test_a_certificate_that_does_not_fit_is_told():
    with tempfile.TemporaryDirectory() as folder:
        for name in ("a", "b"):
            with Altod("--tls-self-signed", data=folder + "/" + name) as altod:
                altod.stop()
        cert, key = folder + "/a/tls/cert.pem", folder + "/b/tls/key.pem"
        for options, word in [(("--tls-cert", cert, "--tls-key", key), "fit"), (("--tls-cert", key, "--tls-key", key), "no certificate"),
                              (("--tls-cert", cert, "--tls-key", cert), "no private key"), (("--tls-cert", "/none", "--tls-key", key), "cannot read")]:
            with Altod(*options, data=folder + "/c", expect_ready=False) as altod:
                assert altod.wait() == 1 and word in altod.err, (options, altod.err)
        with Altod("--tls-cert", cert, "--tls-key", folder + "/a/tls/key.pem", data=folder + "/a") as altod:
            assert altod.ask("GET", "/api/v1/health")[0] == 200


def test_it_stops_in_time_with_a_stream_and_a_long_poll_open():
    altod, password = with_password()
    with altod:
        token = altod.log_in("admin", password)
        status, _, customer = altod.ask("POST", "/api/v1/customers", {"name": "Acme"}, token)
        assert status == 201, customer
        _, _, enrol = altod.ask("POST", "/api/v1/customers/%s/enrol-tokens" % customer["id"], {}, token)
        status, _, host = altod.ask("POST", "/api/v1/agent/enrol", {"token": enrol["token"], "name": "srv1", "os": "linux", "version": "1", "boot_id": "b"})
        assert status == 200, host
        stream, poll = altod.connect(), altod.connect()
        stream.request("GET", "/api/v1/events", headers={"Authorization": "Bearer " + token})
        assert stream.getresponse().status == 200
        poll.request("POST", "/api/v1/agent/lease?wait_s=30", json.dumps({"workers": 2, "running": [], "config_version": 0}),
                     {"Authorization": "Bearer %s.%s" % (host["host_id"], host["secret"]), "Content-Type": "application/json"})
        time.sleep(0.5)
        began = time.monotonic()
        altod.process.send_signal(signal.SIGTERM)
        answer = poll.getresponse()
        assert answer.status == 200, answer.read()
        assert altod.wait() == 0
        assert time.monotonic() - began < 5.5


def test_logs_are_lines_of_json_without_secrets():
    altod, password = with_password("--log-format", "json", "--log-level", "debug")
    with altod:
        token = altod.log_in("admin", password)
        altod.ask("GET", "/api/v1/customers/%0ax", token=token)
        altod.ask("GET", "/api/v1/customers/none", token=token)
        assert altod.stop() == 0
        lines = [json.loads(line) for line in altod.err.splitlines()]
        assert {"at", "level", "text"} <= set(lines[0]) and any("GET" in line["text"] for line in lines)
        assert password not in altod.err and token not in altod.err


def test_the_routes_it_prints_are_those_it_has():
    code, out, err = usage("--print-routes")
    assert code == 0 and "GET /api/v1/health health 0 0\n" in out and "POST /api/v1/agent/batch agent_batch 8 " in out


run_all(globals())

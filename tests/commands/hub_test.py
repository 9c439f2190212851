"""`ceiling fit -m hf://...` and `-m URL` as a user would run them, against servers of the test's own."""
import contextlib
import http.server
import json
import pathlib
import ssl
import subprocess
import tempfile
import threading
import unittest

from program import ceiling
from tiny_gguf import keys, write as write_model

MODEL = "tiny-Q4_0.gguf"
WEIGHTS = 64 << 20  # a file whose header is a thousandth of it
HARDWARE = ["fit", "--hardware", "4090", "-c", "64", "-p", "16", "--json", "-m"]


class Hub(http.server.BaseHTTPRequestHandler):
    """A hub: lists of files and files, with ranges unless told otherwise. `seen` are the requests."""
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def answer(self, status, body=b"", kind="application/json", **headers):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(body)

    def do_GET(self):
        server = self.server
        server.seen.append((self.path, self.headers.get("Authorization"), self.headers.get("Range")))
        if self.path.startswith("/api/models/"):
            files = server.lists.get(self.path[len("/api/models/"):])
            if files is None:
                return self.answer(401, b'{"error": "Invalid username or password."}')
            return self.answer(200, json.dumps({"siblings": [{"rfilename": f} for f in files]}).encode())
        name = self.path.split("/resolve/main/")[-1].split("?")[0].strip("/")
        if name in server.redirects:
            return self.answer(302, Location=server.redirects[name])
        if name in server.statuses:
            return self.answer(server.statuses[name], b"no")
        if name not in server.files:
            return self.answer(404, b"Entry not found", "text/plain")
        self.send_file(server.files[name])

    def send_file(self, data):
        length, wanted = len(data), self.headers.get("Range")
        if wanted and self.server.ranges:
            first, last = wanted[len("bytes="):].split("-")
            last = min(int(last), length - 1)
            if int(first) > last:
                return self.answer(416)
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first}-{last}/{length}")
            data = memoryview(data)[int(first): last + 1]
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        for at in range(0, len(data), 1 << 16):
            try:
                self.wfile.write(data[at: at + (1 << 16)])
            except OSError:
                return  # the program hung up: it had enough
            self.server.sent += min(1 << 16, len(data) - at)


class Server:
    def __init__(self, tls=None):
        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
        self.http.daemon_threads = True
        self.http.handle_error = lambda *_: None  # a client that hangs up in its handshake
        for name, value in dict(files={}, lists={}, redirects={}, statuses={}, seen=[], sent=0, ranges=True).items():
            setattr(self.http, name, value)
        if tls:
            self.http.socket = tls.wrap_socket(self.http.socket, server_side=True)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()

    def close(self):
        self.http.shutdown()
        self.http.server_close()


class Remote(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.path = self.folder / MODEL
        write_model(self.path, keys(context=64))
        self.server = self.start()

    def start(self, tls=None):
        server = Server(tls)
        self.addCleanup(server.close)
        return server

    def fit(self, address, **environment):
        return ceiling(*HARDWARE, address, environment={"HF_ENDPOINT": self.server.url, "HF_TOKEN": "", "no_proxy": "*",
                                                        "HF_HUB_OFFLINE": "", **environment})

    def fails(self, code, address, *words, **environment):
        result = self.fit(address, **environment)
        self.assertEqual(result.code, code, result.output + result.errors)
        for word in words:
            self.assertIn(word, result.errors)
        self.assertNotIn("Traceback", result.errors)

    def serve(self, name=MODEL, data=None):
        self.server.http.files[name] = self.path.read_bytes() if data is None else data


class Headers(Remote):
    def test_the_answer_is_that_of_the_whole_file(self):
        self.serve()
        here = ceiling(*HARDWARE, self.path).json()[0]
        for ranges in (True, False):
            self.server.http.ranges = ranges
            there = self.fit(f"{self.server.url}/{MODEL}")
            self.assertEqual(there.code, 0, there.errors)
            answer = there.json()[0]
            self.assertIn(MODEL, answer["inputs"].pop("file"))
            answer["inputs"]["model"] = here["inputs"]["model"]  # where it lies: tiny models have no name
            self.assertEqual(answer, here)

    def test_weights_stay_where_they_are(self):
        self.serve(data=self.path.read_bytes() + bytes(WEIGHTS))
        for ranges in (True, False):
            self.server.http.ranges, self.server.http.sent = ranges, 0
            result = self.fit(f"{self.server.url}/{MODEL}")
            self.assertEqual(result.code, 0, result.errors)
            self.assertIn(" of 64.", result.json()[0]["inputs"]["file"])
            self.assertLess(self.server.http.sent, WEIGHTS / 4)  # what lay in buffers when it hung up

    def test_a_header_longer_than_the_first_pieces(self):
        words = [f"token {i:06}" for i in range(200_000)]
        large = self.folder / "large.gguf"
        write_model(large, {**keys(context=64), "tokenizer.ggml.merges": words})
        self.assertGreater(large.stat().st_size, 3 << 20)
        self.serve("large.gguf", large.read_bytes())
        result = self.fit(f"{self.server.url}/large.gguf")
        self.assertEqual(result.code, 0, result.errors)

    def test_a_model_in_parts(self):
        parts = {}
        for number in (1, 2, 3):
            part = self.folder / f"part{number}.gguf"
            write_model(part, {**keys(context=64), "split.count": 3, "split.no": number - 1}, part=(number - 1, 3))
            parts[f"m-0000{number}-of-00003.gguf"] = part.read_bytes()
        self.server.http.files.update(parts)
        self.server.http.lists["org/m"] = ["README.md", *parts]
        here = ceiling(*HARDWARE, self.path).json()[0]
        for address in ("hf://org/m", f"{self.server.url}/m-00001-of-00003.gguf"):
            there = self.fit(address)
            self.assertEqual(there.code, 0, there.errors)
            self.assertEqual(there.json()[0]["memory"], here["memory"])
        self.fails(2, f"{self.server.url}/m-00002-of-00003.gguf", "one of 3 parts", "-00001-of-00003.gguf")


class Names(Remote):
    def test_a_type_names_the_file(self):
        self.serve()
        self.server.http.lists["org/m-GGUF"] = ["README.md", MODEL, "tiny-Q8_0.gguf", "mmproj-F16.gguf"]
        for address in ("hf://org/m-GGUF:q4_0", f"hf://org/m-GGUF:{MODEL}", f"hf://org/m-GGUF/{MODEL}"):
            result = self.fit(address)
            self.assertEqual(result.code, 0, result.errors)
        self.assertEqual(self.server.http.seen[-1][0], f"/org/m-GGUF/resolve/main/{MODEL}")
        self.fails(2, "hf://org/m-GGUF", "name one", MODEL, "tiny-Q8_0.gguf")
        self.fails(2, "hf://org/m-GGUF:Q5_K_M", "there are", MODEL)

    def test_a_page_of_the_hub_means_its_file(self):
        self.serve()
        result = self.fit(f"{self.server.url}/org/m/blob/main/{MODEL}")
        self.assertEqual(result.code, 0, result.errors)
        self.assertEqual(self.server.http.seen[-1][0], f"/org/m/resolve/main/{MODEL}")

    def test_the_token_goes_to_the_hub_alone(self):
        elsewhere = self.start()
        elsewhere.http.files[MODEL] = self.path.read_bytes()
        self.server.http.redirects[MODEL] = f"{elsewhere.url}/{MODEL}"
        result = self.fit(f"hf://org/m/{MODEL}", HF_TOKEN="hf_secret")
        self.assertEqual(result.code, 0, result.errors)
        self.assertEqual(self.server.http.seen[-1][1], "Bearer hf_secret")
        self.assertIsNone(elsewhere.http.seen[-1][1])
        result = self.fit(f"{elsewhere.url}/{MODEL}", HF_TOKEN="hf_secret")
        self.assertEqual(result.code, 0, result.errors)
        self.assertIsNone(elsewhere.http.seen[-1][1])
        self.assertNotIn("hf_secret", result.output + result.errors)


class WhatGoesWrong(Remote):
    def test_statuses(self):
        self.server.http.statuses.update({"gated.gguf": 403, "busy.gguf": 429, "broken.gguf": 503})
        url = self.server.url
        self.fails(1, f"{url}/none.gguf", "404", "check the name")
        self.fails(1, "hf://org/none", "401", "no such repository", "HF_TOKEN")
        self.fails(1, f"{url}/gated.gguf", "403", "set HF_TOKEN")
        self.fails(1, f"{url}/gated.gguf", "403", "HF_TOKEN has no access", HF_TOKEN="hf_x")
        self.fails(1, f"{url}/busy.gguf", "429", "wait")
        self.fails(1, f"{url}/broken.gguf", "503")

    def test_what_is_no_model(self):
        self.serve("page.gguf", b"<!doctype html><title>Sign in</title>")
        self.serve("empty.gguf", b"")
        whole = self.path.read_bytes()
        self.serve("short.gguf", whole[:200])
        self.serve("cut.gguf", whole[: len(whole) // 4])  # the header is there, and not all weights
        self.serve("many.gguf", b"GGUF" + (3).to_bytes(4, "little") + b"\xff" * 16 + bytes(WEIGHTS))
        self.server.http.lists["org/none"] = ["README.md"]
        url = self.server.url
        self.fails(4, f"{url}/page.gguf", "is not a GGUF file")
        self.fails(4, f"{url}/empty.gguf", "empty")
        self.fails(4, f"{url}/short.gguf", "truncated or damaged")
        self.fails(4, f"{url}/cut.gguf", "cut off")
        self.fails(4, f"{url}/many.gguf")
        self.fails(2, "hf://org/none", "holds no GGUF file")

    def test_addresses(self):
        self.fails(2, "hf://org", "OWNER/NAME")
        self.fails(2, "https://name:password@127.0.0.1/x.gguf", "HF_TOKEN")
        self.fails(2, f"hf://org/m/{MODEL}", "HF_ENDPOINT", HF_ENDPOINT="hub")
        self.fails(1, "http://127.0.0.1:1/x.gguf", "no connection")
        self.fails(1, "https://nowhere.invalid/x.gguf")
        self.fails(3, f"{self.server.url}/{MODEL}", "HF_HUB_OFFLINE", HF_HUB_OFFLINE="1")
        self.assertEqual(self.server.http.seen, [])

    def test_a_loop_of_addresses(self):
        self.server.http.redirects["loop.gguf"] = f"{self.server.url}/loop.gguf"
        self.fails(1, f"{self.server.url}/loop.gguf", "without end")
        self.server.http.redirects["file.gguf"] = "file:///etc/passwd"
        self.fails(1, f"{self.server.url}/file.gguf")

    def test_certificates_are_checked(self):
        key, certificate = self.folder / "key.pem", self.folder / "certificate.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate,
                        "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
                       check=True, capture_output=True)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate, key)
        secure = self.start(tls)
        secure.http.files[MODEL] = self.path.read_bytes()
        self.fails(1, f"{secure.url}/{MODEL}", "certificate cannot be trusted", SSL_CERT_FILE="/etc/ssl/certs/ca-certificates.crt")
        self.assertEqual(secure.http.seen, [])
        result = self.fit(f"{secure.url}/{MODEL}", SSL_CERT_FILE=str(certificate))
        self.assertEqual(result.code, 0, result.errors)
        secure.http.redirects["down.gguf"] = f"{self.server.url}/{MODEL}"  # to plain http: not followed
        self.serve()
        self.fails(1, f"{secure.url}/down.gguf", "not https", SSL_CERT_FILE=str(certificate))


if __name__ == "__main__":
    unittest.main()

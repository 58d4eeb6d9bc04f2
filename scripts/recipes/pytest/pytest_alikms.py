"""alikms in pytest: put this file beside your tests, and pytest_plugins = ["pytest_alikms"] into conftest.py.

A test that takes the fixture kms points its SDK at kms.endpoint (protocol http) with kms.access_key and any secret. The alikms is started from
ALIKMS_BINARY, or from the PATH. With ALIKMS_ENDPOINT=host:port suites share one that runs: faults and calls are told apart by AccessKeyId.
"""
import json, os, pytest, subprocess, tempfile, urllib.error, urllib.parse, urllib.request, uuid


class Kms:
    def __init__(self, endpoint, shared):
        self.endpoint, self.shared, self.access_key, self.faults = endpoint, shared, "test-" + uuid.uuid4().hex, []

    def control(self, method, path, body=None):
        try:
            request = urllib.request.Request(f"http://{self.endpoint}/_emulator/{path}", body, method=method)
            return json.load(urllib.request.urlopen(request))
        except urllib.error.HTTPError as refused:
            raise AssertionError(f"{method} {path}: {refused.read().decode()}") from None

    def load(self, file):  # a scenario, in force from now on, for all who share the alikms
        self.control("PUT", "scenario", open(file, "rb").read())

    def fail_next(self, operation, error):
        name = f"{self.access_key}.{len(self.faults)}"
        rule = {"match": {"operation": operation, "accessKeyId": self.access_key}, "script": [{"error": error}]}
        self.control("PUT", f"faults/{name}", json.dumps(rule).encode())
        self.faults.append(name)

    def calls(self, **where):
        return self.control("GET", "requests?" + urllib.parse.urlencode({"accessKeyId": self.access_key, **where}))["requests"]

    def reset(self):  # of one that is shared, only what this test put there
        while self.shared and self.faults:
            self.control("DELETE", f"faults/{self.faults.pop()}")
        if not self.shared:
            self.control("POST", "reset")


@pytest.fixture(scope="session")
def alikms():
    binary, settings = os.environ.get("ALIKMS_BINARY", "alikms"), {k: v for k, v in os.environ.items() if not k.startswith("ALIKMS_")}
    with tempfile.TemporaryDirectory() as folder:
        ready = folder + "/ready.json"
        flags = ["--ephemeral", "--listen=127.0.0.1:0", "--listen-tls=", "--ready-file", ready]
        server = subprocess.Popen([binary, *flags], env=settings, stdout=subprocess.DEVNULL)
        try:
            subprocess.run([binary, "wait", "--ready-file", ready], env=settings, stdout=subprocess.DEVNULL, check=True)
            yield json.load(open(ready))["http"]
        finally:
            server.terminate()
            server.wait()


@pytest.fixture
def kms(request):
    shared = os.environ.get("ALIKMS_ENDPOINT")
    kms = Kms(shared or request.getfixturevalue("alikms"), bool(shared))
    yield kms
    kms.reset()

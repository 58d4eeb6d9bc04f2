"""alikms as a process of a test."""

import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.request

# ALIKMS_ variables are settings of alikms, which refuses those it does not know.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("ALIKMS_")}


def start(test, *flags):
    """Runs an alikms that keeps nothing and returns its host:port."""
    return run(test, "--ephemeral", *flags)["http"]


def run(test, *flags):
    """Runs alikms on free ports, with its built-in keys unless the flags say else, and returns its host:port of http and https.

    At the end of the test it has to stop with exit code 0, without an internal failure in its log.
    """
    folder = tempfile.mkdtemp(prefix="alikms-conformance-")
    test.addCleanup(shutil.rmtree, folder)
    ready = os.path.join(folder, "ready.json")
    listen = ["--listen", "127.0.0.1:0", "--listen-tls", "127.0.0.1:0", "--ready-file", ready]
    with open(os.path.join(folder, "log"), "wb") as log:
        process = subprocess.Popen([os.environ["ALIKMS_BINARY"], *listen, *flags], env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=log)
    test.addCleanup(_stop, test, process, log.name)
    return _await(test, process, ready)


def control(endpoint, method, path, body=None):
    """Asks one of the controls and returns what it answers."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://{endpoint}/_emulator/{path}", data, method=method)
    with urllib.request.urlopen(request) as answer:
        return answer.read()


def _await(test, process, ready):
    """Waits for the ready file, which appears whole or not at all."""
    limit = time.monotonic() + 30
    while not os.path.exists(ready):
        if process.poll() is not None or time.monotonic() > limit:
            test.fail("alikms was not ready within 30 s, or ended before")
        time.sleep(0.002)
    with open(ready, encoding="utf-8") as file:
        return json.load(file)


def _stop(test, process, log):
    process.terminate()
    try:
        code = process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        code = "none within 30 s of SIGTERM"
    with open(log, encoding="utf-8") as file:
        text = file.read()
    test.assertEqual(code, 0, f"exit code; log of alikms:\n{text}")
    test.assertNotIn("level=ERROR", text)

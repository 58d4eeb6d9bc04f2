"""The sample programs that alikms writes, one of every operation: each is to be answered as ../samples/calls.json says.

What arrives is what was asked for, to the byte.
"""

import base64
import contextlib
import io
import json
import unittest
import urllib.parse

import alikms

FLAGS = ["--fixture", "../../../fixtures/default.yaml", "--fixture", "../samples/scenario.yaml", "--credential", "testid:testsecret"]
with open("../samples/calls.json", encoding="utf-8") as calls:
    TABLE = json.load(calls)


def names(detail):
    """Those of a parameter on the wire; of a list, of its first element."""
    if detail["type"] != "list":
        return [detail["name"]]
    return [f"{detail['name']}.1.{element['name']}".rstrip(".") for element in detail["elements"]]


def parameters_of(operation):
    """What an operation requires, and what the table has for it."""
    found = {}
    for detail in operation["details"]:
        for name in names(detail):
            value = TABLE["parameters"].get(f"{operation['name']}.{name}")
            if value is None and detail.get("required"):
                value = TABLE["parameters"].get(name) or detail.get("oneOf", [None])[0]
            if value is not None:
                found[name] = value
    return found


def same(got, want):
    """Compares what the journal has, which is a size where that is secret or long. SDKs write the same JSON in other ways."""
    try:
        return json.loads(got) == json.loads(want)
    except (TypeError, ValueError):
        return str(got).lower() == want if want in ("true", "false") else got in (want, size_of(want))


def size_of(value):
    """How the journal tells the size of a value, that of what it is the base64 of."""
    try:
        size = len(base64.b64decode(value, validate=True))
    except ValueError:
        size = len(value.encode())
    return f"({size} bytes)"


class Samples(unittest.TestCase):
    def test_python(self):
        self.check_all("python")

    def test_python_classic(self):
        self.check_all("python-classic")

    def check_all(self, sdk):
        endpoint = alikms.start(self, *FLAGS)
        for operation in json.loads(alikms.control(endpoint, "GET", "operations"))["operations"]:
            with self.subTest(operation["name"]):
                self.check(endpoint, sdk, operation["name"], parameters_of(operation))

    def check(self, endpoint, sdk, operation, parameters):
        status = TABLE["refused"].get(operation, 200)
        query = urllib.parse.urlencode({"sdk": sdk, "operation": operation, **parameters})
        program = compile(alikms.control(endpoint, "GET", f"sample?{query}"), operation, "exec")
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            if status == 200:
                exec(program, {"__name__": "__main__"})  # pylint: disable=exec-used
                self.assertIn("RequestId", json.loads(printed.getvalue()))
            else:
                with self.assertRaisesRegex(Exception, "(?i)request ?id"):
                    exec(program, {"__name__": "__main__"})  # pylint: disable=exec-used
        requests = json.loads(alikms.control(endpoint, "DELETE", "requests"))["requests"]
        self.assertEqual([request["status"] for request in requests], [status])
        for name, want in parameters.items():
            got = requests[0]["parameters"].get(name)
            self.assertTrue(same(got, want), f"{name} arrived as {got!r}, want {want!r}")

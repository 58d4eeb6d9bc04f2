"""The recipe for pytest, as it is printed: with an alikms that it starts, and by two suites at one that runs."""

import os
import subprocess
import sys
import unittest

import alikms

RECIPE = "../../recipes/pytest"


def suite(**environment):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "pytest_alikms", "-p", "no:cacheprovider", "recipe_test.py"]
    return subprocess.Popen(
        command, env={**os.environ, "PYTHONPATH": RECIPE, **environment}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


class Recipe(unittest.TestCase):
    def must_pass(self, process, tests):
        said, _ = process.communicate(timeout=120)
        self.assertEqual(process.returncode, 0, said)
        self.assertIn(f"{tests} passed", said)

    def test_starts_an_alikms(self):
        self.must_pass(suite(), 13)

    def test_suites_share_an_alikms(self):
        endpoint = alikms.start(self)
        for process in [suite(ALIKMS_ENDPOINT=endpoint) for _ in range(2)]:
            self.must_pass(process, 12)
        self.assertEqual(alikms.control(endpoint, "GET", "faults"), b'{"faults":[]}')

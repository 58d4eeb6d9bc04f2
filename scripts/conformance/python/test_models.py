"""What each SDK's request classes have, as the sample programs are written from: kept in a file for each SDK, read off the SDK here.

What differs fails, unless UPDATE_MODELS is set, which writes the file.
"""

import importlib
import inspect
import os
import pkgutil
import re
import unittest

from aliyunsdkkms.request import v20160120
from alibabacloud_kms20160120 import models
from alibabacloud_kms20160120.client import Client

FOLDER = "../../../emulator/internal/wiring/models"
TEA = {"str": "string", "bool": "boolean", "int": "long", "Dict[str, Any]": "map", "List[str]": "strings"}
CLASSIC = {"String": "string", "Boolean": "boolean", "Integer": "long", "Long": "long"}


def tea():
    """A line for each operation; "-" where it has no request class."""
    for name, method in inspect.getmembers(Client, inspect.isfunction):
        if not name.endswith("_with_options") or name.startswith("_"):
            continue
        operation = re.search(r"action = '(\w+)'", inspect.getsource(method)).group(1)
        model = getattr(models, f"{operation}Request", None)
        yield " ".join([operation, *sorted(tea_parameters(operation, model))])


def tea_parameters(operation, model):
    if model is None:
        yield "-"
        return
    members = {member.replace("_", ""): member for member in inspect.signature(model).parameters}
    for name in set(re.findall(r"m\.get\('(\w+)'\)", inspect.getsource(model.from_map))):
        member = members[name.lower()]
        annotation = inspect.signature(model).parameters[member].annotation
        kind = "objects" if annotation == f"List[main_models.{operation}Request{name}]" else TEA.get(annotation)
        if kind:
            yield f"{name}={member}:{kind}"


def classic():
    for _, module, _ in pkgutil.iter_modules(v20160120.__path__):
        request = getattr(importlib.import_module(f"{v20160120.__name__}.{module}"), module)
        yield " ".join([module.removesuffix("Request"), *sorted(classic_parameters(inspect.getsource(request)))])


def classic_parameters(source):
    for setter, name, kind, body in re.findall(r"def set_(\w+)\(self, (\w+)\):\s*# (\w+)\n((?:\t\t.*\n?)*)", source):
        if kind == "RepeatList" and setter == f"{name}s":
            yield f"{name}:{'objects' if '.get(' in body else 'strings'}"
        elif kind in CLASSIC and setter == name:
            yield f"{name}:{CLASSIC[kind]}"


class Models(unittest.TestCase):
    maxDiff = None

    def test_tea(self):
        self.compare("python", tea())

    def test_classic(self):
        self.compare("python-classic", classic())

    def compare(self, sdk, lines):
        text = "".join(f"{line}\n" for line in sorted(lines))
        path = f"{FOLDER}/{sdk}.txt"
        if "UPDATE_MODELS" in os.environ:
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        with open(path, encoding="utf-8") as file:
            self.assertEqual(file.read(), text, f"{path} is not what the SDK has (UPDATE_MODELS=1 writes it)")

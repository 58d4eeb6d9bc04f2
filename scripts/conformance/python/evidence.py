"""What a client has read, a line of JSON each, in the file that CONFORMANCE_EVIDENCE names, for the table that ../run makes of it."""

import importlib.metadata
import json
import os

_noted = set()


def answered(client, operation):
    """Notes that the client, named by its distribution, has read the answer of an operation."""
    _note(client, "operation", operation)


def refused(client, code):
    """Notes that the client has told an error by its code."""
    _note(client, "error", code)


def _note(client, kind, name):
    file = os.environ.get("CONFORMANCE_EVIDENCE")
    if not file or (client, kind, name) in _noted:
        return
    _noted.add((client, kind, name))
    line = json.dumps({"client": client, "version": importlib.metadata.version(client), kind: name})
    with open(file, "a", encoding="utf-8") as lines:
        lines.write(line + "\n")

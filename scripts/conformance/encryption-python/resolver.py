"""A proxy by which each host name leads to alikms, as in a compose network with aliases."""

import http.server
import select
import socket
import threading


def start(test, secure):
    """Serves until the end of the test and returns the proxy's URL; secure is the host:port of alikms for HTTPS."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    server.there = secure.split(":")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    test.addCleanup(server.server_close)
    test.addCleanup(thread.join)
    test.addCleanup(server.shutdown)
    return "http://127.0.0.1:%d" % server.server_port


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_CONNECT(self):
        host, port = self.server.there
        with socket.create_connection((host, int(port))) as there:
            self.send_response(200)
            self.end_headers()
            _carry(self.connection, there)
        self.close_connection = True

    def log_message(self, *_):
        pass


def _carry(a, b):
    """Carries bytes both ways until one side has ended."""
    other = {a: b, b: a}
    while True:
        for side in select.select([a, b], [], [])[0]:
            try:
                data = side.recv(65536)
            except ConnectionResetError:
                return  # as a fault of alikms asks for; the other side sees the connection end
            if not data:
                return
            other[side].sendall(data)

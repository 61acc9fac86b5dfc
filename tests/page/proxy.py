"""A reverse proxy in forty lines, which puts a page below a path."""

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "host", "accept-encoding"}


class Proxy:
    """Passes what is below `prefix` on to `behind`, with the prefix kept or stripped; `missing` has what was 404."""

    def __init__(self, behind, prefix, keep, name=None):
        self.missing, self.outside = [], []
        proxy, host = self, urlsplit(behind).netloc

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def pass_on(self):
                path = self.path
                if path != prefix and not path.startswith((f"{prefix}/", f"{prefix}?")):
                    proxy.outside.append(path)
                    return self.send_error(404)
                if not keep:
                    path = path.removeprefix(prefix)
                    path = path if path.startswith("/") else f"/{path}"
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {k: v for k, v in self.headers.items() if k.lower() not in HOP}
                headers |= {"Host": host, "X-Forwarded-Host": self.headers["Host"], "X-Forwarded-Proto": "http"}
                connection = http.client.HTTPConnection(host, timeout=120)
                connection.request(self.command, path, body, headers)
                answer = connection.getresponse()
                if answer.status == 404:
                    proxy.missing.append(path)
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in HOP:
                        self.send_header(name, value)
                self.send_header("Connection", "close")
                self.end_headers()
                try:
                    while part := answer.read1(65536):
                        self.wfile.write(part)
                        self.wfile.flush()
                except OSError:
                    pass  # the browser has left
                finally:
                    connection.close()

            do_GET = do_POST = do_HEAD = do_OPTIONS = pass_on

        ThreadingHTTPServer.request_queue_size = 128  # a browser asks for everything at once
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}{prefix}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

"""The application behind a web server that checks the passwords: it gives out sessions, and that is what doc/frontends.md
asks of one. The way in is Shop(PATH of its socket)."""

import os
import secrets
import socket
import threading
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COOKIE = "__Host-session"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        session = SimpleCookie(self.headers.get("Cookie", "")).get(COOKIE)
        name = self.server.sessions.get(session.value) if session else None
        self.server.seen.append(self.headers)
        if self.path == "/login/":
            self.login((self.headers.get("X-Remote-User") or "").lower())
        elif self.path == "/session":
            self.answer(204 if name else 401)
        else:
            self.answer(200, f"Willkommen, {name}.")

    def login(self, name):
        if not name:
            return self.answer(403)
        session = secrets.token_urlsafe()
        self.server.sessions[session] = name
        return self.answer(303, headers={"Location": "/", "Set-Cookie": f"{COOKIE}={session}; Path=/; Secure; HttpOnly; "
                                                                      "SameSite=Lax"})

    def answer(self, status, text="", headers=()):
        self.send_response(status)
        for name, value in dict(headers).items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def address_string(self):
        return "the web server"

    def log_message(self, *_):
        pass


class Shop(ThreadingHTTPServer):
    address_family = socket.AF_UNIX

    def __init__(self, path, group):
        path.parent.mkdir(mode=0o750)
        os.chown(path.parent, 0, group)
        super().__init__(str(path), Handler)
        os.chmod(path, 0o660)
        os.chown(path, 0, group)
        self.sessions = {}
        self.seen = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def server_bind(self):
        self.socket.bind(self.server_address)
        self.server_name, self.server_port = "application", 0

    def handle_error(self, request, client_address):
        """A web server that has read enough doesn't wait for the end."""

    def close(self):
        self.shutdown()
        self.server_close()

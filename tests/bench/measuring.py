"""What the measures of logins share: a sandbox without printing, its daemons' CPU time and memory, and one run
of a load. The way in is measure()."""

import base64
import hashlib
import os
import re
import resource
import secrets
import subprocess
from pathlib import Path

from sandboxlib.box import Box


class BenchError(Exception):
    pass


class BenchBox(Box):
    """Without a print station, which has nothing to do with logins."""

    SERVICES = ("slapd", "sink", "portald")


def ssha(password):
    salt = secrets.token_bytes(8)
    return "{SSHA}" + base64.b64encode(hashlib.sha1(password.encode() + salt).digest() + salt).decode()


def rss(process_id):
    """In MB."""
    status = Path(f"/proc/{process_id}/status").read_text(encoding="utf-8")
    return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) / 1024


def write_service(directory, name, *line):
    directory.mkdir(exist_ok=True)
    words = " ".join(map(str, line))
    (directory / name).write_text(f"auth required {words}\naccount required {words}\n", encoding="utf-8")


def cpu_of(process_ids):
    """Seconds that these processes have used."""
    ticks = 0
    for process_id in process_ids:
        words = Path(f"/proc/{process_id}/stat").read_text(encoding="utf-8").rpartition(") ")[2].split()
        ticks += int(words[11]) + int(words[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def cpu(process_ids):
    """Seconds that our ended children and these processes have used."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return children.ru_utime + children.ru_stime + cpu_of(process_ids)


def measure(process_ids, *command):
    """Runs one of the programs and takes its line apart. process_ids: who works for it."""
    before = cpu(process_ids)
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    words = done.stdout.split()
    if done.returncode != 0 or len(words) != 10:
        raise BenchError(f"{command[0]}: status {done.returncode}\n{done.stdout}{done.stderr[:2000]}")
    return {"all": int(words[9]), "rate": float(words[3]), "p50": float(words[5]), "p99": float(words[7]),
            "cpu": (cpu(process_ids) - before) * 1000 / float(words[9])}

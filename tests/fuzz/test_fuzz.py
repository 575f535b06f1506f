"""A short run of each fuzzer, seeds first: ./run-tests fuzz. `make fuzz` runs them for longer. What breaks one is printed
by libFuzzer in base64."""

import os
import re
import subprocess
import tempfile
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parents[1]
BUILD = Path(os.environ.get("PORTAL_BUILDDIR") or SOURCE / "build")
SECONDS = int(os.environ.get("FUZZ_SECONDS", "4"))
HARNESSES = re.search(r"^FUZZ_HARNESSES = (.*)$", (HERE / "local.mk").read_text(), re.MULTILINE)[1].split()


def test_every_harness_is_run():
    assert sorted(HARNESSES) == sorted(path.stem.removeprefix("fuzz_") for path in HERE.glob("fuzz_*.c"))


@pytest.mark.parametrize("name", HARNESSES)
def test_nothing_breaks(name):
    program = BUILD / "tests" / "fuzz" / f"fuzz_{name}"
    built = subprocess.run(["make", "-s", "-C", BUILD, f"tests/fuzz/fuzz_{name}"], text=True, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, check=False)
    assert built.returncode == 0, built.stdout
    seeds = HERE / "seeds" / name
    assert any(seeds.iterdir())
    with tempfile.TemporaryDirectory(prefix="portal-fuzz-found-") as found:
        done = subprocess.run([program, f"-max_total_time={SECONDS}", "-timeout=5", "-print_final_stats=1",
                               f"-artifact_prefix={found}/", found, seeds], text=True, errors="replace",
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=SECONDS + 120)
    assert done.returncode == 0, done.stdout[-6000:]
    executed = re.search(r"stat::number_of_executed_units:\s*(\d+)", done.stdout)
    assert executed and int(executed[1]) > 1000, done.stdout[-2000:]

"""The audit: whole or known to be broken, without a text, and a person can be erased from it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time

import pytest

from tfsocial.errors import InputError
from tfsocial.serving.gateway.audit import chain, log
from tfsocial.serving.gateway.audit.chain import Chain

ASK = {"texts": ["a very secret text", "另一个秘密"]}


def entries(there) -> list[dict]:
    return list(chain.lines(there.folder / log.CHAIN))


def test_each_call_has_a_line_refused_ones_too(house):
    there = house(quotas={"default": {"tokens": 20}})
    key = there.key()
    there.post("/v1/classify", ASK, {**key, "X-Request-Id": "r1"})
    there.post("/v1/classify", ASK, key)
    there.post("/v2/models/other/infer", {}, key)
    there.post("/v1/embed", ASK, there.key("other", verbs=["classify"]))
    first, quota, refused = entries(there)
    assert (first["request"], first["tenant"], first["verb"]) == ("r1", "acme", "classify")
    assert (first["model"], first["version"], first["manifest"]) == ("mood", 7, "0" * 64)
    assert (first["problem"], quota["problem"], refused["problem"]) == ("", "quota", "forbidden")
    assert quota["version"] == 0
    assert first["texts"] == quota["texts"]  # the same texts and key
    assert first["texts"] != refused["texts"]  # another tenant's key


def test_no_file_has_a_text(house):
    there = house()
    there.post("/v1/classify", ASK, {**there.key(), "X-Subject": "customer-42"})
    for path in there.folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert b"secret" not in content
            assert "秘密".encode() not in content


def test_who_asked_a_text_is_found_until_they_are_forgotten(house):
    there = house()
    key = there.key()
    there.post("/v1/classify", ASK, {**key, "X-Subject": "customer-42"})
    there.post("/v1/classify", ASK, key)
    found = log.find(there.folder, "acme", ["a very secret text"], "customer-42")
    assert [one["model"] for one in found] == ["mood"]
    assert len(log.find(there.folder, "acme", ["a very secret text"])) == 1
    assert audit(there.folder, "--forget", "--tenant=acme", "--subject=customer-42").returncode == 0
    with pytest.raises(InputError, match="acme:customer-42: has no key"):
        log.find(there.folder, "acme", ["a very secret text"], "customer-42")
    assert len(log.find(there.folder, "acme", ["a very secret text"])) == 1
    assert chain.verify(there.folder / log.CHAIN).lines == 2  # the chain is as whole as before


def audit(folder, *flags: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "tfsocial", "audit", f"--state={folder}", *flags]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_forgotten_key_is_nowhere_on_the_disk(house):
    there = house()
    there.post("/v1/classify", ASK, {**there.key(), "X-Subject": "customer-42"})
    keys = log.SubjectKeys(there.folder / log.KEYS)
    secret = keys.key("acme", "customer-42", make=False)
    keys.close()
    assert any(secret in path.read_bytes() for path in there.folder.glob(f"{log.KEYS}*"))
    audit(there.folder, "--forget", "--tenant=acme", "--subject=customer-42")
    assert not any(
        secret in path.read_bytes() for path in there.folder.rglob("*") if path.is_file()
    )


@pytest.fixture
def whole(tmp_path):
    """(path, heads) of a chain of ten lines."""
    path = tmp_path / "chain"
    made = Chain(path)
    heads = [made.add({"n": number, "word": "é"}) for number in range(10)]
    made.close()
    return path, heads


def test_a_chain_that_was_left_alone_is_whole(whole):
    path, heads = whole
    assert chain.verify(path) == (10, heads[-1], None)
    assert chain.verify(path, heads[3]).holds
    assert not chain.verify(path, "f" * 64).holds


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            lambda lines: [*lines[:4], lines[4].replace(b'"n": 4', b'"n": 5'), *lines[5:]],
            ":5: was changed",
        ),
        (lambda lines: [*lines[:4], *lines[5:]], ":5: does not follow"),
        (lambda lines: [lines[1], lines[0], *lines[2:]], ":1: does not follow"),
        (lambda lines: lines[1:], ":1: does not follow"),
        (lambda lines: [*lines[:9], b"{}\n"], ":10: is no line"),
        (lambda lines: [*lines[:9], lines[9][:-5]], ":10: ends within a line"),
    ],
)
def test_what_was_done_to_a_chain_is_named(whole, change, says):
    path, _ = whole
    path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))
    with pytest.raises(InputError, match=re.escape(says)):
        chain.verify(path)


def test_lines_that_were_taken_off_the_end_show_by_a_head(whole):
    path, heads = whole
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:7]))
    assert chain.verify(path).lines == 7  # nothing in the file tells
    assert not chain.verify(path, heads[-1]).holds


def test_a_line_that_was_cut_short_is_taken_off(whole):
    path, heads = whole
    path.write_bytes(path.read_bytes() + b'{"n": 10, "wo')
    again = Chain(path)
    assert again.head == heads[-1]
    again.add({"n": 11})
    again.close()
    assert chain.verify(path).lines == 11


def test_lines_longer_than_a_block_are_read_back(tmp_path):
    path = tmp_path / "chain"
    for _ in range(3):
        one = Chain(path)
        one.add({"word": "x" * 200_000})
        one.close()
    assert chain.verify(path).lines == 3


WRITER = """
import sys
from pathlib import Path
from tfsocial.serving.gateway.audit.log import AuditLog, Entry
audit = AuditLog(Path(sys.argv[1]))
n = 0
while True:
    audit.keep(Entry(str(n), "t", "c", "classify", "m", 1, "h", ""), "", [["text"]])
    print(n, flush=True)
    n += 1
"""


def test_a_writer_that_is_killed_leaves_a_whole_chain(tmp_path):
    """Ten times: what it had written down is there, and the next one goes on."""
    kept = 0
    for _ in range(10):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        writer.stdout.readline()
        time.sleep(0.02)
        writer.kill()
        kept += 1 + len(writer.stdout.read().splitlines())
        writer.wait()
        writer.stdout.close()
        log.AuditLog(tmp_path).close()
        assert kept <= chain.verify(tmp_path / log.CHAIN).lines <= kept + 10


def test_without_an_audit_nothing_is_answered(house, monkeypatch):
    """A full disk: 503, nothing half-written, and answers again when there is room."""
    there = house()
    key = there.key()
    assert there.post("/v1/classify", ASK, key).status_code == 200
    real = os.write

    def full(descriptor: int, content: bytes) -> int:
        if content.startswith(b'{"at"'):
            real(descriptor, content[:20])
            raise OSError(28, "No space left on device")
        return real(descriptor, content)

    monkeypatch.setattr(os, "write", full)
    refused = there.post("/v1/classify", ASK, key)
    assert refused.status_code == 503
    assert "the audit cannot be written" in refused.json()["detail"]
    monkeypatch.undo()
    assert there.post("/v1/classify", ASK, key).status_code == 200
    assert chain.verify(there.folder / log.CHAIN).lines == 2


def test_the_command_says_what_it_finds(house):
    there = house()
    there.post("/v1/classify", ASK, there.key())
    said = audit(there.folder)
    head = entries(there)[-1]
    assert said.stdout.startswith("1 lines, whole; head ")
    assert audit(there.folder, f"--head={'f' * 64}").returncode == 2
    found = audit(there.folder, "--find=a very secret text", "--tenant=acme")
    assert json.loads(found.stdout)["request"] == head["request"]
    assert audit(there.folder, "--find=x").returncode == 2
    path = there.folder / log.CHAIN
    path.write_bytes(path.read_bytes().replace(b"acme", b"emca"))
    broken = audit(there.folder)
    assert (broken.returncode, broken.stdout) == (2, "")
    assert "was changed after it was written" in broken.stderr

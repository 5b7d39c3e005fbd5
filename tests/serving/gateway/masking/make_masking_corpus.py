"""Make corpus.jsonl from the sentences written by hand and from templates, seeded.

    python tests/serving/gateway/masking/make_masking_corpus.py

Each line: a text, the spans of its personal data, and its part: "dev" (written by hand; rules were
mended by these), "test" (written by hand after that; no rule was mended by them) or "template".
Secrets are put together here and escaped in the file, so that no scanner finds them.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
CORPUS = HERE / "corpus.jsonl"
BY_HAND = HERE / "corpus_by_hand.txt"
TEST_BEGINS = "# The test:"
SEED = 11643
_MARK = re.compile("<([A-Z]+):(.*?)>", re.DOTALL)

# Specimens of documentation, or of the form only.
PUT_IN = {
    "zwsp": "\u200b",
    "nl": "\n",
    "curl": "curl",
    "aws": "AKIA" + "IOSFODNN7EXAMPLE",
    "aws_secret": "wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCYEXAMPLEKEY",
    "github": "ghp_" + "0123456789abcdefABCDEF0123456789abcd",
    "slack": "xoxb" + "-000000000000-000000000000-ExampleExampleExample01",
    "stripe": "sk_" + "test_0123456789abcdefABCDEF01",
    "openai": "sk" + "-proj-0123456789abcdefABCDEF0123456789",
    "bearer": "9f2c7Qm" + "0aB4xLr8TzK1vN6yW3",
    "hex": "9f86d081884c7d65" + "9a2feaa0c55ad015",
    "jwt": "eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2lnbmF0dXJlLW9mLW5vYm9keQ",
    "pem": "-----BEGIN PRIVATE" + " KEY-----\nMIIBVgIBADANBgkqhkiG9w0BAQEFAASCAUAwggE8\n"
    "AgEAAkEA0000000000000000000000000000000000000000\n-----END PRIVATE" + " KEY-----",
}

VALUES = {
    "MAIL": ["lee.{n}@example.com", "user{n}@example.org", "c-{n}+shop@mail.example.net"],
    "PHONE": [
        "020 7946 0{n}",
        "+44 20 7946 0{n}",
        "(212) 555-0123",
        "+49 30 23125{n}",
        "+86 138 0013 8000",
        "13900000000",
        "150-0000-0000",
        "01 99 00 12 34",
    ],
    "CARD": ["4012 8888 8888 1881", "5555555555554444", "6200-0000-0000-0005", "371449635398431"],
    "IBAN": [
        "ES91 2100 0418 4502 0005 1332",
        "AT611904300234573201",
        "BE68 5390 0754 7034",
        "PL61109010140000071219812874",
    ],
    "ID": ["650102197208080005", "370202200501010009", "987-65-432{d}", "810000199405040003"],
    "IP": ["192.0.2.{d}", "198.51.100.{n}", "203.0.113.{d}", "2001:db8::{n}"],
    "PLATE": ["沪B·00000", "粤AD00000", "鲁B 0000A", "HH-XX 1234", "BD51 SMR"],
    "SECRET": ["{stripe}", "{github}", "{jwt}", "{aws}"],
}
WITH = {
    "MAIL": ["Please send it to {}.", "I am {} and cannot log in", "改成{}，谢谢", "抄送{}一份"],
    "PHONE": ["Call me on {} please.", "my phone is {}, after six", "电话{}，请回电", "我的手机{}"],
    "CARD": ["You charged {} twice", "card {} was declined", "卡号{}扣错款了", "用{}付的"],
    "IBAN": ["Refund to {} please", "my account is {}, thanks", "汇款到{}，谢谢", "账户{}不对"],
    "ID": ["My number is {}, verify me", "ID {} is rejected", "证件号{}无法认证", "实名{}失败"],
    "IP": ["Blocked from {} since noon", "host {} is down", "来自{}的登录不是我", "{}连不上"],
    "PLATE": ["Plate {} was fined", "the car {} is mine", "车牌{}识别错了", "{}停在B2"],
    "SECRET": ["I leaked {} in a log", "is {} still valid?", "误发了{}怎么办", "{}要吊销"],
}
WITHOUT = [
    "Order {o} of {y}-0{e}-1{d} has not come.",
    "Invoice {o} says {d},{n}.99 but I paid {n}.50",
    "Version {d}.{e}.{n} fails on build {y}0{e}1{d}",
    "Parcel 1Z{o} left on 0{e}/1{d}/{y} at 1{d}:0{e}",
    "Ticket {y}0{e}1{d}-{n} has been open for {n} days",
    "SKU {o}-{n}, qty {d}, at {n}.{e}9 each",
    "Room {n}, floor {d}, from 0{e}:30 to 1{d}:45",
    "Is the {n} cm one {d}.{e} kg or {e}.{d} kg?",
    "My points fell from {n}00 to {n}, that is {d}{e} %",
    "Error {n}-{d}{e}, code 0x{n}{d}{e}, line {n}",
    "Bus {n} at 1{d}:{d}{e}, platform {d}, seat {e}{d}",
    "I have {n} followers @ two sites and {d} of them write",
    "订单{o}在{y}年{e}月1{d}日下的，还没到",
    "快递{o}{n}三天没动",
    "价格{n}.{e}9元，比上次贵{d}{e}元",
    "版本{d}.{e}.{n}更新后闪退{d}次",
    "工单{y}0{e}1{d}{n}{o}没人处理",
    "{y}.0{e}.1{d} 1{d}:0{e}预约的，等了{n}分钟",
    "第{d}排{e}座，票价{n}元，共{d}张",
    "积分{n}{d}{e}清零了，还剩{d}分",
    "条码69{o}{n}扫不出来",
    "房间{n}，楼层{d}，押金{n}00元",
]
EACH_WITH, EACH_WITHOUT = 5, 2


def main() -> None:
    CORPUS.write_text("".join(map(as_line, rows())), "utf-8")


def rows() -> Iterator[dict[str, Any]]:
    """The whole corpus; texts by hand first."""
    for line, part in by_hand():
        yield parsed(line, part)
    source = random.Random(SEED)
    for kind, values in VALUES.items():
        for number in range(EACH_WITH):
            value = filled(values[number % len(values)], source)
            text = WITH[kind][(number + number // 4) % 4].format(f"<{kind}:{value}>")
            yield parsed(text, "template")
    for text in WITHOUT * EACH_WITHOUT:
        yield parsed(filled(text, source), "template")


def by_hand() -> Iterator[tuple[str, str]]:
    """The sentences, with marks, and the part of each."""
    part = "dev"
    for line in BY_HAND.read_text("utf-8").splitlines():
        if line.startswith(TEST_BEGINS):
            part = "test"
        elif line and not line.startswith("#"):
            yield line, part


def filled(template: str, source: random.Random) -> str:
    """Put numbers in: {n} of three digits, {d} and {e} of one, {o} of eight, {y} a year."""
    return template.format(
        n=source.randint(100, 255),
        d=source.randint(0, 9),
        e=source.randint(1, 9),
        o=source.randint(10**7, 10**8 - 1),
        y=source.randint(2019, 2026),
        **PUT_IN,
    )


def parsed(marked: str, part: str) -> dict[str, Any]:
    """Take the marks out of a text and note where they stood."""
    text, spans, done = "", [], 0
    marked = re.sub(r"\{([a-z_]+)\}", lambda match: PUT_IN[match[1]], marked)
    for match in _MARK.finditer(marked):
        text += marked[done : match.start()]
        spans.append([len(text), len(text) + len(match[2]), match[1]])
        text, done = text + match[2], match.end()
    return {"text": text + marked[done:], "spans": spans, "part": part}


def as_line(row: dict[str, Any]) -> str:
    """One line of JSON; a secret's third character is escaped."""
    line = json.dumps(row, ensure_ascii=False)
    for start, end, kind in row["spans"]:
        if kind == "SECRET":
            secret = json.dumps(row["text"][start:end], ensure_ascii=False)[1:-1]
            line = line.replace(secret, f"{secret[:2]}\\u{ord(secret[2]):04x}{secret[3:]}")
    return line + "\n"


if __name__ == "__main__":
    main()

"""What words before a number say it is: somebody's phone, or something else."""

from __future__ import annotations

import re
from typing import NamedTuple

from tfsocial.serving.gateway.masking.folding import WALL
from tfsocial.serving.gateway.masking.labels import JOINTS

WINDOW = 48  # characters before a number that are looked at
# Right after the first comes a phone number whatever it looks like; right after the second one that
# is valid; after the third none. Farther on the first count as the second, and the second as none.
CALLS = (
    r"(?:tele)?phones?|tel|telefon|mobile|mobil|call|dial|sms|fax|whatsapp|hotline|landline|"
    r"handynummer|手机号?码?|电话号?码?|联系方式|致电|拨打?|座机|传真|微信同号|热线|老人机"
)
MAY_CALL = (
    r"numbers?|numéro|mine|cell|ring|text|signal|handy|portable|reach(?:ed)?|contact(?:ed)?|"
    r"called|calling|texted|号码?|联系人?|打|微信|来电|回电|短信|收件人|支付宝|转账给"
)
OTHERS = (
    r"(?:account|order|invoice|tracking|serial|case|reference|ticket|card|model|part) numbers?|"
    r"orders?|invoices?|tracking|parcel|ref|reference|cases?|tickets?|serial|isbn|sku|ean|part|"
    r"models?|codes?|booking|build|version|batch|lot|barcode|policy|claim|imei|epoch|balance|vat|"
    r"duns|room|floors?|usps|dhl|ups|fedex|gps|score|ids?|"
    r"(?:订|运|工|退款|退货|发货|快递|流水|保|提)单号?码?|单号|快递|编号|序列号|条码|流水号?|卡号|"
    r"群号?|qq|会议号?|代码|型号|批号|发票号?码?|验证码|余额|金额|尾号|价格"
)
_WORDS = re.compile(
    rf"(?P<call>(?<![a-z])(?:{CALLS})(?![a-z]))|(?P<other>(?<![a-z])(?:{OTHERS})(?![a-z]))|"
    rf"(?P<may_call>(?<![a-z])(?:{MAY_CALL})(?![a-z]))"
)
_AFTER = re.compile(
    r"[),. ]{0,3}(?:is|was|c'est|ist|是|为)? ?"
    r"(?:my|our|her|his|their|mon|meine?|我们?的?|他的?|她的?) ?(?:new |old |work |home )?"
    r"(?:phone|tel|cell|mobile|number|portable|handy|nummer|电话|手机|号码)",
    re.IGNORECASE,
)
_JOINTS = re.compile(JOINTS, re.IGNORECASE)
_CURRENCY_BEFORE = re.compile(r"(?:[$€£¥￥]|(?<![a-z])(?:usd|eur|gbp|rmb|cny)) ?\Z")
_CURRENCY_AFTER = re.compile(
    r" ?(?:[元块万亿%€£]|(?:usd|eur|gbp|rmb|cny|dollars?|euros?)(?![a-z]))"
)


class Said(NamedTuple):
    """What stands before a number: `kind` is call, may_call, other or "", and if right before."""

    kind: str
    is_next: bool


def said_before(text: str, start: int) -> Said:
    """Tell by the last words before a place what comes there.

    A number that comes between uses up what said "order" and its like, since that was about it.

    >>> said_before("order 12, phone: ", 17), said_before("order no. ", 10)
    (Said(kind='call', is_next=True), Said(kind='other', is_next=True))
    >>> said_before("order 12 and ", 13)
    Said(kind='', is_next=False)
    """
    before = re.split(f"[\\n{WALL}]", text[max(0, start - WINDOW) : start].lower())[-1]
    said = list(_WORDS.finditer(before))
    if not said:
        return Said("", False)
    last = said[-1]
    between = before[last.end() :]
    if last.lastgroup == "other" and any(map(str.isdigit, between)):
        return Said("", False)
    return Said(last.lastgroup or "", bool(_JOINTS.fullmatch(between)))


def is_said_after(text: str, end: int) -> bool:
    """Tell whether a number is somebody's by what comes after it.

    >>> is_said_after("2125550147 is my cell", 10), is_said_after("2125550147 is lost", 10)
    (True, False)
    """
    return bool(_AFTER.match(text, end))


def is_money(text: str, start: int, end: int) -> bool:
    """Tell whether a number is an amount of money, or a share.

    >>> is_money("$ 2125550147", 2, 12), is_money("10000000元", 0, 8), is_money("1380013", 0, 7)
    (True, True, False)
    """
    before = text[max(0, start - 5) : start].lower()
    return bool(_CURRENCY_BEFORE.search(before) or _CURRENCY_AFTER.match(text, end))

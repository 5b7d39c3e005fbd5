"""What the pages of every application say, in two languages; each adds its own."""

from __future__ import annotations

from collections.abc import Mapping

PHRASES: Mapping[str, Mapping[str, str]] = {
    "en": {
        "language": "中文",
        "sign_in": "Sign in",
        "sign_out": "Sign out",
        "sign_in_about": "With a key from your operator: tfsocial keys --add=staff --verb=manage",
        "your_name": "Your name",
        "your_key": "Key",
        "name_missing": "Write your name.",
        "no_such_key": "This key is not known, has expired, or may not manage this.",
        "busy": "There is more to do than can be done right now; try again in a moment.",
        "news": "Look for news",
    },
    "zh": {
        "language": "English",
        "sign_in": "登录",
        "sign_out": "退出",
        "sign_in_about": "使用运维人员创建的密钥：tfsocial keys --add=staff --verb=manage",
        "your_name": "您的名字",
        "your_key": "密钥",
        "name_missing": "请填写您的名字。",
        "no_such_key": "此密钥未知、已过期或没有管理权限。",
        "busy": "当前请求过多，请稍后再试。",
        "news": "查看新消息",
    },
}

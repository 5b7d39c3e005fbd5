"""Reads and writes a tokenizer as Hugging Face stores it: vocab.txt and tokenizer_config.json.

Settings under which Hugging Face's ids would differ from this project's are refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tfsocial.errors import InputError

UNKNOWN, CLS, SEP, PAD, MASK = "[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"

SPECIAL_TOKENS = {
    "unk_token": UNKNOWN,
    "sep_token": SEP,
    "pad_token": PAD,
    "cls_token": CLS,
    "mask_token": MASK,
}

VOCABULARY_FILE = "vocab.txt"
SETTINGS_FILE = "tokenizer_config.json"
SPECIAL_TOKENS_FILE = "special_tokens_map.json"

# Tokenizer classes of the Hub that are BERT's WordPiece under another name.
_WORDPIECE_CLASSES = ("Bert", "ConvBert", "DistilBert", "Electra", "MobileBert", "SqueezeBert")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file; the tokenizer needs it") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: byte {error.start} is not UTF-8") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None


def read_vocabulary(path: Path) -> list[str]:
    """Read the tokens of a vocab.txt, one a line, in the order of their ids."""
    # Not splitlines: U+2028 and its like are tokens of some vocabularies.
    return _read(path).removesuffix("\n").split("\n")


def read_settings(path: Path) -> dict[str, Any]:
    """Read a tokenizer_config.json.

    Raises:
        InputError: it cannot be read, or is no JSON object.
    """
    try:
        settings = json.loads(_read(path))
    except json.JSONDecodeError as error:
        raise InputError(f"{path}: line {error.lineno}: not valid JSON ({error.msg})") from None
    if not isinstance(settings, dict):
        raise InputError(f"{path}: expected an object, found {type(settings).__name__}")
    return settings


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file."""
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def check_honoured(settings: Mapping[str, Any], vocabulary: Sequence[str], path: Path) -> None:
    """Refuse settings under which Hugging Face's ids would differ from ours."""
    _check_class(settings, path)
    _check_switches(settings, path)
    for key, token in SPECIAL_TOKENS.items():
        setting = _content(settings.get(key, token))
        if setting != token:
            raise InputError(f"{path}: {key} is {setting!r}; only {token!r} can be honoured")
    _check_added(settings, vocabulary, path)


def _check_class(settings: Mapping[str, Any], path: Path) -> None:
    setting = settings.get("tokenizer_class") or "BertTokenizer"
    allowed = [f"{name}Tokenizer" for name in _WORDPIECE_CLASSES]
    if str(setting).removesuffix("Fast") not in allowed:
        raise InputError(
            f"{path}: tokenizer_class is {setting!r}; only BERT's WordPiece can be honoured "
            f"({', '.join(allowed)})"
        )


def _check_switches(settings: Mapping[str, Any], path: Path) -> None:
    allowed = {
        "do_lower_case": (True, False),
        "strip_accents": (True, False, None),
        "tokenize_chinese_chars": (True,),
    }
    for key, values in allowed.items():
        setting = settings.get(key, values[0])
        if not any(setting is value for value in values):
            choices = " or ".join(json.dumps(value) for value in values)
            raise InputError(f"{path}: {key} is {setting!r}; only {choices} can be honoured")


def _check_added(settings: Mapping[str, Any], vocabulary: Sequence[str], path: Path) -> None:
    """Refuse a token beside the vocabulary: Hugging Face alone looks for it in the raw text."""
    added = settings.get("added_tokens_decoder") or {}
    for token in map(_content, added.values()):
        if token not in SPECIAL_TOKENS.values():
            raise InputError(
                f"{path}: added_tokens_decoder adds {token!r} to the {len(vocabulary)} tokens of "
                f"{VOCABULARY_FILE}, which cannot be honoured"
            )


def _content(token: Any) -> Any:
    """Read a special token, which is written as a string or as an object with its content."""
    return token.get("content") if isinstance(token, Mapping) else token

"""The menu: every op by name. A literal; adding one is one line here and a class in its file."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tfsocial.config import check_names, with_knobs
from tfsocial.data.augment import characters, entities, synonyms, tokens, translation, words
from tfsocial.data.augment.contract import Op, TextOp
from tfsocial.data.reading import paths
from tfsocial.errors import InputError, nearest

# On strings, before the tokenizer.
TEXT = {
    "back_translation": translation.BackTranslation,
    "character_noise": characters.CharacterNoise,
    "word_drop": words.WordDrop,
    "word_swap": words.WordSwap,
    "word_insert": words.WordInsert,
    "word_replace": words.WordReplace,
    "synonym": synonyms.Synonym,
    "number_mask": entities.NumberMask,
    "entity_mask": entities.EntityMask,
}
# On token ids, after it.
TOKENS = {
    "token_mask": tokens.TokenMask,
    "token_drop": tokens.TokenDrop,
    "token_swap": tokens.TokenSwap,
    "token_span": tokens.TokenSpan,
    "cutoff": tokens.Cutoff,
}
OPS: Mapping[str, type[Op]] = {**TEXT, **TOKENS}


def build_all(
    entries: Sequence[Mapping[str, Mapping[str, Any]]], where: str, root: str | None
) -> tuple[Op, ...]:
    """Build the ops of `data.augment` or `data.second_view`, checked.

    Args:
        where: their key path in the config.
        root: the folder that files are named from.

    Raises:
        InputError: an op or a knob is unknown or does not fit, a file is missing, an op on
            strings comes after one on tokens, or anything before one that looks texts up.
    """
    ops = [
        build(name, knobs, f"{where}.{place}.{name}", root)
        for place, entry in enumerate(entries)
        for name, knobs in entry.items()
    ]
    for before, op in itertools.pairwise(ops):
        if op.needs_paraphrases:
            raise InputError(
                f"{where}: {op.name} knows texts as they were read and comes after {before.name}; "
                "put it first"
            )
        if isinstance(op, TextOp) and not isinstance(before, TextOp):
            raise InputError(
                f"{where}: {op.name} works on strings and comes after {before.name}, which works "
                "on tokens; put it first"
            )
    return tuple(ops)


def build(name: str, knobs: Mapping[str, Any], where: str, root: str | None = None) -> Op:
    """Build an op of the menu with its knobs checked; `where` is its key path in the config."""
    if name not in OPS:
        raise InputError(f"{where} is not a known op; {nearest(name, list(OPS))}")
    check_names(name, OPS[name], knobs, where)
    op = with_knobs(OPS[name], knobs, where)
    return _with_files(op, where, root) if isinstance(op, synonyms.Synonym) else op


def _with_files(op: synonyms.Synonym, where: str, root: str | None) -> synonyms.Synonym:
    if op.table is not None:
        path = paths.under(root, op.table)
        if "://" in path:
            raise InputError(f"{where}.table: {path}: has to be a local file")
        op = replace(op, table=path)
    try:
        op.check()
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    return op

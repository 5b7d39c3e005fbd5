"""What masking must know of the vocabulary."""

from __future__ import annotations

from collections.abc import Sequence

from tfsocial.text.batch import WordParts
from tfsocial.text.tokenizer import Tokenizer
from tfsocial.training.providers.contract import Context, Provider
from tfsocial.training.run_constants import RunConstants


class WordPartsOfVocabulary(Provider):
    """Which tokens are special, which go on with a word, and [MASK], which no text holds."""

    def token_ids(self, tokenizer: Tokenizer) -> Sequence[int]:
        return [tokenizer.mask_id]

    def build(self, context: Context, constants: RunConstants) -> WordParts:
        return context.tokenizer.word_parts(context.token_ids)

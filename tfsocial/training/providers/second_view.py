"""A second view of each of train's texts, in the batches themselves."""

from __future__ import annotations

from collections.abc import Sequence

from tfsocial.errors import InputError
from tfsocial.objectives.table import Term
from tfsocial.text.batch import VIEW
from tfsocial.training.providers.contract import Context, Provider, Settings
from tfsocial.training.run_constants import RunConstants


class SecondView(Provider):
    """The name under which batches have the view's tokens."""

    def check(self, terms: Sequence[Term], settings: Settings) -> None:
        if terms and not settings.data.second_view:
            raise InputError(
                f"{terms[0].where} compares two views of a text: say in data.second_view how the "
                "second differs, as [{word_drop: {rate: 0.1}}]"
            )
        if settings.data.second_view and not terms:
            raise InputError(
                "data.second_view: no objective compares two views of a text; what L reads is "
                "data.augment"
            )

    def build(self, context: Context, constants: RunConstants) -> str:
        return VIEW

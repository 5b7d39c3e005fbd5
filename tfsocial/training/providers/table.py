"""Every provider by the need it serves, in the order in which a run asks them. A literal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tfsocial.models.spec import HeadSpec
from tfsocial.objectives import table
from tfsocial.objectives.table import Term
from tfsocial.text.tokenizer import Tokenizer
from tfsocial.training.providers import (
    averaged_weights,
    fisher,
    label_embeddings,
    m0,
    m0_vectors,
    mlm_head,
    name_separation,
    probe,
    propagated_labels,
    second_view,
    teacher,
    teacher_encoder,
    word_parts,
)
from tfsocial.training.providers.contract import Context, Provider, Settings
from tfsocial.training.run_constants import RunConstants, label_counts

PROVIDERS: Mapping[str, Provider] = {
    "probe": probe.Probe(),
    "m0": m0.M0(),
    "averaged_weights": averaged_weights.AveragedWeights(),
    "second_view": second_view.SecondView(),
    "label_embeddings": label_embeddings.LabelEmbeddings(),
    "name_separation": name_separation.NameSeparation(),
    "m0_vectors": m0_vectors.M0Vectors(),
    "propagated_labels": propagated_labels.PropagatedLabels(),
    "teacher": teacher.Teacher(),
    "teacher_encoder": teacher_encoder.TeacherEncoder(),
    "word_parts": word_parts.WordPartsOfVocabulary(),
    "mlm_head": mlm_head.MLMHead(),
    "fisher": fisher.Fisher(),
}


def check(terms: Sequence[Term], settings: Settings) -> None:
    """Disagree with the config where other sections do not fit what the terms need.

    Raises:
        InputError: see `Provider.check`.
    """
    for need, provider in PROVIDERS.items():
        provider.check([term for term in terms if need in term.objective.needs], settings)


def token_ids(terms: Sequence[Term], tokenizer: Tokenizer) -> list[int]:
    """List ids that the run's vocabulary has to hold for the terms."""
    return [one for _, provider in _needed(terms) for one in provider.token_ids(tokenizer)]


def texts(
    terms: Sequence[Term], specs: Mapping[str, HeadSpec]
) -> dict[str, Mapping[str, Sequence[str]]]:
    """Map need -> task -> names that are read as texts beside the splits."""
    by_need = {need: provider.texts(specs) for need, provider in _needed(terms)}
    return {need: names for need, names in by_need.items() if names}


def build(context: Context) -> RunConstants:
    """Make what the terms need, each from what was made before it."""
    counts = label_counts(context.train.labels, context.text_model.specs)
    constants = RunConstants(table.losses(context.terms), counts)
    for need, provider in _needed(context.terms):
        made = provider.build(context, constants)
        constants = constants.having(need, made, provider.of_train)
    return constants


def _needed(terms: Sequence[Term]) -> Iterator[tuple[str, Provider]]:
    return ((need, one) for need, one in PROVIDERS.items() if table.needs(terms, need))

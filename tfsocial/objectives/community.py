"""L0: what the community model M0 has to say about theta."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

import tensorflow as tf
from pydantic import Field

from tfsocial.models.heads import mean_pool
from tfsocial.objectives import divergence, masking
from tfsocial.objectives.contract import ANY_KIND, Forward, Objective, Terms
from tfsocial.text.batch import EXAMPLE_ID, SEGMENT_IDS, TOKEN_IDS, WEIGHT


@dataclass(frozen=True)
class FeatureCosine(Objective):
    """1 - cos(f(x; theta), f(x; theta0)), f the pooled vector of a text.

    Distillation from M0's own features: the tuned model keeps the directions M0 gave to
    texts. Feature distillation: Romero et al. (2015), FitNets, arXiv:1412.6550; the cosine
    form: Sanh et al. (2019), DistilBERT, arXiv:1910.01108, section 3.
    """

    needs = ("m0", "m0_vectors")

    def __call__(self, step: Forward) -> Terms:
        tuned = tf.math.l2_normalize(step.outputs.pooled, -1)
        frozen = tf.math.l2_normalize(step.community.pooled, -1)
        return Terms(1 - tf.reduce_sum(tuned * frozen, -1), step.batch[WEIGHT])


@dataclass(frozen=True)
class HiddenMSE(Objective):
    """mean over a text's tokens t and the dimensions of (h_t(x; theta) - h_t(x; theta0))^2.

    h are the states of the last layer. Jiao et al. (2020), TinyBERT, arXiv:1909.10351,
    equation 8, between layers of one size, so its projection is the identity.
    """

    needs = ("m0",)

    def __call__(self, step: Forward) -> Terms:
        tuned, frozen = (
            tf.cast(outputs.hidden, tf.float32) for outputs in (step.outputs, step.community)
        )
        square = tf.reduce_mean(tf.square(tuned - frozen), -1, keepdims=True)
        slots = step.batch[EXAMPLE_ID].shape[1]
        return Terms(mean_pool(square, step.batch[SEGMENT_IDS], slots)[..., 0], step.batch[WEIGHT])


@dataclass(frozen=True)
class SoftLabels(Objective):
    """T^2 * KL(softmax(z0 / T) || softmax(z / T)), z0 the logits of a linear probe on M0.

    Hinton, Vinyals & Dean (2015), Distilling the Knowledge in a Neural Network,
    arXiv:1503.02531, section 2: T^2 keeps the size of the gradient when T changes. The probe
    is fitted on train before the first step. A multilabel task takes each label's Bernoulli.
    """

    task: str
    temperature: Annotated[float, Field(gt=0.0)] = 2.0

    kinds = ("classify", "multilabel")
    needs = ("probe", "m0", "m0_vectors")

    def __call__(self, step: Forward) -> Terms:
        target, logits = (
            pass_.logits[self.task] / self.temperature for pass_ in (step.community, step.outputs)
        )
        distance = divergence.from_to(step.kinds[self.task], target, logits)
        return Terms(self.temperature**2 * distance, step.batch[WEIGHT])


@dataclass(frozen=True)
class LabelPropagation(Objective):
    """-(1 - H(F) / log C) * sum over the classes c of q_c log p_c, q = F^(1/T) / sum(F^(1/T)).

    F are train's labels as they spread between neighbours in M0's vectors, before the first step;
    a text counts as much as F is sure of it. Rows of train without a label are the unlabelled
    pool. `neighbours` are those of a text in the graph, `share` what it is told by them, against
    its own label or guess; `trust` is that in a label, against what a regression on M0's vectors
    says of its text: lower than 1 where labels may be wrong. `beside` is a name in the config's
    `checkpoints`: of a second one, whose vectors lie beside M0's; that of a run on the labels
    alone, say.
    Iscen et al. (2019), Label Propagation for Deep Semi-supervised Learning, arXiv:1904.04717,
    with its weight by entropy; there the graph is of the vectors that learn and made anew in each
    epoch, a text has one pseudo-label, and classes are weighted.
    """

    task: str
    neighbours: Annotated[int, Field(ge=1)] = 10
    share: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.9
    trust: Annotated[float, Field(ge=0.0, le=1.0)] = 1.0
    temperature: Annotated[float, Field(gt=0.0)] = 0.5
    beside: str | None = None

    kinds = ("classify",)
    needs = ("label_embeddings", "propagated_labels")
    checkpoint_fields = ("beside",)

    def __call__(self, step: Forward) -> Terms:
        spread = step.propagated_labels(self.task)
        logs = tf.math.log(tf.maximum(spread, 1e-9))
        entropy = -tf.reduce_sum(spread * logs, -1)
        sure = 1 - entropy / math.log(max(spread.shape[-1], 2))
        target = tf.nn.softmax(logs / self.temperature)
        log_p = tf.nn.log_softmax(step.outputs.logits[self.task])
        known = tf.cast(tf.reduce_sum(spread, -1) > 0, tf.float32)
        return Terms(-sure * tf.reduce_sum(target * log_p, -1), step.batch[WEIGHT] * known)


@dataclass(frozen=True)
class M0Task(Objective):
    """L(h(f(x; theta0)), y), the task's loss of M0's frozen vectors f under the shared head h.

    The formula's L0 taken literally: the head must still read what M0 said about the text,
    so it cannot drift to where only the tuned encoder is. A head that fits M0's features first
    distorts them less later: Kumar et al. (2022), arXiv:2202.10054.
    """

    task: str

    kinds = ANY_KIND
    needs = ("m0", "m0_vectors")

    def __call__(self, step: Forward) -> Terms:
        at_m0 = step.community
        return step.task_loss(self.task, at_m0._replace(logits=step.heads(at_m0.pooled)))


@dataclass(frozen=True)
class L2SP(Objective):
    """1/2 * sum over the encoder's weights of (w - w0)^2, the same for every example.

    L2-SP, Li, Grandvalet & Davoine (2018), Explicit Inductive Bias for Transfer Learning,
    arXiv:1802.01483, equation 3 (the heads have no w0; weight decay is theirs).
    """

    needs = ("m0",)

    def __call__(self, step: Forward) -> Terms:
        distance = tf.add_n([tf.nn.l2_loss(w - w0) for w, w0 in step.parameters.values()])
        weight = step.batch[WEIGHT]
        return Terms(distance * tf.ones_like(weight), weight)


@dataclass(frozen=True)
class RecAdam(Objective):
    """(1 - lambda(t)) * 1/2 * sum over the encoder's weights of (w - w0)^2.

    lambda(t) = 1 / (1 + exp(-steepness * (t - middle))), t the fraction of the run behind us:
    at first nearly all is recall of M0, towards the end nearly nothing. Chen et al. (2020),
    Recall and Learn: Fine-tuning Deep Pretrained Language Models with Less Forgetting,
    arXiv:2004.12651, equations 8 and 9, where t counts steps and lambda(t) multiplies L too
    (a task's weight may be a schedule). There the pull bypasses Adam's moments, here it is
    part of the loss.
    """

    steepness: Annotated[float, Field(gt=0.0)] = 20.0
    middle: Annotated[float, Field(ge=0.0, le=1.0)] = 0.5

    needs = ("m0",)

    def __call__(self, step: Forward) -> Terms:
        recalled = 1 - tf.sigmoid(self.steepness * (step.progress - self.middle))
        distance, mask = L2SP()(step)
        return Terms(recalled * distance, mask)


@dataclass(frozen=True)
class MaskedLM(Objective):
    """-mean over a text's hidden words w of log p(w | the text without them; theta).

    The task M0 was made by, kept during fine-tuning, so that what it knows of the language is
    not unlearned. Devlin et al. (2019), BERT, arXiv:1810.04805, section 3.1; beside the task:
    Chronopoulou et al. (2019), arXiv:1902.10547, section 3. M0's own masked-LM head is taken
    where it has one; else one is learned on train first, alone. No labels are needed; without
    any task it is pretraining, as on the texts one has: Gururangan et al. (2020), Don't Stop
    Pretraining, arXiv:2004.10964.
    """

    share: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.15
    whole_words: bool = True

    needs = ("word_parts", "mlm_head")
    learns_from_text = True

    def __call__(self, step: Forward) -> Terms:
        hidden = masking.masked(step, self.share, self.whole_words)
        states = hidden.at_places(step.encode_tokens(hidden.token_ids).hidden)
        words, texts, asked = map(
            hidden.at_places, (step.batch[TOKEN_IDS], step.batch[SEGMENT_IDS], hidden.predicted)
        )
        loss = tf.nn.sparse_softmax_cross_entropy_with_logits(words, step.mlm_logits(states))
        both = tf.stack([tf.where(asked, loss, 0.0), tf.cast(asked, tf.float32)], -1)
        pooled = mean_pool(both, texts, slots=step.batch[EXAMPLE_ID].shape[1])
        # A text of which nothing is hidden counts with 0: masks are the batch's, not chance's.
        return Terms(tf.math.divide_no_nan(pooled[..., 0], pooled[..., 1]), step.batch[WEIGHT])


@dataclass(frozen=True)
class EWC(Objective):
    """1/2 * sum over the encoder's weights i of F_i (w_i - w0_i)^2, the same for every example.

    F is the diagonal of the Fisher information of M0's own task, masked words, on the texts of
    train, over its mean: what M0 depends on most is held most. Kirkpatrick et al. (2017),
    Overcoming catastrophic forgetting in neural networks, arXiv:1612.00796, equation 3. With all
    F alike it is `l2_sp`.
    """

    needs = ("m0", "word_parts", "mlm_head", "fisher")

    def __call__(self, step: Forward) -> Terms:
        of_m0 = step.fisher
        distance = tf.add_n(
            [
                tf.reduce_sum(of_m0[name] * tf.square(w - w0)) / 2
                for name, (w, w0) in step.parameters.items()
            ]
        )
        weight = step.batch[WEIGHT]
        return Terms(distance * tf.ones_like(weight), weight)

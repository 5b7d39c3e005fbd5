"""The peers, with the weights of a run's model/ folder: what is compared is how they run it.

--kind: pipeline      transformers.pipeline("text-classification"), batches of 32
        encode        SentenceTransformer.encode, then the head in numpy
        onnx          ONNX Runtime, float32; sorted by length, batches of 32, padded
        onnx_int8     the same after onnxruntime's dynamic quantization
        setfit_onnx   the file that setfit.exporters.onnx writes, in ONNX Runtime
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import asking
import numpy as np

BATCH = 32
LENGTH = 128
KINDS = ("pipeline", "encode", "onnx", "onnx_int8", "setfit_onnx")
PACKAGES = {
    "pipeline": ["torch", "transformers"],
    "encode": ["torch", "transformers", "sentence-transformers"],
    "onnx": ["onnxruntime", "tokenizers"],
    "onnx_int8": ["onnxruntime", "tokenizers"],
    "setfit_onnx": ["onnxruntime", "setfit"],
}


def main() -> None:
    parser = asking.flags(__doc__)
    parser.add_argument("--kind", choices=KINDS, required=True)
    options = parser.parse_args()
    asking.hold_to_threads(options.threads)
    import torch

    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        made = {
            "pipeline": pipeline,
            "encode": encode,
            "onnx": lambda *given: in_onnx_runtime(*given, int8=False),
            "onnx_int8": lambda *given: in_onnx_runtime(*given, int8=True),
            "setfit_onnx": lambda *given: in_onnx_runtime(*given, int8=False, setfit=True),
        }[options.kind](options.model, Path(folder), options.threads)
        answer, megabytes = made
        asking.measure(answer, options, megabytes, PACKAGES[options.kind])


class Head:
    """The head of the only task, with what makes probabilities of its logits."""

    def __init__(self, model: Path):
        from safetensors.numpy import load_file

        manifest = json.loads((model / "config.json").read_text("utf-8"))["tfsocial"]
        ((self.task, spec),) = manifest["tasks"].items()
        tensors = load_file(model / "heads.safetensors")
        self.weight, self.bias = tensors[f"{self.task}.weight"], tensors[f"{self.task}.bias"]
        self.several = spec["kind"] == "multilabel"
        scaling = manifest["calibration"].get(self.task) or {"scale": [1.0], "shift": [0.0]}
        self.scale, self.shift = np.array(scaling["scale"]), np.array(scaling["shift"])

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        logits = logits * self.scale + self.shift
        if self.several:
            return 1 / (1 + np.exp(-logits))
        powers = np.exp(logits - logits.max(-1, keepdims=True))
        return powers / powers.sum(-1, keepdims=True)

    def module(self) -> Any:
        import torch

        linear = torch.nn.Linear(self.weight.shape[1], self.weight.shape[0])
        linear.load_state_dict(
            {"weight": torch.tensor(self.weight), "bias": torch.tensor(self.bias)}
        )
        return linear


def pipeline(model: Path, folder: Path, threads: int) -> tuple[asking.Answer, float]:
    """Mean pooling and the head behind a real pipeline: BERT's own class pools the first token."""
    import torch
    from transformers import AutoTokenizer, BertConfig, BertModel, BertPreTrainedModel
    from transformers import pipeline as make
    from transformers.modeling_outputs import SequenceClassifierOutput

    head = Head(model)

    class Pooled(BertPreTrainedModel):
        def __init__(self, config):
            super().__init__(config)
            self.bert = BertModel.from_pretrained(model, add_pooling_layer=False)
            self.head = head.module()

        def forward(self, input_ids, attention_mask, token_type_ids=None, **_):
            hidden = self.bert(input_ids, attention_mask, token_type_ids).last_hidden_state
            mask = attention_mask[..., None].to(hidden.dtype)
            pooled = (hidden * mask).sum(1) / mask.sum(1)
            return SequenceClassifierOutput(logits=self.head(pooled))

    config = BertConfig.from_pretrained(model)
    config.num_labels = len(head.bias)
    tokenizer = AutoTokenizer.from_pretrained(model, model_max_length=LENGTH)
    run = make(
        "text-classification", model=Pooled(config).eval(), tokenizer=tokenizer,
        batch_size=BATCH, device="cpu", top_k=None, function_to_apply="none", truncation=True,
    )  # fmt: skip
    places = {name: place for place, name in config.id2label.items()}

    def answer(texts: Sequence[str]) -> np.ndarray:
        logits = np.zeros([len(texts), len(head.bias)])
        for row, labels in enumerate(run(list(texts))):
            for one in labels:
                logits[row, places[one["label"]]] = one["score"]
        return head.probabilities(logits)

    torch.set_grad_enabled(False)
    return answer, size_of(model)


def encode(model: Path, folder: Path, threads: int) -> tuple[asking.Answer, float]:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Pooling, Transformer

    head = Head(model)
    words = Transformer(str(model), max_seq_length=LENGTH)
    encoder = SentenceTransformer(modules=[words, Pooling(len(head.weight[0]))], device="cpu")

    def answer(texts: Sequence[str]) -> np.ndarray:
        vectors = encoder.encode(list(texts), batch_size=BATCH, show_progress_bar=False)
        return head.probabilities(vectors @ head.weight.T + head.bias)

    return answer, size_of(model)


def in_onnx_runtime(
    model: Path, folder: Path, threads: int, int8: bool, setfit: bool = False
) -> tuple[asking.Answer, float]:
    import onnxruntime
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from transformers import AutoTokenizer

    head = Head(model)
    tokenizer = AutoTokenizer.from_pretrained(model)
    path = folder / "model.onnx"
    write_onnx(model, head, tokenizer, path, setfit)
    if int8:
        quantize_dynamic(path, folder / "int8.onnx", weight_type=QuantType.QInt8)
        path = folder / "int8.onnx"
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(path, settings, providers=["CPUExecutionProvider"])
    names = {one.name for one in session.get_inputs()}

    def run(texts: list[str]) -> np.ndarray:
        fed = tokenizer(texts, truncation=True, max_length=LENGTH, padding=True)
        arrays = {name: np.array(fed[name], np.int64) for name in names}
        return session.run(None, arrays)[0]

    return by_length(run, head), path.stat().st_size / 1e6


def write_onnx(model: Path, head: Head, tokenizer: Any, path: Path, setfit: bool) -> None:
    """By SetFit's own exporter, or by PyTorch's the same way."""
    from setfit.exporters.onnx import OnnxSetFitModel, export_onnx_setfit_model
    from setfit.exporters.utils import mean_pooling
    from transformers import BertModel

    body = BertModel.from_pretrained(model, add_pooling_layer=False, attn_implementation="eager")
    # Its own pooling, which its default hands the wrong arguments to.
    wrapped = OnnxSetFitModel(body, lambda read: mean_pooling(*read.values()), head.module())
    inputs = tokenizer(["a text", "another longer text"], padding=True, return_tensors="pt")
    order = ("input_ids", "attention_mask", "token_type_ids")
    if setfit:
        export_onnx_setfit_model(wrapped, {name: inputs[name] for name in order}, str(path), 17)
        return
    import torch

    axes = {name: {0: "batch", 1: "length"} for name in order}
    with torch.no_grad():
        torch.onnx.export(
            wrapped.eval(), tuple(inputs[name] for name in order), str(path), opset_version=17,
            input_names=[*order], output_names=["logits"], dynamo=False,
            dynamic_axes={**axes, "logits": {0: "batch"}},
        )  # fmt: skip


def by_length(run: Callable[[list[str]], np.ndarray], head: Head) -> asking.Answer:
    """Sorts by length as `encode` does, in batches."""

    def answer(texts: Sequence[str]) -> np.ndarray:
        order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
        parts = [
            run([texts[place] for place in order[start : start + BATCH]])
            for start in range(0, len(texts), BATCH)
        ]
        return head.probabilities(np.concatenate(parts)[np.argsort(order)])

    return answer


def size_of(model: Path) -> float:
    return sum((model / name).stat().st_size for name in ("model.safetensors", "vocab.txt")) / 1e6


if __name__ == "__main__":
    main()

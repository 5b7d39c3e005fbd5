"""The only door to `transformers`: its TensorFlow classes, and no PyTorch beside them.

`transformers` reads once, when it is imported, which framework to take. PyTorch beside TensorFlow
in one process costs seconds of start-up and, in some pairs of builds, ends in a segmentation fault
on a clash of their LLVMs. So the choice stands here, before the import, and whoever needs
`transformers` imports it from here.
"""

from __future__ import annotations

import os

os.environ["USE_TF"] = "1"
os.environ["USE_TORCH"] = "0"

import transformers
from transformers import BertConfig
from transformers.models.bert.modeling_tf_bert import TFBertMainLayer

__all__ = ["BertConfig", "TFBertMainLayer", "transformers"]

"""What a graph may be made of, so that older servers load it too.

TensorFlow Serving 2.12.1 to 2.19.1 have the kernels of tensorflow-text 2.12.1, 2.20 those of
2.20.0. All on the list are known to TensorFlow 2.12.1 with tensorflow-text 2.12.1, where a test
loads models of every kind (`make old-runtime-env`); another may be known to newer servers only.
"""

from __future__ import annotations

from pathlib import Path

from tensorflow.core.framework import graph_pb2
from tensorflow.core.protobuf import saved_model_pb2

_OPS = """
AddV2 All Any Assert AssignVariableOp BatchMatMulV2 BiasAdd BroadcastTo Cast ConcatV2 Const Cumsum
DisableCopyOnRead DivNoNan Equal Erf Exp ExpandDims FastWordpieceTokenizeWithOffsets Fill GatherNd
GatherV2 Greater GreaterEqual Identity IdentityN If IsFinite Less Log LowerBound MatMul Max
Maximum Mean MergeV2Checkpoints Min Minimum Mul Neg NoOp NormalizeUTF8 NotEqual Pack Pad PadV2
ParseExampleV2 Placeholder Pow Prod RaggedGather RaggedRange Range ReadVariableOp RealDiv Relu
Reshape ResourceGather RestoreV2 Rsqrt SaveV2 ScatterNd Select SelectV2 Shape ShardedFilename
Sigmoid Size Softmax Softplus Sqrt Square SquaredDifference Squeeze StatefulPartitionedCall
StatelessWhile StaticRegexFullMatch StaticRegexReplace StopGradient StridedSlice StringJoin
StringLower Sub Sum Tanh TensorListReserve TensorListSetItem TensorListStack TensorScatterUpdate
Tile TopKV2 Transpose UnicodeTranscode UnsortedSegmentJoin UpperBound VarHandleOp Where ZerosLike
"""
OPS = frozenset(_OPS.split())


def read_graph(saved_model: Path) -> graph_pb2.GraphDef:
    """Read the graph of a SavedModel, functions included."""
    content = (saved_model / "saved_model.pb").read_bytes()
    return saved_model_pb2.SavedModel.FromString(content).meta_graphs[0].graph_def


def used_ops(graph: graph_pb2.GraphDef) -> set[str]:
    """List the ops of a graph and its functions, but not the functions' own names."""
    functions = {function.signature.name for function in graph.library.function}
    bodies = [graph.node, *(function.node_def for function in graph.library.function)]
    return {node.op for body in bodies for node in body} - functions


def compiled_functions(graph: graph_pb2.GraphDef) -> list[str]:
    """Name the functions that insist on XLA, which TensorFlow Serving has switched off."""
    return [
        function.signature.name
        for function in graph.library.function
        if "_XlaMustCompile" in function.attr and function.attr["_XlaMustCompile"].b
    ]

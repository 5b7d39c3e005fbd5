"""Compiles StableHLO with the TPU compiler in libtpu; runs in an environment of its own.

    python compile_for_tpu.py --module=step.mlir --topology=v5e:2x2

Imports nothing of tfsocial: TensorFlow and this libtpu do not live in one environment. Prints
one line of JSON: the compiler's counts, or what it could not compile.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
from pathlib import Path

# There is no TPU here: none to ask who it is, none that two processes could quarrel about.
os.environ["TPU_SKIP_MDS_QUERY"] = "1"
os.environ["ALLOW_MULTIPLE_LIBTPU_LOAD"] = "1"
os.environ["JAX_PLATFORMS"] = "cpu"


def main() -> None:
    """Read the flags, compile, print the line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--module", type=Path, required=True)
    parser.add_argument("--topology", required=True)
    options = parser.parse_args()
    json.dump(verdict(options.module.read_text("utf-8"), options.topology), sys.stdout)


def verdict(text: str, topology: str) -> dict:
    """Give counts of the compiled module, or `error` with the names of the place it is about."""
    from jax._src.interpreters import mlir
    from jax._src.lib.mlir import ir

    device, error = first_device(topology)
    if error:
        return {"topology_error": error}
    # TensorFlow marks its results so; jaxlib has no such operation.
    text = text.replace("mhlo.copy", "stablehlo.optimization_barrier")
    with mlir.make_ir_context():
        try:
            module = ir.Module.parse(text)
        except ir.MLIRError as problem:
            return {"error": str(problem), "names": names_on_line(text, str(problem))}
        begun = time.perf_counter()
        try:
            program = compiled(module, device)
        except Exception as problem:  # the runtime has one class for all that goes wrong
            return {"error": str(problem), "names": names_in(module, str(problem))}
        return counts(program, device) | {"seconds": time.perf_counter() - begun}


def first_device(topology: str):
    """Give the first chip of a slice, or why there is none."""
    from jax.experimental import topologies

    try:
        return topologies.get_topology_desc(topology, "tpu").devices[0], None
    except Exception as problem:
        return None, str(problem).splitlines()[0]


def compiled(module, device):
    """Compile the module for one chip: replicas of data parallelism are alike."""
    from jax._src import compiler
    from jax._src.lib import xla_client

    options = compiler.get_compile_options(
        num_replicas=1, num_partitions=1, device_assignment=[[device.id]]
    )
    return device.client.compile(module, xla_client.DeviceList((device,)), options)


def counts(program, device) -> dict:
    """Count bytes of memory, and the operations and bytes of a step."""
    memory, cost = program.get_compiled_memory_stats(), program.cost_analysis()
    return {
        "device": device.device_kind,
        "arguments": memory.argument_size_in_bytes,
        "results": memory.output_size_in_bytes - memory.alias_size_in_bytes,
        "temporaries": memory.temp_size_in_bytes,
        "code": memory.generated_code_size_in_bytes,
        "flops": cost["flops"],
        "traffic": cost["bytes accessed"],
        "cycles": cycles(program.hlo_modules()[0].to_string()),
    }


def cycles(text: str) -> int:
    """Add up the compiler's own estimates of every step of the program."""
    entry = text[text.index("\nENTRY") :]
    return sum(map(int, re.findall(r'"estimated_cycles":"(\d+)"', entry)))


def names_on_line(text: str, message: str) -> list[str]:
    """List names that stand where the parser stopped: `"-":LINE:COLUMN`."""
    place = re.search(r'"-":(\d+):', message)
    if not place:
        return []
    line = text.splitlines()[int(place[1]) - 1]
    aliases = re.findall(r"#loc\d*", line)
    while aliases:
        definition = re.search(rf"^{aliases[-1]} = (.*)$", text, re.MULTILINE)
        meaning = definition[1] if definition else ""
        line, aliases = line + meaning, aliases[:-1] + re.findall(r"#loc\d*", meaning)
    return re.findall(r'"([^"]+)"', line)


def names_in(module, message: str) -> list[str]:
    """List names the compiler gives, and those of the operations it speaks of."""
    names = re.findall(r'op_name="([^"]+)"', message)

    def look(operation):
        attributes = operation.attributes
        target = str(attributes["call_target_name"]) if "call_target_name" in attributes else ""
        if target and target.strip('"') in message:
            names.extend(re.findall(r'"([^"]+)"', str(operation.location)))
        return walk_on

    from jax._src.lib.mlir import ir

    walk_on = ir.WalkResult.ADVANCE
    module.operation.walk(look)
    return names


if __name__ == "__main__":
    main()

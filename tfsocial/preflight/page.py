"""What preflight prints: the compiler's counts beside the chip's published figures."""

from __future__ import annotations

from collections.abc import Iterator

from tfsocial.preflight import bounds
from tfsocial.preflight.check import Checked
from tfsocial.preflight.chips import GIB
from tfsocial.preflight.largest import Largest

CHIPS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


def page(checked: Checked) -> str:
    """Write all lines, top to bottom."""
    sections = (_header, _memory, _arithmetic, _roofline, _scaling, _whole_run)
    lines = [line for section in sections for line in section(checked)]
    return "\n".join([*lines, "", *LIMITS])


LIMITS = (
    "These are bounds from the compiler's counts and published figures; no TPU ran anything.",
    "Bytes are those of every instruction, also where they stay on the chip; the exchange of",
    "gradients is counted without latency and as if no step ran beside it; input is not counted.",
)


def load(checked: Checked) -> bounds.Load:
    """Compute what one chip's step holds on average."""
    return checked.row.times(checked.rows)


def step_bound(checked: Checked) -> bounds.Roofline:
    """Compute the bound on one chip's step."""
    return bounds.roofline(checked.counts.flops, checked.counts.traffic, checked.topology.chip)


def flops_ratio(checked: Checked) -> float:
    """Divide compiled operations by useful ones."""
    return checked.counts.flops / bounds.useful_flops(checked.network, load(checked))


def _header(checked: Checked) -> Iterator[str]:
    topology, work = checked.topology, load(checked)
    yield f"{checked.name} on {topology.name}: {topology.chips} x {checked.counts.device}"
    yield (
        f"a chip's step: {checked.rows} rows of {checked.row_length}, "
        f"{work.examples:.1f} examples, {work.tokens:.0f} tokens of text"
    )
    yield f"compiles: yes, in {checked.counts.seconds:.0f} s"


def _memory(checked: Checked) -> Iterator[str]:
    counts, memory = checked.counts, checked.topology.chip.memory
    yield (
        f"HBM a chip: {_gib(counts.memory)} of {_gib(memory)} GiB (arguments "
        f"{_gib(counts.arguments)}, temporaries {_gib(counts.temporaries)}, "
        f"code {_gib(counts.code)}, results {_gib(counts.results)})"
    )
    if checked.largest:
        yield _largest(checked.largest, checked.topology.chips)


def _largest(most: Largest, chips: int) -> str:
    beyond = f"{most.too_many} do not" if most.too_many else "less than a tenth more might"
    return (
        f"largest batch that fits: {most.fits} rows a chip, {most.fits * chips} of all "
        f"({_gib(most.counts.memory)} GiB, compiled; {beyond})"
    )


def _arithmetic(checked: Checked) -> Iterator[str]:
    counts, work = checked.counts, load(checked)
    useful = bounds.useful_flops(checked.network, work)
    yield (
        f"FLOPs a step: {counts.flops / 1e9:.2f} G; useful {useful / 1e9:.2f} G, "
        f"{useful / work.tokens / 1e6:.2f} M a token of text; {flops_ratio(checked):.3f} times"
    )
    yield (
        f"bytes a step: {counts.traffic / 1e9:.2f} GB, {counts.traffic / work.tokens / 1e6:.2f} MB "
        "a token of text"
    )


def _roofline(checked: Checked) -> Iterator[str]:
    bound = step_bound(checked)
    yield (
        f"roofline: {_ms(bound.compute)} of arithmetic, {_ms(bound.memory)} of memory; at most "
        f"{load(checked).examples / bound.seconds:,.0f} examples/s a chip"
    )


def _scaling(checked: Checked) -> Iterator[str]:
    size = checked.network.gradient_bytes
    yield f"gradient: {size / 1e6:.1f} MB; with {checked.rows} rows on each chip:"
    yield "  chips   MB sent a chip   exchange   efficiency           examples/s"
    yield from (_with_chips(checked, chips) for chips in CHIPS)


def _with_chips(checked: Checked, chips: int) -> str:
    sent = bounds.all_reduce_bytes(checked.network.gradient_bytes, chips)
    seconds, exchange = step_bound(checked).seconds, exchange_seconds(checked, chips)
    rate = chips * load(checked).examples / (seconds + exchange)
    share = bounds.efficiency(seconds, exchange)
    return f"  {chips:5d} {sent / 1e6:16.1f} {_ms(exchange):>10} {share:12.1%} {rate:20,.0f}"


def exchange_seconds(checked: Checked, chips: int) -> float:
    """Compute how long all gradients take over so many chips."""
    network = checked.network
    return bounds.all_reduce_seconds(network.gradient_bytes, chips, checked.topology.chip)


def _whole_run(checked: Checked) -> Iterator[str]:
    topology = checked.topology
    step = step_bound(checked).seconds + exchange_seconds(checked, topology.chips)
    hours = checked.steps * step / 3600
    yield (
        f"the run: {checked.steps} steps; on {topology.name} at least {60 * hours:.2g} minutes of "
        f"steps, {hours * topology.chips:.2g} chip-hours"
    )


def _gib(size: float) -> str:
    return f"{size / GIB:.2f}"


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.3f} ms"

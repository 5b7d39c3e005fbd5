"""The arithmetic of preflight, against numbers worked by hand."""

from __future__ import annotations

import pytest

from tfsocial.errors import InputError
from tfsocial.preflight import bounds, chips
from tfsocial.preflight.bounds import Load, Network
from tfsocial.preflight.chips import Chip

# 1000 operations and 100 bytes a second, 4 links of 5 bytes a second, a torus of 16.
SLOW = Chip(flops=1000.0, memory=2000, bandwidth=100.0, link=5.0, links=4, torus=16)


def test_useful_flops_of_two_texts():
    """Texts of 2 and 3 tokens; 10 parameters a token, 7 an example; 2 layers of width 4."""
    network = Network(per_token=10, per_example=7, layers=2, hidden=4, gradient_bytes=68)
    load = Load(examples=2, tokens=2 + 3, squares=4 + 9)
    # 6 * (10 * 5 + 7 * 2) = 384; attention 2 layers * 6 * (2 products of 2 * 2 * 4 + 3 * 3 * 4)
    assert bounds.useful_flops(network, load) == 384 + 2 * 6 * 2 * (16 + 36)
    assert bounds.useful_flops(network, load.times(3)) == 3 * (384 + 1248)


def test_attention_costs_what_its_products_cost():
    """A head of 3 tokens and width 4: scores and mixture are 2 * 3 * 3 * 4 each, times 3."""
    network = Network(per_token=0, per_example=0, layers=1, hidden=4, gradient_bytes=0)
    forward = 2 * (2 * 3 * 3 * 4)
    assert bounds.useful_flops(network, Load(1, 3, 9)) == 3 * forward


@pytest.mark.parametrize(("traffic", "seconds"), [(50, 0.5), (400, 4.0)])
def test_the_slower_of_both_roofs_bounds_a_step(traffic, seconds):
    """500 operations take 0.5 s; 50 bytes 0.5 s too, 400 bytes 4 s."""
    roofline = bounds.roofline(500, traffic, SLOW)
    assert roofline.compute == 0.5
    assert roofline.seconds == seconds


def test_each_chip_sends_nearly_twice_the_gradient():
    """2 (n - 1) / n: nothing alone, the whole gradient between two, twice it among very many."""
    assert bounds.all_reduce_bytes(80, 1) == 0
    assert bounds.all_reduce_bytes(80, 2) == 80
    assert bounds.all_reduce_bytes(80, 8) == 140
    assert bounds.all_reduce_bytes(80, 10**9) == pytest.approx(160)


@pytest.mark.parametrize(
    ("count", "links", "seconds"),
    # 80 bytes over one link of 5; 120 over two; 150 over all four.
    [(1, 0, 0.0), (2, 1, 16.0), (4, 2, 12.0), (8, 2, 14.0), (16, 4, 7.5)],
)
def test_the_exchange_uses_the_links_there_are(count, links, seconds):
    """Two chips have one link between them, a mesh is gone round on two, a torus has all."""
    assert chips.links_in_use(SLOW, count) == links
    assert bounds.all_reduce_seconds(80, count, SLOW) == pytest.approx(seconds)


def test_efficiency_is_what_the_exchange_leaves():
    """A step of 9 s and an exchange of 1 s: nine tenths; without exchange all."""
    assert bounds.efficiency(9, 1) == 0.9
    assert bounds.efficiency(9, 0) == 1.0


def test_a_published_pod_agrees_with_its_chips():
    """v5e and v6e pods: 51.2 and 102.4 TB/s of all-reduce are all links of 256 chips, one way."""
    for kind, pod in (("v5e", 51.2e12), ("v6e", 102.4e12)):
        chip = chips.CHIPS[kind]
        assert 256 * chip.links * chip.link == pytest.approx(pod)


def test_topologies():
    """The chips of a slice in two or three dimensions."""
    assert chips.topology("v5e:1x1").chips == 1
    assert chips.topology("v6e:4x8").chips == 32
    assert chips.topology("v5p:2x2x1").chip == chips.CHIPS["v5p"]


@pytest.mark.parametrize("name", ["v5e", "v5e:", "v5e:2x", "v5e:0x2", "v5e:axb", "", "v5:2x2"])
def test_a_wrong_topology_is_refused(name):
    """The flag and what was given are named."""
    with pytest.raises(InputError, match=f"^--topology={name}: "):
        chips.topology(name)

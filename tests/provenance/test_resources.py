"""Provenance: what is refused and how to allow it, and what is written down."""

from __future__ import annotations

import hashlib
import json

import pytest

import tfsocial
from tfsocial import config
from tfsocial.errors import InputError
from tfsocial.provenance import resources
from tfsocial.provenance.resources import Resource


def data(licence: str = "unknown", **values) -> Resource:
    tree = {"name": "tickets", "homepage": "example.org/tickets", "licence": licence, **values}
    return resources.of_data(config.parse({"data": tree}).data)


def refusal(resource: Resource, policy: str = "permissive") -> str:
    with pytest.raises(InputError) as caught:
        resources.check([resource], policy)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# kind of licence x policy: what passes
@pytest.mark.parametrize(
    ("licence", "passes"),
    [
        ("CC-BY-4.0", {"permissive", "noncommercial", "any"}),
        ("CC-BY-SA-4.0", {"noncommercial", "any"}),
        ("CC-BY-ND-4.0", {"noncommercial", "any"}),
        ("CC-BY-NC-SA-4.0", {"noncommercial", "any"}),
        ("house rules", {"any"}),
        ("unknown", {"any"}),
    ],
)
def test_a_policy_lets_through_what_fits_it(licence, passes):
    accepted = {policy for policy in resources.ACCEPTED if not _refused(licence, policy)}
    assert accepted == passes


def _refused(licence: str, policy: str) -> bool:
    return bool(resources.refusal(data(licence), policy))


def test_the_policies_are_those_of_the_config():
    for policy in resources.ACCEPTED:
        assert config.parse({"data": {"licence_policy": policy}}).data.licence_policy == policy
    with pytest.raises(InputError, match=r"data\.licence_policy is 'all'"):
        config.parse({"data": {"licence_policy": "all"}})


def test_an_unknown_licence_is_refused_with_both_ways_out():
    message = refusal(data())
    assert message.startswith("data.licence: nothing says under which licence the data (tickets)")
    assert "data.licence_policy is permissive" in message
    assert "example.org/tickets" in message
    assert "--set data.licence=SPDX-ID" in message
    assert "--set data.licence_ack='WHY'" in message


def test_a_non_commercial_licence_is_refused_with_its_policy():
    message = refusal(data("cc-by-nc-sa-4.0"))
    assert "CC-BY-NC-SA-4.0 of the data (tickets) forbids commercial use" in message
    assert message.endswith("say --set data.licence_policy=noncommercial")
    assert "ack" not in message


def test_a_misspelled_licence_is_refused_with_the_one_meant():
    assert "'Apache2' of the data (tickets) is no known SPDX id (did you mean Apache-2.0?)" in (
        refusal(data("Apache2"))
    )


@pytest.mark.parametrize("licence", ["unknown", "house rules", "CC-BY-SA-4.0", "CC-BY-ND-4.0"])
def test_a_reason_lets_a_source_through(licence):
    resources.check([data(licence, licence_ack="they are our own")], "permissive")


def test_no_reason_makes_a_use_non_commercial():
    assert "forbids commercial use" in refusal(data("CC-BY-NC-4.0", licence_ack="we asked"))


@pytest.mark.parametrize("reason", ["", "  "])
def test_a_reason_says_something(reason):
    with pytest.raises(InputError, match=r"data\.licence_ack is empty; say why"):
        config.parse({"data": {"licence_ack": reason}})


def test_everything_refused_is_said_at_once():
    model = Resource("model", "hub:some/bert", key="model")
    with pytest.raises(InputError) as caught:
        resources.check([data(), model, Resource("method", "L/mood")], "permissive")
    assert "data.licence: " in str(caught.value)
    assert "model.licence: nothing says under which licence the checkpoint (hub:some/bert)" in str(
        caught.value
    )
    assert "--set model.licence_ack" in str(caught.value)
    assert "L/mood" not in str(caught.value)


# --- M0 --------------------------------------------------------------------------------


def checkpoint(folder, **values) -> Resource:
    return resources.of_checkpoint(config.Model(**values), str(folder), folder)


def test_m0_says_its_own_licence(tmp_path):
    (tmp_path / "README.md").write_text("---\nlicense: mit\n---\n")
    found = checkpoint(tmp_path)
    assert (found.licence, found.licence_source) == ("MIT", "README.md, license of the checkpoint")


def test_the_config_says_it_where_m0_does_not(tmp_path):
    assert checkpoint(tmp_path).licence == "unknown"
    found = checkpoint(tmp_path, licence="mit", citation="Somebody (2020)")
    assert (found.licence, found.licence_source) == ("MIT", "model.licence of the config")
    assert found.citation == "Somebody (2020)"


def test_a_config_that_contradicts_m0_is_refused(tmp_path):
    (tmp_path / "LICENSE").write_text("Attribution-NonCommercial 4.0 International\n")
    with pytest.raises(InputError) as caught:
        checkpoint(tmp_path, licence="MIT")
    assert "model.licence is MIT, but LICENSE of the checkpoint" in str(caught.value)
    assert "says CC-BY-NC-4.0; leave model.licence out" in str(caught.value)
    assert checkpoint(tmp_path, licence="cc-by-nc-4.0").licence_source.startswith("LICENSE")


def test_a_package_s_metadata_is_read_last(tmp_path):
    """PyYAML is installed, is under MIT, and has no card."""
    model = config.Model()
    found = resources.of_checkpoint(model, "package:PyYAML", tmp_path)
    assert (found.licence, found.licence_source) == (
        "MIT",
        "metadata of the package PyYAML: License",
    )
    assert found.version
    (tmp_path / "README.md").write_text("---\nlicense: apache-2.0\n---\n")
    assert resources.of_checkpoint(model, "package:PyYAML", tmp_path).licence == "Apache-2.0"


def test_the_hash_is_of_the_content(tmp_path):
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_bytes(b"one")
    second.write_bytes(b"two")
    expected = hashlib.sha256(b"onetwo").hexdigest()
    assert resources.digest([str(first), str(second)]) == expected
    assert resources.of_data(config.Data(), [str(first), str(second)]).sha256 == expected
    with pytest.raises(InputError, match="cannot be read"):
        resources.digest([str(tmp_path / "none")])


# --- what is written -------------------------------------------------------------------


def test_the_record_holds_all_that_a_run_was_made_of(tmp_path):
    ours = data("CC-BY-4.0", citation="A (2020)", licence_source="LICENSE there")
    resources.write(tmp_path / "provenance.json", {"seeds": {"seed": 7}}, [ours])
    written = json.loads((tmp_path / "provenance.json").read_text("utf-8"))
    assert written["tfsocial"] == tfsocial.__version__
    assert written["seeds"] == {"seed": 7}
    assert written["packages"]["tensorflow"].startswith("2.20")
    assert all(written["packages"].values())
    (entry,) = written["resources"]
    assert entry["name"] == "tickets"
    assert entry["licence"] == "CC-BY-4.0"
    assert entry["licence_source"] == "data.licence of the config: LICENSE there"
    assert entry["citation"] == "A (2020)"
    assert "git_revision" in written


def test_the_strictest_licence_binds():
    m0 = Resource("model", "m0", key="model", licence="MIT")
    method = Resource("method", "L", licence="unknown")
    assert resources.strictest([m0, data("Apache-2.0"), method]) == m0
    assert resources.strictest([m0, data("CC-BY-SA-4.0"), method]).name == "tickets"
    assert resources.strictest([m0, data("CC-BY-NC-4.0"), data()]).licence == "unknown"

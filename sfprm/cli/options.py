"""Options that several commands have."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["DeploymentWait"]

DeploymentWait = Annotated[
    float,
    typer.Option(min=0, help="Seconds to wait while a metadata deployment runs in the org."),
]

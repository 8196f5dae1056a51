"""Puts the bill of materials into the wheel (`.dist-info/sboms/`, PEP 770), where `make build` has made one.

A wheel that is built by other means, such as `pip install git+...`, has none, and is otherwise the same.
"""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SBOM = "sbom/reconciler.cdx.json"


class BillOfMaterials(BuildHookInterface):  # type: ignore[type-arg]
    """Asked by hatchling before it writes a wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's signature
        """Names the file, if it is there."""
        if (Path(self.root) / SBOM).is_file():
            build_data["sbom_files"].append(SBOM)

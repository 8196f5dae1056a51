"""Write bills of materials (CycloneDX 1.6): the dependencies of the program in the locked versions.

They come only from pyproject.toml and requirements/dev.lock. They are the same bytes on every machine and hold no
information about it. A wheel allows version ranges, so a bill lists the tested versions and not those of a particular
installation (docs/supply-chain.md).
"""

import json
import sys
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, Property, XsUri
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.model.lifecycle import LifecyclePhase, PredefinedLifecycle
from cyclonedx.output.json import JsonV1Dot6
from locks import HERE, NAME, Pin, asked, closure, extras, project, read
from packageurl import PackageURL

SPACE = uuid.UUID("6f0c3a52-8f0e-5b0f-9d8e-2f2c6b7f0a11")
"""The UUID namespace of our serial numbers. A serial number is derived from the content of its document."""


def documents(made_at: int) -> dict[str, str]:
    """Return the documents by file name: the base install, the base install with each extra, and with all extras.

    Args:
        made_at: the time of the commit, in seconds since 1970.
    """
    shipped = extras()
    found = {"reconciler.cdx.json": document(shipped, made_at), "reconciler.base.cdx.json": document((), made_at)}
    for extra in shipped:
        found[f"reconciler.{extra}.cdx.json"] = document((extra,), made_at)
    return dict(sorted(found.items()))


def document(chosen: Iterable[str], made_at: int) -> str:
    """Return the document of the base install with some extras."""
    chosen = tuple(chosen)
    pins = read(HERE / "dev.lock")
    always = closure(pins, asked([""]))
    by_extra = {extra: closure(pins, asked([extra])) for extra in chosen}
    wanted: dict[str, Pin] = dict(always)
    for more in by_extra.values():
        wanted |= more
    components = {
        # A package of the base install is required, even if an extra needs it too.
        name: _component(pin, [] if name in always else [e for e in chosen if name in by_extra[e]])
        for name, pin in sorted(wanted.items())
    }
    return _written(_bom(components, wanted, asked(["", *chosen]), made_at))


def _bom(components: Mapping[str, Component], pins: Mapping[str, Pin], direct: Iterable[str], made_at: int) -> Bom:
    table = project()["project"]
    assert isinstance(table, dict)
    root = Component(
        name=NAME,
        version=table["version"],
        type=ComponentType.APPLICATION,
        description=table["description"],
        bom_ref=f"pkg:pypi/{NAME}@{table['version']}",
        purl=PackageURL("pypi", None, NAME, table["version"]),
        licenses=[LicenseFactory().make_from_string(table["license"])],
    )
    metadata = BomMetaData(
        component=root,
        timestamp=datetime.fromtimestamp(made_at, UTC),
        lifecycles=[PredefinedLifecycle(LifecyclePhase.BUILD)],
    )
    bom = Bom(components=components.values(), metadata=metadata, serial_number=uuid.UUID(int=0))
    bom.register_dependency(root, [components[name] for name in sorted(direct)])
    for name, component in components.items():
        bom.register_dependency(component, [components[n] for n, pin in pins.items() if name in pin.via])
    return bom


def _component(pin: Pin, only_with: Iterable[str]) -> Component:
    properties = [Property(name="reconciler:extra", value=extra) for extra in only_with]
    scope = ComponentScope.OPTIONAL if properties else ComponentScope.REQUIRED
    if pin.marker:
        properties.append(Property(name="reconciler:marker", value=pin.marker))
    files = ExternalReference(
        type=ExternalReferenceType.DISTRIBUTION,
        url=XsUri(f"https://pypi.org/simple/{pin.name}/"),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest) for digest in pin.hashes],
    )
    return Component(
        name=pin.name,
        version=pin.version,
        type=ComponentType.LIBRARY,
        scope=scope,
        bom_ref=f"pkg:pypi/{pin.name}@{pin.version}",
        purl=PackageURL("pypi", None, pin.name, pin.version),
        external_references=[files],
        properties=properties,
    )


def _written(bom: Bom) -> str:
    # Derived from the content and not random: the same input must give the same bytes.
    bom.serial_number = uuid.uuid5(SPACE, JsonV1Dot6(bom).output_as_string())
    # Sorted keys and a fixed indentation, so that the bytes do not depend on the version of the library.
    made = json.loads(JsonV1Dot6(bom).output_as_string())
    return json.dumps(made, indent=1, sort_keys=True) + "\n"


def main(folder: str, made_at: str) -> int:
    """Write all documents into a folder."""
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    for name, text in documents(int(made_at)).items():
        (target / name).write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

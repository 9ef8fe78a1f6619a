"""The bill of materials of a release, in CycloneDX: every Debian package and every Python library with its version."""

import uuid
from collections.abc import Iterable
from datetime import datetime

from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component as Part
from cyclonedx.model.component import ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

from cebox.domain.version import Version
from cebox.release.manifest import Component

FILE_NAME = "sbom.cdx.json"
_NAMESPACE = uuid.UUID("6365626f-7800-4000-8000-000000000003")


def write_sbom(
    version: Version,
    *,
    root_sha256: str,
    created: datetime,
    packages: Iterable[Component],
    libraries: Iterable[Component],
) -> str:
    """Equal arguments give equal text."""
    system = Part(name="cebox-os", version=str(version), type=ComponentType.OPERATING_SYSTEM, bom_ref="cebox-os")
    parts = [
        *(_describe(one, PackageURL("deb", "debian", one.name, one.version)) for one in packages),
        *(_describe(one, PackageURL("pypi", None, one.name, one.version)) for one in libraries),
    ]
    bom = Bom(
        serial_number=uuid.uuid5(_NAMESPACE, root_sha256),
        metadata=BomMetaData(component=system, timestamp=created),
        components=parts,
    )
    bom.register_dependency(system, parts)
    return make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string(indent=1) + "\n"


def _describe(component: Component, address: PackageURL) -> Part:
    return Part(
        name=component.name,
        version=component.version,
        type=ComponentType.LIBRARY,
        purl=address,
        bom_ref=address.to_string(),
    )

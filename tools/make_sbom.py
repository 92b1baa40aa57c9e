"""Write the SBOM that the wheel has (PEP 770): CycloneDX 1.6 of the work of others in the package.

``python tools/make_sbom.py`` writes ``sbom/emonets.cdx.json`` from ``third_party.toml`` and
``pyproject.toml``. The same input gives the same bytes.

Raises ``SystemExit`` with a sentence where a file of ``third_party.toml`` is not there or has
another SHA-256.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
import uuid
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SBOM = ROOT / "sbom" / "emonets.cdx.json"


def parts() -> list[dict[str, Any]]:
    """The parts of ``third_party.toml``."""
    found: list[dict[str, Any]] = tomllib.loads((ROOT / "third_party.toml").read_text())["part"]
    return found


def sha256(file: Path) -> str:
    """Of a file's content, as hexadecimal digits."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def in_wheel(path: str) -> str:
    """Where the wheel has a file of the repository."""
    return path.removeprefix("src/") if path.startswith("src/") else f"emonets/{path}"


def component(part: dict[str, Any]) -> dict[str, Any]:
    """A part, with its files, as CycloneDX has it."""
    files = []
    for path, digest in sorted(part["files"].items()):
        file = ROOT / path
        if not file.is_file() or sha256(file) != digest:
            raise SystemExit(
                f"third_party.toml: {path} is not there or has another SHA-256 than {digest}; "
                "correct the file or the line, and NOTICE"
            )
        files.append(
            {
                "type": "file",
                "bom-ref": in_wheel(path),
                "name": in_wheel(path),
                "hashes": [{"alg": "SHA-256", "content": digest}],
            }
        )
    references: list[dict[str, Any]] = [{"type": "vcs", "url": part["home"]}]
    if "made_from" in part:
        made_from = part["made_from"]
        references.append(
            {
                "type": "source-distribution",
                "url": part["purl"],
                "comment": made_from["name"],
                "hashes": [{"alg": "SHA-256", "content": made_from["sha256"]}],
            }
        )
    return {
        "type": part["kind"],
        "bom-ref": part["name"],
        "name": part["name"],
        "version": part["version"],
        "description": part["about"],
        "licenses": [{"expression": part["licence"]}],
        "copyright": part["copyright"],
        "purl": part["purl"],
        "externalReferences": references,
        "pedigree": {"notes": f"changes: {part['changes']}"},
        "components": files,
    }


def sbom() -> str:
    """The SBOM as JSON."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    purl = f"pkg:pypi/emonets@{project['version']}"
    components = [component(part) for part in parts()]
    content = json.dumps([purl, components], sort_keys=True)
    made = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, content)}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "library",
                "bom-ref": purl,
                "name": "emonets",
                "version": project["version"],
                "description": project["description"],
                "licenses": [{"expression": project["license"]}],
                "purl": purl,
            }
        },
        "components": components,
        "dependencies": [
            {"ref": purl, "dependsOn": [part["bom-ref"] for part in components]},
        ],
    }
    return json.dumps(made, indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    """Write the SBOM."""
    SBOM.parent.mkdir(exist_ok=True)
    SBOM.write_bytes(sbom().encode())
    print(SBOM.relative_to(ROOT))


if __name__ == "__main__":
    main()

"""ELAN's ``.eaf``: a tier for each person, for the audio and for the clip, beside the media file.

Written by the schema EAF 3.0 (http://www.mpi.nl/tools/elan/EAFv3.0.xsd, and "ELAN Annotation
Format", Max Planck Institute for Psycholinguistics, 2016). The labels are a controlled vocabulary:
in ELAN a label is corrected by choosing another one.
"""

from __future__ import annotations

import mimetypes
import os
import re
import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from pathlib import Path

from emonets.export.base import clip_writer
from emonets.export.names import beside
from emonets.export.tiers import LABELS, ClipTiers
from emonets.result import printable

_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MIMES = {"audio/x-wav", "video/mp4", "video/mpeg", "video/quicktime"}  # those that ELAN knows


def encode(clip: ClipTiers, folder: Path) -> bytes:
    """The annotation file of a clip, as it lies in the folder."""
    root = ET.Element(
        "ANNOTATION_DOCUMENT",
        {
            "AUTHOR": "emonets",
            "DATE": datetime.now(UTC).replace(microsecond=0).isoformat(),
            "FORMAT": "3.0",
            "VERSION": "3.0",
            f"{{{_XSI}}}noNamespaceSchemaLocation": "http://www.mpi.nl/tools/elan/EAFv3.0.xsd",
        },
    )
    header = ET.SubElement(root, "HEADER", MEDIA_FILE="", TIME_UNITS="milliseconds")
    relative = beside(clip.file, folder)
    whole = printable(Path(os.path.abspath(clip.file)).as_posix())
    ET.SubElement(
        header,
        "MEDIA_DESCRIPTOR",
        MEDIA_URL=_xml("file:///" + whole.lstrip("/")),
        MIME_TYPE=_mime(clip),
        RELATIVE_MEDIA_URL=_xml(relative if relative.startswith("..") else f"./{relative}"),
    )
    stretches = [(tier, s) for tier in clip.every for s in tier.stretches]
    last = ET.SubElement(header, "PROPERTY", NAME="lastUsedAnnotationId")
    last.text = str(len(stretches))
    order = ET.SubElement(root, "TIME_ORDER")
    # ELAN keeps the slots in order of their times
    starts = [(s.start, 2 * i + 1) for i, (_, s) in enumerate(stretches)]
    ends = [(s.end, 2 * i + 2) for i, (_, s) in enumerate(stretches)]
    for time, number in sorted(starts + ends):
        ET.SubElement(order, "TIME_SLOT", TIME_SLOT_ID=f"ts{number}", TIME_VALUE=str(time))
    made = {
        tier.name: ET.SubElement(
            root,
            "TIER",
            ANNOTATOR=_xml(f"emonets ({tier.model})"),
            LINGUISTIC_TYPE_REF="emotion",
            PARTICIPANT=_xml(tier.name),
            TIER_ID=_xml(tier.name),
        )
        for tier in clip.every
    }
    for i, (tier, s) in enumerate(stretches):
        annotation = ET.SubElement(
            ET.SubElement(made[tier.name], "ANNOTATION"),
            "ALIGNABLE_ANNOTATION",
            ANNOTATION_ID=f"a{i + 1}",
            CVE_REF=f"cve_{s.label}",
            TIME_SLOT_REF1=f"ts{2 * i + 1}",
            TIME_SLOT_REF2=f"ts{2 * i + 2}",
        )
        ET.SubElement(annotation, "ANNOTATION_VALUE").text = s.label
    ET.SubElement(
        root,
        "LINGUISTIC_TYPE",
        CONTROLLED_VOCABULARY_REF="emotions",
        GRAPHIC_REFERENCES="false",
        LINGUISTIC_TYPE_ID="emotion",
        TIME_ALIGNABLE="true",
    )
    ET.SubElement(
        root,
        "LANGUAGE",
        LANG_DEF="http://cdb.iso.org/lg/CDB-00130975-001",
        LANG_ID="und",
        LANG_LABEL="undetermined (und)",
    )
    vocabulary = ET.SubElement(root, "CONTROLLED_VOCABULARY", CV_ID="emotions")
    ET.SubElement(vocabulary, "DESCRIPTION", LANG_REF="und")
    for label in LABELS:
        entry = ET.SubElement(vocabulary, "CV_ENTRY_ML", CVE_ID=f"cve_{label}")
        ET.SubElement(entry, "CVE_VALUE", DESCRIPTION="", LANG_REF="und").text = label
    ET.indent(root, "    ")
    content: bytes = ET.tostring(root, "utf-8", xml_declaration=True)
    return content + b"\n"


def _mime(clip: ClipTiers) -> str:
    guessed = mimetypes.guess_type(printable(clip.file))[0] or ""
    if Path(clip.file).suffix.lower() == ".wav":
        return "audio/x-wav"
    if guessed in _MIMES:
        return guessed
    return "audio/*" if guessed.startswith("audio/") or not clip.pictures else "video/*"


def _xml(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)


WRITER = clip_writer("elan", "tiers for ELAN, a file a clip", "eaf", encode)

"""Write what the codebook of results states about strangers: `src/emonets/export/strangers.json`.

    python tools/codebook_numbers.py

The numbers are those of `docs/results/strangers.json`: by bundle and model the mean over the seven
emotions (or those that the data have) of the share that is right, with its 95 % interval, on
people that the bundle was not trained on, with all seven answers allowed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
MEASURED = ROOT / "docs" / "results" / "strangers.json"
TARGET = ROOT / "src" / "emonets" / "export" / "strangers.json"
BUNDLES = ("modern", "open", "paper")


def numbers(rows: list[dict[str, Any]]) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """Bundle → model → a line a data set, the mean of several first."""
    out: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for row in rows:
        bundle, _, model = row["what"].partition(", ")
        if bundle not in BUNDLES or not row["split"].endswith("as predicted"):
            continue
        if "not in the mean" in (row.get("note") or ""):
            continue  # trained on some of them: no strangers
        if row["data"].startswith("mean") and "," not in (row.get("note") or ""):
            continue  # the mean of one
        lines = out.setdefault(bundle, {}).setdefault(model, [])
        line = next((own for own in lines if own["data"] == row["data"]), None)
        if line is None:
            line = {"data": row["data"], "n": row["n"], "classes": row.get("classes")}
            lines.append(line)
        metric = row["metric"]
        if metric == "uar":
            line |= {name: round(row[key], 3) for name, key in
                     (("right", "value"), ("low", "low"), ("high", "high"))}  # fmt: skip
        elif metric.startswith("recall "):
            line[metric.removeprefix("recall ")] = round(row["value"], 3)
    for models in out.values():
        for lines in models.values():
            lines.sort(key=lambda own: not own["data"].startswith("mean"))
    return out


def text() -> str:
    """The content of the file."""
    made = numbers(json.loads(MEASURED.read_text("utf-8")))
    return json.dumps(made, indent=1, sort_keys=False) + "\n"


if __name__ == "__main__":
    TARGET.write_text(text(), "utf-8")
    print(f"wrote {TARGET.relative_to(ROOT)}")

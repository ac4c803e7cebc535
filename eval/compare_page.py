"""The page of `python -m eval compare`: two crops, their similarity, and the scale it lies on."""

from typing import Any

from pages.pictures import Picture, data_uri, grid
from pages.shell import Section
from pages.shell import page as shell
from pages.tables import row, table
from pages.text import breakable, escape, tidy


def page(found: dict[str, Any], crops: list[bytes]) -> str:
    """A self-contained page.

    Args:
        found: what `eval.compare.compared` gives.
        crops: the two crops, encoded, JPEG or PNG.
    """
    return shell(
        "Two photographs compared",
        f"<p>Similarity <strong>{found['similarity']:.4f}</strong> (cosine, "
        f"{escape(found['fusion'])}).</p>\n<p>{escape(_verdict(found))}</p>",
        [
            Section("faces", "Faces", _faces(found, crops)),
            Section("scale", "Scale", _scale(found)),
            Section("origin", "Origin", _origin(found)),
        ],
        f"<p><code>{escape(found['command'])}</code></p>",
    )


def _verdict(found: dict[str, Any]) -> str:
    if found["verdict"] is None:
        return "No calibration was given, so there is no verdict."
    text: str = found["verdict"]["text"]
    return f"{text[0].upper()}{text[1:]}."


def _faces(found: dict[str, Any], crops: list[bytes]) -> str:
    pictures = []
    for about, crop in zip(found["images"], crops):
        kind = "png" if crop.startswith(b"\x89PNG") else "jpeg"
        taken = _taken(about)
        pictures.append(Picture(data_uri(crop, kind), about["path"], taken))
    return grid(pictures, "The two aligned crops")


def _taken(about: dict[str, Any]) -> str:
    name = breakable(about["path"])
    if "faces" not in about:
        return f"{name}, taken as an aligned crop"
    count = about["faces"]
    which = "its one face" if count == 1 else f"the {escape(about['face'])} of {count} faces"
    return f"{name}, {which}, score {about['score']:.3f}"


def _scale(found: dict[str, Any]) -> str:
    """The stored thresholds, and on which side of each the pair lies."""
    if found["calibration"] is None:
        return "<p>None: calibrate the model with a result of it.</p>"
    rows = [
        row(
            tidy(one["far"]),
            [
                f"{one['threshold']:.4f}",
                f"{one['tar']:.4f}",
                f"{one['far_ci95'][0]:.2g} to {one['far_ci95'][1]:.2g}",
                "accepted" if found["similarity"] > one["threshold"] else "not accepted",
            ],
        )
        for one in found["calibration"]["thresholds"]
    ]
    counts = found["calibration"]["counts"]
    caption = (
        f"Thresholds of {escape(found['calibration']['title'])}: {counts['genuine']:,} genuine and "
        f"{counts['impostor']:,} impostor pairs"
    )
    head = ["FAR", "Accepted above", "TAR", "95 % interval of the FAR", "This pair"]
    return table(caption, head, rows) + (
        "<p>They hold for people and pictures like those. They are no statement about two given "
        "persons.</p>"
    )


def _origin(found: dict[str, Any]) -> str:
    facts = [
        ("Model", found["model"]["path"], found["model"]["sha256"]),
        *((f"Picture {key}", a["path"], a["sha256"]) for key, a in zip("AB", found["images"])),
    ]
    if found["calibration"]:
        facts.append(("Calibration", found["calibration"]["path"], found["calibration"]["sha256"]))
    rows = [
        row(key, [breakable(path), f"<code>{sha256[:16]}</code>"], words=3)
        for key, path, sha256 in facts
    ]
    head = ["What", "Path", "SHA-256 (first 16)"]
    detector = f"<p>Detector: {escape(found['detector'] or 'none')}.</p>"
    return table("Files", head, rows, words=3, sortable=False) + detector

"""`python -m eval compare`: two photographs, their faces, and where their similarity lies."""

import argparse
import hashlib
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_prep.files import sha256_file, write_json, write_text
from eval.outputs import require_free

if TYPE_CHECKING:
    from data_prep.faces.detect import Detector
    from eval.embedders import Embedder, Origin

SCHEMA = 1
NONE = "none"
"""The photographs are aligned crops already."""

EXAMPLE = """\
examples:
  python -m eval compare A.jpg B.jpg --model runs/r50 --calibration runs/r50.calibration.json
  python -m eval compare A.jpg B.jpg --model face.onnx --scale 128 --out compared.html

Faces are cut out as `data_prep align` does (same template, JPEG 95), so the score is the one that
the pair has in a list. Of several faces the largest is taken, and it is said. Without --calibration
MODEL.calibration.json is taken if it is there ("calibrate" makes it); without one there is a
similarity but no verdict.
"""


@dataclass(frozen=True)
class Cut:
    """A face as the model sees it.

    Attributes:
        crop: the aligned crop, encoded.
        about: what was found and done: path, hash, how many faces, box, score, landmarks.
    """

    crop: bytes
    about: dict[str, Any]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `python -m eval compare`."""
    from data_prep.faces.detect import DETECTORS, DEVICES
    from eval.model_arguments import FUSIONS, model_arguments

    parser.epilog = EXAMPLE
    parser.add_argument("first", metavar="A.jpg", help="a photograph")
    parser.add_argument("second", metavar="B.jpg", help="another")
    model_arguments(parser, "run, exported folder, arcface_torch .pth/.pt, or .onnx")
    parser.add_argument("--calibration", metavar="FILE", help="of this model, by calibrate")
    parser.add_argument(
        "--detector",
        choices=(*DETECTORS, NONE),
        default="mtcnn",
        help="mtcnn (default) brings its weights; scrfd needs --detector-model; none: the "
        "photographs are aligned crops already",
    )
    parser.add_argument("--detector-model", metavar="FILE", help="network of scrfd")
    parser.add_argument(
        "--face", choices=("largest", "central"), default="largest", help="of several faces"
    )
    parser.add_argument("--fusion", choices=FUSIONS, help="(the calibration's, else flip-sum)")
    parser.add_argument("--device", choices=DEVICES, default="auto")
    parser.add_argument(
        "--out", metavar="FILE", help="writes the comparison: .html with the crops, or .json"
    )


def run(args: argparse.Namespace) -> None:
    """Compares and prints.

    Raises:
        ValueError: no face, a calibration of another model, or bad input.
        OSError: a file that cannot be read or written.
    """
    kind = Path(args.out).suffix if args.out else ""
    if kind not in ("", ".html", ".json"):
        raise ValueError(f"--out {args.out}: expected a name that ends in .html or .json")
    if kind:
        model = Path(args.model)
        notes = [model.with_suffix(".json"), model / "meta.json", _calibration_file(args)]
        require_free("--out", args.out, {"input": [args.first, args.second, *notes]})
    cuts, found = compared(args)
    found["command"] = shlex.join(["python", "-m", "eval", *sys.argv[1:]])
    print(text(found))
    if kind == ".json":
        write_json(args.out, found)
    elif kind == ".html":
        from eval.compare_page import page

        write_text(args.out, page(found, [cut.crop for cut in cuts]))
    if kind:
        print(f"wrote {args.out}")


def compared(args: argparse.Namespace) -> tuple[list[Cut], dict[str, Any]]:
    """The two faces, and the comparison as strict-JSON data.

    Raises:
        ValueError, OSError: as `run`.
    """
    from eval.calibrate import read_calibration, require_same_model, verdict

    for path in (args.first, args.second):
        if not Path(path).exists():
            raise FileNotFoundError(f"{path}: expected a photograph, found no such file")
    photos = [(path, Path(path).read_bytes()) for path in (args.first, args.second)]
    where = _calibration_file(args)
    known = None if where is None else read_calibration(where)
    embedder, origin = _opened(args, known)
    if known is not None and where is not None:
        require_same_model(known, where, origin.sha256)
        _require_same_input(known, where, embedder, args.fusion)
    fusion = args.fusion or (known["fusion"] if known else "flip-sum")
    size = (embedder.transform.height, embedder.transform.width)
    detector = _detector(args)
    cuts = [cut(path, encoded, detector, args.face, size) for path, encoded in photos]
    score = similarity(embedder, [one.crop for one in cuts], [args.first, args.second], fusion)
    found: dict[str, Any] = {
        "schema": SCHEMA,
        "kind": "comparison",
        "images": [one.about for one in cuts],
        "detector": None if detector is None else f"{args.detector} ({detector.version})",
        "model": {"path": origin.path, "sha256": origin.sha256, "kind": origin.kind},
        "transform": embedder.transform.to_dict(),
        "fusion": fusion,
        "similarity": score,
        "calibration": None,
        "verdict": None,
    }
    if known is not None and where is not None:
        facts = {key: known[key] for key in ("title", "pairs", "counts", "thresholds")}
        found["calibration"] = {"path": str(where), "sha256": sha256_file(where)} | facts
        found["verdict"] = verdict(known, score)
    return cuts, found


def cut(
    path: str, encoded: bytes, detector: "Detector | None", face: str, size: tuple[int, int]
) -> Cut:
    """The face of a photograph as `data_prep align` would cut it out.

    Args:
        path: of the photograph, for the record.
        encoded: its bytes.
        detector: finds faces; None where the photograph is an aligned crop.
        face: which of several, one of data_prep.faces.detect.CHOICES.
        size: (height, width) of the crop, pixels.

    Raises:
        ValueError: no picture, no face in it, or a crop of another size.
    """
    import numpy as np

    from data_prep.align_crops import crop_bytes
    from data_prep.align_settings import AlignSettings
    from data_prep.faces.align import similarity as fit
    from data_prep.faces.align import template
    from data_prep.faces.detect.folder import taken
    from data_prep.images import decode

    pixels = decode(encoded, path)
    about: dict[str, Any] = {
        "path": path,
        "sha256": hashlib.sha256(encoded).hexdigest(),
        "size": list(pixels.shape[:2]),
    }
    if detector is None:
        if pixels.shape[:2] != size:
            raise ValueError(
                f"{path}: is {pixels.shape[0]}x{pixels.shape[1]} (height x width), the model takes "
                f"crops of {size[0]}x{size[1]}; leave --detector none out to find the face"
            )
        return Cut(encoded, about)
    faces = detector.detect(pixels)
    found = taken(faces, face, (pixels.shape[0], pixels.shape[1]), None)
    if "landmarks" not in found:
        raise ValueError(
            f"{path}: {found['reason']} in {pixels.shape[1]}x{pixels.shape[0]} pixels; give a "
            "larger or clearer picture, another --detector, or a crop with --detector none"
        )
    matrix = fit(np.array(found["landmarks"]), template(size))
    crop = crop_bytes(pixels, matrix, AlignSettings(size=size))
    return Cut(crop, about | {"faces": len(faces), "face": face, **found})


def similarity(embedder: "Embedder", crops: list[bytes], names: list[str], fusion: Any) -> float:
    """Cosine of the embeddings of two encoded crops, fused as `extract` does.

    Raises:
        ValueError: an embedding without direction, or not finite.
    """
    import numpy as np

    from data_prep.dataset import ImageSource
    from eval.embed import embed
    from eval.embeddings import unit_rows

    class Crops(ImageSource):
        """The two crops, in memory."""

        def __init__(self) -> None:
            self.names = names

        def encoded(self, i: int) -> bytes:
            return crops[i]

        def where(self, i: int) -> str:
            return names[i]

    parts: list[np.ndarray] = []
    embed(embedder, Crops(), range(2), fusion, lambda place, emb_nD: parts.append(emb_nD))
    first_D, second_D = unit_rows(np.concatenate(parts), names, "the model")
    return float(first_D @ second_D)


def text(found: dict[str, Any]) -> str:
    """The comparison in a few lines."""
    lines = [_face_line(about) for about in found["images"]]
    lines.append(f"similarity {found['similarity']:.4f} (cosine, {found['fusion']})")
    if found["verdict"]:
        lines.append(found["verdict"]["text"])
        lines.append(f"calibration: {found['calibration']['path']}")
    else:
        lines.append("no calibration, so no verdict; make one with: python -m eval calibrate")
    return "\n".join(lines)


def _face_line(about: dict[str, Any]) -> str:
    """What was found in a picture, and which face was taken."""
    if "faces" not in about:
        return f"{about['path']}: taken as an aligned crop"
    x1, y1, x2, y2 = (round(value) for value in about["box"])
    which = "one face" if about["faces"] == 1 else f"{about['faces']} faces, the {about['face']} at"
    where = f"{which} x {x1}-{x2}, y {y1}-{y2}" if about["faces"] > 1 else which
    return f"{about['path']}: {where} (detector's score {about['score']:.3f})"


def _calibration_file(args: argparse.Namespace) -> Path | None:
    """The one that was given, or the one beside the model."""
    if args.calibration:
        return Path(args.calibration)
    beside = Path(f"{args.model.rstrip('/')}.calibration.json")
    return beside if beside.is_file() else None


def _opened(args: argparse.Namespace, known: dict[str, Any] | None) -> "tuple[Embedder, Origin]":
    """The model; what its file does not say of its input is taken from the calibration."""
    from eval.build import open_model
    from models.comm import pick_device

    mean, scale = args.mean, args.scale
    silent = Path(args.model).suffix in (".onnx", ".pth", ".pt")
    if known and silent and not Path(args.model).with_suffix(".json").is_file():
        mean = known["transform"]["mean"] if mean is None else mean
        scale = known["transform"]["scale"] if scale is None else scale
    device = pick_device(args.device)
    return open_model(args.model, backbone=args.backbone, mean=mean, scale=scale, device=device)


def _require_same_input(
    known: dict[str, Any], where: Path, embedder: "Embedder", fusion: str | None
) -> None:
    """Refuses a scale that was measured with another input or another fusion."""
    ours = embedder.transform.to_dict()
    for key, value in known["transform"].items():
        if ours.get(key) != value:
            raise ValueError(
                f"{where}: was measured with {key} {value} of the input, this is {ours.get(key)}; "
                f"give the same --{key}, or calibrate again"
            )
    if fusion is not None and fusion != known["fusion"]:
        raise ValueError(
            f"{where}: was measured with --fusion {known['fusion']}, this is {fusion}; leave "
            "--fusion out, or calibrate again"
        )


def _detector(args: argparse.Namespace) -> "Detector | None":
    """The detector, ready to use; None for crops."""
    from data_prep.faces.detect import DetectSettings, build

    model = None if args.detector_model is None else Path(args.detector_model)
    if args.detector == NONE:
        if model is not None:
            raise ValueError("--detector-model: goes with --detector scrfd; leave it out")
        return None
    settings = DetectSettings(
        detector=args.detector,
        model_file=model,
        device="cpu" if args.detector == "scrfd" else args.device,
        face=args.face,
    )
    return build(settings)

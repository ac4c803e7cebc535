"""A backbone as one ONNX file for any number of images, with proof that it is the same function.

n: images. D: embedding dimension.
"""

import logging
import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from data_prep.files import read_json, sha256_file, write_json, written_aside
from data_prep.transforms import Transform
from eval.embedders import TorchEmbedder

SCHEMA = 1
BATCHES = (1, 7)
"""Numbers of images that parity is measured with."""
TOLERANCE = 1e-4
"""Largest difference allowed, as a share of the largest number of the embeddings."""
SMALLEST_COSINE = 0.99999
INPUT, OUTPUT = "pixels", "embedding"


def write_onnx(net: nn.Module, transform: Transform, path: Path) -> None:
    """Writes a network in eval mode, on the CPU, as ONNX with a free number of images.

    Raises:
        ValueError: it does something that ONNX has no word for.
    """
    pixels = torch.zeros(2, 3, transform.height, transform.width)
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)  # of operators that other exporters would miss
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                net,
                (pixels,),
                path,
                dynamo=True,
                dynamic_shapes=({0: torch.export.Dim("n")},),
                external_data=False,
                input_names=[INPUT],
                output_names=[OUTPUT],
                verbose=False,
            )
    except Exception as error:  # the exporter's own classes, several to a torch version
        why = str(error).strip().splitlines()
        raise ValueError(
            f"{type(net).__name__}: torch cannot write it as ONNX with a free number of images "
            f"({type(error).__name__}: {why[0] if why else ''}); choose another network"
        ) from None
    finally:
        logging.disable(before)


def measure_parity(net: nn.Module, transform: Transform, path: Path) -> dict[str, Any]:
    """How far the file's embeddings are from the network's own, both on the CPU in float32.

    The images are noise, every grey level as likely, from `numpy.random.default_rng(0)`, drawn
    batch after batch.

    Returns:
        What was compared, and `largest_difference` and `largest_value` (of a number), their ratio
        `largest_relative_difference`, and `smallest_cosine` (of an image's two embeddings).
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    draw = np.random.default_rng(0)
    differences, values, cosines = [], [], []
    for count in BATCHES:
        shape = (count, transform.height, transform.width, 3)
        pixels = draw.integers(0, 256, shape, dtype=np.uint8)
        x = transform.normalise(torch.from_numpy(pixels)).contiguous()
        with torch.no_grad():
            ours_nD = net(x).double().numpy()
        (found,) = session.run([OUTPUT], {INPUT: x.numpy()})
        theirs_nD = found.astype(np.float64)
        differences.append(np.abs(ours_nD - theirs_nD).max())
        values.append(np.abs(ours_nD).max())
        lengths = np.linalg.norm(ours_nD, axis=1) * np.linalg.norm(theirs_nD, axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            cosines.append(((ours_nD * theirs_nD).sum(axis=1) / lengths).min())
    with np.errstate(invalid="ignore", divide="ignore"):
        relative = np.max(differences) / np.max(values)
    return {
        "against": f"torch {torch.__version__}, float32, CPU",
        "runtime": f"onnxruntime {onnxruntime.__version__}",
        "inputs": "noise of all grey levels, numpy.random.default_rng(0)",
        "batches": list(BATCHES),
        "largest_difference": float(np.max(differences)),
        "largest_value": float(np.max(values)),
        "largest_relative_difference": float(relative),
        "smallest_cosine": float(np.min(cosines)),
        "tolerance": {"relative_difference": TOLERANCE, "cosine": SMALLEST_COSINE},
    }


def require_parity(parity: dict[str, Any], where: str) -> None:
    """Refuses a file that computes something else.

    Raises:
        ValueError: a difference above the tolerance, or no number at all.
    """
    off, cosine = parity["largest_relative_difference"], parity["smallest_cosine"]
    if not (math.isfinite(off) and off <= TOLERANCE and cosine >= SMALLEST_COSINE):
        raise ValueError(
            f"{where}: not written: onnxruntime and torch differ by {off:.1e} of the largest value "
            f"(at most {TOLERANCE:.0e}), smallest cosine {cosine:.7f} (at least "
            f"{SMALLEST_COSINE}); values that overflow, or rounding in a network not trained, do so"
        )


def export(embedder: TorchEmbedder, out: Path, about: dict[str, Any]) -> dict[str, Any]:
    """Writes `out` and the .json beside it; returns what the latter says.

    Raises:
        ValueError: it cannot be written as ONNX, or not with parity, or the .json would replace
            something else; what was there stays.
    """
    import onnx

    net, transform = embedder.backbone, embedder.transform
    note = out.with_suffix(".json")
    if note.is_file() and "onnx" not in read_json(note):
        raise ValueError(f"{note}: is there and not of an ONNX file; choose another --out")
    with written_aside(out) as aside:
        write_onnx(net, transform, aside)
        parity = measure_parity(net, transform, aside)
        require_parity(parity, str(out))
        opset = onnx.load(str(aside), load_external_data=False).opset_import
        versions = {one.domain or "ai.onnx": one.version for one in opset}
        file = {"sha256": sha256_file(aside), "opset": versions, "input": INPUT, "output": OUTPUT}
        meta = {"schema": SCHEMA, "onnx": file, **about, "parity": parity}
        write_json(note, meta)  # first: of an earlier file it does not state the hash
    return meta

"""A folder with a feature file an image, `<image name>_<algorithm>.bin`, as the MegaFace devkit
takes it (formats.md 2.9).

Legend: `n` images, `D` numbers in a feature.
"""

import os
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from data_prep.files import folder_written_aside
from eval.features.lists import ImageList
from eval.features.matrix import matrix_bytes, read_vector


def read_tree(
    folder: str | os.PathLike[str], images: ImageList, algorithm: str
) -> NDArray[np.float32]:
    """The features of the listed images, [n, D].

    Raises:
        ValueError: a damaged file, or one of another dimension; file and byte are named.
        FileNotFoundError: an image has none; its line of the list is named.
    """
    found: NDArray[np.float32] | None = None
    bar = tqdm(images.names, desc="reading features", delay=2, leave=False)
    for place, name in enumerate(bar):
        path = Path(folder) / _file(name, algorithm)
        if not path.is_file():
            raise FileNotFoundError(
                f"{images.path}, line {images.lines[place]}: {name!r} has no feature file {path}; "
                "extract it, or look at --algorithm"
            )
        vector = read_vector(path, None if found is None else found.shape[1])
        if found is None:
            found = np.empty((len(images.names), len(vector)), dtype=np.float32)
        found[place] = vector
    assert found is not None, "a list names an image"
    return found


def write_tree(
    folder: str | os.PathLike[str],
    names: list[str],
    vectors_nD: NDArray[np.float32],
    algorithm: str,
) -> None:
    """Writes a feature file an image; the folder is whole or not there.

    Raises:
        ValueError: the folder is there already, or an image's path leads out of it.
    """
    if Path(folder).exists():
        raise ValueError(f"{folder}: is there already; remove it or choose another name")
    files = [_file(name, algorithm) for name in names]
    for name, file in zip(names, files):
        if file.is_absolute() or ".." in file.parts:
            raise ValueError(f"{folder}: image {name!r} would be written outside of it")
    with folder_written_aside(folder) as aside:
        bar = tqdm(files, desc="writing features", delay=2, leave=False)
        for place, file in enumerate(bar):
            path = aside / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(matrix_bytes(vectors_nD[place]))


def _file(name: str, algorithm: str) -> PurePosixPath:
    return PurePosixPath(f"{name}_{algorithm}.bin")

"""`python -m eval features`: devkit feature trees and submission matrices to X.npy, and back."""

import argparse
import os

EXAMPLE = """\
examples:
  python -m eval features --tree features/megaface --algorithm r50 \\
      --list megaface_features_list.json_1000000_1 --out out/megaface
  python -m eval features --matrix submission.bin --list testdata.txt --out out/trillion
  python -m eval features --embeddings out/facescrub --algorithm r50 --to-tree features/facescrub
  python -m eval features --embeddings out/trillion --list testdata.txt --to-matrix submission.bin

A list is the devkit's JSON or one path a line, and gives the order.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where from and where to."""
    parser.epilog = EXAMPLE
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--tree", metavar="DIR", help="read a feature file an image")
    source.add_argument("--matrix", metavar="FILE", help="read one matrix of all images")
    source.add_argument("--embeddings", metavar="X", help="read X.npy, X.txt and X.json")
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("--out", metavar="X", help="write X.npy, X.txt and X.json")
    target.add_argument("--to-tree", metavar="DIR", help="write a feature file an image")
    target.add_argument("--to-matrix", metavar="FILE", help="write one matrix of all images")
    parser.add_argument("--list", metavar="FILE", help="images in their order (needed but for X)")
    parser.add_argument(
        "--algorithm", metavar="NAME", help="of the files of a tree, <image>_NAME.bin"
    )


def run(args: argparse.Namespace) -> None:
    """Converts.

    Raises:
        ValueError: options or files that do not fit each other.
        OSError: a file that cannot be read or written.
    """
    import shlex
    import sys

    import numpy as np

    from eval.embeddings import Embeddings, load, save
    from eval.features.lists import read_list
    from eval.features.matrix import read_matrix, write_matrix
    from eval.features.tree import read_tree, write_tree

    _check_target(args)
    if (args.tree or args.to_tree) and not args.algorithm:
        raise ValueError("--algorithm: expected with a tree, whose files are <image>_NAME.bin")
    if not args.embeddings and not args.list:
        raise ValueError("--list FILE: is needed, since feature files do not name their images")
    images = read_list(args.list) if args.list else None
    found: Embeddings | None = load(args.embeddings) if args.embeddings else None
    if found is not None:
        names, vectors = found.names, found.vectors
        if images is not None:
            names = images.names
            vectors = vectors[found.rows(names, images.path, images.lines)]
    else:
        assert images is not None
        names = images.names
        if args.tree:
            vectors = read_tree(args.tree, images, args.algorithm)
        else:
            vectors = read_matrix(args.matrix).astype(np.float32)
            if len(vectors) != len(names):
                raise ValueError(
                    f"{images.path}: {len(names):,} images, {args.matrix} has {len(vectors):,} "
                    "rows; give the list the matrix was made with"
                )
    if args.out:
        source = args.tree or args.matrix or args.embeddings
        meta = {} if found is None else found.meta
        about = {"images": {"source": os.fspath(source)}, "model": None, "fusion": None, **meta}
        save(
            args.out,
            names,
            vectors,
            {**about, "command": shlex.join(["python", "-m", "eval", *sys.argv[1:]])},
        )
    elif args.to_tree:
        write_tree(args.to_tree, names, vectors, args.algorithm)
    else:
        write_matrix(args.to_matrix, vectors)
    target = args.out or args.to_tree or args.to_matrix
    print(f"wrote {target}: {len(names):,} x {vectors.shape[1]}")


def _check_target(args: argparse.Namespace) -> None:
    """Refuses to write over what is read, or over a .json of something else."""
    from eval.embeddings import paths, require_replaceable
    from eval.outputs import require_free

    read = {"--list": args.list, "--matrix": args.matrix, "--embeddings": args.embeddings}
    if args.to_matrix:
        require_free("--to-matrix", args.to_matrix, read)
    if args.out:
        for file in paths(args.out):
            require_free("--out", str(file), read)
        require_replaceable(args.out)

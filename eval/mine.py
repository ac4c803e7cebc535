"""`python -m eval mine`: a list of look-alikes, from any embeddings.

It is in SLLFW's layout where folders are people, as in LFW, otherwise in that of `pairs`.

As SLLFW (Deng et al., 2017) does with people's eyes: genuine pairs and folds of a list stay, and
its impostors are replaced by pairs of different persons that look alike - here, to a model.

The rule: in each fold, all images of the fold's people that have an embedding are candidates. Pairs
of different persons are taken by falling cosine (rounded to 12 decimals), ties by names; a pair is
passed over if its two persons make a mined pair of the fold already, or if one of its images has
been in `uses` of them. Nothing is random.

Legend: `m` candidates, `D` numbers in an embedding.
"""

import argparse
import shlex
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from data_prep.files import write_json, write_text
from eval.embeddings import Embeddings, load
from eval.outputs import require_free
from eval.protocols import listed, sllfw
from eval.protocols.base import embeddings_facts
from eval.protocols.pair_protocol import PairProtocol
from eval.protocols.pairs import PairList, folder_of, sha256_of
from eval.protocols.verification import pair_protocol

EXAMPLE = """\
example:
  python -m eval mine --protocol lfw --pairs pairs.txt --embeddings out/lfw --out similar.txt
  python -m eval run --protocol sllfw --pairs similar.txt --embeddings out/other --out hard.json

Judge other models with the list than the one it was mined with: that one was its own examiner.
"""
USES = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `python -m eval mine`."""
    parser.epilog = EXAMPLE
    parser.add_argument("--pairs", required=True, metavar="LIST", help="the list to start from")
    parser.add_argument("--protocol", default="lfw", metavar="NAME", help="its protocol (lfw)")
    parser.add_argument("--embeddings", required=True, metavar="X", help="path without suffix")
    parser.add_argument("--out", required=True, metavar="LIST.txt", help="writes LIST.json as well")
    parser.add_argument(
        "--impostors",
        type=int,
        metavar="N",
        help="impostor pairs of each fold that are replaced (default: all); the others stay",
    )
    parser.add_argument(
        "--uses", type=int, default=USES, help=f"mined pairs an image may be in ({USES})"
    )


def run(args: argparse.Namespace) -> None:
    """Mines and writes the list and its provenance.

    Raises:
        ValueError: the list does not name its people, has too few for so many pairs, or is not in
            ten folds.
        OSError: a file that cannot be read or written.
    """
    out = Path(args.out)
    note = out.with_suffix(".json")
    if out == note:
        raise ValueError(f"--out {out}: expected a new LIST.txt; its provenance goes to LIST.json")
    for file in (out, note):
        require_free("--out", str(file), {"--pairs": args.pairs, "--embeddings": args.embeddings})
    protocol = pair_protocol(args.protocol)
    pairs = protocol.parse(args.pairs)
    embeddings = load(args.embeddings)
    mined = mine(protocol, args.pairs, pairs, embeddings, replaced=args.impostors, uses=args.uses)
    layout, text = _written(mined, pairs)
    write_text(out, text)
    cosines = [cosine for _, _, cosine in mined if cosine is not None]
    facts = {
        "list": {
            "path": str(out),
            "sha256": sha256_of(out),
            "pairs": len(mined),
            "protocol": layout,
        },
        "mined": len(cosines),
        "cosine": {
            "least": min(cosines),
            "mean": float(np.mean(cosines)),
            "most": max(cosines),
        },
        "uses": args.uses,
        "rule": " ".join((__doc__ or "").partition("The rule: ")[2].partition("\n\n")[0].split()),
        "from": {
            "protocol": args.protocol,
            "path": args.pairs,
            "sha256": sha256_of(args.pairs),
        },
        "embeddings": embeddings_facts(embeddings),
        "model": embeddings.meta.get("model"),
        "command": shlex.join(["python", "-m", "eval", *sys.argv[1:]]),
    }
    write_json(note, facts)
    print(
        f"wrote {out}: {len(mined):,} pairs, {len(cosines):,} of them mined impostors of cosine "
        f"{min(cosines):.3f} to {max(cosines):.3f}; {note} says how; judge with --protocol {layout}"
    )


MinedPair = tuple[str, str, float | None]
"""Two names, and the cosine if the pair was mined."""


def _written(mined: list[MinedPair], pairs: PairList) -> tuple[str, str]:
    """The protocol that reads the new list back, and its text.

    A fold has as many pairs as it had, and genuine ones first; so has the new list's.
    """
    genuine: list[bool] = []
    for fold in np.unique(pairs.fold):
        genuine += sorted(pairs.same[pairs.fold == fold].tolist(), reverse=True)
    if all(
        folder_of(a) and folder_of(b) and (folder_of(a) == folder_of(b)) == same
        for (a, b, _), same in zip(mined, genuine)
    ):
        return "sllfw", "".join(f"{a}\n{b}\n" for a, b, _ in mined)
    spaced = next((name for a, b, _ in mined for name in (a, b) if len(name.split()) != 1), None)
    if spaced is not None:
        raise ValueError(
            f"{spaced!r}: a list of `path1 path2 0|1` cannot hold a name with spaces; rename it "
            "and extract again"
        )
    rows = zip(mined, genuine)
    return "pairs", "".join(f"{a} {b} {int(same)}\n" for (a, b, _), same in rows)


def mine(
    protocol: PairProtocol,
    path: str,
    pairs: PairList,
    embeddings: Embeddings,
    *,
    replaced: int | None = None,
    uses: int = USES,
) -> list[MinedPair]:
    """The new list: fold by fold genuine pairs, mined impostors, impostors that stay.

    Args:
        protocol: of the list.
        path: of the list, for messages.
        pairs: the list.
        embeddings: of its images, perhaps of more.
        replaced: impostors replaced in each fold; None for all.
        uses: mined pairs of a fold that an image may be in.

    Raises:
        ValueError: people are not known, numbers out of range, or too few look-alikes.
    """
    if protocol.people(path, pairs) is None:
        raise ValueError(
            f"{path}: its image names do not say who is on them; mine from a list that names people"
        )
    folds = len(np.unique(pairs.fold))
    if not folds == sllfw.FOLDS == listed.FOLDS:
        raise ValueError(f"{path}: has {folds} folds; mine from a list of {sllfw.FOLDS}")
    if uses < 1:
        raise ValueError(f"--uses {uses}: expected 1 or more")
    candidates = _by_person(protocol, path, pairs, embeddings)
    found: list[MinedPair] = []
    for fold in tqdm(np.unique(pairs.fold), desc="mining", unit="fold", delay=2, leave=False):
        here = np.flatnonzero(pairs.fold == fold)
        genuine, impostor = here[pairs.same[here]], here[~pairs.same[here]]
        wanted = len(impostor) if replaced is None else replaced
        if not 0 < wanted <= len(impostor):
            raise ValueError(
                f"--impostors {wanted}: fold {fold + 1} has {len(impostor)} impostors to replace, "
                f"expected 1 to {len(impostor)}"
            )
        people = {protocol.person(name) for row in here for name in (pairs.a[row], pairs.b[row])}
        images = sorted(image for person in people for image in candidates[person])
        stay = impostor[: len(impostor) - wanted]
        known = {frozenset((pairs.a[row], pairs.b[row])) for row in stay}
        mined = _most_similar(images, embeddings, wanted, uses, known)
        if len(mined) < wanted:
            raise ValueError(
                f"{path}: fold {fold + 1} has {len(images)} images of {len(people)} people, enough "
                f"for {len(mined)} pairs with --uses {uses}, expected {wanted}; lower "
                "--impostors or raise --uses"
            )
        found += [*_kept(pairs, genuine), *mined, *_kept(pairs, stay)]
    return found


def _kept(pairs: PairList, rows: NDArray[np.intp]) -> list[MinedPair]:
    return [(pairs.a[row], pairs.b[row], None) for row in rows]


Image = tuple[str, str, int]
"""Name, person, row of the embeddings."""


def _by_person(
    protocol: PairProtocol, path: str, pairs: PairList, embeddings: Embeddings
) -> dict[str, list[Image]]:
    """All embedded images of each person, under the list's name for it where it has one."""
    listed = sorted({*pairs.a, *pairs.b})
    called = dict(zip(embeddings.rows(listed, path).tolist(), listed))
    found: dict[str, list[Image]] = {}
    for row, name in enumerate(embeddings.names):
        name = called.get(row, name)
        person = protocol.person(name)
        found.setdefault(person, []).append((name, person, row))
    return found


def _most_similar(
    images: list[Image],
    embeddings: Embeddings,
    wanted: int,
    uses: int,
    known: set[frozenset[str]],
) -> list[MinedPair]:
    """The most similar pairs of different persons, greedily; `images` are sorted by name."""
    unit_mD = embeddings.unit(np.array([row for _, _, row in images], dtype=np.intp))
    score_mm = np.round(unit_mD @ unit_mD.T, 12)
    number = {person: place for place, person in enumerate(sorted({each[1] for each in images}))}
    person_of = [number[person] for _, person, _ in images]
    person_m = np.array(person_of)
    first, second = np.triu_indices(len(images), 1)
    other = person_m[first] != person_m[second]
    first, second = first[other], second[other]
    order = np.argsort(-score_mm[first, second], kind="stable")  # ties stay in the order of names
    left = [uses] * len(images)
    met: set[tuple[int, int]] = set()
    mined: list[MinedPair] = []
    for i, j in zip(first[order].tolist(), second[order].tolist()):
        if len(mined) == wanted:
            break
        pair = images[i][0], images[j][0]
        persons = min(person_of[i], person_of[j]), max(person_of[i], person_of[j])
        if left[i] and left[j] and persons not in met and frozenset(pair) not in known:
            met.add(persons)
            left[i] -= 1
            left[j] -= 1
            mined.append((*pair, float(score_mm[i, j])))
    return mined

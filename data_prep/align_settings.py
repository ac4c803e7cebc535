"""What decides every byte of aligned crops."""

from dataclasses import asdict, dataclass
from typing import Any

from data_prep.faces.align import template
from data_prep.images import PIXEL_LIMIT


@dataclass(frozen=True, kw_only=True)
class AlignSettings:
    """What decides every byte of the crops.

    Attributes:
        size: (height, width) of a crop, pixels.
        format: "jpg" or "png".
        quality: of JPEG, 1 to 100.
        layout: of the landmark file, see faces/landmarks.py.
        missing: what becomes of images without landmarks: "skip" leaves them out, "centre" takes
            the largest centred part of the picture in the crop's shape, "fail" stops.
    """

    size: tuple[int, int] = (112, 112)
    format: str = "jpg"
    quality: int = 95
    layout: str = "auto"
    missing: str = "skip"

    def __post_init__(self) -> None:
        template(self.size)
        if self.size[0] * self.size[1] > PIXEL_LIMIT:
            raise ValueError(
                f"--size: expected crops of at most {PIXEL_LIMIT} pixels, found "
                f"{self.size[0]}x{self.size[1]}"
            )
        if self.format not in ("jpg", "png"):
            raise ValueError(f"--format: expected jpg or png, found {self.format!r}")
        if not 1 <= self.quality <= 100:
            raise ValueError(f"--quality: expected 1 to 100, found {self.quality}")
        if self.missing not in ("skip", "centre", "fail"):
            raise ValueError(f"--missing: expected skip, centre or fail, found {self.missing!r}")

    def recorded(self) -> dict[str, Any]:
        """For align.json. "fail" makes the crops that "skip" makes, so a run may go on with it."""
        missing = "centre" if self.missing == "centre" else "skip"
        return asdict(self) | {"size": list(self.size), "missing": missing}

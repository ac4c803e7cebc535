"""Feature files of other evaluators: the MegaFace devkit's trees, and submission matrices.

matrix   OpenCV's matrix bytes: one vector an image, or one matrix for all
lists    which images, in which order
tree     a folder of feature files, read and written
command  `python -m eval features`: to and from X.npy
"""

from eval.features.command import add_arguments, run

__all__ = ["add_arguments", "run"]

"""The experiments by name. To add one: a preset and a row here."""

from experiments.design import Experiment
from experiments.presets.faces import FACES, FACES48, MOBILE48
from experiments.presets.mnist import MNIST_COCO, MNIST_HEATED, MNIST_VIRTUAL
from experiments.presets.small import CIFAR10, ORL

GROUPS: dict[str, tuple[Experiment, ...]] = {
    "mnist": (MNIST_VIRTUAL, MNIST_HEATED, MNIST_COCO),
    "orl": (ORL,),
    "cifar10": (CIFAR10,),
    "faces48": (FACES48,),
    "faces48_mobile": (MOBILE48,),
    "faces": (FACES,),
}
"""What one command runs, in this order."""

EXPERIMENTS: dict[str, Experiment] = {
    experiment.name: experiment for group in GROUPS.values() for experiment in group
}

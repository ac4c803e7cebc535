"""ORL and CIFAR-10: the five losses where minutes, or a download, are what there is."""

from experiments.design import Arm, Experiment
from experiments.presets.mnist import MNIST_VIRTUAL

_ARMS: tuple[Arm, ...] = MNIST_VIRTUAL.arms

ORL = Experiment(
    name="orl",
    task="orl",
    net="small_resnet",
    dim=64,
    epochs=30,
    search_epochs=15,
    batch=40,
    augment={"flip": 0.5, "shift": 0.04, "zoom": 0.08, "rotate": 6},
    arms=_ARMS,
)
"""40 people, 5 photographs to train on and 5 to test on, closed set."""

CIFAR10 = Experiment(
    name="cifar10",
    task="cifar10",
    net="lsoftmax_cifar",
    dim=128,
    epochs=15,
    search_epochs=3,
    arms=_ARMS,
)
"""L-Softmax's CIFAR-10 network at full width, without augmentation as in the papers' columns: for a
machine with a GPU or a night."""

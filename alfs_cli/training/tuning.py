"""The constants of training that were chosen; the paper's are with the networks and defaults."""

from dataclasses import dataclass

from alfs_cli.tuned import tuned


@dataclass(frozen=True)
class Tuning:
    """What a run does where its settings do not say; sizes are sides of images."""

    holdout: float = tuned(
        0.2, "share of the examples", "the test part of data that come without one"
    )
    largest_native_size: int = tuned(
        64, "px", "larger images are resized to `resized_size`, smaller ones keep their size"
    )
    resized_size: int = tuned(224, "px", "the side of the images that the ResNets were made for")
    least_augmented_size: int = tuned(
        32, "px", "colour images from the size of CIFAR-10's are cropped, flipped, trained longer"
    )
    crop_share: float = tuned(
        1 / 8, "share of the side", "the paper's 4 pixels of CIFAR-10's 32, for other sizes"
    )
    largest_cnn8_size: int = tuned(
        64, "px", "larger images are trained on by resnet18 where no network is named"
    )
    largest_small_stem: int = tuned(
        64, "px", "images up to here lose too much detail in the stem of a ResNet for 224 px"
    )
    least_threaded_input: int = tuned(
        256, "numbers per example", "a step on smaller examples is faster on one thread"
    )


TUNING = Tuning()

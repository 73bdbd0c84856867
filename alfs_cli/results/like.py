"""`like: public-code`, one setting that stands for all in which public code differs from the paper.

Public code is that of Zhou et al., ICML 2021, and of Ma et al., ICML 2020, from which it took the
networks, the data and most losses. What follows is what their runs did; what they share with the
paper (networks, optimiser, epochs, the clip at 5, CIFAR-100's rotation) is in the recipes.
"""

from typing import Any

DECIDED = (
    *("noise.draw", "noise.sequential", "noise.blocks_of_five", "loss_gradient"),
    *("optimizer.grad_clip", "augmentation.crop", "augmentation.resized_crop"),
    *("augmentation.colour_jitter", "augmentation.hue"),
)
"""The settings that `like` decides, by dotted key; a seed of the noise that is given stays."""


def expanded(settings: dict[str, Any], data: str) -> dict[str, Any]:
    """Return nested settings with those that `like` stands for in its place.

    `data` is the name of the data set, or that of the built-in one whose classes it has.
    The loss and its gradient are left to the caller, and `losses.public_code`.
    """
    values = {key: value for key, value in settings.items() if key != "like"}
    if values.get("noise"):
        values["noise"] = {**values["noise"], **_noise(data, values["noise"])}
    if data == "webvision-mini":
        # The paper says no clip, "random width/height shift" and "color jittering".
        values["optimizer"] = {**values.get("optimizer", {}), "grad_clip": 5.0}
        crop = {"crop": 0, "resized_crop": 0.08, "colour_jitter": 0.4, "hue": 0.2}
        values["augmentation"] = {**values.get("augmentation", {}), **crop}
    return values


def _noise(data: str, noise: dict[str, Any]) -> dict[str, Any]:
    """Return how public code draws this kind of noise for a data set, with the seed it fixes."""
    is_asymmetric = noise.get("kind") == "asymmetric"
    # CIFAR's symmetric noise flips an exact number in each class there, as `exact` does; which
    # other class each becomes is drawn there, and spread evenly here.
    is_drawn_singly = data == "mnist" or (data == "cifar100" and is_asymmetric)
    seed = noise.get("seed")
    return {
        "draw": "multinomial" if is_drawn_singly else "exact",
        # CIFAR-10: truck, bird, cat, dog, deer one after the other, in place: some cats that were
        # made dogs are dogs when dogs are made cats. The counts are those expected.
        "sequential": data == "cifar10" and is_asymmetric,
        # CIFAR-100: "superclasses" of five consecutive labels, which are not its superclasses.
        "blocks_of_five": data == "cifar100" and is_asymmetric,
        # One draw for all repetitions: the paper's deviations hold no noise of the noise. MNIST's
        # seed there can only be read in the code that its own was taken from: 0.
        "seed": (123 if data.startswith("cifar") else 0) if seed is None else seed,
    }

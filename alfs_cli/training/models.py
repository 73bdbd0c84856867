"""The networks, by name: the paper's four, three others, and any classifier of torchvision.

Every network of the table MODELS is a `Network`: `body` computes the penultimate features (N, F),
`head` the logits (N, K). Batch norm and ReLU follow each convolution and the first linear layer, as
in Zhou et al., ICML 2021. Convolutions are initialised Kaiming-uniform, linear layers
Xavier-uniform, biases to 0.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from alfs_cli.errors import InputError, UsageError, unknown
from alfs_cli.results.run import TORCHVISION
from alfs_cli.training.tuning import TUNING


@dataclass(frozen=True)
class InputShape:
    """The shape of one input: an image of `channels` x `height` x `width`, or `num_features`.

    `num_features` is 0 for images, and the other three are 0 for features.

    >>> print(InputShape(channels=3, height=32, width=32))
    32 x 32 x 3 images
    """

    channels: int = 0
    height: int = 0
    width: int = 0
    num_features: int = 0

    @property
    def size(self) -> int:
        """The count of numbers in one example."""
        return self.num_features or self.channels * self.height * self.width

    def __str__(self) -> str:
        if self.num_features:
            return f"{self.num_features} features"
        return f"{self.height} x {self.width} x {self.channels} images"


class Network(nn.Sequential):
    """A body that computes features (N, F) and a linear head that computes logits (N, K)."""

    def __init__(self, body: nn.Module, head: nn.Module) -> None:
        super().__init__(OrderedDict(body=body, head=head))

    def features(self, inputs: Tensor) -> Tensor:
        """Return the penultimate features (N, F)."""
        body: nn.Module = self.get_submodule("body")
        features: Tensor = body(inputs)
        return features


def conv_block(inputs: int, outputs: int) -> list[nn.Module]:
    """Return a 3x3 convolution that keeps the size, batch norm and ReLU."""
    conv = nn.Conv2d(inputs, outputs, 3, padding=1)
    return [conv, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]


def linear_block(inputs: int, outputs: int) -> list[nn.Module]:
    """Return a linear layer, batch norm and ReLU."""
    return [nn.Linear(inputs, outputs), nn.BatchNorm1d(outputs), nn.ReLU(inplace=True)]


def linear(shape: InputShape, num_classes: int) -> Network:
    """Return softmax regression on the flattened input."""
    return Network(nn.Flatten(), nn.Linear(shape.size, num_classes))


def mlp(shape: InputShape, num_classes: int) -> Network:
    """Return a network with one hidden layer of 512 units and batch norm."""
    return Network(
        nn.Sequential(nn.Flatten(), *linear_block(shape.size, 512)), nn.Linear(512, num_classes)
    )


def cnn4(shape: InputShape, num_classes: int) -> Network:
    """Return the paper's MNIST network: two convolutions, each pooled, and two linear layers."""
    _least_size(shape, 4, "cnn4")
    body = nn.Sequential(
        *conv_block(shape.channels, 32),
        nn.MaxPool2d(2),
        *conv_block(32, 64),
        nn.MaxPool2d(2),
        nn.Flatten(),
        *linear_block(64 * (shape.height // 4) * (shape.width // 4), 128),
    )
    return Network(body, nn.Linear(128, num_classes))


def cnn8(shape: InputShape, num_classes: int) -> Network:
    """Return the paper's CIFAR-10 network: three pooled convolution pairs and two linear layers."""
    _least_size(shape, 8, "cnn8")
    layers: list[nn.Module] = []
    channels = shape.channels
    for width in (64, 128, 196):
        layers += [*conv_block(channels, width), *conv_block(width, width), nn.MaxPool2d(2)]
        channels = width
    flat = channels * (shape.height // 8) * (shape.width // 8)
    body = nn.Sequential(*layers, nn.Flatten(), *linear_block(flat, 256))
    return Network(body, nn.Linear(256, num_classes))


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut. He et al., CVPR 2016, Fig. 5 left."""

    expansion = 1

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            _bare_conv(inputs, width, 3, stride),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            _bare_conv(width, width, 3, 1),
            nn.BatchNorm2d(width),
        )
        self.shortcut = _shortcut(inputs, width, stride)

    def forward(self, inputs: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, width, H / stride, W / stride)."""
        return torch.relu(self.residual(inputs) + self.shortcut(inputs))


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions beside a shortcut. He et al., CVPR 2016, Fig. 5 right."""

    expansion = 4

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        outputs = width * self.expansion
        self.residual = nn.Sequential(
            _bare_conv(inputs, width, 1, 1),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            _bare_conv(width, width, 3, stride),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            _bare_conv(width, outputs, 1, 1),
            nn.BatchNorm2d(outputs),
        )
        self.shortcut = _shortcut(inputs, outputs, stride)

    def forward(self, inputs: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, 4 width, H / stride, W / stride)."""
        return torch.relu(self.residual(inputs) + self.shortcut(inputs))


def resnet18(shape: InputShape, num_classes: int) -> Network:
    """Return ResNet-18; up to 64 px it has a 3x3 stem without pooling."""
    return _resnet(shape, num_classes, BasicBlock, (2, 2, 2, 2))


def resnet34(shape: InputShape, num_classes: int) -> Network:
    """Return ResNet-34, the paper's CIFAR-100 network; up to 64 px a 3x3 stem without pooling."""
    return _resnet(shape, num_classes, BasicBlock, (3, 4, 6, 3))


def resnet50(shape: InputShape, num_classes: int) -> Network:
    """Return ResNet-50, the paper's WebVision network; up to 64 px a 3x3 stem without pooling."""
    return _resnet(shape, num_classes, Bottleneck, (3, 4, 6, 3))


def _resnet(
    shape: InputShape,
    num_classes: int,
    block: type[BasicBlock] | type[Bottleneck],
    depths: tuple[int, ...],
) -> Network:
    is_small = min(shape.height, shape.width) <= TUNING.largest_small_stem
    if is_small:
        stem: list[nn.Module] = [_bare_conv(shape.channels, 64, 3, 1)]
    else:
        stem = [_bare_conv(shape.channels, 64, 7, 2)]
    layers = [*stem, nn.BatchNorm2d(64), nn.ReLU(inplace=True)]
    if not is_small:
        layers.append(nn.MaxPool2d(3, stride=2, padding=1))
    channels = 64
    for stage, depth in enumerate(depths):
        width = 64 * 2**stage
        for place in range(depth):
            layers.append(block(channels, width, 2 if stage and not place else 1))
            channels = width * block.expansion
    body = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return Network(body, nn.Linear(channels, num_classes))


Builder = Callable[[InputShape, int], Network]
MODELS: dict[str, Builder] = {
    "linear": linear,
    "mlp": mlp,
    "cnn4": cnn4,
    "cnn8": cnn8,
    "resnet18": resnet18,
    "resnet34": resnet34,
    "resnet50": resnet50,
}
FOR_FEATURES = ("linear", "mlp")
WITH_AUXILIARY = ("googlenet", "inception_v3")  # their auxiliary classifiers are left out


def check_name(name: str, shape: InputShape) -> None:
    """Raise UsageError where the network does not exist or takes inputs of another kind."""
    if name.startswith(TORCHVISION):
        if shape.num_features:
            raise UsageError(
                f"model '{name}' takes images, and the data are {shape}",
                help="--model linear or mlp takes features",
            )
        return
    if name not in MODELS:
        raise unknown("model", name, [*MODELS, f"{TORCHVISION}NAME"])
    if shape.num_features and name not in FOR_FEATURES:
        raise UsageError(
            f"model '{name}' takes images, and the data are {shape}",
            help=f"models for features: {', '.join(FOR_FEATURES)}",
        )


def build(name: str, shape: InputShape, num_classes: int, *, seed: int) -> nn.Module:
    """Return the named network, its weights drawn from `seed` only.

    The global random state is restored. Raises UsageError for an unknown name or inputs that the
    network cannot take, and InputError where torchvision is needed and cannot be imported.

    >>> build("linear", InputShape(num_features=4), 3, seed=0)(torch.zeros(2, 4)).shape
    torch.Size([2, 3])
    """
    check_name(name, shape)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if name.startswith(TORCHVISION):
            return _torchvision(name.removeprefix(TORCHVISION), shape, num_classes)
        network = MODELS[name](shape, num_classes)
        network.apply(_initialise)
    return network


def default_model(shape: InputShape) -> str:
    """Return the name of the network for inputs of this shape, used if the settings name none.

    >>> default_model(InputShape(channels=3, height=32, width=32))
    'cnn8'
    """
    if shape.num_features:
        return "linear"
    longest = max(shape.height, shape.width)
    if shape.channels == 1 and longest <= 28:  # px, the size of MNIST's images
        return "cnn4"
    return "cnn8" if longest <= TUNING.largest_cnn8_size else "resnet18"


def _bare_conv(inputs: int, outputs: int, kernel: int, stride: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)


def _shortcut(inputs: int, outputs: int, stride: int) -> nn.Module:
    if stride == 1 and inputs == outputs:
        return nn.Identity()
    return nn.Sequential(_bare_conv(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))


def _least_size(shape: InputShape, least: int, name: str) -> None:
    if min(shape.height, shape.width) < least:
        raise UsageError(
            f"model '{name}' needs images of {least} x {least} or more, the data are {shape}",
            help="--model mlp or --model linear takes any size",
        )


def _initialise(layer: nn.Module) -> None:
    if isinstance(layer, nn.Conv2d):
        nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")
    elif isinstance(layer, nn.Linear):
        nn.init.xavier_uniform_(layer.weight)
    else:
        return
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


def _torchvision(name: str, shape: InputShape, num_classes: int) -> nn.Module:
    """Return an untrained classifier of torchvision; grey images get three equal channels."""
    models = torchvision_models()
    known = [m for m in models.list_models(module=models)]
    if name not in known:
        raise unknown("model of torchvision", name, known)
    options = {"aux_logits": False, "init_weights": True} if name in WITH_AUXILIARY else {}
    network: nn.Module = models.get_model(name, weights=None, num_classes=num_classes, **options)
    network = nn.Sequential(_ThreeChannels(), network) if shape.channels == 1 else network
    _check_takes(network, name, shape)
    return network


def _check_takes(network: nn.Module, name: str, shape: InputShape) -> None:
    """Raise UsageError where the network fails on pictures of this shape."""
    pictures = torch.zeros(1, shape.channels, shape.height, shape.width)
    try:
        with torch.no_grad():
            network.eval()(pictures)
    except (RuntimeError, AssertionError, ValueError) as error:
        reason = (str(error) or "no reason given").splitlines()[0]
        raise UsageError(
            f"model '{TORCHVISION}{name}' does not take {shape}: {reason}",
            help="--set image_size=224 for pictures of that size, or another --model",
        ) from None
    network.train()


def torchvision_models() -> Any:
    """Return the module torchvision.models; raises InputError where its import fails."""
    try:
        import torchvision.models as models
    except Exception as error:  # a torchvision built for another torch raises RuntimeError
        raise InputError(
            f"torchvision cannot be imported: {str(error).splitlines()[0]}",
            help="install the torchvision that matches this torch: "
            "pip install --upgrade torch torchvision",
        ) from None
    return models


class _ThreeChannels(nn.Module):
    def forward(self, inputs: Tensor) -> Tensor:
        return inputs.expand(-1, 3, -1, -1)

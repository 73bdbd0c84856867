"""Training state and trained weights on disk: written atomically, and without code in them.

A checkpoint is one file of tensors and plain values. It is written to a temporary file, synced and
renamed, and it loads with `weights_only=True`. Trained weights are a safetensors file whose header
describes the network.
"""

import io
import json
import pickle
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor, nn

from alfs_cli.data.images.depth import Scale, scale_from
from alfs_cli.errors import InputError
from alfs_cli.results.run import WEIGHTS, load_config
from alfs_cli.storage.documents import from_document
from alfs_cli.storage.files import as_file
from alfs_cli.storage.writing import replacing
from alfs_cli.training.batches import Normaliser
from alfs_cli.training.models import InputShape, Network, build

VERSION = 1  # of the checkpoint format
MODEL_SCHEMA = "alfs.model/1"
RETRAIN = "was it changed or cut short? train the run anew: alfs train --config FILE --overwrite"
MEAN, STD = "input.mean", "input.std"


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write the state atomically: a crash leaves the old file or the new one.

    Raises WorkError where the disk is full or the folder cannot be written.
    """
    buffer = io.BytesIO()
    torch.save({"version": VERSION, **state}, buffer)
    # The view goes before an error leaves: of both in one cycle Python 3.12.1 frees the buffer
    # first, and crashes.
    with replacing(path) as temporary, buffer.getbuffer() as content:
        temporary.write_bytes(content)


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Return the state of a checkpoint, its tensors on the CPU.

    Raises InputError where the file is missing, damaged, of another version, or holds code.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns of foreign files; they are refused below
            state = torch.load(as_file(path), map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise InputError(
            f"no checkpoint: '{path}'", help="the run has not reached its first one; start it anew"
        ) from None
    except pickle.UnpicklingError:
        raise InputError(
            f"'{path}' is not a weights-only file (loading it could run code)",
            help="only checkpoints written by `alfs train` are read",
        ) from None
    except (OSError, RuntimeError, EOFError, ValueError, LookupError, TypeError,
            AttributeError) as error:  # fmt: skip
        raise InputError(
            f"cannot read '{path}': {(str(error) or 'damaged').splitlines()[0]}",
            help="the file is broken; start the run anew with --overwrite",
        ) from None
    if not isinstance(state, dict) or "version" not in state:
        raise InputError(
            f"'{path}' is not a checkpoint of alfs",
            help="start the run anew: alfs train DATA --overwrite",
        )
    if type(state["version"]) is not int or state["version"] != VERSION:
        raise InputError(
            f"'{path}' is a checkpoint of version {str(state['version'])[:100]}, "
            f"this alfs reads {VERSION}",
            help="upgrade alfs: pip install --upgrade alfs-cli",
        )
    return state


def restore_weights(model: nn.Module, weights: dict[str, Tensor], *, where: str) -> None:
    """Load weights into a network; raises InputError where they belong to another network."""
    expected = model.state_dict()
    if not isinstance(weights, Mapping) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in weights.items()
    ):
        raise InputError(f"{where}: its weights are not a table of named tensors", help=RETRAIN)
    if missing := sorted(expected.keys() - weights.keys()):
        raise InputError(
            f"{where}: weights of another network: '{missing[0]}' is missing", help=RETRAIN
        )
    if extra := sorted(weights.keys() - expected.keys()):
        raise InputError(
            f"{where}: weights of another network: '{extra[0]}' is not part of it", help=RETRAIN
        )
    for name, value in expected.items():
        if value.shape != weights[name].shape:
            raise InputError(
                f"{where}: weights of another network: '{name}' has shape "
                f"{tuple(weights[name].shape)}, not {tuple(value.shape)}",
                help=RETRAIN,
            )
        if value.dtype != weights[name].dtype or weights[name].layout != torch.strided:
            raise InputError(f"{where}: '{name}' is of type {weights[name].dtype}", help=RETRAIN)
    model.load_state_dict(weights)


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained network with its name, input shape, normaliser and class names.

    `scale` maps pictures of more than 8 bits to 8 bits; None if the training data had none.
    """

    model: nn.Module
    name: str
    shape: InputShape
    normaliser: Normaliser
    class_names: tuple[str, ...]
    scale: Scale | None = None

    @property
    def has_features(self) -> bool:
        """Whether penultimate features can be computed: it is a network of the MODELS table."""
        return isinstance(self.model, Network)


def save_trained(path: Path, trained: Trained, *, run: str) -> None:
    """Write model.safetensors; `run` is the id of the configuration that trained it."""
    from safetensors.torch import save

    about = {
        "schema": MODEL_SCHEMA,
        "run": run,
        "model": trained.name,
        "shape": asdict(trained.shape),
        "classes": list(trained.class_names),
        "scale": None if trained.scale is None else trained.scale.document(),
    }
    tensors = {
        **trained.model.state_dict(),
        MEAN: trained.normaliser.mean,
        STD: trained.normaliser.std,
    }
    plain = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    with replacing(path) as temporary:
        temporary.write_bytes(save(plain, metadata={"alfs": json.dumps(about)}))


def load_trained(folder: Path) -> Trained:
    """Return the trained network of a run directory, in evaluation mode on the CPU.

    Raises InputError where it is missing, damaged, of another version, of another run, or does not
    match its header.
    """
    from safetensors import SafetensorError, safe_open

    path = folder / WEIGHTS
    if not as_file(path).is_file():
        raise InputError(
            f"run '{folder.name}' holds no {WEIGHTS}",
            help=f"finish it first: alfs train --resume {folder.as_posix()}",
        )
    try:
        with safe_open(path, framework="pt") as file:
            about = json.loads((file.metadata() or {}).get("alfs", "null"))
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError, RecursionError) as error:
        raise InputError(f"cannot read '{path}': {error}", help=RETRAIN) from None
    if not isinstance(about, dict) or about.get("schema") != MODEL_SCHEMA:
        raise InputError(
            f"'{path}' does not say which network it is for ({MODEL_SCHEMA})", help=RETRAIN
        )
    run = load_config(folder).run_id
    if about.get("run", run) != run:
        raise InputError(
            f"'{path}' holds the weights of run '{about['run']}', not of '{run}'",
            help="a file or the configuration was changed since; train it anew",
        )
    try:
        header = from_document(about, _Header, where=str(path), is_strict=True)
        shape, classes = InputShape(**asdict(header.shape)), header.classes
        normaliser = _normaliser(weights.pop(MEAN), weights.pop(STD), shape, where=str(path))
        _refuse_strange(shape, len(classes), weights, where=str(path))
        model = build(header.model, shape, len(classes), seed=0)
        scale = scale_from(about.get("scale"))
    except KeyError as error:
        raise InputError(f"'{path}' holds no {error}", help=RETRAIN) from None
    except (TypeError, ValueError) as error:
        raise InputError(
            f"'{path}' does not say which network it is for: {error}", help=RETRAIN
        ) from None
    restore_weights(model, weights, where=str(path))
    return Trained(model.eval(), header.model, shape, normaliser, classes, scale)


Size = Annotated[int, Field(ge=0, le=10**6)]


@dataclass(frozen=True)
class _Shape:
    channels: Size = 0
    height: Size = 0
    width: Size = 0
    num_features: Size = 0


@dataclass(frozen=True)
class _Header:
    """The description of the network in the header of model.safetensors."""

    model: str
    shape: _Shape
    classes: tuple[str, ...]


def _refuse_strange(
    shape: InputShape, num_classes: int, weights: Mapping[str, Tensor], *, where: str
) -> None:
    """Raise InputError where a header describes a larger network than the weights are for.

    Called before the network is built, so that a forged header cannot exhaust the memory.
    """
    is_image = shape.channels and shape.height and shape.width
    if bool(shape.num_features) == bool(is_image) or num_classes < 2:
        raise InputError(f"'{where}' is for {shape} and {num_classes} classes", help=RETRAIN)
    if num_classes not in {size for value in weights.values() for size in value.shape}:
        raise InputError(
            f"'{where}' is for {num_classes} classes, and none of its weights has that size",
            help=RETRAIN,
        )
    held = sum(value.numel() for value in weights.values())
    if shape.num_features > held:
        raise InputError(f"'{where}' is for {shape}, and its weights are for fewer", help=RETRAIN)


def _normaliser(mean: Tensor, std: Tensor, shape: InputShape, *, where: str) -> Normaliser:
    size = shape.num_features or shape.channels
    for name, value in ((MEAN, mean), (STD, std)):
        if value.shape != (size,) or value.dtype != torch.float32:
            raise InputError(
                f"'{where}': '{name}' is not {size} numbers, one for each channel or feature",
                help=RETRAIN,
            )
        if not bool(value.isfinite().all()) or (name == STD and not bool((value > 0).all())):
            raise InputError(
                f"'{where}': '{name}' holds values that no input can be normalised by",
                help=RETRAIN,
            )
    return Normaliser(mean, std)

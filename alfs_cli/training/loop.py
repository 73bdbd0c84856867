"""The training loop: epochs, checkpoints, interruption, result.

Data and batches are on the device, and no step waits for it: losses and hits accumulate in tensors
that are read once an epoch. The whole state is saved after every epoch, and after the current step
on Ctrl-C or SIGTERM. On a CPU with the same number of threads, a run that was interrupted and
resumed equals an uninterrupted one bit for bit.
"""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from alfs_cli import __version__
from alfs_cli.errors import InputError, Interrupted, UsageError, WorkError, is_out_of_memory
from alfs_cli.noise import write_transition
from alfs_cli.results.run import (
    CHECKPOINT,
    CONFIG,
    ENVIRONMENT,
    METRICS,
    RESULT,
    TRANSITION,
    WEIGHTS,
    EpochMetrics,
    RunResult,
    TrainConfig,
    TrainSummary,
    accuracy_over,
    render_metrics,
    save_environment,
    versions,
)
from alfs_cli.storage.documents import from_document
from alfs_cli.storage.locks import one_trainer
from alfs_cli.storage.writing import remove_leftovers, unwritable, write_text
from alfs_cli.training import distributed
from alfs_cli.training.batches import (
    EpochBatches,
    Normaliser,
    num_batches,
)
from alfs_cli.training.checkpoint import (
    Trained,
    load_checkpoint,
    restore_weights,
    save_checkpoint,
    save_trained,
)
from alfs_cli.training.devices import Device, threads_for, tuned_for
from alfs_cli.training.experiment import Experiment
from alfs_cli.training.graphs import captured
from alfs_cli.training.interruption import stop_signal
from alfs_cli.training.models import build
from alfs_cli.training.objectives import (
    NegativeLearning,
    Objective,
)
from alfs_cli.training.prediction import accuracy_of
from alfs_cli.training.preparation import Material, objective_of, prepare
from alfs_cli.training.steps import MomentumSgd, Step, learning_rate, make_step

MOST_LR = 0.1  # the largest learning rate that the help on a diverged run suggests
CACHE = "cache"  # the folder of decoded pictures beside a run directory


@dataclass
class State:
    """Everything that a run needs to resume.

    `epoch` counts the finished epochs, `step` the finished steps of the current one. `losses`
    (steps,), `hits` () and `seconds` are those of the current epoch. `history` has the metrics of
    the finished epochs.
    """

    model: nn.Module
    optimizer: MomentumSgd
    objective: Objective
    losses: Tensor
    hits: Tensor
    epoch: int = 0
    step: int = 0
    seconds: float = 0.0
    history: tuple[EpochMetrics, ...] = ()
    num_examples: int = 0
    num_tested: int = 0

    def mean_loss(self) -> float:
        """Return the mean loss of the finished steps of this epoch; NaN before the first."""
        return float(self.losses[: self.step].double().mean())

    def save(self, path: Path, run_id: str) -> None:
        """Write the checkpoint if this is the first process."""
        if not distributed.is_first():
            return
        values = {
            "run": run_id,
            "model": self.model.state_dict(),
            "velocities": self.optimizer.velocities,
            "objective": self.objective.state(),
            "losses": self.losses,
            "hits": self.hits,
            "epoch": self.epoch,
            "step": self.step,
            "seconds": self.seconds,
            "history": [asdict(epoch) for epoch in self.history],
            "random": torch.get_rng_state(),
        }
        save_checkpoint(path, values)

    def restore(self, saved: dict[str, Any], *, run_id: str, where: str) -> None:
        """Restore the state of a checkpoint; raises InputError where it is of another run."""
        try:
            if saved["run"] != run_id:
                raise InputError(
                    f"'{where}' is a checkpoint of run '{saved['run']}', not of '{run_id}'",
                    help="its configuration was changed; start a new run",
                )
            restore_weights(self.model, saved["model"], where=f"'{where}'")
            for velocity, value in zip(self.optimizer.velocities, saved["velocities"], strict=True):
                _copy_alike(velocity, value)
            if saved["objective"].keys() != self.objective.state().keys():
                raise ValueError("the state of its loss is another's")
            for name, tensor in self.objective.state().items():
                _copy_alike(tensor, saved["objective"][name])
            _copy_alike(self.losses, saved["losses"])
            _copy_alike(self.hits, saved["hits"])
            found = from_document(saved, _Progress, where=f"'{where}'", is_strict=True)
            if len(found.history) != found.epoch or found.step > len(self.losses):
                raise ValueError(f"epoch {found.epoch}, step {found.step} is none of this run")
            self.epoch, self.step, self.seconds = found.epoch, found.step, found.seconds
            self.history = found.history
            torch.set_rng_state(saved["random"])
        except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
            raise InputError(
                f"'{where}' is not a checkpoint of this run: {str(error).splitlines()[0]}",
                help="start the run anew with --overwrite",
            ) from None


@dataclass(frozen=True)
class _Progress:
    """The plain values of a checkpoint."""

    epoch: Annotated[int, Field(ge=0)]
    step: Annotated[int, Field(ge=0)]
    seconds: Annotated[float, Field(ge=0, le=10**9)]
    history: tuple[EpochMetrics, ...]


def _copy_alike(tensor: Tensor, value: Tensor) -> None:
    """Copy `value` into `tensor`; raises ValueError where shape or type differ."""
    if not isinstance(value, Tensor) or (value.shape, value.dtype) != (tensor.shape, tensor.dtype):
        raise ValueError("a tensor of another shape or type than this run has")
    tensor.copy_(value)


def _nothing(*values: object) -> None:
    pass


@dataclass(frozen=True)
class Watch:
    """What somebody who looks on is told beside epochs, steps and notes.

    `ready` is called before the first step with a function that returns the mean loss of the steps
    of this epoch so far; it waits for the device. `stop` is called when a signal asks to stop.
    """

    ready: Callable[[Callable[[], float]], None] = _nothing
    stop: Callable[[], None] = _nothing


def train(  # noqa: PLR0913 (what is heard of a run)
    experiment: Experiment,
    folder: Path,
    device: Device,
    *,
    resume: bool = False,
    cache: Path | None = None,
    on_epoch: Callable[[EpochMetrics], None] = _nothing,
    on_step: Callable[[int], None] = _nothing,
    on_note: Callable[[str], None] = _nothing,
    watch: Watch = Watch(),
) -> RunResult:
    """Train, save everything under `folder`, and return the result.

    With `resume` the run continues from its checkpoint. Pictures that memory cannot hold are
    decoded into files under `cache`, by default a folder beside that of the run. `on_epoch` is
    called with the metrics of each epoch, `on_step` with the number of finished steps of the whole
    run, `on_note` with notes and warnings; `watch` hears the rest.

    Raises Interrupted on Ctrl-C or SIGTERM after a checkpoint was saved, WorkError where the loss
    is not finite or memory runs out, and UsageError where the number of processes is not the
    configured one.
    """
    config = experiment.config
    if distributed.size() != config.processes:
        raise UsageError(
            f"run {config.run_id} is one of {config.processes} processes, not {distributed.size()}",
            help="alfs train starts as many as the configuration says",
        )
    with (
        torch.random.fork_rng(devices=[]),
        threads_for(experiment.shape.size),
        tuned_for(device),
        _memory_errors(config),
        ExitStack() as held,
    ):
        torch.manual_seed(config.seed)
        material = prepare(experiment, device, cache or folder.parent / CACHE, on_note)
        state = start(experiment, material.labels, device)
        state.num_tested = 0 if material.test is None else len(material.test)
        if distributed.is_first():
            held.enter_context(one_trainer(folder))
        _take_up(state, experiment, folder, device, resume=resume)
        if not distributed.is_first():
            material = replace(material, test=None)
        watch.ready(state.mean_loss)
        step = step_of(state, material, config, device, on_note)
        try:
            for metrics in _epochs(
                experiment, folder, device, state, material, step, on_step, watch.stop
            ):
                on_epoch(metrics)
        except Interrupted:
            with stop_signal():  # a second signal must not interrupt the writing of the result
                _save_result(experiment, folder, device, state, "interrupted")
            raise
        except WorkError:
            with suppress(WorkError):  # on a full disk only the first error is reported
                _save_result(experiment, folder, device, state, "failed")
            raise
        if distributed.is_first():
            trained = _trained(state, experiment, material.normaliser)
            save_trained(folder / WEIGHTS, trained, run=config.run_id)
        return _save_result(experiment, folder, device, state, "finished")


def _take_up(
    state: State, experiment: Experiment, folder: Path, device: Device, *, resume: bool
) -> None:
    """Prepare state and folder for the first step: restore the checkpoint, or remove old files."""
    if resume:
        checkpoint = folder / CHECKPOINT
        saved = load_checkpoint(checkpoint)
        state.restore(saved, run_id=experiment.config.run_id, where=checkpoint.as_posix())
    if not distributed.is_first():
        return
    if not resume:
        for stale in (RESULT, WEIGHTS, CHECKPOINT):
            (folder / stale).unlink(missing_ok=True)
    remove_leftovers(folder / name for name in (CHECKPOINT, RESULT, WEIGHTS, CONFIG, METRICS))
    _save_plan(experiment, folder, device)
    write_text(folder / METRICS, render_metrics(state.history))


def _trained(state: State, experiment: Experiment, normaliser: Normaliser) -> Trained:
    """Return the network with the shape, normaliser and classes that its use needs."""
    shape, images = experiment.shape, experiment.parts.train.images
    scale = None if images is None or shape.num_features else images.scale
    return Trained(
        state.model, experiment.config.model, shape, normaliser, experiment.class_names, scale
    )


def start(experiment: Experiment, labels: Tensor, device: Device) -> State:
    """Return the state before the first step; `labels` (N,) are the training labels."""
    config, classes = experiment.config, experiment.class_names
    model = device.place(build(config.model, experiment.shape, len(classes), seed=config.seed))
    steps = num_batches(len(labels), config.batch_size)
    return State(
        model=model,
        optimizer=MomentumSgd(model, config.optimizer),
        objective=objective_of(experiment, labels, device),
        losses=torch.zeros(steps, device=device.name),
        hits=torch.zeros((), dtype=torch.int64, device=device.name),
        num_examples=len(labels),
    )


def _epochs(
    experiment: Experiment,
    folder: Path,
    device: Device,
    state: State,
    material: Material,
    step: Step,
    on_step: Callable[[int], None],
    on_stop: Callable[[], None],
) -> Iterator[EpochMetrics]:
    """Train the remaining epochs, saving the state after each; yield the metrics of each."""
    config, normaliser, test = experiment.config, material.normaliser, material.test
    with stop_signal(on_stop) as stop:
        for epoch in range(state.epoch, config.epochs):
            batches = EpochBatches(
                material.windows, material.labels, config.batch_size, seed=config.seed, epoch=epoch
            )
            state.objective.start_epoch(epoch)
            rate = learning_rate(config, epoch)
            for done in _steps(state, batches, normaliser, step, rate):
                on_step(epoch * len(batches) + done)
                if (signal := distributed.agreed(stop.signal)) and done < len(batches):
                    _check_finite(state, config, folder)
                    state.save(folder / CHECKPOINT, config.run_id)
                    raise _interrupted(state, config, folder, signal)
            began = time.perf_counter()
            _check_finite(state, config, folder)  # waits for the device: the time above is whole
            accuracy = None if test is None else accuracy_of(state.model, normaliser, test, device)
            state.seconds += time.perf_counter() - began
            yield _close_epoch(state, rate, accuracy, folder, config.run_id)
            if (signal := distributed.agreed(stop.signal)) and state.epoch < config.epochs:
                raise _interrupted(state, config, folder, signal)


def step_of(
    state: State,
    material: Material,
    config: TrainConfig,
    device: Device,
    on_note: Callable[[str], None] = _nothing,
) -> Step:
    """Return the step of a run; on CUDA as one graph unless the objective changes by epoch.

    `on_note` is called with the reason if a step cannot be captured as a graph.
    """
    if distributed.size() > 1:
        parts = (state.model, state.optimizer, state.objective, device)
        return distributed.shared_step(*parts, l1=config.l1)
    step = make_step(state.model, state.optimizer, state.objective, device, l1=config.l1)
    is_constant = not isinstance(state.objective, NegativeLearning)
    if device.kind != "cuda" or not is_constant or len(material.labels) < config.batch_size:
        return step
    batches = EpochBatches(
        material.windows, material.labels, config.batch_size, seed=config.seed, epoch=0
    )
    inputs, labels = batches[0]
    kept = [*state.model.state_dict().values(), *state.optimizer.velocities]
    state.model.train()
    try:
        return captured(
            step,
            (material.normaliser(inputs), labels, batches.places(0)),
            [*kept, *state.objective.state().values()],
        )
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        on_note(f"steps are taken one kernel after the other, not as a CUDA graph: {reason}")
        return step


def _steps(
    state: State, batches: EpochBatches, normaliser: Normaliser, step: Step, rate: float
) -> Iterator[int]:
    """Take the remaining steps of an epoch; yield the number of finished steps after each."""
    began = time.perf_counter() - state.seconds
    if state.step == 0:
        state.losses.zero_()
        state.hits.zero_()
    state.optimizer.lr = rate
    state.model.train()
    for index, inputs, labels in batches.start_at(state.step):
        loss, hits = step(normaliser(inputs), labels, batches.places(index))
        state.losses[index] = loss
        state.hits += hits
        state.step = index + 1
        state.seconds = time.perf_counter() - began
        yield state.step


def _close_epoch(
    state: State, rate: float, accuracy: float | None, folder: Path, run_id: str
) -> EpochMetrics:
    """Read the metrics of the epoch from the device, save the state, and return the metrics."""
    metrics = EpochMetrics(
        epoch=state.epoch + 1,
        loss=float(state.losses.cpu().double().mean()),
        train_accuracy=int(state.hits) / state.num_examples,
        test_accuracy=accuracy,
        lr=rate,
        seconds=round(state.seconds, 4),
    )
    state.history = (*state.history, metrics)
    state.epoch, state.step, state.seconds = state.epoch + 1, 0, 0.0
    state.save(folder / CHECKPOINT, run_id)
    _append(folder / METRICS, render_metrics([metrics]))
    return metrics


def _check_finite(state: State, config: TrainConfig, folder: Path) -> None:
    """Raise WorkError where a loss of this epoch, or a weight, is NaN or infinite."""
    losses = state.losses[: state.step].cpu()
    wrong = (~losses.isfinite()).nonzero()
    largest = torch.stack([p.detach().float().abs().max() for p in state.model.parameters()])
    if not len(wrong) and bool(largest.isfinite().all()):
        return
    step = int(wrong[0]) if len(wrong) else state.step - 1
    word = "infinite" if len(wrong) and math.isinf(float(losses[step])) else "NaN"
    kept = (folder / CHECKPOINT).exists() and state.epoch > 0
    raise WorkError(
        f"the loss became {word} in epoch {state.epoch + 1}, step {step + 1} "
        f"(learning rate {learning_rate(config, state.epoch):.4g})"
        + (f"; the checkpoint of epoch {state.epoch} is kept" if kept else ""),
        help=f"try --lr {min(config.optimizer.lr / 10, MOST_LR):.4g}"
        + ("" if config.optimizer.grad_clip else " or --set optimizer.grad_clip=5"),
    )


def _interrupted(
    state: State, config: TrainConfig, folder: Path, signal: Literal["SIGINT", "SIGTERM"]
) -> Interrupted:
    where = f"epoch {state.epoch} of {config.epochs}"
    if state.step:
        where = f"step {state.step} of epoch {state.epoch + 1} of {config.epochs}"
    return Interrupted(
        f"{'interrupted' if signal == 'SIGINT' else 'terminated'} after {where}; "
        f"saved {(folder / CHECKPOINT).as_posix()}",
        exit_code=130 if signal == "SIGINT" else 143,
        help=f"go on with: alfs train --resume {folder.as_posix()}",
    )


@contextmanager
def _memory_errors(config: TrainConfig) -> Iterator[None]:
    """Convert an allocator's error when memory runs out into a WorkError."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        first = (str(error) or "no more can be allocated").splitlines()[0]
        raise WorkError(
            f"out of memory: {first}",
            help=f"try --batch-size {max(2, config.batch_size // 2)}, a smaller --model, "
            "or --set image_size=N for smaller images",
        ) from None


def _append(path: Path, text: str) -> None:
    if not distributed.is_first():
        return
    try:
        with path.open("a", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except OSError as error:
        raise unwritable(path, error) from None


def _save_plan(experiment: Experiment, folder: Path, device: Device) -> None:
    experiment.config.save(folder / CONFIG)
    if experiment.transition is not None:
        write_transition(folder / TRANSITION, experiment.transition, experiment.class_names)
    save_environment(
        folder / ENVIRONMENT,
        device=device.described,
        precision=device.precision,
        threads=torch.get_num_threads(),
    )


def _save_result(
    experiment: Experiment,
    folder: Path,
    device: Device,
    state: State,
    status: Literal["finished", "interrupted", "failed"],
) -> RunResult:
    config, data = experiment.config, experiment.parts.train
    test = experiment.test
    result = RunResult(
        alfs_version=__version__,
        status=status,
        loss=config.loss,
        dataset=data.name,
        noise=experiment.noise,
        model=config.model,
        seed=config.seed,
        epochs=len(state.history),
        test=None if test is None else replace(test, n=state.num_tested or test.n),
        test_accuracy=accuracy_over(state.history),
        train_seconds=round(sum(e.seconds for e in state.history) + state.seconds, 3),
        device=device.described,
        versions=versions(),
        train=TrainSummary(
            state.num_examples,
            data.class_names,
            data.fingerprint,
            experiment.features,
            experiment.test_fingerprint,
        ),
        correction=config.correction,
        transition=config.transition,
        nlnl=config.nlnl,
        elr=config.elr,
    )
    if distributed.is_first():
        result.save(folder / RESULT)
    return result

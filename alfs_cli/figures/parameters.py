"""Figure 3: test accuracy against the epoch, a line for each setting of a loss's parameters.

Zhou et al., ICML 2021, section 4.1, "About hyper-parameters". A panel shows one loss under one
noise. Losses of which the sweep has a single setting are drawn in every panel of their noise, for
comparison.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev

import numpy as np

from alfs_cli.arrays import FloatArray
from alfs_cli.certificate import certify
from alfs_cli.errors import InputError, UsageError
from alfs_cli.figures.figure import Curve, Curves
from alfs_cli.losses import Loss, parse_loss
from alfs_cli.noise import clean_level, transition_of
from alfs_cli.results.run import Run, RunResult, load_config, load_metrics, load_run
from alfs_cli.results.sweep import Sweep, load_sweep, run_folder, status_of

GRID = "alfs sweep digits --grid 'agce:a=0.1|0.5|2,q=0.5|1.5' --noise symmetric:0.8"


@dataclass(frozen=True)
class Setting:
    """A loss under a noise: its ratio, and the last epoch's accuracy over n seeds, as fractions.

    `ratio` is the asymmetry ratio, of a sum that of its separable part; None without one.
    `is_robust` says whether the loss is proved asymmetric on the noise; None where T is not known.
    """

    loss: str
    noise: str
    ratio: float | None
    is_robust: bool | None
    n: int
    accuracy: float
    std: float | None


@dataclass(frozen=True, eq=False)
class Course:
    """A setting with the test accuracy at each epoch (M,) over its seeds: mean and std (M,)."""

    setting: Setting
    parsed: Loss
    epochs: FloatArray
    mean: FloatArray
    std: FloatArray | None
    level: float | None

    @property
    def family(self) -> str:
        """The names of the loss's terms."""
        return "+".join(term.name for term in self.parsed.terms)


def of_sweep(folder: Path) -> tuple[Curves, tuple[Setting, ...]]:
    """Return figure 3 of a sweep, and its numbers.

    Raises InputError where a run has not finished or no loss has several settings.
    """
    sweep = load_sweep(folder)
    runs = _finished(folder, sweep)
    courses = _courses(runs)
    panels = _panels(courses)
    if not panels:
        losses = ", ".join(dict.fromkeys(course.setting.loss for course in courses))
        raise InputError(
            f"sweep '{folder.name}' has one setting of each loss: {losses}",
            help=f"figure 3 compares several, such as those of {GRID}",
        )
    first = runs[0].result
    labels = "" if first.test is None or first.test.labels != "given" else " on given labels"
    curves = tuple(curve for name, own in panels.items() for curve in _curves(name, own, courses))
    title = f"{first.dataset}, {first.model}: accuracy by the parameters of the loss"
    return Curves(title, f"test accuracy{labels} (%)", curves), tuple(c.setting for c in courses)


def _finished(folder: Path, sweep: Sweep) -> list[Run]:
    """Return the runs of a sweep; raises InputError where one has not finished."""
    folders = [run_folder(folder, planned.run) for planned in sweep.runs]
    left = [one.name for one in folders if status_of(one) != "finished"]
    if left:
        errors = [f"; {one.run} failed: {one.error}" for one in sweep.failed if one.run in left]
        raise InputError(
            f"{len(left)} of {len(folders)} runs of sweep '{folder.name}' have not finished"
            + "".join(errors[:1] or [f": {left[0]}"] + [", ..."] * (len(left) > 1)),
            help="the command that began the sweep trains what is left",
        )
    return [load_run(one) for one in folders]


def _courses(runs: Sequence[Run]) -> tuple[Course, ...]:
    """Return a course for each loss under each noise, in the order of the sweep."""
    groups: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        groups.setdefault((_noise(run.result), run.result.loss), []).append(run)
    return tuple(_course(noise, loss, group) for (noise, loss), group in groups.items())


def _noise(result: RunResult) -> str:
    return "no noise" if result.noise is None else f"{result.noise.kind} {result.noise.rate:g}"


def _course(noise: str, loss: str, runs: Sequence[Run]) -> Course:
    parsed = parse_loss(loss)
    T = _transition(runs[0])
    points = [
        (epochs[0].epoch, [one.test_accuracy for one in epochs if one.test_accuracy is not None])
        for epochs in zip(*(load_metrics(run.folder) for run in runs), strict=False)
    ]
    tested = [(epoch, found) for epoch, found in points if len(found) == len(runs)]
    if not tested:
        raise InputError(
            f"run '{runs[0].folder.name}' holds no test accuracies",
            help="its metrics.jsonl is damaged: train it anew with --overwrite",
        )
    means = np.array([mean(found) for _, found in tested])
    stds = np.array([stdev(found) for _, found in tested]) if len(runs) > 1 else None
    setting = Setting(
        loss=loss,
        noise=noise,
        ratio=parsed.term_ratio(),
        is_robust=None if T is None else certify(parsed, T, mass=False).verdict == "proved",
        n=len(runs),
        accuracy=float(means[-1]),
        std=None if stds is None else float(stds[-1]),
    )
    at = np.array([float(epoch) for epoch, _ in tested])
    return Course(setting, parsed, at, means, stds, None if T is None else clean_level(T))


def _transition(run: Run) -> FloatArray | None:
    """Return the T of the noise that a run injected, None without noise or a T of a known kind."""
    noise, train = load_config(run.folder).noise, run.result.train
    if noise is None or noise.rate is None or train is None:
        return None
    try:
        return transition_of(
            noise.kind,
            noise.rate,
            len(train.classes),
            dataset=run.result.dataset,
            sequential=noise.sequential,
            blocks_of_five=noise.blocks_of_five,
        ).array
    except UsageError:  # noise that depends on the example, or a T from a file
        return None


def _panels(courses: Sequence[Course]) -> dict[str, tuple[Course, ...]]:
    """Return the courses of each panel by its name: those of a noise and loss, of two or more."""
    groups: dict[tuple[str, str], list[Course]] = {}
    for course in courses:
        groups.setdefault((course.setting.noise, course.family), []).append(course)
    panels = {}
    for (noise, family), group in groups.items():
        own = sorted(group, key=lambda course: course.setting.ratio or 0.0)
        if len(own) < 2:
            continue
        shared = [f"{key}={value}" for key, value in _shared(own).items()]
        name = f"{family}:{','.join(shared)}" if shared else family
        level = own[0].level
        under = noise if level is None else f"{noise}, clean level {level:.4g}"
        panels[f"{name}\n{under}"] = tuple(own)
    return panels


def _parameters(course: Course) -> dict[str, str]:
    _, _, given = course.setting.loss.partition(":")
    pairs = (piece.partition("=") for piece in given.split(",") if piece)
    return {key: value for key, _, value in pairs}


def _shared(courses: Sequence[Course]) -> Mapping[str, str]:
    """Return the parameters that are the same in all courses."""
    all_of = [set(_parameters(course).items()) for course in courses]
    same = set.intersection(*all_of)
    return {key: value for key, value in _parameters(courses[0]).items() if (key, value) in same}


def _curves(panel: str, own: Sequence[Course], courses: Sequence[Course]) -> tuple[Curve, ...]:
    """Return the lines of a panel: its settings, then losses with one setting under its noise."""
    beside = [course for course in courses if course.setting.noise == own[0].setting.noise]
    families = [course.family for course in beside]
    alone = [course for course in beside if families.count(course.family) == 1]
    shared = _shared(own)
    return (
        *(_curve(panel, course, _differing(course, shared)) for course in own),
        *(_curve(panel, course, course.setting.loss, is_grey=True) for course in alone),
    )


def _differing(course: Course, shared: Mapping[str, str]) -> str:
    """Return the parameters in which a course differs from others of its panel."""
    given = _parameters(course).items()
    return ", ".join(f"{key} = {value}" for key, value in given if key not in shared)


def _curve(panel: str, course: Course, name: str, *, is_grey: bool = False) -> Curve:
    return Curve(
        panel=panel,
        name=name,
        note=_note(course.setting),
        x=course.epochs,
        y=100 * course.mean,
        spread=None if course.std is None else 100 * course.std,
        n=course.setting.n,
        is_dashed=course.setting.is_robust is False,
        is_grey=is_grey,
    )


def _note(setting: Setting) -> str:
    """Return the numbers of a setting: its ratio, and the accuracy of the last epoch."""
    ratio = "" if setting.ratio is None else f"ratio {setting.ratio:.3f}, "
    spread = "" if setting.std is None else f" +- {100 * setting.std:.1f}"
    return f"{ratio}{100 * setting.accuracy:.1f}{spread} %"

"""The settings of a check, from the command line, environment variables and files."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alfs_cli.data.readers import refuse_missing
from alfs_cli.errors import UsageError
from alfs_cli.findings.rules import Selection
from alfs_cli.gate.baseline import USUAL as USUAL_BASELINE
from alfs_cli.gate.baseline import load_baseline
from alfs_cli.gate.judging import Thresholds
from alfs_cli.gate.suppressions import USUAL as USUAL_IGNORE
from alfs_cli.gate.suppressions import Suppressions, read_lines
from alfs_cli.settings.check import CHECK, SECTIONS
from alfs_cli.settings.layers import Setting, find, load, resolve
from alfs_cli.storage.targets import Target, refuse_inputs

if TYPE_CHECKING:
    from alfs_cli.data import DataSpec
    from alfs_cli.estimating import EstimateOptions
    from alfs_cli.gate.audited import Audited
    from alfs_cli.gate.baseline import Baseline
    from alfs_cli.gate.checking import Plan, Update
    from alfs_cli.options.check import BaselineFlags, FileFlags
    from alfs_cli.options.shared import Invocation


@dataclass(frozen=True)
class CheckSettings:
    """Every setting of a check by name, and the contents of the files that settings name."""

    values: Mapping[str, Setting]
    suppressions: Suppressions
    baseline: "Baseline | None"
    audit: "Audited | None" = None

    def value(self, name: str) -> Any:
        """Return the value of a setting."""
        return self.values[name].value

    def spec(self, source: str | None) -> "DataSpec":
        """Return the specification of DATA, `source` with the settings of reading.

        Raises InputError where there is none.
        """
        if source is not None:
            refuse_missing(source)
        from alfs_cli.data import DataSpec

        named = {
            field.name: self.value(key)
            for field in fields(DataSpec)
            if (key := field.name.replace("_", "-")) in self.values
        }
        return DataSpec(source, **named)

    def plan(self) -> "Plan":
        """Return the limits, suppressions, baseline and audit to judge by."""
        from alfs_cli.gate.checking import Plan

        names = {field.name: field.name.replace("_", "-") for field in fields(Thresholds)}
        limits = Thresholds(**{field: self.value(name) for field, name in names.items()})
        return Plan(limits, self.suppressions, self.baseline, self.audit)

    def options(self, invocation: "Invocation", *, use_cache: bool) -> "EstimateOptions":
        """Return the options of the estimate."""
        from alfs_cli.estimating import EstimateOptions

        return EstimateOptions(
            evidence=self.value("evidence"),
            folds=self.value("folds"),
            confidence=self.value("confidence"),
            in_sample_ok=self.value("in-sample-ok"),
            columns_as_given=self.value("columns-as-given"),
            rows_as_given=self.value("rows-as-given"),
            seed=invocation.seed,
            device=invocation.device,
            cache=invocation.out / "cache" if use_cache else None,
        )

    def update(self, flags: "BaselineFlags") -> "Update | None":
        """Return the baseline update that was asked for, None for none."""
        from alfs_cli.gate.checking import Update

        if not flags.update_baseline:
            return None
        return Update(Path(self.value("baseline")), flags.ratchet)


def check_settings(
    invocation: "Invocation",
    typed: Mapping[str, Any],
    *,
    source: str | None,
    files: "FileFlags",
    may_be_new: bool = False,
) -> CheckSettings:
    """Merge typed options, environment variables and files; `-v` prints where each came from.

    `source` is DATA: no settings are read from inside its folder, which may be a stranger's. With
    `may_be_new` the baseline is about to be written: it need not exist, and has its usual name
    where none is given.

    Raises UsageError or InputError where a setting or a file is wrong.
    """
    data = Path(source).resolve() if source is not None and Path(source).is_dir() else None
    path = files.config
    if path is None and not files.isolated:
        path, notes = find(Path.cwd(), data=data)
        for text in notes:
            invocation.console.note(f"note: {text}")
    file = None if path is None else load(path, SECTIONS)
    settings = resolve("check", CHECK, typed=typed, environment=os.environ, file=file)
    if may_be_new and settings["baseline"].value is None:
        settings = {**settings, "baseline": Setting(USUAL_BASELINE, "--update-baseline")}
    if file is not None:
        invocation.console.note(f"note: settings from '{os.path.relpath(file.path)}'")
    for name, setting in settings.items():
        if setting.value not in (None, ()):
            invocation.console.detail(f"{name} = {_written(setting.value)} ({setting.origin})")
    _refuse_inputs(invocation, settings, source, path, may_be_new=may_be_new)
    is_searched = not files.isolated and _is_trusted(Path.cwd(), data)
    base = "." if file is None else str(file.path.parent)
    suppressions = _suppressions(settings, base=base, is_searched=is_searched)
    for line in suppressions.lines:
        if line.expired:
            invocation.console.warn(f"{line.describe()} has expired and is not applied")
    baseline = _baseline(invocation, settings, may_be_new=may_be_new)
    return CheckSettings(settings, suppressions, baseline, _audit(settings["audit"].value))


def _audit(named: str | None) -> "Audited | None":
    if named is None:
        return None
    from alfs_cli.gate.audited import load_audited

    return load_audited(Path(named))


def _suppressions(settings: Mapping[str, Setting], *, base: str, is_searched: bool) -> Suppressions:
    """Return the suppressions; `is_searched` allows the default ignore file to be read."""
    ignore_file = settings["ignore-file"].value
    if ignore_file is None and is_searched:
        ignore_file = USUAL_IGNORE if Path(USUAL_IGNORE).is_file() else None
    return Suppressions(
        rules=Selection(settings["select"].value, settings["ignore"].value),
        by_path=settings["per-path-ignores"].value,
        base=base,
        lines=() if ignore_file is None else read_lines(Path(ignore_file)),
    )


def _baseline(
    invocation: "Invocation", settings: Mapping[str, Setting], *, may_be_new: bool
) -> "Baseline | None":
    named = settings["baseline"].value
    if settings["strict-baseline"].value and named is None:
        raise UsageError(
            "--strict-baseline says how to judge a baseline, and none is named",
            help="--baseline FILE; --update-baseline writes one",
        )
    if named is None or (may_be_new and not Path(named).exists()):
        return None
    baseline = load_baseline(Path(named))
    if baseline.evidence is None and not may_be_new:
        invocation.console.note(
            f"note: '{named}' does not say which evidence it was made with, so that it is not "
            "compared; --update-baseline adds it"
        )
    return baseline


def _refuse_inputs(
    invocation: "Invocation",
    settings: Mapping[str, Setting],
    source: str | None,
    config: Path | None,
    *,
    may_be_new: bool,
) -> None:
    """Raise UsageError where a file to be written is an input, whoever named it.

    A baseline that is updated is both read and written: it may not be any other input.
    """
    names = ("labels", "true-labels", "features", "pred-probs", "ignore-file", "audit")
    inputs = [source, config, *(settings[name].value for name in names)]
    baseline = settings["baseline"].value
    invocation.refuse_inputs(*inputs, baseline)
    if may_be_new:
        refuse_inputs([Target("--update-baseline", Path(baseline))], inputs)


def _is_trusted(folder: Path, data: Path | None) -> bool:
    """Whether a folder is outside DATA, so that its files may set options."""
    return data is None or (folder != data and data not in folder.parents)


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ", ".join(
            f"{item[0]}: {_written(item[1])}" if isinstance(item, tuple) else str(item)
            for item in value
        )
    return f"{value:g}" if isinstance(value, float) else str(value)

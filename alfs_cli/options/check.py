"""The options of `alfs check`.

Environment variables and configuration files may set those of `CheckOptions` as well.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from alfs_cli.formats.blocks import Limits

LIMITS = "Thresholds"
RULES = "Rules and baseline"
LISTS = "Formats for CI"


def _limit(name: str, help: str) -> Any:
    return typer.Option(name, help=help, rich_help_panel=LIMITS, show_default=False)


def _rule(name: str, help: str, metavar: str | None = None) -> Any:
    return typer.Option(name, help=help, metavar=metavar, rich_help_panel=RULES, show_default=False)


@dataclass(frozen=True)
class CheckOptions:
    """The settings that were typed; None where a variable or a file may decide."""

    max_noise_rate: Annotated[
        float | None, _limit("--max-noise-rate", "ALFS301: highest noise rate, a fraction.")
    ] = None
    max_class_noise_rate: Annotated[
        float | None, _limit("--max-class-noise-rate", "ALFS304: highest noise rate of any class.")
    ] = None
    min_clean_level: Annotated[
        float | None, _limit("--min-clean-level", "ALFS201: lowest clean level r of any class.")
    ] = None
    max_pair_rate: Annotated[
        float | None, _limit("--max-pair-rate", "ALFS202: highest rate T\\[i, j] of any pair.")
    ] = None
    require_dominance: Annotated[
        bool | None,
        _limit(
            "--require-dominance/--no-require-dominance",
            "ALFS203: the clean label leads in every class; on by default.",
        ),
    ] = None
    min_trust: Annotated[
        str | None, _limit("--min-trust", "ALFS303: lowest trust: low, medium or high.")
    ] = None
    max_new_issues: Annotated[
        int | None,
        _limit(
            "--max-new-issues",
            "ALFS101: highest number of suspect labels that the baseline does not list.",
        ),
    ] = None
    gate_on: Annotated[
        str | None,
        _limit(
            "--gate-on",
            "When to fail. sure (the default): if even the favourable bound breaks the limit; "
            "point: if the estimate does; strict: unless even the unfavourable bound keeps it.",
        ),
    ] = None
    select: Annotated[
        list[str] | None,
        _rule("--select", "Judge only these rules, or prefixes such as ALFS4.", "RULE,..."),
    ] = None
    ignore: Annotated[list[str] | None, _rule("--ignore", "Leave these rules out.", "RULE,...")] = (
        None
    )
    ignore_file: Annotated[
        str | None,
        _rule(
            "--ignore-file",
            "Findings to leave out; by default alfs-ignore.csv if it exists.",
            "FILE",
        ),
    ] = None
    baseline: Annotated[
        str | None, _rule("--baseline", "Findings and bounds that were accepted.", "FILE")
    ] = None
    strict_baseline: Annotated[
        bool | None,
        typer.Option(
            "--strict-baseline",
            help="ALFS901: fail if a baseline entry no longer matches anything.",
            rich_help_panel=RULES,
        ),
    ] = None
    audit: Annotated[
        str | None,
        typer.Option(
            "--audit",
            metavar="FILE",
            help="An audit.json of these data; its bounds replace those of the estimate.",
            rich_help_panel=LIMITS,
            show_default=False,
        ),
    ] = None
    exit_zero: Annotated[
        bool | None,
        typer.Option("--exit-zero", help="Report, but exit 0 whatever was found."),
    ] = None
    evidence: Annotated[
        str | None,
        typer.Option("--evidence", help="auto, pred-probs, features, encoder or pixels."),
    ] = None
    folds: Annotated[
        int | None, typer.Option("--folds", help="Folds of held-out scoring; by default 5.")
    ] = None
    confidence: Annotated[
        float | None,
        typer.Option("--confidence", help="Level of each one-sided bound; by default 0.95."),
    ] = None
    in_sample_ok: Annotated[
        bool | None,
        typer.Option("--in-sample-ok", help="Trust probabilities that look in-sample."),
    ] = None
    columns_as_given: Annotated[
        bool | None,
        typer.Option("--columns-as-given", help="Keep the order of columns that look permuted."),
    ] = None
    rows_as_given: Annotated[
        bool | None,
        typer.Option("--rows-as-given", help="Keep the order of rows that look out of step."),
    ] = None

    def typed(self) -> dict[str, Any]:
        """Return the typed values by the name of the setting, such as max-noise-rate."""
        return {name.replace("_", "-"): value for name, value in asdict(self).items()}


@dataclass(frozen=True)
class BaselineFlags:
    """Whether the baseline is updated to accept the current findings."""

    update_baseline: Annotated[
        bool,
        typer.Option(
            "--update-baseline",
            help="Accept the current findings and bounds: write --baseline, or alfs-baseline.json.",
            rich_help_panel=RULES,
        ),
    ] = False
    ratchet: Annotated[
        bool,
        typer.Option(
            "--ratchet",
            help="With --update-baseline: only make the baseline stricter.",
            rich_help_panel=RULES,
        ),
    ] = False


@dataclass(frozen=True)
class FileFlags:
    """Which configuration and cached files are read besides DATA."""

    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="FILE",
            help="Settings; by default the nearest alfs.yaml, .alfs.yaml or pyproject.toml.",
        ),
    ] = None
    isolated: Annotated[
        bool,
        typer.Option("--isolated", help="Read no configuration or ignore file that is not named."),
    ] = False
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Recompute the evidence, not from the cache.")
    ] = False


@dataclass(frozen=True)
class ListOptions:
    """How many findings the formats for CI list."""

    sarif_max: Annotated[
        int,
        typer.Option(
            "--sarif-max",
            min=1,
            max=25_000,
            help="Maximum number of findings in SARIF, worst first.",
            rich_help_panel=LISTS,
        ),
    ] = 5000
    max_findings: Annotated[
        int,
        typer.Option(
            "--max-findings",
            min=0,
            help="Maximum number of failures in JUnit, worst first.",
            rich_help_panel=LISTS,
        ),
    ] = 100
    no_step_summary: Annotated[
        bool,
        typer.Option(
            "--no-step-summary",
            help="Do not append to $GITHUB_STEP_SUMMARY.",
            rich_help_panel=LISTS,
        ),
    ] = False

    def limits(self) -> "Limits":
        """Return the limits as reports hold them."""
        from alfs_cli.formats.blocks import Limits

        return Limits(sarif=self.sarif_max, findings=self.max_findings)

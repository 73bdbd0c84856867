"""The options of `alfs check` that a variable or a configuration file may set as well."""

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
    """What was typed; None where nothing was, so that a variable or a file may speak."""

    max_noise_rate: Annotated[float | None, _limit("--max-noise-rate", "ALFS301, a fraction.")] = (
        None
    )
    max_class_noise_rate: Annotated[
        float | None, _limit("--max-class-noise-rate", "ALFS304, each class.")
    ] = None
    min_clean_level: Annotated[
        float | None, _limit("--min-clean-level", "ALFS201, the ratio r of each class.")
    ] = None
    max_pair_rate: Annotated[
        float | None, _limit("--max-pair-rate", "ALFS202, each pair T[i, j].")
    ] = None
    require_dominance: Annotated[
        bool | None,
        _limit(
            "--require-dominance/--no-require-dominance",
            "ALFS203: the clean label leads in every class; on.",
        ),
    ] = None
    min_trust: Annotated[str | None, _limit("--min-trust", "ALFS303: low, medium or high.")] = None
    max_new_issues: Annotated[
        int | None,
        _limit("--max-new-issues", "ALFS101: suspect labels that the baseline does not list."),
    ] = None
    gate_on: Annotated[
        str | None,
        _limit(
            "--gate-on",
            "sure (usual): fail where even the favourable bound breaks the limit; point: where the "
            "estimate does; strict: unless even the unfavourable bound holds.",
        ),
    ] = None
    select: Annotated[
        list[str] | None,
        _rule("--select", "Only these rules, or beginnings such as ALFS4.", "RULE,..."),
    ] = None
    ignore: Annotated[list[str] | None, _rule("--ignore", "Not these rules.", "RULE,...")] = None
    ignore_file: Annotated[
        str | None,
        _rule("--ignore-file", "Findings not to tell; alfs-ignore.csv if it is here.", "FILE"),
    ] = None
    baseline: Annotated[
        str | None, _rule("--baseline", "What is accepted: findings, and bounds.", "FILE")
    ] = None
    strict_baseline: Annotated[
        bool | None,
        typer.Option(
            "--strict-baseline",
            help="ALFS901: fail where a baseline entry matches nothing any more.",
            rich_help_panel=RULES,
        ),
    ] = None
    audit: Annotated[
        str | None,
        typer.Option(
            "--audit",
            metavar="FILE",
            help="An audit.json of these data: its bounds decide what it knows of.",
            rich_help_panel=LIMITS,
            show_default=False,
        ),
    ] = None
    exit_zero: Annotated[
        bool | None,
        typer.Option("--exit-zero", help="Report, and exit 0 whatever was found."),
    ] = None
    evidence: Annotated[
        str | None,
        typer.Option("--evidence", help="auto, pred-probs, features, encoder or pixels."),
    ] = None
    folds: Annotated[int | None, typer.Option("--folds", help="Folds of held-out scoring; 5.")] = (
        None
    )
    confidence: Annotated[
        float | None, typer.Option("--confidence", help="Level of each one-sided bound; 0.95.")
    ] = None
    in_sample_ok: Annotated[
        bool | None,
        typer.Option("--in-sample-ok", help="Trust probabilities that look in-sample."),
    ] = None
    columns_as_given: Annotated[
        bool | None,
        typer.Option("--columns-as-given", help="Take columns that look permuted as they are."),
    ] = None

    def typed(self) -> dict[str, Any]:
        """Return what was typed, by the name of the setting."""
        return {name.replace("_", "-"): value for name, value in asdict(self).items()}


@dataclass(frozen=True)
class BaselineFlags:
    """Whether today's findings are accepted from now on."""

    update_baseline: Annotated[
        bool,
        typer.Option(
            "--update-baseline",
            help="Accept today's findings and bounds; writes --baseline, or alfs-baseline.json.",
            rich_help_panel=RULES,
        ),
    ] = False
    ratchet: Annotated[
        bool,
        typer.Option(
            "--ratchet",
            help="With --update-baseline: only make it stricter.",
            rich_help_panel=RULES,
        ),
    ] = False


@dataclass(frozen=True)
class FileFlags:
    """Which files are read besides DATA."""

    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="FILE",
            help="Settings; without it the nearest alfs.yaml, .alfs.yaml or pyproject.toml.",
        ),
    ] = None
    isolated: Annotated[
        bool, typer.Option("--isolated", help="Read no configuration or ignore file by itself.")
    ] = False
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Make the evidence anew.")] = False


@dataclass(frozen=True)
class ListOptions:
    """How much the formats for CI list."""

    sarif_max: Annotated[
        int,
        typer.Option(
            "--sarif-max",
            min=1,
            max=25_000,
            help="Findings in SARIF, worst first.",
            rich_help_panel=LISTS,
        ),
    ] = 5000
    max_findings: Annotated[
        int,
        typer.Option(
            "--max-findings",
            min=0,
            help="Findings that are failures in JUnit, worst first.",
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
        """Return the limits as a report carries them."""
        from alfs_cli.formats.blocks import Limits

        return Limits(sarif=self.sarif_max, findings=self.max_findings)

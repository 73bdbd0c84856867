"""The options that name a data set, defined once for every command that reads one."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alfs_cli.data.readers import forms

if TYPE_CHECKING:
    from alfs_cli.data import DataSpec

PANEL = "Data"
HELP = f"{forms()[:1].upper()}{forms()[1:]}."

Data = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help=HELP,
        show_default=False,
    ),
]
OptionalData = Annotated[
    str | None,
    typer.Argument(
        metavar="DATA",
        help=HELP,
        show_default=False,
    ),
]
Split = Annotated[
    str | None,
    typer.Option(
        "--split",
        metavar="NAME",
        help="Which split to read; without it train if there are splits, else everything.",
        rich_help_panel=PANEL,
    ),
]
Labels = Annotated[
    str | None,
    typer.Option(
        "--labels",
        metavar="FILE",
        help="Given labels in DATA order, instead of its own (.npy .npz .csv .parquet).",
        rich_help_panel=PANEL,
    ),
]
TrueLabels = Annotated[
    str | None,
    typer.Option(
        "--true-labels",
        metavar="FILE",
        help="True labels in DATA order, where they are known.",
        rich_help_panel=PANEL,
    ),
]
PredProbs = Annotated[
    str | None,
    typer.Option(
        "--pred-probs",
        metavar="FILE",
        help="Out-of-fold class probabilities (N, K) in DATA order: a file, a folder or a glob.",
        rich_help_panel=PANEL,
    ),
]
FeaturesFile = Annotated[
    str | None,
    typer.Option(
        "--features",
        metavar="FILE",
        help="Features (N, D) in DATA order (.npy .npz .csv .parquet).",
        rich_help_panel=PANEL,
    ),
]
LabelColumn = Annotated[
    str | None,
    typer.Option(
        "--label-column",
        metavar="NAME",
        help="Column (or .npz array) of the given labels; without it label (or labels).",
        rich_help_panel=PANEL,
    ),
]
PathColumn = Annotated[
    str | None,
    typer.Option(
        "--path-column",
        metavar="NAME",
        help="Column of image paths; without it path, file_name, image or filename.",
        rich_help_panel=PANEL,
    ),
]
TrueLabelColumn = Annotated[
    str | None,
    typer.Option(
        "--true-label-column",
        metavar="NAME",
        help="Column (or .npz array) of true labels; without it true_label (or true_labels).",
        rich_help_panel=PANEL,
    ),
]
LabelColumns = Annotated[
    str | None,
    typer.Option(
        "--label-columns",
        metavar="A,B,C",
        help="Columns (or .npz arrays) of several annotators' labels, for --method annotators.",
        rich_help_panel=PANEL,
    ),
]
FeatureColumns = Annotated[
    str | None,
    typer.Option(
        "--feature-columns",
        metavar="A,B,C",
        help="Numeric columns to judge by, and no others; those of arrays by number.",
        rich_help_panel=PANEL,
    ),
]
ExcludeColumns = Annotated[
    str | None,
    typer.Option(
        "--exclude-columns",
        metavar="A,B,C",
        help="Numeric columns that are no features: ids, dates, what tells the label.",
        rich_help_panel=PANEL,
    ),
]
GroupColumn = Annotated[
    str | None,
    typer.Option(
        "--group-column",
        metavar="NAME",
        help="Column (or .npz array) of what belongs together, such as patient or video: no part "
        "of it judges another.",
        rich_help_panel=PANEL,
    ),
]
Classes = Annotated[
    str | None,
    typer.Option(
        "--classes",
        metavar="FILE|A,B,C",
        help="Class names in order: a file with one a line or JSON, or names with commas.",
        rich_help_panel=PANEL,
    ),
]
Root = Annotated[
    str | None,
    typer.Option(
        "--root",
        metavar="FOLDER",
        help="Folder of the built-in data sets, or that a manifest's paths are relative to.",
        rich_help_panel=PANEL,
    ),
]


@dataclass(frozen=True)
class ReadingOptions:
    """The options that say how DATA is read; `command` gives each its place on the command line."""

    split: Split = None
    labels: Labels = None
    true_labels: TrueLabels = None
    label_column: LabelColumn = None
    path_column: PathColumn = None
    true_label_column: TrueLabelColumn = None
    feature_columns: FeatureColumns = None
    exclude_columns: ExcludeColumns = None
    group_column: GroupColumn = None
    classes: Classes = None
    root: Root = None

    def named(self) -> dict[str, Any]:
        """Return what was typed, by option."""
        return asdict(self)

    def typed(self) -> dict[str, Any]:
        """Return what was typed, by the name of the option."""
        return {name.replace("_", "-"): value for name, value in self.named().items()}

    def spec(self, source: str | None, *, pred_probs: str | None = None) -> "DataSpec":
        """Return how the data set was named."""
        from alfs_cli.data import DataSpec

        return DataSpec(source, pred_probs=pred_probs, **self.named())


@dataclass(frozen=True)
class DataOptions(ReadingOptions):
    """Those, and what else may stand for pictures and their labels."""

    features: FeaturesFile = None
    label_columns: LabelColumns = None

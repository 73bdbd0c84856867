"""The options that name a data set, defined once for all commands that read one."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alfs_cli.data.readers import forms, refuse_missing

if TYPE_CHECKING:
    from alfs_cli.data import DataSpec

PANEL = "Data"
HELP = f"{forms()[:1].upper()}{forms()[1:]}; or the address of one, such as s3://bucket/photos."

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
        help="Split to read; by default train if there are splits, else everything.",
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
        help="Column (or .npz array) of the given labels; by default label (or labels).",
        rich_help_panel=PANEL,
    ),
]
PathColumn = Annotated[
    str | None,
    typer.Option(
        "--path-column",
        metavar="NAME",
        help="Column of image paths; by default path, file_name, image or filename.",
        rich_help_panel=PANEL,
    ),
]
TextColumn = Annotated[
    str | None,
    typer.Option(
        "--text-column",
        metavar="NAME",
        help="Column of texts to judge by; by default text, sentence, review or the like, or one "
        "that reads like text.",
        rich_help_panel=PANEL,
    ),
]
TrueLabelColumn = Annotated[
    str | None,
    typer.Option(
        "--true-label-column",
        metavar="NAME",
        help="Column (or .npz array) of true labels; by default true_label (or true_labels).",
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
        help="Use only these numeric columns as features; columns of arrays by number.",
        rich_help_panel=PANEL,
    ),
]
ExcludeColumns = Annotated[
    str | None,
    typer.Option(
        "--exclude-columns",
        metavar="A,B,C",
        help="Numeric columns that are no features: ids, dates, whatever reveals the label.",
        rich_help_panel=PANEL,
    ),
]
GroupColumn = Annotated[
    str | None,
    typer.Option(
        "--group-column",
        metavar="NAME",
        help="Column (or .npz array) of groups, such as patient or video: no example is judged by "
        "others of its group.",
        rich_help_panel=PANEL,
    ),
]
Classes = Annotated[
    str | None,
    typer.Option(
        "--classes",
        metavar="FILE|A,B,C",
        help="Class names in order: a file (one per line, or JSON), or names with commas.",
        rich_help_panel=PANEL,
    ),
]
Root = Annotated[
    str | None,
    typer.Option(
        "--root",
        metavar="FOLDER",
        help="Folder of the built-in data sets, or the one a manifest's paths start from.",
        rich_help_panel=PANEL,
    ),
]


@dataclass(frozen=True)
class ReadingOptions:
    """The options that say how DATA is read."""

    split: Split = None
    labels: Labels = None
    true_labels: TrueLabels = None
    label_column: LabelColumn = None
    path_column: PathColumn = None
    text_column: TextColumn = None
    true_label_column: TrueLabelColumn = None
    feature_columns: FeatureColumns = None
    exclude_columns: ExcludeColumns = None
    group_column: GroupColumn = None
    classes: Classes = None
    root: Root = None

    def named(self) -> dict[str, Any]:
        """Return the typed values by field."""
        return asdict(self)

    def typed(self) -> dict[str, Any]:
        """Return the typed values by the name of the option, such as label-column."""
        return {name.replace("_", "-"): value for name, value in self.named().items()}

    def spec(self, source: str | None, *, pred_probs: str | None = None) -> "DataSpec":
        """Return the specification of the data set `source`; raise InputError where none is."""
        if source is not None:
            refuse_missing(source)
        from alfs_cli.data import DataSpec

        return DataSpec(source, pred_probs=pred_probs, **self.named())


@dataclass(frozen=True)
class DataOptions(ReadingOptions):
    """The options of reading, and those that replace pictures by features or several labels."""

    features: FeaturesFile = None
    label_columns: LabelColumns = None

"""Comparison: groups, mean and spread, Welch's test, what is left out."""

import json
from dataclasses import replace
from statistics import mean, stdev

import pytest
from scipy.stats import ttest_ind

from alfs_cli.comparing import compare, courses, find_runs, not_worse, regressions
from alfs_cli.comparing.comparison import Accuracy, ComparedLoss, Comparison, PaperFigure
from alfs_cli.comparing.paper import TABLES, cells, data_of, reported_figures, runs_of
from alfs_cli.data.originals import FINGERPRINTS, is_original
from alfs_cli.errors import InputError, UsageError
from alfs_cli.formats import render
from alfs_cli.reports.comparison import comparison_report
from alfs_cli.results.run import (
    AugmentationConfig,
    EpochMetrics,
    NoiseConfig,
    NoiseUsed,
    NormalisationConfig,
    OptimizerConfig,
    RunResult,
    TestAccuracy,
    TestSummary,
    TrainConfig,
    load_run,
    render_metrics,
)
from alfs_cli.settings.recipes import load_recipe
from alfs_cli.storage.documents import from_document

FIXED = ("dataset", "loss", "seed")
CONFIG = TrainConfig(
    dataset={"source": "digits"}, fingerprint="f", model="linear", loss="ce", epochs=2,
    batch_size=8, seed=0, noise=NoiseConfig("symmetric", 0.4),
)  # fmt: skip


@pytest.fixture
def make_run(tmp_path):
    """Write a run directory by hand; return its folder."""

    def make(
        loss="ce",
        seed=0,
        last=0.8,
        best=0.9,
        status="finished",
        tested=True,
        source="digits",
        **changes,
    ):
        config = replace(CONFIG, loss=loss, seed=seed, dataset={"source": source}, **changes)
        folder = tmp_path / "out" / "runs" / config.run_id
        folder.mkdir(parents=True)
        config.save(folder / "config.yaml")
        noise = config.noise and NoiseUsed(config.noise.kind, config.noise.rate, seed)
        RunResult(
            alfs_version="0", status=status, loss=loss, dataset=source, noise=noise,
            model="linear", seed=seed, epochs=2,
            test=TestSummary(source, "test", 360, "true") if tested else None,
            test_accuracy=TestAccuracy(last, best, 1) if tested else None,
            train_seconds=1.0, device="cpu", versions={},
        ).save(folder / "result.json")  # fmt: skip
        history = [EpochMetrics(i + 1, 1.0, 0.5, a, 0.1, 1.0) for i, a in enumerate((best, last))]
        (folder / "metrics.jsonl").write_text(render_metrics(history))
        return folder

    return make


def test_seeds_make_a_mean_and_a_sample_deviation(make_run):
    accuracies = (0.80, 0.82, 0.87)
    runs = [load_run(make_run(seed=i, last=a, best=0.9)) for i, a in enumerate(accuracies)]
    (row,) = compare(runs).rows
    assert row.n == 3
    assert row.seeds == (0, 1, 2)
    assert row.last.mean == pytest.approx(mean(accuracies))
    assert row.last.std == pytest.approx(stdev(accuracies))
    assert (row.best.mean, row.best.std) == (pytest.approx(0.9), 0)
    assert (row.dataset, row.noise, row.rate, row.paper) == ("digits", "symmetric", 0.4, None)


def test_a_noise_seed_of_its_own_does_not_part_a_group(make_run):
    runs = [
        load_run(make_run(seed=i, noise=NoiseConfig("symmetric", 0.4, seed=10 + i)))
        for i in range(3)
    ]
    assert [row.n for row in compare(runs).rows] == [3]


def test_other_settings_part_groups(make_run):
    runs = [load_run(make_run()), load_run(make_run(batch_size=16))]
    assert [row.n for row in compare(runs).rows] == [1, 1]


def test_best_and_not_worse(make_run):
    table = {"ce": (0.80, 0.81, 0.82), "mae": (0.90, 0.91, 0.92), "gce:q=0.7": (0.89, 0.91, 0.90)}
    runs = [
        load_run(make_run(loss=loss, seed=i, last=a))
        for loss, values in table.items()
        for i, a in enumerate(values)
    ]
    rows = {row.loss: row for row in compare(runs).rows}
    assert list(rows) == ["mae", "gce:q=0.7", "ce"]
    assert [row.is_best for row in rows.values()] == [True, False, False]
    assert [row.not_worse for row in rows.values()] == [True, True, False]


def test_welch_is_scipys():
    a, b = (0.5, 0.6, 0.55, 0.58), (0.61, 0.62, 0.6)
    p = ttest_ind(a, b, equal_var=False).pvalue
    assert not_worse(a, b) == (p >= 0.05)
    assert not_worse((0.5,), b) is None
    assert not_worse((0.5, 0.5), (0.5, 0.5)) is True
    assert not_worse((0.4, 0.4), (0.5, 0.5)) is False


def test_unfinished_runs_are_left_out(make_run, tmp_path):
    make_run(seed=0)
    make_run(seed=1, status="interrupted")
    assert len(find_runs((), tmp_path / "out")) == 1
    assert len(find_runs((str(tmp_path / "out"),), tmp_path)) == 1
    assert len(find_runs((str(tmp_path / "out" / "runs"),), tmp_path)) == 1


def test_nothing_to_compare(make_run, tmp_path):
    with pytest.raises(InputError, match="no finished runs in"):
        find_runs((), tmp_path / "out")
    run = load_run(make_run(tested=False))
    with pytest.raises(InputError, match="none of these runs was tested"):
        compare([run])


def test_curves_are_means_over_seeds(make_run):
    runs = [load_run(make_run(seed=i, last=a, best=0.9)) for i, a in enumerate((0.8, 0.6))]
    (course,) = courses(runs)
    assert (course.name, course.setting) == ("ce", ("digits", "symmetric", 0.4, "true"))
    assert course.points == ((1.0, pytest.approx(0.9)), (2.0, pytest.approx(0.7)))
    spread = stdev((0.8, 0.6))
    assert course.band[0] == (1.0, pytest.approx(0.9), pytest.approx(0.9))
    assert course.band[1] == (2.0, pytest.approx(0.7 - spread), pytest.approx(0.7 + spread))
    assert courses(runs[:1])[0].band == ()


def test_the_document_has_the_contracts_keys(make_run):
    document = compare([load_run(make_run())]).document()
    assert document["schema"] == "alfs.compare/1"
    assert set(document["rows"][0]) >= {
        "loss", "dataset", "noise", "rate", "n", "last", "best", "is_best", "not_worse", "paper",
    }  # fmt: skip
    assert set(document["rows"][0]["last"]) == {"mean", "std"}
    json.dumps(document, allow_nan=False)


MNIST = {
    "source": "mnist",
    "fingerprint": FINGERPRINTS["mnist"],
    "noise": NoiseConfig("symmetric", 0.8),
    "model": "cnn4",
    "epochs": 50,
    "batch_size": 128,
    "optimizer": OptimizerConfig(weight_decay=1e-3),
    "normalisation": NormalisationConfig((0.1307,), (0.3081,)),
}


def beside(make_run, loss, **changes):
    (row,) = compare([load_run(make_run(loss=loss, **{**MNIST, **changes}))], with_paper=True).rows
    if row.paper is None:
        return row.paper_missing
    assert (row.paper.delta is None) == (row.paper_missing is not None)
    return row.paper.mean, row.paper.std, row.paper_missing or row.paper.delta


def test_the_papers_figure_is_beside_the_same_data_noise_and_parameters(make_run):
    found = beside(make_run, "ce", last=0.25)
    assert found == (pytest.approx(0.2266), pytest.approx(0.0061), pytest.approx(0.0234))
    asymmetric = {"noise": NoiseConfig("asymmetric", 0.4)}
    assert beside(make_run, "aul:a=3,p=0.1", **asymmetric)[0] == pytest.approx(0.9862)
    assert beside(make_run, "ce", noise=None)[0] == pytest.approx(0.9915)


def test_the_papers_figure_is_left_out_where_something_differs(make_run):
    assert beside(make_run, "ce", fingerprint="0" * 16) == "other pixels"
    assert beside(make_run, "aul:a=5.5,p=3") == "other parameters"
    assert beside(make_run, "ael:a=3.5", noise=NoiseConfig("pair", 0.4)) == "not reported"
    assert beside(make_run, "nlnl") == "not reported"
    assert beside(make_run, "ce", source="digits") == "not reported"
    assert beside(make_run, "ce", test={"source": "mine.npz"}) == "other test data"
    (row,) = compare([load_run(make_run(loss="mae", **MNIST))]).rows
    assert row.paper is row.paper_missing is None


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"epochs": 49}, "other length"),
        ({"batch_size": 64}, "other settings"),
        ({"model": "cnn8"}, "other settings"),
        ({"optimizer": OptimizerConfig(weight_decay=1e-4)}, "other settings"),
        ({"augmentation": AugmentationConfig(rotation=5)}, "other settings"),
        ({"normalisation": None}, "other settings"),
        ({"noise": NoiseConfig("symmetric", 0.8, draw="multinomial", seed=0)}, None),
        ({"loss_gradient": "public-code"}, None),
        ({"l1": 1e-6}, "other settings"),
    ],
)
def test_a_run_of_other_length_or_settings_has_no_difference(make_run, changes, why):
    mean, _, found = beside(make_run, "ce", last=0.25, **changes)
    assert mean == pytest.approx(0.2266)
    assert found == (why or pytest.approx(0.0234))


def test_other_labels_under_the_same_name_have_no_difference(make_run, monkeypatch):
    """Public code flips CIFAR's asymmetric noise otherwise than the paper says."""
    monkeypatch.setattr("alfs_cli.data.originals.is_original", lambda *_: True)
    recipe = load_recipe("cifar10/ce").nested() | {"dataset": {"source": "cifar10"}}
    flips = {"kind": "asymmetric", "rate": 0.4}
    for noise, why in ((flips, "other noise"), ({**flips, "sequential": True}, None)):
        named = {**recipe, "fingerprint": "f", "noise": noise}
        config = from_document(named, TrainConfig, where="")
        fields = {name: getattr(config, name) for name in vars(config) if name not in FIXED}
        _, _, found = beside(make_run, "ce", source="cifar10", **fields)
        assert found == (why or pytest.approx(0.8 - 0.7467))


@pytest.mark.parametrize(
    ("text", "as_public", "mean"),
    [
        ("nce+rce:A=-4,alpha=1,beta=100", "nce+rce:A=-9.210340371976182,alpha=1,beta=100", 0.74),
        ("sce:A=-4,alpha=0.01,beta=1", "sce:A=-9.210340371976182,alpha=0.01,beta=1", 0.4875),
    ],
)
def test_the_clamp_of_public_code_is_the_papers_loss_too(make_run, text, as_public, mean):
    assert beside(make_run, text)[0] == pytest.approx(mean)
    assert beside(make_run, as_public)[0] == pytest.approx(mean)


def test_the_row_says_how_the_noise_was_drawn(make_run):
    def drawn(*noises):
        runs = [load_run(make_run(seed=i, noise=noise)) for i, noise in enumerate(noises)]
        (row,) = compare(runs).rows
        return row.noise_drawn

    assert drawn(NoiseConfig("symmetric", 0.4), NoiseConfig("symmetric", 0.4)) == (
        "exact, per seed"
    )
    fixed = NoiseConfig("symmetric", 0.3, seed=0, draw="multinomial")
    assert drawn(fixed, fixed) == "multinomial, seed 0"
    assert drawn(NoiseConfig("asymmetric", 0.4, seed=1, blocks_of_five=True)) == (
        "exact, blocks of five, seed 1"
    )
    assert drawn(None) is None


def test_the_shipped_figures_are_whole_and_their_losses_those_of_the_recipes():
    from alfs_cli.losses import parse_loss
    from alfs_cli.settings.recipes import recipe_names

    figures = reported_figures()
    assert sum(len(row) for row in figures.values()) == 411
    assert all(str(parse_loss(loss)) == loss for _, loss in figures)
    in_recipes = {
        (values["dataset.source"], str(parse_loss(values["loss"])))
        for name in recipe_names()
        if (values := load_recipe(name).values)["dataset.source"] in ("mnist", "cifar10")
    }
    reported = {key for key in figures if key[0] in ("mnist", "cifar10")}
    assert not reported - in_recipes
    assert figures[("cifar10", "nce+aul:a=6.3,p=1.5,alpha=1,beta=4")]["symmetric 0.8"].mean < 1


@pytest.mark.parametrize(
    ("table", "counts"),
    [
        ("table1", (10 * 5, 13 * 5, 10 * 5)),
        ("table2", (10 * 4, 13 * 4, 10 * 4)),
        ("table6", (14 * 5, 17 * 5, 14 * 5)),
        ("table7", (14 * 4, 17 * 4, 14 * 4)),
    ],
)
def test_tables_have_the_papers_cells(table, counts):
    """As many as are printed there; each has a figure, and a recipe of its loss."""
    assert data_of(table) == ("mnist", "cifar10", "cifar100")
    for data, count in zip(data_of(table), counts, strict=True):
        found = cells(table, data)
        assert len(found) == len(set(found)) == count
        for cell in {cell.recipe: cell for cell in found}.values():
            values = load_recipe(cell.recipe).values
            assert (values["dataset.source"], values["loss"]) == (data, cell.loss)
            assert ("nlnl.nl" in values) == (cell.loss == "nlnl")


def test_all_figures_are_of_a_table_or_webvisions():
    own = {(c.data, c.loss, c.noise) for t in TABLES for d in data_of(t) for c in cells(t, d)}
    figures = reported_figures().items()
    assert len(own) == sum(len(row) for (data, _), row in figures if data != "webvision-mini")


def test_a_selection_of_rows_and_columns():
    found = cells("table6", "mnist", losses=["AGCE", "nce-rce"], noises=[None, ("symmetric", 0.8)])
    assert [(c.loss.partition(":")[0], c.noise) for c in found] == [
        ("agce", None), ("agce", ("symmetric", 0.8)),
        ("nce+rce", None), ("nce+rce", ("symmetric", 0.8)),
    ]  # fmt: skip
    for wrong, message in (
        ({"losses": ["agec"]}, "unknown loss of table6 on mnist 'agec' .did you mean 'agce'"),
        ({"losses": ["nce+agce"]}, "unknown loss of table6 on mnist 'nce.agce'"),
        ({"noises": [("asymmetric", 0.4)]}, "unknown noise of table6 'asymmetric:0.4'"),
    ):
        with pytest.raises(UsageError, match=message):
            cells("table6", "mnist", **wrong)
    with pytest.raises(UsageError, match="unknown table of the paper 'table5'"):
        data_of("table5")


def test_runs_of_a_table_are_its_recipes_with_what_is_said():
    chosen = cells("table6", "mnist", losses=["nlnl", "ce"], noises=[None, ("symmetric", 0.8)])
    found = list(runs_of(chosen, {"epochs": 10, "dataset.source": "mnist"}, (4, 5)))
    assert [settings["seed"] for settings in found] == [4] * 4 + [5] * 4  # a whole table first
    assert [settings.get("noise") for settings in found[:2]] == [
        None,
        {"kind": "symmetric", "rate": 0.8},
    ]
    assert found[0]["nlnl"] == {"nl": 4, "selnl": 3, "threshold": 0.5}
    assert found[2]["loss"] == "ce"
    assert {settings["epochs"] for settings in found} == {10}
    assert found[0]["optimizer"]["weight_decay"] == 1e-3
    one = list(runs_of(chosen[:1], {"epochs": 1, "nlnl.selnl": 0}, (0,)))
    assert one[0]["nlnl"] == {"nl": 1, "selnl": 0, "threshold": 0.5}


def test_originals_are_known_by_their_bytes(tmp_path):
    assert is_original("mnist", None, FINGERPRINTS["mnist"])
    assert not is_original("mnist", None, "0" * 16)
    assert not is_original("cifar10", str(tmp_path), "0" * 16)  # not at hand
    assert not is_original("digits", None, "0" * 16)


def saved(comparison, path, **changes):
    """Write a baseline whose first row is changed."""
    document = comparison.document()
    document["rows"][0].update(changes)
    path.write_text(json.dumps(document))
    return path


def test_what_fell_significantly_is_a_regression(make_run, tmp_path):
    runs = [load_run(make_run(seed=i, last=a)) for i, a in enumerate((0.80, 0.81, 0.82))]
    comparison = compare(runs)
    assert regressions(comparison, saved(comparison, tmp_path / "same.json")) == ()
    near = saved(comparison, tmp_path / "near.json", last={"mean": 0.815, "std": 0.01})
    assert regressions(comparison, near) == ()
    higher = saved(comparison, tmp_path / "high.json", last={"mean": 0.90, "std": 0.01})
    (fallen,) = regressions(comparison, higher)
    assert (fallen.loss, fallen.before.mean) == ("ce", 0.90)
    assert fallen.p < 0.05
    lower = saved(comparison, tmp_path / "low.json", last={"mean": 0.70, "std": 0.01})
    assert regressions(comparison, lower) == ()


def test_with_a_single_run_any_fall_counts(make_run, tmp_path):
    comparison = compare([load_run(make_run(last=0.80))])
    last = {"mean": 0.801, "std": None}
    (fallen,) = regressions(comparison, saved(comparison, tmp_path / "b.json", last=last))
    assert fallen.p is None


def test_a_baseline_that_speaks_of_other_runs_does_not_pass(make_run, tmp_path):
    comparison = compare([load_run(make_run())])
    path = saved(comparison, tmp_path / "b.json", loss="mae:scale=1")
    with pytest.raises(InputError, match="1 of its rows have no runs here, first 'mae:scale=1'"):
        regressions(comparison, path)
    path.write_text('{"schema": "alfs.compare/1", "rows": []}')
    with pytest.raises(InputError, match="it has no rows"):
        regressions(comparison, path)


def row_beside_the_paper(**changes):
    accuracy = Accuracy(0.9472, 0.0157)
    usual = {
        "loss": "nce+aul:a=6.3,p=1.5,alpha=1,beta=4", "dataset": "cifar10", "noise": "symmetric",
        "rate": 0.4, "n": 3, "last": accuracy, "best": accuracy, "is_best": False,
        "not_worse": True, "paper": PaperFigure(0.8623, 0.0018, 0.0849), "model": "cnn8",
        "epochs": 120, "labels": "true", "seeds": (0, 1, 2), "noise_drawn": "exact, per seed",
    }  # fmt: skip
    return ComparedLoss(**{**usual, **changes})


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({}, ()),
        ({"epochs": 12}, ("epochs",)),
        ({"noise_drawn": "exact, seed 0"}, ("noise drawn",)),
        ({"model": "cnn4", "paper": None, "paper_missing": "other settings"}, ("model",)),
    ],
)
def test_beside_the_papers_figures_no_heading_is_cut_and_nothing_is_left_out(changes, shown):
    rows = (row_beside_the_paper(is_best=True), row_beside_the_paper(loss="ce", **changes))
    report = comparison_report(Comparison(rows))
    text = render(report, "text")
    names = [column.name for column in report.blocks[0].columns]
    assert names[-2:] == ["paper", "points"]
    assert {"model", "epochs", "noise drawn"} & set(names) == set(shown)
    headings = text[: text.index("───")]
    for word in " ".join(names).split():
        assert word in headings, text
    for said in ("cnn8", "120", "exact", "86.23 +- 0.18", "+8.49"):
        assert said in text

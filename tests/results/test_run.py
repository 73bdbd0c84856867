"""What run directories say: ids, results, what is refused."""

import json
from dataclasses import replace

import pytest

from alfs_cli.errors import InputError
from alfs_cli.results.run import (
    AugmentationConfig,
    EpochMetrics,
    NoiseConfig,
    NormalisationConfig,
    OptimizerConfig,
    RunResult,
    TestAccuracy,
    TrainConfig,
    accuracy_over,
    find_run,
    load_config,
    load_metrics,
    load_run,
    render_metrics,
)

CONFIG = TrainConfig(
    {"source": "digits"},
    "f00d",
    "cnn4",
    "nce+aul:a=6.3,p=1.5,alpha=1,beta=4",
    epochs=3,
    batch_size=64,
    seed=2,
    noise=NoiseConfig("symmetric", 0.4),
    normalisation=NormalisationConfig((0.5,), (0.25,)),
)
RESULT = RunResult(
    "0.1.0", "finished", "ce", "digits", None, "cnn4", 0, 3, None, None, 1.5, "cpu", {"torch": "2"}
)


def test_id_names_the_loss_the_group_and_the_seed():
    assert CONFIG.run_id == f"nce+aul-{CONFIG.group}-s2"
    assert len(CONFIG.group) == 8


def test_seeds_share_a_group_and_nothing_else_does():
    assert replace(CONFIG, seed=7).group == CONFIG.group
    others = [
        replace(CONFIG, fingerprint="beef"),
        replace(CONFIG, epochs=4),
        replace(CONFIG, noise=None),
        replace(CONFIG, noise=NoiseConfig("symmetric", 0.4, seed=2)),
        replace(CONFIG, optimizer=OptimizerConfig(lr=0.02)),
        replace(CONFIG, loss="ce:alpha=1"),
    ]
    assert len({CONFIG.group, *(other.group for other in others)}) == len(others) + 1


def test_settings_that_came_later_change_no_earlier_id():
    """Runs that were trained before there was a setting are found as finished."""
    assert CONFIG.group == "d6b54a8f"
    hue = AugmentationConfig(hue=0.1)
    for change in ({"augmentation": hue}, {"loss_gradient": "public-code"}, {"processes": 2}):
        assert replace(CONFIG, **change).group != CONFIG.group


def test_noise_follows_the_seed_unless_it_has_its_own():
    assert CONFIG.noise_seed == 2
    assert replace(CONFIG, noise=NoiseConfig("pair", 0.1, seed=9)).noise_seed == 9
    assert replace(CONFIG, noise=None).noise_seed is None


def test_config_round_trip(tmp_path):
    CONFIG.save(tmp_path / "config.yaml")
    assert load_config(tmp_path) == CONFIG


def test_result_has_the_promised_keys(tmp_path):
    RESULT.save(tmp_path / "result.json")
    document = json.loads((tmp_path / "result.json").read_text())
    assert document["schema"] == "alfs.run/1"
    promised = "status loss dataset noise model seed epochs test test_accuracy train_seconds device"
    assert set(promised.split()) | {"versions"} <= set(document)
    assert load_run(tmp_path).result == RESULT
    assert load_run(tmp_path).document()["run"] == tmp_path.as_posix()


def metrics(epoch, accuracy):
    return EpochMetrics(epoch, 1.0, 0.5, accuracy, 0.01, 0.1)


def test_best_is_the_first_of_equals_and_last_is_last():
    history = [metrics(1, 0.5), metrics(2, 0.8), metrics(3, 0.8), metrics(4, 0.7)]
    assert accuracy_over(history) == TestAccuracy(last=0.7, best=0.8, best_epoch=2)
    assert accuracy_over([metrics(1, None)]) is None


def test_metrics_round_trip(tmp_path):
    history = (metrics(1, 0.5), metrics(2, None))
    (tmp_path / "metrics.jsonl").write_text(render_metrics(history))
    assert load_metrics(tmp_path) == history


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not valid JSON"),
        ("[]", "schema is None"),
        ('{"schema": "alfs.run/2"}', "reads up to 'alfs.run/1'"),
        ('{"schema": "alfs.estimate/1"}', "not 'alfs.run/1'"),
        ('{"schema": "alfs.run/1", "status": "perhaps"}', "result.json: "),
    ],
)
def test_broken_results(tmp_path, text, message):
    (tmp_path / "result.json").write_text(text)
    with pytest.raises(InputError, match=message):
        load_run(tmp_path)


def test_unknown_keys_are_passed_over(tmp_path):
    RESULT.save(tmp_path / "result.json")
    document = json.loads((tmp_path / "result.json").read_text())
    (tmp_path / "result.json").write_text(json.dumps({**document, "mood": "good"}))
    assert load_run(tmp_path).result == RESULT


@pytest.mark.parametrize("text", ["{", "epochs: 3", "[]", "dataset: 3\nepochs: x"])
def test_broken_configs(tmp_path, text):
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(InputError, match=r"config\.yaml"):
        load_config(tmp_path)


def test_runs_are_found_by_path_and_by_id(tmp_path):
    folder = tmp_path / "out" / "runs" / CONFIG.run_id
    CONFIG.save(folder / "config.yaml")
    assert find_run(str(folder), tmp_path) == folder
    assert find_run(CONFIG.run_id, tmp_path / "out") == folder
    with pytest.raises(InputError, match=r"did you mean 'nce.aul-"):
        find_run(CONFIG.run_id[:-1], tmp_path / "out")
    with pytest.raises(InputError, match="is no run"):
        find_run(str(tmp_path), tmp_path / "out")
    with pytest.raises(InputError, match="has not finished"):
        load_run(folder)

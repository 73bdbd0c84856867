"""Files as the tools themselves write them: Hugging Face, Label Studio, Datumaro, WebDataset."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from alfs_cli.data import DataSpec, load, splits_of

pytestmark = pytest.mark.interop

N = 12
NAMES = ("zebra", "cat", "dog")


def pixels(seed):
    return np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)


def encoded(seed):
    stream = io.BytesIO()
    Image.fromarray(pixels(seed)).save(stream, "PNG")
    return stream.getvalue()


def is_read(path, *, names=NAMES, count=N, **options):
    """Read data of N pictures with the labels 0, 1, 2, 0, ... in `names`, and compare all."""
    dataset = load(DataSpec(str(path), **options))
    assert dataset.class_names == names
    assert dataset.labels.tolist() == [i % 3 for i in range(count)]
    read, readable = dataset.images.decode(np.arange(count))
    assert readable.all()
    assert (read == np.stack([pixels(i) for i in range(count)])).all()
    return dataset


class TestHuggingFace:
    @pytest.fixture
    def data(self):
        datasets = pytest.importorskip("datasets")
        features = datasets.Features(
            {"image": datasets.Image(), "label": datasets.ClassLabel(names=list(NAMES))}
        )
        pictures = [Image.fromarray(pixels(i)) for i in range(N)]
        columns = {"image": pictures, "label": [i % 3 for i in range(N)]}
        return datasets.Dataset.from_dict(columns, features=features)

    def test_parquet(self, data, tmp_path):
        data.to_parquet(str(tmp_path / "m.parquet"))
        is_read(tmp_path / "m.parquet")

    def test_shards_of_parquet(self, data, tmp_path):
        for k in range(3):
            name = f"train-{k:05d}-of-00003.parquet"
            data.shard(3, k, contiguous=True).to_parquet(str(tmp_path / name))
        is_read(tmp_path)

    def test_save_to_disk(self, data, tmp_path):
        data.save_to_disk(str(tmp_path / "d"), num_shards=3)
        is_read(tmp_path / "d")

    def test_save_to_disk_of_a_selection_and_of_splits(self, data, tmp_path):
        import datasets

        parts = {"train": data.select(range(9)), "validation": data.select(range(9, N))}
        datasets.DatasetDict(parts).save_to_disk(str(tmp_path / "d"))
        assert splits_of(DataSpec(str(tmp_path / "d"))) == ("train", "val")
        is_read(tmp_path / "d", count=9)

    def test_embeddings_in_parquet_and_in_json(self, tmp_path):
        datasets = pytest.importorskip("datasets")
        X = np.random.default_rng(0).normal(size=(N, 5)).astype(np.float32)
        features = datasets.Features(
            {
                "vector": datasets.List(datasets.Value("float32"), length=5),
                "label": datasets.ClassLabel(names=list(NAMES)),
            }
        )
        columns = {"vector": X.tolist(), "label": [i % 3 for i in range(N)]}
        data = datasets.Dataset.from_dict(columns, features=features)
        data.to_parquet(str(tmp_path / "m.parquet"))
        data.to_json(str(tmp_path / "m.json"))
        parquet = load(DataSpec(str(tmp_path / "m.parquet")))
        assert (parquet.class_names, parquet.features.tolist()) == (NAMES, X.tolist())
        assert np.allclose(load(DataSpec(str(tmp_path / "m.json"))).features, X)

    def test_a_copy_by_fix_is_read_by_datasets(self, data, tmp_path):
        import datasets

        from alfs_cli.copies.writing import write_edited

        data.save_to_disk(str(tmp_path / "d"))
        dataset = is_read(tmp_path / "d")
        labels = dataset.labels.copy()
        labels[0] = 2
        write_edited(dataset, labels, np.arange(N) != 4, tmp_path / "c.parquet")
        copy = datasets.Dataset.from_parquet(str(tmp_path / "c.parquet"), cache_dir=str(tmp_path))
        assert copy.features["label"].names == list(NAMES)
        assert copy["label"] == [2, *[i % 3 for i in range(1, N) if i != 4]]
        assert (np.asarray(copy[1]["image"]) == pixels(1)).all()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
class TestLabelStudio:
    CONFIG = (
        '<View><Image name="image" value="$image"/><Choices name="mood" toName="image">'
        + "".join(f'<Choice value="{name}"/>' for name in NAMES)
        + "</Choices></View>"
    )

    @pytest.fixture
    def tasks(self, tmp_path):
        interface = pytest.importorskip("label_studio_sdk.label_interface")
        labelling = interface.LabelInterface(self.CONFIG)
        tasks = []
        for i in range(N):
            region = labelling.get_control("mood").label(label=NAMES[i % 3])
            about = {"id": i, "completed_by": {"id": 1, "email": "a@b.c"}, "lead_time": 2.0}
            times = {"created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z"}
            result = [region._dict()]
            annotation = {**about, **times, "was_cancelled": False, "result": result}
            (tmp_path / f"{i}.png").write_bytes(encoded(i))
            data = {"image": f"/data/local-files/?d={i}.png"}
            tasks.append({"id": i, "data": data, "annotations": [annotation], "predictions": []})
        (tmp_path / "tasks.json").write_text(json.dumps(tasks))
        return tmp_path / "tasks.json"

    def test_json(self, tasks):
        is_read(tasks, classes=",".join(NAMES))

    def test_json_min(self, tasks, tmp_path):
        converter = pytest.importorskip("label_studio_sdk.converter")
        found = converter.Converter(self.CONFIG, project_dir=str(tmp_path))
        found.convert_to_json_min(str(tasks), str(tmp_path / "min"), is_dir=False)
        is_read(tmp_path / "min/result.json", classes=",".join(NAMES), root=str(tmp_path))

    def test_tasks_that_fix_makes_fit_the_interface_beside_them(self, tmp_path):
        interface = pytest.importorskip("label_studio_sdk.label_interface")
        from alfs_cli.copies import label_studio
        from alfs_cli.data.readers.reviewed import Issues

        for i in range(N):
            path = tmp_path / "d" / NAMES[i % 3] / f"{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encoded(i))
        data = load(DataSpec(str(tmp_path / "d")))
        one = np.array([0.9])
        suspects = Issues(
            tmp_path, np.array([4]), np.array([2]), one, one, np.array([-3]), np.array([True])
        )
        kept = np.ones(N, dtype=bool)
        text = label_studio.tasks_of(data, data.labels, kept, suspects, tmp_path / "t.json")
        labelling = interface.LabelInterface(label_studio.interface(data))
        tasks = json.loads(text)
        assert sum(len(task["predictions"]) for task in tasks) == 1
        for task in tasks:
            assert labelling.validate_task({"data": task["data"]})
            assert all(map(labelling.validate_annotation, task["annotations"]))
            assert all(map(labelling.validate_prediction, task["predictions"]))


class TestDatumaro:
    @pytest.fixture
    def data(self):
        datumaro = pytest.importorskip("datumaro")
        components = pytest.importorskip("datumaro.components.media")
        annotation = pytest.importorskip("datumaro.components.annotation")
        items = [
            datumaro.DatasetItem(
                id=f"p{i}",
                subset="default",
                media=components.Image.from_numpy(data=pixels(i)[:, :, ::-1], ext=".png"),
                annotations=[annotation.Label(i % 3)],
                attributes={"id": i},
            )
            for i in range(N)
        ]
        return datumaro.Dataset.from_iterable(items, categories=list(NAMES))

    def test_coco(self, data, tmp_path):
        data.export(str(tmp_path / "d"), "coco", save_media=True)
        is_read(tmp_path / "d/annotations/labels_default.json")

    def test_cvat(self, data, tmp_path):
        data.export(str(tmp_path / "d"), "cvat", save_media=True)
        is_read(tmp_path / "d/default.xml")


class TestWebDataset:
    @pytest.mark.parametrize("label", ["cls", "txt", "json"])
    def test_tar(self, tmp_path, label):
        webdataset = pytest.importorskip("webdataset")
        with webdataset.TarWriter(str(tmp_path / "m.tar")) as writer:
            for i in range(N):
                value = i % 3 if label == "cls" else NAMES[i % 3]
                value = {"label": value, "note": "a"} if label == "json" else value
                writer.write({"__key__": f"{i:06d}", "png": encoded(i), label: value})
        names = ("0", "1", "2") if label == "cls" else NAMES
        is_read(tmp_path / "m.tar", names=names, classes=",".join(names))

    def test_shards(self, tmp_path):
        webdataset = pytest.importorskip("webdataset")
        pattern = str(tmp_path / "shard-%06d.tar")
        with webdataset.ShardWriter(pattern, maxcount=5, verbose=0) as writer:
            for i in range(N):
                writer.write({"__key__": f"{i:06d}", "png": encoded(i), "cls": i % 3})
        assert len(list(tmp_path.glob("*.tar"))) == 3
        is_read(tmp_path, names=("0", "1", "2"))

"""`alfs.loss` in the loops of others: Hugging Face's Trainer and Lightning, on tiny models."""

import pytest
import torch
from torch.utils.data import DataLoader, Dataset, TensorDataset

import alfs_cli as alfs

pytestmark = [pytest.mark.interop, pytest.mark.filterwarnings("ignore")]
N = 240


def made(flips=0.35):
    """Return inputs, true labels and given ones, some of one class under the name of the other."""
    generator = torch.Generator().manual_seed(0)
    true = torch.arange(N) % 2
    inputs = torch.randn(N, 4, generator=generator) + 3 * true[:, None]
    flipped = (true == 1) & (torch.rand(N, generator=generator) < flips)
    return inputs, true, true.where(~flipped, 0)


class Words(Dataset):
    """Sentences of two vocabularies, a token a feature."""

    def __init__(self, true, labels, *, seed=1):
        generator = torch.Generator().manual_seed(seed)
        self.tokens = 2 + 10 * true[:, None] + torch.randint(0, 10, (N, 8), generator=generator)
        self.labels = labels

    def __len__(self):
        return N

    def __getitem__(self, place):
        return {
            "input_ids": self.tokens[place],
            "attention_mask": torch.ones(8, dtype=torch.int64),
            "labels": self.labels[place],
        }


def test_trainer(tmp_path):
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("accelerate")
    _, true, labels = made(flips=0.1)
    config = transformers.BertConfig(
        vocab_size=30, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=16, max_position_embeddings=8, num_labels=2,
    )  # fmt: skip
    transformers.set_seed(0)
    criterion = alfs.loss("nce+agce")
    trainer = transformers.Trainer(
        model=transformers.BertForSequenceClassification(config),
        args=transformers.TrainingArguments(
            output_dir=str(tmp_path), num_train_epochs=5, per_device_train_batch_size=16,
            learning_rate=3e-3, report_to=[], save_strategy="no", use_cpu=True, disable_tqdm=True,
        ),
        train_dataset=Words(true, labels),
        compute_loss_func=lambda outputs, labels, **_: criterion(outputs.logits, labels),
    )  # fmt: skip
    trainer.train()
    others = trainer.predict(Words(true, labels, seed=2))  # sentences that it has not seen
    predicted = torch.tensor(others.predictions).argmax(1)
    assert (predicted == true).float().mean() > 0.95


def test_lightning(tmp_path):
    lightning = pytest.importorskip("lightning")
    inputs, true, labels = made()

    class Network(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(4, 2)
            self.criterion = alfs.loss("gce", [[0.95, 0.05], [0.35, 0.65]])

        def training_step(self, batch, _):
            loss = self.criterion(self.layer(batch[0]), batch[1])
            self.log("loss", loss)
            return loss

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.2)

    network = Network()
    trainer = lightning.Trainer(
        max_epochs=10, accelerator="cpu", logger=False, enable_progress_bar=False,
        enable_model_summary=False, default_root_dir=str(tmp_path),
    )  # fmt: skip
    trainer.fit(network, DataLoader(TensorDataset(inputs, labels), 16))
    assert (network.layer(inputs).argmax(1) == true).float().mean() > 0.95
    assert not [name for name in network.state_dict() if name.startswith("criterion")]

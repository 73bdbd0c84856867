"""`alfs.loss`: a loss that withstands wrong labels, for a training loop of one's own."""

from typing import TYPE_CHECKING, Any, Literal

from alfs_cli.errors import InputError
from alfs_cli.losses import Loss, parse_loss
from alfs_cli.python.wording import told_to_programs

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from alfs_cli.training.criterion import RobustLoss


def loss(
    loss: Loss | str,
    transition: Any = None,
    *,
    reduction: Literal["none", "mean", "sum"] = "mean",
    weight: "ArrayLike | None" = None,
    ignore_index: int = -100,
) -> "RobustLoss":
    """Return a loss as an nn.Module, called with logits and labels like torch.nn.CrossEntropyLoss.

    `loss` is text such as `nce+agce:a=6,q=1.5,alpha=1,beta=4`. Logits are (N, K), (N, K, d1, ...)
    or (K,), labels class numbers; labels of `ignore_index` do not count. Labels of the shape of the
    logits are probabilities of the classes: the loss is its mean over labels drawn with them.
    `weight` (K,) weighs the classes of the labels, and the mean is weighted by it too.

    `transition` is T (K, K) with rows for true classes, an estimate, or the file of either: the
    loss is then of the given-label probabilities that T makes of the model's (forward correction,
    Patrini et al., CVPR 2017), and the model's own are of the true classes.

    Raises AlfsError where the loss is not known, or T is no transition matrix.

    >>> import torch
    >>> criterion = loss("nce+agce", reduction="none")
    >>> criterion(torch.tensor([[4.0, 0.0], [0.0, 4.0]]), torch.tensor([0, -100])).shape
    torch.Size([2])
    """
    from alfs_cli.python.recommendations import noise_model

    try:
        from alfs_cli.training.criterion import RobustLoss
    except ModuleNotFoundError as error:
        raise InputError(
            f"alfs.loss needs {error.name}, which is not installed", help="pip install alfs-cli"
        ) from None
    with told_to_programs():
        T = None if transition is None else noise_model(transition)[0]
        return RobustLoss(
            loss if isinstance(loss, Loss) else parse_loss(loss),
            transition=T,
            reduction=reduction,
            weight=weight,
            ignore_index=ignore_index,
        )

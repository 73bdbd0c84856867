"""Loss functions, named by a text such as `nce+agce:a=6,q=1.5,alpha=1,beta=4`.

LOSSES is the table of names, SUM_DEFAULTS the parameters of the paper's sums. A `Loss` is one named
term or a weighted sum of two. torch is imported only when a loss is computed, so that an error in
the text is reported at once.

>>> loss = parse_loss("nce+aul")
>>> str(loss)
'nce+aul:a=6.3,p=1.5,alpha=1,beta=4'
>>> parse_loss("agce:a=1,q=0.5").asymmetry_ratio()
0.7071067811865476
"""

from alfs_cli.losses.combine import Loss, SeparableSum
from alfs_cli.losses.text import LOSSES, SUM_DEFAULTS, parse_loss

__all__ = ["LOSSES", "SUM_DEFAULTS", "Loss", "SeparableSum", "parse_loss"]

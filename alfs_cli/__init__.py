"""alfs: audit the labels of a data set, and train networks that withstand wrong ones.

`import alfs_cli as alfs` gives what the commands do as functions; they are loaded when they are
first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from alfs_cli.errors import AlfsError, AlfsWarning
    from alfs_cli.python.auditing import Audit, AuditStatus, audit
    from alfs_cli.python.checks import Checked, check
    from alfs_cli.python.classifiers import NoiseAwareClassifier
    from alfs_cli.python.criteria import loss
    from alfs_cli.python.datalab import from_datalab
    from alfs_cli.python.estimates import Estimate, estimate, load_estimate
    from alfs_cli.python.passes import Merged, Passes, passes
    from alfs_cli.python.recommendations import Certified, Recommended, certify, recommend

_WHERE = {
    "AlfsError": "errors",
    "AlfsWarning": "errors",
    "Audit": "python.auditing",
    "AuditStatus": "python.auditing",
    "Certified": "python.recommendations",
    "Checked": "python.checks",
    "Estimate": "python.estimates",
    "Merged": "python.passes",
    "NoiseAwareClassifier": "python.classifiers",
    "Passes": "python.passes",
    "Recommended": "python.recommendations",
    "audit": "python.auditing",
    "certify": "python.recommendations",
    "check": "python.checks",
    "estimate": "python.estimates",
    "from_datalab": "python.datalab",
    "load_estimate": "python.estimates",
    "loss": "python.criteria",
    "passes": "python.passes",
    "recommend": "python.recommendations",
}

__all__ = [
    "AlfsError",
    "AlfsWarning",
    "Audit",
    "AuditStatus",
    "Certified",
    "Checked",
    "Estimate",
    "Merged",
    "NoiseAwareClassifier",
    "Passes",
    "Recommended",
    "__version__",
    "audit",
    "certify",
    "check",
    "estimate",
    "from_datalab",
    "load_estimate",
    "loss",
    "passes",
    "recommend",
]


def __getattr__(name: str) -> Any:
    """Return a public function or type, from its module."""
    if name not in _WHERE:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    found = getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

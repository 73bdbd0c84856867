"""`alfs estimate DATA`: T, the clean level, the noise rate and the suspect labels."""

import time

from alfs_cli.errors import UsageError
from alfs_cli.options.data import DataOptions, OptionalData, PredProbs
from alfs_cli.options.estimate import EstimateFlags
from alfs_cli.options.shared import Invocation, command
from alfs_cli.options.workers import WorkerFlags
from alfs_cli.storage.targets import Target, keep_decisions, refuse_same

PICTURES = 48  # suspects, the most shown as pictures in HTML
TEXTS = 20  # suspects, the most shown as texts


@command
def estimate(
    invocation: Invocation,
    options: DataOptions,
    flags: EstimateFlags,
    *,
    data: OptionalData = None,
    pred_probs: PredProbs = None,
    workers: WorkerFlags,
) -> None:
    """Estimate how many labels are wrong, which, and between which classes, with bounds.

    In what it writes, T is the share of each true class that is given each label. The clean level
    is how many times as often a class is given its own label as the commonest wrong one, in the
    worst class: above 1 training can succeed.

    Writes estimate.json, transition.csv, issues.csv and issues.parquet under --out, and
    consensus.csv where several people labelled each example.
    """
    started = time.perf_counter()
    is_without_labels = data is None and options.labels is None and options.features is None
    if is_without_labels and (pred_probs or ".npy").endswith(".npy"):
        raise UsageError(
            "nothing to judge", help="give DATA, or --pred-probs FILE together with --labels FILE"
        )
    spec = options.spec(data, pred_probs=pred_probs)
    from alfs_cli.estimating import estimate_data
    from alfs_cli.estimating.consensus import CONSENSUS
    from alfs_cli.reports.estimate import estimate_report, next_after
    from alfs_cli.reports.gallery import texts_of

    asked = flags.read(invocation, use_cache=not flags.no_cache)
    with workers.begun(invocation) as hired:
        found = estimate_data(
            spec,
            asked,
            invocation.console,
            targets=invocation.targets,
            started=started,
            workers=None if workers.executor == "local" else hired,
        )
        if workers.executor == "ray" and not hired.is_begun:
            invocation.console.note(
                "note: the cluster had nothing to do: the data fit in memory, and no pictures or "
                "texts had to be encoded"
            )
    if found.consensus is not None:
        refuse_same(Target("--out", invocation.out / CONSENSUS), data)
    trusted = flags.trusted
    copy = None if trusted is None else keep_decisions(trusted, invocation.out)
    found.save(invocation.out)
    if copy is not None:
        invocation.console.note(
            f"note: {trusted} was written anew; its decisions are kept in {copy}"
        )
    judged = found.judged
    pictures = judged.pictures(PICTURES) if judged and invocation.writes("html") else ()
    findings = judged.findings if judged else ()
    texts = texts_of(found.table, TEXTS)
    report = estimate_report(found.estimate, findings=findings, pictures=pictures, texts=texts)
    invocation.publish(report)
    invocation.say_saved("estimate")
    if found.consensus is not None:
        invocation.console.note(f"wrote {invocation.out / CONSENSUS}: a label for each example")
    invocation.console.note(next_after(found.estimate, invocation.out_words))

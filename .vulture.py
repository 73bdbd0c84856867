"""What vulture takes for unused, and others use: frameworks, type checkers, shell scripts."""

_alfs  # typer calls it
find_class  # pickle calls it
__signature__, __annotations__  # typer reads them
maxlevel, maxother, maxstring  # reprlib reads them
comment_from  # .ci/action calls it

# Names of types, used in annotations that are text.
Evaluated, Mask, Node, Points, ReadableBuffer, Shares
hoc
joint_ml
knn

# The audit's record, for the pages and sheets that ask people.
next_task, second_task, undo, suspect, continued
is_decided, is_rejected, save_document, verify
kappa, ac1  # in audit.json, by asdict

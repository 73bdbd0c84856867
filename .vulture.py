"""What vulture takes for unused, and others use: frameworks, type checkers, shell scripts."""

_alfs  # typer calls it
find_class  # pickle calls it
__signature__, __annotations__  # typer reads them
maxlevel, maxother, maxstring  # reprlib reads them
comment_from  # .ci/action calls it
inplace  # torch reads it
__getattr__, __dir__  # Python asks the package
dash, x_ticks, y_ticks  # templates of the page read them
get_renderables, max_refresh  # rich reads them
_repr_html_  # notebooks call it
to_frame, to_datalab  # of the public Estimate

# Names of types, used in annotations that are text.
Datalab, Evaluated, Node, ReadableBuffer, Shares

# Functions that a table names, loaded when they are used.
hoc, joint_ml, knn, read_npz, fashion_mnist, cifar100, webvision_mini
read_cvat, read_cvat_data, read_json_data, json_splits, read_samples_data
read_folder, folder_splits, read_metadata, metadata_splits
read_split_metadata, split_metadata_splits, read_saved_data, saved_splits
read_shards_data, shard_splits, read_listed

# Handlers of expat's parser.
StartElementHandler, EndElementHandler, CharacterDataHandler, StartDoctypeDeclHandler

# The audit's record, for the pages and sheets that ask people.
next_task, second_task, undo, suspect, continued
is_decided, is_rejected, save_document, verify
kappa, ac1  # in audit.json, by asdict

# Of the classifier and the loss, for scikit-learn, torch and users.
__sklearn_tags__, transition_, n_features_in_, feature_names_in_, estimate_, left_out_, noise_rate_
predict_proba, extra_repr, forward, _apply, ctx

# Read by the templates of pages.
href

# In estimate.json, by asdict; of arrays.
own_agreement, writeable

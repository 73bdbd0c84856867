"""One module per subcommand: read arguments, call the core, publish the report.

COMMANDS and GROUPS are the whole command line; help lists them in this order.
"""

from collections.abc import Callable

from alfs_cli.commands import (
    audit,
    check,
    compare,
    demo,
    doctor,
    estimate,
    evaluate,
    features,
    figures,
    fix,
    inject,
    inspect,
    losses,
    merge,
    predict,
    recipes,
    recommend,
    report,
    shard,
    sweep,
    train,
)

COMMANDS: dict[str, Callable[..., None]] = {
    "demo": demo.demo,
    "estimate": estimate.estimate,
    "features": features.features,
    "shard": shard.shard,
    "merge": merge.merge,
    "recommend": recommend.recommend,
    "train": train.train,
    "evaluate": evaluate.evaluate,
    "predict": predict.predict,
    "compare": compare.compare,
    "sweep": sweep.sweep,
    "check": check.check,
    "audit": audit.audit,
    "inspect": inspect.inspect,
    "fix": fix.fix,
    "inject": inject.inject,
    "figures": figures.figures,
    "report": report.report,
    "doctor": doctor.doctor,
}

GROUPS: dict[str, tuple[str, dict[str, Callable[..., None]]]] = {
    "losses": (
        "Every loss: its formula, what is known of it, its certificate.",
        {"list": losses.list_losses, "show": losses.show, "check": losses.check},
    ),
    "recipes": (
        "Tested training settings, to list, show, copy and validate.",
        {
            "list": recipes.list_recipes,
            "show": recipes.show_recipe,
            "copy": recipes.copy_recipe,
            "validate": recipes.validate_recipe,
        },
    ),
}

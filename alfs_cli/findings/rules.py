"""The table of all rules of `alfs check`. The meaning of an id never changes.

The gate, `--explain` and the formats that list rules (SARIF, JUnit) read this table.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from alfs_cli.errors import UsageError, did_you_mean

Level = Literal["note", "warning", "error"]
Scope = Literal["example", "file", "row", "class", "pair of classes", "data set", "configuration"]
Measure = Literal["count", "percent", "ratio", "text"]
Precision = Literal["very-high", "high", "medium", "low"]


@dataclass(frozen=True)
class Rule:
    """One rule.

    `scope` is what a finding is about, `measure` the kind of the gate's numbers, and `precision`
    how rarely a finding is wrong, in the words of SARIF code scanning.
    """

    id: str
    name: str
    level: Level
    scope: Scope
    short: str
    full: str
    help: str
    measure: Measure = "count"
    precision: Precision = "very-high"


_RULES = (
    Rule(
        "ALFS101",
        "suspect-label",
        "warning",
        "example",
        "The given label is probably wrong.",
        "Judged by a model that has not seen this label and by the noise of the whole data set, "
        "the label is wrong with a probability of one half or more, and another class is likelier. "
        "The probability is the finding's score. It is an estimate: some suspects are right.",
        "Look at the worst first: they are the findings of this rule in check.json, and alfs "
        "estimate writes them to issues.csv. Correct the label, or accept the finding in a "
        "baseline (--update-baseline). --max-new-issues 0 fails on suspects that the baseline does "
        "not list.",
        precision="medium",
    ),
    Rule(
        "ALFS102",
        "ambiguous-sample",
        "note",
        "example",
        "No class is likelier than not.",
        "Judged by the same model, every class has a probability below one half. The example may "
        "show several classes, none of them, or lie where classes overlap.",
        "Look at it; an example that people cannot tell either is best left out. Listed only where "
        "it is asked for: --select ALFS102.",
        precision="low",
    ),
    Rule(
        "ALFS103",
        "conflicting-duplicates",
        "error",
        "example",
        "Identical examples carry different labels.",
        "The same file (byte for byte), picture (pixel for pixel, whatever its file) or row of "
        "features occurs under two labels or more. In single-label data at least one of them is "
        "wrong: a proof, not an estimate.",
        "Decide which label is right and delete the other copies.",
    ),
    Rule(
        "ALFS201",
        "class-clean-level-low",
        "error",
        "class",
        "The clean level of a class is below the limit.",
        "The clean level r_i = T[i,i] / max T[i,j] is how many times as frequent the right label "
        "of class i is as its most frequent wrong one. Limit: --min-clean-level.",
        "Correct labels between the class and the one it is mistaken for: see the findings of "
        "ALFS101 in check.json.",
        "ratio",
        "high",
    ),
    Rule(
        "ALFS202",
        "confused-pair",
        "warning",
        "pair of classes",
        "Too many examples of one class are given the label of another.",
        "T[i,j], the share of class i that is labelled j, is above the limit. Limit: "
        "--max-pair-rate.",
        "Correct labels of this pair; where annotators cannot tell the two apart, tell them how, "
        "or merge the classes.",
        "percent",
        "high",
    ),
    Rule(
        "ALFS203",
        "clean-label-not-dominant",
        "error",
        "class",
        "In some class a wrong label is as frequent as the right one.",
        "T[i,i] <= max T[i,j] for some class i, so that its clean level is 1 or less. Then no loss "
        "is guaranteed to withstand the noise, whatever its parameters. "
        "--no-require-dominance leaves this out.",
        "Correct labels of that class until the right one leads, or merge it with the class it is "
        "mistaken for.",
        "ratio",
        "high",
    ),
    Rule(
        "ALFS301",
        "noise-rate-high",
        "error",
        "data set",
        "The share of wrong labels is above the limit.",
        "The estimated noise rate, 1 - sum of prior[i] T[i,i], breaks --max-noise-rate. By default "
        "the gate fails only where even the lower bound breaks the limit, and warns where the "
        "estimate does.",
        "Correct the worst suspects, the findings of ALFS101 in check.json, and check again.",
        "percent",
        "high",
    ),
    Rule(
        "ALFS302",
        "noise-regression",
        "error",
        "data set",
        "Labels are noisier than when the baseline was made.",
        "The baseline keeps, as ceilings, the bounds that the noise rate, the clean level of each "
        "class and the rate of each pair had when it was made. Even the bound of today that is "
        "most favourable to the data lies beyond one of them.",
        "Correct the labels added since then. --update-baseline accepts the higher noise; with "
        "--ratchet it never does.",
        "percent",
        "high",
    ),
    Rule(
        "ALFS303",
        "estimate-untrustworthy",
        "warning",
        "data set",
        "The estimate is less trustworthy than asked for.",
        "Trust is low where the evidence cannot tell the classes apart, the bounds are wide, or "
        "methods disagree. Limit: --min-trust.",
        "Give better evidence: features or probabilities of a model that knows these classes "
        "(--features, --pred-probs), or more examples.",
        "text",
        "high",
    ),
    Rule(
        "ALFS304",
        "class-noise-rate-high",
        "error",
        "class",
        "The share of wrong labels in a class is above the limit.",
        "1 - T[i,i], the share of class i that is given another label, is above the limit. Limit: "
        "--max-class-noise-rate.",
        "Correct labels of that class: see the findings of ALFS101 in check.json.",
        "percent",
        "high",
    ),
    Rule(
        "ALFS401",
        "unreadable-image",
        "error",
        "file",
        "A file cannot be read as an image.",
        "The file does not begin like an image, or its content cannot be decoded. It is left out "
        "of the estimate.",
        "Mend, convert or delete the file.",
    ),
    Rule(
        "ALFS402",
        "truncated-image",
        "warning",
        "file",
        "An image is cut short.",
        "The file begins like an image and ends before its last pixel, as after an interrupted "
        "copy. It is left out of the estimate.",
        "Copy it anew or delete it.",
    ),
    Rule(
        "ALFS403",
        "too-few-samples",
        "error",
        "class",
        "A class has no example, or only one.",
        "Nothing can be said of a class without examples, and a single one cannot be held out.",
        "Add examples, or take the class out.",
    ),
    Rule(
        "ALFS404",
        "split-leakage",
        "error",
        "example",
        "The same example is in the training and in another split.",
        "The same file (byte for byte), picture or row of features is in two splits. Accuracies on "
        "the one then say nothing of new data, and a wrong label is counted as right.",
        "Delete it from one of the splits.",
    ),
    Rule(
        "ALFS405",
        "label-out-of-range",
        "error",
        "row",
        "A label is none of the classes.",
        "The classes are declared (--classes, class_names or a class file), and this label is not "
        "among them. The example is left out of the estimate.",
        "Correct the label, or declare the class.",
    ),
    Rule(
        "ALFS406",
        "missing-label",
        "error",
        "row",
        "An example has no label.",
        "The label's cell is empty. The example is left out of the estimate. A class really called "
        "'NA' or 'null' is a label like any other.",
        "Fill the label in or take the row out.",
    ),
    Rule(
        "ALFS407",
        "oversize-image",
        "warning",
        "file",
        "An image has more pixels than is safe to decode.",
        "Above 179 million pixels a file may be a decompression bomb. It is left out of the "
        "estimate.",
        "Scale it down or delete it.",
    ),
    Rule(
        "ALFS408",
        "empty-text",
        "warning",
        "file",
        "A text is empty.",
        "Nothing but white space stands in the column of texts. The example is left out of the "
        "estimate.",
        "Fill the text in or take the row out.",
    ),
    Rule(
        "ALFS409",
        "look-alike-classes",
        "warning",
        "class",
        "The names of two classes differ only in spaces or case.",
        "'cat' and 'cat ' are two classes to alfs, which never guesses that they are one. Where "
        "they are, a right label is judged as if it were wrong.",
        "Write the name in one way throughout; where they are two classes, --ignore ALFS409.",
    ),
    Rule(
        "ALFS901",
        "stale-entry",
        "note",
        "configuration",
        "A baseline entry or a suppression matches nothing any more.",
        "What was accepted or suppressed is mended, relabelled or gone, so the entry can go too. "
        "An entry of the ignore file whose date has passed is named here as well. A note; "
        "--strict-baseline makes stale entries of the baseline fail.",
        "--update-baseline --ratchet takes stale entries out of the baseline and accepts nothing "
        "new; take unused and expired lines out of the ignore file by hand.",
    ),
)

RULES = {rule.id: rule for rule in _RULES}
"""Every rule by its id, in order."""

ON_REQUEST = ("ALFS102",)
"""Rules that are judged only where --select names them in full."""


def matching(word: str) -> tuple[Rule, ...]:
    """Return the rules whose id begins with `word`, or the one whose name it is.

    Raises UsageError where there is none.
    """
    found = tuple(rule for rule in _RULES if rule.id.startswith(word.upper()) and word)
    found = found or tuple(rule for rule in _RULES if rule.name == word.lower())
    if not found:
        names = [*RULES, *(rule.name for rule in _RULES)]
        raise UsageError(
            f"unknown rule '{word}'{did_you_mean(word, names)}",
            help=f"known: {', '.join(RULES)}, and their beginnings, such as ALFS4",
        )
    return found


@dataclass(frozen=True)
class Selection:
    """The rules to judge; where `select` and `ignore` both match, the longer prefix decides."""

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()

    def has(self, rule: str) -> bool:
        """Whether a rule is selected and not ignored."""
        return self.selects(rule) and not self.ignores(rule)

    def selects(self, rule: str) -> bool:
        """Whether a rule is selected; without --select all are, except those on request."""
        if rule in ON_REQUEST:
            return rule in (word.upper() for word in self.select)
        return not self.select or _length(rule, self.select) > 0

    def ignores(self, rule: str) -> bool:
        """Whether a rule is ignored, by a prefix at least as long as the one that selects it."""
        ignored = _length(rule, self.ignore)
        return ignored > 0 and ignored >= _length(rule, self.select)


def _length(rule: str, words: Iterable[str]) -> int:
    """Return the length of the longest prefix of the id in `words`; its name counts as the id."""
    return max(
        (
            len(rule) if word.lower() == RULES[rule].name else len(word)
            for word in words
            if rule.startswith(word.upper()) or word.lower() == RULES[rule].name
        ),
        default=0,
    )

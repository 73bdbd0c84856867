"""Break the mathematics of losses, certificates and noise one place at a time; a test must fail.

    python benchmarks/mutations.py [WORD]

Each mutation is a text of one file and what takes its place, tried on a copy of the repository with
the tests of those parts, which must pass on the copy as it is. Prints which test caught each; exit
code 1 where one survives, 2 where its text is not found. WORD tries the mutations with that word
alone.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
TESTS = ["tests/losses", "tests/certificate", "tests/noise", "tests/commands/test_losses.py"]
LOSSES, VECTOR = "alfs_cli/losses/separable.py", "alfs_cli/losses/vector.py"
NORMALISED = "alfs_cli/losses/normalised.py"
BETWEEN, SOFT = "alfs_cli/losses/interpolated.py", "alfs_cli/losses/softened.py"
RISK, RULES = "alfs_cli/certificate/risk.py", "alfs_cli/certificate/verdicts.py"
DECISIONS, WITNESS = "alfs_cli/certificate/decisions.py", "alfs_cli/certificate/witness.py"
MINIMISERS, RULING = "alfs_cli/losses/minimisers.py", "alfs_cli/losses/ruling.py"
MUTATIONS = [
    ("AGCE's exponent", LOSSES, "(self.a + u) ** (self.q - 1)", "(self.a + u) ** (1 - self.q)"),
    ("AGCE's tensor slope", LOSSES, ".pow(self.q - 1)", ".pow(self.q)"),
    ("AUL's number slope", LOSSES, "(self.a - u) ** (self.p - 1)", "(self.a + u) ** (self.p - 1)"),
    ("AUL with a = 1", LOSSES, "(self.p - 1) * rows.log_rest", "self.p * rows.log_rest"),
    ("AEL's sign", LOSSES, "(rows.u * (-1 / self.a)).exp()", "(rows.u * (1 / self.a)).exp()"),
    ("focal's true gradient", LOSSES, "value=gamma)", "value=0)"),
    ("JS's weights", BETWEEN, "(1 - self.pi) * own - self.pi", "self.pi * own - self.pi"),
    ("TCE's order", BETWEEN, "range(self.t - 1, 0, -1)", "range(self.t - 2, 0, -1)"),
    ("PHuber's knee", BETWEEN, "rows.u * self.tau <= 1", "rows.u * self.tau <= 2"),
    ("NCE's slope", NORMALISED, "flat.mul(K - 1)", "flat.mul(K)"),
    ("NGCE's exponent", NORMALISED, "rows.lp * self.q", "rows.lp * (1 - self.q)"),
    ("NGCE's numbers", NORMALISED, "return AGCE(0.0, self.q)", "return AGCE(0.0, self.q + 0.1)"),
    ("normalised slope", NORMALISED, "(w_own + others)", "(w_own - others)"),
    ("normalised risk", NORMALISED, "lead = (w - R) * pull", "lead = (w + R) * pull"),
    (
        "flipped weight",
        NORMALISED,
        "return values + weight, derivative",
        "return values, derivative",
    ),
    ("AMSE's gradient", VECTOR, "u * (self.a - u) - others", "u * (self.a + u) - others"),
    ("NL's likeliest class", VECTOR, "addcmul_(share, top_p, value=-1)", "addcmul_(share, top_p)"),
    ("NL's mean", VECTOR, "scale = weight / (rows.num_classes - 1)", "scale = weight / 9"),
    ("smoothing's share", SOFT, "weight * self.epsilon / rows.num", "self.epsilon / rows.num"),
    ("bootstrap's entropy", SOFT, "rows.u * (rows.rest * rows.lp - others)", "rows.u * others"),
    ("hard bootstrap", SOFT, "(-rows.rest).where(is_own, rows.u)", "rows.u"),
    ("epsilon-softmax", SOFT, "1 + self.m / rows.u", "1 + self.m * rows.u"),
    ("LDR-KL's margin", SOFT, "rows.log_probs + self.c", "rows.log_probs - self.c"),
    ("1 - u", "alfs_cli/losses/terms.py", "self.u < self.rest", "self.u > self.rest"),
    ("ratio upside down", "alfs_cli/losses/combine.py", "at_one / at_zero", "at_zero / at_one"),
    ("mean's gradient", "alfs_cli/losses/combine.py", "upstream / ctx.divisor", "upstream"),
    (
        "defaults of a sum in the other order",
        "alfs_cli/losses/text.py",
        '"alpha": backward["beta"], "beta": backward["alpha"]',
        '"alpha": backward["alpha"], "beta": backward["beta"]',
    ),
    (
        "T transposed",
        RULES,
        "canonical = np.take_along_axis(weights,",
        "canonical = np.take_along_axis(weights.T,",
    ),
    ("dominance", RULING, "w[:, 0] > w[:, 1] * (1 + EQUAL)", "w[:, 0] >= w[:, 1] * (1 - EQUAL)"),
    ("equality", DECISIONS, "(margin >= 1 - EQUAL)", "(margin > 1 + EQUAL)"),
    ("NGCE's condition", RULING, "w[:, 1] - w[:, -1] <= EVEN", "w[:, 1] - w[:, 1] <= EVEN"),
    ("AMSE's gap", VECTOR, "margin = self.a * (w[:, 0]", "margin = (w[:, 0]"),
    ("NCE of three classes", NORMALISED, "if w.shape[1] == 2:", "if w.shape[1] < 9:"),
    ("sum's passive part", DECISIONS, "proved = reached & some", "proved = reached"),
    ("a lower point is needed", DECISIONS, "is_lower = lowest[k] < 0", "is_lower = known[k]"),
    (
        "p_min near the vertex",
        NORMALISED,
        "if spread <= TUNING.vertex_distance else None",
        "if spread else None",
    ),
    ("bounds of the logits", WITNESS, "if -near >= depth:", "if -near < depth:"),
    ("escape quotient", RULES, "row[0] / row[1] * slope", "row[1] / row[0] * slope"),
    ("grid's condition (b)", RISK, "H[ks + 1 + len(rivals)]", "H[ks - 1]"),
    (
        "grid's condition (a)",
        RISK,
        "own * least > top * most",
        "own * most > top * least",
    ),
    ("grid's reach", RISK, "np.arange(small, cells + 1)", "np.arange(small, small + 1)"),
    (
        "slope at the vertex",
        RISK,
        "w[1] * at_zero > w[0] * at_one",
        "w[1] * at_one > w[0] * at_zero",
    ),
    (
        "minimiser's level",
        MINIMISERS,
        "np.exp(log_level)[:, None] / w",
        "np.exp(log_level)[:, None] * w",
    ),
    ("Dinkelbach's step", MINIMISERS, "scaled ** (1 / (1 - q))", "scaled ** (1 - q)"),
    (
        "fit score's integrand",
        "alfs_cli/losses/fitting.py",
        "weights / (omega * (1 - p))",
        "weights / omega",
    ),
    (
        "Theorem 2's constant",
        "alfs_cli/losses/facts.py",
        "float(2 / (at_zero",
        "float(1 / (at_zero",
    ),
    (
        "refuted is exit 1",
        "alfs_cli/commands/losses.py",
        "raise typer.Exit(1)",
        "raise typer.Exit(0)",
    ),
    (
        "lower bound's level",
        "alfs_cli/noise/bounds.py",
        "np.maximum(own, 1e-9), other + 1, alpha)",
        "np.maximum(own, 1e-9), other + 1, 2 * alpha)",
    ),
    ("upper bound's level", "alfs_cli/noise/bounds.py", "alpha / (K * (K - 1))", "alpha"),
    ("contamination", "alfs_cli/noise/bounds.py", "own_low - contamination", "own_low"),
    ("sequential flips", "alfs_cli/noise/kinds.py", "T = T @ step", "T = step @ T"),
    (
        "orientation check",
        "alfs_cli/noise/matrix.py",
        "sums = T.sum(axis=1)",
        "sums = T.sum(axis=0)",
    ),
]


def run(folder: Path) -> str | None:
    """Return the first test that fails, or None."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-n", "0"]
    found = subprocess.run([*command, *TESTS], cwd=folder, capture_output=True, text=True)
    if found.returncode == 0:
        return None
    lines = [line for line in found.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return lines[0] if lines else found.stdout[-300:]


def main() -> int:
    """Run the tests against each mutation; return 1 where one lives."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("word", nargs="?", default="", help="only mutations that it is a part of")
    word = parser.parse_args().word
    if not any(word in what for what, *_ in MUTATIONS):
        parser.error(f"no mutation is called '{word}'")
    survived = missing = 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "copy"
        for name in ("alfs_cli", "tests", "recipes"):
            shutil.copytree(ROOT / name, folder / name)
        for name in ("pyproject.toml", "README.md"):
            shutil.copy(ROOT / name, folder / name)
        if (failed := run(folder)) is not None:
            print(f"without any mutation: {failed}")
            return 2
        for what, path, old, new in MUTATIONS:
            if word not in what:
                continue
            file = folder / path
            text = file.read_text(encoding="utf-8")
            if old not in text:
                print(f"not found  {what}: {old!r} in {path}")
                missing += 1
                continue
            file.write_text(text.replace(old, new), encoding="utf-8")
            caught = run(folder)
            file.write_text(text, encoding="utf-8")
            survived += caught is None
            print(
                f"{'SURVIVED ' if caught is None else 'caught   '}  {what}  {caught or ''}"[:160],
                flush=True,
            )
    print(f"{survived} survived, {missing} not found, of {len(MUTATIONS)}")
    return 2 if missing else int(survived > 0)


if __name__ == "__main__":
    raise SystemExit(main())

#!/usr/bin/env python3
"""Which way a table's results are better, by their columns' names: the rule of `hatchery bench search`
(actors/src/search/table/direction.rs), whose tests compare the two.

    printf 'valid_loss\\nvalid_r2\\n' | python3 benches/peers/directions.py

reads names, one a line, and answers `minimise` or `maximise` for each. It must not know tables, nor who searches them.
"""
import sys

# Parts of a name that say of themselves, wherever they stand, that smaller is better.
MINIMISED_PARTS = ("mse", "error", "loss", "perplexity", "entropy")
# Words that do so.
MINIMISED_WORDS = frozenset(
    """bpb bpc bpd brier ce cer cost costs deviance duration err errs fid latency mad mae mape misclassification
    misclassified nll nlls nmae ppl regret rmsd rmsle runtime seconds smape time times wer xent""".split()
)
# What a result's name begins with says nothing of its direction.
PREFIXES = ("validation", "valid", "testing", "test")


def words(name):
    """The words of a name in small letters: parted by what is no letter and by a capital behind a small letter."""
    for prefix in PREFIXES:
        if name.startswith(prefix):
            name = name[len(prefix):]
            break
    found, was_small = [""], False
    for letter in name:
        if not letter.isalpha() or (was_small and letter.isupper()):
            found.append("")
        if letter.isalpha():
            found[-1] += letter.lower()
        was_small = letter.islower()
    return found


def of_column(name):
    """`minimise` for losses, errors, costs and times, `maximise` for everything else."""
    lower = name.lower()
    is_part = any(part in lower for part in MINIMISED_PARTS)
    # The likelihood is maximised, and its negative logarithm minimised.
    is_negative_likelihood = "neg" in lower and "likelihood" in lower
    is_word = not MINIMISED_WORDS.isdisjoint(words(name))
    return "minimise" if is_part or is_negative_likelihood or is_word else "maximise"


if __name__ == "__main__":
    for line in sys.stdin:
        print(of_column(line.rstrip("\n")))

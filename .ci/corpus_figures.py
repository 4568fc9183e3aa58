"""Judge the closing line of the corpus' scorer, read from standard input, and print it.

    ... | .ci/corpus_figures.py

The scorer's own exit status asks for every field. Of 6702 twelve cannot be: six truths are a path of more than 255 bytes
that was cut short outside the log, and six call /notkubepods/podabc/burstable a QoS class, which no kubelet makes and
anybody can. Demanded here: every victim found, none invented, no sample broken, 99.8 % of the fields right.
"""

import re
import sys

LINE = re.compile(r"samples (\d+), broken (\d+), victims found (\d+)/(\d+), invented (\d+), fields right (\d+)/(\d+)")
SHARE = 0.998


def main() -> int:
    """Print the line; return 0 when it holds what is demanded."""
    lines = sys.stdin.read().splitlines()
    found = LINE.fullmatch(lines[-1]) if lines else None
    if found is None:
        print("corpus: the scorer printed no closing line", *lines[-20:], sep="\n")
        return 1
    samples, broken, victims, of, invented, right, fields = map(int, found.groups())
    good = bool(samples) and not broken and victims == of and not invented and right >= SHARE * fields
    print("\n".join(lines if not good else lines[-1:]))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())

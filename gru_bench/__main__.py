"""`python -m gru_bench` is `gru-bench`."""

import sys

from gru_bench.cli import main

if __name__ == "__main__":
    sys.exit(main())

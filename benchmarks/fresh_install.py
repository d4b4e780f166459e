"""Time from a fresh clone to the finished default report: the README's first command.

python benchmarks/fresh_install.py
"""

from __future__ import annotations

import re
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "gru_bench"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        readme = (clone / "README.md").read_text(encoding="utf-8")
        command = re.search(r"^```bash\n(.*?)\n```$", readme, re.MULTILINE | re.DOTALL)[1]
        begun = time.perf_counter()
        for part in command.split(" && "):
            start = time.perf_counter()
            subprocess.run(part, shell=True, cwd=clone, check=True, stdout=subprocess.DEVNULL)
            print(f"{time.perf_counter() - start:6.0f} s  {part}", flush=True)
        print(f"{time.perf_counter() - begun:6.0f} s  in all")


if __name__ == "__main__":
    main()

"""The laws of recurrent cells, and what runs them.

To write a law, add a function to the module of its family, in `laws.cells` where it holds for any
recurrent cell, in `laws.keras` and `laws.torch` where it is about that framework:

    @law(
        "batch-row-alone",                       # its name, words joined by hyphens
        "batch",                                 # its family, one of `law.FAMILIES`
        "A row computed alone gives what the same row gives in a batch.",
        needs=("state",),                        # capabilities, `capability.CAPABILITIES`
        caught=("https://github.com/...",),      # public issues it would have caught
        wants=Wants(batch=(3,)),                 # sizes, scales, training of its cases
    )
    def row_alone(case: Case) -> None:
        cell = case.cell()
        together, _ = case.run(cell, case.xs, case.states)
        case.note(row=row)                       # shown with the case
        alone, _ = case.run(cell, case.xs[:, row], ...)
        case.close(alone, together[:, row], "the output of the row alone")

A check returns where the law holds. `case.close` and `case.fail` raise `Broken` where it does not;
`NotApplicable` says that the law says nothing of this cell; whatever the cell itself raises breaks
the law. A check must be a function of its case: whatever it draws comes from `case.rng`.

A law is written once: in the verbs of a case, its numbers (`xs`, `states`, `weights`, `rng`,
`steps`, `batch`, `features`), and NumPy. Verbs make a cell (`cell`, `make`, `assign`,
`with_weights`), run it (`call`, `step`, `run`, `run_in_loop`, `call_with`), differentiate
(`gradient` and its like), ask what is known of it (`promised`, `parameters`, `domain`, ...), and
judge (`close`, `agree`, `note`, `fail`); they stand in `case.py` and `asking.py`. The source of a
check is then its script too (`written.py`). There a stand-in answers the same verbs (`stand_in.py`,
`stand_in_asking.py`) by functions of plain Keras or plain NumPy (`plain.py` of each framework), of
which a script holds those that it calls. The bound of the comparison that failed is a number there,
and what only the bench can find out is kept in `case.told`. A script raises `AssertionError` with
the figures of the failure where the law is broken, also for what the cell itself raises, and
nothing where the law holds: tests hold every law to both.

Modules of laws import no framework, so that listing laws is instant; laws of any cell are handed
none either. Laws about chance ask a case for other cells of the kind (`drawing.py`), those about
equations and gates for what the cell claims (`claimed.py`). Laws that are about Keras stand in
`laws.keras` and take a `KerasCase`, which makes Keras's own cells, layers and models. Each of these
has its counterpart for scripts (`stand_in_parts.py`, `keras/stand_in.py`).
"""

import importlib

from gru_bench.laws.broken import Broken, NotApplicable
from gru_bench.laws.law import LAWS, Law, Wants, law

#: Modules of laws in the order of their families.
MODULES = (
    "cells.shape",
    "cells.repetition",
    "cells.batch",
    "cells.time",
    "cells.modes",
    "cells.equations",
    "cells.gates",
    "cells.learning",
    "cells.effect",
    "cells.derivatives",
    "cells.numerics",
    "cells.randomness",
    "cells.dropout",
    "keras.citizenship",
    "keras.initialisers",
    "keras.layers",
    "keras.masks",
    "keras.directions",
    "torch.modules",
)

for _module in MODULES:
    importlib.import_module(f"gru_bench.laws.{_module}")

__all__ = ["LAWS", "Broken", "Law", "NotApplicable", "Wants", "law"]

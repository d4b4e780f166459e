"""The laws of recurrent cells, and what runs them.

To write a law, add a function to the module of its family, in `laws.cells` where it holds for any
recurrent cell, in `laws.keras` where it is about Keras:

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

A law is written once: in the verbs of a case (`cell`, `make`, `assign`, `call`, `run`, `close`,
`note`, `fail`), its numbers (`xs`, `states`, `weights`, `rng`, `steps`, `batch`, `features`), and
NumPy. Its source is then its script too, behind a prelude of the framework that defines the same
verbs in plain Python (`written.py`).

Other checks take more of a case. `case.subject(dtype, training)` is the cell with the case's
weights, NumPy in and NumPy out (`gru_bench.subjects.protocol`); it is shared by all laws, so leave
it as it was found. `case.target` makes other cells and knows what was given. `case.agree` compares
with a bound of one's own. They need a `script`: what repeats the failure in plain Keras and NumPy,
at the end of a script that defines `keras`, `np`, `tf`, `make(dtype)` (the cell with its weights),
`cell`, `weights` (a list), `xs` `(T, B, F)`, `states` (a list), `dtype`, `training`, `seed`,
`call(cell, x, states)`, `run(cell, xs, states)`, `compare(got, expected, limit)`, where the script
asks for them `make_layer(**options)` and `make_pair()`, the `limit` of the comparison that failed
and everything that `case.note` was told. It has to raise where the law is broken, and not where the
law holds; a test holds every law to both.

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
)

for _module in MODULES:
    importlib.import_module(f"gru_bench.laws.{_module}")

__all__ = ["LAWS", "Broken", "Law", "NotApplicable", "Wants", "law"]

"""FALSE ALARM: a cell that draws its initial state.

Kind: randomness outside `call`. Spiking cells start from random voltages, drawn anew for each sequence, seeded
by an argument. Seven laws fail (layer-runs-the-cell, layer-default-is-initial, layer-stateful, layer-forgets,
layer-both-directions, model-saved-and-loaded, weights-saved-and-loaded): each compares two runs from "the"
initial state. Should: give the state explicitly (as most laws do) or seed the generators alike; exit 0.
    gru-bench check random_start:Drawn --set units=4
    gru-bench check random_start:Drawn --set units=4 --set seed=3      # the same
"""

from odd_shapes import Drawn  # noqa: F401

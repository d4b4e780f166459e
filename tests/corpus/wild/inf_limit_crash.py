"""CRASH: `gru-bench check` dies with a Python traceback, and the whole report is lost.

Kind: facts that are not finite. A failing law whose tolerance is infinite comes back from the worker as the
text 'inf'; printing it as a number raises
    ValueError: Unknown format code 'g' for object of type 'str'   (gru_bench/laws/outcome.py, __str__)
Any cell that can divide by zero at a state on the grid of generated numbers shows it; here the second
state counts steps and is -1 in some case. Also: the law that fails has got nan and expected nan.

Should: a report, exit 0 or 1, never a traceback.
    gru-bench check inf_limit_crash:RunningMean --set units=4
    gru-bench check inf_limit_crash:RunningMean --set units=4 --law unrolled-equals-looped
"""

from state_domain import Averaging


class RunningMean(Averaging):
    """h + (new - h) / (steps + 1): no step count is ever negative."""

"""CRASH told as the cell's: an output that is a dict (or a tuple) of tensors.

Kind: outputs of other structure. The bench's worker dies of AttributeError: 'dict' object has no attribute
'shape'; the report says of three laws "the cell ended the process with exit code 1" and fails the other 87
("not tried"). The cell has ended nothing. (Keras 3's RNN refuses such a cell too, with a clear error.)

Should: exit 2, one line: the output must be one tensor, got a dict of mean, scale.
    gru-bench check dict_output:TwoOutputs --set units=4
"""

from odd_shapes import TwoOutputs  # noqa: F401

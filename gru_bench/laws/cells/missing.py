"""What a framework has not, by what it says; whatever it raises, it is not the cell's doing."""

from __future__ import annotations

import re

#: What TensorFlow says where it has no kernel of an operation, and what it is called there.
_NO_KERNEL = tuple(
    re.compile(pattern, re.DOTALL)
    for pattern in (
        r"Detected unsupported operations when trying to compile graph.*?: (\w+)",
        r"Could not find device for node: \{\{node (\w+)",
        r"is not in the list of allowed values:.*?Op<name=(\w+)",
        r"No OpKernel was registered to support Op '(\w+)'",
        r"No registered '(\w+)' OpKernel",
    )
)


def missing_kernel(error: BaseException) -> str | None:
    """Return which of its operations the framework does not have there, None where that is not it.

    Whether a device, a compiler or a narrow dtype has an operation is not the cell's doing.
    """
    messages = [str(error), *([str(error.__cause__)] if error.__cause__ else [])]
    for message in messages:
        for pattern in _NO_KERNEL:
            found = pattern.search(message)
            if found is not None:
                return f"the framework has no {found[1]} in this dtype or mode"
    return None

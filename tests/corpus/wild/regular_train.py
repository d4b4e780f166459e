"""Regularisers and losses of a cell while `train` trains it.

Kind: options of a cell that training silently leaves out. `kernel_regularizer` of 1e3 makes every kernel
vanish where it counts, so nothing can be learnt; `fit` counts it. If `train` solves the task all the same,
the regulariser was dropped without a word. Should: be counted, or be refused, or be said.
    gru-bench train --cell regular_train:Regular --set units=16
"""

import keras


@keras.saving.register_keras_serializable("wild")
class Regular(keras.layers.GRUCell):
    """A GRU whose weights must be zero."""

    def __init__(self, units, **kwargs):
        strong = keras.regularizers.L2(1e3)
        kwargs = {k: v for k, v in kwargs.items() if "regularizer" not in k}
        super().__init__(units, kernel_regularizer=strong, recurrent_regularizer=strong, **kwargs)

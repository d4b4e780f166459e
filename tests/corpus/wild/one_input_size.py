"""CONFUSING / WRONG VERDICT: cells that take one input size, and cells that take pictures.

Kind: input shapes. `Highway` needs as many inputs as units; without `--inputs 4` check says the cell "cannot run
one step" and exits 1 (a finding), without a word of --inputs. A cell around a Keras model of 3 inputs fails 34
laws. keras.layers:ConvLSTM2D, correct and Keras's own, "cannot run one step" (exit 1): the bench only feeds
vectors. Should: try the sizes that the state sizes suggest, or name --inputs in the message; say that inputs
of rank above 2 are not supported, exit 2.
    gru-bench check one_input_size:Highway --set units=4              # exit 1
    gru-bench check one_input_size:Highway --set units=4 --inputs 4   # exit 0
    gru-bench check one_input_size:functional --profile quick          # 34 failed
    gru-bench check one_input_size:functional --profile quick --inputs 3
    gru-bench check keras.layers:ConvLSTM2D --set filters=2 --set kernel_size=3              # exit 1
"""

from odd_shapes import Highway, functional  # noqa: F401

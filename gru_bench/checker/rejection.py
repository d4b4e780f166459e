"""What a certificate that proves nothing is answered with."""

from __future__ import annotations


class Rejected(Exception):  # noqa: N818 (a finding, not an error)
    """The file is a certificate, but does not prove what it claims: one line says where."""

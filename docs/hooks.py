"""What mkdocs asks while it builds the site: the reports beside it, and a complete reference.

A warning here fails the build, because it is strict.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import griffe
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
LOG = logging.getLogger("mkdocs.hooks.gru_bench")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the published reports, so that pages can link to them."""
    for path in sorted((ROOT / "reports").rglob("*")):
        name = path.relative_to(ROOT)
        if path.is_file() and "runs" not in name.parts:
            files.append(File.generated(config, name.as_posix(), abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links that hold in the repository into links that hold on the site."""
    del config, files
    if page.file.src_uri == "reference.md":
        for fault in faults(markdown):
            LOG.warning("reference.md: %s", fault)
    return markdown if page.file.generated_by else markdown.replace("](../reports/", "](reports/")


def faults(reference: str) -> Iterator[str]:
    """Yield what a reference lacks: public names not in it, and those without a docstring.

    Args:
        reference: the page; `::: gru_bench.Name` stands for a name.
    """
    package = griffe.load(
        "gru_bench", search_paths=[ROOT], extensions=griffe.load_extensions("griffe_sphinx")
    )
    public = {str(name) for name in package.exports or ()}
    named = set(re.findall(r"^::: gru_bench\.(\w+)$", reference, re.MULTILINE))
    for name in sorted(public ^ named):
        yield f"{name} is {'not here' if name in public else 'no public name'}"
    for name in sorted(public & named):
        for path in undocumented(package[name]):
            yield f"{path} has no docstring"


def undocumented(thing: griffe.Object | griffe.Alias) -> Iterator[str]:
    """Yield the paths of an object and its public methods that have no docstring."""
    if not thing.has_docstring:
        yield thing.path
    for name, member in thing.members.items() if thing.is_class else ():
        told = member.is_function or "property" in member.labels
        if told and not name.startswith("_") and not member.has_docstring:
            yield member.path

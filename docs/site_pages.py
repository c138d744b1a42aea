"""What mkdocs does beside its own for the site, as its hook: pages of the whole repository, and an API reference.

The README is the site's home; READMEs of languages and models, the changelog and their like are pages of it too. Links
between them are those of the repository, and lead to the page where there is one, to the file in the repository where
mkdocs.yml knows its address, and are plain words elsewhere.
"""

from __future__ import annotations

__all__ = ["API", "api_page", "places", "relinked", "with_mathml"]

import posixpath
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent

API = {
    "flowexport": "The package: what most programs need.",
    "flowexport.proof": "What proves a bundle: `verify` gives a `Report` of figures against bounds. Needs no torch.",
    "flowexport.runtime": "A bundle, loaded: `load` gives a `Model`. Needs no torch.",
    "flowexport.arrow": "Scores as columns of tables in Apache Arrow's format.",
    "flowexport.flows": "The flows and their parts, as PyTorch modules.",
    "flowexport.training": "Recipes, run folders and `fit`.",
    "flowexport.interop": "Models that were trained in other libraries.",
    "flowexport.sklearn": "A flow as an estimator of scikit-learn.",
    "flowexport.bundle": "The contract on disk: reads, checks and writes bundles. Needs numpy only.",
    "flowexport.testing": "What a univariate map of one's own is held to.",
    "flowexport.errors": "What is raised.",
}
"""Modules that the reference is about, with a sentence each."""

LINK = re.compile(
    r"^```.*?^```$|`[^`\n]*`|(?<=\])\(([^)\s]+)\)|(?<=srcset=)\"([^\"]+)\"|(?<=src=)\"([^\"]+)\"", re.M | re.S
)
"""A target of a link or a picture; fenced blocks and code come first, so that what only looks like one is not."""

MATHS = re.compile(r":math:<code>(.*?)</code>", re.S)


def places() -> dict[str, str]:
    """Where each file of the repository that is part of the site lies on it: path in the one → path in the other."""
    found = {
        f"docs/{path.name}": path.name for path in (ROOT / "docs").iterdir() if path.suffix in (".md", ".png", ".json")
    }
    # The README is the home; docs/README.md is what GitHub shows of the folder.
    del found["docs/README.md"]
    found |= {"README.md": "index.md", "benchmarks/README.md": "benchmarks.md", "benchmarks/RESULTS.md": "results.md"}
    found |= {f"{name}.md": f"{name.lower()}.md" for name in ("CHANGELOG", "CONTRIBUTING", "SECURITY")}
    for folder, target in {"runtime_examples": "languages", "models": "zoo"}.items():
        for path in sorted(ROOT.glob(f"{folder}/**/README.md")):
            inside = path.parent.relative_to(ROOT / folder).as_posix()
            # A tool's own folder, .pytest_cache for instance, is no part of the repository.
            hidden = any(part.startswith(".") and part != "." for part in inside.split("/"))
            if not hidden and not {"bundle", "node_modules", "site"} & set(inside.split("/")):
                found[f"{folder}/{inside}/README.md".replace("/./", "/")] = (
                    f"{target}/{inside.replace('.', 'index')}.md"
                )
        found |= {
            f"{folder}/{path.parent.name}/{path.name}": f"{target}/{path.name}"
            for path in ROOT.glob(f"{folder}/*/*.png")
        }
    return found


def relinked(markdown: str, source: str, of_site: Mapping[str, str], repository: str = "") -> str:
    """A page whose links lead where they led in the repository.

    Arguments:
        markdown: the page.
        source: its path in the repository.
        of_site: as `places` gives it.
        repository: its address, without a slash at the end; empty where it is not known.
    """
    here = posixpath.dirname(of_site[source])

    def moved(match: re.Match[str]) -> str:
        target = next(filter(None, match.groups()), None)
        if target is None or re.match(r"[a-z]+:|#", target):
            return match[0]
        file, sharp, anchor = target.partition("#")
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), file))
        for candidate in (path, f"{path}/README.md"):
            if candidate in of_site:
                return match[0].replace(target, posixpath.relpath(of_site[candidate], here or ".") + sharp + anchor)
        if repository and (ROOT / path).exists():
            return match[0].replace(target, f"{repository}/blob/main/{path}{sharp}{anchor}")
        # What leads nowhere stays, for mkdocs to complain of.
        return match[0] if not (ROOT / path).exists() else "{ .elsewhere }"

    return re.sub(r"\[([^\]]*)\]\{ \.elsewhere \}", r"\1", LINK.sub(moved, markdown))


def api_page(module: str) -> str:
    """The reference of a module: what it lists in ``__all__``, from the docstrings."""
    return f"# {module}\n\n{API[module]}\n\n::: {module}\n"


def with_mathml(html: str) -> str:
    """A page whose formulae, as the docstrings have them, are what browsers draw themselves."""
    from html import unescape

    from latex2mathml.converter import convert

    return MATHS.sub(lambda match: convert(unescape(match[1])), html)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Takes in what lies outside docs/, and the pages of the reference."""
    from mkdocs.structure.files import File

    for source, target in places().items():
        if not source.startswith("docs/"):
            files.append(File.generated(config, target, abs_src_path=str(ROOT / source)))
    for module in API:
        files.append(File.generated(config, f"api/{module}.md", content=api_page(module)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, **given: Any) -> str:
    """Every page's links, by where it lies in the repository."""
    of_site = places()
    source = next((path for path, target in of_site.items() if target == page.file.src_uri), None)
    return markdown if source is None else relinked(markdown, source, of_site, (config.repo_url or "").rstrip("/"))


def on_page_content(html: str, **given: Any) -> str:
    return with_mathml(html)

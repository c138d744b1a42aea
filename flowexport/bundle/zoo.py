"""The zoo: trained models that come with the package."""

__all__ = ["zoo_bundle", "zoo_folder", "zoo_names"]

from pathlib import Path

from flowexport.errors import BundleError

PACKAGE = Path(__file__).resolve().parent.parent


def zoo_folder() -> Path:
    """Where the zoo lies: inside an installed package, or beside it in a checkout."""
    installed = PACKAGE / "zoo"
    return installed if installed.is_dir() else PACKAGE.parent / "models"


def zoo_names() -> list[str]:
    """The names of the models that have a bundle."""
    return sorted(path.parent.parent.name for path in zoo_folder().glob("*/bundle/flow.json"))


def zoo_bundle(name: str) -> Path:
    """The bundle of a zoo model.

    Raises:
        BundleError: where there is none of that name.
    """
    names = zoo_names()
    if name not in names:
        raise BundleError(
            f"no such folder, and no model of that name (there are {', '.join(names) or 'none'})", key=name
        )
    return zoo_folder() / name / "bundle"

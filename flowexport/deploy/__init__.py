"""Bundles as the files that other engines want: a model repository of Triton, KServe, a compose project. No torch."""

from .bundles import Named, named_bundles
from .compose import compose_files
from .kserve import kserve_files
from .place import place_new
from .triton import Placing, repository

__all__ = ["Named", "Placing", "compose_files", "kserve_files", "named_bundles", "place_new", "repository"]

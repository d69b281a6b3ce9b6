"""Random changes of training images: draw parameters for a batch, then apply them; two functions, so draws can be shown.

The description alone is imported here: reading an experiment needs nothing that changes images.
"""

from __future__ import annotations

from fittool.augmentation.settings import Augmentation

__all__ = ["Augmentation"]

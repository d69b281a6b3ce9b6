"""Keras's `preprocessing`: `from fittool.preprocessing.image import ImageDataGenerator`.

These are names for users; what stands behind them is in `fittool.image_data_generator`. No part of the package may enter.
Nothing is computed here.
"""

from __future__ import annotations

from fittool.image_data_generator.image_dataset import image_dataset_from_directory
from fittool.preprocessing import image

__all__ = ["image", "image_dataset_from_directory"]

"""Keras's tools for images: `from fittool.preprocessing.image import ImageDataGenerator, load_img, img_to_array`."""

from __future__ import annotations

from fittool.image_data_generator import ImageDataGenerator
from fittool.image_data_generator.pictures import array_to_img, img_to_array, load_img, save_img

__all__ = ["ImageDataGenerator", "array_to_img", "img_to_array", "load_img", "save_img"]

"""Keras's ImageDataGenerator: random changes and standardisation of images, from arrays, folders and tables."""

from fittool.image_data_generator.array_iterator import ArrayIterator
from fittool.image_data_generator.dataframe_iterator import DataFrameIterator
from fittool.image_data_generator.directory_iterator import DirectoryIterator
from fittool.image_data_generator.generator import ImageDataGenerator

__all__ = ["ArrayIterator", "DataFrameIterator", "DirectoryIterator", "ImageDataGenerator"]

"""Keras's ImageDataGenerator: random changes and standardisation of images, from arrays, folders and tables.

`generator` is the class, and the iterators (`array_iterator`, `directory_iterator`, `dataframe_iterator`, `file_iterator`,
`iterator`) walk over its batches; `flow_options`, `pictures` and `transform` are what they share, `image_dataset` reads a
folder. Nobody in the package enters but Keras's names (`fittool.preprocessing`, `fittool.utils`). It knows `data` and
`augmentation`, and no network or trainer.
"""

from fittool.image_data_generator.array_iterator import ArrayIterator
from fittool.image_data_generator.dataframe_iterator import DataFrameIterator
from fittool.image_data_generator.directory_iterator import DirectoryIterator
from fittool.image_data_generator.generator import ImageDataGenerator

__all__ = ["ArrayIterator", "DataFrameIterator", "DirectoryIterator", "ImageDataGenerator"]

"""The class ImageDataGenerator: what may happen to images, and the iterators that make it happen."""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, replace
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from pydantic import ValidationError

from fittool.augmentation import Augmentation
from fittool.augmentation.augment import apply, augment
from fittool.augmentation.draw import draw
from fittool.augmentation.standardize import Statistics, centres, fit, standardize, standardizes
from fittool.image_data_generator.array_iterator import ArrayIterator
from fittool.image_data_generator.dataframe_iterator import DataFrameIterator
from fittool.image_data_generator.directory_iterator import DirectoryIterator
from fittool.image_data_generator.fit_statistics import DataFormat, FitStatistics
from fittool.image_data_generator.flow_options import FileOptions, FlowOptions
from fittool.image_data_generator.transform import as_parameters, as_transform
from fittool.rng import fresh_seed
from fittool.settings.complaints import argument_error

_BATCH = 256
_NOT_HERE = ("mixup", "cutmix", "until_epoch")
SETTINGS = frozenset(field.name for field in fields(Augmentation)) - {*_NOT_HERE, "preprocessing_function"}


class ImageDataGenerator(FitStatistics):
    """Random changes of images, then the fixed steps of `standardize`.

    Names, order and defaults are Keras's; the meaning is the documented one where Keras departs from it: `height_shift_range`
    moves rows, `width_shift_range` columns, images turn about their true centre, the validation part is not augmented unless
    `augment_validation` asks for it, and brightness keeps the range of the image.

    Args:
        featurewise_center, samplewise_center, featurewise_std_normalization, samplewise_std_normalization, zca_whitening,
            zca_epsilon: Steps of `standardize`; those by feature need `fit` first.
        rotation_range: Degrees.
        width_shift_range, height_shift_range: A fraction below 1.0, pixels from 1.0, a whole number n for up to n - 1 whole
            pixels, or a list of pixels (of fractions, where all are below 1).
        brightness_range: Two factors.
        shear_range: Degrees.
        zoom_range: z for [1 - z, 1 + z], or [low, high]; below 1 enlarges.
        channel_shift_range: Values added to all channels.
        fill_mode, cval: What lies outside of an image: nearest, constant, reflect or wrap.
        horizontal_flip, vertical_flip: Whether half of the images are flipped; horizontal_flip may be "alternating".
        rescale: A factor, behind all changes.
        preprocessing_function: Called with each changed image (H, W, C), before `rescale`; gives an array of the same shape.
        data_format: channels_last (H, W, C), the default, or channels_first (C, H, W).
        validation_split: The share, from the beginning (of each class in a folder), that `subset="validation"` gives.
        interpolation_order: 0 or 1.
        dtype: Of the batches, float32 by default.
        augment_validation: Whether `subset="validation"` is changed at random too, as it is in Keras.
        beyond: Further operations of the `augmentation:` section, such as `contrast_range`, `random_erasing`, `rand_augment`.

    Attributes:
        mean, std, zca_whitening_matrix: What `fit` found, or None.

    Raises:
        ValueError: An argument is wrong.
        TypeError: An argument is not known.
    """

    def __init__(
        self,
        featurewise_center: bool = False,
        samplewise_center: bool = False,
        featurewise_std_normalization: bool = False,
        samplewise_std_normalization: bool = False,
        zca_whitening: bool = False,
        zca_epsilon: float = 1e-6,
        rotation_range: float = 0,
        width_shift_range: Any = 0.0,
        height_shift_range: Any = 0.0,
        brightness_range: Any = None,
        shear_range: float = 0.0,
        zoom_range: Any = 0.0,
        channel_shift_range: float = 0.0,
        fill_mode: str = "nearest",
        cval: float = 0.0,
        horizontal_flip: Any = False,
        vertical_flip: bool = False,
        rescale: float | None = None,
        preprocessing_function: Callable[[Any], Any] | None = None,
        data_format: DataFormat | None = None,
        validation_split: float = 0.0,
        interpolation_order: int = 1,
        dtype: DTypeLike | None = None,
        *,
        augment_validation: bool = False,
        **beyond: Any,
    ) -> None:
        self.augmentation = setting_of(
            featurewise_center=featurewise_center, samplewise_center=samplewise_center,
            featurewise_std_normalization=featurewise_std_normalization,
            samplewise_std_normalization=samplewise_std_normalization, zca_whitening=zca_whitening, zca_epsilon=zca_epsilon,
            rotation_range=rotation_range, width_shift_range=width_shift_range, height_shift_range=height_shift_range,
            brightness_range=brightness_range, shear_range=shear_range, zoom_range=zoom_range,
            channel_shift_range=channel_shift_range, fill_mode=fill_mode, cval=cval, horizontal_flip=horizontal_flip,
            vertical_flip=vertical_flip, rescale=rescale, interpolation_order=interpolation_order, **beyond,
        )  # fmt: skip
        if preprocessing_function is not None and not callable(preprocessing_function):
            raise TypeError(f"preprocessing_function must be a function of one image, got {preprocessing_function!r}.")
        self.preprocessing_function = preprocessing_function
        self.data_format = _data_format(data_format)
        validation_split = validation_split or 0.0
        if not 0 <= validation_split < 1:
            raise ValueError(f"validation_split must be at least 0 and less than 1, got {validation_split}.")
        self.validation_split = validation_split
        self.augment_validation = augment_validation
        self.dtype = np.dtype(np.float32 if dtype is None else dtype)
        self.statistics = Statistics()
        self.seed = fresh_seed()
        self._draws = 0

    def __getattr__(self, name: str) -> Any:
        """The arguments for changes and fixed steps, under their names."""
        if name in SETTINGS:
            return getattr(self.augmentation, name)
        raise AttributeError(f"ImageDataGenerator has no attribute {name}.")

    def __setattr__(self, name: str, value: Any) -> None:
        """An argument that is set later counts from then on.

        Raises:
            ValueError: It is wrong.
        """
        if name in SETTINGS:
            others = {one: getattr(self.augmentation, one) for one in SETTINGS}
            name, value = "augmentation", setting_of(**{**others, name: value})
        super().__setattr__(name, value)
        if name == "augmentation":
            super().__setattr__("_changes", replace(value, rescale=None))

    def flow(
        self,
        x: Any,
        y: Any = None,
        batch_size: int = 32,
        shuffle: bool = True,
        sample_weight: ArrayLike | None = None,
        seed: int | None = None,
        save_to_dir: str | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        ignore_class_split: bool = False,
        subset: str | None = None,
    ) -> ArrayIterator:
        """Batches of arrays, without end.

        Args:
            x: Images (N, H, W, C), or a list of them and further arrays (N, …), which are passed on as they are.
            y: Targets (N, …), or None.
            batch_size: Images in a batch; the last of a pass may have fewer.
            shuffle: Whether each pass has its own order.
            sample_weight: (N,) or None.
            seed: Of order and changes; by default one that is drawn here and kept in the iterator's `seed`.
            save_to_dir, save_prefix, save_format: Where to write each image that is made, how its name begins, and its format.
            ignore_class_split: Whether both subsets may have other classes.
            subset: "training" or "validation", with `validation_split`.

        Raises:
            ValueError: The arrays do not fit each other.
        """
        options = FlowOptions(
            batch_size=batch_size, shuffle=shuffle, seed=seed, save_to_dir=save_to_dir, save_prefix=save_prefix,
            save_format=save_format, subset=subset,
        )  # fmt: skip
        return ArrayIterator(x, y, self, options, sample_weight, ignore_class_split)

    def flow_from_directory(
        self,
        directory: str,
        target_size: tuple[int, int] = (256, 256),
        color_mode: str = "rgb",
        classes: list[str] | None = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        save_to_dir: str | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        follow_links: bool = False,
        subset: str | None = None,
        interpolation: str = "nearest",
        keep_aspect_ratio: bool = False,
    ) -> DirectoryIterator:
        """Batches of image files, with a folder for each class; arguments as Keras's.

        Raises:
            ValueError: An argument is wrong.
            DataError: A ValueError: the folder or a file is missing or cannot be read.
        """
        options = FileOptions(
            target_size=target_size, color_mode=color_mode, class_mode=class_mode, batch_size=batch_size, shuffle=shuffle,
            seed=seed, save_to_dir=save_to_dir, save_prefix=save_prefix, save_format=save_format, subset=subset,
            interpolation=interpolation, keep_aspect_ratio=keep_aspect_ratio,
        )  # fmt: skip
        return DirectoryIterator(directory, self, options, classes, follow_links)

    def flow_from_dataframe(
        self,
        dataframe: Any,
        directory: str | None = None,
        x_col: str = "filename",
        y_col: Any = "class",
        weight_col: str | None = None,
        target_size: tuple[int, int] = (256, 256),
        color_mode: str = "rgb",
        classes: list[str] | None = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        save_to_dir: str | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        subset: str | None = None,
        interpolation: str = "nearest",
        validate_filenames: bool = True,
        keep_aspect_ratio: bool = False,
    ) -> DataFrameIterator:
        """Batches of image files that a table names; arguments as Keras's.

        Args:
            dataframe: Anything with columns: `dataframe[name]` gives the cells, as of a pandas table or a dict of lists.

        Raises:
            TypeError: A column holds cells of another kind than the class mode needs.
            ValueError: An argument is wrong.
        """
        options = FileOptions(
            target_size=target_size, color_mode=color_mode, class_mode=class_mode, batch_size=batch_size, shuffle=shuffle,
            seed=seed, save_to_dir=save_to_dir, save_prefix=save_prefix, save_format=save_format, subset=subset,
            interpolation=interpolation, keep_aspect_ratio=keep_aspect_ratio,
        )  # fmt: skip
        return DataFrameIterator(dataframe, directory, self, options, x_col, y_col, weight_col, classes, validate_filenames)

    def fit(self, x: ArrayLike, augment: bool = False, rounds: int = 1, seed: int | None = None) -> None:
        """Take the statistics that the steps by feature need.

        Args:
            x: Images (N, H, W, C).
            augment: Whether to take them of changed images.
            rounds: How many times each image is changed for that.
            seed: Of the changes.

        Raises:
            ValueError: `x` is of another form, or too large to whiten.
        """
        images = self._last(np.asarray(x))
        if images.ndim != 4:
            raise ValueError(f"fit needs images of shape (N, H, W, C), got an array of shape {np.shape(x)}.")
        passes, seed = rounds if augment else 1, self.seed if seed is None else seed

        def batches() -> Iterator[NDArray[Any]]:
            for pass_number in range(passes):
                for first in range(0, len(images), _BATCH):
                    batch = images[first : first + _BATCH]
                    positions = np.arange(first, first + len(batch))
                    yield self._preprocess(self.changed(batch, seed, pass_number, positions) if augment else batch)

        self.statistics = fit(batches, self.augmentation)

    def standardize(self, x: ArrayLike) -> NDArray[Any]:
        """The fixed steps on one image (H, W, C) or several (N, H, W, C), in Keras's order; gives a new array.

        The order: `preprocessing_function`, `rescale`, samplewise centre and division by (std + 1e-6), featurewise centre and
        division by (std + 1e-6), ZCA.
        """
        given = np.asarray(x)
        images = self._last(given if given.ndim == 4 else given[np.newaxis])
        result = self._first(self.standardized(images))
        return result if given.ndim == 4 else cast("NDArray[Any]", result[0])

    def get_random_transform(self, img_shape: tuple[int, ...], seed: int | None = None) -> dict[str, Any]:
        """The changes that an image would get, under Keras's names; a function of the seed, or the next ones without it.

        A channel shift or a brightness that is not asked for is None, as in Keras.
        """
        height, width, channels = self._shape(img_shape)
        position = self._draws if seed is None else 0
        self._draws += seed is None
        drawn = draw(self._changes, (height, width, channels), self.seed if seed is None else seed, 0, [position])
        asked = {"channel_shift": bool(self.channel_shift_range), "brightness": self.brightness_range is not None}
        return as_transform(drawn, unasked=[name for name, is_asked in asked.items() if not is_asked])

    def apply_transform(self, x: ArrayLike, transform_parameters: Mapping[str, Any]) -> NDArray[Any]:
        """One image (H, W, C), changed; uint8 stays uint8, other numbers become float32.

        Raises:
            ValueError: A parameter is not known.
        """
        image = self._last(np.asarray(x)[np.newaxis])
        moving = replace(self._changes, vertical_flip=True)  # so that pixels move if the parameters say so, whatever is set here
        result: NDArray[Any] = self._first(apply(moving, image, as_parameters(transform_parameters)))[0]
        return result

    def random_transform(self, x: ArrayLike, seed: int | None = None) -> NDArray[Any]:
        """One image (H, W, C), changed at random; a function of the seed, or in the next way without it."""
        return self.apply_transform(x, self.get_random_transform(np.shape(x), seed))

    def changed(
        self, images: NDArray[Any], seed: int, pass_number: int, positions: NDArray[np.int64], samples: ArrayLike | None = None
    ) -> NDArray[Any]:
        """The images (N, H, W, C) as they are seen at some positions of a pass."""
        return augment(self._changes, images, seed, pass_number, positions, samples) if self._changes.active else images

    def standardized(self, images: NDArray[Any]) -> NDArray[Any]:
        """The fixed steps on images (N, H, W, C), as `dtype`; a step that needs `fit` first is left out, with a warning."""
        images, steps = self._preprocess(images), self.augmentation
        if not standardizes(steps):
            return images.astype(self.dtype)
        if centres(steps) and self.statistics.mean is None:
            text = "This ImageDataGenerator standardises by features, but was not fit on training data. Call fit(x) first."
            warnings.warn(text, stacklevel=2)
            steps = replace(steps, featurewise_center=False, featurewise_std_normalization=False, zca_whitening=False)
        return standardize(images, steps, self.statistics, self.dtype)

    def _preprocess(self, images: NDArray[Any]) -> NDArray[Any]:
        function = self.preprocessing_function
        if function is None:
            return images
        made = []
        for image in self._first(images.astype(self.dtype)):
            result = np.asarray(function(image))
            if result.shape != image.shape:
                wanted, found = image.shape, result.shape
                raise ValueError(f"preprocessing_function must give an image of the shape it gets, {wanted}, but gave {found}.")
            made.append(result)
        return self._last(np.stack(made))

    @property
    def has_own_methods(self) -> bool:
        """True where a subclass, or this object, does some of the work itself, image by image."""
        kinds = type(self).__mro__
        own = {*vars(self), *(name for kind in kinds[: kinds.index(ImageDataGenerator)] for name in vars(kind))}
        return not own.isdisjoint(("standardize", "apply_transform", "get_random_transform", "random_transform"))

    def one_by_one(
        self, images: NDArray[Any], seed: int, pass_number: int, positions: NDArray[np.int64], *, augmented: bool
    ) -> NDArray[Any]:
        """The images (N, H, W, C), changed and standardised by the methods for single images, as Keras does it."""
        made = []
        for image, position in zip(self._first(images), positions.tolist(), strict=True):
            if augmented:
                own_seed = zlib.crc32(f"{seed} {pass_number} {position}".encode())
                image = self.apply_transform(image, self.get_random_transform(image.shape, own_seed))
            made.append(self.standardize(image))
        return self._last(np.stack(made))

    def _last(self, images: NDArray[Any]) -> NDArray[Any]:
        """(N, …) images with their channels last."""
        return images.transpose(0, 2, 3, 1) if self.data_format == "channels_first" and images.ndim == 4 else images

    def _first(self, images: NDArray[Any]) -> NDArray[Any]:
        """(N, H, W, C) images in the user's format."""
        return images.transpose(0, 3, 1, 2) if self.data_format == "channels_first" else images


def _plain(value: Any) -> Any:
    """NumPy's numbers and arrays, and ranges, as Python's."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    return list(value) if isinstance(value, range) else value


def setting_of(**arguments: Any) -> Augmentation:
    """The arguments as one setting.

    Raises:
        ValueError: One is wrong.
        TypeError: One is not known; an ArgumentError is both.
    """
    arguments = {name: _plain(value) for name, value in arguments.items()}
    for name in ("horizontal_flip", "vertical_flip"):
        if arguments.get(name) in (0, 1):
            arguments[name] = bool(arguments[name])
    for name in _NOT_HERE:
        if name in arguments:
            raise TypeError(f"ImageDataGenerator has no argument {name}: it is for the `augmentation:` section of an experiment.")
    try:
        return Augmentation(**arguments)
    except ValidationError as error:
        raise argument_error("ImageDataGenerator", Augmentation, (), arguments, error) from None


def _data_format(given: str | None) -> DataFormat:
    if given not in (None, "channels_last", "channels_first"):
        raise ValueError(f"data_format must be channels_last or channels_first, got {given!r}.")
    return "channels_first" if given == "channels_first" else "channels_last"

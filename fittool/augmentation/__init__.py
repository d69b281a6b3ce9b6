"""Random changes of training images: draw parameters for a batch, then apply them; two functions, so draws can be shown.

`settings` and `crops` describe what may happen, `draw` and `rectangles` draw it, and `augment` applies it with `warp`
(`coordinates`, `sampling`, `workspace`), `colour` and `rand_augment`; `mixing` joins samples, `standardize` has the fixed
steps behind. `data`, `engines`, `image_data_generator`, `training`, `report`, `config`, `model` and `experiment` may enter.
It knows neither data sources nor networks.

The description alone is imported here: reading an experiment needs nothing that changes images.
"""

from __future__ import annotations

from fittool.augmentation.settings import Augmentation

__all__ = ["Augmentation"]

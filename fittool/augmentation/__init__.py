"""Random changes of training images: draw parameters for a batch, then apply them; two functions, so draws can be shown.

`settings` and `crops` describe what may happen, `draw` and `rectangles` draw it, and `augment` applies it with `warp`
(`coordinates`, `sampling`, `workspace`), `colour` and `rand_augment`; `mixing` joins samples, `standardize` has the fixed
steps behind. `data`, `engines`, `image_data_generator`, `training`, `report`, `config`, `model` and `experiment` may enter.
It knows neither data sources nor networks.

The description is imported when somebody asks for it, and nothing else here: reading an experiment needs nothing that changes
images, and most do without the section.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fittool.settings import import_from_home

if TYPE_CHECKING:
    from fittool.augmentation.settings import Augmentation

__all__ = ["Augmentation"]


def __getattr__(name: str) -> object:
    """Import the description when it is first asked for (PEP 562)."""
    return import_from_home(__name__, {"Augmentation": ("fittool.augmentation.settings", "Augmentation")}, name)

"""Random changes of the images of a batch, where they lie: what `fittool.augmentation` does to pixels, in tensors.

`warp` moves pixels, `colour` changes their values, `cover` hides rectangles and mixes samples; `changes` does all of these in
the order of `fittool.augmentation.augment.apply`. The engine's `held_samples` enters. Everything random was drawn on the host,
and what only the processor can do (`fittool.augmentation.image_changes.only_on_the_processor`) never comes here.
"""

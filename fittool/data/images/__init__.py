"""Image files and what is in them: decoding, sizes and colour modes, tables of images, images in tar files.

`decoding` makes arrays, `pixel_depth` and `pixel_scale` bring their values to one scale; `image_files` and `shard_images` are
the datasets; `image_names`, `image_folders` and `image_lookup` find files; `preprocessing` is the user's own function.
Sources and the image generators enter, and `experiment` and `scaffold`. Random changes are not made here: they are in
`augmentation`.
"""

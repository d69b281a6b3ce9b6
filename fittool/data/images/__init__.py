"""Image files and what is in them: decoding, sizes and colour modes, tables of images, images in tar files."""

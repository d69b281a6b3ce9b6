"""Networks of the field, in torchvision's layout or Keras's, which published weights fit.

Each begins with its own preprocessing, so that it takes pixels from 0 to 255. Layers are called by their place:
`stage2_block1_expand_conv`.
"""

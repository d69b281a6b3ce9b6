"""Keras's further names for layers."""

from __future__ import annotations

ALIASES = {
    "Convolution1D": "Conv1D", "Convolution2D": "Conv2D", "Convolution2DTranspose": "Conv2DTranspose",
    "DepthwiseConvolution2D": "DepthwiseConv2D", "SeparableConvolution2D": "SeparableConv2D", "MaxPool1D": "MaxPooling1D",
    "MaxPool2D": "MaxPooling2D", "AvgPool1D": "AveragePooling1D", "AvgPool2D": "AveragePooling2D",
    "GlobalAvgPool1D": "GlobalAveragePooling1D", "GlobalAvgPool2D": "GlobalAveragePooling2D",
    "GlobalMaxPool1D": "GlobalMaxPooling1D", "GlobalMaxPool2D": "GlobalMaxPooling2D",
    "Convolution3D": "Conv3D", "MaxPool3D": "MaxPooling3D", "AvgPool3D": "AveragePooling3D",
    "GlobalAvgPool3D": "GlobalAveragePooling3D", "GlobalMaxPool3D": "GlobalMaxPooling3D",
}  # fmt: skip

"""Drawn parameters as matrices from output to source coordinates: rotation, shift, shear, zoom and flips in one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fittool.augmentation.draw import Parameters


def matrices(parameters: Parameters, height: int, width: int) -> NDArray[np.float64]:
    """The matrix of each image.

    In (x, y), with x along the columns and y down the rows, both from the true centre ((width - 1) / 2,
    (height - 1) / 2), an output pixel comes from `R · T · S · Z · F` times its place: R turns by theta, T adds (tx, ty),
    S = [[1, -sin shear], [0, cos shear]], Z = diag(zx, zy), and F flips the finished picture. Last, the
    place is scaled and moved into what the image's crop cuts out. A zoom below 1 enlarges,
    a positive tx moves the picture to the left, a positive theta turns it counter-clockwise.

    Args:
        parameters: Of N images, angles in degrees, shifts in pixels.
        height: Of the images, in pixels.
        width: Of the images, in pixels.

    Returns:
        (N, 2, 3): from (x, y, 1) of an output pixel to (x, y) of its source, counted from the upper left pixel.
    """
    theta, sheared = np.deg2rad(parameters.theta), np.deg2rad(parameters.theta + parameters.shear)
    cosine, sine = np.cos(theta), np.sin(theta)
    x_scale = np.where(parameters.flip_horizontal, -parameters.zx, parameters.zx)
    y_scale = np.where(parameters.flip_vertical, -parameters.zy, parameters.zy)
    centre_x, centre_y = (width - 1) / 2, (height - 1) / 2
    result = np.empty((len(theta), 2, 3))
    result[:, 0, 0], result[:, 0, 1] = cosine * x_scale, -np.sin(sheared) * y_scale
    result[:, 1, 0], result[:, 1, 1] = sine * x_scale, np.cos(sheared) * y_scale
    shift_x = cosine * parameters.tx - sine * parameters.ty
    shift_y = sine * parameters.tx + cosine * parameters.ty
    result[:, 0, 2] = centre_x + shift_x - result[:, 0, 0] * centre_x - result[:, 0, 1] * centre_y
    result[:, 1, 2] = centre_y + shift_y - result[:, 1, 0] * centre_x - result[:, 1, 1] * centre_y
    if parameters.crop is not None:
        result *= parameters.crop[:, 2:, None]
        result[:, :, 2] += (centre_x, centre_y) * (1 - parameters.crop[:, 2:]) + parameters.crop[:, :2]
    return result

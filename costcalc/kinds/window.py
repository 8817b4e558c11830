"""The geometry of a sliding window, for convolutions and pools of any rank: padding and output, axis by axis."""

from __future__ import annotations

from typing import Any

from costcalc.kinds.attributes import KindError
from costcalc.number import Number, ceil_div, maximum, minimum, product, taps_inside
from costcalc.shape import AXES, Shape

MAX_TAPS = 10_000  # along one axis: what lies on padding is found tap by tap


def spread(value: Any, rank: int, attribute: str) -> tuple[Number, ...]:
    """One value for each of `rank` axes. Raises KindError."""
    if not isinstance(value, tuple):
        return (value,) * rank
    if len(value) != rank:
        raise KindError(
            f"`{attribute}` has {len(value)} values for {rank} axes", attribute, f"the input has {_axis_names(rank)}"
        )
    return value


def need_map(x: Shape, kind: str) -> None:
    """Raises KindError where the input has no axes for a window to slide along."""
    if x.sequence or not x.spatial:
        what = "a sequence of tokens" if x.sequence else "a vector"
        raise KindError(
            f"`{kind}` needs a feature map, and its input is {what} ({x})",
            None,
            "it slides a window along height, width, ...",
        )


def padding_of(
    padding: Any, size: Number, window: Number, stride: Number, axis: int, rank: int
) -> tuple[Number, Number]:
    """The padding before and after one axis; `window` is what the dilated kernel covers.

    `same` is TensorFlow's: ceil(size/stride) outputs, an odd pixel after
    (tensorflow/core/framework/common_shape_fns.cc).
    """
    if isinstance(padding, str):
        if padding == "valid":
            return 0, 0
        total = maximum((ceil_div(size, stride) - 1) * stride + window - size, 0)
        return total // 2, total - total // 2
    if not isinstance(padding, tuple):
        return padding, padding
    if len(padding) == rank:
        return padding[axis], padding[axis]
    if len(padding) == 2 * rank:
        return padding[2 * axis], padding[2 * axis + 1]
    raise KindError(
        f"`padding` has {len(padding)} values for {rank} axes",
        "padding",
        f"write 1, {rank} or {2 * rank} numbers: the input has {_axis_names(rank)}",
    )


def output_sizes(
    x: Shape, kernel: Any, stride: Any, padding: Any, dilation: Any = 1, ceil_mode: bool = False
) -> tuple[Number, ...]:
    """The output size along each axis: floor((size + padding - window) / stride) + 1.

    With `ceil_mode` the quotient is rounded up, but no window starts in the padding after the input (PyTorch,
    torch/nn/functional pooling: the formula in its documents alone is wrong). Raises KindError.
    """
    rank = len(x.spatial)
    kernels, strides, dilations = (
        spread(kernel, rank, "kernel"),
        spread(stride, rank, "stride"),
        spread(dilation, rank, "dilation"),
    )
    sizes = []
    for axis, (size, taps, step, gap) in enumerate(zip(x.spatial, kernels, strides, dilations, strict=True)):
        if taps > MAX_TAPS:
            raise KindError(f"the kernel has {taps} taps along one axis", "kernel", f"at most {MAX_TAPS:,}")
        window = (taps - 1) * gap + 1
        if padding == "same":
            sizes.append(ceil_div(size, step))
            continue
        before, after = padding_of(padding, size, window, step, axis, rank)
        room = size + before + after - window
        if room < 0 and not (ceil_mode and room + step > 0):  # one window, of which the end is beyond the input
            name = AXES[rank][axis]
            message = (
                f"the kernel covers {window} along the {name}, and the padded input is {size + before + after} there"
            )
            raise KindError(message, "kernel", "use a smaller kernel, more padding or `padding: same`")
        if ceil_mode and after == 0 and window >= step:
            sizes.append(ceil_div(room, step) + 1)  # no window can start after the input
        elif ceil_mode:
            sizes.append(minimum(ceil_div(room, step) + 1, ceil_div(size + before, step)))
        elif window == step and before == after == 0:
            sizes.append(size // step)  # windows side by side: h/2 where rounding is ideal, too
        else:
            sizes.append(ceil_div(room + 1, step))  # floor(room / step) + 1, and h/2 where rounding is ideal
    return tuple(sizes)


def valid_taps(x: Shape, y: Shape, kernel: Any, stride: Any, padding: Any, dilation: Any) -> Number:
    """How many taps of all windows together lie on the input, not on its padding, for one channel.

    Window and padding are boxes, so the number is a product over the axes.
    """
    rank = len(x.spatial)
    kernels, strides, dilations = (
        spread(value, rank, name) for value, name in ((kernel, "kernel"), (stride, "stride"), (dilation, "dilation"))
    )
    return product(
        _valid_along(
            x.spatial[axis], y.spatial[axis], kernels[axis], strides[axis], dilations[axis], padding, axis, rank
        )
        for axis in range(rank)
    )


def _valid_along(
    size: Number, outputs: Number, taps: Number, step: Number, gap: Number, padding: Any, axis: int, rank: int
) -> Number:
    before, after = padding_of(padding, size, (taps - 1) * gap + 1, step, axis, rank)
    if isinstance(before, int) and isinstance(after, int) and before == after == 0:
        return taps * outputs
    return taps_inside(size, outputs, taps, step, gap, before)


def written(value: Any, rank: int, groups: Number = 1) -> str:
    """A kernel as tables show it: `3x3`, `3x1`, `3x3 g4`."""
    axes = value if isinstance(value, tuple) else (value,) * rank
    return "x".join(map(str, axes)) + ("" if groups == 1 else f" g{groups}")


def stepped(stride: Any) -> str:
    """A stride as tables show it: nothing where it is 1, `/2`, `/2x1`."""
    axes = stride if isinstance(stride, tuple) else (stride,)
    if all(axis == axes[0] for axis in axes):
        return "" if axes[0] == 1 else f"/{axes[0]}"
    return "/" + "x".join(map(str, axes))


def _axis_names(rank: int) -> str:
    return f"{rank} ({', '.join(AXES[rank])})"

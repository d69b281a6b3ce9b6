"""The functions that a written module may need, as source; each is written only where a layer calls it."""

from __future__ import annotations

HELPERS: dict[str, str] = {
    "channels_second": '''\
def channels_second(x):
    """(N, …, C) as (N, C, …)."""
    return x.movedim(-1, 1)
''',
    "channels_last": '''\
def channels_last(x):
    """(N, C, …) as (N, …, C)."""
    return x.movedim(1, -1)
''',
    "average_pool": '''\
def average_pool(x, pool, size, strides, pads):
    """Means of windows over (N, C, …), of places inside alone: pads are those of F.pad."""
    inside = F.pad(torch.ones_like(x[:1, :1]), pads)
    sums, counts = (pool(one, size, strides, divisor_override=1) for one in (F.pad(x, pads), inside))
    return sums / counts
''',
    "dropout": '''\
def dropout(x, rate, shape, training):
    """Zeros with probability `rate`, the others times 1 / (1 - rate); along axes of size 1 decided together."""
    if not training:
        return x
    return x * (torch.rand((len(x), *shape), device=x.device) >= rate) / (1 - rate)
''',
    "bent_relu": '''\
def bent_relu(x, max_value, negative_slope, threshold):
    """x above a threshold, at most a limit; below it a line."""
    above = x if max_value is None else x.clamp(max=max_value)
    return torch.where(x > threshold, above, negative_slope * (x - threshold))
''',
    "squareplus": '''\
def squareplus(x):
    """(x + √(x² + 4)) / 2."""
    root = torch.sqrt(x * x + 4)
    return torch.where(x < 0, 2 / (root - x), 0.5 * (root + x))
''',
    "sparse_plus": '''\
def sparse_plus(x):
    """x from 1 on, (x + 1)² / 4 between -1 and 1, 0 below."""
    return torch.where(x < 1, torch.relu(x + 1) ** 2 * 0.25, x)
''',
    "sparsemax": '''\
def sparsemax(x):
    """The nearest point to x on the probability simplex, along the last axis."""
    falling = torch.sort(x, dim=-1, descending=True).values
    ranks = torch.arange(1, x.shape[-1] + 1, dtype=x.dtype, device=x.device)
    excess = falling.cumsum(dim=-1) - 1
    count = (ranks * falling > excess).sum(dim=-1, keepdim=True)
    return torch.relu(x - excess.gather(-1, count - 1) / count)
''',
    "attention": '''\
def attention(query, key, value, heads, causal):
    """Heads of (N, T, heads · size) arrays, mixed and joined again."""
    query, key, value = (x.unflatten(-1, (heads, -1)).transpose(1, 2) for x in (query, key, value))
    return F.scaled_dot_product_attention(query, key, value, is_causal=causal).transpose(1, 2).flatten(2)
''',
    "each_step": '''\
def each_step(layer, x):
    """A function of single steps on sequences (N, T, …)."""
    return layer(x.flatten(0, 1)).unflatten(0, x.shape[:2])
''',
    "pieces": '''\
def pieces(x, edges, kernel):
    """Vectors (N, K · D) of K numbers (N, K), linear between edges (K, T + 1), by kernels (K, T, D)."""
    widths = edges[:, 1:] - edges[:, :-1]
    slopes = torch.where(widths > 0, 1 / widths, 0)
    fillings = ((x.unsqueeze(2) - edges[:, :-1]) * slopes).clamp(0, 1)
    return torch.bmm(fillings.transpose(0, 1), kernel).transpose(0, 1).flatten(1)
''',
}

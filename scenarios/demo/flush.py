"""What StatsD writes for a step, with its default names: for the past, about which StatsD cannot be told."""
import math


def flush(step):
    """[(name, value)] for a step of any length: what one flush, or the rollup of all flushes in it, would hold."""
    points = []
    for name, n in counts(step).items():
        points += [(f"stats.{name}", n / step.seconds), (f"stats_counts.{name}", n)]
    for name, (_, n, values) in step.timers.items():
        stem, _, tags = name.partition(";")
        behind = tags and ";" + tags
        points += [(f"stats.timers.{stem}.{what}{behind}", v) for what, v in timer(n, values, step.seconds)]
    points += [(f"stats.gauges.{name}", value) for name, value in step.gauges.items()]
    # A set counts its members once a flush, so a longer step holds the sum of its seconds.
    points += [(f"stats.sets.{name}.count", len(set(who)) * step.seconds) for name, who in step.sets.items()]
    return points


def counts(step):
    """What the counters come to, sampled ones too."""
    return {**step.counters, **{name: n / rate for name, (n, rate) in step.sampled.items()}}


def timer(n, values, seconds):
    """StatsD's numbers for `n` durations of which `values` were kept."""
    if not values:
        return [("count", 0), ("count_ps", 0)]
    values = sorted(values)
    kept, weight = len(values), n / len(values)
    middle = kept // 2
    median = values[middle] if kept % 2 else (values[middle - 1] + values[middle]) / 2
    whole, mean = sums(values)
    # As JavaScript rounds; of a single value StatsD takes the whole.
    below = math.floor(0.9 * kept + 0.5) if kept > 1 else 1
    part, part_mean = sums(values[:below])
    return [
        ("count_90", below * weight), ("mean_90", part_mean), ("upper_90", values[below - 1]),
        ("sum_90", part[0] * weight), ("sum_squares_90", part[1] * weight),
        ("std", math.sqrt(sum((v - mean) ** 2 for v in values) / kept)),
        ("upper", values[-1]), ("lower", values[0]), ("count", n), ("count_ps", n / seconds),
        ("sum", whole[0] * weight), ("sum_squares", whole[1] * weight), ("mean", mean), ("median", median),
    ]


def sums(values):
    total = sum(values)
    return (total, sum(v * v for v in values)), total / len(values)

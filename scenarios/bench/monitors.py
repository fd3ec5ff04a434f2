"""Metric monitors each second, and rules tried on the past, in process over a real store."""
from . import processes
from .figures import Line, median


def measure(_directory, sizes):
    runs = [processes.run(processes.example("metrics"), "watch", str(sizes.monitors), str(sizes.monitor_seconds))
            for _ in range(sizes.rounds)]
    share, late = median([run["cpu_share"] for run in runs]), max(run["p99_seconds"] for run in runs)
    month = processes.run(processes.example("metrics"), "replay", str(sizes.replay_series), str(sizes.replay_days))
    # The promise is of 20 series and 30 days.
    whole = month["seconds"] * 20 * 30 / (sizes.replay_series * sizes.replay_days)
    rules = processes.run(processes.example("metrics"), "rules", str(sizes.replay_rules), "90", "600")
    all_rules = rules["seconds"] * 10_000 / sizes.replay_rules
    return [
        Line(f"{sizes.monitors:,} metric monitors each second", f"{share * 100:.0f} % of a core", "", late, 1, unit="s"),
        Line("30 days of a 1 s rule on 20 series", f"{month['slots'] / month['seconds'] / 1e6:.0f} M points/s", "",
             whole, 2, unit="s"),
        Line("90 days of 10,000 metric rules at 10 min", f"{rules['fired']:,.0f} firings", "", all_rules, 300, unit="s"),
    ]

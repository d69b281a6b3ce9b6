from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from fittool.engines.numerics_monitor import NumericsMonitor


def test_nothing_is_wrong_at_first() -> None:
    monitor = NumericsMonitor()
    assert (monitor.first_bad_step, monitor.last_finite_loss, dict(monitor.faults)) == (None, None, {})


def test_any_thread_may_count() -> None:
    monitor = NumericsMonitor()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(monitor.count, ["overflow", "invalid value"] * 500))
    assert monitor.faults == {"overflow": 500, "invalid value": 500}

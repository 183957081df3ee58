"""The forecast on a real retailer's year, against the seasonal naive one."""

from __future__ import annotations

import csv
import gzip
import os
from collections import defaultdict
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from ai_advice.rules import FORECASTING, demand_levels

FOLDER = os.environ.get("RETAIL_REFERENCE_DIR")
FILE = Path(FOLDER or ".") / "uci_online_retail.csv.gz"
ORIGINS = [
    date(2011, 7, 3),
    date(2011, 8, 7),
    date(2011, 9, 4),
    date(2011, 10, 2),
    date(2011, 11, 6),
]
REVERSAL = timedelta(hours=48)

pytestmark = [
    pytest.mark.req("AI-02"),
    pytest.mark.skipif(
        FOLDER is None or not FILE.exists(),
        reason="set RETAIL_REFERENCE_DIR to the folder that holds uci_online_retail.csv.gz",
    ),
]


def _open_day_demand() -> tuple[np.ndarray, list[date]]:
    """Units per item and open day, without sales reversed in full within 48 hours."""
    sales: list[tuple[str, date, int, tuple[str, str, int], datetime]] = []
    reversals: dict[tuple[str, str, int], list[datetime]] = defaultdict(list)
    open_days: set[date] = set()
    with gzip.open(FILE, "rt", encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            at = datetime.fromisoformat(row["InvoiceDate"])
            open_days.add(at.date())
            code, quantity = row["StockCode"].upper(), int(row["Quantity"])
            if not code[:5].isdigit():
                continue
            key = (row["CustomerID"], code, abs(quantity))
            if row["InvoiceNo"].startswith("C"):
                reversals[key].append(at)
            elif quantity > 0 and float(row["UnitPrice"]) > 0.0:
                sales.append((code, at.date(), quantity, key, at))
    days = sorted(open_days)
    column = {day: index for index, day in enumerate(days)}
    codes = {code: index for index, code in enumerate(sorted({sale[0] for sale in sales}))}
    units = np.zeros((len(codes), len(days)))
    for code, day, quantity, key, at in sales:
        match = next((back for back in reversals[key] if at <= back <= at + REVERSAL), None)
        if key[0] and match is not None:
            reversals[key].remove(match)
            continue
        units[codes[code], column[day]] += quantity
    return units, days


@pytest.fixture(scope="module")
def demand() -> tuple[np.ndarray, np.ndarray, list[date]]:
    """Every third item with 20 active days and a first sale within 60 days; mask; open days."""
    units, days = _open_day_demand()
    first = np.argmax(units > 0, axis=1)
    early = np.array([days[index] < days[0] + timedelta(days=60) for index in first])
    kept = np.flatnonzero(early & (np.count_nonzero(units, axis=1) >= 20))[::3]
    units, first = units[kept], first[kept]
    known = np.arange(len(days))[None, :] >= first[:, None]
    return units, known, days


def test_capped_level_and_profile_beat_the_seasonal_naive_forecast(
    demand: tuple[np.ndarray, np.ndarray, list[date]],
) -> None:
    units, known, days = demand
    weekdays = np.array([day.weekday() for day in days])
    error = naive_error = sold = 0.0

    for origin in ORIGINS:
        end = np.searchsorted(np.array(days), origin, side="right")
        ahead = [i for i, day in enumerate(days) if origin < day <= origin + timedelta(days=14)]
        levels = demand_levels(units[:, :end], known[:, :end], weekdays[:end], settings=FORECASTING)
        actual = units[:, ahead].sum(axis=1)
        latest = {
            weekday: np.flatnonzero(weekdays[:end] == weekday)[-1]
            for weekday in set(weekdays[ahead])
        }
        naive = sum(units[:, latest[weekday]] for weekday in weekdays[ahead])
        error += np.abs(levels.forecast(weekdays[ahead]).sum(axis=1) - actual).sum()
        naive_error += np.abs(naive - actual).sum()
        sold += actual.sum()

    assert len(units) == 731
    assert error / sold < naive_error / sold
    assert error / sold < 0.62

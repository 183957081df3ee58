"""Commands of reconciliation: take in, compare, settle, declare, import, sign."""

from inventory_control.reconciliation.services.comparing import compare, compare_on_schedule
from inventory_control.reconciliation.services.configuring import install_defaults
from inventory_control.reconciliation.services.importing import SnapshotRow, import_snapshot
from inventory_control.reconciliation.services.noticing import take_news
from inventory_control.reconciliation.services.reporting import take_reports
from inventory_control.reconciliation.services.scheduling import COMPARE_TIMER
from inventory_control.reconciliation.services.settling import decide_remedy, log_effort, settle
from inventory_control.reconciliation.services.signing import sign_off
from inventory_control.reconciliation.services.totals import check_totals, declare_total

__all__ = [
    "COMPARE_TIMER",
    "SnapshotRow",
    "check_totals",
    "compare",
    "compare_on_schedule",
    "decide_remedy",
    "declare_total",
    "import_snapshot",
    "install_defaults",
    "log_effort",
    "settle",
    "sign_off",
    "take_news",
    "take_reports",
]

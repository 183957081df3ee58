"""Commands of the audit log: record and advance for everybody; seal and export for the sealer."""

from inventory_control.audit.services.exporting import export_log
from inventory_control.audit.services.recording import advance, advance_all, record, record_all
from inventory_control.audit.services.sealing import public_key, seal

__all__ = ["advance", "advance_all", "export_log", "public_key", "record", "record_all", "seal"]

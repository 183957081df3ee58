"""Commands on master data: rows of the ERP land here, and what sources call them."""

from inventory_control.catalog.services.naming import (
    put_item_identifiers,
    put_node_identifiers,
    put_state_mappings,
    remove_item_identifier,
    remove_node_identifier,
    remove_state_mapping,
)
from inventory_control.catalog.services.rows import InvalidRowError, Row
from inventory_control.catalog.services.syncing import (
    read_changes,
    upsert_channels,
    upsert_item_nodes,
    upsert_items,
    upsert_nodes,
    upsert_promotions,
    upsert_substitutes,
    upsert_suppliers,
)

__all__ = [
    "InvalidRowError",
    "Row",
    "put_item_identifiers",
    "put_node_identifiers",
    "put_state_mappings",
    "read_changes",
    "remove_item_identifier",
    "remove_node_identifier",
    "remove_state_mapping",
    "upsert_channels",
    "upsert_item_nodes",
    "upsert_items",
    "upsert_nodes",
    "upsert_promotions",
    "upsert_substitutes",
    "upsert_suppliers",
]

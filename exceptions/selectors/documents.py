"""What a run of detection reads of documents: late orders and transfers, disputes, damage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from exceptions.values import (
    DisputedLine,
    DisputedReceipt,
    DisputedTransfer,
    Goods,
    LateOrder,
    LateTransfer,
    OutstandingLine,
)
from inventory_control.orders.models import (
    FinancialDocument,
    PurchaseOrder,
    PurchaseOrderLine,
    TransferOrder,
)
from inventory_control.orders.rules import difference_of
from inventory_control.orders.selectors import (
    disputed_lines,
    disputed_transfers,
    documents_in_sight,
    late_purchase_orders,
    late_transfers,
    purchase_orders_by_number,
    undecided_goods,
)


@dataclass(frozen=True, slots=True)
class Papers:
    """The documents of a tenant that need somebody, as they are stored."""

    late_orders: list[PurchaseOrder]
    late_transfers: list[TransferOrder]
    disputed_transfers: list[tuple[TransferOrder, int]]
    lines: list[PurchaseOrderLine]
    undecided: list[FinancialDocument]
    orders: dict[str, PurchaseOrder]

    def item_ids(self) -> set[int]:
        """Every item they are about."""
        return {
            *(line.item_id for order in self.late_orders for line in order.lines.all()),
            *(one.item_id for one in self.late_transfers),
            *(one.item_id for one, _ in self.disputed_transfers),
            *(line.item_id for line in self.lines),
            *(one.item_id for one in self.undecided),
        }


def papers_at(at: datetime) -> Papers:
    """Read them, in a constant number of queries, one when there are none."""
    seen = documents_in_sight(at)
    undecided = undecided_goods() if seen.undecided_goods else []
    return Papers(
        late_orders=late_purchase_orders(at) if seen.late_orders else [],
        late_transfers=late_transfers(at) if seen.late_transfers else [],
        disputed_transfers=disputed_transfers(at) if seen.disputed_transfers else [],
        lines=disputed_lines() if seen.disputed_lines else [],
        undecided=undecided,
        orders=purchase_orders_by_number({one.document for one in undecided}) if undecided else {},
    )


def late_orders_of(papers: Papers, goods: Mapping[int, Goods]) -> Iterable[LateOrder]:
    """Late purchase orders with what they still owe; what a receipt left out is in dispute."""
    for order in papers.late_orders:
        if order.expected_at is None:
            continue
        yield LateOrder(
            number=order.number,
            supplier=_supplier_of(order),
            node_id=order.node_id,
            node=order.node.code,
            expected_at=order.expected_at,
            lines=tuple(
                OutstandingLine(goods[line.item_id], line.outstanding)
                for line in order.lines.all()
                if line.outstanding and not line.is_short
            ),
        )


def late_transfers_of(papers: Papers, goods: Mapping[int, Goods]) -> Iterable[LateTransfer]:
    """Overdue transfers with what they still owe."""
    for one in papers.late_transfers:
        if one.expected_at is not None:
            yield LateTransfer(
                number=one.number,
                goods=goods[one.item_id],
                from_node_id=one.from_node_id,
                from_node=one.from_node.code,
                to_node=one.to_node.code,
                units=one.outstanding,
                expected_at=one.expected_at,
                is_shipped=one.shipped > 0,
            )


def disputed_transfers_of(papers: Papers, goods: Mapping[int, Goods]) -> Iterable[DisputedTransfer]:
    """Transfers whose ends disagree."""
    for one, units in papers.disputed_transfers:
        yield DisputedTransfer(
            number=one.number,
            goods=goods[one.item_id],
            from_node=one.from_node.code,
            to_node_id=one.to_node_id,
            to_node=one.to_node.code,
            shipped=one.shipped,
            received=one.received,
            returned=one.returned,
            written_off=one.written_off,
            units=units,
        )


def disputed_receipts_of(papers: Papers, goods: Mapping[int, Goods]) -> Iterable[DisputedReceipt]:
    """Orders with lines that differ or are damaged, and goods nobody ordered, by document."""
    found: dict[str, DisputedReceipt] = {}
    for line in papers.lines:
        order = line.order
        empty = DisputedReceipt(order.number, _supplier_of(order), order.node_id, order.node.code)
        found[order.number] = found.get(order.number, empty).with_line(_line_of(line, goods))
    for one in papers.undecided:
        number = one.document or one.number
        supplier = _supplier_of(papers.orders.get(number))
        empty = DisputedReceipt(number, supplier, one.node_id, one.node.code)
        found[number] = found.get(number, empty).with_line(_unordered(one, goods))
    return found.values()


def _supplier_of(order: PurchaseOrder | None) -> str:
    return order.supplier.name if order is not None and order.supplier else ""


def _unordered(one: FinancialDocument, goods: Mapping[int, Goods]) -> DisputedLine:
    return DisputedLine(
        goods=goods[one.item_id],
        ordered=0,
        announced=None,
        received=one.quantity,
        units=one.quantity,
        is_ordered=False,
    )


def _line_of(line: PurchaseOrderLine, goods: Mapping[int, Goods]) -> DisputedLine:
    return DisputedLine(
        goods=goods[line.item_id],
        ordered=line.quantity,
        announced=line.announced,
        received=line.received,
        units=difference_of(
            ordered=line.quantity,
            announced=line.announced,
            received=line.received,
            awaits_more=line.awaits_more,
        ),
        inspected=line.inspected,
        damaged=line.damaged,
    )

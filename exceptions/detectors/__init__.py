"""The detectors: one file each, one sort of risk each. Adding one is a file and a line here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from exceptions.detectors.asn_delay import AsnDelay
from exceptions.detectors.cancelled_shipment import CancelledShipment
from exceptions.detectors.channel_disagreement import ChannelDisagreement
from exceptions.detectors.completeness import Completeness
from exceptions.detectors.count_variance import CountVariance
from exceptions.detectors.exposure_hold import ExposureHold
from exceptions.detectors.integration_failure import IntegrationFailure
from exceptions.detectors.negative_stock import NegativeStock
from exceptions.detectors.out_of_stock import OutOfStock
from exceptions.detectors.oversell import Oversell
from exceptions.detectors.oversell_risk import OversellRisk
from exceptions.detectors.phantom_suspected import PhantomSuspected
from exceptions.detectors.position_mismatch import PositionMismatch
from exceptions.detectors.receipt_discrepancy import ReceiptDiscrepancy
from exceptions.detectors.receipt_quality import ReceiptQuality
from exceptions.detectors.source_health import ClockSkew, LowQuality, StaleFeed
from exceptions.detectors.stockout import Stockout
from exceptions.detectors.transfer_delay import TransferDelay
from exceptions.detectors.transfer_discrepancy import TransferDiscrepancy
from exceptions.detectors.unknown_serial import UnknownSerialReturned
from exceptions.detectors.unmapped_identifier import UnmappedIdentifier
from exceptions.values import Finding, Scene
from inventory_control.core.registry import Registry


class Detector(Protocol):
    """Looks at a scene and says which risks of its sort it sees; it opens nothing.

    `key` is the kind of its cases. A detector of documents is asked in every run, because time
    alone can make a document late; one of places only speaks of the places in the scene.
    """

    key: str
    meaning: str
    watches_documents: bool

    def find(self, scene: Scene) -> Iterable[Finding]:
        """The risks in a scene, at most one per risk."""


DETECTORS: Registry[Detector] = Registry(
    "detector",
    Stockout(),
    OutOfStock(),
    NegativeStock(),
    Oversell(),
    CountVariance(),
    CancelledShipment(),
    AsnDelay(),
    TransferDelay(),
    TransferDiscrepancy(),
    ReceiptDiscrepancy(),
    ReceiptQuality(),
    ExposureHold(),
    ChannelDisagreement(),
    PositionMismatch(),
    Completeness(),
    PhantomSuspected(),
    UnknownSerialReturned(),
    StaleFeed(),
    ClockSkew(),
    LowQuality(),
    UnmappedIdentifier(),
    IntegrationFailure(),
    OversellRisk(),
)


REPORT_KINDS = frozenset({PositionMismatch.key, Completeness.key})
"""The kinds that are looked at when reconciliation has news, and not in every run."""


def place_kinds() -> list[str]:
    """The kinds whose absence from a place clears a case there."""
    return [detector.key for detector in DETECTORS if not detector.watches_documents]


def document_kinds(*, with_reports: bool) -> list[str]:
    """The kinds whose absence from the whole tenant clears a case.

    Those that read reconciliation count only in a run that looked there.
    """
    return [
        detector.key
        for detector in DETECTORS
        if detector.watches_documents and (with_reports or detector.key not in REPORT_KINDS)
    ]


def kinds() -> list[str]:
    """Every kind of case there is, for filters."""
    return [detector.key for detector in DETECTORS]


def findings_in(scene: Scene) -> list[Finding]:
    """Everything the detectors see in a scene."""
    return [finding for detector in DETECTORS for finding in detector.find(scene)]


__all__ = [
    "DETECTORS",
    "Detector",
    "document_kinds",
    "findings_in",
    "kinds",
    "place_kinds",
]

"""An entry of the audit log as the timeline fragment takes it."""

from __future__ import annotations

from inventory_control.audit.values import TimelineEntry


def as_shown(
    entry: TimelineEntry, *, title: str, text: str, icon: str = "audit", tone: str = ""
) -> dict[str, object]:
    """One entry of `console/_timeline.html` in the words of whoever shows it, with its proof."""
    return {
        "at": entry.at,
        "title": title,
        "text": text,
        "icon": icon,
        "tone": tone,
        "number": entry.number if entry.number is not None else "",
        "proof_url": f"/audit/{entry.entry_id}/" if entry.is_sealed else None,
        "sealed": entry.is_sealed,
        "head_at": entry.at,
    }

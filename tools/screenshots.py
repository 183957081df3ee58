"""`python tools/screenshots.py --planner ada:… --partner sam:…`: pictures of the console.

Takes the queue, a case, the approvals inbox, an item and the partner's board from a running demo, at
1440 and 390 px, light and dark, into docs/images; of the stock pages `PICTURED` in one look each.
Every stock page is opened at every width and theme. Fails when a page reports an error of its own,
scrolls sideways, or shows a figure whose words are missing on a phone.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

IMAGES = Path(__file__).parents[1] / "docs" / "images"
WIDTHS = {1440: 900, 390: 844}
PICTURED = ("1440-light", "390-dark")
"""The looks in which stock pages are kept, so that the repository stays small."""
COLOURS = 256


@dataclass(frozen=True)
class Place:
    """A stock page: its address, or the first link of that address that the selector finds."""

    name: str
    address: str
    link: str = ""
    is_pictured: bool = False


PLACES = (
    Place("items", "/items/"),
    Place("listing", "/items/", "#item-rows a", is_pictured=True),
    Place("backorders", "/backorders/"),
    Place("backorder", "/backorders/", "#backorder-rows a", is_pictured=True),
    Place("messages", "/notifications/"),
    Place("message", "/notifications/", "#request-rows a", is_pictured=True),
    Place("purchase-orders", "/orders/purchase-orders/"),
    Place("purchase-order", "/orders/purchase-orders/", "[data-rows] a"),
    Place("transfers", "/orders/transfers/"),
    Place("transfer", "/orders/transfers/", "[data-rows] a", is_pictured=True),
    Place("erp-documents", "/orders/erp-documents/"),
    Place("events", "/events/", is_pictured=True),
    Place("event", "/events/", "[data-rows] a"),
    Place("replays", "/events/replays/"),
    Place("legal-holds", "/events/holds/"),
    Place("reconciliation", "/reconciliation/"),
    Place("difference", "/reconciliation/", "[data-rows] a"),
    Place("sources", "/sources/", is_pictured=True),
    Place("source", "/sources/", "[data-rows] a"),
    Place("dead-letters", "/dead-letters/", is_pictured=True),
    Place("dead-work", "/dead-letters/work/"),
    Place("audit", "/audit/"),
)


def main() -> int:
    """Take them all; the exit status is 1 when a page complained."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--address", default="http://127.0.0.1:8000")
    parser.add_argument("--tenant", default="alder.localhost")
    parser.add_argument("--planner", required=True, metavar="NAME:PASSWORD")
    parser.add_argument("--partner", required=True, metavar="NAME:PASSWORD")
    options = parser.parse_args()
    port = urlsplit(options.address).port
    IMAGES.mkdir(parents=True, exist_ok=True)
    faults: list[str] = []
    with sync_playwright() as playwright:
        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--host-resolver-rules=MAP *.localhost 127.0.0.1"]
        )
        for width, height in WIDTHS.items():
            for theme in ("light", "dark"):
                _take(browser, options, port, (width, height), theme, faults)
        browser.close()
    for fault in faults:
        sys.stderr.write(fault + "\n")
    return 1 if faults else 0


def _take(
    browser: Browser,
    options: argparse.Namespace,
    port: int | None,
    size: tuple[int, int],
    theme: str,
    faults: list[str],
) -> None:
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme=theme,  # type: ignore[arg-type]
    )
    page = context.new_page()
    page.on("pageerror", lambda error: faults.append(f"{page.url}: {error}"))
    page.on(
        "console",
        lambda said: faults.append(f"{page.url}: {said.text}") if said.type == "error" else None,
    )
    tenant, partner = f"http://{options.tenant}:{port}", f"http://partner.localhost:{port}"
    _sign_in(page, tenant, options.planner)
    name = f"{size[0]}-{theme}.png"
    _shoot(page, f"{tenant}/exceptions/", IMAGES / f"queue-{name}", faults)
    page.goto(f"{tenant}/approvals/")
    first = page.locator("#inbox-list a").first.get_attribute("href")
    _shoot(page, f"{tenant}{first}", IMAGES / f"approvals-{name}", faults)
    case = page.locator("#chosen a[href^='/exceptions/']").first.get_attribute("href")
    _shoot(page, f"{tenant}{case}", IMAGES / f"case-{name}", faults)
    page.goto(f"{tenant}/items/")
    item = page.locator("#item-rows a").first.get_attribute("href")
    _shoot(page, f"{tenant}{item}", IMAGES / f"item-{name}", faults)
    _tour(page, tenant, f"{size[0]}-{theme}", faults)
    _sign_in(page, partner, options.partner)
    _shoot(page, f"{partner}/", IMAGES / f"partner-{name}", faults)
    context.close()


def _tour(page: Page, tenant: str, look: str, faults: list[str]) -> None:
    """Open every stock page; a list without rows has no page of one to open."""
    for place in PLACES:
        address: str | None = place.address
        if place.link:
            page.goto(f"{tenant}{place.address}")
            found = page.locator(place.link)
            address = found.first.get_attribute("href") if found.count() else None
        if place.name == "listing" and address:
            page.goto(f"{tenant}{address}")
            address = page.locator("a[href*='/channels/']").first.get_attribute("href")
        if address:
            is_kept = place.is_pictured and look in PICTURED
            target = IMAGES / f"{place.name}-{look}.png" if is_kept else None
            _shoot(page, f"{tenant}{address}", target, faults)


def _sign_in(page: Page, address: str, person: str) -> None:
    name, _, password = person.partition(":")
    page.goto(f"{address}/login/")
    page.fill("input[name=username]", name)
    page.fill("input[name=password]", password)
    page.click("button[type=submit]")
    page.wait_for_load_state()


def _shoot(page: Page, address: str, target: Path | None, faults: list[str]) -> None:
    answer = page.goto(address)
    if answer is None or answer.status != 200:
        faults.append(f"{address} answered {answer.status if answer else 'nothing'}")
    overflow = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    if overflow > 0:
        faults.append(f"{address} scrolls sideways by {overflow} px at {page.viewport_size}")
    bare = page.locator(
        "table.cards:not(.q) tbody td:not(:first-child, [data-l], [colspan], .w-lg)"
    ).count()
    if bare:
        faults.append(f"{address} has {bare} cells without words on a phone")
    if target is not None:
        page.screenshot(path=str(target))
        _shrink(target)


def _shrink(target: Path) -> None:
    """Keep as many colours as a page of text needs."""
    with Image.open(target) as picture:
        small = picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    small.save(target, optimize=True)


if __name__ == "__main__":
    sys.exit(main())

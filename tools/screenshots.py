"""`python tools/screenshots.py --planner ada:… --partner sam:…`: pictures of the console.

Takes the queue, a case, the approvals inbox, an item and the partner's board from a running demo, at
1440 and 390 px, light and dark, into docs/images. Fails when a page reports an error of its own.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, sync_playwright

IMAGES = Path(__file__).parents[1] / "docs" / "images"
WIDTHS = {1440: 900, 390: 844}


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
    _sign_in(page, partner, options.partner)
    _shoot(page, f"{partner}/", IMAGES / f"partner-{name}", faults)
    context.close()


def _sign_in(page: Page, address: str, person: str) -> None:
    name, _, password = person.partition(":")
    page.goto(f"{address}/login/")
    page.fill("input[name=username]", name)
    page.fill("input[name=password]", password)
    page.click("button[type=submit]")
    page.wait_for_load_state()


def _shoot(page: Page, address: str, target: Path, faults: list[str]) -> None:
    answer = page.goto(address)
    if answer is None or answer.status != 200:
        faults.append(f"{address} answered {answer.status if answer else 'nothing'}")
    overflow = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    if overflow > 0:
        faults.append(f"{address} scrolls sideways by {overflow} px at {page.viewport_size}")
    page.screenshot(path=str(target))


if __name__ == "__main__":
    sys.exit(main())

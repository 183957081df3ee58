"""A brand comes from one seed colour and can be read on every page, whatever the seed."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from tenants.rules import (
    DARK,
    LIGHT,
    BrandRefusedError,
    BrandRoles,
    Colour,
    Pair,
    Scheme,
    brand_sheet,
    derive_brand,
    measure_brand,
    refuse_unreadable,
)

TOKENS = Path(__file__).resolve().parents[3] / "static" / "css" / "tokens.css"
PAIR_OF_COLOURS = re.compile(r"--([a-z0-9-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);")
SURFACES = ("surface", "ground", "raised", "sunken", "hover")
INKS = ("ink", "ink-2", "ink-3", "crit", "high", "med", "ok")

BARS = {
    ("accent on any surface", "light"): 4.5,
    ("accent on any surface", "dark"): 6.0,
    ("accent on wash", "light"): 4.5,
    ("accent on wash", "dark"): 4.5,
    ("text on fill", "light"): 4.5,
    ("text on fill", "dark"): 4.5,
    ("every ink on wash", "light"): 4.5,
    ("every ink on wash", "dark"): 4.5,
    ("accent with more contrast", "light"): 7.0,
    ("accent with more contrast", "dark"): 7.0,
}

# Nine steps a channel, with both ends: 729 seeds.
STEPS = (0, 32, 64, 96, 128, 160, 192, 224, 255)

HOSTILE = (
    "url(https://evil.example/x)",
    "#0b5c78; } body { background: url(//evil.example) } :root {",
    "</style><script>alert(1)</script>",
    "expression(alert(1))",
    "javascript:alert(1)",
    "var(--crit)",
    "#fff",
    "#0b5c78ff",
    "0b5c78",
    "#0b5c7g",
    "# 0b5c7",
    "#0b5c78\n",
    " #0b5c78",
    "#0B5C7\N{FULLWIDTH DIGIT EIGHT}",
    "\\23 0b5c78",
    "red",
    "",
)


@pytest.mark.req("TEN-03")
def test_a_brand_derived_from_a_known_seed_has_these_five_roles() -> None:
    roles = derive_brand("#7a2f63")

    assert roles == BrandRoles(
        accent=Pair("#7a2f63", "#d187ba"),
        accent_strong=Pair("#7a2f63", "#d695c2"),
        fill=Pair("#7a2f63", "#a23f84"),
        on_accent=Pair("#ffffff", "#ffffff"),
        wash=Pair("#f2eaef", "#2d1e2d"),
    )


@pytest.mark.req("TEN-03")
def test_the_sheet_holds_five_tokens_and_nothing_else() -> None:
    sheet = brand_sheet(derive_brand("#7A2F63"))

    assert sheet == (
        ":root {\n"
        "  --accent: light-dark(#7a2f63, #d187ba);\n"
        "  --accent-strong: light-dark(#7a2f63, #d695c2);\n"
        "  --fill: light-dark(#7a2f63, #a23f84);\n"
        "  --on-accent: light-dark(#ffffff, #ffffff);\n"
        "  --wash: light-dark(#f2eaef, #2d1e2d);\n"
        "}\n"
    )


@pytest.mark.req("TEN-03")
def test_every_seed_reaches_every_bar() -> None:
    seeds = [Colour(r, g, b).hex for r in STEPS for g in STEPS for b in STEPS]

    below = [
        (seed, role, theme, ratio)
        for seed in seeds
        for role, theme, ratio, _ in measure_brand(derive_brand(seed))
        if ratio < BARS[role, theme]
    ]

    assert len(seeds) == 729
    assert below == []


@pytest.mark.req("TEN-03")
def test_each_role_is_measured_against_its_bar_in_both_themes() -> None:
    measured = measure_brand(derive_brand("#0b5c78"))

    assert {(role, theme): bar for role, theme, _, bar in measured} == BARS


@pytest.mark.req("TEN-03")
def test_a_brand_with_one_unreadable_role_is_refused_with_its_figures() -> None:
    roles = replace(derive_brand("#0b5c78"), on_accent=Pair("#0b5c78", "#ffffff"))

    with pytest.raises(BrandRefusedError) as refusal:
        refuse_unreadable(roles)

    assert refusal.value.detail == (
        "text on fill in the light theme reaches a contrast of 1.00, 4.5 is needed."
        " Choose another colour."
    )


@pytest.mark.req("TEN-03")
@pytest.mark.parametrize(
    ("seed", "text"),
    [("#0b5c78", "#ffffff"), ("#ffd000", "#15191d"), ("#000000", "#ffffff")],
    ids=["middle", "bright", "black"],
)
def test_a_readable_seed_stays_the_colour_of_the_button(seed: str, text: str) -> None:
    roles = derive_brand(seed)

    assert (roles.fill.light, roles.on_accent.light) == (seed, text)


@pytest.mark.req("TEN-03")
def test_a_black_brand_still_shows_its_button_on_a_dark_page() -> None:
    fill = Colour.parse(derive_brand("#000000").fill.dark)

    assert fill.contrast(DARK.surface) >= 3.0


@pytest.mark.req("TEN-03")
@pytest.mark.parametrize("seed", HOSTILE)
def test_anything_but_one_hexadecimal_colour_is_refused(seed: str) -> None:
    with pytest.raises(BrandRefusedError) as refusal:
        derive_brand(seed)

    assert refusal.value.field == "seed"
    assert refusal.value.detail == (
        "The seed must be one colour written as # and six hexadecimal digits, for example #0b5c78."
    )


@pytest.mark.req("TEN-03")
@pytest.mark.parametrize("value", HOSTILE)
def test_a_stored_brand_that_was_tampered_with_never_becomes_a_sheet(value: str) -> None:
    roles = replace(derive_brand("#0b5c78"), wash=Pair("#e7eff2", value))

    with pytest.raises(BrandRefusedError) as refusal:
        brand_sheet(roles)

    assert refusal.value.field == "wash"


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [("#000000", "#ffffff", 21.0), ("#777777", "#ffffff", 4.48), ("#ffffff", "#ffffff", 1.0)],
)
def test_contrast_is_the_ratio_of_wcag(one: str, other: str, ratio: float) -> None:
    assert round(Colour.parse(one).contrast(Colour.parse(other)), 2) == ratio
    assert Colour.parse(other).contrast(Colour.parse(one)) == Colour.parse(one).contrast(
        Colour.parse(other)
    )


@pytest.mark.parametrize(("scheme", "which"), [(LIGHT, 0), (DARK, 1)], ids=["light", "dark"])
def test_brands_are_measured_against_the_colours_pages_really_have(
    scheme: Scheme, which: int
) -> None:
    plain, strong = (_tokens(selector) for selector in (":root {", '[data-contrast="more"]'))

    assert [colour.hex for colour in scheme.surfaces] == [plain[name][which] for name in SURFACES]
    assert [colour.hex for colour in scheme.inks] == [plain[name][which] for name in INKS]
    assert [colour.hex for colour in scheme.strong_surfaces] == [
        strong[name][which] for name in SURFACES
    ]


def _tokens(selector: str) -> dict[str, tuple[str, str]]:
    sheet = TOKENS.read_text(encoding="utf-8")
    block = sheet[sheet.index(f"\n{selector}") :]
    found = PAIR_OF_COLOURS.findall(block[: block.index("\n}")])
    return {name: (light, dark) for name, light, dark in found}

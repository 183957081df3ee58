"""How a brand is derived from one seed colour and how a domain is written: pure, no database.

Longer than other modules because colour, scheme, brand and measurement only make sense together.
"""

from __future__ import annotations

import colorsys
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from functools import cached_property
from typing import NamedTuple

import idna

from inventory_control.core.errors import Refused

TEXT_BAR = 4.5
"""WCAG 2.2 AA for text: every ink on every background it may sit on."""
DARK_ACCENT_BAR = 6.0
"""Own bar for the accent on dark pages, where thin coloured text looks weaker than it measures."""
STRONG_BAR = 7.0
"""WCAG 2.2 AAA, for readers who asked for more contrast."""
SHAPE_BAR = 3.0
"""WCAG 2.2 AA for shapes: a filled button against its page."""

_MARGIN = 0.05
"""Head-room over a bar, so that rounding in a browser cannot fall below it."""
_LIGHT_WASH, _DARK_WASH = 0.10, 0.24
"""Share of the seed in the selection wash."""
_DARK_SATURATION = 0.58
"""Upper limit of saturation for an accent on a dark page; more of it glares."""
_STEPS = 400
_COLOUR = re.compile(r"#[0-9a-f]{6}", re.ASCII | re.IGNORECASE)


class BrandRefusedError(Refused, ValueError):
    """This colour cannot become a brand. Give one colour as # and six hexadecimal digits."""

    code = "brand_refused"


class DomainNameRefusedError(Refused, ValueError):
    """This is not a domain name. Give a host name such as stock.example.com, nothing else."""

    code = "domain_name_refused"


# ---- colour --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Colour:
    """An opaque sRGB colour, eight bits a channel."""

    red: int
    green: int
    blue: int

    @classmethod
    def parse(cls, text: object, *, field: str = "seed") -> Colour:
        """Read `#rrggbb`; anything else raises `BrandRefusedError`, so no other text gets further.

        The refused text is not repeated in the message: it may be hostile.
        """
        if not isinstance(text, str) or _COLOUR.fullmatch(text) is None:
            raise BrandRefusedError(
                f"The {field} must be one colour written as # and six hexadecimal digits,"
                " for example #0b5c78.",
                field=field,
            )
        return cls(*(int(text[start : start + 2], 16) for start in (1, 3, 5)))

    @classmethod
    def from_hls(cls, hue: float, lightness: float, saturation: float) -> Colour:
        """The nearest eight-bit colour; all three arguments run from 0 to 1."""
        channels = colorsys.hls_to_rgb(hue, lightness, saturation)
        return cls(*(round(channel * 255) for channel in channels))

    @property
    def hex(self) -> str:
        """The colour as `#rrggbb`, lower case."""
        return f"#{self.red:02x}{self.green:02x}{self.blue:02x}"

    @property
    def hls(self) -> tuple[float, float, float]:
        """Hue, lightness, saturation, each from 0 to 1."""
        return colorsys.rgb_to_hls(self.red / 255, self.green / 255, self.blue / 255)

    @cached_property
    def luminance(self) -> float:
        """Relative luminance as WCAG 2.x defines it, from 0 (black) to 1 (white)."""
        red, green, blue = (
            share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4
            for share in (self.red / 255, self.green / 255, self.blue / 255)
        )
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    def contrast(self, other: Colour) -> float:
        """The WCAG 2.x contrast ratio, from 1 (same) to 21 (black on white)."""
        low, high = sorted((self.luminance, other.luminance))
        return (high + 0.05) / (low + 0.05)

    def over(self, ground: Colour, share: float) -> Colour:
        """This colour laid over `ground` with the opacity `share`, 0 to 1."""
        return Colour(
            round(self.red * share + ground.red * (1 - share)),
            round(self.green * share + ground.green * (1 - share)),
            round(self.blue * share + ground.blue * (1 - share)),
        )


def _colours(*texts: str) -> tuple[Colour, ...]:
    return tuple(Colour.parse(text) for text in texts)


@dataclass(frozen=True)
class Scheme:
    """The fixed colours of one theme that a brand must get along with (`static/css/tokens.css`)."""

    name: str
    surfaces: tuple[Colour, ...]
    """surface, ground, raised, sunken, hover: what an accent may sit on."""
    strong_surfaces: tuple[Colour, ...]
    """The same five with more contrast."""
    inks: tuple[Colour, ...]
    """ink, ink-2, ink-3, crit, high, med, ok: what may sit on the wash."""
    accent_bar: float

    @property
    def surface(self) -> Colour:
        """The page itself."""
        return self.surfaces[0]


LIGHT = Scheme(
    name="light",
    surfaces=_colours("#ffffff", "#f3f4f5", "#ffffff", "#eceef0", "#f5f6f7"),
    strong_surfaces=_colours("#ffffff", "#ffffff", "#ffffff", "#f2f2f2", "#ececec"),
    inks=_colours("#15191d", "#454e57", "#5f6973", "#b01b2e", "#9a4700", "#725600", "#17693a"),
    accent_bar=TEXT_BAR,
)
DARK = Scheme(
    name="dark",
    surfaces=_colours("#15191c", "#0e1113", "#1d2226", "#0a0c0e", "#1b2024"),
    strong_surfaces=_colours("#000000", "#000000", "#000000", "#141414", "#1f1f1f"),
    inks=_colours("#e8ebee", "#b3bcc4", "#929da7", "#ff9a95", "#ffb374", "#e3c252", "#7fd49b"),
    accent_bar=DARK_ACCENT_BAR,
)
WHITE, INK = _colours("#ffffff", "#15191d")
"""The two colours text on a filled button may have."""


# ---- brand ---------------------------------------------------------------------------------------


class Pair(NamedTuple):
    """One role in both themes, each as `#rrggbb`."""

    light: str
    dark: str


@dataclass(frozen=True, slots=True)
class BrandRoles:
    """The five tokens a tenant's sheet sets; everything else of the look is the product's."""

    accent: Pair
    """Links, focus, the mark of a selected row."""
    accent_strong: Pair
    """The accent for readers who asked for more contrast."""
    fill: Pair
    """The filled button; the seed itself wherever text can be read on it."""
    on_accent: Pair
    """Text on the fill."""
    wash: Pair
    """Behind a selection."""


class Measured(NamedTuple):
    """The lowest contrast of one role in one theme, beside the bar it must reach."""

    role: str
    theme: str
    ratio: float
    bar: float


def derive_brand(seed: str) -> BrandRoles:
    """The five roles of a tenant's brand from its one seed colour.

    Hue stays the seed's; lightness moves only as far as the contrast bars demand. The rules are
    those of the console's visual language, section "Brand". Raises `BrandRefusedError` when the
    text is not one `#rrggbb` colour, or when a pair stays below its bar.
    """
    colour = Colour.parse(seed)
    light, dark = _roles_in(colour, LIGHT), _roles_in(colour, DARK)
    roles = BrandRoles(*(Pair(one.hex, other.hex) for one, other in zip(light, dark, strict=True)))
    refuse_unreadable(roles)
    return roles


def refuse_unreadable(roles: BrandRoles) -> None:
    """Raise `BrandRefusedError`, with the figures, when a role of a brand is below its bar."""
    for measured in measure_brand(roles):
        if measured.ratio < measured.bar:
            raise BrandRefusedError(
                f"{measured.role} in the {measured.theme} theme reaches a contrast of"
                f" {measured.ratio:.2f}, {measured.bar} is needed. Choose another colour.",
                field="seed",
            )


def measure_brand(roles: BrandRoles) -> tuple[Measured, ...]:
    """Every guaranteed contrast of a brand, lowest value of each role, for both themes."""
    return (*_measured(roles, LIGHT), *_measured(roles, DARK))


def brand_sheet(roles: BrandRoles) -> str:
    """The stylesheet of a brand: five custom properties, nothing else.

    It is loaded after the tokens and before the console's sheets. Each value is read again as a
    colour, so that a stored brand that somebody tampered with raises `BrandRefusedError`.
    """
    lines = []
    for role in fields(roles):
        pair: Pair = getattr(roles, role.name)
        light, dark = (Colour.parse(value, field=role.name).hex for value in pair)
        lines.append(f"  --{role.name.replace('_', '-')}: light-dark({light}, {dark});\n")
    return ":root {\n" + "".join(lines) + "}\n"


def _roles_in(seed: Colour, scheme: Scheme) -> tuple[Colour, Colour, Colour, Colour, Colour]:
    """accent, accent-strong, fill, on-accent, wash for one theme."""
    is_dark = scheme is DARK
    wash = _nearest(
        seed.over(scheme.surface, _DARK_WASH if is_dark else _LIGHT_WASH),
        lambda found: _lowest(found, scheme.inks) >= TEXT_BAR + _MARGIN,
    )
    ink = _calmed(seed) if is_dark else seed
    accent = _nearest(
        ink,
        lambda found: (
            _lowest(found, scheme.surfaces) >= scheme.accent_bar + (0 if is_dark else _MARGIN)
            and found.contrast(wash) >= TEXT_BAR
        ),
    )
    strong = _nearest(ink, lambda found: _lowest(found, scheme.strong_surfaces) >= STRONG_BAR)
    fill = _nearest(seed, lambda found: _best_text(found)[1] >= TEXT_BAR + _MARGIN)
    if is_dark and fill.contrast(scheme.surface) < SHAPE_BAR:
        fill = _nearest(
            fill,
            lambda found: (
                found.contrast(scheme.surface) >= SHAPE_BAR
                and _best_text(found)[1] >= TEXT_BAR + _MARGIN
            ),
        )
    return accent, strong, fill, _best_text(fill)[0], wash


def _measured(roles: BrandRoles, scheme: Scheme) -> Iterator[Measured]:
    which = 0 if scheme is LIGHT else 1
    accent, strong, fill, on_accent, wash = (
        Colour.parse(getattr(roles, role.name)[which], field=role.name) for role in fields(roles)
    )
    for role, ratio, bar in (
        ("accent on any surface", _lowest(accent, scheme.surfaces), scheme.accent_bar),
        ("accent on wash", accent.contrast(wash), TEXT_BAR),
        ("text on fill", on_accent.contrast(fill), TEXT_BAR),
        ("every ink on wash", _lowest(wash, scheme.inks), TEXT_BAR),
        ("accent with more contrast", _lowest(strong, scheme.strong_surfaces), STRONG_BAR),
    ):
        yield Measured(role, scheme.name, ratio, bar)


def _lowest(colour: Colour, others: tuple[Colour, ...]) -> float:
    return min(colour.contrast(other) for other in others)


def _best_text(fill: Colour) -> tuple[Colour, float]:
    """White or ink, whichever reads better on `fill`, with its contrast."""
    return max(((text, text.contrast(fill)) for text in (WHITE, INK)), key=lambda pair: pair[1])


def _calmed(colour: Colour) -> Colour:
    hue, lightness, saturation = colour.hls
    return Colour.from_hls(hue, lightness, min(saturation, _DARK_SATURATION))


def _nearest(start: Colour, is_good: Callable[[Colour], bool]) -> Colour:
    """The colour of the same hue and saturation, nearest in lightness, that `is_good`."""
    if is_good(start):
        return start
    hue, lightness, saturation = start.hls
    for step in range(1, _STEPS + 1):
        for moved in (lightness - step / _STEPS, lightness + step / _STEPS):
            if 0 <= moved <= 1 and is_good(found := Colour.from_hls(hue, moved, saturation)):
                return found
    raise BrandRefusedError(
        "No lightness of this hue can be read on every background. Choose another colour.",
        field="seed",
    )


# ---- domain names --------------------------------------------------------------------------------

_PORT = re.compile(r"[0-9]{1,5}", re.ASCII)
_NUMBER_LABEL = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)


def normalise_domain(text: str) -> str:
    """The one spelling of a host name under which it is stored, compared and looked up.

    Lower case, IDNA 2008 ASCII form (UTS 46 mapping, as browsers do), without port, without the
    final dot, without surrounding blanks. Raises `DomainNameRefusedError` for anything that is not
    a host name: underscores, IP addresses in any notation a browser accepts, paths, inner blanks.
    """
    host = _without_port(text.strip())
    if "_" in host:
        raise _refused("A domain cannot contain an underscore; use a hyphen instead.")
    try:
        name = idna.encode(host, uts46=True, std3_rules=True).decode("ascii").removesuffix(".")
    except idna.IDNAError as error:
        raise _refused(
            "Give a host name such as stock.example.com: letters, digits and hyphens between"
            " dots, no part longer than 63 characters, without blanks, path or scheme."
        ) from error
    if _NUMBER_LABEL.fullmatch(name.rpartition(".")[2]):
        raise _refused("An IP address is not a domain. Give a host name such as stock.example.com.")
    return name


def _without_port(host: str) -> str:
    if host.startswith("[") or host.count(":") > 1:
        raise _refused("An IP address is not a domain. Give a host name such as stock.example.com.")
    name, colon, port = host.partition(":")
    if colon and _PORT.fullmatch(port) is None:
        raise _refused("After the colon only a port number may stand; leave it out.")
    return name


def _refused(detail: str) -> DomainNameRefusedError:
    return DomainNameRefusedError(detail, field="domain")

"""Contrast and colour-vision check for tokens.css. Exit status 1 when a rule is broken.

Usage: python check_tokens.py [path/to/tokens.css]
Rules: text pairs >= 4.5, non-text pairs >= 3.0 (WCAG 2.1 AA); the five signal fills and the six
chart series keep a minimum OKLab distance of 10 under normal, protan, deutan and tritan vision.
"""

import itertools
import pathlib
import re
import sys

MATRICES = {  # full-strength dichromacy, linear RGB
    "normal": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "protan": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deutan": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritan": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
STATES = [
    "idle",
    "queued",
    "running",
    "waiting",
    "succeeded",
    "failed",
    "stale",
    "paused",
    "archived",
    "cancelled",
]
SIGNALS = ["running", "waiting", "succeeded", "failed", "stale"]
SERIES = ["c1", "c2", "c3", "c4", "c5", "c6"]


def linear(hex_colour):
    parts = [int(hex_colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]


def contrast(a, b):
    def lum(h):
        r, g, bl = linear(h)
        return 0.2126 * r + 0.7152 * g + 0.0722 * bl

    hi, lo = sorted((lum(a), lum(b)), reverse=True)
    return (hi + 0.05) / (lo + 0.05)


def oklab(hex_colour, vision):
    v, m = linear(hex_colour), MATRICES[vision]
    r, g, b = [max(0.0, min(1.0, sum(m[i][j] * v[j] for j in range(3)))) for i in range(3)]
    l_ = (0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b) ** (1 / 3)
    m_ = (0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b) ** (1 / 3)
    s = (0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b) ** (1 / 3)
    return (
        0.2104542553 * l_ + 0.7936177850 * m_ - 0.0040720468 * s,
        1.9779984951 * l_ - 2.4285922050 * m_ + 0.4505937099 * s,
        0.0259040371 * l_ + 0.7827717662 * m_ - 0.8086757660 * s,
    )


def distance(a, b, vision):
    return 100 * sum((p - q) ** 2 for p, q in zip(oklab(a, vision), oklab(b, vision), strict=True)) ** 0.5


def pairs():  # noqa: C901 - a table
    for text in ("fg", "fg-2", "fg-3", "accent-text"):
        for ground in ("bg", "surface", "surface-2", "surface-3", "overlay", "code"):
            yield text, ground, 4.5
    yield from (
        ("primary-fg", "primary", 4.5),
        ("accent-fg", "accent", 4.5),
        ("danger-fg", "danger", 4.5),
        ("accent-text", "accent-soft", 4.5),
        ("fg", "accent-soft", 4.5),
        ("fg-2", "accent-soft", 4.5),
    )
    for ground in ("bg", "surface", "surface-2", "surface-3"):
        yield "focus", ground, 3.0
    for ground in ("bg", "surface", "surface-2"):
        yield "border-strong", ground, 3.0
    for s in STATES:
        for ground in ("bg", "surface", "surface-2", f"st-{s}-soft"):
            yield f"st-{s}", ground, 4.5
        for ground in ("bg", "surface", "surface-2"):
            yield f"st-{s}-fill", ground, 3.0
        yield "st-glyph-ink", f"st-{s}-fill", 3.0
        yield "fg", f"st-{s}-soft", 4.5
        yield "fg-2", f"st-{s}-soft", 4.5
    for d in ("add", "del"):
        for text, ground in (
            ("fg", "bg"),
            (f"{d}-fg", "bg"),
            ("fg", "strong"),
            ("fg-2", "bg"),
            ("fg-3", "bg"),
        ):
            yield text, f"{d}-{ground}", 4.5
    for c in SERIES:
        yield c, "surface", 3.0


def main():
    path = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).with_name("tokens.css")
    css, broken, checked = path.read_text(), [], 0
    for theme in ("light", "dark"):
        block = re.search(rf'\[data-theme="{theme}"\]\s*\{{(.*?)\n\}}', css, re.DOTALL).group(1)
        t = dict(re.findall(r"--([\w-]+):\s*(#[0-9A-Fa-f]{6})", block))
        for a, b, least in pairs():
            checked += 1
            value = contrast(t[a], t[b])
            if value < least:
                broken.append(f"{theme}: {a} on {b} is {value:.2f}, needs {least}")
        for vision in MATRICES:
            for names in ([f"st-{s}-fill" for s in SIGNALS], SERIES):
                for a, b in itertools.combinations(names, 2):
                    checked += 1
                    value = distance(t[a], t[b], vision)
                    if value < 10:
                        broken.append(f"{theme}/{vision}: {a} and {b} are {value:.1f} apart, needs 10")
    print(f"{checked} pairs checked, {len(broken)} broken")
    print("\n".join(broken))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())

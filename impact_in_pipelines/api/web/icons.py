"""Small pictures as inline SVG, in the colour of the text beside them. Decoration: words say the same."""

from markupsafe import Markup

_STROKE = (
    '<svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false" '
    'fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round" '
    'stroke-linejoin="round">'
)
_PATHS = {
    "check": '<circle cx="8" cy="8" r="6.2"/><path d="m5.2 8.2 2 2 3.6-4.2"/>',
    "warning": '<path d="M8 2.2 14.4 13.4H1.6Z"/><path d="M8 6.4v3.2M8 11.6v.1"/>',
    "breach": '<path d="M5.4 1.8h5.2l3.6 3.6v5.2l-3.6 3.6H5.4l-3.6-3.6V5.4Z"/><path d="M8 4.8v3.8M8 11v.1"/>',
    "cross": '<circle cx="8" cy="8" r="6.2"/><path d="m5.8 5.8 4.4 4.4m0-4.4-4.4 4.4"/>',
    "clock": '<circle cx="8" cy="8" r="6.2"/><path d="M8 4.6V8l2.2 1.6"/>',
    "send": '<path d="M2 8h10M8.4 4.2 12.2 8l-3.8 3.8"/>',
    "retry": '<path d="M13.4 8a5.4 5.4 0 1 1-1.7-3.9"/><path d="M13.6 1.8v2.8h-2.8"/>',
    "skip": '<circle cx="8" cy="8" r="6.2"/><path d="M5 8h6"/>',
    "missed": '<circle cx="8" cy="8" r="6.2" stroke-dasharray="2.4 2.2"/><path d="M8 5v3.6M8 11v.1"/>',
    "cancel": '<circle cx="8" cy="8" r="6.2"/><path d="m3.8 12.2 8.4-8.4"/>',
    "chevron": '<path d="m5.8 3.6 4.6 4.4-4.6 4.4"/>',
    "pause": '<path d="M5.6 3.4v9.2M10.4 3.4v9.2"/>',
    "play": '<path d="M5 3.2 12.4 8 5 12.8Z"/>',
    "plus": '<path d="M8 3v10M3 8h10"/>',
    "close": '<path d="m4 4 8 8m0-8-8 8"/>',
    "edit": '<path d="m10.6 2.8 2.6 2.6L5.4 13.2l-3.2.6.6-3.2Z"/>',
    "download": '<path d="M8 2.4v7.4M4.8 6.8 8 10l3.2-3.2M2.8 13.4h10.4"/>',
    "copy": '<rect x="5.4" y="5.4" width="8" height="8" rx="1.4"/><path d="M3.4 10.6h-.8V2.6h8v.8"/>',
    "external": '<path d="M9.4 2.6h4v4M13.2 2.8 7.4 8.6M11.6 9.4v3.8H2.8V4.4h3.8"/>',
    "user": '<circle cx="8" cy="5.4" r="2.8"/><path d="M2.8 13.6c.6-2.8 2.6-4.2 5.2-4.2s4.6 1.4 5.2 4.2"/>',
    "globe": '<circle cx="8" cy="8" r="6.2"/><path d="M1.8 8h12.4M8 1.8c2 2 2.8 4 2.8 6.2S10 12.2 8 14.2'
    'C6 12.2 5.2 10.2 5.2 8S6 3.8 8 1.8Z"/>',
    "inbox": '<path d="M2 9.2 4 3h8l2 6.2v3.6H2ZM2 9.2h3.4l1 1.8h3.2l1-1.8H14"/>',
    "calendar": '<rect x="2" y="3.2" width="12" height="10.6" rx="1.6"/><path d="M2 6.6h12M5.2 1.8v2.6'
    'M10.8 1.8v2.6"/>',
}


def icon(name: str) -> Markup:
    """The icon of this name. Raises `KeyError`."""
    return Markup(f"{_STROKE}{_PATHS[name]}</svg>")  # noqa: S704

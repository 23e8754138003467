"""A release dates the changelog and links what changed since the one before."""

from tools.release import dated

BEFORE = """# Changelog

## [Unreleased]

### Added
- A thing.

[Unreleased]: ../../commits/HEAD
"""


def test_the_first_release_links_its_tag() -> None:
    """There is nothing to compare the first one with."""
    text = dated(BEFORE, "0.2.0", None, "2026-11-26")
    assert "## [Unreleased]\n\n## [0.2.0] - 2026-11-26\n\n### Added" in text
    assert "[Unreleased]: ../../compare/v0.2.0...HEAD\n" in text
    assert "[0.2.0]: ../../releases/tag/v0.2.0\n" in text


def test_a_later_release_links_the_difference() -> None:
    """Whoever upgrades asks what is new since the version they have."""
    text = dated(dated(BEFORE, "0.2.0", None, "2026-11-26"), "0.3.0", "0.2.0", "2027-01-02")
    assert "[0.3.0]: ../../compare/v0.2.0...v0.3.0\n" in text
    assert "[0.2.0]: ../../releases/tag/v0.2.0\n" in text
    assert text.count("[Unreleased]:") == 1

"""An empty company is led to its first delivery; files of events are checked before they are imported."""

from pathlib import Path

from playwright.sync_api import expect

from impact_in_pipelines.impact.csv_dialect import HEADER

from .conftest import Visit
from .serving import VIEWER, Stage

PHONE = {"viewport": {"width": 360, "height": 760}}


def _file(folder: Path, slug: str) -> Path:
    path = folder / "march.csv"
    rows = (
        f"e1,{slug},2026-03-09T10:00:00Z,session,p1,v1,1.5,,",
        f"e2,{slug},2026-03-09T10:00,session,p2,,2,,",
    )
    path.write_text("\r\n".join([",".join(HEADER), *rows, ""]))
    return path


def test_a_new_company_is_led_from_connection_to_delivery(
    own_stage: Stage, visit: Visit, tmp_path: Path
) -> None:
    """No green *Healthy* where nothing has happened; each step leads to its page; what is rejected is shown
    with the rule before anything is imported."""
    company = own_stage.world.runtime.companies.add("fresh", name="Fresh AS")
    visitor = visit(own_stage, roles=None)
    visitor.sign_in(companies=[company.id])
    page = visitor.page
    page.goto(f"{own_stage.url}/en/cockpit/{company.id}/deliveries")
    expect(page.locator(".status-word")).to_contain_text("Nothing yet")
    steps = page.get_by_role("region", name="First steps")
    expect(steps.get_by_role("listitem")).to_have_count(4)
    assert visitor.faults() == []
    steps.get_by_role("link", name="Bring your data in").click()
    page.get_by_label("File").set_input_files(_file(tmp_path, "fresh"))
    assert visitor.faults() == []
    page.get_by_role("button", name="Check the file").click()
    expect(page.get_by_role("heading", name="march.csv")).to_be_visible()
    expect(page.get_by_role("region", name="Rejected rows")).to_contain_text("has no offset")
    assert visitor.faults() == []
    count = "SELECT count(*) FROM impact_events WHERE company_id = :id"
    assert own_stage.world.scalars(count, id=company.id) == [0]
    page.get_by_role("button", name="Import 1 row").click()
    expect(page.locator(".pill", has_text="Imported")).to_be_visible()
    assert own_stage.world.scalars(count, id=company.id) == [1]
    with page.expect_download() as downloading:
        page.get_by_role("link", name="Download").click()
    assert "e2,fresh" in downloading.value.path().read_text()
    page.get_by_role("navigation", name="Sections").get_by_role("link", name="Data").click()
    expect(page.get_by_role("region", name="Latest files")).to_contain_text("march.csv")
    assert visitor.faults() == []
    page.goto(f"{own_stage.url}/en/cockpit/{company.id}/deliveries")
    # The installation's own accounts serve whoever has none.
    expect(steps.locator("li.done")).to_have_count(2)
    audited = own_stage.world.scalars(
        "SELECT action FROM audit_log WHERE company_id = :id ORDER BY at", id=company.id
    )
    assert {"events.upload", "events.import"} <= set(audited)


def test_a_file_of_something_else_is_refused_where_it_was_chosen(
    own_stage: Stage, visit: Visit, tmp_path: Path
) -> None:
    """In words, by its own name, on the page; and on a phone nothing has to be scrolled sideways."""
    path = tmp_path / "people.csv"
    path.write_text("name,age\nada,36\n")
    visitor = visit(own_stage, **PHONE)
    page = visitor.open("data")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.get_by_label("File").set_input_files(path)
    page.get_by_role("button", name="Check the file").click()
    expect(page.get_by_role("alert")).to_contain_text("people.csv must begin with the header")


def test_whoever_only_looks_uploads_nothing(own_stage: Stage, visit: Visit) -> None:
    """The list is there, the form is not."""
    page = visit(own_stage, roles=VIEWER).open("data")
    expect(page.get_by_text("No file has been uploaded yet.")).to_be_visible()
    expect(page.get_by_role("button", name="Check the file")).to_have_count(0)


def test_a_file_is_imported_without_scripts_and_told_in_the_readers_language(
    own_stage: Stage, visit: Visit, tmp_path: Path
) -> None:
    """Chosen, refused at its field, checked, shown and imported by plain forms."""
    slug = own_stage.world.runtime.companies.find(str(own_stage.seeded.troubled)).slug
    page = visit(own_stage, java_script_enabled=False).open("data", "nb")
    wrong = tmp_path / "people.csv"
    wrong.write_text("name,age\nada,36\n")
    check = page.get_by_role("button", name="Kontroller filen")
    page.get_by_label("Fil", exact=True).set_input_files(wrong)
    check.click()
    expect(page.get_by_role("alert")).to_contain_text("people.csv")
    page.get_by_label("Fil", exact=True).set_input_files(_file(tmp_path, slug))
    check.click()
    expect(page.get_by_role("heading", name="march.csv")).to_be_visible()
    expect(page.get_by_role("region", name="Avviste rader")).to_contain_text("mangler tidssone")
    page.get_by_role("button", name="Importer 1 rad").click()
    expect(page.locator(".pill", has_text="Importert")).to_be_visible()
    kept = "SELECT count(*) FROM impact_events WHERE event_id = 'e1' AND company_id = :id"
    assert own_stage.world.scalars(kept, id=own_stage.seeded.troubled) == [1]

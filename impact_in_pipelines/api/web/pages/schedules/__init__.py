"""A company's schedules: what they do next, made, changed, paused, run, deleted; a year of their sends."""

from starlette.routing import Route

from impact_in_pipelines.api.web.pages.schedules import acting, cards, form, year
from impact_in_pipelines.api.web.visits import MANAGE, VIEW, Pages


def routes(pages: Pages) -> list[Route]:
    """The list, the forms and what they do."""
    base = "/{company_id}/schedules"
    one = f"{base}/{{schedule_id}}"
    return [
        pages.route(base, cards.schedules, VIEW),
        pages.route(base, form.create, MANAGE, method="POST"),
        pages.route(f"{base}/new", form.new, MANAGE),
        pages.route(f"{base}/preview", form.preview_part, VIEW),
        pages.route(f"{base}/regions", form.regions_part, VIEW),
        pages.route(f"{one}/edit", form.edit, MANAGE),
        pages.route(f"{one}/edit", form.change, MANAGE, method="POST"),
        pages.route(f"{one}/year", year.year, VIEW),
        pages.route(f"{one}/pause", acting.pause_form, MANAGE),
        pages.route(f"{one}/pause", acting.pause, MANAGE, method="POST"),
        pages.route(f"{one}/resume", acting.resume, MANAGE, method="POST"),
        pages.route(f"{one}/run", acting.run_form, MANAGE),
        pages.route(f"{one}/run", acting.run, MANAGE, method="POST"),
        pages.route(f"{one}/delete", acting.delete_form, MANAGE),
        pages.route(f"{one}/delete", acting.delete, MANAGE, method="POST"),
    ]

"""The pictures of the concepts, drawn by `python -m tools.site.pictures` into docs/images; a test compares them."""

from collections.abc import Callable

from impact_in_pipelines.delivery.states import TRANSITIONS, DeliveryStatus
from tools.site.drawing import Picture, Point
from tools.site.staging import DOCS

_S = DeliveryStatus


def flow() -> Picture:
    """From events to a platform."""
    p = Picture(780, 300)
    p.box((10, 20), (150, 54), "Events\nwhat people did")
    p.arrow((160, 47), (205, 47))
    p.box((205, 20), (160, 54), "Figures\nchecked, by day", "ours")
    p.box((10, 120), (150, 54), "Schedules\nwho, where, when")
    p.arrow((160, 147), (205, 147))
    p.words((182, 112), "a fire is due", "soft middle")
    p.box((205, 120), (160, 54), "Delivery log\nthe log is the queue", "ours")
    p.arrow((365, 147), (420, 147))
    p.words((392, 135), "claim", "soft middle")
    p.arrow((365, 47), (495, 47), (495, 120))
    p.box((420, 120), (150, 54), "Drain\nbuild, freeze, send", "ours")
    for n, name in enumerate(("Benevity", "Goodera", "Workday")):
        y = 82 + n * 49
        p.arrow((570, 147), (600, 147), (600, y + 16), (635, y + 16))
        p.box((635, y), (130, 33), name)
    p.arrow((495, 174), (495, 200), (285, 200), (285, 176))
    p.words((390, 216), "answer and receipt", "soft middle")
    p.arrow((245, 174), (245, 240))
    p.box((165, 240), (160, 44), "Service levels", "ours")
    p.arrow((325, 262), (375, 262))
    p.box((375, 240), (160, 44), "Incidents, alerts", "ours")
    p.arrow((535, 262), (585, 262))
    p.box((585, 240), (180, 44), "Cockpit, reports, API", "ours")
    return p


_PLACES: dict[DeliveryStatus, Point] = {
    _S.PENDING: (150, 150),
    _S.IN_PROGRESS: (395, 150),
    _S.RETRYING: (395, 300),
    _S.SUCCESS: (650, 150),
    _S.FAILED: (650, 300),
    _S.SKIPPED: (650, 20),
    _S.CANCELLED: (150, 300),
    _S.MISSED: (395, 20),
}
_ROADS: dict[tuple[DeliveryStatus | None, DeliveryStatus], tuple[str, Point, list[Point]]] = {
    (None, _S.PENDING): ("a fire, a day, a replay", (80, 94), [(50, 102), (50, 170), (90, 170)]),
    (None, _S.MISSED): ("a fire while nothing ran", (230, 32), [(150, 40), (335, 40)]),
    (_S.PENDING, _S.IN_PROGRESS): ("claimed", (272, 158), [(210, 164), (335, 164)]),
    (_S.IN_PROGRESS, _S.PENDING): ("released unsent", (272, 196), [(335, 178), (210, 178)]),
    (_S.RETRYING, _S.IN_PROGRESS): ("due again", (345, 250), [(380, 300), (380, 190)]),
    (_S.IN_PROGRESS, _S.RETRYING): ("may pass", (440, 250), [(408, 190), (408, 300)]),
    (_S.IN_PROGRESS, _S.IN_PROGRESS): ("lease ran out", (298, 128), [(370, 150), (370, 124), (345, 124), (345, 150)]),
    (_S.IN_PROGRESS, _S.SUCCESS): ("delivered", (515, 166), [(455, 172), (590, 172)]),
    (_S.IN_PROGRESS, _S.SKIPPED): ("same content arrived", (498, 79), [(425, 150), (425, 86), (640, 86), (640, 62)]),
    (_S.IN_PROGRESS, _S.FAILED): ("for good", (534, 220), [(455, 184), (590, 305)]),
    (_S.PENDING, _S.CANCELLED): ("called off", (108, 250), [(140, 190), (140, 300)]),
    (_S.RETRYING, _S.CANCELLED): ("called off", (272, 314), [(335, 320), (210, 320)]),
    (_S.SUCCESS, _S.FAILED): ("taken back", (607, 250), [(644, 190), (644, 300)]),
    (_S.FAILED, _S.SUCCESS): ("restored", (700, 250), [(668, 300), (668, 190)]),
    (_S.RETRYING, _S.FAILED): ("", (0, 0), [(455, 325), (590, 325)]),
    (_S.FAILED, _S.PENDING): ("a replay; called off before it is sent, it has failed again", (410, 384), [(650, 340), (650, 368), (188, 368), (188, 190)]),
    (_S.PENDING, _S.FAILED): ("", (0, 0), [(170, 190), (170, 392), (672, 392), (672, 340)]),
    (_S.PENDING, _S.SUCCESS): ("", (0, 0), [(185, 150), (185, 106), (632, 106), (632, 150)]),
    (_S.RETRYING, _S.SUCCESS): ("", (0, 0), [(455, 312), (568, 312), (568, 182), (590, 182)]),
    (_S.MISSED, _S.SUCCESS): ("", (0, 0), [(455, 30), (572, 30), (572, 160), (590, 160)]),
}  # fmt: skip
_RARE = {(_S.PENDING, _S.SUCCESS), (_S.RETRYING, _S.SUCCESS), (_S.MISSED, _S.SUCCESS)}
_KINDS = {_S.SUCCESS: "good", _S.SKIPPED: "good", _S.FAILED: "bad", _S.MISSED: "bad"}


def states() -> Picture:
    """Each change of a delivery's status there is; fails if one is not drawn or is no more."""
    assert {(one.old, one.new) for one in TRANSITIONS} == set(_ROADS)
    p = Picture(780, 432)
    for change, (_, _, points) in _ROADS.items():
        p.arrow(*points, dashed=change in _RARE)
    for words, at, _ in _ROADS.values():
        if words:
            p.words(at, words, "soft middle")
    for status, (x, y) in _PLACES.items():
        kind = _KINDS.get(status, "box" if status is _S.CANCELLED else "wait")
        p.box((x - 60, y), (120, 40), status.replace("_", " "), kind)
    p.line((20, 418), (60, 418), dashed=True)
    p.words(
        (70, 422), "it had arrived after all: told by a call-back, or found after a restore", "soft"
    )
    return p


def periods() -> Picture:
    """Which days a fire reports on."""
    p = Picture(780, 170)
    days = ("Wed", "Thu", "Fri", "Sat", "Sun", "Mon", "Tue")
    for n, day in enumerate(days):
        closed = day in ("Sat", "Sun")
        p.box((20 + n * 105, 70), (105, 34), day, "box" if closed else "ours")
    for n, (first, last) in enumerate(((0, 0), (1, 1), (2, 4), (5, 5))):
        x0, x1 = 24 + first * 105, 121 + last * 105
        p.line((x0, 116), (x0, 124), (x1, 124), (x1, 116))
        fire = 20 + (last + 1) * 105 + 32
        p.arrow((fire, 38), (fire, 68))
        p.words((fire, 28), "fire", "soft middle")
        p.words(((x0 + x1) / 2, 142), f"delivery {n + 1}", "soft middle")
    p.words(
        (20, 164),
        "At 08:30 on working days: Monday's delivery reports on Friday, Saturday and Sunday.",
        "soft",
    )
    return p


def once() -> Picture:
    """One key, one body, however often it is sent."""
    p = Picture(780, 220)
    p.box((15, 70), (150, 60), "Payload\nfrozen before sending", "ours")
    p.arrow((165, 100), (205, 100))
    p.box((205, 70), (150, 60), "SHA-256\nof its content", "ours")
    p.words((280, 150), "same content in 24 h?", "soft middle")
    p.words((280, 167), "then it is skipped", "soft middle")
    p.arrow((355, 100), (395, 100))
    p.box((395, 70), (120, 60), "One key\nfor every attempt", "ours")
    for n, (said, kind) in enumerate(
        (("1st attempt: answer lost", "wait"), ("2nd attempt: recognised", "good"))
    ):
        y = 30 + n * 95
        p.arrow((515, 100), (535, 100), (535, y + 22), (560, y + 22))
        p.box((560, y), (205, 44), said, kind)
    p.words((662, 98), "the same key and body", "soft middle")
    p.words((662, 115), "also after a crash", "soft middle")
    return p


def queue() -> Picture:
    """Who goes first, and what an account's limit does to those behind it."""
    p = Picture(780, 232)
    p.words((15, 24), "due, in the order in which they are claimed", "soft")
    for n, (words, kind) in enumerate(
        (
            ("schedules", "good"),
            ("replays", "ours"),
            ("single days", "ours"),
            ("backfills", "box"),
        )
    ):
        p.box((15, 36 + n * 42), (170, 32), words, kind)
        p.arrow((185, 52 + n * 42), (215, 52 + n * 42), (215, 115), (250, 115))
    p.box((250, 84), (160, 62), "Claim\n25 of a company", "ours")
    p.arrow((410, 115), (450, 115))
    for n, (words, said, kind) in enumerate(
        (
            ("Account A", "answers: many at once", "good"),
            ("Account B", "new or timed out: one", "wait"),
            ("Account C", "at its limit: back to the log", "box"),
        )
    ):
        y = 36 + n * 58
        p.arrow((450, 115), (470, 115), (470, y + 24), (495, y + 24))
        p.box((495, y), (270, 48), f"{words}\n{said}", kind)
    p.words((15, 222), "Connections take turns, so a slow one costs the others nothing.", "soft")
    return p


def retries() -> Picture:
    """When a delivery is tried again."""
    p = Picture(780, 170)
    p.line((40, 80), (740, 80))
    for minute, words, kind in (
        (0, "1st", "wait"), (5, "2nd", "wait"), (15, "3rd", "wait"), (35, "4th: final", "bad"),
    ):  # fmt: skip
        x = 60 + minute * 18.5
        p.dot((x, 80), kind)
        p.words((x, 58), words, "strong middle")
        p.words((x, 108), f"{minute} min", "soft middle")
    for start, end, words in ((0, 5, "5"), (5, 15, "10"), (15, 35, "20 min ± 20 %")):
        p.words((60 + (start + end) / 2 * 18.5, 74), words, "soft middle")
    p.words(
        (40, 140),
        "Only what may pass is tried again. Between two attempts the row waits in the log and holds nobody up;",
        "soft",
    )
    p.words((40, 158), "a longer wait that the platform asks for counts.", "soft")
    return p


def held() -> Picture:
    """A breaker opens, a canary is tried, it closes by steps."""
    p = Picture(780, 190)
    p.box((10, 50), (140, 60), "Sending\nall fails", "bad")
    p.arrow((150, 80), (200, 80))
    p.words((175, 70), "opens", "soft middle")
    p.box((200, 50), (170, 60), "Held\nwaits, spends no attempt", "wait")
    p.arrow((370, 80), (420, 80))
    p.box((420, 50), (160, 60), "Canary\nthe oldest is tried", "wait")
    p.arrow((500, 110), (500, 145), (285, 145), (285, 112))
    p.words((392, 163), "fails: tried later", "soft middle")
    p.arrow((580, 80), (630, 80))
    p.words((605, 70), "arrives", "soft middle")
    p.box((630, 50), (140, 60), "Sending\n2, 5, 10 … at once", "good")
    return p


def partitions() -> Picture:
    """A company's days on a platform, as cells."""
    p = Picture(780, 190)
    rows = {"acme": "gggggbggg..", "fjordbank": "ggggggggg..", "nordlys": "..ggsgggg.."}
    kinds = {"g": "good", "b": "bad", "s": "wait", ".": "box"}
    for n in range(11):
        p.words((152 + n * 56, 24), f"{n + 16} Nov", "soft middle")
    for r, (company, cells) in enumerate(rows.items()):
        p.words((112, 57 + r * 40), company, "end")
        for n, one in enumerate(cells):
            p.box((128 + n * 56, 36 + r * 40), (48, 30), "", kinds[one])
    for n, (kind, said) in enumerate(
        (
            ("good", "arrived"),
            ("bad", "failed for good"),
            ("wait", "changed since"),
            ("box", "not sent"),
        )
    ):
        p.box((128 + n * 160, 163), (16, 16), "", kind)
        p.words((152 + n * 160, 176), said, "soft")
    return p


def corrections() -> Picture:
    """A day that was delivered changes; a correction supersedes the first report."""
    p = Picture(780, 170)
    steps = (
        ("Delivered\n12 sessions", "good"), ("Late events\na file comes in", "box"),
        ("Stale day\n12 → 15 sessions", "wait"), ("Correction\n15 sessions", "good"),
    )  # fmt: skip
    for n, (words, kind) in enumerate(steps):
        p.box((15 + n * 195, 40), (155, 58), words, kind)
        if n:
            p.arrow((15 + n * 195 - 40, 69), (15 + n * 195, 69))
    p.arrow((680, 98), (680, 130), (92, 130), (92, 100), dashed=True)
    p.words((386, 150), "supersedes", "soft middle")
    return p


def chain() -> Picture:
    """Each link has the hash of the one before."""
    p = Picture(780, 160)
    for n, words in enumerate(
        ("Link 41\narrived", "Link 42\nfailed", "Link 43\nreplayed, arrived")
    ):
        p.box((20 + n * 195, 40), (150, 62), words, "ours")
        p.arrow((20 + n * 195 + 150, 71), (20 + n * 195 + 195, 71))
    p.words((192, 62), "hash", "soft middle")
    p.words((387, 62), "hash", "soft middle")
    p.box((605, 40), (155, 62), "Head\npublished daily", "good")
    p.words(
        (20, 140),
        "Whoever changes one link changes the hash of every later one, and the published head no longer fits.",
        "soft",
    )
    return p


def calendar() -> Picture:
    """What a closed day and a window do to a fire."""
    p = Picture(780, 175)
    days = (
        ("Thu", "ours"),
        ("Fri: holiday", "bad"),
        ("Sat", "box"),
        ("Sun", "box"),
        ("Mon", "ours"),
    )
    for n, (day, kind) in enumerate(days):
        p.box((20 + n * 148, 60), (148, 40), day, kind)
    p.dot((94, 40), "good")
    p.dot((242, 40), "wait")
    p.arrow((242, 34), (242, 18), (686, 18), (686, 56))
    p.words((464, 34), "next_business_day", "soft middle")
    p.line((590, 140), (760, 140))
    p.box((655, 126), (90, 28), "window", "good")
    p.arrow((612, 140), (655, 140))
    p.dot((606, 140), "wait")
    p.words(
        (20, 136),
        "A fire on a closed day moves; hours outside the window wait for it to open.",
        "soft",
    )
    p.words(
        (20, 156),
        "Monday's delivery then reports on Thursday to Sunday: nothing is left out.",
        "soft",
    )
    return p


PICTURES: dict[str, Callable[[], Picture]] = {
    one.__name__: one
    for one in (
        flow,
        states,
        periods,
        once,
        queue,
        retries,
        held,
        partitions,
        corrections,
        chain,
        calendar,
    )
}


def main() -> None:
    for name, draw in PICTURES.items():
        (DOCS / "images" / f"{name}.svg").write_text(draw().svg())


if __name__ == "__main__":
    main()

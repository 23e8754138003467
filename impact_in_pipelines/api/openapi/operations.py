"""What each operation and parameter of the OpenAPI document does beyond its summary.

A test fails for an operation or a parameter without a description; one may also be written at its route.
"""

from collections.abc import Mapping
from types import MappingProxyType

from impact_in_pipelines.connectors.plugin import platform_plugin
from impact_in_pipelines.platforms import Platform

OPERATIONS: Mapping[str, str] = MappingProxyType(
    {
        "getAnalytics": "As the last hourly run has counted; without companyId over all companies, for a "
        "token for all of them. About one company it says nothing of any other. HTML is in the language that "
        "Accept-Language asks for; CSV has all companies.",
        "acknowledgeIncident": "Escalation stops for this incident; it stays open until its metric is back "
        "inside the SLA. A platform's incident needs a token for all companies.",
        "addIncidentNote": "Everybody who sees the incident reads it; on a platform's incident only those "
        "who may see all companies.",
        "addMaintenanceWindow": "Incidents are still recorded inside the window; nobody is notified of them.",
        "cancelDelivery": "Never one that is being sent. A replay that is called off leaves its failure.",
        "cancelMany": "Ids or a filter; members of a frozen batch go together, each refusal says why.",
        "correctMany": "A correction is a delivery of its own that supersedes the earlier one. Refused where "
        "the platform would count both and nobody has accepted that.",
        "deactivateCompany": "Its schedules stop, what waits is cancelled, its history stays. Needs a token "
        "for all companies.",
        "discardUpload": "Only while it is checked.",
        "eraseCompany": "From every table and archive; there is no way back. It must be switched off and "
        "exported first. Needs a token for all companies.",
        "eraseParticipant": "Figures stay as they are, delivered or not; later files that still have the "
        "person are rejected row by row. Needs a token for all companies.",
        "exportCompany": "Rows of tables and archives as lines of JSON, without credentials. Needs a token "
        "for all companies.",
        "getUpload": "One of the company's.",
        "getUploadRejects": "Mended, it can be uploaded as it is. Kept for 30 days.",
        "importUpload": "Only while it is checked; the same file again changes nothing.",
        "listUploads": "The latest first.",
        "reactivateCompany": "Schedules that stopped with it go on. Needs a token for all companies.",
        "updateCompany": "Its slug stays. Needs a token for all companies.",
        "uploadEvents": "CSV as `impact-in events import` takes it, up to IMPACT_IN_UPLOAD_LIMIT_MB. The "
        "answer says what an import would do, row by row where it wouldn't.",
        "createCompany": "Needs a token for all companies. Its id is made here and never changes.",
        "createSchedule": "It fires from now on. Identical rules are allowed, and the answer says so.",
        "deleteSchedule": "Its waiting deliveries, retries too, are cancelled with it; one that is being "
        "sent ends by itself.",
        "endMaintenanceWindow": "Notices go out again from this moment.",
        "exportEvidence": "Payloads as sent, attempts, answers, call-backs, corrections, service levels and "
        "the chain; docs/evidence.md says how to verify it. The audit log has who asked.",
        "exportDeliveries": "Filters as for the list, without pages: as long as the log is. In CSV a text "
        "that a spreadsheet would take for a formula begins with an apostrophe.",
        "getCorrectionPolicy": "A company without one is asked.",
        "getCalendar": "At most 400 days. Of several deliveries of one day the best one decides its state.",
        "sendDay": "The 24-hour window still skips what has arrived. A day that is still running is refused.",
        "getDelivery": "Personal data in payload and answer is masked.",
        "getDeliveryPayload": "Personal data is masked. 404 before anything was built.",
        "getDeliveryReceipt": "404 for one that has not arrived.",
        "getDeliveryTimeline": "Without paging: for a picture of the last days.",
        "getHealth": "Nothing else is asked: for a supervisor that restarts what hangs.",
        "getIncident": "Opened, notices sent, acknowledged, notes, recovered, closed. Sent notices are "
        "dropped by age.",
        "getMetrics": "Text format of Prometheus, for scraping every 15 seconds or less often.",
        "getOpenApi": "OpenAPI 3.1. It needs no token; the page at /docs shows it.",
        "getOverview": "Needs a token for all companies. At most 20 companies and the 10 latest incidents.",
        "getReadiness": "Answers 503 while it can't serve. What it found is kept for a few seconds, so that "
        "asking often costs nothing.",
        "getReplay": "Counts of its deliveries by status; poll it until `done`.",
        "getSchedule": "One of the token's companies.",
        "getScheduleYear": "As the rule stands now; a paused schedule as if it were resumed now. A year "
        "that can't be told is answered with the present one.",
        "getScheduleStats": "Of the token's companies, or of one of them.",
        "getSlaReport": "In the language that Accept-Language asks for (en, nb, es, uk). With an ETag: "
        "If-None-Match answers 304 while nothing has changed.",
        "getSlaTrends": "Whole periods are from the hourly rollup, the running one is measured now.",
        "getSlaStatus": "Computed now, over the window asked for or the past seven days.",
        "addNoticeChannel": "It is notified of what happens from now on. Webhooks are signed as Standard "
        "Webhooks says.",
        "changeNoticeChannel": "Switched off it gives up what waits; the receiver's address is never shown.",
        "listNoticeChannels": "By e-mail, Slack or webhook. Addresses are shown without their secret parts.",
        "listNoticeMessages": "With each try. A message keeps its id however often it is sent.",
        "removeNoticeChannel": "Nothing is sent there any more, and its log is gone.",
        "rotateNoticeSecret": "The secret before signs as well for a day, so that receivers can change over.",
        "sendFailedNoticesAgain": "Receivers that take each id once aren't told twice.",
        "sendNoticeAgain": "Whether it was accepted or given up; not while it waits to be sent.",
        "testNoticeChannel": "The answer says how it ended; one test at a time for a company.",
        "listApiTokens": "Those that can be used, and what has ended in the last month.",
        "listCompanySessions": "Sessions that see other companies as well are not the company's.",
        "makeApiToken": "It gets no more rights than the caller has; a token of this kind makes no other.",
        "revokeApiToken": "Requests are refused within seconds, and streams that are open with it end.",
        "revokeCompanySession": "Whoever uses it must sign in again.",
        "listAuditLog": "What was changed through the API, the cockpit or a command. No secrets.",
        "listCompanies": "In alphabetical order of their slugs.",
        "listCompanyHealth": "By slug. Open incidents, what is late, schedules that fail, held connections.",
        "listConnections": "Credentials are never shown, only their names.",
        "listDeliveries": "Filters can be combined; a page holds 30 unless `limit` says otherwise.",
        "listHolidayCalendars": "A schedule's `holidayCalendar` takes a country and a region from here.",
        "listIncidents": "Open ones, unless closed ones are asked for too.",
        "listMaintenanceWindows": "The next to end first.",
        "holdPlatform": "What is due waits and nothing fails. A whole platform needs a token for all "
        "companies; people are reminded once a day.",
        "listPlatforms": "Breakers, holds by people, and pauses that platforms asked for.",
        "resumePlatform": "One delivery is tried, the others follow step by step. Refused within a minute of "
        "the last resume.",
        "listStaleDays": "As the last comparison found them, every hour. The newest change comes first.",
        "listServiceLevels": "With what is usual, and between which numbers each may lie.",
        "setServiceLevels": "Reports and incidents go by them from then on; the change is in the audit log.",
        "listSessions": "Open ones. An id names a session and signs nobody in.",
        "listSignInLinks": "A link is good until it was used, revoked, or has expired.",
        "listSchedules": "Filters can be combined; a page holds 30 unless `limit` says otherwise.",
        "pauseSchedule": "Others read the reason.",
        "previewReplay": "Changes nothing: builds the payload from today's data and compares.",
        "previewReplayMany": "Changes nothing.",
        "previewRule": "Changes nothing.",
        "previewScheduleDeletion": "Changes nothing: for a word before `deleteSchedule`.",
        "previewSchedule": "Changes nothing.",
        "receiveCallBack": "Signed by the platform instead of a token; older news never overrules newer.",
        "replayDelivery": "Without a body it is sent as it should be: not if its content has arrived inside "
        "the last 24 hours.",
        "replayMany": "Ids or a filter, all or nothing for an unknown id; each refusal says why.",
        "resumeSchedule": "The days of the pause are reported by the next fire.",
        "retryAllFailed": "Those whose days have arrived since are left out.",
        "revokeSession": "Whoever uses it must sign in again.",
        "revokeSignInLink": "The token in it is refused everywhere.",
        "runScheduleNow": "The schedule's own fires stay as they are.",
        "setCorrectionPolicy": "Replaces the policy as a whole; audited.",
        "setConnection": "The answer says what the connection still lacks.",
        "streamEvents": "Server-sent events. The stream ends when the token expires or is revoked.",
        "testConnection": "One test at a time for a company; nothing is delivered.",
        "updateSchedule": "What was planned before keeps its time.",
    }
)
PARAMETERS: Mapping[str, str] = MappingProxyType(
    {
        "active": "only those that are (not) in use",
        "channelId": "the channel's id",
        "companyId": "the company's id",
        "count": "how many fires to show",
        "cursor": "`nextCursor` of the page before, with the same question",
        "deliveryId": "the delivery's id",
        "incidentId": "the incident's id",
        "linkId": "the link's id",
        "limit": "at most so many items",
        "messageId": "the message's id",
        "platform": "only this platform",
        "q": "a part of the name or the slug",
        "replayId": "the replay's id",
        "scheduleId": "the schedule's id",
        "sessionId": "the session's id",
        "state": "only those that were accepted, given up, or are to be sent",
        "tokenId": "the token's id",
        "fileName": "what the file is called",
        "uploadId": "the upload's id",
        "trigger": "only what was planned so",
        "year": "the present year or one of the next two",
        "windowId": "the maintenance window's id",
        **{
            header: what
            for platform in Platform
            for header, what in platform_plugin(platform).call_backs.headers.items()
        },
    }
)

TAGS: Mapping[str, str] = MappingProxyType(
    {
        "SLA": "How companies stand, and reports on it.",
        "Replays": "Sending deliveries again.",
        "Deliveries": "What was due, what arrived, what failed, with every attempt.",
        "Events": "Changes as they happen.",
        "Schedules": "When each company's figures are due.",
        "Connections": "Companies' accounts on the platforms.",
        "Platforms": "What is held, by what, and until when.",
        "Companies": "The tenants.",
        "Evidence": "What was delivered, for whoever has to believe it without us.",
        "Uploads": "Files of events: checked, then imported.",
        "Incidents": "Open and past breaches.",
        "Maintenance windows": "When notices are withheld.",
        "Notices": "Where companies are notified, and what was sent there.",
        "Audit log": "Who changed what.",
        "Access": "Tokens of a company's programs, and the sessions of its people.",
        "Sessions": "Who is signed in to the cockpit, and sign-in links.",
        "Webhooks": "What platforms say afterwards, signed by them.",
        "Operations": "For supervisors and Prometheus; no token is needed.",
    }
)

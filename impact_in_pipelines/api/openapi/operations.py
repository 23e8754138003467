"""What each operation and parameter of the OpenAPI document does beyond its summary.

A test fails for an operation or a parameter without a description; one may also be written at its route.
"""

from collections.abc import Mapping
from types import MappingProxyType

from impact_in_pipelines.connectors.plugin import platform_plugin
from impact_in_pipelines.platforms import Platform

OPERATIONS: Mapping[str, str] = MappingProxyType(
    {
        "getAnalytics": "As the last hourly run has counted. Without companyId it covers all "
        "companies, and needs a token for all of them. Figures of one company "
        "contain nothing of any other. HTML is in the language that "
        "Accept-Language asks for; CSV has all companies.",
        "acknowledgeIncident": "Escalation stops for this incident; it stays open until its metric is back "
        "inside the SLA. A platform's incident needs a token for all companies.",
        "addIncidentNote": "Everybody who sees the incident reads it; on a platform's incident only those "
        "who may see all companies.",
        "addMaintenanceWindow": "Incidents are still recorded inside the window; nobody is notified of them.",
        "cancelDelivery": "A delivery that is being sent is never cancelled. If a replay is called off, "
        "the delivery stays failed.",
        "cancelMany": "Give ids or a filter. Deliveries of a frozen batch are cancelled together. Each "
        "refusal says why.",
        "correctMany": "A correction is a delivery of its own that supersedes the earlier one. It is "
        "refused if the platform would count both and nobody has accepted that.",
        "deactivateCompany": "Its schedules stop, what waits is cancelled, its history stays. Needs a token "
        "for all companies.",
        "discardUpload": "Only while its state is `checked`.",
        "eraseCompany": "From every table and archive; this can't be undone. It must be switched "
        "off and exported first. Needs a token for all companies.",
        "eraseParticipant": "Figures stay as they are, delivered or not. In later files, rows "
        "that still have the person are rejected. Needs a token for all companies.",
        "exportCompany": "Rows of tables and archives as lines of JSON, without credentials. Needs a token "
        "for all companies.",
        "getUpload": "One of the company's.",
        "getUploadRejects": "Mended, it can be uploaded as it is. Kept for 30 days.",
        "importUpload": "Only while its state is `checked`; the same file again changes nothing.",
        "listUploads": "The latest first.",
        "reactivateCompany": "Schedules that stopped with it start again. Needs a token for all companies.",
        "updateCompany": "Its slug stays. Needs a token for all companies.",
        "uploadEvents": "CSV as `impact-in events import` takes it, up to IMPACT_IN_UPLOAD_LIMIT_MB. "
        "The answer says what an import would do, and names the rows that it would reject.",
        "createCompany": "Needs a token for all companies. Its id is made here and never changes.",
        "createSchedule": "It fires from now on. A schedule that is the same as another one is allowed, "
        "and the answer says so.",
        "deleteSchedule": "Its waiting deliveries, retries too, are cancelled with it. A "
        "delivery that is being sent is not cancelled.",
        "endMaintenanceWindow": "Alerts go out again from this moment.",
        "exportEvidence": "Payloads as sent, attempts, answers, call-backs, corrections, service levels and "
        "the chain; docs/evidence.md says how to verify it. The audit log has who asked.",
        "exportDeliveries": "The filters are those of the list. There are no pages. In CSV, a text that "
        "a spreadsheet would take for a formula begins with an apostrophe.",
        "getCorrectionPolicy": "Without a policy of its own a company is asked.",
        "getCalendar": "At most 400 days. If a day has several deliveries, the best one decides its state.",
        "sendDay": "It is skipped if its content has arrived within 24 hours. A day that is still "
        "running is refused.",
        "getDelivery": "Personal data in payload and answer is masked.",
        "getDeliveryPayload": "Personal data is masked. 404 as long as no payload was built.",
        "getDeliveryReceipt": "404 for one that has not arrived.",
        "getDeliveryTimeline": "Without pages, for a picture of the last days.",
        "getHealth": "Nothing else is checked. It is for a supervisor that restarts processes that hang.",
        "getIncident": "Opened, notices sent, acknowledged, notes, recovered, closed. Old notices are "
        "removed.",
        "getMetrics": "Text format of Prometheus, for scraping every 15 seconds or less often.",
        "getOpenApi": "OpenAPI 3.1. It needs no token; the page at /docs shows it.",
        "getOverview": "Needs a token for all companies. At most 20 companies and the 10 latest incidents.",
        "getReadiness": "Answers 503 while it can't serve. Findings are kept for a few seconds, "
        "so that frequent requests cost "
        "nothing.",
        "getReplay": "Counts its deliveries by status; poll it until `done`.",
        "getSchedule": "One of the token's companies.",
        "getScheduleYear": "By the present rule; a paused schedule as if it were resumed now. "
        "For any other year the answer has the present one.",
        "getScheduleStats": "Of the token's companies, or of one of them.",
        "getSlaReport": "In the language that Accept-Language asks for (en, nb, es, uk). The "
        "answer has an ETag; with If-None-Match it is 304 while nothing has "
        "changed.",
        "getSlaTrends": "Whole periods come from the hourly rollup; the running one is measured now.",
        "getSlaStatus": "Computed now, over the window asked for.",
        "addNoticeChannel": "It gets notices of what happens from now on. Webhooks are signed as Standard "
        "Webhooks says.",
        "changeNoticeChannel": "If it is switched off, messages that wait are given up. The receiver's "
        "address is never shown.",
        "listNoticeChannels": "By e-mail, Slack or webhook. Addresses are shown without their secret parts.",
        "listNoticeMessages": "With each try. A message keeps its id however often it is sent.",
        "removeNoticeChannel": "Nothing is sent there any more, and its log is gone.",
        "rotateNoticeSecret": "For a day messages are signed with the old secret too, so that receivers "
        "can change over.",
        "sendFailedNoticesAgain": "The ids stay the same, so a receiver that takes each id once isn't "
        "notified twice.",
        "sendNoticeAgain": "Possible after it was accepted or given up, but not while it waits to be sent.",
        "testNoticeChannel": "The answer says how it ended; one test at a time for a company.",
        "listApiTokens": "Tokens that are valid, and those that ended in the last month.",
        "listCompanySessions": "Sessions that may see other companies as well are not listed.",
        "makeApiToken": "It gets no more rights than the caller has. With a token of this kind no other "
        "can be made.",
        "revokeApiToken": "Requests are refused within seconds, and streams that are open with it end.",
        "revokeCompanySession": "Whoever uses it must sign in again.",
        "listAuditLog": "What was changed through the API, the cockpit or a command. No secrets.",
        "listCompanies": "In alphabetical order of their slugs.",
        "listCompanyHealth": "In the order of their slugs: open incidents, late deliveries, failing "
        "schedules, held connections.",
        "listConnections": "Credentials are never shown, only their names.",
        "listDeliveries": "Filters can be combined; a page holds 30 unless `limit` says otherwise.",
        "listHolidayCalendars": "A schedule's `holidayCalendar` takes a country and a region from here.",
        "listIncidents": "Open ones, unless closed ones are asked for too.",
        "listMaintenanceWindows": "Those that end first come first.",
        "holdPlatform": "What is due waits and nothing fails. A whole platform needs a token for all "
        "companies; people are reminded once a day.",
        "listPlatforms": "Breakers, holds by people, and pauses that platforms asked for.",
        "resumePlatform": "One delivery is tried, the others follow step by step. Refused within a minute of "
        "the last resume.",
        "listStaleDays": "As the last hourly comparison found them. The newest change comes first.",
        "listServiceLevels": "With the usual values, and the lowest and highest that are allowed.",
        "setServiceLevels": "Reports and incidents use them from then on. The change is in the audit log.",
        "listSessions": "The id of a session can't be used to sign in.",
        "listSignInLinks": "A link is valid until it is used, is revoked or expires.",
        "listSchedules": "Filters can be combined; a page holds 30 unless `limit` says otherwise.",
        "pauseSchedule": "Others read the reason.",
        "previewReplay": "Changes nothing: builds the payload from today's data and compares.",
        "previewReplayMany": "Changes nothing.",
        "previewRule": "Changes nothing.",
        "previewScheduleDeletion": "Changes nothing. Meant to be shown before `deleteSchedule`.",
        "previewSchedule": "Changes nothing.",
        "receiveCallBack": "Signed by the platform, without a token. An older message never overrules a "
        "newer one.",
        "replayDelivery": "Without a body it is not sent if its content has arrived within the "
        "last 24 hours.",
        "replayMany": "Give ids or a filter. With an unknown id nothing is sent. Each refusal says why.",
        "resumeSchedule": "The days of the pause are reported by the next fire.",
        "retryAllFailed": "Those whose days have arrived since are left out.",
        "revokeSession": "Whoever uses it must sign in again.",
        "revokeSignInLink": "The token in it is refused everywhere.",
        "runScheduleNow": "The schedule's own fires don't change.",
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
        "state": "only messages that were accepted, were given up, or wait to be sent",
        "tokenId": "the token's id",
        "fileName": "what the file is called",
        "uploadId": "the upload's id",
        "trigger": "only deliveries made by this",
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
        "SLA": "The state of companies' service levels, and reports.",
        "Replays": "Sending deliveries again.",
        "Deliveries": "What was due, what arrived, what failed, with every attempt.",
        "Events": "Changes as they happen.",
        "Schedules": "When each company's figures are due.",
        "Connections": "Companies' accounts on the platforms.",
        "Platforms": "What is held, by what, and until when.",
        "Companies": "The tenants.",
        "Evidence": "Proof of what was delivered, which can be verified without us.",
        "Uploads": "Files of events: checked, then imported.",
        "Incidents": "Open and past breaches.",
        "Maintenance windows": "When notices are withheld.",
        "Notices": "Where companies are notified, and what was sent there.",
        "Audit log": "Who changed what.",
        "Access": "Tokens of a company's programs, and the sessions of its people.",
        "Sessions": "Who is signed in to the cockpit, and sign-in links.",
        "Webhooks": "Call-backs of platforms after a delivery, signed by them.",
        "Operations": "For supervisors and Prometheus; no token is needed.",
    }
)

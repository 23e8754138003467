"""One run of an export: it drains what it is for, shows the results in Dagster, and ends as it went."""

import time
from datetime import datetime

from dagster import AssetExecutionContext, Failure

from impact_in_pipelines.assets.exports.choice import Chosen, Due
from impact_in_pipelines.assets.exports.figures import show_stale_cells
from impact_in_pipelines.assets.exports.recorder import Recorder
from impact_in_pipelines.dagster_instance.queueing import SCHEDULE_TAG
from impact_in_pipelines.dagster_instance.runs.stopping import Stop
from impact_in_pipelines.dagster_instance.runs.telling import tell
from impact_in_pipelines.dagster_instance.runs.terminations import (
    is_terminated,
    is_terminated_by_person,
    report_stopping,
)
from impact_in_pipelines.delivery.draining.summary import DrainSummary
from impact_in_pipelines.delivery.draining.waiting import SILENT_S, DrainWait
from impact_in_pipelines.delivery.model import Selection
from impact_in_pipelines.delivery.showing.tracing import flush_traces, trace_tick
from impact_in_pipelines.delivery.states import DeliveryStatus
from impact_in_pipelines.loading import collecting_seldom
from impact_in_pipelines.platforms import FACTS, Platform
from impact_in_pipelines.plurals import count
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.services.deliveries import run_selections

FAILURES = "failures"
"""The metadata of a step's failure that lists the deliveries that failed for good."""

LONGEST_WAIT_S = 60.0
"""A run holds its slot no longer than this without sending anything, waits for retries together (D5)."""

MOST_WAITING_SHOWN = 100

TICK_TAG = ".dagster/scheduled_execution_time"
"""Dagster's tag of a run that a schedule has asked for: when the tick was to be."""


def waits_in_words(waiting: DrainWait) -> str:
    """What a drain waits for, in one line."""
    parts = []
    if waiting.log_is_away:
        parts.append("the database doesn't take results; nothing more is sent until it does")
    if waiting.queued:
        request = count(waiting.queued, "request waits", "requests wait")
        if waiting.opens_in_s is None:
            parts.append(f"{request} for a free place on their connections")
        else:
            parts.append(
                f"{request} for the limits of their accounts, the first for {waiting.opens_in_s:.0f} s more"
            )
    if waiting.unanswered:
        request = count(waiting.unanswered, "request has", "requests have")
        parts.append(f"{request} had no answer for {SILENT_S:.0f} s")
    return "; ".join(parts)


class Export:
    """What a run does for `chosen` on `platform`, until it is done or `stop` is requested."""

    def __init__(
        self,
        context: AssetExecutionContext,
        runtime: Runtime,
        platform: Platform,
        stop: Stop,
        chosen: Due | Chosen,
    ) -> None:
        self._context = context
        self._runtime = runtime
        self._platform = platform
        self._stop = stop
        self._chosen = chosen
        self._instance = context.instance
        self._run_id = context.run.run_id
        self._own_rows = self._run_id if isinstance(chosen, Chosen) else None
        self._settled_at = time.monotonic()
        self._idle = False
        self._waited_s = 0.0
        self._recorder = Recorder(
            context,
            runtime,
            platform=platform,
            asset_key=context.asset_key,
            run_id=self._own_rows,
        )

    def run(self) -> None:
        """Send, record and end; selected partitions whose next attempt is less than a minute away are waited
        for (layer 2 of D5).

        Raises `Failure` if something failed for good or the run was stopped: what was not sent is then due
        again, or cancelled if a person has terminated the run.
        """
        if is_terminated(self._instance, self._run_id):
            # The interrupt came before we could listen, and Dagster's answer to it was to try again.
            self._stop.request()
        if ticked_at := self._context.run.tags.get(TICK_TAG):
            began = datetime.fromisoformat(ticked_at)
            trace_tick(self._platform, (began, self._runtime.clock()))
        selection = self._selection()
        try:
            with collecting_seldom():
                self._send(selection)
        finally:
            flush_traces()

    def _send(self, selection: Selection) -> None:
        summary = self._drained(selection)
        while self._waits_for_retry(summary):
            # Here and not by Dagster's RetryRequested: that shows people a stack trace of ours for each wait.
            summary = self._drained(selection)
        # Failures are shown last, and only by a run that can still end as failed: planned partitions of one
        # that ends as cancelled don't turn red, and nobody would show them again.
        stopped = self._stop.requested or is_terminated(self._instance, self._run_id)
        self._recorder.record(failures=not stopped)
        if self._recorder.corrected:
            show_stale_cells(self._context, self._runtime, self._platform)
        self._report(summary)
        if stopped:
            raise self._stopped(summary)
        self._end_selection()
        self._fail_if_something_failed()

    def _selection(self) -> Selection:
        if isinstance(self._chosen, Due):
            return self._chosen.selection
        added = run_selections.add(
            self._runtime,
            self._platform,
            self._chosen.days,
            trigger=self._chosen.trigger,
            run_id=self._run_id,
        )
        self._context.log.info(
            f"{added} of {len(self._chosen.days)} selected company-days are to be sent"
        )
        return Selection(run_id=self._run_id)

    def _drained(self, selection: Selection) -> DrainSummary:
        self._settled_at = time.monotonic()
        return self._runtime.drain(
            self._platform,
            dagster_run_id=self._run_id,
            on_settled=self._on_settled,
            on_waiting=self._on_waiting,
            should_stop=self._should_stop,
            # One that a person has asked for ends once all that is due is sent.
            lingers=SCHEDULE_TAG in self._context.run.tags,
        ).run(selection)

    def _on_settled(self) -> None:
        self._settled_at = time.monotonic()
        self._recorder.record_now_and_then()

    def _on_waiting(self, waiting: DrainWait) -> None:
        text = waits_in_words(waiting)
        self._context.log.info(f"Waits: {text}")
        tell(text)

    def _should_stop(self) -> bool:
        """A drain returns what a rate limit holds back for long; a selection of the run's own would wait for
        it here, and hold a slot that another backfill could use."""
        if self._stop.requested:
            return True
        idle_s = time.monotonic() - self._settled_at
        self._idle = self._own_rows is not None and idle_s > LONGEST_WAIT_S
        return self._idle

    def _stopped(self, summary: DrainSummary) -> Failure:
        """What ends the step at once, and the run as cancelled: nothing has failed."""
        cause = self._stop.signal.name if self._stop.signal is not None else "a request"
        if not is_terminated(self._instance, self._run_id):
            # A run whose step fails is a failed run, and tells people so, unless it was being cancelled.
            report_stopping(self._instance, self._context.run, cause)
        rest = "what was not sent is due again"
        if self._own_rows is not None:
            rest = self._give_up_selection(self._own_rows, rest)
        return Failure(
            description=f"Stopped by {cause}: {summary.delivered} delivered; {rest}",
            allow_retries=False,
        )

    def _give_up_selection(self, run_id: str, rest: str) -> str:
        """Cancel or release the run's own rows; returns what became of them."""
        if not is_terminated_by_person(self._instance, run_id):
            run_selections.release(self._runtime, self._platform, run_id)
            return rest
        cancelled = run_selections.cancel(
            self._runtime, self._platform, run_id, actor=f"terminated dagster run {run_id}"
        )
        return f"{cancelled} that were not sent are cancelled"

    def _waits_for_retry(self, summary: DrainSummary) -> bool:
        """Wait until the next attempt of a selected partition is due; False if there is none that fits into
        `LONGEST_WAIT_S` with the waits before it, or the run is to stop."""
        if not isinstance(self._chosen, Chosen) or not self._chosen.waits:
            return False
        # A try that could take nothing is not helped by another one: its connection is closed, or another
        # delivery must end first.
        if self._idle or self._stop.requested or (self._waited_s and summary.claimed == 0):
            return False
        open_rows, next_attempt_at = self._runtime.selections.open_of_run(
            self._platform, self._run_id
        )
        if not open_rows or next_attempt_at is None:
            return False
        due_in_s = (next_attempt_at - self._runtime.clock()).total_seconds()
        if due_in_s <= 0 and summary.claimed == 0:
            return False
        wait_s = max(1.0, due_in_s)
        if self._waited_s + wait_s > LONGEST_WAIT_S:
            return False
        self._recorder.record(failures=False)
        self._report(summary)
        noun = "delivery is" if open_rows == 1 else "deliveries are"
        self._context.log.info(f"{open_rows} {noun} tried again in {wait_s:.0f} s")
        self._waited_s += wait_s
        return not self._stop.wait(wait_s)

    def _end_selection(self) -> None:
        """Leave what is open to the drains and say so."""
        if self._own_rows is None:
            return
        open_rows, _ = self._runtime.selections.open_of_run(self._platform, self._run_id)
        if open_rows:
            self._say_what_waits(open_rows)
        run_selections.release(self._runtime, self._platform, self._run_id)

    def _say_what_waits(self, open_rows: int) -> None:
        waiting = self._runtime.selections.waiting_of_run(
            self._platform, self._run_id, limit=MOST_WAITING_SHOWN
        )
        held = sum(one.held is not None for one in waiting)
        times = [one.next_attempt_at for one in waiting if one.next_attempt_at and not one.held]
        first = f", the first at {min(times):%Y-%m-%d %H:%M:%S} UTC" if times else ""
        noun = "delivery waits" if open_rows == 1 else "deliveries wait"
        what = f"for a later attempt{first}" if held < len(waiting) else "until the hold is over"
        if 0 < held < len(waiting):
            what += f"; at least {held} of them until a hold is over"
        # Nothing that anybody has to do: the log tries again by itself, and alerts if that lasts too long.
        self._context.log.info(
            f"{open_rows} {noun} {what}. This run ends here; the scheduled drains send "
            "them and colour their cells."
        )
        self._recorder.show_waiting(waiting)

    def _fail_if_something_failed(self) -> None:
        """Raise `Failure` if something failed for good, so that the planned cells turn red."""
        failed = self._recorder.failed_before() + self._recorder.counts[DeliveryStatus.FAILED]
        if self._own_rows is not None:
            # An earlier try of this step may have recorded failures of its own.
            outcome = self._runtime.selections.outcome_of_run(self._platform, self._run_id)
            failed = outcome.get(DeliveryStatus.FAILED, 0)
        if not failed:
            return
        if is_terminated(self._instance, self._run_id):
            # Terminated while it recorded: the run ends as cancelled, so the next drain shows them again.
            self._recorder.take_failures_back()
        raise Failure(
            description=self._recorder.failures_in_words(failed, FACTS[self._platform].title),
            metadata={FAILURES: self._recorder.failure_table()},
            allow_retries=False,
        )

    def _report(self, summary: DrainSummary) -> None:
        self._context.log.info(
            f"planned {summary.planned}, claimed {summary.claimed}, delivered {summary.delivered}, "
            f"retrying {summary.retrying}, skipped as duplicate {summary.skipped}, "
            f"failed for good {self._recorder.counts[DeliveryStatus.FAILED]}, "
            f"put off {summary.put_off}, locked by others {summary.locked}"
        )

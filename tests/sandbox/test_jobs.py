"""A job is pending when it is asked about first, and decided from then on."""

from __future__ import annotations

import json

from rokt_export.sandbox.jobs import Jobs
from tests.sandbox.conftest import spec_of

ACCEPTED = "  - {outcome: delivered, status: 202, provisional: true, capture: {reference: $.job}}\n"
DECIDED = "[{outcome: delivered, body: {$.state: done}}, {outcome: rejected, body: {$.state: bad}}]"


def jobs(url: str, pending: str = "") -> Jobs:
    asked = f"confirmation: {{url: '{url}', {pending}responses: {DECIDED}}}\n"
    confirmation = spec_of(f"parameters: [{{name: e, attribute: email}}]\n{asked}", responses=ACCEPTED).confirmation
    assert confirmation is not None
    return Jobs(confirmation, {})


def test_each_job_is_pending_at_first() -> None:
    asked = jobs("/jobs/{reference}", "pending: {body: {$.state: busy}}, ")
    states = [json.loads(asked.response(target).body)["state"] for target in ("/jobs/1", "/jobs/2", "/jobs/1")]
    assert states == ["busy", "busy", "done"]


def test_a_job_that_is_never_pending_is_decided_at_once() -> None:
    assert json.loads(jobs("/jobs/{reference}").response("/jobs/1").body)["state"] == "done"


def test_only_the_paths_of_jobs_are_asked() -> None:
    asked = jobs("/jobs/{reference}")
    assert asked.shown == "/jobs/{reference}"
    assert [asked.are_at(path) for path in ("/jobs/7", "/jobs", "/leads/7", "/jobs/7/8")] == [True, False, False, False]

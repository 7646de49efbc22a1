"""JUnit XML: valid, with the counts of the run, whatever the texts hold."""

from __future__ import annotations

import json
from xml.etree import ElementTree

from reports.report_runs import Run, answer, every_outcome, exchange, post
from reports.report_texts import HOSTILE, schema, written
from rokt_export.reports.run_report import RunReport


def test_junit_is_valid_and_counts(run_report: RunReport) -> None:
    text = written(run_report, "junit")
    schema("junit.xsd").validate(text)
    suite = ElementTree.fromstring(text)[0]
    assert (suite.attrib["tests"], suite.attrib["failures"], suite.attrib["errors"]) == ("9", "3", "4")
    assert len(suite.findall("testcase/failure")) == 3
    assert len(suite.findall("testcase/error")) == 4


def test_junit_passes_what_was_expected(tell) -> None:
    suite = ElementTree.fromstring(written(tell(Run(every_outcome(), expected="duplicate")), "junit"))[0]
    passed = [case.attrib["name"] for case in suite.findall("testcase") if not len(case)]
    assert passed == ["row 2: tx-2"]
    assert (suite.attrib["failures"], suite.attrib["errors"]) == ("4", "4")


def test_junit_holds_what_xml_cannot(tell) -> None:
    run_report = tell(Run([exchange(1, post(HOSTILE.encode()), answer(400, json.dumps({"error": HOSTILE})))]))
    text = written(run_report, "junit")
    schema("junit.xsd").validate(text)
    assert '<img src=x onerror="alert(1)">' in "".join(ElementTree.fromstring(text).itertext())

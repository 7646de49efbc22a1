"""The page in a real browser: filter, search, open, copy, keys, themes, size; no error, no network, no barrier."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from browser import TELEPHONE, assert_quiet, barriers, chromium, prefer
from exchange_deliveries import delivery_of

from reports.report_runs import STARTED, Run, answer, every_outcome, exchange, post
from rokt_export.diff import Comparison, Side
from rokt_export.exchange.delivery import Delivery
from rokt_export.exchange.model import OutcomeKind
from rokt_export.journal import Journal, RunState
from rokt_export.journal.recording import record
from rokt_export.redaction import Redactor
from rokt_export.reports import differences
from rokt_export.reports.contact_letter import ContactLetter
from rokt_export.reports.curl import curl_command
from rokt_export.reports.formats import FORMATS, write_reports
from rokt_export.reports.run_report import RunReport

MANY = 100_000
HOSTILE = '</script><img src=x onerror="window.harmed=1"><script>window.harmed=1</script>'


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as driver:
        yield driver


class Page:
    """A report, opened, and what a reader does with it."""

    def __init__(self, driver: Any, path: Path, run_report: RunReport) -> None:
        self.driver = driver
        self.run_report = run_report
        driver.get_log("browser"), driver.get_log("performance")
        driver.get("about:blank")
        driver.get(path.as_uri())
        self.wait(lambda: self.script("return !document.getElementById('scroll').hidden"))

    def script(self, code: str, *arguments: Any) -> Any:
        return self.driver.execute_script(code, *arguments)

    def wait(self, done: Any, seconds: float = 20) -> None:
        end = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < end, f"waited {seconds} s; the page says: {self.state}"
            time.sleep(0.02)

    def find(self, selector: str) -> Any:
        return self.driver.find_element("css selector", selector)

    @property
    def state(self) -> str:
        return self.script("return document.getElementById('state').textContent")

    @property
    def rows(self) -> list[str]:
        return self.script("return [...document.querySelectorAll('#body .open')].map(b => b.textContent)")

    @property
    def focused(self) -> str:
        return self.script("return document.activeElement.textContent || document.activeElement.id")

    @property
    def dialog(self) -> str:
        return self.script("const d = document.getElementById('detail'); return d.open ? d.innerText : ''")

    def press(self, *keys: str) -> None:
        from selenium.webdriver import ActionChains

        ActionChains(self.driver).send_keys(*keys).perform()

    def move(self, key: str, to: str) -> None:
        """Press a key and wait until the focus is there; once more if nothing moved: a busy browser loses keys."""
        before = self.focused
        self.press(key)
        with suppress(AssertionError):
            self.wait(lambda: self.focused == to, 10)
        if self.focused == before != to:
            self.press(key)
        self.wait(lambda: self.focused == to)

    def search(self, text: str) -> None:
        field = self.find("#search")
        field.clear()
        field.send_keys(text)

    def open(self, row: int) -> None:
        self.find(f"[aria-label^='Open row {row},']").click()
        self.wait(lambda: self.dialog)

    def faults(self) -> list[dict[str, Any]]:
        """What axe-core finds that keeps people out: serious and critical."""
        return barriers(self.driver)

    def assert_quiet(self) -> None:
        """No error in the console, and no request but for the page itself."""
        assert_quiet(self.driver)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, RunReport]]:
    folder = tmp_path_factory.mktemp("small")
    hostile = exchange(10, post(HOSTILE.encode()), answer(400, json.dumps({"error": HOSTILE})))
    secretive = exchange(
        11, post(b'{"key": "s3cr3t-t0k3n", "email": "eve@example.com"}'), answer(201, '{"id": "B-11"}')
    )
    run = Run([*every_outcome(), hostile, secretive], notes=["a note"])
    with Journal.open(folder / "journal.db") as journal:
        run_report = journaled(journal, run)
        write_reports(run_report, [(FORMATS["html"], folder / "report.html")])
        yield folder / "report.html", run_report


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, RunReport]]:
    folder = tmp_path_factory.mktemp("large")
    kinds = {0: (OutcomeKind.REJECTED, 422, "postcode is not served"), 1: (OutcomeKind.FAILED, 503, None)}
    with Journal.open(folder / "journal.db") as journal:
        writer = begun(journal, Run([]))
        for start in range(0, MANY, 10_000):
            some = []
            for row in range(start + 1, start + 10_001):
                kind, status, reason = kinds.get(row % 50, (OutcomeKind.DELIVERED, 201, None))
                reference = f"A-{row * 7919 % 1_000_003}" if status == 201 else None
                some.append(
                    Delivery(row, f"tx-{row}", kind, status, str(kind), reason, reference, None, 1, 20 + row % 97,
                             None, STARTED + row / 100, True)
                )  # fmt: skip
            writer.settle(some)
        one = exchange(99_901, post(), answer(201, '{"id": "A-1"}'))
        writer.settle([], {99_901: record(one, Redactor()).dump()})
        writer.end(RunState.FINISHED, 1)
        run_report = RunReport.of(journal, journal.find(writer.run))
        write_reports(run_report, [(FORMATS["html"], folder / "report.html")])
        yield folder / "report.html", run_report


def begun(journal: Journal, run: Run) -> Any:
    from rokt_export.partner_spec.document import parse
    from rokt_export.partner_spec.loading import read_spec

    loaded = read_spec(parse("acme.yaml", run.spec))
    writer = journal.begin(
        command="test", partner="acme", environment="staging", spec_file="acme.yaml", spec_sha256=loaded.sha256
    )
    journal.note(writer.run, {"spec_text": run.spec})
    journal.note(writer.run, {"notes": list(run.notes)})
    return writer


def journaled(journal: Journal, run: Run) -> RunReport:
    writer = begun(journal, run)
    kept = {one.transaction.row: record(one, run.redactor).dump() for one in run.exchanges if one.result}
    writer.settle([delivery_of(one) for one in run.exchanges], kept)
    writer.end(RunState.FINISHED, 1)
    return RunReport.of(journal, journal.find(writer.run))


@pytest.fixture
def page(browser: Any, small: tuple[Path, RunReport]) -> Iterator[Page]:
    opened = Page(browser, *small)
    yield opened
    opened.assert_quiet()


@pytest.fixture
def big(browser: Any, large: tuple[Path, RunReport]) -> Iterator[Page]:
    opened = Page(browser, *large)
    yield opened
    opened.assert_quiet()


def test_every_delivery_is_there(page: Page) -> None:
    assert page.state == "11 rows"
    assert page.rows == [str(row) for row in range(1, 12)]
    told = page.script("return document.querySelector('#outcomes ~ table').innerText")
    for outcome, number in page.run_report.counts.items():
        assert outcome in told
        assert f"{number}" in told


def test_filters_and_search_narrow_the_table(page: Page) -> None:
    page.find(".chip:nth-of-type(1)").click()
    page.wait(lambda: page.state == "3 of 11 rows")
    assert page.rows == ["1", "9", "11"]
    page.search("a-9")
    page.wait(lambda: page.rows == ["9"])
    page.find("#reset").click()
    page.wait(lambda: page.state == "11 rows")
    page.find("#status option[value='503']").click()
    page.wait(lambda: page.rows == ["4"])
    page.find("#reset").click()
    page.find("#rule option[value='0']").click()
    page.wait(lambda: page.rows == ["2"])
    page.search("nothing like this")
    page.wait(lambda: page.state.startswith("None of 11 rows"))


def test_what_only_a_request_holds_is_found_on_demand(page: Page) -> None:
    page.search("eve@example.com")
    page.wait(lambda: page.state.startswith("None"))
    page.find("#deep").click()
    page.wait(lambda: page.rows == ["11"])


def test_columns_sort_both_ways(page: Page) -> None:
    head = "#heads th:nth-child(4)"
    page.find(f"{head} button").click()
    page.wait(lambda: page.rows[0] == "9")
    assert page.find(head).get_attribute("aria-sort") == "ascending"
    page.find(f"{head} button").click()
    page.wait(lambda: page.rows[0] == "4")
    assert page.focused.startswith("Status")


def test_a_delivery_opens_to_request_answer_and_trace(page: Page) -> None:
    page.open(3)
    assert "POST /leads HTTP/1.1" in page.dialog
    assert "Authorization: Bearer $ACME_TOKEN" in page.dialog
    assert "HTTP/1.1 422 Unprocessable Content" in page.dialog
    assert "status: found 422, wanted 409" in page.dialog.replace("`", "")
    page.press("\ue014")  # right
    page.wait(lambda: "row 4" in page.dialog)
    page.press("\ue00c")  # escape
    page.wait(lambda: not page.dialog)
    page.wait(lambda: page.focused == "4")  # the browser's own choice, the row opened first, comes before


def test_rows_without_a_recording_say_so(page: Page) -> None:
    page.open(6)
    assert "Nothing was sent." in page.dialog
    assert "parameter email: no value" in page.dialog


def test_the_curl_command_is_copied(page: Page) -> None:
    page.open(11)
    page.find("#tab-curl").click()
    copy = page.find("[aria-label='Copy the request as curl']")
    copy.click()
    page.wait(lambda: copy.text == "Copied")
    copied = page.driver.execute_async_script("navigator.clipboard.readText().then(arguments[0])")
    recording = page.run_report.recording(11)
    assert recording is not None
    assert copied == curl_command(recording)
    assert '"$ACME_TOKEN"' in copied


def test_a_hostile_body_stays_text(page: Page) -> None:
    page.open(10)
    assert HOSTILE in page.dialog
    assert page.script("return window.harmed") is None
    assert page.script("return document.images.length") == 0


def test_rows_that_are_shown_anew_leave_the_focus_where_it_was(page: Page) -> None:
    """A search that ends late shows all rows again while somebody moves through them."""
    again = "document.getElementById('search').dispatchEvent(new Event('input', {bubbles: true}))"
    mark = "document.querySelector('#body tr').dataset.old = 'yes'"
    renewed = "return !document.querySelector('#body tr').dataset.old"
    page.press("/", "\ue015", "\ue015", "\ue015")
    page.wait(lambda: page.focused == "3")
    page.script(f"{mark}; {again}")
    page.wait(lambda: page.script(renewed))
    assert page.focused == "3"
    page.press("\ue015")
    page.wait(lambda: page.focused == "4")
    page.script(f"{mark}; document.getElementById('search').value = 'dup'; {again}")
    page.wait(lambda: page.rows == ["2"])
    assert page.focused == "2", "row 4 is gone: the first one has the focus"


def test_the_keyboard_does_it_all(page: Page) -> None:
    page.press("/")
    page.wait(lambda: page.focused == "search")
    page.press("d", "u", "p")
    page.wait(lambda: page.rows == ["2"])
    page.move("\ue015", "2")  # down
    page.press("\ue007")  # enter
    page.wait(lambda: "row 2" in page.dialog)
    page.press("\ue00c")
    page.wait(lambda: not page.dialog)
    page.wait(lambda: page.focused == "2")
    page.press("/", "\ue00c")
    page.wait(lambda: page.state == "11 rows" and len(page.rows) == 11)
    for row in ("1", "2", "3"):
        page.move("\ue015", row)
    page.move("\ue010", "11")  # end


def test_dark_is_the_systems_or_ones_own_choice(page: Page) -> None:
    def paper() -> str:
        return page.script("return getComputedStyle(document.body).backgroundColor")

    light = paper()
    for expected in ("light", "dark", "auto"):
        page.find("#theme").click()
        assert page.find("#theme").text == f"Theme: {expected}"
        assert (paper() == light) is (expected != "dark")
    emulate(page, "dark")
    assert paper() != light
    emulate(page, "")


def emulate(page: Page, scheme: str) -> None:
    prefer(page.driver, scheme)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_serious_barrier(page: Page, scheme: str) -> None:
    emulate(page, scheme)
    assert page.faults() == []
    page.open(3)
    assert page.faults() == []
    emulate(page, "")


def test_it_fits_a_telephone(page: Page) -> None:
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", TELEPHONE)
    try:
        assert page.script("return document.documentElement.scrollWidth") <= 390
        page.open(3)
        assert page.script("return document.getElementById('detail').scrollWidth") <= 390
    finally:
        page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_it_prints_light_and_without_controls(page: Page) -> None:
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        assert page.script("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert not page.find("#tools").is_displayed()
        assert page.find("#grid").is_displayed()
    finally:
        page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_a_link_to_a_row_opens_it(browser: Any, small: tuple[Path, RunReport]) -> None:
    page = Page(browser, *small)
    page.script("location.hash = '#row-4'")
    page.wait(lambda: "row 4" in page.dialog)


def test_filters_are_in_the_address(browser: Any, small: tuple[Path, RunReport]) -> None:
    page = Page(browser, *small)
    page.script("location.hash = 'outcome=rejected%2Cduplicate&status=422'")
    page.wait(lambda: page.state == "1 of 11 rows")
    browser.refresh()
    page.wait(lambda: page.state == "1 of 11 rows")
    assert page.script("return document.getElementById('status').value") == "422"
    page.script("document.getElementById('reset').click()")
    page.wait(lambda: "#" not in browser.current_url)
    page.script("document.querySelector('.chip').click()")
    page.wait(lambda: browser.current_url.endswith("#outcome=delivered"))


def test_ids_stay_on_one_line_and_bodies_are_laid_out(page: Page) -> None:
    wraps = "return [...document.querySelectorAll('td.name')].map((cell) => getComputedStyle(cell).whiteSpace)"
    assert set(page.script(wraps)) == {"nowrap"}
    page.open(1)
    assert '"person": {\n    "first": "Ada"\n  }' in page.script(
        "return document.getElementById('request-text').textContent"
    )


def test_a_hundred_thousand_rows_stay_responsive(big: Page) -> None:
    assert big.state == "100,000 rows"
    assert big.script("return document.querySelectorAll('#body tr').length") == 100
    assert big.find("#grid").get_attribute("aria-rowcount") == "100001"
    began = time.monotonic()
    big.search("tx-99901")
    big.wait(lambda: big.rows == ["99901"], 5)
    assert time.monotonic() - began < 5
    big.open(99_901)
    assert "HTTP/1.1 201 Created" in big.dialog
    big.press("\ue00c")
    big.find("#reset").click()
    big.wait(lambda: big.state == "100,000 rows")
    big.find("#last").click()
    assert big.rows[-1] == "100000"
    big.find("#heads th:last-child button").click()
    big.wait(lambda: big.rows[0] != "99901" and big.state == "100,000 rows")
    spent = big.script(
        "const began = performance.now(); document.querySelector('.chip').click(); return performance.now() - began"
    )
    assert spent < 1000
    assert big.faults() == []


# --- the page of a comparison


@pytest.fixture(scope="module")
def differences_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    comparison = Comparison(a="staging", b="production")

    def side(body: str, outcome: str = "delivered", status: int = 200) -> Side:
        return Side(outcome, outcome, status=status, headers=(("Content-Type", "application/json"),),
                    body=body.encode(), latency_ms=12.0)  # fmt: skip

    for number in range(40):
        comparison.add(f"t-{number}", side('{"points": 5}'), side(json.dumps({"points": HOSTILE, "tier": 1})))
    for outcome in OutcomeKind:
        comparison.add(f"t-{outcome}", side("{}"), side("{}", str(outcome), 422))
    comparison.add("t-text", Side("failed", body=b"a\nb"), Side("failed", body=b"a\nc\nb"))
    comparison.only_in_b(HOSTILE)
    comparison.note("A note.")
    path = tmp_path_factory.mktemp("differences") / "differences.html"
    result = replace(comparison.result(), partner="acme")
    path.write_text(differences.html(result), encoding="utf-8")
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_of_differences_keeps_nobody_out(browser: Any, differences_page: Path, scheme: str) -> None:
    browser.get_log("browser"), browser.get_log("performance")
    prefer(browser, scheme)
    browser.get(differences_page.as_uri())
    dark = browser.execute_script("return getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
    assert dark is (scheme == "dark")
    assert barriers(browser) == []
    assert browser.execute_script("return window.harmed") is None
    assert HOSTILE in browser.execute_script("return document.body.innerText")
    assert browser.title == "acme: staging against production"
    assert browser.find_element("css selector", ".kicker").text == "acme · staging against production"
    assert_quiet(browser)
    prefer(browser, "")


def test_the_page_of_differences_fits_a_telephone_and_closes_what_was_read(
    browser: Any, differences_page: Path
) -> None:
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", TELEPHONE)
    try:
        browser.get(differences_page.as_uri())
        assert browser.execute_script("return document.documentElement.scrollWidth") <= 390
        assert browser.execute_script(
            "const table = document.querySelector('.confusion').getBoundingClientRect(); "
            "return table.left >= 0 && table.right <= innerWidth"
        )
        assert barriers(browser) == []
        first = browser.find_element("css selector", ".difference")
        first.find_element("css selector", "summary").click()
        assert first.get_attribute("open") is None
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.mark.parametrize("language", ["en", "de"])
def test_a_letter_asks_on_the_first_screen_and_fits_a_telephone(
    browser: Any, tell: Any, tmp_path: Path, language: str
) -> None:
    place = tmp_path / "letter.html"
    place.write_text(ContactLetter(tell(Run(every_outcome())), language).html(), encoding="utf-8")
    browser.get_log("browser"), browser.get_log("performance")
    browser.get(place.as_uri())
    assert browser.execute_script("return document.querySelector('ol').getBoundingClientRect().bottom") < 600
    assert barriers(browser) == []
    assert_quiet(browser)
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", TELEPHONE)
    try:
        assert browser.execute_script("return document.documentElement.scrollWidth") <= 390
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})

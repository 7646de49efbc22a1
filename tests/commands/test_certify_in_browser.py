"""The sign-off in a real browser: filled by keyboard, saved, read back; a draft; no network, no barrier, no script."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import TELEPHONE, assert_quiet, barriers, chromium, prefer
from certification_samples import BIDI, HOSTILE, certification
from msgspec.structs import replace

from commands.certified_runs import SPEC, Certified
from tests.commands.conftest import CommandLine

TAB, SPACE, ENTER, DOWN = "\ue004", "\ue00d", "\ue007", "\ue015"
_FOCUSED = """
const one = document.activeElement;
const seen = one.closest('.option') ?? one, style = getComputedStyle(seen);
return [one.name || one.id || one.tagName, style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2];
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as driver:
        yield driver


@pytest.fixture
def certified(cli: CommandLine) -> Certified:
    return Certified(cli, cli.write("acme.yaml", SPEC.format(url="http://127.0.0.1:1")))


class Form:
    """The page of a pack, opened, and a person with a keyboard."""

    def __init__(self, driver: Any, path: Path, folder: Path) -> None:
        self.driver, self.folder = driver, folder
        driver.get("about:blank")
        driver.get_log("browser"), driver.get_log("performance")
        driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(folder)})
        driver.get(path.as_uri())

    def script(self, code: str, *arguments: Any) -> Any:
        return self.driver.execute_script(code, *arguments)

    def press(self, *keys: str) -> None:
        from selenium.webdriver import ActionChains

        ActionChains(self.driver).send_keys(*keys).perform()

    def go_to(self, name: str) -> None:
        """Press Tab until a control has the focus; each on the way must show that it has."""
        for _ in range(60):
            focused, visible = self.script(_FOCUSED)
            if focused == name:
                assert visible, name
                return
            self.press(TAB)
        raise AssertionError(f"no Tab leads to {name}")

    def write(self, name: str, text: str) -> None:
        self.go_to(name)
        self.press(text)

    @property
    def state(self) -> str:
        return self.script("return document.getElementById('state').textContent")

    def wait(self, done: Callable[[], Any]) -> Any:
        end = time.monotonic() + 20
        while not (found := done()):
            assert time.monotonic() < end, self.state
            time.sleep(0.02)
        return found

    def fill(self) -> None:
        self.go_to("R1")
        self.press(SPACE)
        self.go_to("R2")
        self.press(SPACE, DOWN)
        self.write("R2-note", "the name is cut: Zoë")
        self.go_to("R4")
        self.press(SPACE)
        self.go_to("R3")
        self.press(SPACE, DOWN, DOWN)
        self.go_to("P4")
        self.press(SPACE)
        self.write("Q1", "Yes, always.")
        self.write("name", "Jane Doe")


@pytest.fixture
def form(browser: Any, certified: Certified, cli: CommandLine) -> Form:
    (cli.folder / "downloads").mkdir()
    return Form(browser, certified.html, cli.folder / "downloads")


def test_filled_by_keyboard_saved_and_read_back(form: Form, certified: Certified, cli: CommandLine) -> None:
    assert form.state == "0 of 7 answered"
    form.fill()
    assert form.state == "6 of 7 answered"
    form.go_to("save")
    form.press(ENTER)
    saved = form.folder / f"acme-{certified.run}.answers.json"
    form.wait(saved.exists)
    assert form.state.startswith(f"Saved as {saved.name}, with 1 left unanswered.")
    answers = json.loads(saved.read_text("utf-8"))
    assert answers["records"]["R2"] == {"found": "differs", "note": "the name is cut: Zoë"}
    done = cli("certify", "--answers", saved, certified.run)
    assert done.status == 1, done.err
    assert (
        f"signed by Jane Doe on {answers['date']}: 3 of 4 records confirmed, 1 contradicted, not answered: Q2"
        in done.out
    )
    assert "R2 (the same again): duplicate, and the partner found it with differences: the name is cut: Zoë" in done.out
    assert form.script("return window.harmed") is None
    assert_quiet(form.driver)


def test_the_text_for_a_mail_is_read_back(form: Form, certified: Certified, cli: CommandLine) -> None:
    form.fill()
    form.go_to("show")
    form.press(ENTER)
    text = form.script("return document.getElementById('mail').value")
    assert "R2: found, but: the name is cut: Zoë" in text
    assert form.script("const one = document.activeElement; return one.selectionEnd - one.selectionStart") == len(text)
    quoted = "".join(f"> {line}\r\n" for line in text.splitlines())
    done = cli("certify", "--answers", "-", certified.run, stdin=quoted.encode())
    assert done.status == 1, done.err
    assert "3 of 4 records confirmed, 1 contradicted" in done.out


def test_what_is_missing_has_the_focus_and_nothing_is_saved(form: Form) -> None:
    form.go_to("R1")
    form.press(SPACE, DOWN)
    form.go_to("save")
    form.press(ENTER)
    assert form.script(_FOCUSED) == ["R1-note", True]
    assert form.script("return document.getElementById('R1-note-wrong').textContent") == "Please say what is different."
    form.press("<script>alert(1)</script>")
    form.write("name", "Jane Doe")
    form.press(ENTER)  # in a field it does not save
    form.go_to("save")
    form.press(ENTER)
    assert form.script(_FOCUSED)[0] == "R1-note"
    wrong = form.script("return document.getElementById('R1-note-wrong').textContent")
    assert wrong == "Please describe this in words, without HTML or script."
    assert list(form.folder.iterdir()) == []
    assert barriers(form.driver) == []


def test_one_press_answers_the_others_of_a_group(form: Form) -> None:
    form.go_to("R2")
    form.press(SPACE, DOWN)
    for button in form.driver.find_elements("css selector", "[data-rest]"):
        button.send_keys(ENTER)
    chosen = form.script(
        "return [...document.querySelectorAll('[data-record] :checked')].map(one => one.name + one.value)"
    )
    assert sorted(chosen) == ["R1as_sent", "R2differs", "R3not_found", "R4as_sent"]
    assert form.state == "4 of 7 answered"


def test_one_choice_answers_each_send_of_a_person(browser: Any, cli: CommandLine) -> None:
    made = certification()
    again = replace(made.records[1], fields=made.records[0].fields)
    spec = cli.write("acme.yaml", SPEC.format(url="http://127.0.0.1:1"))
    certified = Certified(cli, spec, records=(made.records[0], again, *made.records[2:]))
    (cli.folder / "downloads").mkdir()
    form = Form(browser, certified.html, cli.folder / "downloads")
    assert form.state == "0 of 6 answered"
    form.go_to("R1")
    form.press(SPACE, DOWN)
    form.write("R1-note", "there twice")
    form.write("name", "Jane Doe")
    form.driver.refresh()
    assert form.script("return document.getElementById('R1-note').value") == "there twice"
    form.go_to("save")
    form.press(ENTER)
    saved = form.folder / f"acme-{certified.run}.answers.json"
    form.wait(saved.exists)
    assert "with 5 left unanswered" in form.state
    differs = {"found": "differs", "note": "there twice"}
    assert json.loads(saved.read_text("utf-8"))["records"] == {"R1": differs, "R2": differs}


def test_a_draft_outlives_the_page_until_it_is_cleared(form: Form) -> None:
    form.fill()
    form.driver.refresh()
    assert form.state == "Your answers from before are filled in."
    assert form.script("return document.getElementById('R2-note').value") == "the name is cut: Zoë"
    form.go_to("clear")
    form.press(ENTER)
    form.driver.switch_to.alert.accept()
    assert form.state == "All answers are cleared."
    form.driver.refresh()
    assert form.state == "0 of 7 answered"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_keeps_nobody_out(form: Form, scheme: str) -> None:
    prefer(form.driver, scheme)
    form.script("for (const one of document.querySelectorAll('details')) one.open = true")
    paper = form.script("return getComputedStyle(document.body).backgroundColor")
    assert (paper != "rgb(255, 255, 255)") is (scheme == "dark")
    assert barriers(form.driver) == []
    shown = form.script("return document.body.innerText")
    assert HOSTILE in shown
    assert BIDI not in shown
    assert form.script("return window.harmed") is None
    assert form.script("return document.images.length") == 0
    prefer(form.driver, "")


def test_it_fits_a_telephone_and_paper(form: Form) -> None:
    form.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", TELEPHONE)
    try:
        form.script("for (const one of document.querySelectorAll('details')) one.open = true")
        assert form.script("return document.documentElement.scrollWidth") <= 390
        form.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
        assert not form.driver.find_element("css selector", "#save").is_displayed()
        assert form.driver.find_element("css selector", "#R1-note").is_displayed()
    finally:
        form.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
        form.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})

"""
The console of the local Developer Center in a headless Chromium, driven through WebDriver: what
tests/system/console.c asks for. Prints "ok" for each thing seen, ends with 1 at the first that is
not so, and leaves no process and no profile behind.

    console.py ADDRESS BUNDLE SCRATCH [PICTURES]

PICTURES: a directory for screenshots at 1280 and 390 pixels width.
"""
import os
import sys
import tempfile

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

PATIENCE_S = 60
HOSTILE = '<img src=x onerror="document.title=1">\'"&amp;<script>document.title=2</script>'


def browser(scratch):
    options = Options()
    options.binary_location = "/usr/bin/chromium"
    for flag in ("headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run",
                 "disable-background-networking", "disable-component-update", "disable-sync",
                 "disable-dev-shm-usage", "hide-scrollbars", "window-size=1280,900",
                 "user-data-dir=" + tempfile.mkdtemp(dir=scratch)):
        options.add_argument("--" + flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)


class Console:
    def __init__(self, driver, address, pictures):
        self.driver, self.address, self.pictures = driver, address, pictures

    def one(self, css):
        return self.driver.find_element(By.CSS_SELECTOR, css)

    def text(self, css):
        """Text of an element; it may be drawn anew at any moment, so it is read in one go."""
        return self.driver.execute_script(
            "const n = document.querySelector(arguments[0]); return n ? n.innerText : ''", css)

    def until(self, what, condition):
        WebDriverWait(self.driver, PATIENCE_S, 0.1).until(
            lambda _: condition(), "expected: " + what)
        print("ok " + what, flush=True)

    def expect(self, what, true):
        if not true:
            raise AssertionError("expected: " + what)
        print("ok " + what, flush=True)

    def press(self, css):
        """By keyboard: focus, then Enter."""
        self.driver.execute_script("document.querySelector(arguments[0]).focus()", css)
        self.driver.switch_to.active_element.send_keys(Keys.ENTER)

    def fill(self, form, **fields):
        for name, value in fields.items():
            field = self.one("#%s [name=%s]" % (form, name))
            if field.tag_name == "select":
                Select(field).select_by_value(value)
                continue
            if field.get_attribute("type") != "file":
                field.clear()
            field.send_keys(value)

    def submit(self, form):
        self.press("#%s [type=submit]" % form)

    def closed(self, dialog):
        return not self.one("#" + dialog).get_property("open")

    def picture(self, name):
        if self.pictures:
            self.driver.execute_script("document.getElementById('toasts').replaceChildren()")
            self.driver.save_screenshot(os.path.join(self.pictures, name + ".png"))

    def width(self, px):
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": px, "height": 844 if px < 800 else 900, "deviceScaleFactor": 1,
            "mobile": px < 800})


def card(kind, name):
    return "[data-%s=%s]" % (kind, quoted(name))


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def opens(c):
    c.driver.get(c.address)
    c.until("the page is live", lambda: c.text("#live") == "live")
    c.until("both devices are there", lambda: "METER2" in c.text("#device-list"))
    c.expect("the devices' versions are shown", "1.0.0" in c.text(card("device", "meters/METER1")))


def adds_a_package(c, bundle):
    c.press("#new-package")
    c.submit("package-form")
    c.until("a missing file is explained in the dialog",
            lambda: "expected a package" in c.text("#package-form .error"))
    c.fill("package-form", file=bundle, target="1.1.0 beta")
    c.submit("package-form")
    c.until("a version the platform would refuse is explained",
            lambda: "letters, digits" in c.text("#package-form .error"))
    c.fill("package-form", target="1.1.0", name="meter-firmware", component="app", remark="first")
    c.submit("package-form")
    c.until("the package is in the list", lambda: "meter-firmware" in c.text("#package-list"))
    c.expect("the dialog is closed", c.closed("package-dialog"))


def verifies_it(c):
    c.press(card("package", "meter-firmware") + " button")
    device = c.one("#verify-form [name=device]")
    Select(device).select_by_visible_text("meters/METER1 (1.0.0)")
    c.submit("verify-form")
    seen = set()
    row = card("device", "meters/METER1")

    def moved():
        text = c.text(row)
        seen.update(word for word in ("upgrading", "success") if word in text)
        return "success" in seen and "1.1.0" in text
    c.until("a verification upgrades one device, live", moved)
    c.expect("it was seen on its way", "upgrading" in seen)
    c.expect("the other device was left alone", "1.0.0" in c.text(card("device", "meters/METER2")))


def reads_the_log(c):
    c.press(card("device", "meters/METER1") + " button")
    c.until("the log shows the platform's words",
            lambda: all(word in c.text("#log-lines") for word in
                        ("issue upgrade plan", "URL issued", "Upgrading", "success")))
    c.picture("log")
    c.driver.switch_to.active_element.send_keys(Keys.ESCAPE)
    c.until("Escape closes it", lambda: c.closed("log-dialog"))


def plans(c):
    c.press("#new-plan")
    c.fill("plan-form", name="spring-update", product="meters")
    c.expect("the newest package is picked already", "meter-firmware" in c.text("#plan-packages"))
    c.one("#plan-form [name=activate]").send_keys(Keys.SPACE)
    c.picture("dialog")
    c.submit("plan-form")
    plan = card("plan", "spring-update")
    c.until("the plan is there, inactivated", lambda: "Inactivated" in c.text(plan))
    c.press(plan + " [aria-label^=activate]")
    c.until("it is upgrading", lambda: "Upgrading" in c.text(plan))
    c.width(1280)
    c.until("the second device downloads or is further",
            lambda: "upgrading" in c.text(card("device", "meters/METER2")))
    c.picture("console-1280")
    c.width(390)
    c.picture("console-390")
    c.width(1280)
    c.until("the second device runs the new version",
            lambda: "1.1.0" in c.text(card("device", "meters/METER2")))
    c.until("the plan says success of both kinds",
            lambda: "success 100 %" in c.text(plan) and "1 no update required" in c.text(plan))
    c.press(plan + " [aria-label^=suspend]")
    c.until("it is suspended", lambda: "Suspended" in c.text(plan))
    c.press(plan + " [aria-label^=terminate]")
    c.until("a person is asked first", lambda: not c.closed("sure-dialog"))
    c.driver.switch_to.active_element.send_keys(Keys.ENTER)
    c.until("no is the answer that has the focus", lambda: c.closed("sure-dialog"))
    c.expect("it is suspended still", "Suspended" in c.text(plan))
    c.press(plan + " [aria-label^=terminate]")
    c.press("#sure-yes")
    c.until("it is terminated", lambda: "Terminated" in c.text(plan))


def plans_by_hand(c):
    c.press("#new-plan")
    c.fill("plan-form", name="by-hand", product="meters", mode="manual")
    c.submit("plan-form")
    c.until("a manual plan without a text is refused",
            lambda: "text in zh or en" in c.text("#plan-form .error"))
    c.fill("plan-form", text="Better")
    c.submit("plan-form")
    c.until("a manual plan waits for a person",
            lambda: "To be upgraded" in c.text(card("plan", "by-hand"))
            and "manual" in c.text(card("plan", "by-hand")))


def escapes(c):
    c.press("#new-plan")
    c.press("#plan-form summary")
    c.fill("plan-form", name=HOSTILE, product="meters", remark=HOSTILE)
    c.one("#plan-form [name=activate]").send_keys(Keys.SPACE)
    c.submit("plan-form")
    c.until("a hostile name is text", lambda: HOSTILE[:60] in c.text("#plan-list"))
    c.expect("no element came of it", c.driver.execute_script(
        "return document.querySelectorAll('main img, main script').length") == 0)
    c.expect("no script ran", c.driver.title == "Developer Center")


def fits_a_phone(c):
    for px in (390, 320):
        c.width(px)
        c.expect("nothing sticks out at %d pixels" % px, c.driver.execute_script(
            "return document.documentElement.scrollWidth <= innerWidth"))
    c.width(1280)


def refuses_strangers(c):
    status = c.driver.execute_async_script(
        "const done = arguments[0];"
        "fetch('/api/plan/delete', {method: 'POST', body: '{\"id\":1}'}).then(r => done(r.status))")
    c.expect("a request without the token is refused", status == 403)
    inline = c.driver.execute_async_script(
        "const done = arguments[0]; document.addEventListener('securitypolicyviolation',"
        " e => done(e.violatedDirective));"
        "const s = document.createElement('script'); s.textContent = 'document.title = 3';"
        "document.body.append(s); s.remove()")
    c.expect("inline scripts are refused by policy", inline.startswith("script-src"))
    bad = [e["message"] for e in c.driver.get_log("browser")
           if e["level"] == "SEVERE" and "console.js" in e["message"]
           and "the server responded" not in e["message"]]
    c.expect("the page's own script made no error: %s" % bad, not bad)


def main():
    address, bundle, scratch = sys.argv[1:4]
    driver = browser(scratch)
    try:
        c = Console(driver, address, sys.argv[4] if len(sys.argv) > 4 else None)
        opens(c)
        adds_a_package(c, bundle)
        verifies_it(c)
        reads_the_log(c)
        plans(c)
        plans_by_hand(c)
        escapes(c)
        fits_a_phone(c)
        refuses_strangers(c)
    finally:
        driver.quit()
    print("all seen")


if __name__ == "__main__":
    main()

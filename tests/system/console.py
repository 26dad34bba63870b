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
    c.expect("what is empty says so", "No plan yet" in c.text("#plan-list") and "no plan yet" in c.text("#device-list"))
    c.expect("its parts are landmarks with names", c.driver.execute_script(
        "return [...document.querySelectorAll('section')].every(s => s.getAttribute('aria-label')"
        " || document.getElementById(s.getAttribute('aria-labelledby')))"))


CONTRAST = """
const number = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
const light = ([r, g, b]) => [r, g, b].map(v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
function ground(n) {
    for (; n; n = n.parentElement) {
        const c = number(getComputedStyle(n).backgroundColor);
        if (c.length === 3 || c[3] > .99)
            return c;
    }
    return [255, 255, 255];
}
const bad = [];
for (const n of document.querySelectorAll('body *')) {
    const text = [...n.childNodes].some(t => t.nodeType === 3 && t.data.trim());
    if (!text || !n.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true }) || n.disabled)
        continue;
    const a = light(number(getComputedStyle(n).color)), b = light(ground(n));
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5)
        bad.push(n.tagName + ' "' + n.innerText.slice(0, 30) + '" ' + ratio.toFixed(2));
}
return bad;
"""

NAMELESS = """
return [...document.querySelectorAll('input, select, textarea, button')].filter(n =>
    !(n.labels && n.labels.length && n.labels[0].innerText !== undefined && n.labels[0].textContent.trim())
    && !n.getAttribute('aria-label') && !n.textContent.trim()).map(n => n.outerHTML.slice(0, 80));
"""


def is_readable(c, where):
    for scheme in ("light", "dark"):
        c.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {
            "features": [{"name": "prefers-color-scheme", "value": scheme}]})
        bad = c.driver.execute_script(CONTRAST)
        c.expect("%s: every text has a contrast of 4.5 in %s colours: %s" % (where, scheme, bad),
                 not bad)
    c.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    nameless = c.driver.execute_script(NAMELESS)
    c.expect("%s: every control has a name: %s" % (where, nameless), not nameless)
    twice = c.driver.execute_script(
        "const n = [...document.querySelectorAll('[id]')].map(e => e.id);"
        "return n.filter((id, i) => n.indexOf(id) !== i)")
    c.expect("%s: no id stands twice: %s" % (where, twice), not twice)


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
    c.expect("and what is about no component", "login through" in c.text("#log-lines"))
    Select(c.one("#log-component")).select_by_visible_text("app")
    c.until("one component's lines alone",
            lambda: "URL issued" in c.text("#log-lines") and "login through" not in c.text("#log-lines"))
    c.picture("log")
    is_readable(c, "the log")
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
    c.press(plan + " [aria-label^=edit]")
    c.until("its form is filled in", lambda: c.one("#plan-form [name=name]").get_property("value") == "spring-update"
            and "meter-firmware" in c.text("#plan-packages"))
    c.expect("its product is fixed", not c.one("#plan-form [name=product]").is_enabled())
    c.fill("plan-form", name="spring-update-2")
    c.submit("plan-form")
    plan = card("plan", "spring-update-2")
    c.until("it has its new name", lambda: "Inactivated" in c.text(plan))
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
    c.fill("plan-form", text_en="Better")
    c.submit("plan-form")
    c.until("a manual plan waits for a person",
            lambda: "To be upgraded" in c.text(card("plan", "by-hand"))
            and "manual" in c.text(card("plan", "by-hand")))


def confirms_as_the_app(c, bundle):
    c.press("#new-package")
    c.fill("package-form", file=bundle, target="1.2.0", name="by-hand-firmware", component="app")
    c.submit("package-form")
    c.until("a second package is there", lambda: "by-hand-firmware" in c.text("#package-list"))
    c.press("#new-plan")
    c.fill("plan-form", name="with-consent", product="meters", mode="manual", text_en="Better")
    c.submit("plan-form")
    plan, one = card("plan", "with-consent"), card("plan-device", "METER2")
    c.until("it waits for a person", lambda: "To be upgraded" in c.text(plan))
    c.press(plan + " [aria-label^=Devices]")
    c.until("the devices of the plan and what may be said are shown",
            lambda: all(w in c.text(one) for w in ("Confirm now", "Appoint", "Cancel upgrade")))
    is_readable(c, "a plan's devices")
    c.press(one + " [aria-label^=Appoint]")
    c.fill("appoint-form", ends="")
    c.submit("appoint-form")
    c.until("an appointment without an end is refused in its dialog",
            lambda: "at least" in c.text("#appoint-form .error"))
    c.driver.switch_to.active_element.send_keys(Keys.ESCAPE)
    c.until("Escape closes it", lambda: c.closed("appoint-dialog"))
    c.press(one + " [aria-label^=Cancel]")
    c.until("cancelled is failed, and final", lambda: "failed" in c.text(one)
            and "cancelled" in c.text(one) and "Confirm now" not in c.text(one))
    first = card("plan-device", "METER1")
    c.press(first + " [aria-label^=Confirm]")
    c.until("a confirmed device moves, live", lambda: "Confirm now" not in c.text(first)
            and any(w in c.text(first) for w in ("upgrading", "failed", "success", "Plan")))
    c.picture("plan-devices")
    c.driver.switch_to.active_element.send_keys(Keys.ESCAPE)
    c.until("Escape closes the devices", lambda: c.closed("plan-devices-dialog"))


def misbehaves(c):
    c.press("#faults-open")
    c.until("faults are offered", lambda: "behaves well" in c.text("#fault-list"))
    Select(c.one("#fault-form [name=name]")).select_by_visible_text("lose a kind of message")
    Select(c.one("#fault-form [name=kind]")).select_by_visible_text("0113 address of the package")
    c.fill("fault-form", percent="30", seed="7")
    c.submit("fault-form")
    c.until("it is set", lambda: "lose@0113" in c.text("#fault-list") and "30 %" in c.text("#fault-list"))
    c.picture("misbehaviour")
    is_readable(c, "misbehaviour")
    c.until("the page shows how many", lambda: c.text("#fault-count") == "1")
    c.press("#fault-clear")
    c.until("it behaves again", lambda: "behaves well" in c.text("#fault-list"))
    c.driver.switch_to.active_element.send_keys(Keys.ESCAPE)


def says_when_it_is_lost(c):
    c.driver.set_network_conditions(offline=True, latency=0, throughput=0)
    c.until("a server that is away is an alert",
            lambda: "does not answer" in c.text("#lost") and c.text("#live") == "no connection")
    is_readable(c, "without a server")
    c.picture("lost")
    c.driver.delete_network_conditions()
    c.until("the page goes on by itself", lambda: c.text("#live") == "live" and c.one("#lost").get_property("hidden"))


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
    for px in (390, 360, 320):
        c.width(px)
        c.expect("nothing sticks out at %d pixels" % px, c.driver.execute_script(
            "return document.documentElement.scrollWidth <= innerWidth"))
        for opener in ("#new-plan", "#new-package", "#faults-open"):
            c.press(opener)
            c.expect("nor of the dialog of %s" % opener, c.driver.execute_script(
                "const d = document.querySelector('dialog[open]');"
                "return d.scrollWidth <= d.clientWidth + 1 && d.getBoundingClientRect().right <= innerWidth"))
            if px == 360:
                c.picture("phone" + opener.replace("#", "-"))
            webdriver.ActionChains(c.driver).send_keys(Keys.ESCAPE).perform()
    small = c.driver.execute_script(
        "return [...document.querySelectorAll('main button')].filter(b => b.checkVisibility() &&"
        " b.getBoundingClientRect().height < 36).map(b => b.innerText)")
    c.expect("buttons are large enough for a finger: %s" % small, not small)
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
        is_readable(c, "the page")
        plans_by_hand(c)
        confirms_as_the_app(c, sys.argv[2])
        misbehaves(c)
        escapes(c)
        fits_a_phone(c)
        says_when_it_is_lost(c)
        refuses_strangers(c)
    finally:
        driver.quit()
    print("all seen")


if __name__ == "__main__":
    main()

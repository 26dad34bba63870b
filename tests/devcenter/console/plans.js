/*
 * Plans of the console: the form that makes a plan or makes it over, and the dialog with a plan's
 * devices, where a person says what the app's person would say.
 */
"use strict";

const picked = [];      /* { name, versions }: the packages of the plan that is being made */
let editing = null;     /* the plan that is being made over; null: a new one */
let planOf = null;      /* { id, name }: the plan whose devices are shown */
let deciding = null;    /* { plan, device }: what an appointment is for */

const zones = [];
for (let m = -12 * 60; m <= 14 * 60; m += 30)
	zones.push([m, "UTC" + (m < 0 ? "−" : "+") + String(Math.abs(m) / 60 | 0).padStart(2, "0") + ":" + String(Math.abs(m) % 60).padStart(2, "0")]);

const twoDigits = (n) => String(n).padStart(2, "0");
const clockOf = (minute) => twoDigits(minute / 60 | 0) + ":" + twoDigits(minute % 60);
/* For an input of local time. */
function localTime(ms) {
	const d = new Date(ms);
	return d.getFullYear() + "-" + twoDigits(d.getMonth() + 1) + "-" + twoDigits(d.getDate()) + "T" + twoDigits(d.getHours()) + ":" + twoDigits(d.getMinutes());
}

/* --- the form ------------------------------------------------------------------------------- */

function move(i, by) {
	const [one] = picked.splice(i, 1);
	picked.splice(i + by, 0, one);
	drawPicked();
}

function drawPicked() {
	const button = (text, name, work, off) => el("button", { type: "button", "aria-label": text + " " + name, onclick: work, disabled: off ? "" : null }, text);
	$("plan-packages").replaceChildren(...picked.map((one, i) => {
		const delta = (state.packages.find((k) => k.name === one.name) || {}).source;
		return el("li", {}, el("span", { class: "picked-name" }, one.name),
			delta ? el("small", {}, " only from " + delta) : el("label", { class: "inline" }, "only from ",
				el("input", { value: one.versions, placeholder: "any version", "aria-label": "Versions that get " + one.name + ", joined by ;",
					autocomplete: "off", oninput: (e) => { one.versions = e.target.value; } })),
			button("Up", one.name, () => move(i, -1), i === 0),
			button("Remove", one.name, () => { picked.splice(i, 1); drawPicked(); }));
	}));
}

function listProducts() {
	const select = $("plan-form").elements.product, was = select.value;
	options(select, state.products.toSorted((a, b) => a.kind < b.kind ? 1 : -1).map((p) => [p.pk, p.pk + " (" + p.kind + ")"]));
	if (was)
		select.value = was;
	options($("package-pick"), state.packages.toReversed().map((k) => [k.name, k.name + " (" + k.component + " " + k.target + ")"]));
	options($("plan-form").elements.zone, zones);
	$("plan-form").elements.zone.value = -new Date().getTimezoneOffset();
}

function entitle(text, button) {
	$("plan-heading").textContent = text;
	$("plan-submit").textContent = button;
}

function openNewPlan() {
	editing = null;
	$("plan-form").reset();
	listProducts();
	$("plan-form").elements.product.disabled = false;
	entitle("New upgrade plan", "Make plan");
	picked.splice(0, picked.length, ...state.packages.slice(-1).map((k) => ({ name: k.name, versions: "" })));
	drawPicked();
	show("plan-dialog");
}

async function openEdit(plan) {
	try {
		const whole = await ask("/api/plan/one?id=" + plan.id);
		editing = plan;
		const f = $("plan-form").elements;
		$("plan-form").reset();
		listProducts();
		entitle("Edit plan " + plan.name, "Save plan");
		f.product.value = plan.product;
		f.product.disabled = true;
		for (const field of ["name", "mode", "reject_min", "retries", "min_signal", "min_battery", "zone"])
			f[field].value = plan[field];
		f.remark.value = plan.remark || "";
		f.text_en.value = whole.texts.en || "";
		f.text_zh.value = whole.texts.zh || "";
		f.white.value = whole.white.join(" ");
		f.black.value = whole.black.join(" ");
		f.starts.value = localTime(plan.starts);
		f.ends.value = localTime(plan.ends);
		f.push.checked = plan.push !== 0;
		f.push_from.value = plan.push_from === plan.push_to ? "" : clockOf(plan.push_from);
		f.push_to.value = plan.push_from === plan.push_to ? "" : clockOf(plan.push_to);
		f.activate.checked = false;
		picked.splice(0, picked.length, ...whole.packages.map((n, i) => ({ name: n, versions: whole.versions[i] })));
		drawPicked();
		show("plan-dialog");
	} catch (e) {
		toast(e.message, true);
	}
}

const minutes = (text) => text ? Number(text.slice(0, 2)) * 60 + Number(text.slice(3, 5)) : 0;
const words = (text) => text.split(/[\s,;]+/).filter(Boolean);

async function savePlan(f) {
	const plan = { name: f.name.value.trim(), product: f.product.value, mode: f.mode.value,
		packages: picked.map((one) => one.name), versions: picked.map((one) => one.versions.trim()),
		texts: { en: f.text_en.value.trim(), zh: f.text_zh.value.trim() },
		white: words(f.white.value), black: words(f.black.value), push: f.push.checked,
		remark: f.remark.value.trim(), zone: Number(f.zone.value),
		push_from: minutes(f.push_from.value), push_to: minutes(f.push_to.value) };
	for (const field of ["reject_min", "retries", "min_signal", "min_battery"])
		if (f[field].value !== "")
			plan[field] = Number(f[field].value);
	for (const field of ["starts", "ends"]) {
		const ms = f[field].value ? new Date(f[field].value).getTime() : null;
		/* a field that was not touched says the minute only */
		if (ms !== null)
			plan[field] = editing && localTime(editing[field]) === f[field].value ? editing[field] : ms;
	}
	if (editing)
		plan.id = editing.id;
	const made = await post(editing ? "/api/plan/edit" : "/api/plan", plan);
	if (f.activate.checked)
		await post("/api/plan/activate", { id: made.id });
	return "Plan " + plan.name + (f.activate.checked ? " is active" : editing ? " is saved" : " is made");
}

/* --- its devices ---------------------------------------------------------------------------- */

const wishes = { retry: ["Try again", "retry"], now: ["Confirm now", 1], appoint: ["Appoint …", 2],
	cancel: ["Cancel upgrade", 3], seen: ["Result seen", 4], again: ["Try again", 5] };

async function wish(device, word, when) {
	const [text, oper] = wishes[word];
	try {
		if (oper === "retry")
			await post("/api/plan/retry", { id: planOf.id, device: device.id });
		else
			await post("/api/plan/confirm", { id: planOf.id, device: device.id, oper, ...when });
		toast(device.dk + ": " + text.toLowerCase().replace(" …", "ed"));
		await readPlanDevices();
	} catch (e) {
		if (when)
			throw e;
		toast(e.message, true);
	}
}

function decide(device, word) {
	if (word !== "appoint")
		return wish(device, word);
	deciding = device;
	const now = Date.now() + (state.ahead_ms || 0);
	$("appoint-name").textContent = device.pk + "/" + device.dk;
	$("appoint-form").elements.starts.value = localTime(now + 3600000);
	$("appoint-form").elements.ends.value = localTime(now + 3 * 3600000);
	show("appoint-dialog");
}

async function appoint(f) {
	await wish(deciding, "appoint", { starts: new Date(f.starts.value).getTime(), ends: new Date(f.ends.value).getTime() });
	return deciding.dk + ": appointed";
}

function drawPlanDevice(d) {
	const said = d.said && d.said !== "confirmed" ? " · person: " + d.said : "";
	return el("li", { class: "plan-device", "data-plan-device": d.dk },
		el("div", { class: "head" }, el("b", {}, d.pk + "/" + d.dk), chip(d.state)),
		el("small", {}, (d.online ? "online" : "offline") + " · " + (d.version || "no version") + said),
		...d.components.map((k) => el("p", { class: "what" }, k.component + " → " + k.target + (k.text ? " · " + k.text : ""))),
		d.can.length ? el("div", { class: "row" }, ...d.can.map((word) => el("button", {
			"data-key": word + " " + d.id, class: word === "now" ? "primary" : word === "cancel" ? "danger" : "",
			"aria-label": wishes[word][0].replace(" …", "") + " " + d.dk, onclick: () => decide(d, word),
		}, wishes[word][0]))) : null);
}

function openPlanDevices(plan) {
	planOf = { id: plan.id, name: plan.name };
	$("plan-devices-heading").textContent = "Devices of plan " + plan.name;
	drawn.delete("plan-device-list");
	$("plan-device-list").replaceChildren();
	$("plan-devices-dialog").showModal();
	readPlanDevices().catch((e) => toast(e.message, true));
}

async function readPlanDevices() {
	const of = planOf;
	if (!of)
		return;
	const doc = await ask("/api/plan/devices?id=" + of.id);
	if (of !== planOf)
		return;
	draw("plan-device-list", doc, () => doc.devices.length ? [...doc.devices.map(drawPlanDevice),
		doc.total > doc.devices.length ? el("li", {}, "and " + (doc.total - doc.devices.length) + " more") : null].filter(Boolean)
		: [el("li", {}, nothing("No device is meant by this plan."))]);
}

$("new-plan").addEventListener("click", openNewPlan);
$("package-take").addEventListener("click", () => {
	if ($("package-pick").value)
		picked.push({ name: $("package-pick").value, versions: "" });
	drawPicked();
});
$("plan-devices-dialog").addEventListener("close", () => { planOf = null; });
onSubmit("plan-form", savePlan);
onSubmit("appoint-form", appoint);

/*
 * The console of the local Developer Center. It asks for the whole state once a second and draws
 * what changed. Texts that came from elsewhere only ever become text nodes (`el`), never markup.
 */
"use strict";

const POLL_MS = 1000, HIDDEN_MS = 5000, TOAST_MS = 5000;
const $ = (id) => document.getElementById(id);
let state = { products: [], devices: [], packages: [], plans: [] };
let token = "";
const drawn = new Map(); /* id of a part -> what it was drawn from */
let verifying = null;    /* the package that the dialog is about */
let logOf = null;        /* { id, after, component }: the device whose log is open */
let heardAt = 0;         /* when the server answered last */

/* An element; children are nodes or texts; properties beginning with "on" are listeners. */
function el(tag, properties, ...children) {
	const node = document.createElement(tag);
	for (const [name, value] of Object.entries(properties || {})) {
		if (name.startsWith("on"))
			node.addEventListener(name.slice(2), value);
		else if (value !== null && value !== undefined)
			node.setAttribute(name, value);
	}
	node.append(...children.filter((c) => c !== null && c !== undefined));
	return node;
}

function toast(text, bad) {
	const p = el("p", { class: bad ? "bad" : "" }, text);
	$("toasts").append(p);
	setTimeout(() => p.remove(), TOAST_MS);
}

/* Ask; throws an Error with the server's sentence. */
async function ask(path, options) {
	const answer = await fetch(path, { cache: "no-store", ...options });
	const doc = await answer.json();
	if (!answer.ok)
		throw new Error(doc.error || "the server answered " + answer.status);
	return doc;
}

async function post(path, body) {
	const doc = await ask(path, {
		method: "POST",
		headers: { "X-Console-Token": token },
		body: body instanceof Blob ? body : JSON.stringify(body),
	});
	await refresh();
	return doc;
}

/* --- words ---------------------------------------------------------------------------------- */

const colours = {
	"Inactivated": "", "To be upgraded": "amber", "Upgrading": "blue", "Suspended": "amber",
	"Terminated": "red", "Ended": "", "success": "green", "failed": "red", "upgrading": "blue",
	"no update required": "green", "not upgraded": "",
};
const shares = [["upgraded", "upgraded"], ["no_update_required", "no update required"],
	["upgrading", "upgrading"], ["failed", "failed"], ["not_upgraded", "not upgraded"]];
/* The six steps of an upgrade by the last status heard; 0: issued only. */
const steps = { 1: 1, 2: 2, 4: 3, 5: 3, 8: 4, 9: 5, 11: 6 };

const verbs = { activate: "active", suspend: "suspended", terminate: "terminated", delete: "deleted" };

const chip = (text) => el("span", { class: "chip " + (colours[text] || "") }, text);
const plural = (n, word) => n + " " + word + (n === 1 ? "" : "s");

function bytes(n) {
	if (n < 1024)
		return plural(n, "byte");
	return n < 1 << 20 ? (n / 1024).toFixed(1) + " KiB" : (n / (1 << 20)).toFixed(1) + " MiB";
}

function when(ms, withDate) {
	const d = new Date(ms);
	const two = (n, width = 2) => String(n).padStart(width, "0");
	const time = two(d.getHours()) + ":" + two(d.getMinutes());
	const date = d.getFullYear() + "-" + two(d.getMonth() + 1) + "-" + two(d.getDate());
	return withDate ? date + " " + time : time + ":" + two(d.getSeconds()) + "." + two(d.getMilliseconds(), 3);
}

/* --- drawing -------------------------------------------------------------------------------- */

/* Replace a part's content if what it is drawn from has changed; the focus stays where it was. */
function draw(id, from, make) {
	const text = JSON.stringify(from);
	if (drawn.get(id) === text)
		return;
	drawn.set(id, text);
	const key = document.activeElement && document.activeElement.dataset.key;
	$(id).replaceChildren(...make());
	const again = key && [...$(id).querySelectorAll("[data-key]")].find((n) => n.dataset.key === key);
	if (again)
		again.focus();
}

function tiles() {
	const online = state.devices.filter((d) => d.online).length;
	const active = state.plans.filter((p) => p.state === "activated" && p.life !== "Ended").length;
	const sum = (name) => state.plans.reduce((n, p) => n + p.counts[name], 0);
	const over = sum("upgraded") + sum("failed");
	const rate = over ? Math.floor(sum("upgraded") * 100 / over) + " %" : "–";
	return [[online + " / " + state.devices.length, "devices online"], [active, "active plans"],
		[rate, "success rate"], [state.packages.length, "packages"]];
}

function drawUpgrade(device) {
	const u = device.upgrades.at(-1);
	if (!u)
		return [el("small", {}, "no plan yet")];
	const running = u.state === "upgrading" || (u.state === "not upgraded" && u.offered);
	const done = u.state === "success" ? 6 : steps[u.last_status] || 0;
	const bar = el("div", { class: "steps " + (running ? "running" : u.state), "aria-hidden": "true" });
	for (let i = 0; i < 6; i++)
		bar.append(el("i", { class: i < done ? "done" : i === done ? "now" : "" }));
	const word = running ? " · " + (u.last_text || "Plan issued") : "";
	return [chip(u.state === "not upgraded" && u.last_status === 3 ? "refused" : u.state), " ",
		el("span", { class: "what" }, u.component + " → " + u.target + word),
		u.state === "no update required" ? null : bar,
		el("small", {}, "plan " + u.plan + (u.failures ? ", " + plural(u.failures, "failure") : ""))].filter(Boolean);
}

function drawDevice(d) {
	const name = d.pk + "/" + d.dk;
	const extras = [d.model, d.battery === null ? null : "battery " + d.battery + " %",
		d.rssi === null ? null : d.rssi + " dBm"].filter(Boolean).join(" · ");
	return el("article", { class: "device " + (d.gateway ? "sub" : ""), "data-device": name, "aria-label": name },
		el("div", { class: "who" },
			el("span", { class: "dot " + (d.online ? "on" : "") }), el("b", {}, d.dk),
			el("small", {}, d.pk + " · " + (d.gateway ? "sub-device" : d.kind) + " · " + (d.online ? "online" : "offline"))),
		el("div", { class: "has" }, el("code", {}, d.version || "no version"), " ",
			el("small", {}, [d.mcu, extras].filter(Boolean).join(" "))),
		el("div", { class: "at" }, ...drawUpgrade(d)),
		el("div", { class: "act" }, el("button", {
			"data-key": "log " + name, "aria-label": "Log of " + name, onclick: () => openLog(d),
		}, "Log")));
}

/* Sub-devices stand below their gateway. */
function ordered() {
	const word = $("filter").value.trim().toLowerCase();
	const fits = (d) => !word || [d.pk, d.dk, d.version, d.online ? "online" : "offline",
		...d.upgrades.slice(-1).map((u) => u.state)].join(" ").toLowerCase().includes(word);
	const tops = state.devices.filter((d) => !d.gateway);
	const all = tops.flatMap((t) => [t, ...state.devices.filter((d) => d.gateway === t.pk + "/" + t.dk)]);
	return all.filter(fits);
}

function drawPlan(p) {
	const all = shares.reduce((n, [key]) => n + p.counts[key], 0);
	const share = el("div", { class: "share", "aria-hidden": "true" });
	for (const [key] of shares) {
		const part = el("i", { class: key });
		part.style.width = (all ? p.counts[key] * 100 / all : 0) + "%";
		share.append(part);
	}
	const can = { "Inactivated": ["activate", "edit", "delete"], "To be upgraded": ["suspend", "terminate"],
		"Upgrading": ["suspend", "terminate"], "Suspended": ["activate", "terminate"] }[p.life] || [];
	return el("article", { class: "card", "data-plan": p.name, "aria-label": "Plan " + p.name },
		el("div", { class: "head" }, el("h3", {}, p.name), chip(p.life)),
		el("p", {}, p.verifies ? "verification on one device · " : "product " + p.product + " · ", p.packages.join(", then "),
			el("br"), when(p.starts, true) + " to " + when(p.ends, true) + (p.mode === "manual" ? " · manual" : p.push ? "" : " · on request only")),
		share,
		el("ul", { class: "legend" }, ...shares.filter(([key]) => p.counts[key])
			.map(([key, word]) => el("li", {}, p.counts[key] + " " + word)),
			el("li", {}, p.success_rate === null ? plural(all, "device") : "success " + p.success_rate + " %")),
		el("div", { class: "row" }, ...can.map((verb) => el("button", {
			class: verb === "activate" ? "primary" : verb === "suspend" || verb === "edit" ? "" : "danger",
			"data-key": verb + " " + p.id, "aria-label": verb + " plan " + p.name, onclick: () => verb === "edit" ? openEdit(p) : change(p, verb),
		}, verb[0].toUpperCase() + verb.slice(1))), el("button", {
			"data-key": "devices " + p.id, "aria-label": "Devices of plan " + p.name, onclick: () => openPlanDevices(p),
		}, "Devices")));
}

function drawPackage(k) {
	return el("article", { class: "card", "data-package": k.name, "aria-label": "Package " + k.name },
		el("div", { class: "head" }, el("h3", {}, k.name), chip(k.source ? "delta" : "full")),
		el("p", {}, k.component + (k.kind ? " (MCU)" : "") + " · " + (k.source ? k.source + " → " : "") + k.target + " · " +
			(k.files > 1 ? k.files + " files, " : "") + bytes(k.size),
			el("br"), "sent " + plural(k.requests, "time") + ", " + bytes(k.bytes_served), k.remark ? " · " + k.remark : ""),
		el("p", { class: "mono", title: "SHA-256 " + k.sha256 }, "sha256 " + k.sha256.slice(0, 16) + "…"),
		el("div", { class: "row" }, el("button", {
			"data-key": "verify " + k.id, "aria-label": "Verify package " + k.name, onclick: () => openVerify(k),
		}, "Verify on a device")));
}

const nothing = (text) => el("p", { class: "empty" }, text);

function render() {
	draw("tiles", tiles(), () => tiles().map(([n, word]) => el("div", { class: "tile" }, el("b", {}, String(n)), el("span", {}, word))));
	const devices = ordered();
	draw("device-list", [devices, !state.devices.length], () => devices.length ? devices.map(drawDevice)
		: [nothing(state.devices.length ? "No device fits the filter." : "No device yet. `subota-devcenter subdevice add` makes one known.")]);
	$("fault-count").textContent = state.faults || "";
	$("fault-count").hidden = !state.faults;
	draw("plan-list", state.plans, () => state.plans.length ? state.plans.toReversed().map(drawPlan) : [el("div", { class: "card" }, nothing("No plan yet."))]);
	draw("package-list", state.packages, () => state.packages.length ? state.packages.toReversed().map(drawPackage) : [el("div", { class: "card" }, nothing("No package yet. Add one, then make a plan of it."))]);
}

/* --- actions -------------------------------------------------------------------------------- */

/* Ask whether it is meant; resolves to true or false. */
function sure(heading, text, yes) {
	const dialog = $("sure-dialog");
	$("sure-heading").textContent = heading;
	$("sure-text").textContent = text;
	$("sure-yes").textContent = yes;
	dialog.returnValue = "no";
	dialog.showModal();
	return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }));
}

async function change(plan, verb) {
	if (verb === "terminate" && !await sure("Terminate plan " + plan.name + "?",
		"Devices that have begun go on; all others count as failed. It cannot be activated again.", "Terminate"))
		return;
	if (verb === "delete" && !await sure("Delete plan " + plan.name + "?", "It was never activated.", "Delete"))
		return;
	try {
		await post("/api/plan/" + verb, { id: plan.id });
		toast("Plan " + plan.name + " is " + verbs[verb]);
	} catch (e) {
		toast(e.message, true);
	}
}

/* A form's own work, with its button disabled and what went wrong shown above the fields. */
function onSubmit(id, work) {
	const form = $(id), error = form.querySelector(".error"), button = form.querySelector("[type=submit]");
	form.addEventListener("submit", async (event) => {
		event.preventDefault();
		button.disabled = true;
		error.hidden = true;
		try {
			const done = await work(form.elements);
			form.closest("dialog").close();
			form.reset();
			toast(done);
		} catch (e) {
			error.textContent = e.message;
			error.hidden = false;
			error.scrollIntoView({ block: "nearest" });
		}
		button.disabled = false;
	});
}

function options(select, rows) {
	select.replaceChildren(...rows.map(([value, text]) => el("option", { value }, text)));
}

/* Open a form's dialog, with what went wrong the last time forgotten. */
function show(id) {
	const dialog = $(id), error = dialog.querySelector(".error");
	if (error)
		error.hidden = true;
	dialog.showModal();
}

function openVerify(k) {
	verifying = k;
	$("verify-name").textContent = k.name;
	options($("verify-form").elements.device, state.devices.filter((d) => d.online)
		.toSorted((a, b) => (b.gateway ? 1 : 0) - (a.gateway ? 1 : 0)).map((d) => [d.id, d.pk + "/" + d.dk + " (" + (d.version || "no version") + ")"]));
	show("verify-dialog");
}

async function addPackage(f) {
	const [file, ...more] = f.file.files;
	if (!file)
		throw new Error("file: expected a package, got none");
	if (more.length > 4 || (more.length && f.kind.value === "mcu"))
		throw new Error("file: expected at most " + (f.kind.value === "mcu" ? 1 : 5) + ", got " + (more.length + 1));
	const q = new URLSearchParams({ file: file.name });
	for (const name of ["name", "component", "target", "source", "kind", "remark"])
		q.set(name, f[name].value.trim());
	const made = await post("/api/package?" + q, file);
	for (const one of more)
		await post("/api/package/file?" + new URLSearchParams({ package: made.id, file: one.name }), one);
	return "Package " + (f.name.value.trim() || file.name) + " is in the store";
}

async function verify(f) {
	await post("/api/verify", { package: verifying.id, device: Number(f.device.value) });
	return "Verification of " + verifying.name + " began";
}

/* --- the log -------------------------------------------------------------------------------- */

function openLog(device) {
	const components = [...new Set(device.upgrades.map((u) => u.component))];
	logOf = { id: device.id, after: 0, component: "" };
	options($("log-component"), [["", "everything"], ...components.map((c) => [c, c])]);
	$("log-filter").hidden = !components.length;
	$("log-heading").textContent = "Log of " + device.pk + "/" + device.dk;
	$("log-lines").replaceChildren();
	$("log-dialog").showModal();
	readLog();
}

async function readLog() {
	const of = logOf;
	if (!of)
		return;
	const lines = await ask("/api/log?" + new URLSearchParams({ device: of.id, after: of.after, component: of.component }));
	if (of !== logOf || !lines.length || lines[0].id <= of.after)
		return;
	const list = $("log-lines");
	const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
	of.after = lines.at(-1).id;
	list.append(...lines.map((l) => el("li", {}, el("time", {}, when(l.at)), el("span", {}, l.text))));
	if (atEnd)
		list.scrollTop = list.scrollHeight;
}

/* --- life ----------------------------------------------------------------------------------- */

async function refresh() {
	const live = $("live");
	try {
		state = await ask("/api/state");
		token = state.token;
		heardAt = Date.now();
		live.className = "live on";
		if (live.textContent !== "live")
			live.textContent = "live";
		$("lost").hidden = true;
		render();
		await readLog();
		await readPlanDevices();
		await readFaults();
	} catch (e) {
		live.className = "live off";
		live.textContent = "no connection";
		if ($("lost").hidden)
			$("lost").textContent = "The Developer Center does not answer. " +
				(heardAt ? "What you see is from " + when(heardAt).slice(0, 8) + "; the page goes on by itself when it is back." : "Is it running?");
		$("lost").hidden = false;
		console.warn(e);
	}
}

async function poll() {
	await refresh();
	setTimeout(poll, document.hidden ? HIDDEN_MS : POLL_MS);
}

for (const button of document.querySelectorAll("[data-open]"))
	button.addEventListener("click", () => show(button.dataset.open));
for (const button of document.querySelectorAll("[data-close]"))
	button.addEventListener("click", () => button.closest("dialog").close());
$("log-component").addEventListener("change", (e) => {
	logOf = { ...logOf, after: 0, component: e.target.value };
	$("log-lines").replaceChildren();
	readLog().catch((x) => toast(x.message, true));
});
$("log-dialog").addEventListener("close", () => { logOf = null; });
$("filter").addEventListener("input", render);
onSubmit("package-form", addPackage);
onSubmit("verify-form", verify);
/* the other scripts are there, too */
document.addEventListener("DOMContentLoaded", poll);

/*
 * Misbehaviour on request: what is set, and the form that sets more. Kinds of messages have names
 * here; any other command can be written as four hex digits.
 */
"use strict";

const kinds = [["down", "everything to devices"], ["up", "everything from devices"], ["0111", "0111 plan"],
	["0113", "0113 address of the package"], ["0114", "0114 status"], ["0115", "0115 request"],
	["0044", "0044 version report"], ["00c0", "00C0 registration"], ["00c1", "00C1 its answer"],
	["00c2", "00C2 login"], ["00c3", "00C3 its answer"], ["00a3", "00A3 exception"], ["00b4", "00B4 configuration"]];
let known = [];

function nameFault() {
	const f = $("fault-form").elements;
	const one = known.find((k) => k.name === f.name.value);
	$("fault-text").textContent = one ? "The value: " + one.text : "";
	$("fault-kind").hidden = $("fault-percent").hidden = !one || !one.of_a_kind;
}

function drawFault(f) {
	return el("li", { "data-fault": f.name }, el("code", {}, f.name),
		" " + f.value + (f.times ? ", " + plural(f.times, "time") : ", always") + (f.percent < 100 ? ", " + f.percent + " %" : ""),
		el("button", { type: "button", "data-key": "clear " + f.name, "aria-label": "Clear " + f.name, onclick: () => clearFaults({ name: f.name }) }, "Clear"));
}

async function readFaults() {
	if (!$("faults-dialog").open)
		return;
	const doc = await ask("/api/faults");
	if (!known.length) {
		known = doc.known;
		options($("fault-form").elements.name, known.map((k) => [k.name, k.name + (k.of_a_kind ? " a kind of message" : "")]));
		options($("fault-form").elements.kind, kinds);
		$("fault-form").elements.seed.value = doc.seed;
		nameFault();
	}
	draw("fault-list", doc.set, () => doc.set.length ? doc.set.map(drawFault) : [el("li", {}, nothing("It behaves well."))]);
	$("fault-clear").disabled = !doc.set.length;
}

async function clearFaults(which) {
	try {
		await post("/api/fault/clear", which);
		await readFaults();
	} catch (e) {
		toast(e.message, true);
	}
}

$("faults-open").addEventListener("click", () => {
	$("faults-dialog").showModal();
	readFaults().catch((e) => toast(e.message, true));
});
$("fault-clear").addEventListener("click", () => clearFaults({}));
$("fault-form").elements.name.addEventListener("change", nameFault);
$("fault-form").addEventListener("submit", async (event) => {
	event.preventDefault();
	const f = $("fault-form").elements, error = $("fault-form").querySelector(".error");
	const one = known.find((k) => k.name === f.name.value);
	error.hidden = true;
	try {
		await post("/api/fault/seed", { seed: Number(f.seed.value) });
		await post("/api/fault", { name: one.of_a_kind ? one.name + "@" + f.kind.value : one.name,
			value: Number(f.value.value), times: Number(f.times.value || 0),
			percent: one.of_a_kind ? Number(f.percent.value) : 100 });
		await readFaults();
	} catch (e) {
		error.textContent = e.message;
		error.hidden = false;
	}
});

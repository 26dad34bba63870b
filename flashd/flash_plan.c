/*
 * flash_plan: see flash_plan.h.
 */
#include <cjson/cJSON.h>
#include <string.h>

#include "flash_depends.h"
#include "flash_health.h"
#include "flash_judge.h"
#include "flash_plan.h"
#include "flash_queue.h"

struct plan {
	struct flash *f;
	const struct roster_device *device;
	cJSON *root, *checks;
	char to[DEVICE_TEXT];
	const char *verdict;
};

/* --- which device ----------------------------------------------------------------------------- */

static bool
is_named(const struct flash_settings_device *c, const char *name, size_t len)
{
	char keys[70];

	snprintf(keys, sizeof(keys), "%s/%s", c->product_key, c->device_key);
	return (strlen(c->name) == len && strncmp(c->name, name, len) == 0) ||
	       (strlen(keys) == len && strncmp(keys, name, len) == 0);
}

static const struct roster_device *
find(const struct flash *f, const char *argument)
{
	size_t len = strcspn(argument, " ");
	const char *component = argument[len] ? argument + len + 1 : NULL;

	for (size_t i = 0; i < f->roster.n; i++) {
		const struct roster_device *d = &f->roster.devices[i];

		if (is_named(d->config, argument, len) &&
		    (!component || strcmp(d->config->component, component) == 0))
			return d;
	}
	return NULL;
}

/* --- checks ----------------------------------------------------------------------------------- */

static void
on_check(void *arg, const char *check, enum err e, const char *text)
{
	struct plan *p = arg;
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "check", check);
	cJSON_AddStringToObject(o, "result", err_name(e));
	cJSON_AddStringToObject(o, "text", text);
	cJSON_AddItemToArray(p->checks, o);
}

/* A payload for this component; NULL: none. */
static const Tr__Payload *
payload_of(const Tr__Manifest *m, const char *component)
{
	for (size_t i = 0; m && i < m->n_payload; i++)
		if (strcmp(m->payload[i]->component, component) == 0)
			return m->payload[i];
	return NULL;
}

static enum err
check_image(struct plan *p, const struct bundle_head *head, Tr__Manifest **m)
{
	struct flash *f = p->f;
	const struct flash_settings_device *c = p->device->config;
	struct trust_policy policy = {.lab = f->settings->lab, .dry = true};
	AUTO(trust) struct trust *trust = NULL;
	char state[300];
	struct verify_target t = {.vendor = c->vendor,
	    .model = c->model,
	    .hw_revision = c->hw_revision,
	    .unit = p->device->unit,
	    .product_key = c->product_key,
	    .device_key = c->device_key,
	    .component = c->component,
	    .driver = c->driver};

	snprintf(state, sizeof(state), "%s/roots", f->daemon->state_dir);
	enum err e = trust_open(f->settings->trust_dir, state, &policy, &trust);

	if (e != ERR_OK)
		return e;
	const struct verify_context context = {
	    trust, f->ledger.record, "", flash_time(f, false), flash_depends_on, f};

	e = verify_explain(&context, head, &t, on_check, p, m);
	if (e == ERR_ALREADY)
		p->verdict = "nothing";
	else if (e == ERR_AGAIN)
		p->verdict = "wait";
	else if (e != ERR_OK)
		p->verdict = "refuse";
	return ERR_OK;
}

static void
check_policy(struct plan *p, const Tr__Payload *payload)
{
	const struct flash_settings_device *c = p->device->config;
	Pb__Device device = PB__DEVICE__INIT;
	Pb__PlanOffer o = PB__PLAN_OFFER__INIT;
	struct policy_verdict v;

	device.product_key = (char *)(uintptr_t)c->product_key;
	device.device_key = (char *)(uintptr_t)c->device_key;
	o.device = &device;
	o.component = (char *)(uintptr_t)c->component;
	o.target_version = p->to;
	o.space_bytes = payload->image_size;
	flash_judge_explain(p->f, &o, &v, on_check, p);
	if (p->verdict)
		return;
	if (v.reason == ERR_ALREADY)
		p->verdict = "nothing";
	else if (v.verdict == PB__VERDICT__VERDICT_ASKED)
		p->verdict = "ask";
	else if (v.verdict == PB__VERDICT__VERDICT_DEFER)
		p->verdict = "wait";
	else if (v.verdict != PB__VERDICT__VERDICT_ACCEPT)
		p->verdict = "refuse";
}

static void
check_queue(struct plan *p)
{
	const struct flash_settings_device *c = p->device->config;
	Pb__Device device = PB__DEVICE__INIT;
	struct device_upgrade u;

	device.product_key = (char *)(uintptr_t)c->product_key;
	device.device_key = (char *)(uintptr_t)c->device_key;
	device_init(&u, 0, &device, c->component, p->to, clock_now());
	u.state = DEVICE_QUEUED;
	bool waits = flash_queue_would(p->f, &u) != ROLLOUT_HOLD_NONE;

	on_check(p, "turn", waits ? ERR_BUSY : ERR_OK,
	    waits ? u.hold_text : "expected a turn at once, got one");
	if (waits && !p->verdict)
		p->verdict = "wait";
}

/* What decides later, if all goes well. */
static void
tell_health(struct plan *p)
{
	const struct flash_settings_device *c = p->device->config;
	char text[WHY_SIZE];

	if (!flash_health_is(c))
		return;
	snprintf(text, sizeof(text),
	    "expected exit status 0 of %.60s within %llu ms before the new version is kept, got"
	    " nothing to ask it about yet",
	    c->health_command, (unsigned long long)c->health_ms);
	on_check(p, "health", ERR_OK, text);
}

static enum err
fill(struct plan *p, const struct bundle_head *head)
{
	AUTO(manifest) Tr__Manifest *m = NULL;
	enum err e = check_image(p, head, &m);
	const Tr__Payload *payload = payload_of(m, p->device->config->component);

	if (e != ERR_OK)
		return e;
	if (payload) {
		snprintf(p->to, sizeof(p->to), "%s", payload->version);
		check_policy(p, payload);
		check_queue(p);
		tell_health(p);
	}
	return ERR_OK;
}

enum err
flash_plan_on_data(
    void *arg, const char *what, const char *argument, const void *data, size_t len, char **json)
{
	AUTO(bundle_head) struct bundle_head *head = NULL;
	struct bundle_bytes bytes = {(uint8_t *)(uintptr_t)data, len};
	char why[WHY_SIZE] = "";
	struct plan p = {.f = arg, .device = find(arg, argument)};

	if (strcmp(what, "plan") != 0 || !p.device)
		return ERR_NOT_FOUND;
	enum err e = bundle_read_head(bundle_read_memory, &bytes, len, &head, why);

	if (e != ERR_OK)
		return e;
	p.root = cJSON_CreateObject();
	cJSON_AddStringToObject(p.root, "device", p.device->config->name);
	cJSON_AddStringToObject(p.root, "component", p.device->config->component);
	p.checks = cJSON_AddArrayToObject(p.root, "checks");
	e = fill(&p, head);
	cJSON_AddStringToObject(p.root, "from", p.device->version);
	cJSON_AddStringToObject(p.root, "to", p.to);
	cJSON_AddStringToObject(p.root, "verdict", p.verdict ? p.verdict : "begin");
	*json = e == ERR_OK ? cJSON_PrintUnformatted(p.root) : NULL;
	cJSON_Delete(p.root);
	return e != ERR_OK || *json ? e : ERR_NOMEM;
}

/*
 * demo_sum: see demo_sum.h.
 */
#include "demo_sum.h"

#include <stdarg.h>

#include "demo_kind.h"
#include "demo_show.h"
#include "json.h"

enum { TEXT = 160 };

static double
phase_s(const struct demo_watch *w, enum demo_phase from, enum demo_phase to)
{
	uint64_t most = 0;

	for (unsigned i = 0; i < w->n; i++) {
		uint64_t ms = 0;

		for (enum demo_phase p = from; p <= to; p++)
			ms += w->device[i].phase_ms[p];
		most = ms > most ? ms : most;
	}
	return (double)most / 1000;
}

static void
row(FILE *to, const char *name, double seconds, uint64_t cpu_ms, uint64_t rss_kib,
    const char *format, ...) __attribute__((format(printf, 6, 7)));

static void
row(FILE *to, const char *name, double seconds, uint64_t cpu_ms, uint64_t rss_kib,
    const char *format, ...)
{
	char text[TEXT], rss[24] = "";
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (rss_kib)
		snprintf(rss, sizeof(rss), "%.1f MB", (double)rss_kib / 1000);
	fprintf(to, "%-12s %8.3f %7.2f %9s  %s\n", name, seconds, (double)cpu_ms / 1000, rss, text);
}

static void
print_platform(const struct demo_watch *w, FILE *to)
{
	const struct demo_usage *u = &w->usage[HOUSE_DEVCENTER];
	char served[24];

	demo_show_bytes(w->served, served);
	row(to, "devcenter", phase_s(w, DEMO_OFFERED, DEMO_CONFIRMED), u->cpu_ms, u->rss_kib,
	    "plan pushed, %s served in %llu request%s; statuses %s", served,
	    (unsigned long long)w->requests, w->requests == 1 ? "" : "s", w->statuses[0]);
}

static const char *
protocol(const struct house_options *o)
{
	const struct demo_kind *k = demo_kind_table();

	while (k->name && (k->link != o->link || k->loader != o->loader))
		k++;
	return k->name ? k->text : "a driver";
}

static void
print_daemons(const struct demo_watch *w, FILE *to)
{
	const struct demo_usage *u = w->usage;
	const struct demo_device *d = &w->device[0];
	char fetched[24], written[24], rate[24];
	uint64_t all = 0;

	for (unsigned i = 0; i < w->n; i++)
		all += w->device[i].written;
	demo_show_bytes(d->fetched, fetched);
	demo_show_bytes(all, written);
	demo_show_bytes(d->write_ms ? d->written * 1000 / d->write_ms : 0, rate);
	row(to, "cloudd", phase_s(w, DEMO_OFFERED, DEMO_OFFERED), u[HOUSE_CLOUDD].cpu_ms,
	    u[HOUSE_CLOUDD].rss_kib, "from the plan to the package's address; then reported on");
	row(to, "fetchd", phase_s(w, DEMO_VERIFYING, DEMO_VERIFYING), u[HOUSE_FETCHD].cpu_ms,
	    u[HOUSE_FETCHD].rss_kib, "digests, signatures and scope checked, image %s",
	    d->phase == DEMO_REFUSED ? "refused" : "published");
	row(to, "  courier", phase_s(w, DEMO_FETCHING, DEMO_FETCHING), u[HOUSE_FETCHD].children_ms,
	    0, "%s fetched over HTTPS", fetched);
	row(to, "flashd", phase_s(w, DEMO_WAITING, DEMO_WAITING), u[HOUSE_FLASHD].cpu_ms,
	    u[HOUSE_FLASHD].rss_kib, "%s",
	    all ? "plan admitted, image verified again, saw each device to its end"
		: "plan admitted, no image came");
	row(to, "  session", phase_s(w, DEMO_FLASHING, DEMO_FLASHING), u[HOUSE_FLASHD].children_ms,
	    0, "%s written by %s, %s/s at %u baud", written,
	    protocol(&w->house->options), rate, w->house->options.baud);
}

void
demo_sum_print(const struct demo_watch *w, FILE *to)
{
	char name[32];

	fprintf(to, "\n%-12s %8s %7s %9s  %s\n", "process", "seconds", "cpu s", "memory",
	    "what it did");
	print_platform(w, to);
	print_daemons(w, to);
	for (unsigned i = 0; i < w->n; i++) {
		const struct demo_device *d = &w->device[i];
		const struct demo_usage *u = &w->usage[HOUSE_DEVICE + i];
		uint64_t ms = d->phase_ms[DEMO_STAGED] + d->phase_ms[DEMO_TESTING] +
			      d->phase_ms[DEMO_CONFIRMED];

		row(to, house_name(HOUSE_DEVICE + i, name), (double)ms / 1000, u->cpu_ms,
		    u->rss_kib, "%s: %u boots, %u ways back, runs %s%s", d->name,
		    d->boots, d->reverts, d->running, d->confirmed ? ", confirmed" : "");
	}
}

/* --- the file --------------------------------------------------------------------------------- */

static void
add_device(cJSON *list, const struct demo_device *d)
{
	cJSON *o = cJSON_CreateObject();
	uint64_t all = 0;

	cJSON_AddItemToArray(list, o);
	cJSON_AddStringToObject(o, "device", d->name);
	cJSON_AddStringToObject(o, "from", d->from);
	cJSON_AddStringToObject(o, "to", d->to);
	cJSON_AddStringToObject(o, "running", d->running);
	cJSON_AddStringToObject(o, "outcome", demo_phase_word(d->phase));
	cJSON_AddStringToObject(o, "platform", d->platform);
	cJSON_AddStringToObject(o, "detail", d->detail);
	cJSON *phases = cJSON_CreateObject();
	for (enum demo_phase p = DEMO_OFFERED; p < DEMO_DONE; p++) {
		cJSON_AddNumberToObject(phases, demo_phase_word(p), (double)d->phase_ms[p] / 1000);
		all += d->phase_ms[p];
	}
	cJSON_AddNumberToObject(o, "seconds", (double)all / 1000);
	cJSON_AddItemToObject(o, "phases", phases);
	cJSON *bytes = cJSON_AddObjectToObject(o, "bytes");
	cJSON_AddNumberToObject(bytes, "package", (double)d->fetched);
	cJSON_AddNumberToObject(bytes, "image", (double)d->written);
	cJSON_AddNumberToObject(bytes, "device", (double)d->uploaded);
}

static void
add_process(cJSON *list, const struct demo_watch *w, enum house_part p)
{
	cJSON *o = cJSON_CreateObject();
	char name[32];

	cJSON_AddItemToArray(list, o);
	cJSON_AddStringToObject(o, "name", house_name(p, name));
	cJSON_AddNumberToObject(o, "cpu_ms", (double)w->usage[p].cpu_ms);
	cJSON_AddNumberToObject(o, "children_cpu_ms", (double)w->usage[p].children_ms);
	cJSON_AddNumberToObject(o, "rss_kib", (double)w->usage[p].rss_kib);
	cJSON_AddNumberToObject(o, "starts", w->house->process[p].starts);
}

bool
demo_sum_write(const struct demo_watch *w, const struct demo_fault *f, const char *why,
    const char *path)
{
	AUTO(json) cJSON *doc = cJSON_CreateObject();

	cJSON_AddStringToObject(doc, "fault", f->name);
	cJSON_AddStringToObject(doc, "expected", f->then);
	cJSON_AddBoolToObject(doc, "ok", why[0] == 0);
	cJSON_AddStringToObject(doc, "why", why);
	cJSON *devices = cJSON_AddArrayToObject(doc, "devices");
	for (unsigned i = 0; i < w->n; i++)
		add_device(devices, &w->device[i]);
	cJSON *processes = cJSON_AddArrayToObject(doc, "processes");
	for (enum house_part p = 0; p < house_parts(w->house); p++)
		add_process(processes, w, p);
	AUTO(mem) char *text = cJSON_Print(doc);
	AUTO(file) FILE *out = fopen(path, "we");
	return text && out && fprintf(out, "%s\n", text) > 0;
}

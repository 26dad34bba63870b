/*
 * sandbox_cmd: `sandbox`: what each process promises (promise.h), next to what the kernel says of
 * those that run. Promises come from the very table that the processes lock themselves in with;
 * the kernel's word from /proc. Landlock shows nowhere in /proc: what it refuses to a running
 * process is what the escape tests are for.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "ctl.h"
#include "firewall.h"
#include "opt.h"
#include "out.h"
#include "processes.h"
#include "promise.h"

/* clang-format off */
static const struct opt_spec specs[] = {
	OUT_OPTION,
	{NULL, NULL, false, false, NULL},
};

static const struct out_column columns[] = {
	{"process", "PROCESS"}, {"about", "ABOUT"}, {"text", "PROMISED, OR SAID BY THE KERNEL"}, {NULL, NULL},
};
/* clang-format on */

static const struct opt_command command = {
    .usage = "subotactl sandbox [--json]",
    .about = "What each process promises not to do (files, ports, system calls, limits), and what "
	     "the\nkernel says of those that run. Without root only the own user's processes show "
	     "all.\n",
    .specs = specs,
};

static void
add(cJSON *list, const char *process, const char *about, const char *text)
{
	cJSON *row = out_row(list);

	out_add_text(row, "process", process);
	out_add_text(row, "about", about);
	out_add_text(row, "text", text);
}

/* --- promised --------------------------------------------------------------------------------- */

static const char *
ports_text(const struct sandbox_promise *p)
{
	if (!p->ports)
		return "none";
	if (strcmp(p->ports, "*") == 0)
		return "to any port";
	if (strcmp(p->ports, "$link_ports") == 0)
		return "to the ports of its TCP links only, over sockets from before; it can make "
		       "none";
	return "to the port of its server only";
}

static void
add_files(cJSON *list, const struct sandbox_promise *p)
{
	char rights[64], text[200];

	for (const struct landlock_rule *r = p->files; r && r->place; r++) {
		snprintf(text, sizeof(text), "%s: %s", r->place,
		    landlock_rights_text(r->rights, rights));
		add(list, p->name, "file", text);
	}
	if (p->files && !p->files->place)
		add(list, p->name, "file", "none");
	add(list, p->name, "tcp", ports_text(p));
}

static void
add_calls(cJSON *list, const struct sandbox_promise *p)
{
	char text[300];

	for (size_t i = 0; p->calls && p->calls[i]; i++) {
		int at = snprintf(text, sizeof(text), "%s:", p->calls[i]->name);
		const char *last = "";

		for (const struct seccomp_row *r = p->calls[i]->rows; r->name; r++) {
			if (strcmp(r->name, last) == 0 || at > (int)sizeof(text) - 40)
				continue;
			last = r->name;
			at += snprintf(text + at, sizeof(text) - (size_t)at, " %s%s", r->name,
			    r->error            ? "(refused)"
			    : r->checks[0].test ? "(some)"
						: "");
		}
		add(list, p->name, "calls", text);
	}
}

/* --- kept ------------------------------------------------------------------------------------- */

/* Is its network another than ours? "?" when we may not know. */
static const char *
network_of(const char *pid)
{
	char path[300], ours[64] = "", its[64] = "";

	snprintf(path, sizeof(path), "/proc/%s/ns/net", pid);
	if (readlink("/proc/self/ns/net", ours, sizeof(ours) - 1) < 0 ||
	    readlink(path, its, sizeof(its) - 1) < 0)
		return "?";
	return strcmp(ours, its) == 0 ? "ours" : "its own";
}

static void
add_kept(cJSON *list, const struct sandbox_promise *p, const char *pid)
{
	char uid[64], caps[64], privs[64], calls[64], text[600];

	processes_status(pid, "Uid", uid);
	processes_status(pid, "CapEff", caps);
	processes_status(pid, "NoNewPrivs", privs);
	processes_status(pid, "Seccomp", calls);
	snprintf(text, sizeof(text),
	    "pid %s: uid %s, capabilities %s, no new privileges %s, seccomp %s, network %s", pid,
	    uid, strspn(caps, "0") == strlen(caps) ? "none" : caps, privs[0] == '1' ? "yes" : "NO",
	    calls[0] == '2' ? "filter" : "OFF", network_of(pid));
	add(list, p->name, "kernel", text);
}

struct keeping {
	cJSON *list;
	const struct sandbox_promise *promise;
	bool found;
};

static void
on_process(void *arg, const char *pid)
{
	struct keeping *k = arg;

	add_kept(k->list, k->promise, pid);
	k->found = true;
}

static void
add_all_kept(cJSON *list, const struct sandbox_promise *p)
{
	struct keeping k = {list, p, false};

	processes_each(p, on_process, &k);
	if (!k.found)
		add(list, p->name, "kernel", "it does not run");
}

static void
add_kernel(cJSON *list)
{
	int abi = landlock_abi();
	char text[200];

	snprintf(text, sizeof(text), "Landlock ABI %d, seccomp %s", abi,
	    seccomp_works() ? "filters work" : "does NOT work");
	add(list, "all", "kernel", text);
	for (const struct landlock_gap *g = landlock_gaps(); g->since; g++) {
		if (g->since <= abi)
			continue;
		snprintf(text, sizeof(text), "%s: not by Landlock (ABI %d would); %s", g->what,
		    g->since, g->instead);
		add(list, "all", "lacks", text);
	}
	snprintf(text, sizeof(text), "by user: %s", firewall_text(firewall_look(NULL)));
	add(list, "all", "firewall", text);
}

int
sandbox_cmd_run(int argc, char **argv)
{
	struct opt_set o;
	size_t n = 0;
	const struct sandbox_promise *rows = promise_rows(&n);
	AUTO(out_json) cJSON *list = cJSON_CreateArray();
	enum err e = opt_parse(&command, argc, argv, &o);
	static const char without[] = "its own, no capability, no new privileges, not dumpable";
	static const char without_network[] = "its own, no capability, no new privileges, not "
					      "dumpable; started by root: no network interface";
	static const char with_links[] = "its own, no capability, no new privileges, not dumpable; "
					 "started by root: no network interface, but sockets of "
					 "its TCP and UDP links";
	char text[120];

	if (e)
		return e == ERR_CANCELLED ? CTL_OK : CTL_USAGE;
	add_kernel(list);
	for (size_t i = 0; i < n; i++) {
		add(list, rows[i].name, "user",
		    rows[i].apart && rows[i].ports ? with_links
		    : rows[i].apart                ? without_network
						   : without);
		snprintf(text, sizeof(text), "at most %llu MiB of memory, %llu descriptors",
		    (unsigned long long)(rows[i].max_memory >> 20),
		    (unsigned long long)rows[i].max_files);
		add(list, rows[i].name, "limits", text);
		add_files(list, &rows[i]);
		add_calls(list, &rows[i]);
		add_all_kept(list, &rows[i]);
	}
	return out_list(list, columns, out_form(&o));
}

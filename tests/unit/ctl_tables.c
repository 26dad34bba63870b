/*
 * ctl_tables: `subotactl routes`, `fsm`, `errors` and `config` print the tables that the daemons
 * use, all of them, for people and as JSON.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "cloud_settings.h"
#include "conversation.h"
#include "ctl/out.h"
#include "device.h"
#include "flash_settings.h"
#include "image.h"
#include "kit.h"
#include "login.h"
#include "promise.h"
#include "rollout.h"
#include "route.h"
#include "settings.h"
#include "tool.h"
#include "upgrade.h"

AUTO_DEFINE(json, cJSON *, cJSON_Delete)

static cJSON *
parsed(struct tool_result r)
{
	cr_assert_eq(r.status, 0, "%s", r.out);
	cJSON *doc = cJSON_Parse(r.out);

	cr_assert(doc, "%s", r.out);
	return doc;
}

static const char *
text(const cJSON *o, const char *key)
{
	const char *s = cJSON_GetStringValue(cJSON_GetObjectItem(o, key));

	return s ? s : "";
}

Test(ctl_tables, routes_prints_every_row_of_the_table)
{
	AUTO(json) cJSON *list = parsed(CTL(".", "routes", "--json"));
	size_t n = 0;
	const struct route_row *rows = route_rows(&n);

	cr_assert_eq(cJSON_GetArraySize(list), (int)n);
	for (size_t i = 0; i < n; i++) {
		const cJSON *row = cJSON_GetArrayItem(list, (int)i);

		cr_expect_str_eq(text(row, "kind"), route_kind_name(rows[i].kind));
		cr_expect_str_eq(text(row, "from"), who_name(rows[i].from));
		cr_expect_str_eq(text(row, "to"), who_name(rows[i].to));
		cr_expect_eq(
		    cJSON_GetObjectItem(row, "max_bytes")->valuedouble, (double)rows[i].max_bytes);
	}
}

Test(ctl_tables, routes_prints_a_table_for_people)
{
	struct tool_result r = CTL(".", "routes");

	cr_expect_eq(r.status, 0);
	cr_expect(strncmp(r.out, "KIND ", 5) == 0, "%s", r.out);
	cr_expect(strstr(r.out, "\nFlashOrder     fetchd   flashd   ready  "), "%s", r.out);
	cr_expect_null(strstr(r.out, " \n"), "no blanks at the end of a line");
}

/* Does a row of this process have a promise that starts like this? */
static bool
is_promised(const cJSON *list, const char *process, const char *about, const char *promise)
{
	const cJSON *row = NULL;

	cJSON_ArrayForEach(
	    row, list) if (strcmp(text(row, "process"), process) == 0 &&
			   strcmp(text(row, "about"), about) == 0 &&
			   strncmp(text(row, "text"), promise, strlen(promise)) == 0) return true;
	return false;
}

Test(ctl_tables, sandbox_prints_the_promises_of_every_process)
{
	AUTO(json) cJSON *list = parsed(CTL(".", "sandbox", "--json"));
	size_t n = 0;
	const struct sandbox_promise *rows = promise_rows(&n);

	for (size_t i = 0; i < n; i++) {
		cr_expect(is_promised(list, rows[i].name, "user", "its own, no capability"));
		cr_expect(is_promised(list, rows[i].name, "calls", "base: read write "), "%s",
		    rows[i].name);
	}
	cr_expect(is_promised(list, "session", "file", "none"));
	cr_expect(is_promised(list, "session", "tcp", "none"));
	cr_expect(is_promised(list, "fetchd", "file", "$store: read write make"));
	cr_expect(is_promised(list, "flashd", "file", "$store: read"));
	cr_expect_not(is_promised(list, "flashd", "file", "$store: read write"));
	cr_expect(is_promised(list, "cloudd", "tcp", "none"));
	cr_expect(is_promised(list, "dialer", "tcp", "to the port of its server only"));
	cr_expect(is_promised(list, "flashd", "tcp", "to the ports of its TCP links only"));
}

Test(ctl_tables, firewall_holds_each_user_to_the_ports_of_its_servers)
{
	AUTO(scratch) char *dir = kit_scratch();
	const char conf[] =
	    "[common]\ncloud_user = 71\nfetch_user = 72\ncourier_user = 73\nflash_user = 74\n"
	    "session_user = 75\n"
	    "operator_group = 0\ndevice_group = 0\n[cloudd]\nhost = h\nport = 1884\n"
	    "product_key = p\ndevice_key = d\nmove_to = other:1885\n[fetchd]\nallow_http = yes\n";
	const char more[] =
	    "package_ports = 8443 81\n[flashd.device a]\nproduct_key = p\ndevice_key = d\n"
	    "vendor = v\nmodel = m\nport = tcp:127.0.0.1:4001\n[flashd.device b]\n"
	    "product_key = p\ndevice_key = e\nvendor = v\nmodel = m\n"
	    "port = udp:[fe80::1]:1337\n[flashd.device c]\nproduct_key = p\ndevice_key = f\n"
	    "vendor = v\nmodel = m\nport = /dev/ttyS1\n";
	char both[1000];

	kit_write(dir, "conf", conf, sizeof(conf) - 1);
	struct tool_result r = CTL(dir, "firewall", "--config", "conf");
	cr_assert_eq(r.status, 0, "%s", r.out);
	cr_expect(
	    strstr(r.out, "chain cloudd {\n\t\ttcp dport { 53, 1884, 1885 } accept"), "%s", r.out);
	cr_expect(strstr(r.out, "chain couriers {\n\t\ttcp dport { 53, 443, 80 } accept"));
	cr_expect(strstr(r.out, "chain flashd {\n\t\tgoto nowhere"), "no link of a network");
	cr_expect(strstr(r.out, "meta skuid 71 jump cloudd\n\t\tmeta skuid 73 jump couriers\n\t\t"
				"meta skuid 74 jump flashd\n\t\tmeta skuid 72 goto nowhere\n\t\t"
				"meta skuid 75 goto nowhere\n"));
	snprintf(both, sizeof(both), "%s%s", conf, more);
	kit_write(dir, "conf", both, strlen(both));
	r = CTL(dir, "firewall", "--config", "conf");
	cr_expect(strstr(r.out, "couriers {\n\t\ttcp dport { 53, 8443, 81 } accept"), "%s", r.out);
	cr_expect(strstr(r.out, "chain flashd {\n\t\tip daddr 127.0.0.1 tcp dport 4001 accept\n"
				"\t\tip6 daddr fe80::1 udp dport 1337 accept\n\t\tgoto nowhere"));
	snprintf(both, sizeof(both), "%spackage_ports = 70000\n", conf);
	kit_write(dir, "conf", both, strlen(both));
	r = CTL(dir, "firewall", "--config", "conf");
	cr_expect_eq(r.status, 65, "%s", r.out);
	cr_expect(strstr(r.out, "from 1 to 65535, or any, got '70000'"), "%s", r.out);
	cr_expect_not(strstr(r.out, "table"), "half of the rules are none");
}

Test(ctl_tables, sandbox_says_what_this_kernel_leaves_to_others)
{
	AUTO(json) cJSON *list = parsed(CTL(".", "sandbox", "--json"));

	for (const struct landlock_gap *g = landlock_gaps(); g->since; g++)
		cr_expect_eq(is_promised(list, "all", "lacks", g->what), g->since > landlock_abi());
}

Test(ctl_tables, fsm_prints_every_row_of_every_machine)
{
	static const struct {
		const char *name;
		const struct fsm_table *table;
	} machines[] = {{"login", &login_table}, {"conversation", &conversation_table},
	    {"upgrade", &upgrade_table}, {"image", &image_table}, {"device", &device_table},
	    {"rollout", &rollout_table}};
	AUTO(json) cJSON *all = parsed(CTL(".", "fsm", "--json"));

	cr_expect_eq(cJSON_GetArraySize(all), 6);
	for (size_t i = 0; i < 6; i++) {
		const struct fsm_table *t = machines[i].table;
		AUTO(json) cJSON *list = parsed(CTL(".", "fsm", machines[i].name, "--json"));

		cr_expect_str_eq(text(cJSON_GetArrayItem(all, (int)i), "name"), machines[i].name);
		cr_assert_eq(cJSON_GetArraySize(list), t->n_rows);
		for (int k = 0; k < t->n_rows; k++) {
			const cJSON *row = cJSON_GetArrayItem(list, k);
			const struct fsm_row *want = &t->rows[k];

			cr_expect_str_eq(text(row, "event"), t->events[want->event]);
			cr_expect_str_eq(text(row, "next"),
			    want->next == FSM_SAME ? "same" : t->states[want->next]);
		}
	}
}

Test(ctl_tables, fsm_draws_one_edge_for_each_row)
{
	struct tool_result r = CTL(".", "fsm", "device", "--dot");
	int edges = 0;

	cr_assert_eq(r.status, 0, "%s", r.out);
	cr_expect(strncmp(r.out, "digraph device {\n", 17) == 0, "%s", r.out);
	for (const char *at = strstr(r.out, " -> "); at; at = strstr(at + 1, " -> "))
		edges++;
	cr_expect_eq(edges, device_table.n_rows);
	cr_expect(strstr(r.out, ", style=dashed];\n"), "a condition is dashed");
	cr_expect_eq(CTL(".", "fsm", "--dot").status, 64);
	cr_expect_eq(CTL(".", "fsm", "device", "--dot", "--json").status, 64);
}

Test(ctl_tables, errors_prints_the_whole_list)
{
	struct tool_result r = CTL(".", "errors");

	cr_expect_eq(r.status, 0);
	cr_expect(strstr(r.out, "\n111     ROLLBACK"), "%s", r.out);
#define X(name, number, words) cr_expect(strstr(r.out, words), #name);
	ERR_LIST(X)
#undef X
}

/* Every key of a table stands in the text with its default. */
static void
expect_keys(const struct conf_table *t, const char *printed)
{
	char want[300];

	for (size_t i = 0; i < t->n_sections; i++) {
		const struct conf_section *s = &t->sections[i];

		for (const struct conf_key *k = s->keys; k < s->keys + s->n_keys; k++) {
			bool value = k->fallback && *k->fallback;

			snprintf(want, sizeof(want), "\n%s%s =%s%s\n", k->fallback ? "#" : "",
			    k->name, value ? " " : "", value ? k->fallback : "");
			cr_expect(strstr(printed, want), "[%s] %s", s->name, k->name);
		}
	}
}

Test(ctl_tables, config_prints_every_key_of_every_daemon_with_its_default)
{
	struct conf_section sections[FLASH_SETTINGS_SECTIONS];
	struct tool_result r = CTL(".", "config"), one = CTL(".", "config", "--daemon", "fetchd");
	struct conf_table t = cloud_settings_table(sections);

	expect_keys(&t, r.out);
	t = settings_table(sections);
	expect_keys(&t, r.out);
	expect_keys(&t, one.out);
	t = flash_settings_table(sections);
	expect_keys(&t, r.out);
	cr_expect_null(strstr(one.out, "[cloudd]"));
	cr_expect_null(strstr(strstr(r.out, "[common]") + 1, "[common]"), "once is enough");
}

#define USERS "cloud_user = 0\nfetch_user = 0\ncourier_user = 0\nflash_user = 0\nsession_user = 0\n"
#define COMMON "[common]\n" USERS "operator_group = 0\ndevice_group = 0\n"
#define CLOUD "[cloudd]\nhost = iot.example\nproduct_key = p1\ndevice_key = gw1\n"

Test(ctl_tables, config_check_says_yes_or_names_each_mistake)
{
	static const char good[] = COMMON CLOUD "[fetchd]\nparallel = 3\n";
	static const char bad[] = COMMON CLOUD
	    "tls = no\n[fetchd]\nparallel = 99\n[flashd]\nx = 1\n";
	AUTO(scratch) char *dir = kit_scratch();

	kit_write(dir, "good", good, sizeof(good) - 1);
	kit_write(dir, "bad", bad, sizeof(bad) - 1);
	struct tool_result r = CTL(dir, "config", "--check", "good");

	cr_expect_eq(r.status, 0, "%s", r.out);
	r = CTL(dir, "config", "--check", "bad");
	cr_expect_eq(r.status, 65);
	cr_expect(strstr(r.out, "cloudd error expected tls = yes"), "%s", r.out);
	cr_expect(strstr(r.out, "fetchd error bad:"), "%s", r.out);
	cr_expect(strstr(r.out, "flashd error bad:"), "%s", r.out);
	cr_expect_eq(CTL(dir, "config", "--check", "bad", "--daemon", "cloudd").status, 65);
	cr_expect_eq(CTL(dir, "config", "--check", "missing").status, 65);
	cr_expect_eq(CTL(dir, "config", "--daemon", "nobody").status, 64);
	cr_expect_eq(CTL(dir, "fsm", "nothing").status, 64);
}

Test(ctl_tables, config_effective_lists_each_value_and_where_it_is_from)
{
	static const char conf[] = COMMON CLOUD
	    "[fetchd]\nparallel = 3\n[flashd.device m]\nproduct_key = p\ndevice_key = d\n"
	    "vendor = v\nmodel = m\ndriver = smp\nport = /dev/ttyX\n";
	AUTO(scratch) char *dir = kit_scratch();

	kit_write(dir, "conf", conf, sizeof(conf) - 1);
	struct tool_result r = CTL(dir, "config", "--effective", "conf");

	cr_expect_eq(r.status, 0, "%s", r.out);
	cr_expect(strstr(r.out, "\nfetchd           parallel "), "%s", r.out);
	cr_expect(strstr(r.out, " 3                                   conf:14\n"), "%s", r.out);
	cr_expect(strstr(r.out, "\nflashd.device m  model "), "%s", r.out);
	AUTO(json) cJSON *list = parsed(CTL(dir, "config", "--effective", "conf", "--json"));
	const cJSON *row = NULL;
	int common = 0, defaults = 0;

	cJSON_ArrayForEach(row, list)
	{
		common += strcmp(text(row, "key"), "run_dir") == 0 ? 1 : 0;
		defaults += strcmp(text(row, "origin"), "default") == 0 ? 1 : 0;
	}
	cr_expect_eq(common, 1, "[common] once");
	cr_expect_gt(defaults, 30);
	cr_expect_eq(CTL(dir, "config", "--effective", "conf", "--check", "conf").status, 64);
	cr_expect_eq(CTL(dir, "config", "--effective", "missing").status, 65);
}

/* --- the writer ------------------------------------------------------------------------------- */

Test(ctl_tables, every_answer_comes_as_lines_of_keys_too)
{
	struct tool_result r = CTL(".", "errors", "--kv");

	cr_expect_eq(r.status, 0);
	cr_expect(strncmp(r.out, "0.number=0\n0.name=OK\n0.text=", 28) == 0, "%.100s", r.out);
	cr_expect_null(strchr(r.out, '{'));
	r = CTL(".", "routes", "--kv", "--json");
	cr_expect_eq(r.out[0], '[', "JSON when both are asked for");
}

static void
expect_text(const char *json, const char *want)
{
	AUTO(json) cJSON *v = cJSON_Parse(json);
	char got[40];

	out_text(v, got, sizeof(got));
	cr_expect_str_eq(got, want, "%s: %s", json, got);
}

Test(ctl_tables, the_writer_shows_values_and_never_a_control_character)
{
	expect_text("\"plain\"", "plain");
	expect_text("\"a\\u001b[2Jb\\n\"", "a?[2Jb?");
	expect_text("\"\\u00e4\"", "??");
	expect_text("\"\"", "-");
	expect_text("null", "-");
	expect_text("true", "yes");
	expect_text("12345678901", "12345678901");
	expect_text("[1,2]", "[1,2]");
	expect_text("\"0123456789012345678901234567890123456789\"",
	    "012345678901234567890123456789012345678");
}

/* Rules that are loaded are known by the name of a chain. */
Test(ctl_tables, firewall_of_another_configuration_has_another_mark)
{
	AUTO(scratch) char *dir = kit_scratch();
	static const char *const ports[] = {"1884", "1885", "1884"};
	char marks[3][30] = {"", "", ""};

	for (size_t i = 0; i < 3; i++) {
		char conf[400];

		snprintf(conf, sizeof(conf),
		    "[common]\ncloud_user = 71\nfetch_user = 72\ncourier_user = 73\n"
		    "flash_user = 74\nsession_user = 75\noperator_group = 0\ndevice_group = 0\n"
		    "[cloudd]\nhost = h\nport = %s\nproduct_key = p\ndevice_key = d\n",
		    ports[i]);
		kit_write(dir, "conf", conf, strlen(conf));
		struct tool_result r = CTL(dir, "firewall", "--config", "conf");
		const char *mark = strstr(r.out, "chain of_");
		cr_assert(mark, "%s", r.out);
		snprintf(marks[i], sizeof(marks[i]), "%.25s", mark);
	}
	cr_expect_str_neq(marks[0], marks[1]);
	cr_expect_str_eq(marks[0], marks[2]);
}

/* By hand, one user may be several processes: what the first may holds. */
Test(ctl_tables, firewall_names_each_user_once)
{
	AUTO(scratch) char *dir = kit_scratch();
	const char conf[] =
	    "[common]\ncloud_user = 71\nfetch_user = 71\ncourier_user = 71\nflash_user = 74\n"
	    "session_user = 74\noperator_group = 0\ndevice_group = 0\n[cloudd]\nhost = h\n"
	    "port = 1884\nproduct_key = p\ndevice_key = d\n[fetchd]\npackage_ports = any\n";

	kit_write(dir, "conf", conf, sizeof(conf) - 1);
	struct tool_result r = CTL(dir, "firewall", "--config", "conf");
	cr_assert_eq(r.status, 0, "%s", r.out);
	cr_expect(strstr(r.out, "couriers {\n\t\tmeta l4proto tcp accept\n"), "%s", r.out);
	cr_expect(strstr(r.out, "policy accept;\n\t\tmeta skuid 71 jump cloudd\n\t\tmeta skuid 74 "
				"jump flashd\n\t}\n"),
	    "%s", r.out);
}

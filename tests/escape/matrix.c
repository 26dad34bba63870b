/*
 * matrix: see matrix.h.
 */
#include "matrix.h"

#include <cjson/cJSON.h>
#include <string.h>

#include "landlock.h"

static const char *const modes[MATRIX_MODES] = {
    "require", "no-calls", "no-files", "no-apart", "no-calls,no-files", "none"};

const char *
matrix_mode(size_t i)
{
	return modes[i];
}

/* --- running ---------------------------------------------------------------------------------- */

static bool
try_control(struct matrix *m, struct victims *v, size_t row)
{
	size_t n = 0;
	struct places places = {0};

	victims_places(v, ATTEMPT_SESSION, &places);
	pid_t pid = victims_control(v);
	m->control[row] = attempt_run(&attempt_rows(&n)[row], pid, &places);
	victims_end_control(v);
	places_fini(&places);
	return pid > 0;
}

static bool
try_one(struct matrix *m, struct victims *v, size_t row, size_t victim, size_t mode)
{
	size_t n = 0;
	const char *name;
	const struct attempt *a = &attempt_rows(&n)[row];
	struct matrix_cell *cell = &m->cells[row][victim];
	enum attempt_who who = victims_who(victim, &name);
	struct attempt_result *r = &cell->by_mode[mode];
	pid_t pid = 0;

	for (int i = 0; i < 2; i++) {
		struct places places = {0};

		victims_places(v, who, &places);
		pid = victims_pid(v, who);
		*r = pid ? attempt_run(a, pid, &places) : (struct attempt_result){INJECT_LOST, 0};
		places_fini(&places);
		if (r->end != INJECT_RETURNED || (r->error == 0 && !(a->meant_for & who)))
			victims_end(v, who); /* changed, or gone */
		if (r->end != INJECT_LOST)
			break;
	}
	cell->tried = true;
	return pid > 0;
}

/* Which attempts: all, or `count` of them by a small generator. */
static void
choose(bool chosen[MATRIX_ROWS], size_t n, unsigned count, uint64_t seed)
{
	for (size_t i = 0; i < n; i++)
		chosen[i] = seed == 0;
	for (unsigned k = 0; seed && k < count;) {
		seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		size_t i = (size_t)(seed >> 33) % n;

		k += !chosen[i];
		chosen[i] = true;
	}
}

static bool
run_mode(struct matrix *m, struct victims *v, const bool chosen[MATRIX_ROWS], size_t n, size_t mode)
{
	bool fine = true;

	victims_set_mode(v, modes[mode]);
	for (size_t i = 0; fine && i < n * VICTIMS; i++)
		if (chosen[i / VICTIMS])
			fine = try_one(m, v, i / VICTIMS, i % VICTIMS, mode);
	for (size_t i = 0; fine && mode == 0 && i < n; i++)
		if (chosen[i])
			fine = try_control(m, v, i);
	return fine;
}

bool
matrix_run(struct matrix *m, struct house *h, const struct matrix_order *o)
{
	bool chosen[MATRIX_ROWS] = {false};
	struct victims v;
	size_t n = 0;

	(void)attempt_rows(&n);
	*m = (struct matrix){.modes = o->modes, .abi = landlock_abi(), .walled = o->walled};
	if (n > MATRIX_ROWS || victims_open(&v, h, o->walled) != ERR_OK)
		return false;
	choose(chosen, n, o->rows < n ? o->rows : (unsigned)n, o->seed);
	bool fine = true;
	for (size_t mode = 0; fine && mode < o->modes; mode++)
		fine = run_mode(m, &v, chosen, n, mode);
	victims_close(&v);
	return fine;
}

/* --- telling ---------------------------------------------------------------------------------- */

/* Does the firewall deny it? */
static bool
is_walled(const struct matrix *m, const struct attempt *a, size_t victim)
{
	const char *name;

	return m->walled && (attempt_walled(a) & victims_who(victim, &name));
}

/* Does only a newer Landlock deny it? The ABI that does, 0: no. */
static int
gap_of(const struct matrix *m, const struct attempt *a, size_t victim)
{
	const char *name;
	int since = 0;
	unsigned who = attempt_gap(a, m->abi, &since);

	return (who & victims_who(victim, &name)) && !is_walled(m, a, victim) ? since : 0;
}

static bool
is_meant(const struct matrix *m, const struct attempt *a, size_t victim)
{
	const char *name;
	bool meant = a->meant_for & victims_who(victim, &name);

	return (meant && !is_walled(m, a, victim)) || gap_of(m, a, victim);
}

unsigned
matrix_judge(const struct matrix *m, FILE *out)
{
	size_t n = 0;
	const struct attempt *rows = attempt_rows(&n);
	unsigned wrong = 0;

	for (size_t i = 0; i < n * VICTIMS; i++) {
		const struct attempt *a = &rows[i / VICTIMS];
		const struct matrix_cell *cell = &m->cells[i / VICTIMS][i % VICTIMS];
		const struct attempt_result *r = &cell->by_mode[0];
		const char *name;

		(void)victims_who(i % VICTIMS, &name);
		if (!cell->tried ||
		    (attempt_succeeded(r) == is_meant(m, a, i % VICTIMS) && r->end != INJECT_LOST))
			continue;
		fprintf(out, "%s, %s: expected %s, got %s\n", name, a->name,
		    is_meant(m, a, i % VICTIMS) ? "allowed" : "a denial", attempt_text(r));
		wrong++;
	}
	return wrong;
}

static const char *
control_text(const struct matrix *m, size_t row)
{
	return attempt_succeeded(&m->control[row]) ? "allowed" : attempt_text(&m->control[row]);
}

static cJSON *
cell_json(const struct matrix *m, const struct attempt *a, size_t row, size_t victim)
{
	const struct matrix_cell *cell = &m->cells[row][victim];
	cJSON *o = cJSON_CreateObject();
	const char *name;

	(void)victims_who(victim, &name);
	cJSON_AddStringToObject(o, "process", name);
	cJSON_AddStringToObject(o, "attempt", a->name);
	cJSON_AddStringToObject(o, "expected", is_meant(m, a, victim) ? "allowed" : "denied");
	if (gap_of(m, a, victim))
		cJSON_AddNumberToObject(o, "denied_since_abi", gap_of(m, a, victim));
	cJSON_AddStringToObject(o, "observed", attempt_text(&cell->by_mode[0]));
	cJSON_AddStringToObject(
	    o, "control", attempt_succeeded(&m->control[row]) ? "allowed" : "not testable");
	cJSON *without = m->modes > 1 ? cJSON_AddObjectToObject(o, "without") : NULL;
	for (size_t k = 1; k < m->modes; k++)
		cJSON_AddStringToObject(without, modes[k], attempt_text(&cell->by_mode[k]));
	return o;
}

bool
matrix_json(const struct matrix *m, const char *path)
{
	size_t n = 0;
	const struct attempt *rows = attempt_rows(&n);
	cJSON *list = cJSON_CreateArray();

	for (size_t i = 0; i < n * VICTIMS; i++)
		if (m->cells[i / VICTIMS][i % VICTIMS].tried)
			cJSON_AddItemToArray(
			    list, cell_json(m, &rows[i / VICTIMS], i / VICTIMS, i % VICTIMS));
	char *text = cJSON_Print(list);
	AUTO(file) FILE *f = fopen(path, "we");
	bool fine = text && f && fprintf(f, "%s\n", text) > 0;
	cJSON_free(text);
	cJSON_Delete(list);
	return fine;
}

/* Attempts that come through when this layer is taken away and did not before. */
static unsigned
carried_by(const struct matrix *m, size_t mode)
{
	unsigned count = 0;

	for (size_t i = 0; i < (size_t)MATRIX_ROWS * VICTIMS; i++) {
		const struct matrix_cell *cell = &m->cells[i / VICTIMS][i % VICTIMS];

		count += cell->tried && attempt_succeeded(&cell->by_mode[mode]) &&
			 !attempt_succeeded(&cell->by_mode[0]);
	}
	return count;
}

static void
print_cell(const struct matrix *m, const struct attempt *a, size_t row, size_t victim, FILE *out)
{
	const char *text = attempt_text(&m->cells[row][victim].by_mode[0]);
	int since = gap_of(m, a, victim);

	if (since)
		fprintf(out, " **%s** below ABI %d |", text, since);
	else
		fprintf(out, is_meant(m, a, victim) ? " **%s** |" : " %s |", text);
}

void
matrix_table(const struct matrix *m, FILE *out)
{
	size_t n = 0;
	const struct attempt *rows = attempt_rows(&n);
	const char *name;

	fprintf(out, "| attempt |");
	for (size_t k = 0; k < VICTIMS; k++) {
		(void)victims_who(k, &name);
		fprintf(out, " %s |", name);
	}
	fprintf(out, " without jail |\n");
	for (size_t k = 0; k < VICTIMS + 2; k++)
		fprintf(out, k < VICTIMS + 1 ? "|---" : "|---|\n");
	for (size_t i = 0; i < n; i++) {
		fprintf(out, "| %s |", rows[i].name);
		for (size_t k = 0; k < VICTIMS; k++)
			print_cell(m, &rows[i], i, k, out);
		fprintf(out, " %s |\n", control_text(m, i));
	}
	fprintf(out, "\nLandlock ABI %d, %s the firewall by user.\n", m->abi,
	    m->walled ? "with" : "without");
	for (size_t k = 1; k < m->modes; k++)
		fprintf(out, "With `%s`, %u more attempts succeed.\n", modes[k], carried_by(m, k));
}

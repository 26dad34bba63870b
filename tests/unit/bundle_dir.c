/*
 * bundle_dir: a head as files that another process may have put there. Numbers in comments are
 * those of the adversarial cases.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bundle_dir.h"
#include "kit.h"
#include "root.h"

Test(bundle_dir, gives_back_what_it_saved)
{
	AUTO(scratch) char *scratch = kit_scratch();
	AUTO(kit) struct kit *kit = kit_new(scratch);
	struct kit_spec spec = {.sequence = 3};
	AUTO(bundle_head) struct bundle_head *h = kit_head(kit, &spec);
	AUTO(bundle_head) struct bundle_head *again = NULL;
	AUTO(root) Tr__Root *next = kit_next_root(kit->doc);
	char why[WHY_SIZE] = "";

	kit_add_root(kit, h, next, 3);
	AUTO(fd) int dir = open(scratch, O_RDONLY | O_DIRECTORY);

	cr_assert_eq(bundle_dir_save(dir, h, 0440), ERR_OK);
	cr_assert_eq(bundle_dir_save(dir, h, 0440), ERR_EXISTS);
	cr_assert_eq(bundle_dir_load(dir, &again, why), ERR_OK, "%s", why);
	cr_assert_arr_eq(again->digest, h->digest, BUNDLE_DIGEST);
	cr_assert_eq(again->n_roots, 1u);
	cr_assert_eq(again->roots[0].version, 2u);
	cr_assert_eq(again->roots[0].text.n_sigs, 2u);
	AUTO(trust) struct trust *t = kit_trust(kit, NULL);

	cr_assert_eq(kit_verify(t, again, why), ERR_OK, "%s", why);
}

/* what another process can put there in place of a file */
/* trust: 40 */
Test(bundle_dir, refuses_links_pipes_and_directories_without_blocking)
{
	AUTO(scratch) char *scratch = kit_scratch();
	char path[128];
	struct bundle_head *h = NULL;
	AUTO(fd) int dir = open(scratch, O_RDONLY | O_DIRECTORY);

	snprintf(path, sizeof(path), "%s/manifest", scratch);
	cr_assert_eq(bundle_dir_load(dir, &h, NULL), ERR_NOT_FOUND);
	cr_assert_eq(symlink("/etc/hostname", path), 0);
	cr_assert_eq(bundle_dir_load(dir, &h, NULL), ERR_FRAME);
	unlink(path);
	cr_assert_eq(mkfifo(path, 0600), 0);
	cr_assert_eq(bundle_dir_load(dir, &h, NULL), ERR_FRAME);
	unlink(path);
	cr_assert_eq(mkdir(path, 0700), 0);
	cr_assert_eq(bundle_dir_load(dir, &h, NULL), ERR_FRAME);
	rmdir(path);
	cr_assert_eq(symlink("/dev/zero", path), 0);
	cr_assert_eq(bundle_dir_load(dir, &h, NULL), ERR_FRAME);
	unlink(path);
	AUTO(fd) int big = open(path, O_WRONLY | O_CREAT, 0600);

	cr_assert_eq(ftruncate(big, BUNDLE_MANIFEST_BYTES + 1), 0);
	cr_assert_eq(bundle_dir_load(dir, &h, NULL), ERR_LIMIT);
}

/* What is replaced is never half there: an old document stays readable until the new one is whole.
 */
Test(bundle_dir, replaces_a_document_and_its_signatures)
{
	AUTO(scratch) char *scratch = kit_scratch();
	AUTO(fd) int dir = open(scratch, O_RDONLY | O_DIRECTORY);
	struct bundle_signed s = {0}, back = {0};

	cr_assert_eq(bundle_set_doc(&s, "one", 3), ERR_OK);
	cr_assert_eq(bundle_add_sig(&s, "sig", 3), ERR_OK);
	cr_assert_eq(bundle_dir_replace_signed(dir, "root.2", &s, 0600), ERR_OK);
	cr_assert_eq(bundle_set_doc(&s, "three", 5), ERR_OK);
	cr_assert_eq(bundle_dir_replace_signed(dir, "root.2", &s, 0600), ERR_OK);
	cr_assert_eq(bundle_dir_load_signed(dir, "root.2", 5, &back, NULL), ERR_OK);
	cr_assert_eq(back.doc.len, 5u);
	cr_assert_arr_eq(back.doc.data, "three", 5);
	cr_assert_eq(back.n_sigs, 1u);
	bundle_signed_fini(&back);
	cr_assert_eq(bundle_dir_load_signed(dir, "root.2", 4, &back, NULL), ERR_LIMIT);
	bundle_signed_fini(&back);
	bundle_signed_fini(&s);
}

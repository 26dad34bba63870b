/*
 * sink: see sink.h. `lock` guards the fields that both threads use; digests and the reading buffer
 * belong to the follower until it has stopped.
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>

#include "sink.h"

/* The follower is woken for this much, not for each piece: a wake-up costs as much as the piece. */
enum { READ_PIECE = 256 * 1024, FOLLOW_BYTES = 1024 * 1024 };

struct sink {
	int fd;
	uint64_t base;
	uint64_t mark_bytes;
	bool want[2]; /* MD5, SHA-256 */
	size_t used;  /* of `piece` */
	uint8_t piece[SINK_PIECE];

	pthread_t follower;
	bool running;
	pthread_mutex_t lock;
	pthread_cond_t more; /* written, epoch, finish or stop changed */
	pthread_cond_t idle; /* follower has caught up, failed or begun anew */
	uint64_t written, durable, hashed;
	unsigned epoch; /* counts restarts */
	unsigned hashed_epoch;
	bool hurry; /* somebody waits for the digests */
	bool stop;
	enum err failed;

	EVP_MD_CTX *digest[2];
	uint8_t *ahead; /* READ_PIECE */
};

static enum err
errno_to_err(void)
{
	if (errno == ENOSPC || errno == EDQUOT || errno == EFBIG)
		return ERR_FULL;
	return errno == ENOMEM ? ERR_NOMEM : ERR_SYSTEM;
}

static enum err
begin_digests(struct sink *s)
{
	const EVP_MD *kind[2] = {EVP_md5(), EVP_sha256()};

	for (int i = 0; i < 2; i++)
		if (s->want[i] && EVP_DigestInit_ex(s->digest[i], kind[i], NULL) != 1)
			return ERR_SYSTEM;
	return ERR_OK;
}

/* Follower: hash up to READ_PIECE bytes at `at`; *n is how many. No lock held. */
static enum err
hash_piece(struct sink *s, uint64_t at, uint64_t end, size_t *n)
{
	size_t want = end - at < READ_PIECE ? (size_t)(end - at) : READ_PIECE;
	ssize_t got = 0;

	*n = want;
	if (!s->want[0] && !s->want[1])
		return ERR_OK;
	got = pread(s->fd, s->ahead, want, (off_t)(s->base + at));
	if (got <= 0)
		return got < 0 && errno == EINTR ? ERR_AGAIN : ERR_SYSTEM;
	*n = (size_t)got;
	for (int i = 0; i < 2; i++)
		if (s->want[i] && EVP_DigestUpdate(s->digest[i], s->ahead, *n) != 1)
			return ERR_SYSTEM;
	return ERR_OK;
}

/* Follower, lock held; gives it up while it works. One piece, or one restart. */
static void
follow(struct sink *s)
{
	uint64_t at = s->hashed, end = s->written;
	unsigned epoch = s->epoch;
	bool anew = s->hashed_epoch != epoch;
	bool mark = s->mark_bytes && end >= s->durable + s->mark_bytes;
	size_t n = 0;
	enum err e = ERR_OK;

	pthread_mutex_unlock(&s->lock);
	if (anew)
		e = begin_digests(s);
	else
		e = hash_piece(s, at, end, &n);
	if (e == ERR_OK && n) /* on its way, so that a mark has less to wait for; may fail */
		(void)sync_file_range(
		    s->fd, (off64_t)(s->base + at), (off64_t)n, SYNC_FILE_RANGE_WRITE);
	if (e == ERR_OK && mark && fdatasync(s->fd) < 0)
		e = errno_to_err();
	pthread_mutex_lock(&s->lock);
	if (e != ERR_OK && e != ERR_AGAIN)
		s->failed = s->epoch == epoch ? e : s->failed;
	if (anew && e == ERR_OK) {
		s->hashed_epoch = epoch;
		s->hashed = 0;
	} else if (e == ERR_OK) {
		s->hashed += n;
	}
	if (s->epoch == epoch && e == ERR_OK && mark && end > s->durable)
		s->durable = end;
	pthread_cond_broadcast(&s->idle);
}

/* Lock held. */
static bool
is_worth_waking(const struct sink *s)
{
	if (s->failed != ERR_OK || s->hashed_epoch != s->epoch)
		return s->failed == ERR_OK;
	if (s->hashed >= s->written)
		return false;
	return s->hurry || s->written - s->hashed >= FOLLOW_BYTES ||
	       (s->mark_bytes && s->written >= s->durable + s->mark_bytes);
}

static void *
follower_main(void *arg)
{
	struct sink *s = arg;

	pthread_mutex_lock(&s->lock);
	while (!s->stop) {
		if (!is_worth_waking(s))
			pthread_cond_wait(&s->more, &s->lock);
		else
			follow(s);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

static enum err
prepare_file(const struct sink_setup *setup)
{
	uint64_t end = setup->base + setup->offset;
	struct stat st;

	if (fstat(setup->fd, &st) < 0)
		return errno_to_err();
	if (!S_ISREG(st.st_mode))
		return ERR_INVALID;
	if ((uint64_t)st.st_size < end)
		return ERR_LIMIT;
	if ((uint64_t)st.st_size > end && ftruncate(setup->fd, (off_t)end) < 0)
		return errno_to_err();
	return end && fdatasync(setup->fd) < 0 ? errno_to_err() : ERR_OK;
}

enum err
sink_new(const struct sink_setup *setup, struct sink **out)
{
	AUTO(sink) struct sink *s = calloc(1, sizeof(*s));
	enum err e = prepare_file(setup);

	if (!s || e != ERR_OK)
		return s ? e : ERR_NOMEM;
	s->fd = setup->fd;
	s->base = setup->base;
	s->mark_bytes = setup->mark_bytes;
	s->want[0] = setup->md5;
	s->want[1] = setup->sha256;
	s->written = setup->offset;
	s->durable = setup->offset;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->more, NULL);
	pthread_cond_init(&s->idle, NULL);
	s->ahead = malloc(READ_PIECE);
	s->digest[0] = EVP_MD_CTX_new();
	s->digest[1] = EVP_MD_CTX_new();
	if (!s->ahead || !s->digest[0] || !s->digest[1])
		return ERR_NOMEM;
	e = begin_digests(s);
	if (e != ERR_OK)
		return e;
	if (pthread_create(&s->follower, NULL, follower_main, s) != 0)
		return ERR_SYSTEM;
	s->running = true;
	*out = HAND_OVER(s);
	return ERR_OK;
}

void
sink_free(struct sink *s)
{
	if (!s)
		return;
	if (s->running) {
		pthread_mutex_lock(&s->lock);
		s->stop = true;
		pthread_cond_signal(&s->more);
		pthread_mutex_unlock(&s->lock);
		pthread_join(s->follower, NULL);
		pthread_cond_destroy(&s->idle);
		pthread_cond_destroy(&s->more);
		pthread_mutex_destroy(&s->lock);
	}
	EVP_MD_CTX_free(s->digest[0]);
	EVP_MD_CTX_free(s->digest[1]);
	free(s->ahead);
	free(s);
}

enum err
sink_flush(struct sink *s)
{
	size_t done = 0;
	enum err e = ERR_OK;

	while (done < s->used && e == ERR_OK) {
		ssize_t n = pwrite(s->fd, s->piece + done, s->used - done,
		    (off_t)(s->base + s->written + done));
		if (n > 0)
			done += (size_t)n;
		else if (n == 0 || errno != EINTR)
			e = n == 0 ? ERR_FULL : errno_to_err();
	}
	memmove(s->piece, s->piece + done, s->used - done);
	s->used -= done;
	pthread_mutex_lock(&s->lock);
	s->written += done;
	if (e == ERR_OK)
		e = s->failed;
	if (is_worth_waking(s))
		pthread_cond_signal(&s->more);
	pthread_mutex_unlock(&s->lock);
	return e;
}

enum err
sink_put(struct sink *s, const void *data, size_t len)
{
	const uint8_t *from = data;

	while (len > 0) {
		size_t n = len < SINK_PIECE - s->used ? len : SINK_PIECE - s->used;

		memcpy(s->piece + s->used, from, n);
		s->used += n;
		from += n;
		len -= n;
		if (s->used < SINK_PIECE)
			continue;
		enum err e = sink_flush(s);
		if (e != ERR_OK)
			return e;
	}
	return ERR_OK;
}

enum err
sink_restart(struct sink *s)
{
	s->used = 0;
	pthread_mutex_lock(&s->lock);
	s->epoch++;
	s->written = 0;
	s->durable = 0;
	/* the follower must not read while the file shrinks: a short read would look like damage */
	while (s->hashed_epoch != s->epoch && s->failed == ERR_OK) {
		pthread_cond_signal(&s->more);
		pthread_cond_wait(&s->idle, &s->lock);
	}
	enum err e = s->failed;
	pthread_mutex_unlock(&s->lock);
	if (e == ERR_OK && ftruncate(s->fd, (off_t)s->base) < 0)
		e = errno_to_err();
	return e;
}

enum err
sink_settle(struct sink *s)
{
	enum err e = sink_flush(s);

	if (e == ERR_OK && fdatasync(s->fd) < 0)
		e = errno_to_err();
	if (e != ERR_OK)
		return e;
	pthread_mutex_lock(&s->lock);
	s->durable = s->written;
	pthread_mutex_unlock(&s->lock);
	return ERR_OK;
}

enum err
sink_finish(struct sink *s, uint8_t md5[16], uint8_t sha256[32])
{
	uint8_t *to[2] = {md5, sha256};

	pthread_mutex_lock(&s->lock);
	s->hurry = true;
	pthread_mutex_unlock(&s->lock);
	enum err e = sink_settle(s);

	memset(md5, 0, 16);
	memset(sha256, 0, 32);
	if (e != ERR_OK)
		return e;
	pthread_mutex_lock(&s->lock);
	while (s->failed == ERR_OK && (s->hashed_epoch != s->epoch || s->hashed < s->written)) {
		pthread_cond_signal(&s->more);
		pthread_cond_wait(&s->idle, &s->lock);
	}
	e = s->failed;
	pthread_mutex_unlock(&s->lock);
	for (int i = 0; i < 2 && e == ERR_OK; i++)
		if (s->want[i] && EVP_DigestFinal_ex(s->digest[i], to[i], NULL) != 1)
			e = ERR_SYSTEM;
	return e;
}

uint64_t
sink_size(const struct sink *s)
{
	return s->written + s->used;
}

uint64_t
sink_written(const struct sink *s)
{
	return s->written;
}

uint64_t
sink_durable(struct sink *s)
{
	pthread_mutex_lock(&s->lock);
	uint64_t durable = s->durable;
	pthread_mutex_unlock(&s->lock);
	return durable;
}

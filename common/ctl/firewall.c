/*
 * firewall: see firewall.h.
 *
 * The kernel is asked by nftables' own netlink messages (linux/netfilter/nf_tables.h), two of them:
 * is there such a table, is there such a chain. Running nft and reading what it prints was the
 * other way: a tool that only looks would start programs.
 */
#include "firewall.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "link.h"
#include "move.h"
#include "ports.h"

/* --- rules ------------------------------------------------------------------------------------ */

enum { INET = 1, REPLY_SIZE = 4096 }; /* NFPROTO_INET; its header clashes with netinet/in.h */

static void
end_chain(FILE *f)
{
	fprintf(f, "\t\tgoto nowhere\n\t}\n");
}

static void
begin_chain(FILE *f, const char *name)
{
	fprintf(f, "\tchain %s {\n", name);
}

/* The server, the places that a move may lead to, name servers. */
static void
print_cloudd(FILE *f, const struct cloud_settings *s)
{
	char host[DIALECT_HOST_MAX + 1];
	uint16_t port = 0;

	begin_chain(f, "cloudd");
	fprintf(f, "\t\ttcp dport { 53, %u", (unsigned)s->identity.port);
	for (const char *p = s->identity.move_to[0] ? s->identity.move_to : NULL; p;)
		if (move_next(&p, host, &port) == ERR_OK)
			fprintf(f, ", %u", (unsigned)port);
	fprintf(f, " } accept\n\t\tudp dport 53 accept\n");
	end_chain(f);
}

static void
print_couriers(FILE *f, const struct settings *s)
{
	struct ports ports;

	begin_chain(f, "couriers");
	if (ports_parse(s->package_ports, s->allow_http, &ports, NULL) == ERR_OK && ports.any) {
		fprintf(f, "\t\tmeta l4proto tcp accept\n");
	} else {
		fprintf(f, "\t\ttcp dport { 53");
		for (size_t i = 0; i < ports.n; i++)
			fprintf(f, ", %u", (unsigned)ports.list[i]);
		fprintf(f, " } accept\n");
	}
	fprintf(f, "\t\tudp dport 53 accept\n");
	end_chain(f);
}

/* The addresses of its network links, one by one. */
static void
print_flashd(FILE *f, const struct flash_settings *s)
{
	begin_chain(f, "flashd");
	for (size_t i = 0; i < s->n_devices; i++) {
		struct link_place p;
		char host[INET6_ADDRSTRLEN] = "", kind[8];
		unsigned port = 0;

		if (link_parse(s->devices[i].port, &p, NULL) != ERR_OK || !link_is_network(&p))
			continue;
		bool six = p.to.ss_family == AF_INET6;
		const struct sockaddr_in *four = (const struct sockaddr_in *)&p.to;
		const struct sockaddr_in6 *at = (const struct sockaddr_in6 *)&p.to;
		const void *address = six ? (const void *)&at->sin6_addr : &four->sin_addr;

		port = ntohs(six ? at->sin6_port : four->sin_port);
		snprintf(kind, sizeof(kind), "%.3s", s->devices[i].port); /* "tcp:", "udp:" */
		inet_ntop(p.to.ss_family, address, host, sizeof(host));
		fprintf(f, "\t\t%s daddr %s %s dport %u accept\n", six ? "ip6" : "ip", host, kind,
		    port);
	}
	end_chain(f);
}

/* Users that several processes share are held to what the first of them may. */
static void
print_jumps(FILE *f, const struct daemon_common *c)
{
	const struct {
		uint32_t uid;
		const char *chain;
	} rows[] = {{c->cloud_uid, "jump cloudd"}, {c->courier_uid, "jump couriers"},
	    {c->flash_uid, "jump flashd"}, {c->fetch_uid, "goto nowhere"},
	    {c->session_uid, "goto nowhere"}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool seen = false;

		for (size_t k = 0; k < i; k++)
			seen = seen || rows[k].uid == rows[i].uid;
		if (!seen)
			fprintf(f, "\t\tmeta skuid %u %s\n", (unsigned)rows[i].uid, rows[i].chain);
	}
}

static char *
body(const struct firewall_of *of)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		return NULL;
	begin_chain(f, "nowhere");
	fprintf(f, "\t\tmeta l4proto tcp reject with tcp reset\n\t\treject\n\t}\n");
	print_cloudd(f, of->cloud);
	print_couriers(f, of->fetch);
	print_flashd(f, of->flash);
	begin_chain(f, "output");
	fprintf(f, "\t\ttype filter hook output priority 0; policy accept;\n");
	print_jumps(f, &of->cloud->common);
	fprintf(f, "\t}\n}\n");
	bool fine = ferror(f) == 0;
	if (fclose(f) == 0 && fine)
		return text;
	free(text);
	return NULL;
}

/* FNV-1a: to tell one configuration from another, not to withstand anybody. */
static uint64_t
digest(const char *text)
{
	uint64_t d = UINT64_C(14695981039346656037);

	for (; *text; text++)
		d = (d ^ (unsigned char)*text) * UINT64_C(1099511628211);
	return d;
}

char *
firewall_rules(const struct firewall_of *of, char mark[FIREWALL_MARK])
{
	AUTO(mem) char *chains = body(of);
	char *all = NULL;

	if (!chains)
		return NULL;
	snprintf(mark, FIREWALL_MARK, "of_%016llx", (unsigned long long)digest(chains));
	int n = asprintf(&all,
	    "table inet " FIREWALL_TABLE "\ndelete table inet " FIREWALL_TABLE
	    "\ntable inet " FIREWALL_TABLE " {\n\tchain %s {\n\t}\n%s",
	    mark, chains);
	return n < 0 ? NULL : all;
}

/* --- what the kernel says --------------------------------------------------------------------- */

struct question {
	struct nlmsghdr head;
	struct nfgenmsg about;
	char attributes[64];
};

static void
put_name(struct question *q, uint16_t type, const char *name)
{
	struct nlattr a = {(uint16_t)(sizeof(a) + strlen(name) + 1), type};
	char *to = (char *)q + q->head.nlmsg_len;

	memcpy(to, &a, sizeof(a));
	memcpy(to + sizeof(a), name, strlen(name) + 1);
	q->head.nlmsg_len += NLA_ALIGN(a.nla_len);
}

/* 0: it is there; else the kernel's errno. */
static int
ask_kernel(uint16_t what, const char *chain)
{
	struct question q = {.head = {.nlmsg_len = NLMSG_LENGTH(sizeof(q.about)),
				 .nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | what),
				 .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK},
	    .about = {.nfgen_family = INET, .version = NFNETLINK_V0}};
	AUTO(fd) int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	union {
		struct nlmsghdr head;
		char room[REPLY_SIZE];
	} reply;

	put_name(
	    &q, chain ? (uint16_t)NFTA_CHAIN_TABLE : (uint16_t)NFTA_TABLE_NAME, FIREWALL_TABLE);
	if (chain)
		put_name(&q, NFTA_CHAIN_NAME, chain);
	if (fd < 0 || send(fd, &q, q.head.nlmsg_len, 0) < 0)
		return errno;
	ssize_t n = recv(fd, &reply, sizeof(reply), 0);
	if (n < (ssize_t)sizeof(reply.head))
		return n < 0 ? errno : EIO;
	if (reply.head.nlmsg_type != NLMSG_ERROR)
		return 0;
	const struct nlmsgerr *e = NLMSG_DATA(&reply.head);
	return -e->error;
}

enum firewall_state
firewall_look(const char *mark)
{
	int e = ask_kernel(NFT_MSG_GETTABLE, NULL);

	if (e == EPERM || e == EACCES)
		return FIREWALL_HIDDEN;
	if (e == ENOENT)
		return FIREWALL_OFF;
	if (e != 0)
		return FIREWALL_ABSENT;
	return !mark || ask_kernel(NFT_MSG_GETCHAIN, mark) == 0 ? FIREWALL_ACTIVE : FIREWALL_OTHER;
}

const char *
firewall_text(enum firewall_state s)
{
	/* clang-format off */
	static const char *const words[] = {
		[FIREWALL_HIDDEN] = "whether it is active shows with CAP_NET_ADMIN only: ask as root",
		[FIREWALL_ABSENT] = "NOT active: this kernel has no nf_tables",
		[FIREWALL_OFF] = "NOT active: nftables has no table inet " FIREWALL_TABLE,
		[FIREWALL_OTHER] = "active, with the rules of another configuration",
		[FIREWALL_ACTIVE] = "active (nftables, table inet " FIREWALL_TABLE ")",
	};
	/* clang-format on */

	return words[s];
}

/* Why a login would fail right now, what else there is to know of an account, and what to tell its
   customer: account_explain() finds, as a pure function, explain_reasons says. */
#pragma once

#include "account.h"

/* What a finding means for a login with the right password, and code where one is needed. */
enum explain_effect {
    EXPLAIN_REFUSED,  /* it fails */
    EXPLAIN_WAITING,  /* it fails until then */
    EXPLAIN_HINDERED, /* it would work, but the customer can't have what it takes, or not yet */
    EXPLAIN_TOLD,     /* good to know */
    EXPLAIN_EFFECTS,
};

enum explain_reason {
    EXPLAIN_DIRECTORY,       /* can't be asked */
    EXPLAIN_QUEUE,           /* can't be asked: what was sent isn't known */
    EXPLAIN_UNKNOWN,         /* no such entry */
    EXPLAIN_ATTEMPTED,       /* … but somebody tried to register */
    EXPLAIN_SEVERAL,         /* two entries with one address */
    EXPLAIN_OTHER_ENTRY,     /* the address leads to another entry */
    EXPLAIN_OTHER_ADDRESS,   /* the account's address is another one */
    EXPLAIN_MALFORMED,       /* the login can't understand the entry */
    EXPLAIN_MALFORMED_ELSE,  /* others can't */
    EXPLAIN_PROVISIONED,     /* never registered */
    EXPLAIN_LINK_RUNNING,    /* pending: the link is there to be pressed */
    EXPLAIN_LINK_WAITING,    /* … its mail isn't accepted by the relay yet */
    EXPLAIN_LINK_BOUNCED,    /* … came back */
    EXPLAIN_LINK_FAILED,     /* … was given up */
    EXPLAIN_LINK_EXPIRED,    /* … ended */
    EXPLAIN_LINK_NEVER,      /* … there is none */
    EXPLAIN_MAIL_MISSING,    /* nobody can log in without an address */
    EXPLAIN_MAIL_UNFIT,      /* what is in mail can't be typed as a login name */
    EXPLAIN_SLAPD_LOCKED,    /* by its own policy */
    EXPLAIN_LETTER_QUEUED,   /* initial: not printed yet */
    EXPLAIN_LETTER_HELD,     /* … since the postal address has changed */
    EXPLAIN_LETTER_PRINTED,  /* … not posted yet */
    EXPLAIN_LETTER_POSTED,   /* … on its way */
    EXPLAIN_LETTER_DUE,      /* … should have arrived */
    EXPLAIN_LETTER_UNSURE,   /* … nobody knows whether it was printed */
    EXPLAIN_LETTER_RETURNED, /* … came back: what it carries is void */
    EXPLAIN_LETTER_MISSING,  /* … there is none */
    EXPLAIN_INITIAL,         /* the initial password works */
    EXPLAIN_EXPIRED,         /* … no longer */
    EXPLAIN_PERSONAL,        /* a personal password works */
    EXPLAIN_LOCKED,
    EXPLAIN_CLOSED,
    EXPLAIN_CLIENT_FULL,      /* too many failing names from the client that was asked about */
    EXPLAIN_PASSWORD_WAITING, /* throttled */
    EXPLAIN_PASSWORD_BLOCKED,
    EXPLAIN_CODE_WAITING, /* TOTP's */
    EXPLAIN_CODE_BLOCKED,
    EXPLAIN_PUK_WAITING,
    EXPLAIN_PUK_BLOCKED,
    EXPLAIN_FAILURES,        /* some, that don't count yet */
    EXPLAIN_TOTP,            /* a code is needed, too */
    EXPLAIN_TOTP_UNREADABLE, /* its secret can't be opened */
    EXPLAIN_MAILED_CODE,     /* for a forgotten password */
    EXPLAIN_MAILED_WAITING,
    EXPLAIN_PUK,      /* active: it can replace a forgotten password */
    EXPLAIN_PUK_SENT, /* … and its letter is on its way */
    EXPLAIN_PUK_MISSING,
    EXPLAIN_PUK_RETURNED, /* active: the letter with the PUK came back */
    EXPLAIN_BOUNCING,     /* the last mail to the customer came back or was given up */
    EXPLAIN_KNOWN_CLIENT, /* the counters are this client's own */
    EXPLAIN_REASONS,
};

/* What the sentence names. */
enum explain_names {
    EXPLAIN_NAMES_NOTHING,
    EXPLAIN_NAMES_DAY,
    EXPLAIN_NAMES_TIME,
    EXPLAIN_NAMES_END, /* a time, said in whole minutes and never too early: they'll try again */
};

/* explain-reasons.c */
struct explain_rule {
    const char *word; /* for programs */
    enum explain_effect effect;
    enum explain_names names;
    const char *what; /* for support, in English */
    const char *say;  /* to be read out; N_() */
    const char *wish; /* the verb that helps, or NULL */
    const char *help; /* what else helps, or NULL */
};
extern const struct explain_rule explain_rules[EXPLAIN_REASONS];
const char *explain_effect_word(enum explain_effect effect);

#define EXPLAIN_DETAIL_SIZE   512
#define EXPLAIN_DEADLINES_MAX 40

struct explain_finding {
    enum explain_reason reason;
    time_t when;                      /* that it names, or since or until; 0: none */
    unsigned count;                   /* of failures or attempts */
    char detail[EXPLAIN_DETAIL_SIZE]; /* never a secret */
};

struct explain_deadline {
    const char *what; /* "link", "initial-password", … */
    time_t when;
    char detail[EXPLAIN_DETAIL_SIZE];
};

/* What was looked up. All pointers are the caller's. */
struct explain_facts {
    int error;                 /* 0; directory_find()'s for whom was asked */
    const char *name;          /* the login name, folded; "": there is none to log in with */
    bool asked_by_name;        /* WHO was that name; else it is the entry's mail */
    int login_error;           /* the same for a login with name */
    const struct entry *login; /* the entry that such a login gets, as it sees it; or NULL */
    bool client_known;         /* the client that was asked about has counters of its own */
    time_t client_full;        /* it has too many failing names until then; 0: not */
    struct entry_failures failures[FACTORS]; /* that count for this login */
    bool totp_unreadable;
    char totp_why[EXPLAIN_DETAIL_SIZE];
    bool queue_unknown;     /* it can't be asked */
    const struct job *jobs; /* of the entry, or else to the address: mails and letters, by id */
    size_t job_count;
    unsigned attempts; /* to register with the policy number that was asked for, or the entry's */
    time_t attempted;  /* the last one … */
    const char *attempt_note; /* … and what came of it; or NULL */
};

struct explanation {
    enum wire_verdict login;   /* of the right password, and code where one is needed */
    enum wire_verdict account; /* of acct_mgmt */
    bool code;                 /* a code is needed */
    struct explain_finding findings[EXPLAIN_REASONS];
    size_t count;
    struct explain_deadline deadlines[EXPLAIN_DEADLINES_MAX];
    size_t deadline_count;
};
/* entry: NULL for none. Findings that stop a login come first, each reason at most once. */
void account_explain(const struct account_rules *rules, const struct entry *entry,
                     const struct explain_facts *facts, time_t now, struct explanation *ret);

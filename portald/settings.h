/* portald.conf: every setting, with its default and limits, is a row of the table in settings.c. */
#pragma once

#include "account.h"
#include "conf.h"

struct settings {
    /* [portal] */
    char *company, *support, *base_url, *zone;
    int language;
    char *locale_dir;
    /* [consent] */
    char *privacy_version, *privacy_file, *terms_version, *terms_file;
    /* [directory] */
    char *uri, *base, *bind_dn, *bind_password_file, *decoy_dn, *admins, *ca_file, *cert_file,
        *key_file;
    int starttls;
    bool ppolicy;
    long directory_timeout;
    /* [keys] */
    char *master_key, *totp_keys, *station_key;
    /* [queue] */
    char *queue_file;
    long queue_limit, queue_keep;
    /* [mail] */
    char *sender, *sender_name, *bounce_address, *message_domain, *templates;
    char *mailer_socket, *mailer_program, *mailer_config;
    long couriers, mail_batch, mail_deadline;
    struct conf_spans mail_retry;
    /* [server] */
    char *socket_dir, *state_dir;
    long workers, connections, hashes, request_timeout;
    /* [limits] */
    long names_per_client, registrations_per_client, registrations_per_policy;
    long mails_per_address, confirmations_per_entry, unblocks_per_entry;
    /* [rules] */
    struct account_rules rules;
    long session_life; /* of a session of the web, whatever happens in it */
    /* [passwords] */
    char *common_words, *words;
};

/* Languages by number, as [portal] language has them. */
#define LANGUAGE_DE 0
#define LANGUAGE_EN 1

/* Reads file and its drop-ins; every problem is logged. Returns 0 or a negative errno. */
int settings_load(const char *file, struct settings **ret);
struct settings *settings_free(struct settings *settings);

/* What a customer typed when registering, as it lies in the queue until it is matched. */
#pragma once

#include "address.h"
#include "calendar.h"
#include "policy.h"

#include <stddef.h>
#include <stdint.h>

struct registration {
    char policy[POLICY_NUMBER_SIZE]; /* canonical */
    char birth_date[CALENDAR_DAY_SIZE];
    char address[MAIL_ADDRESS_SIZE]; /* canonical */
    char language[3];                /* of the page */
};

/* To and from the payload of a JOB_REGISTRATION. */
int registration_write(const struct registration *registration, uint8_t **ret, size_t *ret_size);
int registration_read(const uint8_t *payload, size_t size, struct registration *ret);

/* Policy numbers; policy_number_read() is the way in. */
#include "config.h"

#include "policy.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

int policy_number_read(const char *typed, char ret[static POLICY_NUMBER_SIZE])
{
    char canonical[POLICY_NUMBER_SIZE];
    size_t length = 0;

    for (const char *p = typed; *p; p++) {
        char c = *p;
        if (strchr(" .-/\t", c))
            continue;
        if (c >= 'a' && c <= 'z')
            c = (char)(c - 'a' + 'A');
        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')) || length + 1 == sizeof canonical)
            return -EINVAL;
        canonical[length++] = c;
    }
    if (length == 0)
        return -EINVAL;
    canonical[length] = 0;
    memcpy(ret, canonical, length + 1);
    return 0;
}

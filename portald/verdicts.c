/* The texts that go with verdicts; text_verdict() is the way in. */
#include "config.h"

#include "verdicts.h"

#include "texts.h"

#include "cleanup.h"

static const struct {
    enum wire_verdict verdict;
    const char *original;
} verdicts[] = {
    {WIRE_WRONG, N_("The e-mail address or the password is not right.")},
    {WIRE_TYPING_ERROR,
     N_("There is a typing error in the code. Please compare it with your letter, character by "
        "character, and try again. This attempt does not count.")},
    {WIRE_EXPIRED, N_("Your initial password was right, but it is no longer valid. Please have a "
                      "new letter sent to you: on our website, or by our customer service.")},
    {WIRE_NEW_PASSWORD, N_("Please choose a personal password now.")},
    {WIRE_LOCKED, N_("Your account is locked. Please contact our customer service.")},
    {WIRE_CLOSED, N_("Your account has been closed, because the contract has ended. If you have "
                     "questions, please "
                     "contact our customer service.")},
    {WIRE_BUSY,
     N_("Very many people are using this service right now. Please try again in a minute.")},
    {WIRE_UNAVAILABLE,
     N_("This service is not available at the moment. Please try again in a few minutes. Nothing "
        "has been lost.")},
    {WIRE_GRANT_OVER,
     N_("Too much time has passed. Please log in again and then choose your password.")},
};

const char *text_verdict(const char *language, enum wire_verdict verdict)
{
    for (size_t i = 0; i < ELEMENTS(verdicts); i++)
        if (verdicts[i].verdict == verdict)
            return text(language, verdicts[i].original);
    return "";
}

/* A table of texts, German and English. No gettext here: the application's locale and domains are
   its own affair. Way in: text_get(). */
#include "config.h"

#include "texts.h"

static const char *const texts[TEXTS][2] = {
    [TEXT_ASK_USER] = {"E-Mail-Adresse: ", "E-mail address: "},
    [TEXT_ASK_PASSWORD] = {"Passwort: ", "Password: "},
    [TEXT_ASK_CURRENT] = {"Aktuelles Passwort: ", "Current password: "},
    [TEXT_ASK_NEW] = {"Neues Passwort: ", "New password: "},
    [TEXT_ASK_AGAIN] = {"Neues Passwort wiederholen: ", "New password again: "},
    [TEXT_WRONG] =
        {
            "Die E-Mail-Adresse oder das Passwort stimmt nicht.",
            "The e-mail address or the password is not right.",
        },
    [TEXT_CHANGE_NOW] =
        {
            "Bitte wählen Sie jetzt Ihr persönliches Passwort.",
            "Please choose your personal password now.",
        },
    [TEXT_CHANGE_FIRST] =
        {
            "Bitte melden Sie sich zuerst im Kundenportal an und wählen Sie dort Ihr persönliches "
            "Passwort. Danach können Sie sich auch hier anmelden.",
            "Please log in to the customer portal first and choose your personal password there. "
            "After that you can log in here, too.",
        },
    [TEXT_NONE] =
        {
            "Sie haben kein neues Passwort eingegeben. Es wurde nichts geändert; bitte versuchen "
            "Sie es noch einmal.",
            "You did not enter a new password. Nothing was changed; please try again.",
        },
    [TEXT_UNFIT] =
        {
            "Dieses Passwort ist zu lang oder enthält unlesbare Zeichen. Es wurde nichts geändert; "
            "bitte wählen Sie ein anderes.",
            "This password is too long or has characters that cannot be read. Nothing was changed; "
            "please choose another one.",
        },
    [TEXT_MISMATCH] =
        {
            "Die beiden neuen Passwörter sind verschieden. Es wurde nichts geändert; bitte "
            "versuchen Sie es noch einmal.",
            "The two new passwords differ. Nothing was changed; please try again.",
        },
    [TEXT_UNAVAILABLE] =
        {
            "Das ist im Moment leider nicht möglich. Bitte versuchen Sie es in einigen Minuten "
            "noch einmal.",
            "Sorry, this is not possible at the moment. Please try again in a few minutes.",
        },
};

const char *text_get(enum text text, enum options_language language)
{
    return texts[text][language];
}

/* A table of texts, German and English. No gettext here: the application's locale and domains are
   its own affair. Way in: text_get(). */
#include "config.h"

#include "texts.h"

static const char *const texts[TEXTS][2] = {
    [TEXT_ASK_USER] = {"E-Mail-Adresse: ", "E-mail address: "},
    [TEXT_ASK_PASSWORD] = {"Passwort: ", "Password: "},
    [TEXT_ASK_COMBINED] = {"Passwort, dahinter der Code (falls eingerichtet): ",
                           "Password, followed by the code (if set up): "},
    [TEXT_ASK_CODE] = {"Code: ", "Code: "},
    [TEXT_ASK_CODE_OR_NOT] = {"Code (leer lassen, wenn keiner eingerichtet ist): ",
                              "Code (leave empty if none is set up): "},
    [TEXT_ASK_FIRST_CODE] = {"Code aus der App: ", "Code from the app: "},
    [TEXT_ASK_MAILED_CODE] = {"Code aus der E-Mail: ", "Code from the e-mail: "},
    [TEXT_ASK_PUK] = {"PUK: ", "PUK: "},
    [TEXT_ASK_CURRENT] = {"Aktuelles Passwort: ", "Current password: "},
    [TEXT_ASK_NEW] = {"Neues Passwort: ", "New password: "},
    [TEXT_ASK_AGAIN] = {"Neues Passwort wiederholen: ", "New password again: "},
    [TEXT_WRONG] =
        {
            "Die E-Mail-Adresse oder das Passwort stimmt nicht.",
            "The e-mail address or the password is not right.",
        },
    [TEXT_WRONG_CODE] =
        {
            "Der Code stimmt nicht. Bitte geben Sie die 6 Ziffern ein, die Ihre App gerade zeigt.",
            "The code is not right. Please enter the 6 digits that your app shows now.",
        },
    [TEXT_WRONG_RECOVERY] =
        {
            "Der Code aus der E-Mail oder die PUK stimmt nicht. Bitte geben Sie beides ein.",
            "The code from the e-mail or the PUK is not right. Please enter both.",
        },
    [TEXT_CODE_HELP] =
        {
            "Bitte geben Sie die 6 Ziffern ein, die Ihre App gerade zeigt. Telefon verloren? Dann "
            "stattdessen die PUK aus Ihrem Brief.",
            "Please enter the 6 digits that your app shows now. Lost your phone? Then enter the "
            "PUK from your letter instead.",
        },
    [TEXT_CODE_STILL] =
        {
            "Bitte geben Sie noch die 6 Ziffern ein, die Ihre App gerade zeigt. Telefon auch "
            "verloren? Dann hilft Ihnen unser Kundenservice, oder Sie warten auf die neue PUK.",
            "Please also enter the 6 digits that your app shows now. Lost your phone, too? Then "
            "ask our customer service, or wait for the new PUK.",
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
    [TEXT_PASSWORD_SET] =
        {
            "Ihr neues Passwort gilt trotzdem schon.",
            "Your new password is in force nevertheless.",
        },
    [TEXT_ENROLL_SKIP] =
        {
            "Lieber später? Dann lassen Sie den Code einfach leer.",
            "Not now? Then just leave the code empty.",
        },
    [TEXT_ENROLL_LATER] =
        {
            "Die App ist nicht eingerichtet. Das können Sie bei Ihrer nächsten Anmeldung "
            "nachholen.",
            "The app is not set up. You can do that the next time you log in.",
        },
    [TEXT_ENROLL_REQUIRED] =
        {
            "Die App ist nicht eingerichtet, und ohne sie ist die Anmeldung hier nicht möglich. "
            "Bitte melden Sie sich dazu noch einmal an.",
            "The app is not set up, and without it you cannot log in here. Please log in again to "
            "set it up.",
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
